"""From a finished run to its bundle: its files and hashes are checked, and everything is put together."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sentio.bundle.gate import Metrics, judge
from sentio.bundle.manifest import Chain, OutputKind, Span, Spans
from sentio.errors import CheckFailed, CorruptStore, UsageError
from sentio.export.write import Source, write_bundle
from sentio.labels import Task
from sentio.models import as_probability
from sentio.signature import Signer
from sentio.specs import FeatureSpec
from sentio.trainers import load_model
from sentio.training import Run, open_run
from sentio.training.run import run_names
from sentio.training.source import reopen_table
from sentio.workspace import Workspace

if TYPE_CHECKING:
    from sentio.cache import CacheEntry

__all__ = ["export_run", "newest_finished", "next_version"]

# What a bundle may give, what was trained first.
_OUTPUTS: dict[Task, tuple[OutputKind, ...]] = {
    "binary": ("logit", "probability"),
    "multiclass": ("classes",),
    "regression": ("return",),
}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def newest_finished(workspace: Workspace) -> Run:
    """The newest run that is finished; where none is, the newest, which exporting then refuses.

    Raises:
        UsageError: there is no run.
        CorruptStore: a run is damaged that may be the newest finished one.
    """
    newest_first = (open_run(workspace, name) for name in reversed(run_names(workspace)))
    finished = (run for run in newest_first if run.manifest.state == "finished")
    return next(finished, None) or open_run(workspace)


def export_run(
    run: Run,
    workspace: Workspace,
    version: str | None = None,
    *,
    backends: Sequence[str] | None = None,
    output: str | None = None,
    sign: Signer | None = None,
    require_gate: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Path:
    """Make a bundle of a finished run.

    Args:
        run: it, its cache entry and its spec are checked against the hashes that it recorded.
        workspace: where the cache is, and where the bundle goes: artifacts/MODEL_ID/VERSION.
        version: None takes the next of v1, v2, ...
        backends: as `write_bundle`.
        output: what the bundle is to give: "probability" puts a sigmoid behind the logit of a binary label.
            None: what was trained: a logit, the logits of classes, or a return.
        sign: gives the signature that stands beside `SHA256SUMS`.
        require_gate: refuse a model that does not beat the baselines; otherwise the manifest only says so.
        clock: gives the time of day, with a time zone.

    Returns:
        The bundle's folder.

    Raises:
        BadInput: the run is not finished, its cache entry is gone, or its test span is too short.
        UsageError: the version exists already or is no name for a folder, a backend cannot be made, or the
            label does not allow that output.
        CorruptStore: the run or its cache entry is no longer what was written.
        CheckFailed: the module cannot be exported as it was trained, or does not pass the required gate.
    """
    run.require_finished()
    told = run.manifest
    metrics = Metrics.model_validate(run.metrics().model_dump())
    if require_gate and not (gate := judge(metrics)).passed:
        raise CheckFailed(
            "gate",
            gate.told(metrics.auc_standard_error),
            hint="train a better model, or export without --require-gate",
        )
    folder = workspace.artifacts / told.trainer.upper()
    destination = folder / (next_version(folder) if version is None else _checked(version))
    if destination.exists():
        raise UsageError(
            str(destination),
            "exists already and is never overwritten",
            hint=f"--version {next_version(folder)}",
        )
    kind = _output_kind(told.task, output)
    module = load_model(run)
    if kind == "probability":
        module = as_probability(module)
    entry = reopen_table(run, workspace)
    spec = FeatureSpec.from_document(entry.manifest.spec, name=told.spec_name)
    chain = _chain(run, entry, spec, workspace)
    spans = {
        name: Span(rows=span.rows, first_ts=span.first_ts, last_ts=span.last_ts)
        for name, span in told.spans.items()
    }
    source = Source(
        module=module,
        spec=spec,
        bars=entry.bars,
        engine_state=entry.engine_state(),
        features=entry.features,
        train=(told.spans["train"].first_row, told.spans["train"].last_row),
        test=(told.spans["test"].first_row, told.spans["test"].last_row),
        windows_cross_sessions=told.windows_cross_sessions,
        output=kind,
        classes=told.label.classes,
        label=told.label.model_dump(mode="json"),
        spans=Spans(**spans),
        metrics=metrics,
        chain=chain,
    )
    write_bundle(
        destination,
        source,
        created_at=clock(),
        created_by=_user_at_host(),
        backends=backends,
        sign=sign,
    )
    return destination


def _output_kind(task: Task, asked: str | None) -> OutputKind:
    """What the bundle is to give, where nothing is asked for what was trained."""
    allowed = _OUTPUTS[task]
    for kind in allowed:
        if asked in (None, kind):
            return kind
    raise UsageError(
        "--output",
        f"{asked!r} is not what a model of a {task} label can give; allowed: {', '.join(allowed)}",
    )


def next_version(folder: Path) -> str:
    """The version after the highest `vN` in a model's folder; v1 where there is none."""
    names = [path.name for path in folder.glob("v*")]
    numbers = [int(name[1:]) for name in names if re.fullmatch(r"v[0-9]{1,9}", name)]
    return f"v{max(numbers, default=0) + 1}"


def _checked(version: str) -> str:
    if _VERSION.fullmatch(version) is None:
        raise UsageError(
            "version",
            f"{version!r} is not a version; allowed are 1 to 64 of A-Z a-z 0-9 . _ -, "
            "the first a letter or a digit",
        )
    return version


def _chain(run: Run, entry: CacheEntry, spec: FeatureSpec, workspace: Workspace) -> Chain:
    """The hash chain, recomputed and compared with what the run recorded."""
    found = {
        "bars_hash": entry.bars.hash,
        "spec_hash": spec.hash,
        "cache_key": entry.key,
        "cache_id": entry.id,
    }
    problems = [
        f"{name}: the run recorded {getattr(run.manifest, name)}, found is {value}"
        for name, value in found.items()
        if value != getattr(run.manifest, name)
    ]
    if problems:
        raise CorruptStore(
            str(entry.path), f"is not what {run.name} was trained on", problems=problems, hint="train again"
        )
    return Chain(run=run.name, git_commit=_git_commit(workspace.root), **found)


def _user_at_host() -> str:
    try:
        user = getpass.getuser()
    except KeyError:  # a user without a name, as in some containers
        user = str(os.getuid())
    # Manifests hold printable ASCII alone.
    return f"{user}@{socket.gethostname()}".encode("ascii", "backslashreplace").decode()


def _git_commit(folder: Path) -> str | None:
    """The commit that is checked out, `-dirty` added where something differs from it; None outside of git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit}-dirty" if git("status", "--porcelain") else commit
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
