"""`sentio bundle`: look at bundles without running them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from sentio.cli.screen import BundleArgument, JsonOption, message, print_json, table

__all__ = ["app"]

app = typer.Typer(help="Look at bundles without running them.", no_args_is_help=True)


@app.command()
def show(
    folder: Path = BundleArgument,
    as_json: bool = JsonOption,
) -> None:
    """What a bundle's manifest says; its files are checked against their hashes, its model is not loaded.

    Example: sentio bundle show artifacts/TFA/v1
    """
    from sentio.bundle.inspection import read_contents
    from sentio.report import SIMULATED

    contents = read_contents(folder)
    if as_json:
        print_json(contents.to_document())
    else:
        facts = [
            [path, value if isinstance(value, str) else json.dumps(value)] for path, value in contents.facts()
        ]
        table("", ["what", "value"], facts)
    if contents.manifest.simulated:
        message(SIMULATED)


@app.command()
def diff(
    first: Path = BundleArgument,
    second: Path = typer.Argument(metavar="OTHER", help="Another's."),
    as_json: bool = JsonOption,
) -> None:
    """The manifest's fields and the files in which two bundles differ; it ends with 1 where there are any.

    Example: sentio bundle diff artifacts/TFA/v1 artifacts/TFA/v2
    """
    from sentio.bundle.inspection import compare, read_contents
    from sentio.errors import CheckFailed

    differences = compare(read_contents(first), read_contents(second))
    if as_json:
        print_json([asdict(difference) for difference in differences])
    elif differences:
        rows = [[each.what, each.name, each.first or "-", each.second or "-"] for each in differences]
        table("", ["what", "name", str(first), str(second)], rows)
    else:
        print("the bundles are the same")
    if differences:
        raise typer.Exit(CheckFailed.exit_code)


@app.command()
def upgrade(
    folder: Path = BundleArgument,
) -> None:
    """Bring a bundle to the newest format; there is one format so far, so it only says that this is it.

    Example: sentio bundle upgrade artifacts/TFA/v1
    """
    from sentio.bundle.inspection import check_format

    print(f"{folder}: has format version {check_format(folder)}, the newest; nothing was changed")
