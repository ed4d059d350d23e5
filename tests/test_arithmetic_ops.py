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
        feature("ADD", name="twice", source=["small", "small"]),
        feature("MUL", name="square", source=["large", "small"]),
        feature("SUM", {"window": 2}, name="both", source="large"),
    )
    expected = [1e60, -1e60, 1e60, 1e60, -1e60, -1e60, 1e60]
    assert np.array_equal(run(plan, bars)[1:], np.tile(expected, (9, 1)))


def test_what_no_float32_holds_is_emitted_as_the_largest_one() -> None:
    plan = compile_spec(
        feature("CONSTANT", {"value": 1e60}, name="large"),
        feature("CONSTANT", {"value": -1e39}, name="small"),
        dtype="float32",
    )
    largest = np.finfo(np.float32).max
    assert np.array_equal(run(plan, random_bars(40)), np.tile([largest, -largest], (40, 1)))


def test_logarithm_of_what_is_not_positive_is_zero() -> None:
    bars = with_volume(random_bars(10), 0.0)
    plan = compile_spec(
        feature("SUB", name="negative", source=["volume", "close"], hidden=True),
        feature("LOG", name="of_zero", source="volume"),
        feature("LOG", name="of_negative", source="negative"),
    )
    assert not run(plan, bars).any()


def test_clip_holds_on_one_side_or_on_both() -> None:
    bars = random_bars(300)
    plan = compile_spec(
        feature("DIFF", name="move"),
        feature("CLIP", {"low": 0}, name="rise", source="move"),
        feature("CLIP", {"low": -0.05, "high": 0.02}, name="small", source="move"),
    )
    move, rise, small = run(plan, bars)[1:].T
    assert (move < -0.05).any()
    assert (move > 0.02).any()
    assert np.array_equal(rise, np.maximum(move, 0))
    assert np.array_equal(small, np.clip(move, -0.05, 0.02))


def test_clip_with_crossed_bounds_is_refused() -> None:
    with pytest.raises(extension.EngineError) as caught:
        compile_spec(feature("CLIP", {"low": 1, "high": 0.5}))
    assert caught.value.args[2] == [("features[0].low", "1 is larger than high, 0.5")]


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
