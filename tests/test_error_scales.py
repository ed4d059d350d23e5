"""The declared scale of each feature at each bar, against the catalog's formulas evaluated here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_runs import CATALOG, EARLY, compile_spec, error_scale, extension, feature, source_values
from hostile_bars import NAMES, Columns, random_bars
from numpy.typing import NDArray


def scales(plan: Any, bars: Columns) -> NDArray[np.float64]:
    return extension.error_scales(plan, *(bars[name] for name in NAMES))


def expected(op: dict[str, Any], bars: Columns, sources: list[NDArray]) -> NDArray[np.float64]:
    """Of a series, its largest magnitude so far, however short the op's window is."""
    scale = error_scale({**op, "memory": "decaying"}, bars, sources, 0)
    return np.broadcast_to(scale, len(bars["ts"]))


@pytest.mark.parametrize("op", CATALOG.values(), ids=lambda op: op["name"])
def test_each_op_is_compared_with_its_declared_scale(op: dict[str, Any]) -> None:
    bars = random_bars(300, seed=4)
    params = {p["name"]: p["min"] for p in op["params"] if p["default"] is None}
    found = scales(compile_spec(feature(op["name"], params), **EARLY), bars)
    assert np.array_equal(found[:, 0], expected(op, bars, source_values(op["sources"], bars)))


def test_a_source_may_be_a_hidden_feature_and_a_series_may_bear_a_features_name() -> None:
    bars = random_bars(300, seed=5)
    chain = [
        feature("IDENT", name="close", source="close"),
        feature("MOMENTUM", {"window": 3}, name="change", source="close", hidden=True),
        feature("VAR", {"window": 20}, name="spread", source="change"),
        feature("ATR", {"window": 7}, name="range"),
    ]
    plan = compile_spec(*chain, session_gap="90m")
    change = np.abs(bars["close"] - np.concatenate([np.full(3, np.nan), bars["close"][:-3]]))
    largest = np.maximum.accumulate(np.nan_to_num(change))
    found = scales(plan, bars)
    assert found.shape == (300, 3)
    assert np.array_equal(found[:, 0], np.maximum.accumulate(bars["close"]))
    assert np.array_equal(found[:, 1], largest * largest)
