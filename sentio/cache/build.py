"""Building a cache entry: a pure function of bars and spec that writes one immutable folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentio.bars import Bars
from sentio.cache.entry import CacheEntry, open_entry
from sentio.cache.manifest import (
    BARS,
    FEATURES,
    FORMAT_VERSION,
    MANIFEST,
    PARQUET,
    STATE,
    TIMES,
    CacheManifest,
    cache_key,
    describe_spec,
    entry_path,
)
from sentio.errors import BadInput, SpecError, UsageError
from sentio.extension import load_extension
from sentio.features import FeatureEngine
from sentio.npy import write_npy
from sentio.specs import FeatureSpec
from sentio.store import publish
from sentio.workspace import Workspace

__all__ = ["CacheBuild", "build_cache"]

# Rows at a time, also a row group of the Parquet file: 14 MB of 55 features, whatever the number of bars.
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class CacheBuild:
    """What came of a build: the entry, whether it was there already, and how long that took."""

    entry: CacheEntry
    hit: bool
    seconds: float


def build_cache(
    bars: Bars,
    spec: FeatureSpec,
    workspace: Workspace,
    *,
    progress: Callable[[int], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> CacheBuild:
    """Compute the features of bars and keep them, or find that they are there.

    Args:
        bars: with a symbol.
        spec: what to compute.
        workspace: the entry is written below its cache.
        progress: told after each block how many rows it had.
        clock: gives the time of day, with a time zone.

    Returns:
        The entry, opened and checked. Of several builders at once the first wins; the others open its entry.

    Raises:
        SpecError: the spec's dtype is float64.
        BadInput: the bars have no symbol, or are fewer than the spec needs for one valid row.
        CorruptStore: the entry is there, but damaged.
        ResourceError: the disk is full or the place cannot be written; nothing is left there.
    """
    start = perf_counter()
    _check(bars, spec)
    bars_hash = bars.hash
    key = cache_key(bars_hash, bars.adjustment, spec.hash)
    path = entry_path(workspace, bars.symbol, bars.interval, key)
    if path.exists():
        return _done(path, start, hit=True)
    try:
        with publish(path) as folder:
            hashes = _write_data(folder, bars, spec, progress)
            manifest = _manifest(bars, bars_hash, spec, key, hashes, clock())
            text = manifest.model_dump_json(indent=2, by_alias=True)
            (folder / MANIFEST).write_text(text + "\n", "utf-8")
    except UsageError:
        if not path.is_dir():
            raise
        return _done(path, start, hit=True)  # another builder was first
    return _done(path, start, hit=False)


def _done(path: Path, start: float, *, hit: bool) -> CacheBuild:
    entry = open_entry(path)
    return CacheBuild(entry, hit, perf_counter() - start)


def _check(bars: Bars, spec: FeatureSpec) -> None:
    if spec.dtype != "float32":
        raise SpecError(
            f"spec {spec.name!r}",
            f"its dtype is {spec.dtype}, which is for the engine alone; a cache holds float32",
        )
    if not bars.symbol:
        raise BadInput("bars", "have no symbol, under which their features could be kept")
    if len(bars) <= spec.first_valid_row:
        raise BadInput(
            f"bars of {bars.symbol} at {bars.interval}",
            f"{len(bars)} bars give no valid row; spec {spec.name!r} needs {spec.first_valid_row + 1}",
            hint="import more bars",
        )


def _write_data(
    folder: Path, bars: Bars, spec: FeatureSpec, progress: Callable[[int], None] | None
) -> dict[str, str]:
    """Write everything but the manifest, block by block; returns XXH3 of each array's file."""
    engine = FeatureEngine(spec)
    rows = len(bars)
    fields = [
        pa.field("ts", pa.timestamp("ns", "UTC")),
        *(pa.field(name, pa.float32()) for name in spec.names),
    ]
    schema = pa.schema(fields)
    buffer = np.empty((min(rows, _BLOCK), spec.n_features), np.float32)
    with ExitStack() as files:
        features = files.enter_context(write_npy(folder / FEATURES, np.float32, (rows, spec.n_features)))
        times = files.enter_context(write_npy(folder / TIMES, np.int64, (rows,)))
        prices = files.enter_context(write_npy(folder / BARS, np.float64, (rows, 5)))
        # Floats hardly repeat: with dictionaries the file takes four times as long and is larger.
        parquet = files.enter_context(
            pq.ParquetWriter(folder / PARQUET, schema, compression="zstd", use_dictionary=False)
        )
        for start in range(0, rows, _BLOCK):
            block = bars[start : start + _BLOCK]
            matrix = engine.compute(block, buffer[: len(block)])
            features.append(matrix)
            times.append(block.ts)
            prices.append(block.to_array())
            columns = [
                pa.array(block.ts).cast(schema.field("ts").type),
                *(pa.array(column) for column in matrix.T),
            ]
            parquet.write_table(pa.table(columns, schema=schema), row_group_size=_BLOCK)
            if progress is not None:
                progress(len(block))
        hashes = {FEATURES: features.xxh3(), TIMES: times.xxh3(), BARS: prices.xxh3()}
    (folder / STATE).write_bytes(engine.state())
    return hashes


def _manifest(
    bars: Bars, bars_hash: str, spec: FeatureSpec, key: str, hashes: dict[str, str], now: datetime
) -> CacheManifest:
    return CacheManifest(
        format_version=FORMAT_VERSION,
        key=key,
        created_at=now.astimezone(UTC),
        symbol=bars.symbol,
        interval=bars.interval,
        interval_ns=bars.step.ns,
        simulated=bars.simulated,
        planted=None if bars.planted is None else dict(bars.planted),
        timezone=bars.timezone,
        adjustment=bars.adjustment,
        source=bars.source,
        source_hash=bars.source_hash,
        bars_hash=bars_hash,
        spec_name=spec.name,
        spec=json.loads(spec.json),
        **describe_spec(spec),
        engine_version=load_extension().build_info()["version"],
        rows=len(bars),
        xxh3=hashes,
    )
