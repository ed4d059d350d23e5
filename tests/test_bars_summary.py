"""A summary counts what it names."""

from __future__ import annotations

import numpy as np
import pytest

from sentio.bars import Bars, summarize

MINUTE = 60 * 10**9
DAY = 24 * 60 * MINUTE


def bars_at(
    ts: list[int], close: list[float], interval: str = "1m", volume: list[float] | None = None
) -> Bars:
    prices = np.array(close)
    high = prices * np.where(np.arange(len(ts)) == 1, 1.0, 1.01)  # the second bar is flat
    volumes = np.ones(len(ts)) if volume is None else np.array(volume)
    return Bars("QQQ", interval, np.array(ts, np.int64), prices, high, prices, prices, volumes)


def test_sessions_holes_and_odd_bars_are_counted() -> None:
    # Two sessions: minutes 0 1 2 5 6 (two are missing), then, a day later, minutes 0 and 3 (two more).
    ts = [minute * MINUTE for minute in (0, 1, 2, 5, 6)] + [DAY, DAY + 3 * MINUTE]
    close = [100.0, 101.0, 100.0, 100.0, 100.0, 80.0, 82.0]
    summary = summarize(bars_at(ts, close, volume=[1, 0, 1, 0, 1, 1, 1]))
    assert (summary.rows, summary.first, summary.last) == (7, 0, DAY + 3 * MINUTE)
    assert (summary.sessions, summary.missing) == (2, 4)
    assert (summary.zero_volume, summary.flat) == (2, 1)
    assert summary.largest_move == pytest.approx(0.2231435513)  # ln(100 / 80)
    assert summary.largest_move_at == DAY


def test_daily_bars_have_no_sessions_and_no_holes() -> None:
    summary = summarize(bars_at([0, DAY, 5 * DAY], [1.0, 1.0, 1.0], "1d"))
    assert (summary.sessions, summary.missing) == (None, None)


def test_few_bars_have_no_move() -> None:
    one = summarize(bars_at([0], [1.0]))
    assert (one.rows, one.largest_move, one.largest_move_at) == (1, 0.0, None)
    none = summarize(bars_at([], []))
    assert (none.rows, none.first, none.last, none.sessions, none.missing) == (0, None, None, 0, 0)
