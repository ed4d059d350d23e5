"""What a cache entry says of itself, the key that names it, and the files that it consists of."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sentio.specs import Feature, FeatureSpec
from sentio.workspace import Workspace

__all__ = [
    "ARRAYS",
    "BARS",
    "FEATURES",
    "FORMAT_VERSION",
    "MANIFEST",
    "PARQUET",
    "STATE",
    "TIMES",
    "CacheManifest",
    "cache_key",
    "describe_spec",
    "entry_path",
]

FORMAT_VERSION: Final = 1

FEATURES, TIMES, BARS = "features.npy", "ts.npy", "bars.npy"
ARRAYS = (FEATURES, TIMES, BARS)
PARQUET, STATE, MANIFEST = "features.parquet", "engine.state", "manifest.json"


class CacheManifest(BaseModel):
    """manifest.json."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format_version: Literal[1]
    key: str
    created_at: datetime

    symbol: str
    interval: str
    interval_ns: int
    simulated: bool
    planted: dict[str, float] | None
    timezone: str
    adjustment: str
    source: str
    source_hash: str
    bars_hash: str

    spec_name: str
    spec_hash: str
    spec: dict[str, Any]
    """The spec's document, as it was written."""
    columns: list[Feature] = Field(alias="features")
    """The features as the engine compiled them, in order."""
    engine_version: str

    rows: int
    first_valid_row: int
    warmup: int
    settle: int | None
    session_gap_ns: int
    allow_early_emit: bool

    xxh3: dict[str, str]
    """XXH3-64 of each array's file, 16 hex digits."""

    @property
    def features(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def engine(self) -> dict[str, str]:
        """The version of the engine that computed the features."""
        return {"version": self.engine_version}


def cache_key(bars_hash: str, adjustment: str, spec_hash: str) -> str:
    """The name of an entry, 64 hex digits: SHA-256 of what its features depend on, as canonical JSON."""
    parts = {
        "format_version": FORMAT_VERSION,
        "bars_hash": bars_hash,
        "adjustment": adjustment,
        "spec_hash": spec_hash,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def describe_spec(spec: FeatureSpec) -> dict[str, Any]:
    """The manifest's fields that follow from the spec: written by the builder, compared by the reader."""
    return {
        "spec_hash": spec.hash,
        "features": list(spec.features),
        "first_valid_row": spec.first_valid_row,
        "warmup": spec.warmup,
        "settle": spec.settle,
        "session_gap_ns": spec.session_gap,
        "allow_early_emit": spec.allow_early_emit,
    }


def entry_path(workspace: Workspace, symbol: str, interval: str, key: str) -> Path:
    """Where an entry is or would be."""
    return workspace.cache / symbol / interval / key
