"""The command tree; each group is one module beside this one."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from sentio.cli import bundle, data, export, features, native, replay, runs, specs, train, verify
from sentio.cli.screen import INTERRUPTED, message

__all__ = ["app"]


class _Interruptible(TyperGroup):
    """Ctrl-C is told here, for typer ends the process without a word before `run` would see it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            message("interrupted")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Interruptible,
    name="sentio",
    help="Train in Python, trade in C++, on the same bits.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich would double the time of `sentio --help`
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"sentio {version('sentio')}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_tell_version, is_eager=True, help="Tell the version and end."
    ),
) -> None:
    """Options of `sentio` itself."""


app.add_typer(data.app, name="data")
app.add_typer(specs.app, name="specs")
app.add_typer(features.app, name="features")
app.add_typer(train.app)
app.add_typer(runs.app, name="runs")
app.add_typer(native.app, name="native")
app.add_typer(bundle.app, name="bundle")
app.command("export")(export.export)
app.command("verify")(verify.verify)
app.command("replay")(replay.replay)
