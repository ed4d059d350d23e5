"""`sentio features`: build features into the cache, list, show and verify what is there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sentio.cli.screen import (
    IntervalOption,
    JsonOption,
    RootOption,
    message,
    print_json,
    progress,
    raise_failures,
    table,
)

if TYPE_CHECKING:
    from sentio.bars import BarsLibrary
    from sentio.cache import CacheEntry, CacheManifest

__all__ = ["app"]

app = typer.Typer(help="Features in the cache: build, list, show, verify.", no_args_is_help=True)

_Symbol = typer.Argument(help="Such as QQQ.")
_Spec = typer.Option("tfa", "--spec", help="A spec's name, or the path of its .json file.")


@app.command()
def build(
    symbols: list[str] | None = typer.Argument(None, help="Such as QQQ SPY."),
    every: bool = typer.Option(False, "--all", help="Every symbol of which there are bars at the interval."),
    spec: str = _Spec,
    interval: str | None = IntervalOption,
    jobs: int | None = typer.Option(None, "--jobs", "-j", min=1, help="Symbols at once; else one a core."),
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Compute the features of each symbol's bars, or find that they are there.

    Example: sentio features build QQQ SPY --spec tfa --interval 5m --jobs 2
    """
    import os

    from sentio.bars import BarsLibrary
    from sentio.cache import build_many
    from sentio.errors import SentioError
    from sentio.specs import FeatureSpec
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    compiled = FeatureSpec.load(spec, workspace.root)
    library = BarsLibrary(workspace)
    chosen = _chosen(library, symbols or [], every, interval)
    rows = _rows(library, chosen, interval)
    with progress("features", rows) as advance:
        results = build_many(
            chosen,
            compiled,
            workspace,
            interval=interval,
            jobs=jobs or len(os.sched_getaffinity(0)),
            progress=lambda rows: advance(rows, "rows"),
        )
    documents, errors = [], []
    for done in results:
        if isinstance(done, SentioError):
            errors.append(done)
            continue
        documents.append({"hit": done.hit, "seconds": round(done.seconds, 3), **_facts(done.entry)})
        manifest = done.entry.manifest
        what = "already there, checked" if done.hit else "built"
        message(
            f"{_name(manifest)}: {what}, {manifest.rows:,} rows of {len(manifest.features)} features, "
            f"the first valid row is {manifest.first_valid_row}, {done.seconds:.2f} s"
        )
        if not as_json:
            print(done.entry.path)
    if as_json:
        print_json(documents)
    raise_failures(errors)


def _chosen(library: BarsLibrary, symbols: list[str], every: bool, interval: str | None) -> list[str]:
    """The symbols that were named, or all that have bars at the interval."""
    from sentio.errors import UsageError

    if every == bool(symbols):
        raise UsageError("SYMBOLS", "name some symbols, or give --all, one of the two")
    if not every:
        return symbols
    found = library.symbols(interval)
    if not found:
        raise UsageError("--all", f"there are no bars{f' at {interval}' if interval else ''}")
    return list(found)


def _rows(library: BarsLibrary, symbols: list[str], interval: str | None) -> int:
    """Rows of all bars; those that are missing are told before any work, damaged ones with other failures."""
    from sentio.errors import CorruptStore

    rows = 0
    for symbol in symbols:
        with suppress(CorruptStore):
            rows += library.holding(symbol, interval).rows
    return rows


@app.command("list")
def list_(as_json: bool = JsonOption, root: Path | None = RootOption) -> None:
    """List what the cache holds.

    Example: sentio features list
    """
    from sentio.cache import list_entries
    from sentio.errors import CorruptStore
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    listing = list_entries(workspace)
    if as_json:
        print_json([_document(path, manifest) for path, manifest in listing.manifests.items()])
    elif listing.manifests:
        rows = [
            [
                origin.symbol,
                origin.interval,
                origin.spec_name,
                f"{origin.rows:,}",
                f"{origin.created_at:%Y-%m-%d %H:%M}",
                "SIMULATED" if origin.simulated else origin.source,
                origin.key[:12],
            ]
            for origin in listing.manifests.values()
        ]
        table("", ["symbol", "interval", "spec", "rows", "built (UTC)", "source", "key"], rows)
    else:
        message("no features yet; build some with: sentio features build QQQ --spec tfa")
    if listing.damaged:
        raise CorruptStore(
            str(workspace.cache), "holds damaged entries", problems=[str(error) for error in listing.damaged]
        )


@app.command()
def show(
    symbol: str = _Symbol,
    spec: str = _Spec,
    interval: str | None = IntervalOption,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Open the features of a symbol's bars and tell what they are.

    Example: sentio features show QQQ --spec tfa --interval 5m
    """
    from sentio.cache import open_cache

    entry = open_cache(symbol, spec=spec, interval=interval, root=root)
    if as_json:
        print_json(_facts(entry))
        return
    origin = entry.manifest
    facts = {
        "rows": f"{origin.rows:,}",
        "first valid row": origin.first_valid_row,
        "features": len(origin.features),
        "settle": "never" if origin.settle is None else origin.settle,
        "spec hash": origin.spec_hash,
        "bars hash": origin.bars_hash,
        "engine": origin.engine_version,
        "built (UTC)": f"{origin.created_at:%Y-%m-%d %H:%M:%S}",
        "key": entry.key,
        "id": entry.id,
        "folder": entry.path,
    }
    table(_name(origin), ["fact", "value"], [[name, str(value)] for name, value in facts.items()])
    valid = entry.features[origin.first_valid_row :]
    rows = [
        [column.name, column.op, *(f"{value:.6g}" for value in (low, high, mean, last))]
        for column, low, high, mean, last in zip(
            origin.columns, valid.min(0), valid.max(0), valid.mean(0, dtype=float), valid[-1], strict=True
        )
    ]
    table("", ["feature", "op", "least", "largest", "mean", "last"], rows)


@app.command()
def verify(
    symbol: str | None = typer.Argument(None, help="Such as QQQ; without one, every entry."),
    spec: str = _Spec,
    interval: str | None = IntervalOption,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Check every byte of what the cache holds, and compute the features again.

    Example: sentio features verify QQQ --spec tfa --interval 5m
    """
    from sentio.cache import entry_paths, open_cache, verify_entry
    from sentio.errors import SentioError
    from sentio.workspace import Workspace

    if symbol is not None:
        paths = [open_cache(symbol, spec=spec, interval=interval, root=root).path]
    else:
        paths = entry_paths(Workspace.find(root))
    entries, errors = [], []
    for path in paths:
        try:
            entries.append(verify_entry(path))
        except SentioError as error:
            errors.append(error)
    if as_json:
        print_json([_facts(entry) for entry in entries])
    else:
        for entry in entries:
            print(
                f"{_name(entry.manifest)} {entry.key[:12]}: good, {entry.manifest.rows:,} rows computed again"
            )
    raise_failures(errors)


def _name(origin: CacheManifest) -> str:
    label = " SIMULATED" if origin.simulated else ""
    return f"{origin.symbol} {origin.interval} {origin.spec_name}{label}"


def _facts(entry: CacheEntry) -> dict[str, Any]:
    return {"id": entry.id, **_document(entry.path, entry.manifest)}


def _document(path: Path, manifest: CacheManifest) -> dict[str, Any]:
    return {"path": str(path), **manifest.model_dump(mode="json", by_alias=True)}
