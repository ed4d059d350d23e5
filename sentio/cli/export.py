"""`sentio export`: make a bundle of a finished run."""

from __future__ import annotations

from pathlib import Path

import typer

from sentio.cli.screen import JsonOption, RootOption, message, print_json, table
from sentio.cli.verify import show_report

__all__ = ["export"]


def export(
    run: str | None = typer.Argument(None, help="The run's id; omitted: the newest that is finished."),
    version: str | None = typer.Option(None, help="Such as v1; omitted: the next of v1, v2, ..."),
    backend: str | None = typer.Option(
        None,
        metavar="NAME[,NAME]",
        help="Of native, torchscript, aoti and onnx; the first is to run. Omitted: native where it can run "
        "the model, then torchscript.",
    ),
    output: str | None = typer.Option(
        None,
        metavar="KIND",
        help="What the bundle gives: probability puts a sigmoid behind the logit of a binary label. Omitted: "
        "what was trained: a logit, the logits of classes, or a return.",
    ),
    verify: bool = typer.Option(False, "--verify", help="Then prove the bundle, as `sentio verify` does."),
    sign: Path | None = typer.Option(
        None, "--sign", metavar="KEY", help="Sign it by this Ed25519 private key (PEM), as SHA256SUMS.sig."
    ),
    require_gate: bool = typer.Option(
        False, "--require-gate", help="Refuse a model that does not beat every baseline on the test span."
    ),
    as_json: bool = JsonOption,
    root: Path | None = RootOption,
) -> None:
    """Make a bundle of a run: all that C++ needs to run the model exactly as it was trained, and the proof.

    Example: sentio export --verify
    """
    from sentio.bundle.inspection import read_contents
    from sentio.export import export_run, newest_finished
    from sentio.report import SIMULATED
    from sentio.sealed_folder import entry_id
    from sentio.signature import load_signer
    from sentio.training import open_run
    from sentio.verify import find_cli, verify_bundle
    from sentio.workspace import Workspace

    workspace = Workspace.find(root)
    signer = None if sign is None else load_signer(sign)
    if run is None:
        chosen, newest = newest_finished(workspace), open_run(workspace).name
        if chosen.name != newest:
            message(f"{newest} is newer but not finished, so this is {chosen.name}")
    else:
        chosen = open_run(workspace, run)
    chosen_backends = None if backend is None else backend.split(",")
    folder = export_run(
        chosen,
        workspace,
        version,
        backends=chosen_backends,
        output=output,
        sign=signer,
        require_gate=require_gate,
    )
    manifest = read_contents(folder).manifest
    gate, gate_text = manifest.gate, manifest.gate.told(manifest.metrics.auc_standard_error)
    report = verify_bundle(folder, find_cli(workspace.root)) if verify else None
    if as_json:
        print_json(
            {
                "run": chosen.name,
                "path": str(folder),
                "bundle": entry_id(folder),
                "simulated": chosen.simulated,
                "signed": signer is not None,
                "gate": gate.model_dump(mode="json"),
                "verify": None if report is None else report.to_document(),
            }
        )
    else:
        facts = {"run": chosen.name, "bundle": entry_id(folder), "folder": str(folder), "gate": gate_text}
        table("exported", ["what", "value"], [list(fact) for fact in facts.items()])
        if report is not None:
            show_report(report)
    if not gate.passed:
        message("the gate is NOT passed")
    if chosen.simulated:
        message(SIMULATED)
    if report is not None and not report.ok:
        raise typer.Exit(report.exit_code)
