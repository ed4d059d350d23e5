"""The command tree; each group is one module beside this one."""

from __future__ import annotations

import typer

from sentio.cli import data

__all__ = ["app"]

app = typer.Typer(
    name="sentio",
    help="Train in Python, trade in C++, on the same bits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
