"""Building the entries of many symbols, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sentio.bars import BarsLibrary
from sentio.cache.build import CacheBuild, build_cache
from sentio.errors import SentioError, UsageError
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

__all__ = ["build_many"]


def build_many(
    symbols: Sequence[str],
    spec: FeatureSpec,
    workspace: Workspace,
    *,
    interval: str | None = None,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[CacheBuild | SentioError]:
    """Build the entries of many symbols; one that fails leaves the others alone.

    Args:
        symbols: of which the workspace has bars.
        spec: what to compute.
        workspace: where the bars are, and the entries go.
        interval: such as "5m"; None takes each symbol's only one.
        jobs: how many symbols to work on at once; it changes no byte of an entry but for its time of day.
        progress: told, on several threads, after each block how many rows it had.

    Returns:
        For each symbol, in order, what came of it, or why nothing did.

    Raises:
        UsageError: `jobs` is not positive.
    """
    if jobs < 1:
        raise UsageError("jobs", f"is {jobs}; at least 1 is needed")
    library = BarsLibrary(workspace)

    def build(symbol: str) -> CacheBuild | SentioError:
        try:
            return build_cache(library.load(symbol, interval), spec, workspace, progress=progress)
        except SentioError as error:
            return error

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(build, symbols))
    finally:
        pool.shutdown(cancel_futures=True)  # who is interrupted waits for the entries in work alone
