"""The backend `onnx` in Python: a graph for others' runtimes, which onnxruntime runs here."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bundle.manifest import InputLayout, Onnx
from sentio.errors import CheckFailed, CorruptStore, EnvironmentProblem, first_line

__all__ = ["OnnxModel"]


def _onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError:
        raise EnvironmentProblem(
            "onnx", "needs the package onnxruntime", hint="pip install 'sentio[onnx]'"
        ) from None
    module: ModuleType = onnxruntime
    return module


class OnnxModel:
    """A graph of one input, float32 [B, T, F], and one output, float32 [B, C], as a bundle's `Model`.

    Args:
        content: the bytes of model.onnx.
        entry: what the manifest says of it.
        layout: of the windows.
        n_outputs: C.

    Raises:
        CorruptStore: the bytes are no graph that onnxruntime loads.
        EnvironmentProblem: onnxruntime is not installed.
    """

    def __init__(self, content: bytes, entry: Onnx, layout: InputLayout, n_outputs: int) -> None:
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # its errors come as exceptions, too
        try:
            self._session: Any = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            (self._input,) = (given.name for given in self._session.get_inputs())
        except Exception as error:  # onnxruntime's errors have no other base
            raise CorruptStore(entry.file, f"does not load as an ONNX graph: {first_line(error)}") from error
        self.layout = layout
        self.n_outputs = n_outputs

    def run(
        self, features: NDArray[np.float32], rows: NDArray[np.int64], batch_size: int = 1
    ) -> NDArray[np.float32]:
        """As `Model.run`."""
        offsets = np.arange(1 - self.layout.seq_len, 1)
        outputs = [np.empty((0, self.n_outputs), np.float32)]
        for start in range(0, len(rows), batch_size):
            last = rows[start : start + batch_size]
            outputs.append(self.forward(features[last[:, None] + offsets]))
            if outputs[-1].dtype != np.float32 or outputs[-1].shape != (len(last), self.n_outputs):
                found = f"{outputs[-1].dtype} {list(outputs[-1].shape)}"
                raise CheckFailed(
                    "model.onnx",
                    f"gives {found} for {len(last)} windows, not float32 [{len(last)}, {self.n_outputs}]",
                )
        return np.concatenate(outputs)

    def forward(self, windows: NDArray[Any]) -> NDArray[np.float32]:
        """As `Model.forward`: the graph declares its input, and the runtime holds it to that."""
        try:
            (outputs,) = self._session.run(None, {self._input: windows})
        except Exception as error:  # as above
            raise CheckFailed("model.onnx", f"fails: {first_line(error)}") from error
        values: NDArray[np.float32] = outputs
        return values
