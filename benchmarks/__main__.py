"""Takes every figure, prints each as it comes, and writes them as JSON.

Run on an otherwise idle machine. --quick does little work in few pairs: it shows that everything runs, its
figures say nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import alpha158_rows, classic_rows, curves, memory, streaming
from benchmarks.measure import Figure
from benchmarks.report import line_of
from benchmarks.work import bars_for
from sentio.extension import load_extension

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("numpy", "TA-Lib", "polars", "pandas", "ferro-ta", "kand", "numba", "KunQuant")


@dataclass(frozen=True, slots=True)
class Size:
    """How much work a run does."""

    rows: int
    pairs: int
    stream_rows: int
    pandas_rows: int
    kunquant_rows: int
    memory_runs: int
    bars: tuple[int, ...]
    features: tuple[int, ...]
    windows: tuple[int, ...]
    features_rows: int


FULL = Size(
    rows=1_000_000,
    pairs=15,
    stream_rows=200_000,
    pandas_rows=50_000,
    kunquant_rows=200_000,
    memory_runs=3,
    bars=(1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
    features=(10, 20, 55, 110, 200, 500, 1_000, 2_000),
    windows=(10, 100, 1_000, 10_000, 100_000),
    features_rows=50_000,
)
QUICK = Size(
    rows=20_000,
    pairs=2,
    stream_rows=5_000,
    pandas_rows=500,
    kunquant_rows=4_000,
    memory_runs=1,
    bars=(1_000, 10_000),
    features=(10, 100),
    windows=(10, 1_000),
    features_rows=1_000,
)


def groups(size: Size, native: Path) -> dict[str, Callable[[], Iterator[Figure]]]:
    """The rows of the table, in its order; `native`: a build of sentio_bench, for KunQuant's too."""
    bars = bars_for(size.rows)
    few = bars[: streaming.BEFORE + size.stream_rows // 10]
    program, spec = native / "bench" / "sentio_bench", ROOT / "specs" / "features" / "classic.json"
    return {
        "memset": lambda: classic_rows.against_memset(bars, size.pairs),
        "peers": lambda: classic_rows.against_peers(bars, size.pairs),
        "cpp": lambda: streaming.in_cpp(program, spec, size.stream_rows, size.pairs),
        "python": lambda: streaming.from_python(few, size.pairs),
        "kunquant": lambda: alpha158_rows.against_kunquant(
            size.kunquant_rows, size.pairs, native / "kunquant"
        ),
        "alpha158": lambda: alpha158_rows.against_pandas(size.pandas_rows, size.pairs),
        "memory": lambda: memory.peak(size.rows, size.memory_runs),
        "shuffled": lambda: classic_rows.shuffled_columns(bars, size.pairs),
        "threads": lambda: classic_rows.over_threads(size.rows, size.pairs),
    }


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    info = load_extension().build_info()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": names[0] if names else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.1f}",
        "engine": f"{info['version']}, {info['compiler']}, {info['instruction_set']}",
        "python": platform.python_version(),
    }


def keep_memory() -> None:
    """Have malloc keep what is freed, or peers would pay for their columns' memory in every run.

    The engine's matrices are used again; these are M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of glibc.
    """
    malloc = ctypes.CDLL(None)
    for name, value in ((-1, 2**31 - 1), (-2, 0), (-3, 32 << 20)):
        if malloc.mallopt(name, value) != 1:
            raise RuntimeError(f"mallopt({name}, {value}) was refused")


def versions() -> dict[str, str]:
    """The peers that are installed."""
    found = {}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little work, few pairs")
    parser.add_argument("--only", nargs="+", metavar="GROUP", help="these groups of rows, no curves")
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--native", type=Path, default=ROOT / "build" / "bench", help="build of sentio_bench")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    given = groups(size, options.native)
    if unknown := set(options.only or []) - given.keys():
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(given)}")
    if options.only and options.out:
        parser.error("--only takes a part of the figures, --out keeps all of them")
    result = {"size": asdict(size), "machine": machine(), "versions": versions(), "rows": [], "curves": {}}
    keep_memory()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)

    say(f"{size.rows:,} one-minute bars; {', '.join(result['machine'].values())}")
    for name in options.only or given:
        for figure in given[name]():
            result["rows"].append(asdict(figure))
            say(line_of(result["rows"][-1]))
    if options.only:
        return
    taken = {
        "bars": curves.by_bars(size.bars, size.pairs),
        "features": curves.by_features(size.features, size.features_rows, size.pairs),
        "window": curves.by_windows(size.windows, size.features_rows, size.pairs),
    }
    for name, curve in taken.items():
        points = result["curves"][name] = []
        for number, cost in curve:
            points.append((number, cost))
            say(f"{number:,} {name}: {cost:.2f} ns a bar and feature")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        say(f"written: {options.out}")


if __name__ == "__main__":
    main()
