"""`sentio verify`: prove a bundle, here or on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sentio.cli.screen import BundleArgument, JsonOption, RootOption, TrustOption, message, print_json, table

if TYPE_CHECKING:
    from sentio.verify import VerifyReport

__all__ = ["show_report", "verify"]


def verify(
    folder: Path = BundleArgument,
    no_cpp: bool = typer.Option(False, "--no-cpp", help="Leave out the C++ half, which needs sentio_cli."),
    trust: Path | None = TrustOption,
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Prove a bundle: files, spec, features and outputs against its goldens, in Python and in C++.

    It needs the bundle alone, no trainer and no run. It ends with 0 where every line holds, 1 where one does
    not, 4 where the files are damaged, 6 where sentio_cli is not built.

    Example: sentio verify artifacts/TFA/v1
    """
    from sentio.report import SIMULATED
    from sentio.verify import find_cli, verify_bundle

    report = verify_bundle(folder, None if no_cpp else find_cli(root), cpp=not no_cpp, trust=trust)
    if as_json:
        print_json(report.to_document())
    else:
        show_report(report)
    if report.simulated:
        message(SIMULATED)
    if not report.ok:
        raise typer.Exit(report.exit_code)


def show_report(report: VerifyReport) -> None:
    """Every line of a report, and what it comes to."""
    words = {True: "ok", False: "FAILED", None: "left out"}
    table(
        "", ["check", "result", "found"], [[line.name, words[line.ok], line.detail] for line in report.checks]
    )
    failed = sum(line.ok is False for line in report.checks)
    if failed:
        print(f"NOT verified: {failed} of {len(report.checks)} checks failed")
    elif report.complete:
        print(f"verified: bundle {report.bundle}")
    else:
        left_out = sum(line.ok is None for line in report.checks)
        print(f"verified, but for {left_out} left out: bundle {report.bundle}")
