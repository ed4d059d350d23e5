"""`sentio runs`: look at what was trained."""

from __future__ import annotations

from pathlib import Path

import typer

from sentio.cli.screen import JsonOption, RootOption, message, print_json, table

__all__ = ["app"]

app = typer.Typer(help="Look at what was trained.", no_args_is_help=True)


@app.command("list")
def list_runs(as_json: bool = JsonOption, root: Path | None = RootOption) -> None:
    """All runs, the oldest first.

    Example: sentio runs list
    """
    from sentio.errors import CorruptStore
    from sentio.report import run_document, run_line
    from sentio.training import list_runs as find_runs
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    listing = find_runs(workspace)
    if as_json:
        print_json([run_document(run) for run in listing.runs])
    elif listing.runs:
        table("", ["run", "state", "bars", "label", "test"], [run_line(run) for run in listing.runs])
    else:
        message("no runs yet; begin one with: sentio train tfa")
    if listing.damaged:
        raise CorruptStore(
            str(workspace.runs), "holds damaged runs", problems=[str(error) for error in listing.damaged]
        )


@app.command()
def show(
    run: str | None = typer.Argument(None, help="The run's id; omitted: the newest."),
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """One run: what it was made of, its rows and spans, and its metrics beside the baselines.

    Example: sentio runs show
    """
    from sentio.report import report, run_document
    from sentio.training import open_run
    from sentio.workspace import Workspace

    opened = open_run(Workspace.find(root), run)
    if as_json:
        print_json(run_document(opened))
        return
    shown = report(opened)
    if shown.notice:
        print(shown.notice)
    for part in (shown.facts, shown.lost, shown.spans, shown.metrics):
        if part is not None:
            table(part.title, part.columns, part.rows)
