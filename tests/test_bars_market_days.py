"""The exchange's holidays, against the lists that it published."""

from __future__ import annotations

from datetime import date

import pytest

from sentio.bars.market_days import holidays, trading_days

# As announced by the exchange: nyse.com, "Holidays and Trading Hours", of the years.
PUBLISHED = {
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",  # New Year's Day fell on a Saturday
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_holidays_are_those_that_were_published(year: int) -> None:
    computed = sorted(day for day in holidays(year) if day.weekday() < 5)
    assert computed == [date.fromisoformat(f"{year}-{day}") for day in PUBLISHED[year].split()]


def test_a_year_has_as_many_trading_days_as_it_had() -> None:
    # 2024 had 252 trading days, 2023 had 250.
    assert trading_days(date(2024, 1, 2), 253)[-2:] == [date(2024, 12, 31), date(2025, 1, 2)]
    assert trading_days(date(2023, 1, 1), 251)[-2:] == [date(2023, 12, 29), date(2024, 1, 2)]


def test_counting_starts_at_the_first_trading_day_from_a_date_on() -> None:
    assert trading_days(date(2024, 3, 29), 1) == [date(2024, 4, 1)]  # Good Friday, then a weekend
    assert trading_days(date(2024, 3, 28), 0) == []
