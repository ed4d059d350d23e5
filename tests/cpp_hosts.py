"""The C++ programs beside the tests: fed with bars, and what they said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from bundles import walk

from sentio.bars import Bars
from sentio.bundle import load_bundle

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


def expect_the_same_in_threads(bundle: Path, backend: str) -> None:
    """Four threads, each with a session of the one bundle, give the bits that Python's one thread gives."""
    bars = walk(sessions=3)
    said = run_host("session_threads", bundle, backend, bars=bars)
    expected = load_bundle(bundle, backend=backend).predict(bars)
    assert len(expected.ts) > 100
    assert {thread for thread, _, _ in said} == {"0", "1", "2", "3"}
    for k in range(4):
        own = [words for words in said if words[0] == str(k)]
        assert [int(ts) for _, ts, _ in own] == expected.ts.tolist()
        values = np.array([float(value) for _, _, value in own], np.float32)
        assert values.tobytes() == expected.value.astype(np.float32).tobytes()
