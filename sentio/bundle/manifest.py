"""metadata.json, the bundle's manifest, as docs/reference/bundle.md lists it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import accumulate
from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentio.bars.contract import check_adjustment, check_symbol
from sentio.bars.interval import Interval
from sentio.bundle.gate import Gate, Metrics, judge
from sentio.errors import CorruptStore, UsageError
from sentio.strict_json import parse_json
from sentio.validation import problem_lines

__all__ = [
    "BATCHES",
    "FORMAT",
    "MODEL_FILES",
    "MOST_CLASSES",
    "MOST_FEATURES",
    "STRESS",
    "WIDEST",
    "WINDOWS",
    "Activation",
    "Aoti",
    "Backend",
    "Chain",
    "Clip",
    "Distribution",
    "Feature",
    "GoldenSize",
    "InputLayout",
    "LabelOf",
    "Layer",
    "Linear",
    "Manifest",
    "Native",
    "Normalisation",
    "Onnx",
    "OutputKind",
    "OutputLayout",
    "Span",
    "Spans",
    "TorchScript",
    "parse_manifest",
]

FORMAT = 1
WINDOWS = 256
BATCHES = (1, 7, 256)

STRESS = 16
MOST_CLASSES = 16  # as kMostOutputs of bundle.hpp
MOST_FEATURES = 100_000  # as kMostRowsOrFeatures of manifest.cpp
WIDEST = 8192  # as kWidestLayer of native_model.hpp

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


def _read_time(value: object) -> object:
    """The one form that is written, so that every reader knows the same times."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(_TIME, value) is None:
        raise ValueError("is not of the form 2026-01-31T12:00:00Z")
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _read_whole(value: object) -> object:
    """Refuse what only equals a whole number: true and 1.0."""
    if type(value) is not int:
        raise ValueError("input should be a valid integer")
    return value


Time = Annotated[datetime, BeforeValidator(_read_time), Field(json_schema_extra={"pattern": _TIME})]
WHOLE = BeforeValidator(_read_whole)
# A folder's name everywhere, and too plain to look like anything else in a report.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
# As kMostSamples of json_fields.hpp: more than any market has, and no sum of a few overflows int64.
MOST_ROWS = 1 << 53
Rows = Annotated[int, Field(ge=1, le=MOST_ROWS)]
Width = Annotated[int, Field(ge=1, le=WIDEST)]


ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
OutputKind: TypeAlias = Literal["logit", "probability", "return", "classes"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Chain(_Part):
    """What the bundle came from, each by its hash; `git_commit` is null outside of a checkout."""

    bars_hash: Hash
    cache_key: Hash
    cache_id: Hash
    spec_hash: Hash
    run: str
    git_commit: str | None


class Feature(_Part):
    """One column of the input, as the engine describes it, defaults written out."""

    name: str
    op: str
    op_version: Size
    source: list[str]
    params: dict[str, int | float]


class InputLayout(_Part):
    """What the module takes, and how windows are cut."""

    layout: Literal["[B, T, F]"] = "[B, T, F]"
    seq_len: Size
    n_features: Size
    dtype: Literal["float32"] = "float32"
    windows_cross_sessions: bool


class OutputLayout(_Part):
    """What the module gives: the logit or probability of a rise, a value in units of the label, or logits.

    These are of `classes`, in their order; C is their number, and 1 where there are none.
    """

    layout: Literal["[B, C]"] = "[B, C]"
    kind: OutputKind
    classes: Annotated[list[ClassName], Field(max_length=MOST_CLASSES)]

    @model_validator(mode="after")
    def _names_its_classes(self) -> Self:
        least = 2 if self.kind == "classes" else 0
        if len(self.classes) < least or (self.classes and not least):
            raise ValueError(
                f"classes are {len(self.classes)}; kind {self.kind} has {least or 'none'}"
                + (f" to {MOST_CLASSES}" if least else "")
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: a name comes twice in {self.classes}")
        return self

    @property
    def width(self) -> int:
        """C."""
        return max(1, len(self.classes))


class LabelOf(_Part):
    """What was learned; the label's own parameters stand beside these two."""

    model_config = ConfigDict(extra="allow")

    kind: str
    horizon: Size


class Normalisation(_Part):
    """A copy of what is inside the module, each [F]: (x - mean) * inv_std."""

    kind: Literal["standard"] = "standard"
    where: Literal["inside the model"] = "inside the model"
    mean: list[float]
    inv_std: list[float]


class Clip(_Part):
    """Within which bounds the module holds each feature behind the scaler."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        with np.errstate(over="ignore"):
            low, high = np.float32(self.low), np.float32(self.high)
        if not (-np.inf < low < high < np.inf):
            raise ValueError(f"clip.low is {self.low}, not below clip.high, {self.high}, as finite float32")
        return self


class Span(_Part):
    """Samples of a span, and the opens of its first and last bar in UTC nanoseconds."""

    rows: Rows
    first_ts: int
    last_ts: int


class Spans(_Part):
    """In the order of time."""

    train: Span
    validation: Span
    test: Span


class Distribution(_Part):
    """One feature's spread over the training rows: k tenths of its values lie at or below the k-th decile.

    `counts` are the rows at or below the first decile, above it and at or below the second, ..., above the
    ninth: more than a tenth where one value is frequent, none between two deciles that are the same.
    """

    min: float
    deciles: Annotated[list[float], Field(min_length=9, max_length=9)]
    max: float
    counts: Annotated[list[Annotated[int, Field(ge=0, le=MOST_ROWS)]], Field(min_length=10, max_length=10)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        edges = [self.min, *self.deciles, self.max]
        if edges != sorted(edges) or max(map(abs, edges)) > float(np.finfo(np.float32).max):
            raise ValueError(f"deciles do not ascend from min to max as finite float32: {edges}")
        rows = sum(self.counts)
        below = list(accumulate(self.counts[:9]))
        if rows == 0 or any(10 * count < tenths * rows for tenths, count in enumerate(below, start=1)):
            raise ValueError(f"counts do not hold a tenth of the rows at or below each decile: {self.counts}")
        return self


class Linear(_Part):
    """A linear layer of the backend `native`; its place in the list names its tensors."""

    layer: Literal["linear"] = "linear"
    inputs: Width
    outputs: Width


class Activation(_Part):
    """A function of each value; `gelu` is the exact form, x times the normal law's probability below x."""

    layer: Literal["gelu", "relu", "sigmoid", "tanh"]


Layer: TypeAlias = Annotated[Linear | Activation, Field(discriminator="layer")]


class _Backend(_Part):
    """Threads of a forward, and how far its outputs may be from those of the trained module, absolute."""

    threads: Annotated[Literal[1], WHOLE] = 1
    tolerance: Annotated[float, Field(gt=0)]


class Native(_Backend):
    """The library itself; its outputs are the same bits everywhere."""

    name: Literal["native"] = "native"
    file: Literal["model.safetensors"] = "model.safetensors"
    network: Annotated[list[Layer], Field(min_length=1)]


class TorchScript(_Backend):
    """LibTorch; equal to the trained module's bits where torch and the CPU capability are these."""

    name: Literal["torchscript"] = "torchscript"
    file: Literal["model.pt"] = "model.pt"
    scripted_by: Literal["script", "trace"]
    torch: str
    cpu_capability: str


class Aoti(_Backend):
    """Machine code by AOTInductor for one window at a time, for processors of this level of the psABI."""

    name: Literal["aoti"] = "aoti"
    file: Literal["model.pt2"] = "model.pt2"
    torch: str
    cpu_capability: str
    instruction_set: Literal["x86-64-v3"] = "x86-64-v3"


class Onnx(_Backend):
    """A graph for others' runtimes: `windows` [B, T, F] to `outputs` [B, C]."""

    name: Literal["onnx"] = "onnx"
    file: Literal["model.onnx"] = "model.onnx"
    opset: Size


Backend: TypeAlias = Annotated[Native | TorchScript | Aoti | Onnx, Field(discriminator="name")]


MODEL_FILES = tuple(kind.model_fields["file"].default for kind in (Native, TorchScript, Aoti, Onnx))


class EngineVersion(_Part):
    """The engine that computed the features."""

    version: str


class GoldenSize(_Part):
    """How many golden bars and windows there are, and in which batches the windows were run."""

    bars: Size
    windows: Annotated[Literal[256], WHOLE] = 256
    batches: list[int] = list(BATCHES)
    stress: Annotated[Literal[16], WHOLE] = 16


class Versions(_Part):
    """What made the bundle."""

    sentio: str
    python: str
    numpy: str
    torch: str


class Manifest(_Part):
    """All that a bundle says of itself."""

    format_version: Annotated[Literal[1], WHOLE] = 1
    model_id: Name
    version: Name
    created_at: Time
    created_by: str
    simulated: bool
    symbol: str
    interval: str
    interval_ns: Size
    timezone: str
    adjustment: str
    chain: Chain
    features: list[Feature]
    input: InputLayout
    output: OutputLayout
    label: LabelOf
    warmup: Count
    settle: Count | None
    first_valid_row: Count
    session_gap_ns: Size
    allow_early_emit: bool
    normalisation: Normalisation
    clip: Clip | None
    spans: Spans
    metrics: Metrics
    gate: Gate
    drift: list[Distribution]
    backends: Annotated[list[Backend], Field(min_length=1)]
    engine: EngineVersion
    golden: GoldenSize
    versions: Versions

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        try:
            if self.symbol:  # "" where nobody has said
                check_symbol(self.symbol)
            check_adjustment(self.adjustment)
            interval = Interval.parse(self.interval)
        except UsageError as error:
            raise ValueError(f"{error.where}: {error.found}") from None
        if str(interval) != self.interval:
            raise ValueError(f"interval {self.interval!r} is written {str(interval)!r}")
        if self.interval_ns != interval.ns:
            raise ValueError(f"interval_ns is {self.interval_ns}, but interval {interval} is {interval.ns}")
        widths = {
            "features": len(self.features),
            "input.n_features": self.input.n_features,
            "normalisation.mean": len(self.normalisation.mean),
            "normalisation.inv_std": len(self.normalisation.inv_std),
            "drift": len(self.drift),
        }
        if len(set(widths.values())) > 1:
            raise ValueError(f"F is not the same everywhere: {widths}")
        if self.golden.batches != list(BATCHES):
            raise ValueError(f"golden.batches is {self.golden.batches}; allowed is {list(BATCHES)}")
        if self.gate != (judged := judge(self.metrics)):
            raise ValueError(f"gate is {self.gate}; its metrics say {judged}")
        names = [backend.name for backend in self.backends]
        if len(set(names)) < len(names):
            raise ValueError(f"backends: a name comes twice in {names}")
        for backend in self.backends:
            if isinstance(backend, Native):
                _check_network(backend.network, self.input, self.output.width)
        return self

    def backend(self, name: str) -> Backend | None:
        """The backend of that name; None where the bundle does not hold it."""
        return next((backend for backend in self.backends if backend.name == name), None)

    def to_json(self) -> bytes:
        """The bytes of metadata.json."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode()


def _check_network(network: list[Layer], layout: InputLayout, outputs: int) -> None:
    width = layout.seq_len * layout.n_features
    if width > WIDEST:
        raise ValueError(f"a window holds {width} values; native takes up to {WIDEST}")
    for number, layer in enumerate(network):
        if isinstance(layer, Linear):
            if layer.inputs != width:
                raise ValueError(f"network[{number}].inputs is {layer.inputs}, but {width} come in")
            width = layer.outputs
        elif number == 0:
            raise ValueError("network[0] is not linear")
    if width != outputs:
        raise ValueError(f"the network ends in {width} outputs, not in {outputs}")


def parse_manifest(text: bytes, where: str) -> Manifest:
    """Read metadata.json.

    Args:
        text: its bytes, already checked against their hash.
        where: the file's name, for messages.

    Raises:
        CorruptStore: it is no JSON as `parse_json` reads it, or of another format version, or a key is
            missing, unknown or of another type; each is named.
    """
    document = parse_json(text, where)
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        problems = problem_lines(error)
    raise CorruptStore(
        where,
        f"is not a manifest of format version {FORMAT}",
        problems=problems,
        hint="export the run again, or read the bundle with the release that made it",
    )
