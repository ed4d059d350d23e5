"""The module as TorchScript: bytes to module and back, running it, and what it must refuse."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sentio.bundle.manifest import InputLayout
from sentio.errors import CheckFailed, CorruptStore, first_line

__all__ = [
    "TorchModel",
    "forward",
    "load_module",
    "machine",
    "run_windows",
    "save_module",
    "torchscript",
]

# What a module raises, scripted or not.
REFUSALS = (ValueError, RuntimeError, torch.jit.Error)


@contextmanager
def torchscript() -> Iterator[None]:
    """Call torch.jit without its notice of deprecation: `backend` in the manifest is for its successor."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        yield


def save_module(module: torch.jit.ScriptModule) -> bytes:
    """A scripted module as the bytes of model.pt."""
    buffer = io.BytesIO()
    with torchscript():
        torch.jit.save(module, buffer)
    return buffer.getvalue()


def load_module(data: bytes, where: str) -> torch.jit.ScriptModule:
    """The module in the bytes of model.pt, on the CPU, in evaluation mode.

    TorchScript is code: give it only bytes whose hash was checked, from a source that is trusted.

    Raises:
        CorruptStore: the bytes are no TorchScript of this torch.
    """
    try:
        with torchscript():
            module: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(data), map_location="cpu")
    except RuntimeError as error:
        raise CorruptStore(where, f"does not load as TorchScript: {first_line(error)}") from error
    return module.eval()


def machine() -> tuple[str, str]:
    """What decides the last bits of an output: torch's version and the CPU capability that it uses."""
    return torch.__version__, torch.backends.cpu.get_cpu_capability()


def run_windows(
    module: Callable[[Tensor], Tensor],
    features: NDArray[np.float32],
    rows: NDArray[np.int64],
    seq_len: int,
    batch_size: int,
    n_outputs: int,
) -> NDArray[np.float32]:
    """Run a module over windows, on one thread; callers take turns.

    Args:
        module: float32 [B, T, F] to [B, C], in evaluation mode.
        features: float32 [N, F].
        rows: int64 [M], the last row of each window.
        seq_len: T.
        batch_size: B; another one may give other last bits.
        n_outputs: C.

    Returns:
        float32 [M, C].

    Raises:
        CheckFailed: the module fails, or gives another shape or type.
    """
    offsets = np.arange(1 - seq_len, 1)
    outputs = [torch.empty(0, n_outputs)]
    with _one_thread(), torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            last = rows[start : start + batch_size]
            # torch.tensor copies into memory aligned as torch does it; elsewhere kernels may sum otherwise.
            windows = torch.tensor(features[last[:, None] + offsets])
            output = _answer(module, windows)
            if output.dtype != torch.float32 or output.shape != (len(last), n_outputs):
                found = f"{output.dtype} {list(output.shape)}"
                raise CheckFailed(
                    "model", f"gives {found} for {len(last)} windows, not float32 [{len(last)}, {n_outputs}]"
                )
            outputs.append(output)
        values: NDArray[np.float32] = torch.cat(outputs).numpy()
    return values


def forward(module: Callable[[Tensor], Tensor], windows: NDArray[Any]) -> NDArray[np.float32]:
    """As `Model.forward`, by a module, on one thread; callers take turns."""
    with _one_thread(), torch.inference_mode():
        values: NDArray[np.float32] = _answer(module, torch.tensor(windows)).numpy()
    return values


def _answer(module: Callable[[Tensor], Tensor], windows: Tensor) -> Tensor:
    try:
        return module(windows)
    except REFUSALS as error:
        raise CheckFailed("model", f"fails: {str(error).strip().splitlines()[-1]}") from error


class TorchModel:
    """A module, float32 [B, T, F] to [B, C], as a bundle's `Model`."""

    def __init__(self, module: nn.Module, layout: InputLayout, n_outputs: int) -> None:
        self.module = module
        self.layout = layout
        self.n_outputs = n_outputs

    def run(
        self, features: NDArray[np.float32], rows: NDArray[np.int64], batch_size: int = 1
    ) -> NDArray[np.float32]:
        """As `Model.run`, on one thread; callers take turns."""
        return run_windows(self.module, features, rows, self.layout.seq_len, batch_size, self.n_outputs)

    def forward(self, windows: NDArray[Any]) -> NDArray[np.float32]:
        """As `Model.forward`: the module refuses by itself."""
        return forward(self.module, windows)


_TURN = threading.Lock()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch compute on one thread for a while, in which no other caller is.

    What torch sets is for the thread that sets it, for its libraries, and for every thread that comes to it
    later: one that came meanwhile would take 1 for what it has to put back, and leave 1 to all after it.
    """
    with _TURN:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
