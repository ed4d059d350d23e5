"""The days on which the New York Stock Exchange trades, computed from its holiday rules (rule 7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import islice

__all__ = ["holidays", "trading_days"]

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6


@cache
def holidays(year: int) -> frozenset[date]:
    """The weekdays of a year on which the exchange is closed by rule; closures by event are not known.

    Args:
        year: from 2022, when Juneteenth became a holiday.
    """
    new_year = date(year, 1, 1)
    # A New Year's Day on a Saturday is not moved to Friday, the last day of the accounting year.
    moved_new_year = _observed(new_year) if new_year.weekday() != _SATURDAY else new_year
    return frozenset(
        {
            moved_new_year,
            _nth(year, 1, _MONDAY, 3),  # Martin Luther King Jr.
            _nth(year, 2, _MONDAY, 3),  # Washington's Birthday
            _easter(year) - timedelta(days=2),  # Good Friday
            _nth(year, 6, _MONDAY, 1) - timedelta(days=7),  # Memorial Day, the last Monday of May
            _observed(date(year, 6, 19)),  # Juneteenth
            _observed(date(year, 7, 4)),  # Independence Day
            _nth(year, 9, _MONDAY, 1),  # Labor Day
            _nth(year, 11, _THURSDAY, 4),  # Thanksgiving
            _observed(date(year, 12, 25)),  # Christmas
        }
    )


def trading_days(first: date, count: int) -> list[date]:
    """The `count` trading days from `first` on."""
    return list(islice(_trading_days(first), count))


def _trading_days(day: date) -> Iterator[date]:
    while True:
        if day.weekday() < _SATURDAY and day not in holidays(day.year):
            yield day
        day += timedelta(days=1)


def _observed(day: date) -> date:
    """A holiday on a Saturday is kept on Friday, one on a Sunday on Monday."""
    return day + timedelta(days={_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, skipped = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    leaps, rest = divmod(of_century, 4)
    weekday = (32 + 2 * skipped + 2 * leaps - epact - rest) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
