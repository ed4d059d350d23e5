"""NVI and PVI over many bars: their products do not drift."""

from __future__ import annotations

import numpy as np
import pytest
from engine_runs import compile_spec, feature, run
from hostile_bars import random_bars


@pytest.mark.parametrize(("op", "step"), [("NVI", -1.0), ("PVI", 1.0)])
def test_volume_that_moves_one_way_leaves_the_price_itself(op: str, step: float) -> None:
    count = 1_000_000
    bars = random_bars(count, seed=60)
    bars["volume"] = 2.0 * count + step * np.arange(count)
    value = run(compile_spec(feature(op)), bars)[:, 0]
    expected = 1000 * bars["close"] / bars["close"][0]
    assert (np.abs(value - expected) <= 2 * np.spacing(expected)).all()  # the expected one is rounded twice


@pytest.mark.parametrize("op", ["NVI", "PVI"])
def test_an_index_of_no_counting_bar_stays_1000(op: str) -> None:
    bars = random_bars(300)
    bars["volume"][:] = 5.0
    assert (run(compile_spec(feature(op)), bars) == 1000).all()
