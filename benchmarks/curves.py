"""How the cost grows with bars, features and windows: nanoseconds of CPU time a bar and feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

import sentio
from benchmarks.measure import cpu
from benchmarks.work import bars_for, later, widened
from sentio.bars import Bars
from sentio.extension import load_extension

__all__ = ["WINDOWED", "by_bars", "by_features", "by_windows"]

# An op for each way of remembering a window: sums, moments, lines, extremes, and values in order.
WINDOWED = ("SMA", "VOLATILITY", "LINEARREG_SLOPE", "ROLLING_MAX", "QUANTILE", "AVGDEV")
# Above so many bars they come again, later, into the same block of the output.
_BLOCK = 10_000_000


def by_bars(numbers: Sequence[int], runs: int) -> Iterator[tuple[int, float]]:
    """For each number of bars, the cost of `classic`."""
    spec = sentio.FeatureSpec.load("classic")
    longest = min(max(numbers), _BLOCK)
    bars = bars_for(longest)
    out = np.empty((longest, spec.n_features), np.float32)
    out.fill(0.0)  # its pages are there when the clock starts
    for number in numbers:
        if number > _BLOCK:
            yield number, 1e9 * _in_blocks(spec, bars, out, number) / number / spec.n_features
        else:
            yield number, _cost(spec, bars[:number], out[:number], runs)


def by_features(numbers: Sequence[int], rows: int, runs: int) -> Iterator[tuple[int, float]]:
    """For each number of features, their cost."""
    bars = bars_for(rows)
    for number in numbers:
        out = np.empty((rows, number), np.float32)
        out.fill(0.0)
        yield number, _cost(widened(sentio.FeatureSpec.load("classic"), number), bars, out, runs)


def by_windows(numbers: Sequence[int], rows: int, runs: int) -> Iterator[tuple[int, float]]:
    """For each length of a window, the cost of WINDOWED, from the first bar on that all are valid."""
    bars = bars_for(max(numbers) + rows)
    for number in numbers:
        features = [{"name": op.lower(), "op": op, "source": "close", "window": number} for op in WINDOWED]
        spec = sentio.FeatureSpec.from_document({"schema_version": "1.0", "features": features})
        engine = sentio.FeatureEngine(spec)
        engine.compute(bars[: max(numbers)])
        state, out = engine.state(), np.empty((rows, len(WINDOWED)), np.float32)

        def compute(engine: sentio.FeatureEngine = engine, out: np.ndarray = out) -> None:
            engine.compute(bars[max(numbers) :], out)

        times = []
        while len(times) < runs and sum(times) < 2.0:
            engine.restore(state)
            times.append(cpu(compute))
        yield number, 1e9 * float(np.median(times)) / out.size


def _cost(spec: sentio.FeatureSpec, bars: Bars, out: np.ndarray, runs: int) -> float:
    """The median of some runs, fewer where they are long."""

    def compute() -> None:
        sentio.FeatureEngine(spec).compute(bars, out)

    times = [cpu(compute)]
    while len(times) < runs and sum(times) < 2.0:
        times.append(cpu(compute))
    return 1e9 * float(np.median(times)) / out.size


def _in_blocks(spec: sentio.FeatureSpec, bars: Bars, out: np.ndarray, number: int) -> float:
    """Seconds for so many bars of one engine, which sees the same prices in every block."""
    engine = load_extension().Engine(spec.plan)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    times = (later(bars, block) for block in range(number // len(bars)))
    return sum(cpu(partial(engine.compute, ts, *columns, out)) for ts in times)
