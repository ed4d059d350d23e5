"""What every command shares: where output goes, how progress and errors look, and which code ends it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from sentio.errors import SentioError, refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

__all__ = [
    "INTERRUPTED",
    "BundleArgument",
    "IntervalOption",
    "JsonOption",
    "RootOption",
    "SpecArgument",
    "TrustOption",
    "VerboseOption",
    "message",
    "print_json",
    "progress",
    "raise_failures",
    "run",
    "table",
    "tree",
]

INTERRUPTED = 130

RootOption = typer.Option(
    None, "--root", help="The project's folder; else SENTIO_ROOT or the nearest with specs/."
)
JsonOption = typer.Option(False, "--json", help="Print the result as one JSON document on stdout.")
IntervalOption = typer.Option(
    None, "--interval", help="Length of a bar, such as 5m; else the only one there is."
)
SpecArgument = typer.Argument(metavar="SPEC", help="A spec's name, or the path of its .json file.")
BundleArgument = typer.Argument(metavar="DIR", help="A bundle's folder, such as artifacts/TFA/v1.")
TrustOption = typer.Option(
    None,
    "--trust",
    metavar="PUBKEY",
    help="Refuse a bundle that this Ed25519 public key (PEM) did not sign.",
)
VerboseOption = typer.Option(False, "--verbose", "-v", help="Say more on stderr.")


def message(text: str) -> None:
    """One line for people, on stderr."""
    print(text, file=sys.stderr)


def print_json(value: object) -> None:
    """The result for scripts, on stdout; NaN is refused, for JSON has none."""
    print(json.dumps(value, indent=2, allow_nan=False))


def raise_failures(errors: Sequence[SentioError]) -> None:
    """End with all that went wrong, by the first one's exit code; do nothing where nothing did."""
    for other in errors[1:]:
        message(f"error: {other}")
    if errors:
        raise errors[0]


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout, plain when it is not a terminal."""
    from rich import box
    from rich.table import Table

    drawn = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    _stdout().print(drawn)


def tree(drawn: Tree) -> None:
    """A tree on stdout, plain when it is not a terminal."""
    _stdout().print(drawn)


def _stdout() -> Console:
    from rich.console import Console

    # What is shown is of others, too: "[red]" or ":bell:" in a name stands for itself.
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 200  # never cut a number in a pipe
    return console


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Callable[[int, str], None]]:
    """Show long work on stderr, silent when that is not a terminal.

    Yields:
        `advance(steps, text)`: move the bar by `steps` and show `text` beside it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    ]
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        task = shown.add_task(description, total=total, text="")

        def advance(steps: int, text: str) -> None:
            shown.update(task, advance=steps, text=text)

        yield advance


def run(app: typer.Typer) -> None:
    """The outermost frame: an error of the user's becomes one line and its exit code."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that went away (`sentio … | head`) ends us as it ends other tools, not with a code of ours.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except SentioError as error:
        _fail(error)
    except (OSError, MemoryError) as error:
        _fail(refused(error))


def _fail(error: SentioError) -> None:
    message(f"error: {error}")
    sys.exit(error.exit_code)
