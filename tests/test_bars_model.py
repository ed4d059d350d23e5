"""Bars keep their contract from the moment they are made, and their hash is of documented bytes."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sentio.bars import PRICE_MAX, PRICE_MIN, VOLUME_MAX, Bars
from sentio.errors import BarsError, UsageError

MINUTE = 60 * 10**9
COLUMNS = ("open", "high", "low", "close", "volume")


def make(count: int = 6, **changes: Any) -> Bars:
    """A few good bars, with some of their fields changed."""
    base = 100.0 + np.arange(count)
    fields: dict[str, Any] = {
        "symbol": "QQQ",
        "interval": "5m",
        "ts": 1_700_000_000 * 10**9 + np.arange(count) * 5 * MINUTE,
        "open": base,
        "high": base + 2,
        "low": base - 1,
        "close": base + 1,
        "volume": np.arange(count) * 10.0,
    }
    return Bars(**(fields | changes))


def with_cell(name: str, row: int, value: float) -> dict[str, Any]:
    column = getattr(make(), name).copy()
    column[row] = value
    return {name: column}


def test_the_columns_are_contiguous_read_only_and_of_their_types() -> None:
    bars = make(volume=np.arange(6, dtype=np.int32))
    assert bars.ts.dtype == np.int64
    for name in ("ts", *COLUMNS):
        column = getattr(bars, name)
        assert column.flags.c_contiguous
        assert not column.flags.writeable
        assert name == "ts" or column.dtype == np.float64


def test_bars_do_not_change_with_the_arrays_that_they_were_made_from() -> None:
    close = make().close.copy()
    bars = make(close=close)
    close[:] = 1.0
    assert bars.close.tolist() == make().close.tolist()


def test_the_length_and_a_slice_are_those_of_the_rows() -> None:
    bars = make(6)
    part = bars[2:5]
    assert (len(bars), len(part), len(bars[:0])) == (6, 3, 0)
    assert part.ts.tolist() == bars.ts[2:5].tolist()
    assert part.to_array().tolist() == bars.to_array()[2:5].tolist()
    assert np.shares_memory(part.close, bars.close)
    assert (part.symbol, part.interval, part.source) == (bars.symbol, bars.interval, bars.source)


@pytest.mark.parametrize("rows", [3, slice(None, None, 2), slice(None, None, -1)])
def test_what_would_not_be_consecutive_bars_is_no_slice(rows: Any) -> None:
    with pytest.raises(TypeError):
        make()[rows]


def test_the_array_has_the_columns_in_their_order_and_may_be_written_to() -> None:
    array = make().to_array()
    assert array.shape == (6, 5)
    assert array.flags.c_contiguous
    assert array[2].tolist() == [102.0, 104.0, 101.0, 103.0, 20.0]
    array[0] = 0.0


def test_the_arrow_table_has_utc_nanoseconds() -> None:
    table = make().to_arrow()
    assert table.column_names == ["ts", *COLUMNS]
    assert str(table.schema.field("ts").type) == "timestamp[ns, tz=UTC]"
    assert table.to_pandas()["ts"].astype("int64").tolist() == make().ts.tolist()
    assert table["close"].to_pylist() == make().close.tolist()


@pytest.mark.parametrize("simulated", [False, True])
def test_the_hash_is_that_of_the_documented_bytes(simulated: bool) -> None:
    bars = make(3, simulated=simulated, adjustment="splits")
    expected = b"sentio.bars.1" + b"5m\0" + (b"\1" if simulated else b"\0") + b"splits\0"
    expected += struct.pack("<Q", 3) + struct.pack("<3q", *bars.ts.tolist())
    for name in COLUMNS:
        expected += struct.pack("<3d", *getattr(bars, name).tolist())
    assert bars.hash == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"interval": "1m"},
        {"simulated": True},
        {"adjustment": "raw"},
        {"ts": make().ts + 1},
        *(with_cell(name, 3, getattr(make(), name)[3] + 1e-9) for name in COLUMNS),
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_changes_with_all_that_features_can_depend_on(change: dict[str, Any]) -> None:
    assert make(**change).hash != make().hash
    assert make()[:5].hash != make().hash


def test_the_hash_does_not_depend_on_names() -> None:
    renamed = replace(make(), symbol="SPY", source="other.csv", source_hash="0" * 64, timezone="epoch")
    assert renamed.hash == make().hash


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0, PRICE_MIN / 2, PRICE_MAX * 2])
def test_a_price_outside_the_range_is_refused_by_row(name: str, value: float) -> None:
    with pytest.raises(BarsError, match=rf"{name} is not a number within .*: 1 row \(3\)"):
        make(**with_cell(name, 2, value))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, -1e-300, VOLUME_MAX * 2])
def test_a_volume_outside_the_range_is_refused_by_row(value: float) -> None:
    with pytest.raises(BarsError, match=r"volume is not a number within .*: 1 row \(6\)"):
        make(**with_cell("volume", 5, value))


@pytest.mark.parametrize("price", [PRICE_MIN, 1.0, PRICE_MAX])
@pytest.mark.parametrize("volume", [0.0, VOLUME_MAX])
def test_the_bounds_themselves_are_allowed(price: float, volume: float) -> None:
    flat = np.full(6, price)
    make(open=flat, high=flat, low=flat, close=flat, volume=np.full(6, volume))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (with_cell("high", 1, 101.5), "high lies below"),  # below the close, 102
        (with_cell("open", 1, 104.0), "high lies below"),
        (with_cell("low", 1, 101.5), "low lies above"),  # above the open, 101
        (with_cell("close", 1, 99.0), "low lies above"),
        (with_cell("high", 1, 99.0), "high lies below"),
    ],
)
def test_high_and_low_contain_open_and_close(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(BarsError, match=rf"{rule}.*: 1 row \(2\)"):
        make(**change)


@pytest.mark.parametrize("row", [1, 3, 5])
def test_a_time_that_is_not_later_is_refused(row: int) -> None:
    ts = make().ts.copy()
    ts[row] = ts[row - 1]
    with pytest.raises(BarsError, match=rf"not later than that of the row before: 1 row \({row + 1}\)"):
        make(ts=ts)


def test_bars_closer_than_their_interval_are_refused_and_longer_gaps_are_not() -> None:
    ts = make().ts.copy()
    ts[4:] += 17
    make(ts=ts)
    ts[3] += 18
    with pytest.raises(BarsError, match=r"by less than the interval: 1 row \(5\)"):
        make(ts=ts)


def test_a_day_of_23_hours_is_a_day() -> None:
    hours = np.cumsum([0, 24, 23, 24, 24, 24])
    make(interval="1d", ts=hours * 3600 * 10**9)
    with pytest.raises(BarsError, match="less than the interval"):
        make(interval="1d", ts=np.cumsum([0, 24, 22, 24, 24, 24]) * 3600 * 10**9)


def test_all_breaches_are_told_at_once_with_runs_of_rows() -> None:
    count = 40
    base = np.full(count, 100.0)
    low = np.where(np.arange(count) % 2 == 0, 101.0, 100.0)
    volume = np.where(np.arange(count) >= 30, -1.0, 1.0)
    with pytest.raises(BarsError) as caught:
        make(count, open=base, high=base + 5, low=low, close=base, volume=volume)
    assert caught.value.problems == (
        "low lies above open or close: 20 rows (1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 10 more)",
        "volume is not a number within [0, 1e+18]: 10 rows (31-40)",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"ts": make().ts.astype(np.float64)},
        {"ts": make().ts.astype("datetime64[ns]")},
        {"ts": make().ts.astype(np.uint64)},
        {"close": make().close.reshape(2, 3)},
        {"close": make().close.astype(str)},
        {"close": make().close[:5]},
        {"volume": np.zeros(6, np.bool_)},
    ],
)
def test_columns_of_the_wrong_kind_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BarsError):
        make(**change)


@pytest.mark.parametrize(
    "symbol", ["qqq", "../QQQ", ".QQQ", "-Q", "A/B", "A B", "Q\0", "A" * 33, "Ä", "QQQ\n"]
)
def test_a_symbol_that_could_not_be_a_file_name_is_refused(symbol: str) -> None:
    with pytest.raises(UsageError, match="is not a symbol"):
        make(symbol=symbol)


@pytest.mark.parametrize("symbol", ["", "QQQ", "BRK.B", "ES_F", "BTC-USD", "7203", "A" * 32])
def test_ordinary_symbols_and_none_at_all_are_allowed(symbol: str) -> None:
    assert make(symbol=symbol).symbol == symbol


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval": "60m"}, "is written '1h'"),
        ({"interval": "soon"}, "is not an interval"),
        ({"adjustment": "some"}, "allowed is unknown, raw"),
    ],
)
def test_words_that_are_not_known_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(**change)


def test_what_was_planted_cannot_be_changed() -> None:
    figures = {"ic_1": 0.06}
    bars = make(simulated=True, planted=figures)
    figures["ic_1"] = 0.5
    assert bars.planted == {"ic_1": 0.06}
    with pytest.raises(TypeError):
        bars.planted["ic_1"] = 0.5
