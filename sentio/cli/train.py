"""`sentio train`: from bars to a measured model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from sentio.cli.screen import (
    INTERRUPTED,
    JsonOption,
    RootOption,
    VerboseOption,
    message,
    print_json,
    progress,
    table,
)

if TYPE_CHECKING:
    from sentio.report import Table
    from sentio.training import Run
    from sentio.training.loop import Epoch

__all__ = ["app"]

app = typer.Typer()


class _WithKeys(TyperCommand):
    """Its help ends with every key of every trainer's configuration."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The command's help, then the keys."""
        from sentio.errors import BadInput, UsageError
        from sentio.trainers import default_config, find_trainer, trainer_names
        from sentio.training.config import describe
        from sentio.training.document import as_settings, read_yaml
        from sentio.workspace import Workspace

        super().format_help(ctx, formatter)
        try:
            project = Workspace.find_if_any()
        except UsageError as error:  # SENTIO_ROOT names no folder
            message(f"error: {error}")
            project = None
        for name in trainer_names():
            try:
                keys = describe(find_trainer(name).config)
                file = default_config(name, project)
                settings = [] if file is None else as_settings(read_yaml(file))
            except BadInput as error:  # the other trainers have their help nevertheless
                message(f"error: {error}")
                continue
            with formatter.section(f"Keys of {name}, for --config and --set, with their [defaults]"):
                if settings:
                    formatter.write_text(
                        f"Unless --config names another file, specs/train/{name}.yaml changes these: "
                        f"{', '.join(settings)}. Your own file begins from the defaults below."
                    )
                formatter.write_dl(keys)


@app.command(cls=_WithKeys)
def train(
    trainer: str = typer.Argument(metavar="TRAINER", help="The trainer, such as tfa."),
    config: Path | None = typer.Option(None, help="A YAML file; else specs/train/TRAINER.yaml."),
    symbol: str | None = typer.Option(None, help="The instrument, such as QQQ."),
    interval: str | None = typer.Option(None, help="The length of a bar, such as 5m."),
    settings: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Change one key; repeatable."),
    resume: str | None = typer.Option(None, metavar="RUN", help="Go on with a run that was interrupted."),
    verbose: bool = VerboseOption,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Train a model and measure it on an untouched test span, beside baselines.

    Example: sentio train tfa --symbol QQQ --interval 5m --set max_epochs=2
    """
    from sentio.report import run_document
    from sentio.trainers import start
    from sentio.workspace import Workspace

    with _Screen(verbose=verbose, tables=not as_json) as screen:
        try:
            run = start(
                trainer,
                Workspace.find(root),
                config_file=config,
                settings=settings,
                resume=resume,
                watcher=screen,
                fields={"symbol": symbol, "interval": interval},
            )
        except KeyboardInterrupt:
            if screen.run is None:
                raise
            screen.close()
            message(f"interrupted; go on with: sentio train {trainer} --resume {screen.run.name}")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(run_document(run))
    else:
        screen.finished(run)


class _Screen:
    """Shows a training: rows and spans when it starts, a bar while it goes, the metrics at its end."""

    def __init__(self, *, verbose: bool, tables: bool) -> None:
        self.run: Run | None = None
        self._verbose = verbose
        self._tables = tables
        self._stack = ExitStack()

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the progress bar."""
        self._stack.close()

    def started(self, run: Run) -> None:
        """Show what will be trained, and begin the bar."""
        from sentio.report import report

        self.run = run
        message(f"run {run.name}")
        shown = report(run)
        if shown.notice:
            message(shown.notice)
        if self._verbose:
            _to_stderr(shown.facts)
        if self._tables:
            for part in (shown.lost, shown.spans):
                table(part.title, part.columns, part.rows)
        self._advance = self._stack.enter_context(progress("epochs", run.manifest.max_epochs))
        self._shown = len(run.epochs())  # those of a resumed run
        self._advance(self._shown, "")

    def epoch(self, epoch: Epoch) -> None:
        """Move the bar."""
        text = (
            f"loss {epoch.train_loss:.5f}, validation {epoch.validation_loss:.5f}, best at {epoch.best_epoch}"
        )
        self._advance(epoch.number - self._shown, text)
        self._shown = epoch.number
        if self._verbose:
            message(f"epoch {epoch.number}: {text}, {epoch.seconds:.2f} s")

    def finished(self, run: Run) -> None:
        """Show what came of it."""
        from sentio.report import report

        shown = report(run)
        if self._verbose:
            message(f"throughput: {dict(shown.facts.rows)['training']}")
        if shown.notice:
            print(shown.notice)
        if shown.metrics is not None:
            table(shown.metrics.title, shown.metrics.columns, shown.metrics.rows)


def _to_stderr(part: Table) -> None:
    for name, text in part.rows:
        message(f"{name}: {text}")
