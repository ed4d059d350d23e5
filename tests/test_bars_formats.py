"""Every file of the shared reference data: read with which options, or refused with which message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentio.bars import ReadOptions, read_bars, read_file
from sentio.errors import BarsError

NEW_YORK = {"tz": "America/New_York"}
REPAIR = {"sort": True, "drop_duplicates": True}

# file, options, interval, bars, first open, last open (UTC), rows moved, rows dropped
READ = [
    ("bars/QQQ_5m.csv", REPAIR, "5m", 26_407, "2022-02-14 14:30", "2023-06-22 19:55", 573, 581),
    ("bars/SPY_5m.csv", REPAIR, "5m", 26_409, "2022-02-14 14:30", "2023-06-22 19:55", 571, 579),
    (
        "bars/QQQ_1m_2022-24.parquet",
        {"tz": "UTC"},
        "1m",
        30_000,
        "2022-01-03 14:30",
        "2024-07-19 15:18",
        0,
        0,
    ),
    ("bars/BTCPERP_1m.csv.gz", {"tz": "UTC"}, "1m", 45_031, "2021-12-31 23:01", "2022-02-01 05:31", 0, 0),
    ("bars/BTCUSDT_1h.feather", {}, "1h", 58_419, "2017-08-17 04:00", "2024-04-21 14:00", 0, 0),
    ("formats/QQQ_1m_sentio_RTH_NH.csv", {}, "1m", 1_564, "2022-09-06 13:30", "2022-09-09 20:00", 0, 0),
    (
        "formats/QQQ_15m_2019.csv",
        {**NEW_YORK, "sort": True, "stamps": "close"},
        "15m",
        780,
        "2019-01-04 14:30",
        "2019-02-15 20:45",
        779,
        0,
    ),
    (
        "formats/alphavantage_daily_desc.csv",
        {**NEW_YORK, "sort": True},
        "1d",
        100,
        "2019-11-22 05:00",
        "2020-04-17 04:00",
        99,
        0,
    ),
]

# file, options, lines of which each must be among the problems or be the message
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "bars/QQQ_5m.csv",
        {"interval": "5m"},
        ["out of order, below a later row: 573 rows", "exact duplicate of an earlier row: 581 rows"],
    ),
    ("bars/QQQ_5m.csv", {"sort": True}, ["exact duplicate of an earlier row: 581 rows"]),
    ("bars/QQQ_5m.csv", {**REPAIR, "interval": "1m"}, ["the usual step is 5m"]),
    ("bars/SPY_5m.csv", {}, ["exact duplicate of an earlier row: 579 rows"]),
    (
        "bars/QQQ_1d.csv",
        NEW_YORK | REPAIR,
        ["same time, different values: 8 rows (6392-6393, 6408-6409, 6412-6415)"],
    ),
    ("bars/SPY_1d.csv", NEW_YORK | REPAIR, ["same time, different values: 6 rows"]),
    ("bars/QQQ_1d.csv", {}, ["datetime: no offset, and no time zone was named: 6,416 rows"]),
    ("bars/QQQ_1m_2022-24.parquet", {}, ["ts: no offset, and no time zone was named: 30,000 rows"]),
    ("bars/BTCPERP_1m.csv.gz", {}, ["timestamp: no offset, and no time zone was named"]),
    ("formats/QQQ_15m_2019.csv", NEW_YORK, ["the file runs backwards in time: 779 rows"]),
    ("formats/SPY_1d_yahoo.csv", NEW_YORK, ["low lies above open or close: 2 rows (1807, 1824)"]),
    (
        "formats/EURUSD_1d_yahoo_nulls.csv",
        {"tz": "Europe/London"},
        [
            "open is not a number: 1 row (1106)",
            "high lies below open, low or close: 13 rows",
            "low lies above",
        ],
    ),
    (
        "formats/AAPL_1m_yfinance_tickerrow.csv",
        {},
        [
            "datetime: not ISO 8601 with an offset as the others are, such as '': 1 row (1)",
            "volume is not a number: 1 row (1)",
        ],
    ),
    (
        "formats/AAPL_5m_excel_mangled.csv.gz",
        NEW_YORK | REPAIR,
        [
            "datetime: an epoch in scientific notation, whose digits are lost: 14,898 rows",
            "date: not ISO 8601 without an offset as the others are, such as '2/2/2022 6:30': 14,898 rows",
        ],
    ),
    ("formats/AAPL_5m_excel_mangled.csv.gz", {}, ["exact duplicate of", "out of order"]),
    (
        "formats/EURUSD_1m_tab_locale_broken.csv",
        {"tz": "UTC"},
        [
            "high lies below open, low or close: 231 rows",
            "low lies above open or close: 99 rows",
            "a price jumps by a factor of 50",
        ],
    ),
    ("formats/EURUSD_1m_tab_locale_broken.csv", {"tz": "UTC", "allow_jumps": True}, ["high lies below"]),
    ("formats/EURUSD_1h_mt4_noheader.csv.gz", NEW_YORK, ["has no header line"]),
    ("formats/EURUSD_1m_mt5_python.csv", {}, ["the column 'volume' is missing"]),
    (
        "formats/TSLA_1d_nasdaq_old.csv",
        NEW_YORK,
        ["date: '11:34' is neither ISO 8601", "volume is not a number: 1 row (1)"],
    ),
    ("formats/CME_jpyusd_barchart_1d.csv", NEW_YORK, ["the column 'close' is missing"]),
    ("formats/nifty_DMonYY_flat_ohlc.csv", {"tz": "Asia/Kolkata"}, ["date: '3-Jan-22' is neither ISO 8601"]),
    ("formats/duplicate_date_column.csv", NEW_YORK, ["the column 'date' is there 2 times"]),
]


def utc(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("name", "options", "interval", "count", "first", "last", "moved", "dropped"),
    READ,
    ids=[row[0] for row in READ],
)
def test_a_file_is_read(
    shared: Path,
    name: str,
    options: dict[str, Any],
    interval: str,
    count: int,
    first: str,
    last: str,
    moved: int,
    dropped: int,
) -> None:
    reading = read_file(shared / "data" / name, ReadOptions(**options))
    bars = reading.bars
    assert (bars.interval, len(bars), utc(bars.ts[0]), utc(bars.ts[-1])) == (interval, count, first, last)
    assert (reading.moved, reading.dropped) == (moved, dropped)
    assert reading.rows == count + dropped


@pytest.mark.parametrize(("name", "options", "lines"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_is_refused(shared: Path, name: str, options: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(BarsError) as caught:
        read_bars(shared / "data" / name, **options)
    for line in lines:
        assert any(line in told for told in (caught.value.found, *caught.value.problems)), str(caught.value)


def test_every_file_of_bars_and_formats_has_its_line_above(shared: Path) -> None:
    named = {row[0] for row in [*READ, *REFUSED]}
    there = {
        f"{folder}/{path.name}"
        for folder in ("bars", "formats")
        for path in (shared / "data" / folder).iterdir()
    }
    assert there == named


def test_the_five_minute_bars_are_those_that_pandas_reads(shared: Path) -> None:
    path = shared / "data/bars/QQQ_5m.csv"
    frame = pd.read_csv(path).drop_duplicates().sort_values("datetime")
    bars = read_bars(path, symbol="QQQ", interval="5m", **REPAIR)
    assert np.array_equal(bars.ts, frame["datetime"].to_numpy() * 10**6)
    assert np.array_equal(
        bars.to_array(), frame[["open", "high", "low", "close", "volume"]].to_numpy(np.float64)
    )
    assert bars.timezone == "epoch"
