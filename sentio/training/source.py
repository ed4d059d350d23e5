"""Where a training's table comes from: bars of the library, or given ones, their features from the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentio.errors import BadInput, BarsError, UsageError
from sentio.workspace import Workspace

if TYPE_CHECKING:
    from sentio.bars import Bars
    from sentio.cache import CacheEntry
    from sentio.training.config import TrainConfig
    from sentio.training.run import Run

__all__ = ["library_bars", "open_table", "reopen_table"]


def library_bars(workspace: Workspace, symbol: str | None, interval: str | None) -> Bars:
    """Bars that were imported or simulated.

    Args:
        workspace: whose library.
        symbol, interval: None: the only one there is.

    Raises:
        BarsError: there are no such bars.
        UsageError: several would do; they are listed.
    """
    from sentio.bars import BarsLibrary

    library = BarsLibrary(workspace)
    if symbol is None:
        symbols = library.symbols()
        if not symbols:
            raise BarsError(
                str(workspace.bars), "holds no bars", hint="sentio data import, or sentio data synth"
            )
        if len(symbols) > 1:
            raise UsageError(
                "symbol",
                f"which one is not said; there are: {', '.join(symbols)}",
                hint=f"--symbol {symbols[0]}",
            )
        symbol = symbols[0]
    return library.load(symbol, interval)


def open_table(
    config: TrainConfig, workspace: Workspace, bars: Bars | None, project: Workspace
) -> CacheEntry:
    """The features of the configuration's bars by its spec; computed where the cache does not hold them yet.

    Args:
        config: symbol, interval and spec.
        workspace: where the cache is.
        bars: None: those of the workspace's library.
        project: whose specs are meant by name.

    Raises:
        BadInput: the bars given have another interval than the configuration says.
    """
    from sentio.cache import build_cache
    from sentio.specs import FeatureSpec

    if bars is None:
        bars = library_bars(workspace, config.symbol, config.interval)
    elif config.interval not in (None, bars.interval):
        raise BadInput("bars", f"are of {bars.interval}; the configuration says {config.interval}")
    return build_cache(bars, FeatureSpec.load(config.feature_spec, project.root), workspace).entry


def reopen_table(run: Run, workspace: Workspace) -> CacheEntry:
    """The very cache entry that a run began with.

    Raises:
        BadInput: it is no longer there.
    """
    from sentio.cache import open_entry
    from sentio.cache.manifest import entry_path

    manifest = run.manifest
    path = entry_path(workspace, manifest.symbol, manifest.interval, manifest.cache_key)
    if not path.is_dir():
        raise BadInput(run.name, f"its cache entry {path} is gone", hint="train again from the start")
    return open_entry(path)
