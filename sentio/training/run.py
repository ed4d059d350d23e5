"""The run directory: all that a training depended on and all that came of it, under artifacts/runs/RUN_ID/.

config.yaml          the resolved configuration
run.json             the manifest: state, hash chain, label, spans, lost rows, versions, file hashes
metrics.jsonl        one line an epoch
checkpoint.pt        where training goes on from
weights.pt           the best weights, scaler included      (these three when it is finished)
metrics.json         on the untouched test span, beside the baselines
predictions.parquet  of the test span
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sentio.errors import BadInput, CorruptStore, UsageError
from sentio.evaluation import Evaluation
from sentio.labels import AnyLabel, Task
from sentio.store import sha256_file, write_file
from sentio.training.config import TrainConfig, load_config
from sentio.validation import problem_lines
from sentio.workspace import Workspace

__all__ = [
    "OutputScale",
    "Run",
    "RunListing",
    "RunManifest",
    "Span",
    "State",
    "create_run",
    "list_runs",
    "open_run",
    "run_names",
]

CONFIG, MANIFEST, EPOCHS, CHECKPOINT = "config.yaml", "run.json", "metrics.jsonl", "checkpoint.pt"
WEIGHTS, METRICS, PREDICTIONS = "weights.pt", "metrics.json", "predictions.parquet"
_SEALED = (CONFIG, EPOCHS, CHECKPOINT, WEIGHTS, METRICS, PREDICTIONS)

State = Literal["running", "interrupted", "failed", "finished"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Document):
    """One of train, validation and test: how many rows, and the open times of its first and last bar.

    Attributes:
        shares: of the rows whose label is a rise, or each class; None where labels are numbers.
    """

    rows: int
    first_row: int
    last_row: int
    first_ts: int
    last_ts: int
    shares: dict[str, float] | None


class OutputScale(_Document):
    """What the module adds and multiplies to give values in the label's unit; 0 and 1 for logits."""

    mean: float
    scale: float


class RunManifest(_Document):
    """run.json."""

    format_version: Literal[1] = 1
    run: str
    state: State
    trainer: str
    created: datetime
    ended: datetime | None = None

    symbol: str
    interval: str
    simulated: bool
    planted: dict[str, float] | None
    bars_hash: str
    spec_name: str
    spec_hash: str
    engine: dict[str, str]
    cache_key: str
    cache_id: str

    features: list[str]
    seq_len: int
    windows_cross_sessions: bool
    session_gap_ns: int
    label: AnyLabel
    task: Task
    output: OutputScale
    spans: dict[str, Span]
    lost: dict[str, int]

    seed: int
    threads: int
    device: str
    parameters: int
    max_epochs: int
    versions: dict[str, str]

    epochs: int = 0
    best_epoch: int = 0
    training_seconds: float = 0.0
    samples_per_second: float | None = None
    files: dict[str, str] = {}


Config = TypeVar("Config", bound=TrainConfig)


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory and its manifest as it was read or last written."""

    path: Path
    manifest: RunManifest

    @property
    def name(self) -> str:
        """The run's id, which is its directory's name."""
        return self.manifest.run

    @property
    def simulated(self) -> bool:
        """Whether the bars were made up."""
        return self.manifest.simulated

    def config(self, kind: type[Config]) -> Config:
        """The resolved configuration, as the trainer's class."""
        return load_config(kind, self.path / CONFIG)

    def metrics(self) -> Evaluation:
        """What the model and the baselines scored on the test span.

        Raises:
            BadInput: the run is not finished.
        """
        self.require_finished()
        return _read(Evaluation, self.path / METRICS)

    def epochs(self) -> list[dict[str, Any]]:
        """The metrics of each epoch, in order."""
        path = self.path / EPOCHS
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def require_finished(self) -> None:
        """Refuse a run that is still going or that ended early.

        Raises:
            BadInput: its state is another.
        """
        if self.manifest.state != "finished":
            # What has failed, as by a loss that is no number, would fail again where it stopped.
            go_on = f"sentio train {self.manifest.trainer} --resume {self.name}"
            hint = "train again, from the start" if self.manifest.state == "failed" else go_on
            raise BadInput(str(self.path), f"the run is {self.manifest.state}, not finished", hint=hint)

    def verify(self) -> None:
        """Recompute the hash of every file of a finished run and compare with the manifest.

        Raises:
            BadInput: the run is not finished.
            CorruptStore: a file is missing or differs; all are named.
        """
        self.require_finished()
        problems = []
        for name in _SEALED:
            path = self.path / name
            if not path.is_file():
                problems.append(f"{name}: is missing")
            elif sha256_file(path) != self.manifest.files.get(name):
                problems.append(f"{name}: its bytes are not those that were written")
        if problems:
            raise CorruptStore(str(self.path), "is damaged", problems=problems, hint="train again")

    def update(self, **changes: object) -> Run:
        """Write the manifest with some fields changed, and return the run as it is then."""
        manifest = self.manifest.model_copy(update=changes)
        write_file(self.path / MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())
        return Run(self.path, manifest)

    def finish(self, ended: datetime) -> Run:
        """Record every file's hash and the state `finished`; from then on nothing here changes."""
        hashes = {name: sha256_file(self.path / name) for name in _SEALED}
        return self.update(state="finished", ended=ended, files=hashes)

    @contextmanager
    def locked(self) -> Iterator[Run]:
        """Hold the run for training, and yield it as it is then; the lock ends with the process.

        Raises:
            UsageError: another process holds it.
            CorruptStore: its manifest cannot be read.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(self.name, "another process is training this run") from None
            # Since the manifest was read last, another process may have trained the run to its end.
            yield Run(self.path, _read(RunManifest, self.path / MANIFEST))
        finally:
            os.close(descriptor)


def create_run(workspace: Workspace, manifest: RunManifest, config: TrainConfig) -> Run:
    """Make the directory of a run that begins.

    Args:
        workspace: where runs are.
        manifest: as it is known at the start; its `run` is replaced by the new id, which sorts by time.
        config: the resolved configuration.
    """
    text = config.to_yaml()
    seed = f"{manifest.created.isoformat()}\n{manifest.cache_id}\n{text}"
    short = hashlib.sha256(seed.encode()).hexdigest()[:6]
    moment = f"{manifest.created:%Y%m%dT%H%M%S}{manifest.created.microsecond // 1000:03d}Z"
    name = f"{moment}-{manifest.trainer}-{short}"
    path = workspace.runs / name
    path.mkdir(parents=True)
    write_file(path / CONFIG, text.encode())
    return Run(path, manifest).update(run=name)


def open_run(workspace: Workspace, name: str | None = None) -> Run:
    """Open a run by its id; the newest where none is named.

    Raises:
        UsageError: there is no such run.
        CorruptStore: its manifest cannot be read.
    """
    names = run_names(workspace)
    if not names:
        raise UsageError(str(workspace.runs), "holds no run", hint="sentio train tfa")
    chosen = names[-1] if name is None else name
    if chosen not in names:
        raise UsageError(chosen, f"is not a run; there are: {', '.join(names)}")
    path = workspace.runs / chosen
    return Run(path, _read(RunManifest, path / MANIFEST))


@dataclass(frozen=True, slots=True)
class RunListing:
    """What a workspace holds of runs, the oldest first, and the errors of those that are damaged."""

    runs: tuple[Run, ...]
    damaged: tuple[CorruptStore, ...]


def list_runs(workspace: Workspace) -> RunListing:
    """All runs by their manifests."""
    runs, damaged = [], []
    for name in run_names(workspace):
        try:
            runs.append(open_run(workspace, name))
        except CorruptStore as error:
            damaged.append(error)
    return RunListing(tuple(runs), tuple(damaged))


def run_names(workspace: Workspace) -> list[str]:
    """The ids of all runs, the oldest first; nothing is read."""
    if not workspace.runs.is_dir():
        return []
    return sorted(path.parent.name for path in workspace.runs.glob(f"*/{MANIFEST}"))


Document = TypeVar("Document", bound=BaseModel)


def _read(kind: type[Document], path: Path) -> Document:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise CorruptStore(str(path), "is missing", hint="train again") from None
    except ValidationError as error:
        problems = problem_lines(error)
        raise CorruptStore(str(path), "is damaged", problems=problems, hint="train again") from None
