"""The backend `native` in numpy: the operations of `dense_layers_isa.cpp` in their order, so the same bits.

Each product and each sum is one operation of IEEE 754, which numpy rounds as any processor does. This is what
the C++ library is compared with, and what Python predicts with where a bundle names `native` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sentio.bundle.manifest import Clip, InputLayout, Layer, Linear
from sentio.bundle.safetensors import read_tensors
from sentio.errors import CheckFailed, CorruptStore

__all__ = ["NativeModel"]

Floats: TypeAlias = NDArray[np.float32]

_CHUNK = 4096  # windows of one pass, so that what is computed in between stays small


def _numbers(text: str) -> list[float]:
    return [float.fromhex(word) for word in text.split()]


@dataclass(frozen=True, slots=True)
class _OddRational:
    """As in dense_layers.hpp, whose coefficients these are."""

    above: list[float]
    below: list[float]
    start: float
    limit: float

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        square = x * x
        value = x * _polynomial(self.above, square) / _polynomial(self.below, square)
        value = np.where(x >= self.start, self.limit, value)
        return np.where(x <= -self.start, -self.limit, value)


def _polynomial(coefficients: Sequence[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    value = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


_NORMAL_CDF_LESS_HALF = _OddRational(
    _numbers(
        "-0x1.4ccc585443da2p-34 0x1.c5b181c6b69d9p-25 0x1.1c20eec41501dp-17 0x1.65cea5f636535p-13"
        " 0x1.3b1e2efff073ep-8 0x1.0c36403be512bp-5 0x1.9884534d4d34ep-2"
    ),
    _numbers(
        "0x1.0c82c8e595cabp-19 0x1.58a07a5f9ce34p-14 0x1.fbca5d5bf6fd3p-10 0x1.d3150aa307ffbp-6"
        " 0x1.fd690ad83d6a9p-3 0x1p0"
    ),
    6.0,
    0.5,
)
_TANH = _OddRational(
    _numbers(
        "-0x1.688fb87880369p-46 0x1.8ae7b39b426e7p-34 0x1.5b68fdc0c7379p-23 0x1.9eaf013f92bd8p-15"
        " 0x1.32d7450fd3faep-8 0x1.249921bd850fap-3 0x1.fffffffffc0b0p-1"
    ),
    _numbers(
        "0x1.67bbc6cb60ac9p-28 0x1.be57b8a75a6c2p-19 0x1.2134b2f5ba59bp-11 0x1.ece21485e6183p-6"
        " 0x1.e7a1e633b82a6p-2 0x1p0"
    ),
    9.1,
    1.0,
)


def _gelu(x: Floats) -> Floats:
    wide = x.astype(np.float64)
    return (wide * (0.5 + _NORMAL_CDF_LESS_HALF(wide))).astype(np.float32)


def _tanh(x: Floats) -> Floats:
    return _TANH(x.astype(np.float64)).astype(np.float32)


# exp(r) = 1 + r + r^2 times this, the highest power's coefficient first: 1/13! to 1/2!.
_EXP_SERIES = [1.0 / math.factorial(power) for power in range(13, 1, -1)]


def _exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """As portable_exp of portable_math.hpp, of x at most 0."""
    reduced = np.maximum(x, -708.0)
    whole = reduced * float.fromhex("0x1.71547652b82fep0") + 1.5 * 2.0**52 - 1.5 * 2.0**52
    r = reduced - whole * float.fromhex("0x1.62e42feep-1")
    r = r + (0.0 - whole * float.fromhex("0x1.a39ef35793c76p-33"))
    value = 1.0 + (r + r * r * _polynomial(_EXP_SERIES, r))
    return np.where(x < -708.0, 0.0, np.ldexp(value, np.nan_to_num(whole).astype(np.int64)))


def _sigmoid(x: Floats) -> Floats:
    wide = x.astype(np.float64)
    small = _exp(-np.abs(wide))
    return (np.where(wide < 0.0, small, 1.0) / (1.0 + small)).astype(np.float32)


def _relu(x: Floats) -> Floats:
    return np.where(x < 0, np.float32(0), x)


_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "gelu": _gelu,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
}


class NativeModel:
    """A dense network with its tensors.

    Args:
        tensors: by the names of docs/reference/bundle.md.
        network: its layers, which fit each other and the layout.
        layout: of the windows.
        clip: the bounds of a scaled feature.

    Raises:
        CorruptStore: a tensor is missing, unknown, of another shape or not finite; all are named.
    """

    def __init__(
        self,
        tensors: Mapping[str, Floats],
        network: Sequence[Layer],
        layout: InputLayout,
        clip: Clip | None = None,
    ) -> None:
        expected: dict[str, tuple[int, ...]] = {
            "scaler.mean": (layout.n_features,),
            "scaler.inverse_deviation": (layout.n_features,),
            "output_scale": (),
            "output_mean": (),
        }
        for number, layer in enumerate(network):
            if isinstance(layer, Linear):
                expected[f"layers.{number}.weight"] = (layer.outputs, layer.inputs)
                expected[f"layers.{number}.bias"] = (layer.outputs,)
        problems = [f"{name}: is no tensor of this network" for name in tensors if name not in expected]
        for name, shape in expected.items():
            if name not in tensors:
                problems.append(f"{name}: is missing")
            elif tensors[name].shape != shape:
                problems.append(f"{name}: is {list(tensors[name].shape)}, expected {list(shape)}")
            elif not np.isfinite(tensors[name]).all():
                problems.append(f"{name}: is not finite")
        if problems:
            raise CorruptStore(
                "model.safetensors", "is not of the manifest's network", problems=sorted(problems)
            )
        self.tensors = dict(tensors)
        self.network = tuple(network)
        self.layout = layout
        self.n_outputs = [layer.outputs for layer in network if isinstance(layer, Linear)][-1]
        self.clip = clip

    @classmethod
    def read(
        cls, content: bytes, network: Sequence[Layer], layout: InputLayout, clip: Clip | None
    ) -> NativeModel:
        """From the bytes of model.safetensors."""
        return cls(read_tensors(content, "model.safetensors"), network, layout, clip)

    def run(self, features: Floats, rows: NDArray[np.int64], batch_size: int = 1) -> Floats:
        """As `Model.run`; the batch's size changes nothing."""
        offsets = np.arange(1 - self.layout.seq_len, 1)
        chunks = [rows[start : start + _CHUNK, None] for start in range(0, len(rows), _CHUNK)]
        parts = [self.forward(features[chunk + offsets]) for chunk in chunks]
        return np.concatenate([np.empty((0, self.n_outputs), np.float32), *parts])

    def forward(self, windows: NDArray[Any]) -> Floats:
        """As `Model.forward`."""
        expected = (self.layout.seq_len, self.layout.n_features)
        if windows.dtype != np.float32 or windows.shape[1:] != expected:
            raise CheckFailed(
                "model.safetensors",
                f"takes float32 [B, {expected[0]}, {expected[1]}], found {windows.dtype} "
                f"{list(windows.shape)}",
            )
        scaled = (windows - self.tensors["scaler.mean"]) * self.tensors["scaler.inverse_deviation"]
        if self.clip is not None:
            scaled = np.clip(scaled, np.float32(self.clip.low), np.float32(self.clip.high))
        x: Floats = scaled.reshape(len(windows), -1)
        for number, layer in enumerate(self.network):
            if isinstance(layer, Linear):
                weight = self.tensors[f"layers.{number}.weight"]
                bias = self.tensors[f"layers.{number}.bias"]
                total: Floats = np.broadcast_to(bias, (len(x), len(bias)))
                # One input after the other: a product of matrices adds in an order of its own.
                for column in range(weight.shape[1]):
                    total = total + x[:, column, None] * weight[None, :, column]
                x = total
            else:
                x = _ACTIVATIONS[layer.layer](x)
        outputs: Floats = x * self.tensors["output_scale"] + self.tensors["output_mean"]
        return outputs
