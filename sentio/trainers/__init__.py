"""The trainers, one file each, found by the file's name: `tfa.py` is the trainer `tfa`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentio.errors import BadInput, UsageError, did_you_mean, first_line
from sentio.training.config import Trainer
from sentio.workspace import Workspace, shipped_specs

if TYPE_CHECKING:
    from sentio.bars import Bars
    from sentio.models import ScaledModel
    from sentio.training import Run
    from sentio.training.pipeline import Watcher

__all__ = ["default_config", "find_trainer", "load_model", "start", "trainer_names"]


def trainer_names() -> list[str]:
    """The names of all trainers, without loading one."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find_trainer(name: str) -> Trainer:
    """Load a trainer by its name.

    Raises:
        UsageError: there is no such file; those that exist are listed.
        BadInput: its file cannot be loaded, or holds no `Config` or `build`.
    """
    names = trainer_names()
    if name not in names:
        raise UsageError(
            name,
            f"is not a trainer; there are: {', '.join(names)}",
            hint=did_you_mean(name, names) or "docs/guides/add-a-trainer.md",
        )
    try:
        module = importlib.import_module(f"{__name__}.{name}")
        return Trainer(name, module.Config, module.build)
    except (ImportError, SyntaxError, AttributeError) as error:
        raise BadInput(
            f"trainer {name}",
            f"cannot be loaded: {type(error).__name__}: {first_line(error)}",
            hint="docs/guides/add-a-trainer.md",
        ) from error


def load_model(run: Run) -> ScaledModel:
    """The trained module of a finished run, on the CPU, in evaluation mode and without gradients.

    Raises:
        BadInput: the run is not finished.
        CorruptStore: one of its files is not what was written.
    """
    from sentio.training import pipeline

    return pipeline.load_model(run, find_trainer(run.manifest.trainer))


def start(
    trainer: str,
    workspace: Workspace,
    *,
    config_file: Path | None = None,
    settings: Sequence[str] = (),
    resume: str | None = None,
    watcher: Watcher | None = None,
    bars: Bars | None = None,
    fields: Mapping[str, object] | None = None,
    project: Workspace | None = None,
) -> Run:
    """Do what `sentio train` does: configuration, bars of the library, features from the cache, training.

    Args:
        trainer: its name.
        workspace: where bars, cache and runs are.
        config_file: None: specs/train/TRAINER.yaml of the project, else the one that ships with Sentio.
        settings: `KEY=VALUE`, as after `--set`.
        resume: the id of a run to go on with; nothing else may be given then.
        watcher: told of the progress.
        bars: to train on; None: those of the workspace's library.
        fields: keys of the configuration by name; those that are None are ignored.
        project: whose specs and configurations are read; None: the workspace's own.

    Returns:
        The finished run.

    Raises:
        UsageError: an unknown trainer, run or instrument, or a resumed run with other settings.
        ConfigError: the configuration is wrong.
        BarsError: there are no such bars.
    """
    from sentio.training import load_config, open_run, train
    from sentio.training.source import open_table, reopen_table

    found = find_trainer(trainer)
    project = project or workspace
    if resume is None:
        config = load_config(
            found.config, config_file or default_config(trainer, project), settings, **(fields or {})
        )
        table = open_table(config, workspace, bars, project)
        return train(found, config, table, workspace, watcher=watcher)
    given = [name for name, value in (fields or {}).items() if value is not None]
    given += ["--set"] if settings else []
    given += ["--config"] if config_file else []
    if given:
        raise UsageError(
            "--resume", f"goes on with the run's own configuration; leave out {', '.join(given)}"
        )
    run = open_run(workspace, resume)
    if run.manifest.trainer != trainer:
        raise UsageError(
            "--resume", f"{run.name} is a run of the trainer {run.manifest.trainer}, not {trainer}"
        )
    table = reopen_table(run, workspace)
    return train(found, run.config(found.config), table, workspace, watcher=watcher, resume=run)


def default_config(trainer: str, project: Workspace | None) -> Path | None:
    """The configuration that is read where none is named: the project's, else the one that ships; or None."""
    places = ([] if project is None else [project.specs]) + [shipped_specs()]
    files = [place / "train" / f"{trainer}.yaml" for place in places]
    return next((file for file in files if file.is_file()), None)
