"""A bundle's model as the C++ runtime asks it: windows in, raw outputs out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentio.bundle.models import Model, accepted_misfits
from sentio.bundle.module import machine

__all__ = ["ModelRunner"]


class ModelRunner:
    """What `sentio_features.Bundle` calls in place of a backend of its own.

    Args:
        model: float32 [B, T, F] to [B, C].
        seq_len: T.
        n_features: F.
    """

    def __init__(self, model: Model, seq_len: int, n_features: int) -> None:
        self._model = model
        self._seq_len = seq_len
        self._n_features = n_features

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw outputs, float32 [B * C], of windows [B, T, F], in one batch.

        Raises:
            CheckFailed: the model fails, or gives another shape or type.
        """
        batch = len(windows)
        rows = np.arange(1, batch + 1) * self._seq_len - 1
        features = windows.reshape(batch * self._seq_len, self._n_features)
        return self._model.run(features, rows, batch).ravel()

    def probe(self) -> list[tuple[str, bool]]:
        """Inputs that the model has to refuse, and whether it did."""
        accepted, offered = accepted_misfits(self._model.forward, self._seq_len, self._n_features)
        refused = [("another input", True)] * (offered - len(accepted))
        return [(what, False) for what in accepted] + refused

    def environment(self) -> tuple[str, str]:
        """What runs the model, and the CPU capability that it uses."""
        return machine()
