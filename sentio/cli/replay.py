"""`sentio replay`: recompute what a session has recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sentio.cli.screen import JsonOption, TrustOption, message, print_json, table

if TYPE_CHECKING:
    from sentio.session import Drift

__all__ = ["replay"]

# The usual sign that a distribution has moved, and the rows that chance alone seldom moves so far:
# docs/guides/run-a-bundle.md.
_MOVED = 0.1
_ENOUGH_ROWS = 1000


def replay(
    record: Path = typer.Argument(metavar="RECORD", help="The file that a session has recorded in."),
    bundles: list[Path] = typer.Option(
        ..., "--bundle", metavar="DIR", help="A bundle that it ran; once for each, where it was swapped."
    ),
    backend: str | None = typer.Option(
        None, "--backend", metavar="NAME", help="The one that ran live; else each bundle's first."
    ),
    trust: Path | None = TrustOption,
    as_json: bool = JsonOption,
) -> None:
    """Recompute a recorded session offline, and tell the first bit that differs, or that none does.

    It ends with 0 where none does, 1 where one does, 3 where the record was made with a bundle that was not
    given, 4 where it is damaged. A last record that was cut, as a killed process leaves it, is told and left
    out.

    It tells, too, which features have drifted from their training rows: those with a population stability
    index above 0.1, the farthest first; with --json, all of them.

    Example: sentio replay live.record --bundle artifacts/TFA/v1
    """
    from dataclasses import asdict

    from sentio.bundle import load_bundle
    from sentio.replay import replay as replay_record

    found = replay_record(record, *(load_bundle(folder, backend=backend, trust=trust) for folder in bundles))
    if found.cut:
        message(f"{record}: the last record is cut; its {found.cut} bytes were left out")
    if as_json:
        print_json(asdict(found) | {"drift": _document(found.drift)})
    else:
        if found.difference:
            print(f"DIFFERS: {found.difference}")
            if backend is None:
                message(
                    "hint: outputs of another backend may differ; name the one that ran live by --backend"
                )
        else:
            print(f"{found.bars} bars, {found.predictions} predictions: every bit is the same")
        _print_moved(found.drift)
    if found.difference:
        raise typer.Exit(1)


def _document(drift: Drift) -> dict[str, object]:
    """The figures of each feature; null where no row was counted."""
    figures = zip(drift.names, drift.psi.tolist(), drift.out_of_range.tolist(), strict=True)
    features = {
        name: {"psi": psi, "out_of_range": share} if drift.rows else None for name, psi, share in figures
    }
    return {"rows": drift.rows, "features": features}


def _print_moved(drift: Drift) -> None:
    figures = zip(drift.psi.tolist(), drift.out_of_range.tolist(), drift.names, strict=True)
    moved = sorted((each for each in figures if each[0] > _MOVED), reverse=True)
    few = "" if drift.rows >= _ENOUGH_ROWS else f"; too few to judge by, which takes some {_ENOUGH_ROWS:,}"
    print(
        f"drift over {drift.rows} rows{few}: {len(moved)} of {len(drift.names)} features have a PSI above "
        f"{_MOVED}"
    )
    if moved:
        table(
            "",
            ["feature", "PSI", "out of range"],
            [[name, f"{psi:.2f}", f"{share:.1%}"] for psi, share, name in moved],
        )
