"""sentio_cli reads any number of bars in the same memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
from bundles import make_bundle, make_source, walk

from sentio.bars import Bars
from sentio.cache import build_cache
from sentio.workspace import Workspace

BARS_A_DAY = 280

# A process of its own: a peak counts what the parent held before the program took its place.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps({"code": done.returncode, "out": done.stdout, "err": done.stderr, "peak": peak}))
"""

pytestmark = pytest.mark.slow


def bars_of(count: int) -> Bars:
    return walk(sessions=count // BARS_A_DAY, each=BARS_A_DAY)


def write_csv(path: Path, bars: Bars) -> Path:
    names = ("ts", "open", "high", "low", "close", "volume")
    with path.open("wb") as stream:
        stream.write(",".join(names).encode() + b"\n")
        options = pyarrow.csv.WriteOptions(include_header=False)
        pyarrow.csv.write_csv(pa.table({name: getattr(bars, name) for name in names}), stream, options)
    return path


def traded_in(program: Path, project: Path, bars: Bars, *words: str | Path) -> int:
    """Bytes of memory at most, while every bar is traded."""
    days = len({int(day) for day in bars.ts // (24 * 3600 * 10**9)})
    command = [program, "tpa_test", "QQQ", "--root", project, "--days", str(days), *words]
    measured = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    done = json.loads(measured.stdout)
    assert done["code"] == 0, done["err"]
    assert f"\ntotal       {len(bars):>7}  " in done["out"]
    return int(done["peak"])


@pytest.mark.parametrize("feed", ["csv", "cache"])
def test_ten_times_as_many_bars_need_no_more_memory(tmp_path, sentio_cli, feed):
    peaks = []
    for count in (200_000, 2_000_000):
        source = make_source(1)
        project, bars = tmp_path / str(count), bars_of(count)
        (project / "specs").mkdir(parents=True)
        make_bundle(project / "artifacts", source)
        words: list[str | Path] = []
        if feed == "csv":
            words = ["--csv", write_csv(project / "bars.csv", bars)]
        else:
            build_cache(bars, source.spec, Workspace(project))
        peaks.append(traded_in(sentio_cli, project, bars, *words))
    # Bars kept by anybody would be 48 bytes each, 86 MB; a day's row of the report is 56, and there are 6,400
    # days more.
    assert peaks[1] - peaks[0] < 4_000_000, peaks
