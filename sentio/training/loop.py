"""The training loop that every trainer shares: epochs, early stop, the best weights, and checkpoints between.

Whatever an epoch draws at random depends on the seed, the epoch's number and the generators' state in the
checkpoint alone, so that a resumed run ends with the same bits as one that was never interrupted.
"""

from __future__ import annotations

import copy
import io
import math
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sentio.errors import BadInput, CorruptStore, EnvironmentProblem
from sentio.labels import Task
from sentio.store import write_file
from sentio.training.config import TrainConfig
from sentio.training.gather import WindowGather

__all__ = ["Epoch", "Samples", "fit", "pick_device", "predict"]


@dataclass(frozen=True, slots=True)
class Samples:
    """What the loop learns from.

    Attributes:
        windows: fetches float32 [B, T, F] by rows.
        targets: float32 [N], what the model's outputs are compared with; a class by its number.
        train, validation: int64 row numbers.
        task: binary: the output is a logit; multiclass: a logit for each class; regression: a value.
        scale: the unit in which the error of a value is measured; 1 for logits.
    """

    windows: WindowGather
    targets: Tensor
    train: Tensor
    validation: Tensor
    task: Task
    scale: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave.

    Attributes:
        number: counted from 1.
        train_loss: mean over the epoch's steps, dropout included.
        validation_loss: mean over the validation span at the epoch's end.
        best_epoch: the epoch with the lowest validation loss so far.
        seconds: wall time.
    """

    number: int
    train_loss: float
    validation_loss: float
    best_epoch: int
    seconds: float


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is cuda, else mps, else cpu.

    Raises:
        EnvironmentProblem: this machine has none such.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, here in present.items() if here)
    if not present[name]:
        found = ", ".join(device for device, here in present.items() if here)
        raise EnvironmentProblem("device", f"{name} is not present here; found: {found}", hint="device: auto")
    return torch.device(name)


def fit(
    model: nn.Module,
    samples: Samples,
    config: TrainConfig,
    *,
    device: torch.device,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> int:
    """Train until the validation loss stops falling, then give the model its best weights.

    Args:
        model: float32 [B, T, F] to [B, C], on `device`.
        samples: windows and targets.
        config: optimiser, batch, patience, seed.
        device: where the model is.
        checkpoint: rewritten after each epoch; where it exists already, training goes on from there.
        on_epoch: told of each epoch, before the checkpoint that holds it is written.

    Returns:
        The epoch whose weights the model has.

    Raises:
        BadInput: the loss became NaN or infinite.
        CorruptStore: the checkpoint cannot be read.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    progress = _Progress()
    if checkpoint.exists():
        progress = _restore(checkpoint, model, optimizer, device)
    else:
        progress.best = copy.deepcopy(model.state_dict())
        _save(checkpoint, progress, model, optimizer, device)
    step_model = torch.compile(model) if config.compile else model
    while progress.epoch < config.max_epochs and progress.epoch - progress.best_epoch < config.patience:
        start = time.perf_counter()
        progress.epoch += 1
        train_loss = _train(step_model, samples, config, optimizer, device, progress.epoch)
        validation_loss = _validate(model, samples, config.batch_size)
        if not math.isfinite(train_loss + validation_loss):
            raise BadInput(
                f"epoch {progress.epoch}",
                f"the loss is not finite: train {train_loss}, validation {validation_loss}",
                hint="a lower lr, or a lower grad_clip",
            )
        if validation_loss < progress.best_loss:
            progress.best_loss, progress.best_epoch = validation_loss, progress.epoch
            progress.best = copy.deepcopy(model.state_dict())
        seconds = time.perf_counter() - start
        on_epoch(Epoch(progress.epoch, train_loss, validation_loss, progress.best_epoch, seconds))
        _save(checkpoint, progress, model, optimizer, device)
    model.load_state_dict(progress.best)
    return progress.best_epoch


@torch.no_grad()
def predict(model: nn.Module, windows: WindowGather, rows: Tensor, batch_size: int) -> Tensor:
    """Outputs float32 [len(rows), C] on the CPU, in evaluation mode."""
    was_training = model.training
    model.eval()
    starts = range(0, len(rows), batch_size)
    outputs = torch.cat([model(windows(rows[i : i + batch_size])).cpu() for i in starts])
    model.train(was_training)
    return outputs


@dataclass(slots=True)
class _Progress:
    """Where a training stands after `epoch` epochs."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    best: Any = None


def _train(
    model: Any,
    samples: Samples,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    epoch: int,
) -> float:
    """One pass over the train span in an order of the epoch's own; the mean loss."""
    # The order is a function of seed and epoch, so that no generator has to be carried along.
    shuffler = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    order = samples.train[torch.randperm(len(samples.train), generator=shuffler)]
    total = torch.zeros((), device=device)
    model.train()
    for start in range(0, len(order), config.batch_size):
        rows = order[start : start + config.batch_size]
        optimizer.zero_grad(set_to_none=True)
        loss = _loss(model(samples.windows(rows)), samples.targets[rows].to(device), samples)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        total += loss.detach() * len(rows)
    return float(total) / len(order)


def _validate(model: nn.Module, samples: Samples, batch_size: int) -> float:
    outputs = predict(model, samples.windows, samples.validation, batch_size)
    return float(_loss(outputs, samples.targets[samples.validation], samples))


def _loss(outputs: Tensor, targets: Tensor, samples: Samples) -> Tensor:
    """Cross-entropy of logits, or the mean squared error in units of the scale; [B, C] and [B]."""
    if samples.task == "multiclass":
        return F.cross_entropy(outputs, targets.long())
    values = outputs.squeeze(1)
    if samples.task == "binary":
        return F.binary_cross_entropy_with_logits(values, targets)
    return F.mse_loss(values / samples.scale, targets / samples.scale)


def _save(
    path: Path,
    progress: _Progress,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> None:
    """Tensors, numbers and their containers only, so that `torch.load(weights_only=True)` reads it."""
    buffer = io.BytesIO()
    torch.save(
        {
            "epoch": progress.epoch,
            "best_epoch": progress.best_epoch,
            "best_loss": progress.best_loss,
            "best": progress.best,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": {name: get() for name, (get, _) in _generators(device).items()},
        },
        buffer,
    )
    write_file(path, buffer.getvalue())


def _restore(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> _Progress:
    data = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(data) as archive:
            broken = archive.testzip()  # torch.load does not look at the archive's checksums
    except zipfile.BadZipFile as error:
        broken = str(error)
    if broken:
        raise CorruptStore(str(path), f"is damaged: {broken}", hint="train again from the start")
    data.seek(0)
    saved = torch.load(data, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    for name, (_, put) in _generators(device).items():
        put(saved["random"][name])
    return _Progress(saved["epoch"], saved["best_epoch"], saved["best_loss"], saved["best"])


def _generators(
    device: torch.device,
) -> dict[str, tuple[Callable[[], Tensor], Callable[[Tensor], None]]]:
    """How to read and write the state of each generator that training draws from."""
    states: dict[str, tuple[Callable[[], Tensor], Callable[[Tensor], None]]] = {
        "cpu": (torch.get_rng_state, torch.set_rng_state)
    }
    if device.type == "cuda":
        states["cuda"] = (torch.cuda.get_rng_state, torch.cuda.set_rng_state)
    if device.type == "mps":
        states["mps"] = (torch.mps.get_rng_state, torch.mps.set_rng_state)
    return states
