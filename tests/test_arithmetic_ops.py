"""Arithmetic of features: two sources, hidden steps, and results where mathematics has none."""

from __future__ import annotations

import numpy as np
import pytest
from engine_runs import compile_spec, extension, feature, run
from hostile_bars import random_bars, with_volume


def test_hidden_steps_are_computed_and_not_emitted() -> None:
    plan = compile_spec(
        feature("SMA", {"window": 5}, name="fast", hidden=True),
        feature("SMA", {"window": 20}, name="slow", hidden=True),
        feature("RATIO", name="distance", source=["fast", "slow"]),
    )
    assert [f["name"] for f in plan.features] == ["distance"]
    bars = random_bars(100)
    fast, slow = (np.convolve(bars["close"], np.ones(n) / n, "valid")[-81:] for n in (5, 20))
    # Two means of 100 with a distance of 1e-3.
    np.testing.assert_allclose(run(plan, bars)[19:, 0], fast / slow - 1, rtol=1e-10, atol=1e-14)


def test_division_by_zero_is_zero() -> None:
    bars = with_volume(random_bars(10), 0.0)
    plan = compile_spec(
        feature("DIV", name="quotient", source=["close", "volume"]),
        feature("RATIO", name="distance", source=["close", "volume"]),
        feature("DIV", name="zero_by_zero", source=["volume", "volume"]),
    )
    assert not run(plan, bars).any()


def test_results_are_held_within_1e60() -> None:
    bars = with_volume(random_bars(10), 1e-300)
    plan = compile_spec(
        feature("SUB", name="negative", source=["volume", "close"], hidden=True),
        feature("DIV", name="large", source=["close", "volume"]),
        feature("DIV", name="small", source=["negative", "volume"]),
        feature("DIV", name="power", source=["large", "volume"]),
        feature("SUB", name="still_large", source=["large", "small"]),
    )
    assert np.array_equal(run(plan, bars), np.tile([1e60, -1e60, 1e60, 1e60], (10, 1)))


def test_logarithm_of_what_is_not_positive_is_zero() -> None:
    bars = with_volume(random_bars(10), 0.0)
    plan = compile_spec(
        feature("SUB", name="negative", source=["volume", "close"], hidden=True),
        feature("LOG", name="of_zero", source="volume"),
        feature("LOG", name="of_negative", source="negative"),
    )
    assert not run(plan, bars).any()


@pytest.mark.parametrize("source", ["close", ["close"], ["close", "open", "high"]])
def test_a_wrong_number_of_sources_is_refused(source: str | list[str]) -> None:
    with pytest.raises(extension.EngineError) as caught:
        compile_spec(feature("DIV", source=source))
    count = 1 if isinstance(source, str) else len(source)
    assert caught.value.args[2] == [("features[0].source", f"DIV takes 2 of them, {count} given")]


def test_a_rate_of_change_of_wild_volumes_stays_finite_for_those_who_read_it() -> None:
    bars = random_bars(60)
    bars["volume"] = np.resize([1e6, 1e-300, 1e18], 60)
    plan = compile_spec(
        feature("ROC", {"window": 1}, name="roc", source="volume"),
        feature("EMA", {"window": 5}, name="ema", source="roc"),
        feature("ZWIN", {"window": 5}, name="zwin", source="roc"),
    )
    assert np.isfinite(run(plan, bars)[plan.warmup :]).all()
