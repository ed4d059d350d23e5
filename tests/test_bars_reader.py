"""A file is read in its one reading, or refused with every problem and its rows."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from sentio.bars import ReadOptions, read_bars, read_file
from sentio.errors import BarsError, ResourceError, UsageError

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
TIMES = [START + timedelta(minutes=5 * i) for i in range(6)]
EPOCHS = [int(moment.timestamp()) for moment in TIMES]
VALUES = [f"{100 + i},{102 + i},{99 + i},{101 + i},{10 * i}" for i in range(6)]


def nanoseconds(moments: Sequence[datetime]) -> list[int]:
    return [int(moment.timestamp()) * 10**9 for moment in moments]


def write(
    folder: Path, times: Sequence[object], values: Sequence[str] = VALUES, name: str = "timestamp"
) -> Path:
    path = folder / "bars.csv"
    rows = [f"{time},{cells}" for time, cells in zip(times, values, strict=True)]
    path.write_text("\n".join([f"{name},open,high,low,close,volume", *rows]) + "\n")
    return path


def problems(path: Path, **options: Any) -> tuple[str, ...]:
    with pytest.raises(BarsError) as caught:
        read_bars(path, **options)
    assert caught.value.where == str(path)
    return caught.value.problems


# What can be read


@pytest.mark.parametrize(
    ("times", "zone"),
    [
        ([f"{e}" for e in EPOCHS], "epoch"),
        ([f"{e}.0" for e in EPOCHS], "epoch"),
        ([f"{e}000" for e in EPOCHS], "epoch"),
        ([f"{e}000000" for e in EPOCHS], "epoch"),
        ([f"{e}000000000" for e in EPOCHS], "epoch"),
        ([t.isoformat() for t in TIMES], "offset"),
        ([t.strftime("%Y-%m-%d %H:%MZ") for t in TIMES], "offset"),
        ([t.strftime("%Y-%m-%dT%H:%M:%S.000000000Z") for t in TIMES], "offset"),
        ([t.astimezone(NEW_YORK).isoformat(" ") for t in TIMES], "offset"),
        ([t.astimezone(NEW_YORK).strftime("%Y-%m-%dT%H:%M:%S%z") for t in TIMES], "offset"),
    ],
)
def test_each_way_to_write_an_instant_gives_the_same_nanoseconds(
    tmp_path: Path, times: list[str], zone: str
) -> None:
    bars = read_bars(write(tmp_path, times))
    assert bars.ts.tolist() == nanoseconds(TIMES)
    assert (bars.interval, bars.timezone, bars.simulated, bars.adjustment) == ("5m", zone, False, "unknown")
    assert bars.to_array()[3].tolist() == [103.0, 105.0, 102.0, 104.0, 30.0]


def test_local_times_are_read_in_the_zone_that_is_named_and_refused_without(tmp_path: Path) -> None:
    path = write(tmp_path, [t.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S") for t in TIMES])
    assert read_bars(path, tz="America/New_York").ts.tolist() == nanoseconds(TIMES)
    with pytest.raises(BarsError, match=r"no offset, and no time zone was named: 6 rows \(1-6\)") as caught:
        read_bars(path)
    assert "--tz America/New_York" in caught.value.hint


def test_a_zone_is_not_used_where_the_times_are_instants_already(tmp_path: Path) -> None:
    bars = read_bars(write(tmp_path, EPOCHS), tz="Asia/Tokyo")
    assert bars.ts.tolist() == nanoseconds(TIMES)
    assert bars.timezone == "epoch"


def test_a_date_is_the_local_midnight_that_begins_its_day_across_a_change_of_clocks(tmp_path: Path) -> None:
    days = ["2024-03-08", "2024-03-09", "2024-03-10", "2024-03-11", "2024-03-12", "2024-03-13"]
    bars = read_bars(write(tmp_path, days, name="Date"), tz="America/New_York")
    midnights = [datetime.fromisoformat(day).replace(tzinfo=NEW_YORK) for day in days]
    assert bars.ts.tolist() == nanoseconds(midnights)
    assert bars.interval == "1d"


@pytest.mark.parametrize("name", ["ts", "Timestamp", "DATE", " datetime ", "time", "ts_utc"])
def test_the_columns_are_found_by_name_in_any_case_and_order(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"{10 * i},{101 + i},x,{99 + i},{e},{102 + i},{100 + i}" for i, e in enumerate(EPOCHS)]
    path.write_text("\n".join([f"Volume,CLOSE,note,Low,{name},high,Open", *rows]))
    reading = read_file(path, ReadOptions())
    assert reading.bars.to_array()[3].tolist() == [103.0, 105.0, 102.0, 104.0, 30.0]
    assert reading.ignored == ("note",)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("suffix", ["csv", "txt", "tsv", "csv.gz", "CSV"])
def test_delimiters_byte_marks_line_ends_quotes_and_gzip_make_no_difference(
    tmp_path: Path, delimiter: str, suffix: str
) -> None:
    lines = [
        "timestamp,open,high,low,close,volume",
        *(f'"{e}",{v}' for e, v in zip(EPOCHS, VALUES, strict=True)),
    ]
    data = b"\xef\xbb\xbf" + "\r\n".join(lines).replace(",", delimiter).encode()
    path = tmp_path / f"bars.{suffix}"
    path.write_bytes(gzip.compress(data, mtime=0) if suffix.endswith("gz") else data)
    bars = read_bars(path)
    assert bars.ts.tolist() == nanoseconds(TIMES)
    assert bars.source == path.name
    assert bars.source_hash == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@pytest.mark.parametrize("kind", ["aware", "naive", "epoch", "text"])
def test_columnar_files_give_the_same_bars(tmp_path: Path, suffix: str, kind: str) -> None:
    times: Any = {
        "aware": pd.DatetimeIndex(TIMES).tz_convert("America/New_York"),
        "naive": pd.DatetimeIndex([t.replace(tzinfo=None) for t in TIMES]).as_unit("ms"),
        "epoch": EPOCHS,
        "text": [t.isoformat() for t in TIMES],
    }[kind]
    frame = pd.DataFrame(
        {"ts": times, "open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 7}
    )
    path = tmp_path / f"bars.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_feather(path)
    assert read_bars(path, tz="UTC" if kind == "naive" else None).ts.tolist() == nanoseconds(TIMES)


def test_the_symbol_comes_from_the_caller_or_from_the_file_or_from_nobody(tmp_path: Path) -> None:
    assert read_bars(write(tmp_path, EPOCHS)).symbol == ""
    assert read_bars(write(tmp_path, EPOCHS), symbol="SPY").symbol == "SPY"
    frame = pd.read_csv(tmp_path / "bars.csv").assign(Ticker="QQQ")
    frame.to_csv(tmp_path / "named.csv", index=False)
    assert read_bars(tmp_path / "named.csv").symbol == "QQQ"
    assert read_bars(tmp_path / "named.csv", symbol="QQQ").symbol == "QQQ"
    frame.assign(Ticker="").to_csv(tmp_path / "empty.csv", index=False)
    assert read_bars(tmp_path / "empty.csv").symbol == ""
    frame.assign(Ticker=["QQQ", "SPY"] * 3).to_csv(tmp_path / "mixed.csv", index=False)
    assert problems(tmp_path / "mixed.csv", symbol="QQQ") == (
        "ticker: 2 of them in one file (QQQ, SPY); allowed is one",
    )


def test_a_file_of_one_symbol_is_not_taken_for_another(tmp_path: Path) -> None:
    path = write(tmp_path, EPOCHS)
    pd.read_csv(path).assign(symbol="qqq").to_csv(path, index=False)
    with pytest.raises(BarsError, match="symbol: these are bars of qqq, not of SPY") as caught:
        read_bars(path, symbol="SPY")
    assert caught.value.hint == "--symbol QQQ, or correct the column"
    assert read_bars(path, symbol="QQQ").symbol == "QQQ"


def test_a_symbol_of_the_file_that_could_not_be_kept_is_refused_unless_named(tmp_path: Path) -> None:
    path = write(tmp_path, EPOCHS)
    pd.read_csv(path).assign(ticker="^GSPC").to_csv(path, index=False)
    with pytest.raises(BarsError, match=r"ticker: '\^GSPC' is not a symbol") as caught:
        read_bars(path)
    assert "--symbol" in caught.value.hint
    assert read_bars(path, symbol="GSPC").symbol == "GSPC"


def test_times_of_the_close_become_times_of_the_open(tmp_path: Path) -> None:
    bars = read_bars(write(tmp_path, EPOCHS), stamps="close")
    assert bars.ts.tolist() == nanoseconds([t - timedelta(minutes=5) for t in TIMES])


def test_a_negative_zero_becomes_zero_so_that_equal_bars_have_one_hash(tmp_path: Path) -> None:
    values = [row.rsplit(",", 1)[0] for row in VALUES]
    plus = read_bars(write(tmp_path, EPOCHS, [f"{row},0" for row in values]))
    minus = read_bars(write(tmp_path, EPOCHS, [f"{row},-0.0" for row in values]))
    assert plus.hash == minus.hash


# Which column tells the time


def test_an_epoch_is_believed_before_a_naive_column_beside_it(tmp_path: Path) -> None:
    wrong = [(t + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S") for t in TIMES]
    path = write(tmp_path, [f"{w},{e}" for w, e in zip(wrong, EPOCHS, strict=True)], name="date,datetime")
    reading = read_file(path, ReadOptions(tz="UTC"))
    assert reading.bars.ts.tolist() == nanoseconds(TIMES)
    assert (reading.time_column, reading.time_reading) == ("datetime", "epoch s")


def test_an_offset_is_believed_before_a_naive_column_beside_it(tmp_path: Path) -> None:
    both = [f"{t.strftime('%Y-%m-%d')},{t.isoformat()}" for t in TIMES]
    assert read_bars(write(tmp_path, both, name="date,datetime")).ts.tolist() == nanoseconds(TIMES)


def test_two_columns_of_one_kind_must_agree(tmp_path: Path) -> None:
    same = write(tmp_path, [f"{e},{e}000" for e in EPOCHS], name="ts,time")
    assert read_bars(same).ts.tolist() == nanoseconds(TIMES)
    other = write(tmp_path, [f"{e},{e + (e == EPOCHS[4])}" for e in EPOCHS], name="ts,time")
    assert problems(other) == ("ts and time disagree: 1 row (5)",)


def test_a_date_beside_a_time_of_day_is_not_taken_for_the_whole_time(tmp_path: Path) -> None:
    path = write(tmp_path, [t.strftime("%Y-%m-%d,%H:%M") for t in TIMES], name="date,time")
    assert any(problem.startswith("time: '14:30' is neither") for problem in problems(path, tz="UTC"))


# What is refused


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "not an epoch as the others are, such as ''"),
        ("2024-01-02T14:40:00Z", "not an epoch as the others are, such as '2024-01-02T14:40:00Z'"),
        ("1.7E+09", "an epoch in scientific notation, whose digits are lost"),
        (f"{EPOCHS[2]}000", "an epoch of another magnitude than the others, which are s"),
        ("9300000000", "an epoch beyond the year 2262"),
        (f"{EPOCHS[2]}.5", f"not an epoch as the others are, such as '{EPOCHS[2]}.5'"),
    ],
)
def test_a_cell_that_is_no_epoch_among_epochs_is_named(tmp_path: Path, cell: str, problem: str) -> None:
    path = write(tmp_path, [*EPOCHS[:2], cell, *EPOCHS[3:]])
    assert problems(path) == (f"timestamp: {problem}: 1 row (3)",)


@pytest.mark.parametrize("cell", ["2024-02-30 10:00:00", "2024-01-02 24:30:00", "1500-01-02 10:00:00"])
def test_a_time_of_no_day_is_named(tmp_path: Path, cell: str) -> None:
    times = [t.strftime("%Y-%m-%d %H:%M:%S") for t in TIMES]
    path = write(tmp_path, [*times[:2], cell, *times[3:]])
    assert problems(path, tz="UTC") == ("timestamp: not a time of any day from 1677 to 2262: 1 row (3)",)


@pytest.mark.parametrize(
    "cell", ["1/2/2024 14:30", "3-Jan-22", "20240102", "2024/01/02", "14:30", "yesterday"]
)
def test_times_with_two_readings_are_refused_whole(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path, [cell] * 6)
    assert problems(path, tz="UTC") == (
        f"timestamp: {cell!r} is neither ISO 8601 (2024-01-31T09:30:00-05:00) nor an epoch",
    )


def test_an_hour_that_occurs_twice_or_never_is_refused_by_row(tmp_path: Path) -> None:
    autumn = [f"2024-11-03 {clock}:00" for clock in ("00:30", "00:45", "01:00", "01:15", "02:00", "02:15")]
    assert problems(write(tmp_path, autumn), tz="America/New_York", interval="15m") == (
        "timestamp: occurs twice in America/New_York, where the clocks go back: 2 rows (3-4)",
    )
    spring = [f"2024-03-10 {clock}:00" for clock in ("01:30", "01:45", "02:00", "02:45", "03:00", "03:15")]
    assert problems(write(tmp_path, spring), tz="America/New_York", interval="15m") == (
        "timestamp: does not occur in America/New_York, where the clocks go forward: 2 rows (3-4)",
    )


def test_rows_out_of_order_are_refused_or_sorted_and_counted(tmp_path: Path) -> None:
    order = [0, 1, 4, 2, 3, 5]
    path = write(tmp_path, [EPOCHS[i] for i in order], [VALUES[i] for i in order])
    assert problems(path) == ("out of order, below a later row: 2 rows (4-5)",)
    reading = read_file(path, ReadOptions(sort=True))
    assert (reading.rows, reading.moved, reading.dropped) == (6, 2, 0)
    assert reading.bars.hash == read_bars(write(tmp_path, EPOCHS)).hash


def test_a_file_that_runs_backwards_is_told_so(tmp_path: Path) -> None:
    path = write(tmp_path, EPOCHS[::-1], VALUES[::-1])
    assert problems(path) == ("the file runs backwards in time: 5 rows (2-6)",)
    assert read_bars(path, sort=True).hash == read_bars(write(tmp_path, EPOCHS)).hash


def test_exact_duplicates_are_refused_or_dropped_and_counted(tmp_path: Path) -> None:
    rows = [0, 1, 1, 2, 3, 1, 4, 5]
    path = write(tmp_path, [EPOCHS[i] for i in rows], [VALUES[i] for i in rows])
    with pytest.raises(BarsError) as caught:
        read_bars(path)
    assert caught.value.problems == (
        "out of order, below a later row: 1 row (6)",
        "exact duplicate of an earlier row: 2 rows (3, 6)",
    )
    assert caught.value.hint == "repair the order with --sort --drop-duplicates"
    assert problems(path, sort=True) == ("exact duplicate of an earlier row: 2 rows (3, 6)",)
    assert problems(path, drop_duplicates=True) == ("out of order, below a later row: 1 row (6)",)
    reading = read_file(path, ReadOptions(sort=True, drop_duplicates=True))
    assert (reading.rows, reading.moved, reading.dropped) == (8, 1, 2)
    assert reading.bars.hash == read_bars(write(tmp_path, EPOCHS)).hash


@pytest.mark.parametrize("column", range(5))
def test_rows_of_one_time_with_different_values_are_always_refused(tmp_path: Path, column: int) -> None:
    # Each change keeps the bar inside the contract.
    cells = [101.0, 103.0, 100.0, 102.0, 10.0]
    cells[column] += [0.5, 0.5, -0.5, 0.5, 1.0][column]
    other = ",".join(str(cell) for cell in cells)
    path = write(tmp_path, [*EPOCHS, EPOCHS[1]], [*VALUES, other])
    found = problems(path, sort=True, drop_duplicates=True)
    assert found == ("same time, different values: 2 rows (2, 7)",)


def test_the_interval_is_checked_against_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path, EPOCHS)
    assert read_bars(path, interval="300s").interval == "5m"
    assert problems(path, interval="1m") == ("the usual step is 5m (5 of 5), not 1m",)
    assert problems(path, interval="10m") == (
        "follows the row before by less than the interval: 5 rows (2-6)",
        "the usual step is 5m (5 of 5), not 10m",
    )


def test_one_row_between_is_named(tmp_path: Path) -> None:
    between = [*EPOCHS[:3], EPOCHS[2] + 60, *EPOCHS[3:]]
    path = write(tmp_path, between, [*VALUES[:3], *VALUES[2:]])
    assert problems(path, interval="5m") == (
        "follows the row before by less than the interval: 2 rows (4-5)",
    )
    assert problems(path) == ("the interval cannot be told from the times; name it with --interval",)


def test_sparse_bars_are_accepted_when_their_interval_is_named(tmp_path: Path) -> None:
    sparse = [EPOCHS[0] + 60 * minute for minute in (0, 1, 3, 5, 7, 9)]
    assert read_bars(write(tmp_path, sparse), interval="1m").interval == "1m"
    assert len(problems(write(tmp_path, sparse))) == 1


def test_a_single_row_needs_an_interval(tmp_path: Path) -> None:
    path = write(tmp_path, EPOCHS[:1], VALUES[:1])
    assert len(read_bars(path, interval="5m")) == 1
    assert problems(path) == ("the interval cannot be told from the times; name it with --interval",)


@pytest.mark.parametrize("cell", ["", "null", "x", "1,000", "1_000", "0x10", "1.2.3", "--"])
def test_a_cell_that_is_no_number_is_named(tmp_path: Path, cell: str) -> None:
    values = VALUES.copy()
    values[4] = f'104,106,103,105,"{cell}"'
    assert problems(write(tmp_path, EPOCHS, values)) == ("volume is not a number: 1 row (5)",)


@pytest.mark.parametrize("cell", ["nan", "inf", "-1", "1e999"])
def test_a_number_that_is_no_volume_is_named(tmp_path: Path, cell: str) -> None:
    values = VALUES.copy()
    values[4] = f"104,106,103,105,{cell}"
    (problem,) = problems(write(tmp_path, EPOCHS, values))
    assert problem.startswith("volume is not a number")
    assert problem.endswith(": 1 row (5)")


def test_problems_of_all_kinds_are_told_at_once(tmp_path: Path) -> None:
    times = [EPOCHS[0], EPOCHS[2], EPOCHS[1], "soon", EPOCHS[4], EPOCHS[5]]
    values = [VALUES[0], VALUES[2], VALUES[1], VALUES[3], "x,106,103,105,1", "105,104,103,106,1"]
    found = problems(write(tmp_path, times, values))
    assert found == (
        "timestamp: not an epoch as the others are, such as 'soon': 1 row (4)",
        "open is not a number: 1 row (5)",
        "high lies below open, low or close: 1 row (6)",
        "out of order, below a later row: 1 row (3)",
    )


def test_rows_with_too_few_or_too_many_cells_are_named_by_their_place_in_the_file(tmp_path: Path) -> None:
    values = [*VALUES[:1], "1,2", *VALUES[2:4], VALUES[4] + ",9", "100,99,98,100,1"]
    assert problems(write(tmp_path, EPOCHS, values)) == (
        "3 cells under 6 headings: 1 row (2)",
        "7 cells under 6 headings: 1 row (5)",
        "high lies below open, low or close: 1 row (6)",
    )


@pytest.mark.parametrize("factor", [60.0, 1000.0])
def test_a_lost_decimal_point_is_refused_inside_a_bar_and_between_bars(tmp_path: Path, factor: float) -> None:
    inside = [*VALUES[:2], f"102,{104 * factor},101,103,20", *VALUES[3:]]
    between = [
        *VALUES[:2],
        ",".join(str(price * factor) for price in (102, 104, 101, 103)) + ",20",
        *VALUES[3:],
    ]
    what = "a price jumps by a factor of 50 or more"
    assert problems(write(tmp_path, EPOCHS, inside)) == (f"{what}: 1 row (3)",)
    assert problems(write(tmp_path, EPOCHS, between)) == (f"{what}: 2 rows (3-4)",)
    assert len(read_bars(write(tmp_path, EPOCHS, between), allow_jumps=True)) == 6


def test_a_split_of_20_for_1_is_no_mistake(tmp_path: Path) -> None:
    split = [*VALUES[:3], *("5.1,5.3,5,5.2,9" for _ in range(3))]
    assert len(read_bars(write(tmp_path, EPOCHS, split))) == 6


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("timestamp,open,high,low,close,tick_volume", "the column 'volume' is missing"),
        ("timestamp,open,high,low,Last,volume", "the column 'close' is missing"),
        ("when,open,high,low,close,volume", "no column of times; allowed is ts, timestamp, datetime, date"),
        ("Date,open,high,low,close,volume,date", "the column 'date' is there 2 times"),
        ("timestamp,Open,high,low,close,volume,open", "the column 'open' is there 2 times"),
    ],
)
def test_a_column_missing_or_there_twice_is_named(tmp_path: Path, header: str, problem: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    (found,) = problems(path)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.csv", b"", "has no header line"),
        ("header.csv", b"timestamp,open,high,low,close,volume\n", "has no rows"),
        ("noheader.csv", b"2024-01-02,1,1,1,1,1\n", "has no header line: the first line is '2024-01-02"),
        ("latin.csv", "Zeit\xe4\n".encode("latin-1"), "is not UTF-8"),
        (
            "latin_below.csv",
            b"timestamp,open,high,low,close,volume\n1,1,1,1,1,\xe4\n",
            "cannot be read as text",
        ),
        ("bad.csv.gz", b"not gzip", "is not a whole gzip file"),
        ("cut.csv.gz", gzip.compress(b"timestamp,open\n" * 99, mtime=0)[:-9], "is not a whole gzip file"),
        ("bad.parquet", b"PAR1 not parquet PAR1", "cannot be read"),
        ("bad.feather", b"not feather", "cannot be read"),
        ("bars.zip", b"PK", "of a kind that is not known; allowed is .csv"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_bad_input(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BarsError, match=message):
        read_bars(path, tz="UTC")


def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match="there is no such file"):
        read_bars(tmp_path / "none.csv")
    with pytest.raises(BarsError, match="is a folder"):
        read_bars(tmp_path)
    with pytest.raises(ResourceError, match="too long"):
        read_bars(tmp_path / ("x" * 300 + ".csv"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tz": "America/NewYork"}, "did you mean America/New_York"),
        ({"tz": "EST5"}, "is not known; allowed is a name"),
        ({"stamps": "end"}, "allowed is open or close"),
        ({"interval": "5min"}, "is not an interval"),
        ({"symbol": "qqq"}, "write QQQ"),
        ({"adjustment": "yes"}, "allowed is unknown"),
    ],
)
def test_an_option_that_is_not_allowed_is_a_usage_error(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_bars(write(tmp_path, EPOCHS), **options)


def test_daily_bars_have_no_stamps_of_their_close(tmp_path: Path) -> None:
    path = write(tmp_path, [f"2024-01-{day:02}" for day in range(2, 8)], name="date")
    with pytest.raises(UsageError, match="dated by their day"):
        read_bars(path, tz="UTC", stamps="close")
