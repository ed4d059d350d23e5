"""Reading bars from a file that a user has: what has one reading is read, the rest is refused by row."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sentio.bars.cells import read_numbers
from sentio.bars.contract import (
    COLUMNS,
    Float64s,
    Int64s,
    Mask,
    check_adjustment,
    check_symbol,
    is_symbol,
    list_rows,
    value_faults,
)
from sentio.bars.interval import DAY_NS, Interval
from sentio.bars.model import Bars
from sentio.bars.parquet import decode
from sentio.bars.series import (
    JUMP_FACTOR,
    Arranged,
    Series,
    arrange,
    interval_problems,
    jumps,
    usual_interval,
)
from sentio.bars.table import SYMBOL_COLUMNS, TIME_COLUMNS, Table, parse_table
from sentio.bars.times import Times, read_times
from sentio.bars.zones import check_zone
from sentio.errors import BarsError, UsageError, refused

__all__ = ["STAMPS", "ReadOptions", "Reading", "read_bars", "read_file"]

STAMPS = ("open", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a file does not say about itself, and what may be repaired.

    Args:
        symbol: such as "QQQ"; None takes the file's own, where it has one; another than that is refused.
        interval: such as "5m"; None takes the step that most rows have.
        tz: the zone of local times, such as "America/New_York"; without it they are refused.
        stamps: "close" where the file stamps bars with their end.
        sort: put rows that are out of order in their place instead of refusing them.
        drop_duplicates: leave out exact repetitions of a row instead of refusing them. Rows of one time
            with different values are always refused, since nothing tells which is true.
        allow_jumps: accept prices that move by a factor of `JUMP_FACTOR` and more.
        adjustment: what was done to the prices, one of `ADJUSTMENTS`; None is "unknown".

    Raises:
        UsageError: an option is not one that is allowed.
    """

    symbol: str | None = None
    interval: str | None = None
    tz: str | None = None
    stamps: str = "open"
    sort: bool = False
    drop_duplicates: bool = False
    allow_jumps: bool = False
    adjustment: str | None = None

    def __post_init__(self) -> None:
        if self.symbol is not None:
            check_symbol(self.symbol)
        if self.interval is not None:
            Interval.parse(self.interval)
        if self.tz is not None:
            check_zone(self.tz)
        if self.stamps not in STAMPS:
            raise UsageError("stamps", f"{self.stamps!r} is not known; allowed is {' or '.join(STAMPS)}")
        if self.adjustment is not None:
            check_adjustment(self.adjustment)


@dataclass(frozen=True, slots=True)
class Reading:
    """Bars from a file, and what it took to get them.

    Args:
        bars: what was read.
        rows: data rows in the file.
        moved: rows that stood below a later one and were put in their place.
        dropped: exact repetitions that were left out.
        time_column: the column that told the time; "" for a file that Sentio wrote.
        time_reading: how it was read, such as "epoch ms".
        ignored: columns of the file that are not used.
    """

    bars: Bars
    rows: int
    moved: int
    dropped: int
    time_column: str
    time_reading: str
    ignored: tuple[str, ...]


def read_bars(
    path: str | os.PathLike[str],
    *,
    symbol: str | None = None,
    interval: str | None = None,
    tz: str | None = None,
    stamps: str = "open",
    sort: bool = False,
    drop_duplicates: bool = False,
    allow_jumps: bool = False,
    adjustment: str | None = None,
) -> Bars:
    """Read bars from CSV (also gzipped, or separated by tabs or semicolons), Parquet or Feather.

    The columns are found by name, in any case: open, high, low, close, volume and one of `TIME_COLUMNS` in
    ISO 8601 or as an epoch in s, ms, us or ns. An epoch is trusted before a time with an offset, and that
    before a local time. A daily bar's date is the local midnight at which the day begins. A file that Sentio
    wrote is read back with all that it carries.

    Args:
        path: the file.
        symbol, interval, tz, stamps, sort, drop_duplicates, allow_jumps, adjustment: see `ReadOptions`.

    Raises:
        BarsError: the file cannot be read as bars; all problems are told, with row numbers.
        UsageError: an option is not one that is allowed.
        CorruptStore: the file is one that Sentio wrote, and is damaged.
        ResourceError: the file cannot be opened.
    """
    options = ReadOptions(
        symbol=symbol,
        interval=interval,
        tz=tz,
        stamps=stamps,
        sort=sort,
        drop_duplicates=drop_duplicates,
        allow_jumps=allow_jumps,
        adjustment=adjustment,
    )
    return read_file(path, options).bars


def read_file(path: str | os.PathLike[str], options: ReadOptions) -> Reading:
    """As `read_bars`, telling also what was repaired and what was ignored."""
    where, data = str(path), _bytes(Path(path))
    own = decode(where, data) if where.lower().endswith((".parquet", ".pq")) else None
    if own is not None:
        return _own(where, own, options)

    table = parse_table(where, data)
    if not len(table.rows) and not table.problems:
        raise BarsError(where, "has no rows")
    times = read_times(
        {name: cells for name, cells in table.columns.items() if name in TIME_COLUMNS}, table.rows, options.tz
    )
    values, bad, value_problems = _values(table)
    symbol, symbol_problems, symbol_hint = _symbol(table, options.symbol)
    good = ~(bad | times.bad)
    arranged = arrange(Series(times.ts, values, table.rows).take(good))
    told = None if options.interval is None else Interval.parse(options.interval)
    interval = told or usual_interval(arranged.series.ts)
    leaps = jumps(arranged.series) & (not options.allow_jumps)
    problems = [
        *table.problems,
        *symbol_problems,
        *times.problems,
        *value_problems,
        *_order_problems(arranged, options),
        *([] if told is None else interval_problems(arranged.series, told)),
    ]
    if leaps.any():
        what = f"a price jumps by a factor of {JUMP_FACTOR:g} or more"
        problems.append(list_rows(what, np.sort(arranged.series.rows[leaps])))
    if interval is None and not problems:  # else the rows that would tell it may be among the bad ones
        problems = ["the interval cannot be told from the times; name it with --interval"]
    if problems or interval is None:
        hints = [*([symbol_hint] if symbol_hint else []), *_hints(times, arranged, leaps, options)]
        raise BarsError(where, "cannot be read as bars", problems=problems, hint="; ".join(hints))

    bars = Bars(
        symbol=symbol,
        interval=str(interval),
        ts=_opens(arranged.series, interval, options),
        **arranged.series.values,
        simulated=False,
        timezone=times.zone,
        adjustment=options.adjustment or "unknown",
        source=Path(path).name,
        source_hash=hashlib.sha256(data).hexdigest(),
        planted=None,
    )
    return Reading(
        bars=bars,
        rows=len(table.rows),
        moved=len(arranged.late),
        dropped=len(arranged.repeated),
        time_column=times.column,
        time_reading=times.reading,
        ignored=table.ignored,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BarsError(str(path), "there is no such file") from None
    except IsADirectoryError:
        raise BarsError(str(path), "is a folder, not a file") from None
    except OSError as error:
        raise refused(error, str(path)) from None


def _own(where: str, bars: Bars, options: ReadOptions) -> Reading:
    """A file that Sentio wrote says everything itself; options that contradict it are refused."""
    if options.tz is not None or options.stamps != "open":
        raise UsageError(where, "was written by Sentio and knows its times; leave out --tz and --stamps")
    for name in ("symbol", "interval", "adjustment"):
        own, given = getattr(bars, name), getattr(options, name)
        if own and given is not None and given != own:
            raise UsageError(where, f"holds bars whose {name} is {own}, not {given}")
    named = bars if options.symbol is None else replace(bars, symbol=options.symbol)
    return Reading(named, len(bars), 0, 0, "", "", ())


def _symbol(table: Table, named: str | None) -> tuple[str, list[str], str]:
    """The symbol of the bars, "" where nobody tells it; what is wrong with the file's; what would help."""
    name = next((name for name in SYMBOL_COLUMNS if name in table.columns), "")
    told = [str(symbol or "") for symbol in table.columns[name].unique().to_pylist()] if name else []
    if len(told) > 1:
        some = ", ".join(sorted(told)[:3])
        return "", [f"{name}: {len(told)} of them in one file ({some}); allowed is one"], ""
    own = told[0] if told else ""  # an empty column tells nothing
    if named is None:
        if is_symbol(own) or not own:
            return own, [], ""
        return "", [f"{name}: {own!r} is not a symbol"], "correct the column, or import with --symbol"
    if is_symbol(own.upper()) and own.upper() != named:
        hint = f"--symbol {own.upper()}, or correct the column"
        return "", [f"{name}: these are bars of {own}, not of {named}"], hint
    return named, [], ""


def _values(table: Table) -> tuple[dict[str, Float64s], Mask, list[str]]:
    """The numbers of the bars, the rows that break the contract, and the problems with them."""
    values: dict[str, Float64s] = {}
    unread: dict[str, Mask] = {}
    for name in COLUMNS:
        values[name], unread[f"{name} is not a number"] = read_numbers(table.columns[name])
    no_number = np.logical_or.reduce(list(unread.values()))
    faults = unread | {what: mask & ~no_number for what, mask in value_faults(values).items()}
    problems = [list_rows(what, table.rows[mask]) for what, mask in faults.items() if mask.any()]
    return values, np.logical_or.reduce(list(faults.values())), problems


def _order_problems(arranged: Arranged, options: ReadOptions) -> list[str]:
    problems = []
    if len(arranged.late) and not options.sort:
        what = "the file runs backwards in time" if arranged.backwards else "out of order, below a later row"
        problems.append(list_rows(what, arranged.late))
    if len(arranged.repeated) and not options.drop_duplicates:
        problems.append(list_rows("exact duplicate of an earlier row", arranged.repeated))
    if len(arranged.contradicting):
        problems.append(list_rows("same time, different values", arranged.contradicting))
    return problems


def _hints(times: Times, arranged: Arranged, leaps: Mask, options: ReadOptions) -> list[str]:
    """The options that would help, if any."""
    flags = []
    if len(arranged.late) and not options.sort:
        flags.append("--sort")
    if len(arranged.repeated) and not options.drop_duplicates:
        flags.append("--drop-duplicates")
    hints = [f"repair the order with {' '.join(flags)}"] if flags else []
    if times.column and not times.zone:
        hints.append("name the zone of local times, such as --tz America/New_York")
    if len(arranged.contradicting):
        hints.append("of rows of one time only you can tell which is true: keep that one in the file")
    if leaps.any():
        hints.append("should such jumps be right, --allow-jumps")
    return hints


def _opens(series: Series, interval: Interval, options: ReadOptions) -> Int64s:
    """Each bar's open from its stamp."""
    if options.stamps == "open":
        return series.ts
    if interval.ns >= DAY_NS:
        raise UsageError("stamps", f"bars of {interval} are dated by their day, not stamped with their close")
    return series.ts - interval.ns
