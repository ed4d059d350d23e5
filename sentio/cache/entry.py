"""Cache entries for reading: found by their key, checked, and mapped."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sentio.bars import Bars, BarsLibrary, Interval
from sentio.cache.damage import CHANGED, damaged, reading
from sentio.cache.manifest import (
    ARRAYS,
    BARS,
    FEATURES,
    MANIFEST,
    STATE,
    TIMES,
    CacheManifest,
    cache_key,
    describe_spec,
    entry_path,
)
from sentio.cache.mapping import map_npy
from sentio.errors import BadInput, CorruptStore
from sentio.sealed_folder import read_sums
from sentio.specs import FeatureSpec
from sentio.validation import problem_lines
from sentio.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CacheEntry", "Listing", "entry_paths", "list_entries", "open_cache", "open_entry"]


@dataclass(frozen=True)
class CacheEntry:
    """A cache entry, checked and mapped; nothing of it can be written.

    Attributes:
        path: its folder.
        id: SHA-256 of its SHA256SUMS: the identity of its bytes.
        manifest: what was computed from what.
        features: float32 [N, F], row i known at the close of bar i.
        ts: int64 [N], each bar's open in UTC nanoseconds.
        bars_matrix: float64 [N, 5]: open, high, low, close, volume.
        sums: SHA-256 of each file, as SHA256SUMS lists them.
    """

    path: Path
    id: str
    manifest: CacheManifest = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    ts: NDArray[np.int64] = field(repr=False)
    bars_matrix: NDArray[np.float64] = field(repr=False)
    sums: dict[str, str] = field(repr=False)

    @property
    def key(self) -> str:
        """What the entry was made from, as a hash; the name of its folder."""
        return self.manifest.key

    @property
    def first_valid_row(self) -> int:
        """The first row whose features are all valid."""
        return self.manifest.first_valid_row

    @cached_property
    def bars(self) -> Bars:
        """The bars that the features were computed from; copied out of their map at first use."""
        open_, high, low, close, volume = self.bars_matrix.T
        origin = self.manifest
        return Bars(
            symbol=origin.symbol,
            interval=origin.interval,
            ts=self.ts,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            simulated=origin.simulated,
            timezone=origin.timezone,
            adjustment=origin.adjustment,
            source=origin.source,
            source_hash=origin.source_hash,
            planted=origin.planted,
        )

    def engine_state(self) -> bytes:
        """The engine's snapshot after the last bar, for `FeatureEngine.restore`.

        Raises:
            CorruptStore: its bytes are not those that were written.
        """
        return _read_checked(self.path, STATE, self.sums)

    def to_arrow(self) -> pa.Table:
        """`ts` as timestamp[ns, UTC] and one float column a feature; copied out of the map."""
        import pyarrow as pa

        times = pa.array(self.ts).cast(pa.timestamp("ns", "UTC"))
        names = self.manifest.features
        columns = {name: pa.array(self.features[:, k]) for k, name in enumerate(names)}
        return pa.table({"ts": times} | columns)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a cache holds by its entries' own manifests, and the errors of entries that are damaged."""

    manifests: dict[Path, CacheManifest]
    damaged: tuple[CorruptStore, ...]


def open_cache(
    symbol: str,
    *,
    spec: str | os.PathLike[str] | FeatureSpec,
    interval: str | None = None,
    root: str | os.PathLike[str] | None = None,
) -> CacheEntry:
    """Open the features of the bars that the library holds now, by the spec as it compiles now.

    Args:
        symbol: such as "QQQ".
        spec: a name, the path of a .json file, or a spec.
        interval: such as "5m"; None takes the only one there is.
        root: the project's folder, else as `Workspace.find`.

    Raises:
        BadInput: there are no such bars, or their features are not built; the command that does it is named.
        UsageError: the spec's name is not known, or the interval is left out and there are several.
        CorruptStore: the entry is damaged.
    """
    workspace = Workspace.find(root)
    compiled = spec if isinstance(spec, FeatureSpec) else FeatureSpec.load(spec, workspace.root)
    holding = BarsLibrary(workspace).holding(symbol, interval)
    key = cache_key(holding.bars_hash, holding.adjustment, compiled.hash)
    path = entry_path(workspace, symbol, holding.interval, key)
    if not path.is_dir():
        named = compiled.name if isinstance(spec, FeatureSpec) else os.fspath(spec)
        elsewhere = f" --root {os.fspath(root)}" if root is not None else ""
        raise BadInput(
            f"features of {symbol} {holding.interval}",
            f"those of spec {compiled.name!r} are not built for the bars as they are now",
            hint=f"sentio features build {symbol} --spec {named} --interval {holding.interval}{elsewhere}",
        )
    return open_entry(path)


def open_entry(path: Path) -> CacheEntry:
    """Open an entry by its folder, and check it against itself and against the engine.

    Checked: the manifest by its SHA-256, its key against its parts and its place, its spec by compiling it,
    and each array by XXH3 of the very map that is then handed out. What is not read (features.parquet) is
    not checked; `verify_entry` checks everything.

    Raises:
        CorruptStore: something of it is not what was written.
        BadInput: the engine has changed since, and compiles the spec to something else.
    """
    sums = read_sums(path)
    manifest = _read_manifest(path, sums.hashes)
    _check_spec(path, manifest)
    n_features = len(manifest.columns)
    shapes = {FEATURES: (manifest.rows, n_features), TIMES: (manifest.rows,), BARS: (manifest.rows, 5)}
    dtypes = {FEATURES: np.float32, TIMES: np.int64, BARS: np.float64}
    arrays = {
        name: map_npy(path / name, dtypes[name], shapes[name], manifest.xxh3.get(name, "")) for name in ARRAYS
    }
    return CacheEntry(
        path=path,
        id=sums.id,
        manifest=manifest,
        features=arrays[FEATURES],
        ts=arrays[TIMES],
        bars_matrix=arrays[BARS],
        sums=sums.hashes,
    )


def entry_paths(workspace: Workspace) -> list[Path]:
    """The folders of all entries of a workspace, in the order of symbol and interval."""
    return sorted(workspace.cache.glob("[!.]*/[!.]*/[!.]*"))


def list_entries(workspace: Workspace) -> Listing:
    """All entries of a workspace by their manifests; no array is read."""
    manifests, damaged = {}, []
    for path in entry_paths(workspace):
        try:
            manifests[path] = _read_manifest(path, read_sums(path).hashes)
        except CorruptStore as error:
            damaged.append(error)
    return Listing(manifests, tuple(damaged))


def _read_checked(path: Path, name: str, sums: dict[str, str]) -> bytes:
    with reading(path / name):
        data = (path / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != sums.get(name):
        raise damaged(path / name, CHANGED)
    return data


def _read_manifest(path: Path, sums: dict[str, str]) -> CacheManifest:
    try:
        manifest = CacheManifest.model_validate_json(_read_checked(path, MANIFEST, sums))
    except ValidationError as error:
        raise damaged(path / MANIFEST, "is not a manifest", problem_lines(error)) from None
    key = cache_key(manifest.bars_hash, manifest.adjustment, manifest.spec_hash)
    if (manifest.symbol, manifest.interval, key) != path.parts[-3:] or manifest.key != key:
        raise damaged(path, "its name does not follow from what its manifest says it was made of")
    return manifest


def _check_spec(path: Path, manifest: CacheManifest) -> None:
    spec = FeatureSpec.from_document(
        json.dumps(manifest.spec), name=manifest.spec_name, where=str(path / MANIFEST)
    )
    if spec.hash != manifest.spec_hash:
        raise BadInput(
            str(path),
            f"was built by engine {manifest.engine_version}, whose ops are of other versions than these",
            hint=f"sentio features build {manifest.symbol} --spec {manifest.spec_name} "
            f"--interval {manifest.interval}",
        )
    derived = describe_spec(spec) | {"interval_ns": Interval.parse(manifest.interval).ns}
    said = {name: getattr(manifest, name) for name in derived} | {"features": manifest.columns}
    if said != derived:
        raise damaged(path, "its manifest does not say of the spec what the engine says")
