"""The trainers, one file each, found by the file's name: `tfa.py` is the trainer `tfa`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import TYPE_CHECKING

from sentio.errors import UsageError
from sentio.training.config import Trainer

if TYPE_CHECKING:
    from sentio.models import ScaledModel
    from sentio.training import Run

__all__ = ["find_trainer", "load_model", "trainer_names"]


def trainer_names() -> list[str]:
    """The names of all trainers, without loading one."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find_trainer(name: str) -> Trainer:
    """Load a trainer by its name.

    Raises:
        UsageError: there is no such file; those that exist are listed.
    """
    names = trainer_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageError(
            name,
            f"is not a trainer; there are: {', '.join(names)}",
            hint=f"did you mean {close[0]!r}?" if close else "docs/guides/add-a-trainer.md",
        )
    module = importlib.import_module(f"{__name__}.{name}")
    return Trainer(name, module.Config, module.build)


def load_model(run: Run) -> ScaledModel:
    """The trained module of a finished run, on the CPU, in evaluation mode.

    Raises:
        BadInput: the run is not finished.
        CorruptStore: one of its files is not what was written.
    """
    from sentio.training import pipeline

    return pipeline.load_model(run, find_trainer(run.manifest.trainer))
