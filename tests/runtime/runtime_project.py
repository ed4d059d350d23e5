"""A project with a cache entry and a bundle, and what sentio_cli said of it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from bundles import make_bundle, make_source

from sentio.bars import Bars
from sentio.cache import build_cache
from sentio.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def make_project(folder: Path, seq_len: int, *, crossing: bool, **changes: object) -> Path:
    """A project with the features of QQQ in its cache and a bundle of the same spec."""
    source = make_source(seq_len, windows_cross_sessions=crossing, **changes)
    (folder / "specs").mkdir(parents=True)
    build_cache(source.bars, source.spec, Workspace(folder))
    make_bundle(folder / "artifacts", source)
    return folder


def bundle_of(project: Path) -> Path:
    return project / "artifacts" / "TFA" / "v1"


def entry_of(project: Path) -> Path:
    (entry,) = (project / "data" / "cache" / "QQQ" / "5m").iterdir()
    return entry


def write_csv(path: Path, bars: Bars) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["ts", "open", "high", "low", "close", "volume"])
        for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True):
            writer.writerow([ts, *map(repr, row)])
    return path


def read_dump(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times int64 and logits float32; nine digits tell every float32 from its neighbours."""
    lines = path.read_text().splitlines()
    assert lines[0] == "ts,logit"
    cells = [line.split(",") for line in lines[1:]]
    return np.array([int(ts) for ts, _ in cells]), np.array([float(logit) for _, logit in cells], np.float32)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool((a.view(np.uint32) == b.view(np.uint32)).all())
