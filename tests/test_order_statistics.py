"""Rank, quantiles and mean absolute deviation of windows of every length: each kind of order has its own."""

from __future__ import annotations

import numpy as np
import pytest
from engine_runs import compile_spec, compute, extension, feature, run
from hostile_bars import BARS, random_bars, rounded
from oracles.definitions import TYPICAL_ROUNDING, centred, typical

LEVELS = (0.0, 0.2, 0.5, 0.77, 1.0)


def plan_of(window: int):
    return compile_spec(
        feature("RANK", {"window": window}, name="rank"),
        feature("CCI", {"window": window}, name="cci"),
        *(feature("QUANTILE", {"window": window, "q": q}, name=f"q{k}") for k, q in enumerate(LEVELS)),
    )


@pytest.mark.parametrize("window", [2, 3, 63, 128, 129, 2048, 2049, 5000])
def test_they_are_what_their_definitions_say(window: int) -> None:
    bars = rounded(random_bars(window + 600, seed=window, step=1e-4), 0.01)  # many equal prices
    close, rank, _, *quantiles = bars["close"], *run(plan_of(window), bars)[window - 1 :].T
    windows = np.lib.stride_tricks.sliding_window_view(close, window)
    below, equal = (windows < windows[:, -1:]).sum(1), (windows == windows[:, -1:]).sum(1)
    np.testing.assert_array_equal(rank, (below + (equal + 1) / 2) / window)
    for q, values in zip(LEVELS, quantiles, strict=True):
        np.testing.assert_allclose(values, np.quantile(windows, q, axis=1), rtol=1e-14)


@pytest.mark.parametrize("window", [2, 256, 257, 3000])
@pytest.mark.parametrize("kind", ["random", "ticks", "flat", "jump", "one_tick"])
def test_cci_is_what_its_definition_says(kind: str, window: int) -> None:
    bars = BARS[kind](3 * window if kind == "jump" else window + 300)
    value = run(compile_spec(feature("CCI", {"window": window})), bars)[window - 1 :, 0]
    rows = np.unique(np.linspace(window - 1, len(bars["close"]) - 1, 300).astype(int))
    price = typical(bars)
    for row in rows.tolist():
        last = centred(price[row - window + 1 : row + 1].astype(np.longdouble))
        spread = np.abs(last).mean()
        expected = last[-1] / (0.015 * spread) if spread > TYPICAL_ROUNDING * price[row] else 0.0
        assert abs(value[row - window + 1] - expected) <= 1e-9 * max(abs(expected), 100), row


@pytest.mark.parametrize("window", [60, 129, 3000])
@pytest.mark.parametrize("kind", ["ticks", "flat", "jump", "falls_asleep"])
def test_a_restored_engine_goes_on_with_the_same_bits(kind: str, window: int) -> None:
    plan, bars = plan_of(window), BARS[kind](2 * window + 50)
    whole_engine = extension.Engine(plan)
    whole = compute(whole_engine, plan, bars)
    for row in (window - 1, window, window + 1, 2 * window + 7):
        before, after = extension.Engine(plan), extension.Engine(plan)
        compute(before, plan, bars, slice(row))
        after.restore(before.state())
        assert compute(after, plan, bars, slice(row, None)).tobytes() == whole[row:].tobytes()
        assert after.state() == whole_engine.state()
