"""Intervals are read from the text that people write, and written in one way."""

from __future__ import annotations

import pytest

from sentio.bars import Interval
from sentio.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds", "canonical"),
    [
        ("1s", 1, "1s"),
        ("30s", 30, "30s"),
        ("1m", 60, "1m"),
        ("5m", 300, "5m"),
        ("60s", 60, "1m"),
        ("60m", 3600, "1h"),
        ("90m", 5400, "90m"),
        ("4h", 14400, "4h"),
        ("24h", 86400, "1d"),
        ("1d", 86400, "1d"),
        ("7d", 604800, "7d"),
        ("366d", 366 * 86400, "366d"),
    ],
)
def test_an_interval_is_read_and_written_canonically(text: str, seconds: int, canonical: str) -> None:
    interval = Interval.parse(text)
    assert interval.ns == seconds * 1_000_000_000
    assert str(interval) == canonical
    assert Interval.parse(canonical) == interval


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "5",
        "5 m",
        "05m",
        "0m",
        "-5m",
        "5M",
        "5min",
        "1.5h",
        "5m ",
        "1w",
        "367d",
        "9" * 30 + "d",
        "٥m",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match=r"allowed is .*5m"):
        Interval.parse(text)


@pytest.mark.parametrize("ns", [0, -1, 1, 1_500_000_000, 367 * 86400 * 10**9])
def test_a_length_that_has_no_text_is_refused(ns: int) -> None:
    with pytest.raises(UsageError):
        Interval(ns)


def test_a_day_may_be_an_hour_short_when_the_clocks_go_forward() -> None:
    assert Interval.parse("1d").shortest_step == 23 * 3600 * 10**9
    assert Interval.parse("4h").shortest_step == 4 * 3600 * 10**9
