"""The module that is trained and shipped: it checks what comes in, normalises it and calls the network."""

# No `from __future__ import annotations` here: TorchScript needs the buffers' annotations as types.
import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sentio.errors import BadInput, UsageError

__all__ = ["FeatureScaler", "ScaledModel", "as_probability"]

_CHUNK = 65_536  # rows held in memory at once while fitting


class FeatureScaler(nn.Module):
    """Subtracts each feature's mean and divides by its deviation: float32 [F], saved with the weights.

    Beyond `clip` deviations, if that is given, a feature is held there.
    """

    mean: Tensor
    inverse_deviation: Tensor
    clip: float | None

    def __init__(self, n_features: int, clip: float | None = None) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("inverse_deviation", torch.ones(n_features))

    def forward(self, x: Tensor) -> Tensor:
        """[..., F] to [..., F]."""
        scaled = (x - self.mean) * self.inverse_deviation
        clip = self.clip  # a local name, which TorchScript knows to be a number where it is not None
        return scaled if clip is None else scaled.clamp(-clip, clip)

    @torch.no_grad()
    def fit(self, features: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        """Take mean and population deviation of some rows, in float64; a constant feature keeps scale 1.

        Args:
            features: float32 [N, F]; may be larger than memory.
            rows: int64, the rows to look at: those of the train span and no other.

        Raises:
            BadInput: a feature is not finite there.
        """
        chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
        mean = sum(features[chunk].sum(axis=0, dtype=np.float64) for chunk in chunks) / len(rows)
        if not np.isfinite(mean).all():
            columns = np.flatnonzero(~np.isfinite(mean)).tolist()
            raise BadInput("features", f"the columns {columns} hold NaN or infinity in the train rows")
        squares = sum(((features[chunk] - mean) ** 2).sum(axis=0) for chunk in chunks) / len(rows)
        first = features[rows[0]]
        # Not by a deviation of 0: a constant's mean may be a rounding error away from it.
        varies = np.any([(features[chunk] != first).any(axis=0) for chunk in chunks], axis=0)
        deviation = np.sqrt(np.where(varies, squares, 1.0))
        self.mean.copy_(torch.from_numpy(mean))
        self.inverse_deviation.copy_(torch.from_numpy(1.0 / deviation))


class ScaledModel(nn.Module):
    """Scaler, clip, network and the label's unit in one; refuses any input but float32 [B, T, F].

    The network sees standardised features and gives logits, or a standardised value that is put back into
    the label's unit here: `output_scale` and `output_mean` are 1 and 0 for logits.

    Args:
        core: the network.
        n_features: F.
        seq_len: T.
        n_outputs: C.
        clip: as `FeatureScaler`.
    """

    output_mean: Tensor
    output_scale: Tensor

    def __init__(
        self,
        core: nn.Module,
        n_features: int,
        seq_len: int,
        n_outputs: int = 1,
        clip: float | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("output_mean", torch.zeros(()))
        self.register_buffer("output_scale", torch.ones(()))
        self.n_features = n_features
        self.seq_len = seq_len
        self.n_outputs = n_outputs
        self.scaler = FeatureScaler(n_features, clip)
        self.core = core

    def forward(self, x: Tensor) -> Tensor:
        """float32 [B, T, F] to float32 [B, C], logits or values in the label's unit.

        Raises:
            ValueError: rank, T, F or dtype is another (broadcasting would let [B, T, 1] pass).
        """
        if x.dtype != torch.float32:
            raise ValueError("the model takes float32 values and nothing else")
        if x.dim() != 3 or x.size(1) != self.seq_len or x.size(2) != self.n_features:
            raise ValueError(f"the model takes [B, {self.seq_len}, {self.n_features}], found {x.shape}")
        return self.compute(x)

    def compute(self, x: Tensor) -> Tensor:
        """As `forward`, but in the type of the weights, whichever it is, and without a look at the input."""
        output: Tensor = self.core(self.scaler(x)) * self.output_scale + self.output_mean
        return output


def as_probability(module: ScaledModel) -> ScaledModel:
    """A copy of a module that gives logits, which gives their sigmoid: the probability of a rise.

    Raises:
        UsageError: it gives the logits of classes, or puts values into a label's unit.
    """
    if module.n_outputs > 1 or (float(module.output_mean), float(module.output_scale)) != (0.0, 1.0):
        raise UsageError(
            "output", "only the logit of a rise has a probability; the module gives something else"
        )
    copied = copy.deepcopy(module)
    copied.core = nn.Sequential(copied.core, nn.Sigmoid())
    return copied
