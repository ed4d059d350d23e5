"""A trained module as layers and tensors of the backend `native`, if it is linear or a perceptron."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sentio.bundle.manifest import WIDEST, Activation, Clip, Layer, Linear
from sentio.errors import UsageError
from sentio.models import MLP, ScaledModel

__all__ = ["as_native", "clip_of", "native_obstacle"]

Floats = NDArray[np.float32]


def native_obstacle(module: ScaledModel) -> str | None:
    """Why `native` cannot run a module; None where it can."""
    core = module.core
    if not isinstance(core, MLP | nn.Sequential):
        return f"{type(core).__name__} is neither an MLP nor a plain sequence of layers"
    if module.seq_len * module.n_features > WIDEST:
        return f"a window holds {module.seq_len * module.n_features} values; native takes up to {WIDEST}"
    for layer in _layers(core):
        if isinstance(layer, nn.Linear):
            if layer.out_features > WIDEST:
                return f"a layer is {layer.out_features} wide; native takes up to {WIDEST}"
        elif _activation(layer) is None:
            text = str(layer)
            return f"it has no layer {text if chr(10) not in text else type(layer).__name__}"
    return None


def as_native(module: ScaledModel) -> tuple[list[Layer], dict[str, Floats]]:
    """The network of a module, and its tensors by the names of docs/reference/bundle.md.

    Raises:
        UsageError: `native` cannot run it.
    """
    obstacle = native_obstacle(module)
    if obstacle is not None:
        raise UsageError("backend", f"native cannot run this model: {obstacle}", hint="--backend torchscript")
    network: list[Layer] = []
    tensors = {
        "scaler.mean": _floats(module.scaler.mean),
        "scaler.inverse_deviation": _floats(module.scaler.inverse_deviation),
    }
    for layer in _layers(module.core):
        if isinstance(layer, nn.Linear):
            name = f"layers.{len(network)}"
            tensors[f"{name}.weight"] = _floats(layer.weight)
            bias = layer.bias if layer.bias is not None else layer.weight.new_zeros(layer.out_features)
            tensors[f"{name}.bias"] = _floats(bias)
            network.append(Linear(inputs=layer.in_features, outputs=layer.out_features))
        else:
            network.append(Activation.model_validate({"layer": _activation(layer)}))
    tensors["output_scale"] = _floats(module.output_scale)
    tensors["output_mean"] = _floats(module.output_mean)
    return network, tensors


def clip_of(module: ScaledModel) -> Clip | None:
    """The bounds of a module's clip, as its manifest tells them."""
    clip = module.scaler.clip
    return None if clip is None else Clip(low=-clip, high=clip)


def _layers(core: nn.Module) -> Iterator[nn.Module]:
    """The layers that do something to a flat window in evaluation."""
    if isinstance(core, MLP):
        yield from _layers(core.layers)
    elif isinstance(core, nn.Sequential):
        for layer in core:
            yield from _layers(layer)
    elif not isinstance(core, nn.Dropout | nn.Identity | nn.Flatten):
        yield core


def _activation(layer: nn.Module) -> str | None:
    match layer:
        case nn.GELU(approximate="none"):
            return "gelu"
        case nn.ReLU():
            return "relu"
        case nn.Sigmoid():
            return "sigmoid"
        case nn.Tanh():
            return "tanh"
    return None


def _floats(tensor: Tensor) -> Floats:
    return tensor.detach().cpu().numpy().astype(np.float32)
