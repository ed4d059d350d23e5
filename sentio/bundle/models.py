"""A bundle's model behind one interface, whichever backend runs it in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentio.bundle.folder import BundleFiles, Floats
from sentio.bundle.manifest import Aoti, Backend, Manifest, Native, Onnx, TorchScript
from sentio.bundle.native import NativeModel
from sentio.errors import CheckFailed, UsageError

__all__ = ["Model", "accepted_misfits", "choose_backend", "load_model"]


class Model(Protocol):
    """Takes windows and nothing else."""

    def run(self, features: Floats, rows: NDArray[np.int64], batch_size: int = 1) -> Floats:
        """The outputs of windows of features, so many at a time.

        Args:
            features: float32 [N, F].
            rows: int64 [M], the last row of each window.
            batch_size: windows of one forward.

        Returns:
            float32 [M, C].

        Raises:
            CheckFailed: the model fails, or gives another shape or type.
        """

    def forward(self, windows: NDArray[Any]) -> Floats:
        """The outputs of windows as they are, in one batch.

        Args:
            windows: float32 [B, T, F].

        Returns:
            float32 [B, C].

        Raises:
            CheckFailed: the model fails, as it has to where the windows have another rank, T, F or type.
        """


def accepted_misfits(
    forward: Callable[[NDArray[Any]], object], seq_len: int, n_features: int
) -> tuple[list[str], int]:
    """Offer a model every other rank, T, F and type, T = 1 and F = 1 among them.

    Args:
        forward: as `Model.forward`.
        seq_len: T.
        n_features: F.

    Returns:
        What it accepted of that, and how much was offered.
    """
    fitting = (2, seq_len, n_features)
    shapes: set[tuple[int, ...]] = {(2, length, n_features) for length in (seq_len - 1, seq_len + 1, 1)}
    shapes |= {(2, seq_len, width) for width in (n_features - 1, n_features + 1, 1)}
    shapes |= {(seq_len, n_features), (1, *fitting)}
    offered: list[NDArray[Any]] = [np.zeros(shape, np.float32) for shape in sorted(shapes - {fitting})]
    offered += [np.zeros(fitting, np.float64), np.zeros(fitting, np.float16)]
    accepted = []
    for windows in offered:
        try:
            forward(windows)
        except CheckFailed:
            continue
        accepted.append(f"{windows.dtype} {list(windows.shape)}")
    return accepted, len(offered)


def choose_backend(manifest: Manifest, name: str | None) -> Backend:
    """The backend of that name; None takes the bundle's first.

    Raises:
        UsageError: the bundle does not hold it.
    """
    if name is None:
        return manifest.backends[0]
    found = manifest.backend(name)
    if found is None:
        held = ", ".join(backend.name for backend in manifest.backends)
        raise UsageError("backend", f"{name!r} is not in the bundle, which holds {held}")
    return found


def load_model(files: BundleFiles, manifest: Manifest, backend: Backend) -> Model:
    """The model of one backend, from the very bytes that were hashed.

    Raises:
        CorruptStore: the bytes are no such model.
        EnvironmentProblem: this machine lacks what the backend needs.
    """
    content = files[backend.file]
    match backend:
        case Native():
            return NativeModel.read(content, backend.network, manifest.input, manifest.clip)
        case Aoti():
            from sentio.bundle.aoti import AotiModel

            return AotiModel(content, backend, manifest.input, manifest.output.width)
        case Onnx():
            from sentio.bundle.onnx import OnnxModel

            return OnnxModel(content, backend, manifest.input, manifest.output.width)
        case TorchScript():
            from sentio.bundle.module import TorchModel, load_module

            return TorchModel(load_module(content, backend.file), manifest.input, manifest.output.width)
