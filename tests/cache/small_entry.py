"""The entry that the tests of the cache share: a spec of three features, and what changes it or its bars."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from sentio.bars import Bars
from sentio.specs import FeatureSpec

FILES = [
    "SHA256SUMS",
    "bars.npy",
    "engine.state",
    "features.npy",
    "features.parquet",
    "manifest.json",
    "ts.npy",
]
DOCUMENT: dict[str, Any] = {
    "schema_version": "1.0",
    "features": [
        {"name": "ema", "op": "EMA", "window": 9},
        {"name": "rsi", "op": "RSI", "source": "ema", "window": 14},
        {"name": "ret", "op": "LOGRET", "window": 3},
    ],
}
SPEC = FeatureSpec.from_document(DOCUMENT, name="small")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def with_one_close(bars: Bars, row: int) -> Bars:
    close = bars.close.copy()
    close[row] = np.nextafter(close[row], bars.low[row] if close[row] > bars.low[row] else bars.high[row])
    return dataclasses.replace(bars, close=close)


def with_document(**changes: Any) -> FeatureSpec:
    return FeatureSpec.from_document({**DOCUMENT, **changes}, name="small")
