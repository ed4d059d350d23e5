"""The peak of memory while a large matrix is made, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import sentio
from benchmarks.measure import Figure
from benchmarks.work import bars_for

__all__ = ["peak"]

_STATUS = Path("/proc/self/status")
_MB = 1 << 20


def peak(rows: int, runs: int) -> Iterator[Figure]:
    """Megabytes beyond the bars and the output, while `classic` is computed."""
    words = [sys.executable, "-m", "benchmarks.memory", str(rows)]
    found = []
    for _ in range(runs):
        done = subprocess.run(
            words, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1]
        )
        found.append(float(done.stdout))
    text = "classic, peak memory beyond bars and output, MB"
    yield Figure(text, sorted(found)[runs // 2], min(found), max(found), runs, "<= 16")


def _resident(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[key].split()[0]) * 1024


def main(rows: int) -> None:
    """Print the megabytes by which the process has grown at most, its output not counted."""
    bars, spec = bars_for(rows), sentio.FeatureSpec.load("classic")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts from here
    before = _resident("VmRSS")
    matrix = sentio.FeatureEngine(spec).compute(bars)
    print((_resident("VmHWM") - before - matrix.nbytes) / _MB)


if __name__ == "__main__":
    main(int(sys.argv[1]))
