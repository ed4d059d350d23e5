"""Sessions are told from gaps alone, and no later bar changes where an earlier one starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentio.bars import DEFAULT_SESSION_GAP, session_numbers, session_starts

HOUR = 3600 * 10**9
DAY = 24 * HOUR


def starts_by_the_rule(ts: list[int], gap: int) -> list[bool]:
    """The rule of the design, bar by bar."""
    starts = []
    seen_close_bars = False
    for i, now in enumerate(ts):
        if i == 0:
            starts.append(True)
            continue
        apart = now - ts[i - 1] >= gap
        starts.append(apart and seen_close_bars)
        seen_close_bars = seen_close_bars or not apart
    return starts


def test_the_default_gap_is_four_hours() -> None:
    assert DEFAULT_SESSION_GAP == 4 * HOUR


def test_no_bars_have_no_session() -> None:
    assert session_starts(np.array([], np.int64)).tolist() == []


def test_one_bar_is_a_session() -> None:
    assert session_starts(np.array([5])).tolist() == [True]


def test_a_gap_of_exactly_the_session_gap_separates_and_one_nanosecond_less_does_not() -> None:
    ts = np.cumsum([0, 60 * 10**9, 4 * HOUR, 4 * HOUR - 1])
    assert session_starts(ts).tolist() == [True, False, True, False]


@pytest.mark.parametrize("step", [DAY, 7 * DAY, DAY - HOUR])
def test_bars_of_a_day_or_longer_are_one_session(step: int) -> None:
    assert session_starts(np.arange(50) * step).tolist() == [True] + [False] * 49


def test_single_bars_before_the_first_close_pair_start_no_session() -> None:
    ts = np.array([0, DAY, DAY + HOUR, 2 * DAY])
    assert session_starts(ts).tolist() == [True, False, False, True]


def test_bars_of_one_session_have_one_number() -> None:
    ts = np.cumsum([0, 60 * 10**9, 4 * HOUR, 60 * 10**9, 5 * HOUR])
    assert session_numbers(ts).tolist() == [1, 1, 2, 2, 3]


@given(st.lists(st.integers(1, 10), max_size=40), st.integers(1, 10))
def test_the_rule_holds_for_any_gaps_and_every_beginning(gaps: list[int], gap: int) -> None:
    ts = np.cumsum([0, *gaps])
    starts = session_starts(ts, gap).tolist()
    assert starts == starts_by_the_rule(ts.tolist(), gap)
    assert session_starts(ts[: len(ts) // 2], gap).tolist() == starts[: len(ts) // 2]
