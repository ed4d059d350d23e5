"""The C++ programs beside the tests: fed with bars, and what they said."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bundles import walk

from sentio.bars import Bars

HOSTS = Path(__file__).resolve().parents[1] / "build" / "tests"


def lines_of(bars: Bars) -> str:
    """One bar a line: ts open high low close volume."""
    rows = zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)
    return "".join(f"{ts} {' '.join(map(repr, row))}\n" for ts, row in rows)


def run_host(name: str, *words: str | Path, bars: Bars) -> list[list[str]]:
    """What a program said, in lines of words."""
    done = subprocess.run(
        [HOSTS / name, *words], input=lines_of(bars), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def calls_of_on_bar(bundle: Path, backend: str) -> dict[str, tuple[int, ...]]:
    """How often a bar that gave a prediction allocated, locked and wrote: least, median and most."""
    said = run_host("count_calls", bundle, backend, bars=walk())
    return {what: tuple(map(int, counts)) for what, *counts in said}
