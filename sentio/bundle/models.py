"""A bundle's model behind one interface, whichever backend runs it in Python."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sentio.bundle.folder import BundleFiles, Floats
from sentio.bundle.manifest import Aoti, Backend, Manifest, Native, Onnx, TorchScript
from sentio.bundle.native import NativeModel
from sentio.errors import UsageError

__all__ = ["Model", "choose_backend", "load_model"]


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

    def misfits(self) -> tuple[list[str], int]:
        """Inputs of another rank, T, F or type that it accepts, and how many were offered."""


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
