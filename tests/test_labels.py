"""Labels against a loop written from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_tables import bars_of_closes, session_times
from pydantic import ValidationError

from sentio.labels import CloseDiff, Direction, Label, LogretFwd, Move

SESSIONS, BARS_EACH = 5, 12


@pytest.fixture
def closes() -> np.ndarray:
    draws = np.random.default_rng(3)
    steps = draws.normal(scale=4e-4, size=SESSIONS * BARS_EACH)
    steps[draws.random(len(steps)) < 0.2] = 0.0  # some closes are equal to the one before
    return 100 * np.exp(np.cumsum(steps))


def session_numbers() -> np.ndarray:
    return np.repeat(np.arange(SESSIONS), BARS_EACH)


def make(label: Label, closes: np.ndarray):
    return label.make(bars_of_closes(closes, session_times(SESSIONS, BARS_EACH)), session_numbers())


def slow_reason(closes: np.ndarray, row: int, label: Label) -> str | None:
    """Why a row has no label, one question after the other."""
    ahead = row + label.horizon
    if ahead >= len(closes):
        return "no future"
    if not label.cross_sessions and row // BARS_EACH != ahead // BARS_EACH:
        return "label crosses a session gap"
    if isinstance(label, Direction):
        if closes[ahead] == closes[row]:
            return "zero move"
        if abs(math.log(closes[ahead] / closes[row])) < label.min_move_bp / 10_000:
            return "move below min_move_bp"
    return None


def slow_class(now: float, then: float, least_bp: float) -> int:
    """The place of the move among down, flat, up."""
    basis_points = math.log(then / now) * 10_000
    return 0 if basis_points <= -least_bp else 2 if basis_points >= least_bp else 1


@pytest.mark.parametrize("horizon", [1, 3, 12, 59, 60, 200])
@pytest.mark.parametrize("cross_sessions", [False, True])
@pytest.mark.parametrize(
    "make_label",
    [
        lambda **shared: Direction(**shared),
        lambda **shared: Direction(min_move_bp=3.0, **shared),
        lambda **shared: Move(min_move_bp=3.0, **shared),
        LogretFwd,
        CloseDiff,
    ],
)
def test_values_and_reasons_are_those_of_the_definition(closes, make_label, horizon, cross_sessions):
    label = make_label(horizon=horizon, cross_sessions=cross_sessions)
    made = make(label, closes)
    lost = dict.fromkeys(made.reasons, 0)
    for row in range(len(closes)):
        reason = slow_reason(closes, row, label)
        if reason is not None:
            lost[reason] += 1
            assert not made.mask[row]
            assert math.isnan(made.values[row])
            continue
        now, then = closes[row], closes[row + horizon]
        expected = {
            "direction": float(then > now),
            "move": slow_class(now, then, 3.0),
            "logret_fwd": math.log(then / now),
            "close_diff": then - now,
        }
        assert made.mask[row]
        # One rounding to float32 of a value that two log functions may give one ulp of float64 apart.
        assert made.values[row] == pytest.approx(expected[label.kind], rel=2**-23, abs=1e-12)
        assert made.forward_return[row] == pytest.approx(math.log(then / now), rel=1e-12, abs=1e-15)
    assert made.lost == lost


def test_each_row_is_either_labelled_or_lost_once(closes):
    made = make(Direction(horizon=3, min_move_bp=2.0), closes)
    assert made.mask.sum() + sum(made.lost.values()) == len(closes)


def test_labels_look_exactly_as_far_as_their_horizon(closes):
    horizon = 4
    for label in (Direction(horizon=horizon), LogretFwd(horizon=horizon), CloseDiff(horizon=horizon)):
        before = make(label, closes)
        changed = closes.copy()
        changed[30:] *= 1.5
        after = make(label, changed)
        # Rows whose last bar is row 29 do not see the change; row 30 - horizon is the first that does.
        seen = 30 - horizon
        np.testing.assert_array_equal(before.values[:seen], after.values[:seen])
        np.testing.assert_array_equal(before.reason[:seen], after.reason[:seen])


def test_a_label_refuses_a_parameter_that_it_does_not_have():
    with pytest.raises(ValidationError, match="min_move_bp"):
        LogretFwd(min_move_bp=1.0)
