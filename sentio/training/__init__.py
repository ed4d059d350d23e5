"""Training: the configuration, the loop and the run directory that every trainer shares."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentio.training.config import TrainConfig, Trainer, load_config
    from sentio.training.pipeline import train
    from sentio.training.run import Run, RunManifest, list_runs, open_run

__all__ = ["Run", "RunManifest", "TrainConfig", "Trainer", "list_runs", "load_config", "open_run", "train"]

# Loaded at first use: a configuration is checked and runs are listed without loading torch.
_HOMES = {
    "Run": "run",
    "RunManifest": "run",
    "TrainConfig": "config",
    "Trainer": "config",
    "list_runs": "run",
    "load_config": "config",
    "open_run": "run",
    "train": "pipeline",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
