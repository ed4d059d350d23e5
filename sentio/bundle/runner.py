"""A bundle's module as the C++ runtime asks it: windows in, raw outputs out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sentio.bundle.module import accepted_misfits, machine, run_windows

__all__ = ["ModuleRunner"]


class ModuleRunner:
    """What `sentio_features.Bundle` calls in place of a backend of its own.

    Args:
        module: float32 [B, T, F] to [B, 1], in evaluation mode.
        seq_len: T.
        n_features: F.
    """

    def __init__(self, module: nn.Module, seq_len: int, n_features: int) -> None:
        self._module = module
        self._seq_len = seq_len
        self._n_features = n_features

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw outputs, float32 [B], of windows [B, T, F], in one batch.

        Raises:
            CheckFailed: the module fails, or gives another shape or type.
        """
        batch = len(windows)
        rows = np.arange(1, batch + 1) * self._seq_len - 1
        features = windows.reshape(batch * self._seq_len, self._n_features)
        return run_windows(self._module, features, rows, self._seq_len, batch)[:, 0]

    def probe(self) -> list[tuple[str, bool]]:
        """Inputs that the module has to refuse, and whether it did."""
        accepted, offered = accepted_misfits(self._module, self._seq_len, self._n_features)
        refused = [("another input", True)] * (offered - len(accepted))
        return [(what, False) for what in accepted] + refused

    def environment(self) -> tuple[str, str]:
        """What runs the module, and the CPU capability that it uses."""
        return machine()
