"""Train in Python, trade in C++, on the same bits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentio.bars import Bars, read_bars
    from sentio.bundle import Bundle, load_bundle
    from sentio.cache import open_cache
    from sentio.features import FeatureEngine, compute_many
    from sentio.session import LiveBundle, Session
    from sentio.session_batch import SessionBatch
    from sentio.specs import FeatureSpec
    from sentio.trainers.tfa import train_tfa

__all__ = [
    "Bars",
    "Bundle",
    "FeatureEngine",
    "FeatureSpec",
    "LiveBundle",
    "Session",
    "SessionBatch",
    "compute_many",
    "load_bundle",
    "open_cache",
    "read_bars",
    "train_tfa",
]

# Where each public name lives: loaded at first use, so that `import sentio` costs nothing.
_HOMES = {
    "Bars": "sentio.bars",
    "Bundle": "sentio.bundle",
    "FeatureEngine": "sentio.features",
    "FeatureSpec": "sentio.specs",
    "LiveBundle": "sentio.session",
    "Session": "sentio.session",
    "SessionBatch": "sentio.session_batch",
    "compute_many": "sentio.features",
    "load_bundle": "sentio.bundle",
    "open_cache": "sentio.cache",
    "read_bars": "sentio.bars",
    "train_tfa": "sentio.trainers.tfa",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sentio' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
