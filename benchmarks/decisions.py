"""From a bar to its decision, the whole path: each backend in C++ over the same path in Python.

python -m benchmarks.decisions --program build/bench/sentio_decision_bench

Bars go one at a time through features, window, model and thresholds; each is timed alone. Python's path is
the engine's streaming step, a window in numpy and the eager module; its decisions are what the backends' are
compared with. Two models on random weights, as in benchmarks.backends.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.backends import make_bundle, models
from benchmarks.work import bars_for
from sentio.bars import Bars
from sentio.bundle.manifest import parse_manifest
from sentio.features import FeatureEngine
from sentio.models import ScaledModel
from sentio.specs import FeatureSpec

__all__ = ["Latency", "differences", "main"]

BUY, SELL = 0.52, 0.48  # TFACfg's probabilities
FLOOD_BYTES = 64 << 20  # as in decisions.cpp
CHUNK = 10_000
RECORD = np.dtype([("ts", "<i8"), *((name, "<f8") for name in ("open", "high", "low", "close", "volume"))])
DECISION = np.dtype([("value", "<f4"), ("side", "<i4")])
Decisions = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Latency:
    """Nanoseconds from bar to decision.

    Attributes:
        bars: that gave a decision.
        wall: p50, p99 and p99.9 (nearest ranks) by the wall's clock.
        processor: the same of the thread's processor time, without what it has waited for a core.
    """

    bars: int
    wall: tuple[int, int, int]
    processor: tuple[int, int, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description="From bar to decision, one thread, C++ over Python.")
    parser.add_argument("--program", type=Path, required=True, help="sentio_decision_bench")
    parser.add_argument("--bars", type=int, default=1_000_000, help="of each backend, caches warm")
    parser.add_argument("--python-bars", type=int, default=100_000, help="of Python, caches warm")
    parser.add_argument("--cold-bars", type=int, default=20_000, help="with caches flooded before each")
    parser.add_argument("--backend", default="native,torchscript,aoti", help="of those that the model has")
    parser.add_argument("--model", default="", help="only models with this in their name")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    counts = {"hot": given.bars, "cold": given.cold_bars}
    for title, module in models().items():
        if given.model not in title:
            continue
        with tempfile.TemporaryDirectory() as folder:
            names = [name for name in given.backend.split(",") if name != "native" or title.startswith("MLP")]
            bundle = make_bundle(Path(folder), module, names)
            bars = bars_for(max(given.bars, given.python_bars, given.cold_bars))
            write_bars(Path(folder) / "bars", bars)
            print(f"\n{title}, load {os.getloadavg()[0]:.1f}\n")
            print(
                "| caches | path | bars | p50 | p99 | p99.9 | of processor time | times faster | decisions |"
            )
            print("|---|---|---|---|---|---|---|---|---|")
            for caches, count in counts.items():
                python_count = min(count, given.python_bars)
                reference, expected = python_path(module, bars, python_count, cold=caches == "cold")
                print(row(caches, "Python", reference, reference, ""), flush=True)
                for name in names:
                    words = [given.program, bundle, name, Path(folder) / "bars", str(count), caches]
                    latency, decisions = cpp_path([*map(str, words), f"{folder}/decisions"])
                    allowed = tolerance_of(bundle, name)
                    told = differences(decisions[: len(expected)], expected, allowed)
                    print(row(caches, f"`{name}`", latency, reference, told), flush=True)
    return 0


def write_bars(path: Path, bars: Bars) -> None:
    """Write bars as sentio_decision_bench reads them."""
    records = np.empty(len(bars), RECORD)
    for name in RECORD.names or ():
        records[name] = getattr(bars, name)
    records.tofile(path)


def tolerance_of(bundle: Path, backend: str) -> float:
    """By how much the backend's outputs may differ from the module's, as the manifest says."""
    entry = parse_manifest((bundle / "metadata.json").read_bytes(), str(bundle)).backend(backend)
    assert entry is not None, f"the bundle holds no {backend}"
    return entry.tolerance


def cpp_path(words: Sequence[str]) -> tuple[Latency, Decisions]:
    """Run sentio_decision_bench, whose last argument is the file of its decisions."""
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    latency = Latency(said["bars"], tuple(said["wall"]), tuple(said["processor"]))
    return latency, np.fromfile(words[-1], DECISION)


def python_path(module: ScaledModel, bars: Bars, count: int, *, cold: bool) -> tuple[Latency, Decisions]:
    """The first `count` bars, one at a time, through engine, window, eager module and thresholds."""
    spec = FeatureSpec.load("tfa")
    features = np.empty(spec.n_features, np.float32)
    step = FeatureEngine(spec).stepper(features)
    tensor = torch.zeros(1, module.seq_len, module.n_features)
    window = tensor[0].numpy()  # the same memory
    flood = np.ones(FLOOD_BYTES // 8)
    decisions = np.zeros(count, DECISION)
    decisions["value"] = np.nan
    wall, processor = np.empty(count, np.int64), np.empty(count, np.int64)
    first = spec.first_valid_row + module.seq_len - 1  # from which on the window is full
    with torch.inference_mode():
        for number, bar in enumerate(one_by_one(bars, count)):
            if cold:
                flood.sum()
            processor_started = time.thread_time_ns()
            started = time.perf_counter_ns()
            step(*bar)
            window[:-1] = window[1:]
            window[-1] = features
            if number < first:
                continue
            value = module(tensor).item()
            probability = 1.0 / (1.0 + math.exp(-value))
            side = 1 if probability > BUY else -1 if probability < SELL else 0
            wall[number] = time.perf_counter_ns() - started
            processor[number] = time.thread_time_ns() - processor_started
            decisions[number] = value, side
    return Latency(count - first, quantiles(wall[first:]), quantiles(processor[first:])), decisions


def quantiles(times: NDArray[np.int64]) -> tuple[int, int, int]:
    """p50, p99 and p99.9, by nearest rank."""
    p50, p99, p999 = np.quantile(times, [0.5, 0.99, 0.999], method="inverted_cdf").tolist()
    return p50, p99, p999


def one_by_one(bars: Bars, count: int) -> Iterator[tuple[int, float, float, float, float, float]]:
    """The bars as Python's numbers, made in chunks outside of the time that is taken."""
    for start in range(0, count, CHUNK):
        part = slice(start, min(start + CHUNK, count))
        columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
        yield from zip(*(column[part].tolist() for column in columns), strict=True)


def differences(found: Decisions, expected: Decisions, allowed: float) -> str:
    """Compare decisions with Python's, and say how far they agree.

    Args:
        found, expected: of the same bars.
        allowed: by how much values may differ; sides, only where a value is that close to a threshold.

    Raises:
        AssertionError: they differ by more.
    """
    given = ~np.isnan(expected["value"])
    assert len(found) == len(expected), "there are fewer decisions"
    assert np.array_equal(~np.isnan(found["value"]), given), "decisions were made at other bars"
    values, sides = expected["value"][given], expected["side"][given]
    largest = float(np.abs(found["value"][given] - values).max())
    assert largest <= allowed, f"a value is {largest:.3g} from Python's, allowed is {allowed:.3g}"
    near = np.zeros(len(values), bool)
    for probability in (BUY, SELL):
        near |= np.abs(values - math.log(probability / (1 - probability))) <= allowed
    same = found["side"][given] == sides
    assert (same | near).all(), "a side is not Python's, far from every threshold"
    return f"{same.sum():,} of {len(same):,} sides as Python's, values within {largest:.1g}"


def row(caches: str, path: str, latency: Latency, reference: Latency, told: str) -> str:
    """A row of the table."""
    wall = " | ".join(f"{time / 1000:,.1f} µs" for time in latency.wall)
    processor = ", ".join(f"{time / 1000:,.1f}" for time in latency.processor)
    times = reference.wall[0] / latency.wall[0]
    return f"| {caches} | {path} | {latency.bars:,} | {wall} | {processor} µs | {times:.1f} | {told} |"


if __name__ == "__main__":
    raise SystemExit(main())
