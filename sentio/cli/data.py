"""`sentio data`: simulate, import, check, list and remove bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sentio.cli.screen import IntervalOption, JsonOption, RootOption, message, print_json, table

if TYPE_CHECKING:
    from sentio.bars import Bars, Reading

__all__ = ["app"]

app = typer.Typer(help="Bars: simulate, import, check, list, remove.", no_args_is_help=True)

_Interval = typer.Option(None, "--interval", help="Length of a bar, such as 5m; else what the bars tell.")
_Zone = typer.Option(None, "--tz", help="Zone of local times, such as America/New_York.")
_Stamps = typer.Option("open", "--stamps", help="Whether a row's time is its bar's open or its close.")
_Sort = typer.Option(False, "--sort", help="Put rows that are out of order in their place.")
_Drop = typer.Option(False, "--drop-duplicates", help="Leave out exact repetitions of a row.")
_Jumps = typer.Option(False, "--allow-jumps", help="Accept prices that jump by a factor of 50 and more.")
_Adjustment = typer.Option(
    None, "--adjustment", help="What was done to the prices: raw, splits, splits+dividends."
)
_Replace = typer.Option(False, "--replace", help="Put these bars in the place of those that are there.")


@app.command()
def synth(
    symbol: str = typer.Argument(help="Such as QQQ."),
    interval: str = typer.Option("1m", "--interval", help="1m, 2m, 3m, 5m, 10m, 15m or 30m."),
    days: int = typer.Option(120, "--days", help="Sessions of 390 minutes, from 2 January 2024 on."),
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same bars."),
    replace: bool = _Replace,
    root: Path | None = RootOption,
    as_json: bool = JsonOption,
) -> None:
    """Simulate bars with a weak signal whose best reachable figures are known.

    Example: sentio data synth QQQ --interval 1m --days 120 --seed 7
    """
    from sentio.bars import BarsLibrary, synthesize
    from sentio.workspace import Workspace

    library = BarsLibrary(Workspace.find(root))
    bars = synthesize(symbol, interval, days, seed).bars
    there = not replace and library.holds(bars)
    path = library.path(symbol, interval) if there else library.save(bars, replace=replace)
    if as_json:
        print_json({"path": str(path), "already_there": there, "bars": _document(bars)})
        return
    print(f"{_name(bars)}: {'already there' if there else 'made'}, {_span(bars)}")
    _print_planted(bars)
    print(path)


@app.command("import")
def import_file(
    file: Path = typer.Argument(help="CSV (.gz too), Parquet or Feather."),
    symbol: str = typer.Option(..., "--symbol", help="Such as QQQ."),
    interval: str | None = _Interval,
    tz: str | None = _Zone,
    stamps: str = _Stamps,
    sort: bool = _Sort,
    drop_duplicates: bool = _Drop,
    allow_jumps: bool = _Jumps,
    adjustment: str | None = _Adjustment,
    replace: bool = _Replace,
    root: Path | None = RootOption,
    as_json: bool = JsonOption,
) -> None:
    """Read a file of bars, check it, and keep the bars.

    Example: sentio data import bars.csv --symbol QQQ --interval 5m --tz America/New_York
    """
    from sentio.bars import BarsLibrary, ReadOptions, read_file
    from sentio.workspace import Workspace

    library = BarsLibrary(Workspace.find(root))
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
    reading = read_file(file, options)
    path = library.save(reading.bars, replace=replace)
    if as_json:
        print_json({"path": str(path), "bars": _document(reading.bars), **_reading_document(reading)})
        return
    print(f"{_name(reading.bars)}: imported, {_span(reading.bars)}")
    _print_reading(reading, tz)
    print(path)


@app.command()
def check(
    target: str = typer.Argument(help="A file, or the symbol of bars that are kept."),
    interval: str | None = _Interval,
    tz: str | None = _Zone,
    stamps: str = _Stamps,
    sort: bool = _Sort,
    drop_duplicates: bool = _Drop,
    allow_jumps: bool = _Jumps,
    root: Path | None = RootOption,
    as_json: bool = JsonOption,
) -> None:
    """Check bars and tell what is in them: of a file as `import` would, of a symbol by its hashes.

    Examples: sentio data check QQQ --interval 5m; sentio data check bars.csv --tz America/New_York
    """
    from dataclasses import asdict

    from sentio.bars import SUFFIXES, BarsLibrary, ReadOptions, read_file, summarize
    from sentio.workspace import Workspace

    reading = None
    if "/" in target or target.lower().endswith(SUFFIXES):
        options = ReadOptions(
            interval=interval,
            tz=tz,
            stamps=stamps,
            sort=sort,
            drop_duplicates=drop_duplicates,
            allow_jumps=allow_jumps,
        )
        reading = read_file(target, options)
        bars = reading.bars
    else:
        bars = BarsLibrary(Workspace.find(root)).load(target, interval)
    facts = summarize(bars)
    if as_json:
        found = {"bars": _document(bars), "summary": asdict(facts)}
        print_json(found if reading is None else {**found, **_reading_document(reading)})
        return
    print(f"{_name(bars)}: good, {_span(bars)}")
    if reading is not None:
        _print_reading(reading, tz)
    rows = [] if facts.sessions is None else [["sessions", f"{facts.sessions:,}"]]
    rows += [] if facts.missing is None else [["bars missing inside sessions", f"{facts.missing:,}"]]
    rows += [["bars without volume", f"{facts.zero_volume:,}"], ["bars with one price", f"{facts.flat:,}"]]
    if facts.largest_move_at is not None:
        rows.append(["largest move", f"{facts.largest_move:.2%} at {_when(facts.largest_move_at)} UTC"])
    rows += [["source", bars.source], ["times read as", bars.timezone], ["adjustment", bars.adjustment]]
    table("", ["fact", "value"], [*rows, ["hash", bars.hash]])
    _print_planted(bars)


@app.command("list")
def list_bars(root: Path | None = RootOption, as_json: bool = JsonOption) -> None:
    """List the bars that are kept.

    Example: sentio data list
    """
    from sentio.bars import BarsLibrary
    from sentio.errors import CorruptStore
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    listing = BarsLibrary(workspace).list()
    if as_json:
        print_json([holding.model_dump() for holding in listing.holdings])
    elif listing.holdings:
        rows = [
            [
                holding.symbol,
                holding.interval,
                f"{holding.rows:,}",
                _when(holding.first),
                _when(holding.last),
                "SIMULATED" if holding.simulated else holding.source,
                holding.bars_hash[:12],
            ]
            for holding in listing.holdings
        ]
        table("", ["symbol", "interval", "bars", "first (UTC)", "last (UTC)", "source", "hash"], rows)
    else:
        message(
            "no bars yet; make some with: sentio data synth QQQ, or bring yours with: sentio data import FILE"
        )
    if listing.damaged:
        raise CorruptStore(
            str(workspace.bars), "holds damaged files", problems=[str(error) for error in listing.damaged]
        )


@app.command()
def remove(
    symbol: str = typer.Argument(help="Such as QQQ."),
    interval: str | None = IntervalOption,
    root: Path | None = RootOption,
    as_json: bool = JsonOption,
) -> None:
    """Delete bars that are kept; features, runs and bundles made from them stay.

    Example: sentio data remove QQQ --interval 1m
    """
    from sentio.bars import BarsLibrary
    from sentio.workspace import Workspace

    path = BarsLibrary(Workspace.find(root)).remove(symbol, interval)
    if as_json:
        print_json({"removed": str(path)})
    else:
        print(f"removed {path}")


def _name(bars: Bars) -> str:
    symbol = f"{bars.symbol} {bars.interval}".strip()
    return f"{symbol} SIMULATED" if bars.simulated else symbol


def _span(bars: Bars) -> str:
    if not len(bars):
        return "no bars"
    return f"{len(bars):,} bars, {_when(int(bars.ts[0]))} to {_when(int(bars.ts[-1]))} UTC"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _when(nanoseconds: int | None) -> str:
    from datetime import UTC, datetime, timedelta

    if nanoseconds is None:
        return ""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // 10**9)
    return moment.strftime("%Y-%m-%d %H:%M")


def _document(bars: Bars) -> dict[str, Any]:
    from sentio.bars import Holding

    return Holding.of(bars).model_dump()


def _reading_document(reading: Reading) -> dict[str, Any]:
    return {
        "rows_read": reading.rows,
        "rows_put_in_order": reading.moved,
        "duplicates_dropped": reading.dropped,
        "time_column": reading.time_column,
        "time_reading": reading.time_reading,
        "ignored_columns": list(reading.ignored),
    }


def _print_planted(bars: Bars) -> None:
    """The figures against which a model on simulated bars can be judged."""
    planted = bars.planted or {}
    if not planted:
        return
    rows = []
    for horizon in sorted({int(name.rpartition("_")[2]) for name in planted}):
        figures = [planted.get(f"{name}_{horizon}") for name in ("ic", "rank_ic", "auc")]
        told = ["-" if figure is None else f"{figure:.4f}" for figure in figures]
        rows.append([f"the next {_count(horizon, 'bar')}", *told])
    table("best that a model can reach", ["log return over", "ic", "rank_ic", "auc"], rows)


def _print_reading(reading: Reading, tz: str | None) -> None:
    if reading.moved or reading.dropped:
        put = f"{_count(reading.moved, 'row')} put in order"
        dropped = f"{_count(reading.dropped, 'exact duplicate')} dropped"
        print(f"repaired: {put}, {dropped}, of {_count(reading.rows, 'row')}")
    if reading.time_column:
        print(f"times: column {reading.time_column}, {reading.time_reading}")
    if tz is not None and reading.bars.timezone != tz:
        message(f"note: --tz {tz} was not needed: each time in the file is one instant already")
    if reading.ignored:
        print(f"columns not used: {', '.join(reading.ignored)}")
