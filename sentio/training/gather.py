"""Windows of features as batches: one indexed copy from the mapped table into a buffer that is used again."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["WindowGather"]


class WindowGather:
    """Fetches the windows that end at given rows.

    Args:
        features: float32 [N, F], read-only maps included; nothing of it is copied but what is asked for.
        seq_len: T.
        batch_size: the most windows of one call.
        device: where the batches go.
    """

    def __init__(
        self, features: NDArray[np.float32], seq_len: int, batch_size: int, device: torch.device
    ) -> None:
        with warnings.catch_warnings():  # torch has no read-only tensors; this one is never written to
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            self._table = torch.from_numpy(features)
        self._device = device
        self._seq_len = seq_len
        self._offsets = torch.arange(1 - seq_len, 1)
        self._buffer = torch.empty(batch_size * seq_len, self._table.size(1))

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows int64 [B] to windows float32 [B, T, F], valid until the next call."""
        source = (rows[:, None] + self._offsets).view(-1)
        windows = self._buffer[: len(source)]
        torch.index_select(self._table, 0, source, out=windows)
        return windows.view(len(rows), self._seq_len, -1).to(self._device)
