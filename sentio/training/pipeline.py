"""From a cache entry to a finished run: rows, spans, scaler, loop, test span, files."""

from __future__ import annotations

import dataclasses
import io
import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from sentio.dataset import Dataset, FeatureTable, Split, make_dataset, split_in_time
from sentio.errors import BadInput
from sentio.evaluation import baselines, check_labels, evaluate
from sentio.labels import Label
from sentio.models import ScaledModel
from sentio.store import write_file
from sentio.training.config import TrainConfig, Trainer
from sentio.training.gather import WindowGather
from sentio.training.loop import Epoch, Samples, fit, pick_device, predict
from sentio.training.run import (
    CHECKPOINT,
    EPOCHS,
    METRICS,
    PREDICTIONS,
    WEIGHTS,
    OutputScale,
    Run,
    RunManifest,
    Span,
    create_run,
)
from sentio.workspace import Workspace

__all__ = ["Watcher", "load_model", "train"]


class Watcher(Protocol):
    """Told how a training goes."""

    def started(self, run: Run) -> None:
        """The run directory exists, and the rows and spans are known."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch has ended."""


def train(
    trainer: Trainer,
    config: TrainConfig,
    table: FeatureTable,
    workspace: Workspace,
    *,
    watcher: Watcher | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    resume: Run | None = None,
) -> Run:
    """Train a model on a cache entry and measure it on the untouched test span.

    Args:
        trainer: which network.
        config: an instance of the trainer's class.
        table: features and bars.
        workspace: the run is written below it.
        watcher: told of the progress.
        clock: gives the time of day, with a time zone.
        resume: an unfinished run with the same configuration and entry, to go on from its last epoch.

    Returns:
        The finished run.

    Raises:
        BadInput: too few rows, labels of one class, a network of another width than the label's, a loss that
            is not finite, a resumed run over other data.
        EnvironmentProblem: the device is missing.
        KeyboardInterrupt: Ctrl-C; the run is then "interrupted" and can be resumed.
    """
    device = pick_device(config.device)
    dataset = make_dataset(
        table,
        config.label,
        seq_len=config.seq_len,
        windows_cross_sessions=config.windows_cross_sessions,
    )
    split = split_in_time(
        dataset, train=config.train_share, validation=config.validation_share, embargo=config.embargo
    )
    check_labels(dataset, split, config.label)
    with _torch_settings(config, device):
        model = _new_model(trainer, config, len(table.manifest.features))
        model.scaler.fit(table.features, split.train)
        output = _output_scale(config, dataset, split)
        model.output_mean.fill_(output.mean)
        model.output_scale.fill_(output.scale)
        if resume is None:
            manifest = _manifest(trainer, config, dataset, split, output, model, device, clock())
            # What was left open is recorded as it was found, so that it is the same when the run is resumed.
            resolved = config.model_copy(update={"symbol": manifest.symbol, "interval": manifest.interval})
            run = create_run(workspace, manifest, resolved)
        else:
            run = resume
        with run.locked() as run:
            if resume is not None:
                _check_resumable(run, table)
            run = run.update(state="running", ended=None)
            state = "failed"
            try:
                if watcher is not None:
                    watcher.started(run)
                run = _learn(run, model.to(device), config, dataset, split, device, watcher)
                run = run.finish(clock())
                state = "finished"
            except KeyboardInterrupt:
                state = "interrupted"
                raise
            finally:
                if state != "finished":
                    run.update(state=state, ended=clock())
    return run


def load_model(run: Run, trainer: Trainer) -> ScaledModel:
    """The trained module of a finished run, on the CPU, in evaluation mode and without gradients.

    The run's files are checked first.
    """
    run.verify()
    config = run.config(trainer.config)
    model = _new_model(trainer, config, len(run.manifest.features))
    model.load_state_dict(torch.load(run.path / WEIGHTS, map_location="cpu", weights_only=True))
    return model.eval().requires_grad_(False)


def _new_model(trainer: Trainer, config: TrainConfig, n_features: int) -> ScaledModel:
    width = config.label.n_outputs
    core = trainer.build(config, n_features, config.seq_len, width)
    with torch.no_grad():
        given = list(core.eval()(torch.zeros(2, config.seq_len, n_features)).shape)
    if given != [2, width]:
        raise BadInput(
            f"trainer {trainer.name}",
            f"its network gives {given} for 2 windows; the label {config.label.kind} needs [2, {width}]",
        )
    return ScaledModel(core.train(), n_features, config.seq_len, width, config.clip)


def _learn(
    run: Run,
    model: ScaledModel,
    config: TrainConfig,
    dataset: Dataset,
    split: Split,
    device: torch.device,
    watcher: Watcher | None,
) -> Run:
    """Fit, then write weights, metrics and predictions."""
    samples = Samples(
        WindowGather(dataset.table.features, config.seq_len, config.batch_size, device),
        torch.from_numpy(dataset.labels.values),
        torch.from_numpy(split.train),
        torch.from_numpy(split.validation),
        config.label.task,
        run.manifest.output.scale,
    )
    checkpoint = run.path / CHECKPOINT

    def after_epoch(epoch: Epoch) -> None:
        # A resumed run repeats the epoch in which it stopped; its line may be there already.
        lines = [line for line in run.epochs() if line["number"] < epoch.number]
        lines.append(dataclasses.asdict(epoch))
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        write_file(run.path / EPOCHS, text.encode())
        if watcher is not None:
            watcher.epoch(epoch)

    best_epoch = fit(model, samples, config, device=device, checkpoint=checkpoint, on_epoch=after_epoch)
    outputs = predict(model, samples.windows, torch.from_numpy(split.test), config.batch_size)
    score = outputs.numpy().astype(np.float64)
    score = score if config.label.classes else score[:, 0]
    scaler = model.cpu().scaler
    others = baselines(dataset, split, config.label, scaler.mean.numpy(), scaler.inverse_deviation.numpy())
    evaluation = evaluate(dataset, split, config.label, {"model": score, **others}, seed=config.seed)
    write_file(run.path / METRICS, (evaluation.model_dump_json(indent=2) + "\n").encode())
    _write_predictions(run, dataset, split, score)
    weights = io.BytesIO()
    torch.save(model.state_dict(), weights)
    write_file(run.path / WEIGHTS, weights.getvalue())
    epochs = run.epochs()
    seconds = sum(epoch["seconds"] for epoch in epochs)
    return run.update(
        epochs=len(epochs),
        best_epoch=best_epoch,
        training_seconds=seconds,
        samples_per_second=len(split.train) * len(epochs) / seconds,
    )


def _write_predictions(run: Run, dataset: Dataset, split: Split, score: np.ndarray[Any, Any]) -> None:
    """The test span as Parquet: bar time, score, label and forward log return.

    The score is a logit or a value; where there are classes it is a logit for each, `score_CLASS`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = split.test
    classes = run.manifest.label.classes
    scores = {f"score_{name}": score[:, k] for k, name in enumerate(classes)} or {"score": score}
    table = pa.table(
        {
            "ts": pa.array(dataset.table.ts[rows], pa.timestamp("ns", "UTC")),
            **scores,
            "label": dataset.labels.values[rows],
            "forward_return": dataset.labels.forward_return[rows],
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write_file(run.path / PREDICTIONS, buffer.getvalue())


def _manifest(
    trainer: Trainer,
    config: TrainConfig,
    dataset: Dataset,
    split: Split,
    output: OutputScale,
    model: nn.Module,
    device: torch.device,
    now: datetime,
) -> RunManifest:
    table, origin = dataset.table, dataset.table.manifest
    planted = table.bars.planted
    return RunManifest(
        run="",
        state="running",
        trainer=trainer.name,
        created=now.astimezone(UTC),
        symbol=origin.symbol,
        interval=origin.interval,
        simulated=origin.simulated,
        planted=None if planted is None else dict(planted),
        bars_hash=origin.bars_hash,
        spec_name=origin.spec_name,
        spec_hash=origin.spec_hash,
        engine=dict(origin.engine),
        cache_key=table.key,
        cache_id=table.id,
        features=list(origin.features),
        seq_len=config.seq_len,
        windows_cross_sessions=config.windows_cross_sessions,
        session_gap_ns=origin.session_gap_ns,
        label=config.label,
        task=config.label.task,
        output=output,
        spans={name: _span(config, dataset, rows) for name, rows in split},
        lost={
            **dataset.lost,
            "purged between spans": len(dataset.rows) - sum(len(rows) for _, rows in split),
        },
        seed=config.seed,
        threads=torch.get_num_threads(),
        device=str(device),
        parameters=sum(weights.numel() for weights in model.parameters()),
        max_epochs=config.max_epochs,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "torch")},
        },
    )


def _output_scale(config: TrainConfig, dataset: Dataset, split: Split) -> OutputScale:
    """Logits are as they are; values are learnt standardised by the train span's mean and deviation."""
    if config.label.task != "regression":
        return OutputScale(mean=0.0, scale=1.0)
    labels = dataset.labels.values[split.train].astype(np.float64)
    return OutputScale(mean=float(labels.mean()), scale=float(labels.std()))


def _span(config: TrainConfig, dataset: Dataset, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Span:
    first, last = int(rows[0]), int(rows[-1])
    labels = dataset.labels.values[rows]
    return Span(
        rows=len(rows),
        first_row=first,
        last_row=last,
        first_ts=int(dataset.table.ts[first]),
        last_ts=int(dataset.table.ts[last]),
        shares=_shares(config.label, labels),
    )


def _shares(label: Label, labels: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, float] | None:
    """How the labels are spread: of a rise, or of each class; None where they are numbers."""
    if label.task == "regression":
        return None
    if label.task == "binary":
        return {"up": float(labels.mean(dtype=np.float64))}
    return {name: float(np.mean(labels == k)) for k, name in enumerate(label.classes)}


def _check_resumable(run: Run, table: FeatureTable) -> None:
    if run.manifest.state == "finished":
        raise BadInput(run.name, "is finished; there is nothing to resume")
    if run.manifest.cache_id != table.id:
        raise BadInput(
            run.name,
            f"was trained on cache entry {run.manifest.cache_id[:12]}, found {table.id[:12]}",
            hint="bars, spec or engine have changed: train again from the start",
        )


@contextmanager
def _torch_settings(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Seed and thread count are torch's own globals: set for the time of the training, then put back."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
