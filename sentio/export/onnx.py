"""A trained module as an ONNX graph, for runtimes of others."""

from __future__ import annotations

import copy
import importlib.util

import torch

from sentio.errors import CheckFailed, EnvironmentProblem, first_line
from sentio.export.graph import Arithmetic, quiet_export
from sentio.models import ScaledModel

__all__ = ["OPSET", "to_onnx"]

OPSET = 18  # the oldest that torch's exporter writes directly


def to_onnx(module: ScaledModel) -> bytes:
    """The bytes of model.onnx: float32 `windows` [B, T, F] to float32 `outputs` [B, C], the weights inside.

    Args:
        module: in evaluation mode, without gradients.

    Raises:
        EnvironmentProblem: the packages that it needs are not installed.
        CheckFailed: the module cannot be exported.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if not importlib.util.find_spec(name)]
    if missing:
        raise EnvironmentProblem(
            "onnx", f"needs the packages {', '.join(missing)}", hint="pip install 'sentio[onnx]'"
        )
    # Two windows: an extent of one would be taken for a constant.
    example = torch.zeros(2, module.seq_len, module.n_features)
    with quiet_export("torch.onnx"):
        try:
            program = torch.onnx.export(
                Arithmetic(copy.deepcopy(module)),
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                input_names=["windows"],
                output_names=["outputs"],
                opset_version=OPSET,
                verbose=False,
            )
        except (RuntimeError, torch.onnx.OnnxExporterError) as error:
            raise CheckFailed("model", f"cannot be exported as ONNX: {first_line(error)}") from error
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content
