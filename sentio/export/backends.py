"""Which backends a bundle holds, and making each: the model's file and its entry in the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentio.bundle.aoti import AotiModel
from sentio.bundle.folder import Floats, Goldens
from sentio.bundle.manifest import Aoti, Backend, InputLayout, Native, Onnx, TorchScript
from sentio.bundle.models import Model
from sentio.bundle.module import machine
from sentio.bundle.native import NativeModel
from sentio.bundle.onnx import OnnxModel
from sentio.bundle.safetensors import write_tensors
from sentio.errors import CheckFailed, UsageError, did_you_mean
from sentio.export.aoti import compile_ahead
from sentio.export.native import as_native, clip_of, native_obstacle
from sentio.export.onnx import OPSET, to_onnx
from sentio.export.scripting import script
from sentio.models import ScaledModel

__all__ = ["BACKENDS", "Made", "choose_backends", "make_backend", "native_outputs"]

BACKENDS = ("native", "torchscript", "aoti", "onnx")


@dataclass(frozen=True, slots=True)
class Made:
    """A backend's entry in the manifest, and the bytes of its file."""

    entry: Backend
    content: bytes


def choose_backends(module: ScaledModel, names: Sequence[str] | None) -> list[str]:
    """The backends to make, in order; None: `native` where it can run the module, then `torchscript`.

    Raises:
        UsageError: a name is unknown or comes twice.
    """
    if names is None:
        return ["torchscript"] if native_obstacle(module) else ["native", "torchscript"]
    for name in names:
        if name not in BACKENDS:
            raise UsageError(
                "--backend",
                f"{name!r} is not a backend; there are: {', '.join(BACKENDS)}",
                hint=did_you_mean(name, BACKENDS),
            )
    if not names or len(set(names)) < len(names):
        raise UsageError("--backend", f"{','.join(names)!r} names none, or one twice")
    return list(names)


def make_backend(
    name: str, module: ScaledModel, goldens: Goldens, layout: InputLayout, tolerance: float
) -> Made:
    """Make one backend, and compare what its bytes give with the goldens.

    Raises:
        UsageError: it cannot run such a module; those that can are named.
        EnvironmentProblem: it needs a compiler or a package that is not there.
        CheckFailed: it gives something else than the trained module.
    """
    if name == "native":
        network, tensors = as_native(module)
        entry = Native(network=network, tolerance=tolerance)
        _compare(NativeModel(tensors, network, layout, clip_of(module)), goldens, entry)
        return Made(entry, write_tensors(tensors))
    torch, capability = machine()
    if name == "aoti":
        code = compile_ahead(module)
        compiled = Aoti(torch=torch, cpu_capability=capability, tolerance=tolerance)
        _compare(AotiModel(code, compiled, layout, module.n_outputs), goldens, compiled)
        return Made(compiled, code)
    if name == "onnx":
        graph = to_onnx(module)
        exported = Onnx(opset=OPSET, tolerance=tolerance)
        _compare(OnnxModel(graph, exported, layout, module.n_outputs), goldens, exported)
        return Made(exported, graph)
    content, scripted_by = script(module, goldens)
    return Made(
        TorchScript(scripted_by=scripted_by, torch=torch, cpu_capability=capability, tolerance=tolerance),
        content,
    )


def _compare(model: Model, goldens: Goldens, entry: Backend) -> None:
    outputs = model.run(goldens.features, goldens.rows), model.run(*goldens.stress_rows())
    expected = goldens.outputs[1], goldens.stress_outputs
    largest = max(float(np.abs(found - told).max()) for found, told in zip(outputs, expected, strict=True))
    if not largest <= entry.tolerance:
        raise CheckFailed(
            "model",
            f"as {entry.name} differs from the trained one by {largest:.3g}; "
            f"allowed is {entry.tolerance:.3g}",
        )


def native_outputs(model: NativeModel, goldens: Goldens) -> Floats:
    """What `native` gives to the golden windows, then to the stress windows: float32 [272, C]."""
    return np.concatenate([model.run(goldens.features, goldens.rows), model.run(*goldens.stress_rows())])
