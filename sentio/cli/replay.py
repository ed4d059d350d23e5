"""`sentio replay`: recompute what a session has recorded."""

from __future__ import annotations

from pathlib import Path

import typer

from sentio.cli.screen import JsonOption, message, print_json

__all__ = ["replay"]


def replay(
    record: Path = typer.Argument(metavar="RECORD", help="The file that a session has recorded in."),
    bundle: Path = typer.Option(..., "--bundle", metavar="DIR", help="The bundle that it ran."),
    as_json: bool = JsonOption,
) -> None:
    """Recompute a recorded session offline, and tell the first bit that differs, or that none does.

    It ends with 0 where none does, 1 where one does, 3 where the record was made with another bundle, 4 where
    it is damaged. A last record that was cut, as a killed process leaves it, is told and left out.

    Example: sentio replay live.record --bundle artifacts/TFA/v1
    """
    from dataclasses import asdict

    from sentio.bundle import load_bundle
    from sentio.replay import replay as replay_record

    found = replay_record(record, load_bundle(bundle))
    if found.cut:
        message(f"{record}: the last record is cut; its {found.cut} bytes were left out")
    if as_json:
        print_json(asdict(found))
    elif found.difference:
        print(f"DIFFERS: {found.difference}")
    else:
        print(f"{found.bars} bars, {found.predictions} predictions: every bit is the same")
    if found.difference:
        raise typer.Exit(1)
