"""Sessions as the engine tells them: from the gaps between bars alone."""

from __future__ import annotations

import numpy as np
from engine_runs import compile_spec, feature, run
from hostile_bars import Columns, random_bars

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def bars_at(*times: int) -> Columns:
    """Random bars at those nanoseconds after some moment."""
    return {**random_bars(len(times)), "ts": 1_700_000_000 * SECOND + np.array(times, dtype=np.int64)}


def session_days(bars: Columns, **rest: str) -> list[float]:
    return run(compile_spec(feature("SESSION_TIME"), **rest), bars)[:, 0].tolist()


def test_a_session_starts_at_a_gap_of_exactly_the_session_gap() -> None:
    almost = 4 * HOUR - 1
    times = np.cumsum([0, HOUR, almost, 4 * HOUR, HOUR]).tolist()
    expected = [0, HOUR, HOUR + almost, 0, HOUR]
    # Gaps of some hours are known to a few nanoseconds, in seconds as a double.
    np.testing.assert_allclose(session_days(bars_at(*times)), np.array(expected) / DAY, atol=1e-13)


def test_the_specs_session_gap_is_obeyed() -> None:
    bars = bars_at(0, HOUR // 2, HOUR, 3 * HOUR)
    assert session_days(bars, session_gap="2h") == [0, 1 / 48, 1 / 24, 0]
    assert session_days(bars, session_gap="3h") == [0, 1 / 48, 1 / 24, 1 / 8]


def test_bars_of_a_day_or_longer_make_one_session() -> None:
    assert session_days(bars_at(*(day * DAY for day in range(5)))) == [0, 1, 1, 1, 1]


def test_a_first_gap_that_is_long_starts_no_session() -> None:
    bars = bars_at(0, DAY, DAY + HOUR, 2 * DAY)
    assert session_days(bars) == [0, 1, 1, 0]


def test_overnight_return_is_held_through_its_session() -> None:
    bars = bars_at(0, HOUR, DAY, DAY + HOUR, 2 * DAY, 2 * DAY + HOUR)
    o, c = bars["open"], bars["close"]
    value = run(compile_spec(feature("OVERNIGHT_RETURN"), dtype="float64"), bars)[:, 0]
    first, second = np.log(o[2] / c[1]), np.log(o[4] / c[3])
    assert np.isnan(value[0])
    # 2 ulp of the engine's logarithm, and the ratio's rounding near 1.
    np.testing.assert_allclose(value[1:], [0, first, first, second, second], rtol=1e-12)
