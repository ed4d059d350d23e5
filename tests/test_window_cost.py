"""A bar costs O(log window) at most, whatever the op: a hundred times the window is a few times the cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_runs import CATALOG, NAMES, compile_spec, compute, extension, feature, stepper

from benchmarks.work import bars_for

SHORT, LONG = 999, 99_900
# What is O(window) costs a hundred times as much. The worst op takes 6 times, for the logarithm and the
# caches; between the two, another's load on the machine is not taken for a window's.
TIMES = 25
BARS = 20_000
STEPS = 2_000


def windows(op: str, size: int) -> dict[str, int]:
    """An op's numbers of bars, near `size`: each larger than the one before, as slow must be than fast."""
    integers = (param for param in CATALOG[op]["params"] if param["type"] == "integer")
    long = [param["name"] for param in integers if param["max"] > LONG + len(CATALOG[op]["params"])]
    return {name: size + place for place, name in enumerate(long)}


OPS = [op for op in CATALOG if windows(op, SHORT)]


def made_bars(rows: int, shape: str) -> dict[str, np.ndarray]:
    bars = bars_for(rows)
    columns = {name: getattr(bars, name) for name in NAMES}
    if shape == "falling":  # no extreme ever leaves an upper window by being beaten
        for name in ("open", "high", "low", "close"):
            columns[name] = 400.0 - 3e-4 * np.arange(rows) + {"high": 0.01, "low": -0.01}.get(name, 0.0)
    return columns


@pytest.fixture(scope="module", params=["walk", "falling"])
def bars(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    longest = max(compile_spec(feature(op, windows(op, LONG))).warmup for op in OPS)
    return made_bars(longest + BARS, request.param)


def seconds(engine: Any, state: bytes, first: Callable[[], object], then: Callable[[], object]) -> float:
    """The least CPU time of `then` in three runs from the same state.

    What an engine builds of a whole window once, when it begins, is built in `first`, which is not counted.
    """
    times = []
    for _ in range(3):
        engine.restore(state)
        first()
        started = time.process_time()
        then()
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("op", OPS)
def test_a_bar_of_a_long_window_costs_a_few_times_one_of_a_short_window(
    op: str, bars: dict[str, np.ndarray]
) -> None:
    def costs(size: int) -> tuple[float, float]:
        """Of BARS in blocks, and of STEPS alone."""
        plan = compile_spec(feature(op, windows(op, size)))
        engine, warm = extension.Engine(plan), plan.warmup

        def blocks(begin: int, end: int) -> np.ndarray:
            return compute(engine, plan, bars, slice(warm + begin, warm + end))

        blocks(-warm, 0)
        state, step = engine.state(), stepper(engine, plan)
        rows = list(zip(*(bars[name][warm : warm + STEPS].tolist() for name in NAMES), strict=True))
        in_blocks = seconds(engine, state, lambda: blocks(0, 1000), lambda: blocks(1000, BARS))
        alone = seconds(engine, state, lambda: step(*rows[0]), lambda: [step(*row) for row in rows[1:]])
        assert np.isfinite(blocks(STEPS, BARS)).all()
        return in_blocks, alone

    for short, long in zip(costs(SHORT), costs(LONG), strict=True):
        assert long < TIMES * short
