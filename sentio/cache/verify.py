"""Proving a cache entry: every byte by its hash, and every feature by computing it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sentio.cache.damage import damaged
from sentio.cache.entry import CacheEntry, open_entry
from sentio.errors import CheckFailed
from sentio.features import FeatureEngine
from sentio.sealed_folder import verify_sums
from sentio.specs import FeatureSpec

__all__ = ["verify_entry"]

_BLOCK = 65_536


def verify_entry(path: Path) -> CacheEntry:
    """Check all that can be known of an entry.

    Beyond `open_entry`: SHA-256 of every file, the bars' hash from the bars, and features and engine state,
    computed again from the bars, equal to the bit.

    Args:
        path: the entry's folder.

    Returns:
        The entry.

    Raises:
        CorruptStore: something of it is not what was written.
        CheckFailed: it is what was written, but this engine computes something else from the bars.
    """
    verify_sums(path)
    entry = open_entry(path)
    if entry.bars.hash != entry.manifest.bars_hash:
        raise damaged(path, "its bars are not those of its manifest")
    _recompute(entry)
    return entry


def _recompute(entry: CacheEntry) -> None:
    manifest = entry.manifest
    engine = FeatureEngine(FeatureSpec.from_document(manifest.spec, name=manifest.spec_name))
    for start in range(0, manifest.rows, _BLOCK):
        stored = entry.features[start : start + _BLOCK]
        computed = engine.compute(entry.bars[start : start + _BLOCK])
        differ = np.argwhere(stored.view(np.uint32) != computed.view(np.uint32))
        if len(differ):
            row, column = differ[0]
            raise CheckFailed(
                str(entry.path),
                f"row {start + row} of {manifest.features[column]!r} is {stored[row, column]}, "
                f"this engine computes {computed[row, column]}; {len(differ)} values of the block differ",
                hint="an op has changed its numbers without a new version",
            )
    if engine.state() != entry.engine_state():
        raise CheckFailed(str(entry.path), "this engine ends in another state than engine.state")
