"""metadata.json, the bundle's manifest, as docs/reference/bundle.md lists it."""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from sentio.bars.interval import Interval
from sentio.errors import CorruptStore, UsageError
from sentio.validation import problem_lines

__all__ = [
    "BATCHES",
    "FORMAT",
    "WINDOWS",
    "Chain",
    "Feature",
    "GoldenSize",
    "InputLayout",
    "LabelOf",
    "Manifest",
    "Normalisation",
    "Numerics",
    "OutputLayout",
    "Span",
    "Spans",
    "parse_manifest",
]

FORMAT = 1
WINDOWS = 256
BATCHES = (1, 7, 256)

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]


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
    """What the module gives: the logit of a rise, or a value in units of the label."""

    layout: Literal["[B, 1]"] = "[B, 1]"
    kind: Literal["logit", "return"]


class LabelOf(_Part):
    """What was learned; the label's own parameters stand beside these two."""

    model_config = ConfigDict(extra="allow")

    kind: str
    horizon: Size


class Normalisation(_Part):
    """A copy of what is inside the module, each [F]: (x - mean) * inv_std."""

    kind: Literal["standard"] = "standard"
    where: Literal["inside model.pt"] = "inside model.pt"
    mean: list[float]
    inv_std: list[float]


class Span(_Part):
    """Samples of a span, and the opens of its first and last bar in UTC nanoseconds."""

    rows: Size
    first_ts: int
    last_ts: int


class Spans(_Part):
    """In the order of time."""

    train: Span
    validation: Span
    test: Span


class Numerics(_Part):
    """Where the goldens were made, and how far another machine may be from them."""

    backend: Literal["torchscript"] = "torchscript"
    scripted_by: Literal["script", "trace"]
    torch: str
    cpu_capability: str
    threads: Literal[1] = 1
    tolerance: Annotated[float, Field(gt=0)]


class EngineVersion(_Part):
    """The engine that computed the features."""

    version: str


class GoldenSize(_Part):
    """How many golden bars and windows there are, and in which batches the windows were run."""

    bars: Size
    windows: Literal[256] = 256
    batches: list[int] = list(BATCHES)


class Versions(_Part):
    """What made the bundle."""

    sentio: str
    python: str
    numpy: str
    torch: str


class Manifest(_Part):
    """All that a bundle says of itself."""

    format_version: Literal[1] = 1
    model_id: str
    version: str
    created_at: AwareDatetime
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
    clip: None
    spans: Spans
    metrics: dict[str, JsonValue]
    numerics: Numerics
    engine: EngineVersion
    golden: GoldenSize
    versions: Versions

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        try:
            length = Interval.parse(self.interval).ns
        except UsageError as error:
            raise ValueError(str(error)) from None
        if self.interval_ns != length:
            raise ValueError(f"interval_ns is {self.interval_ns}, but interval {self.interval} is {length}")
        widths = {
            "features": len(self.features),
            "input.n_features": self.input.n_features,
            "normalisation.mean": len(self.normalisation.mean),
            "normalisation.inv_std": len(self.normalisation.inv_std),
        }
        if len(set(widths.values())) > 1:
            raise ValueError(f"F is not the same everywhere: {widths}")
        if self.golden.batches != list(BATCHES):
            raise ValueError(f"golden.batches is {self.golden.batches}; allowed is {list(BATCHES)}")
        return self

    def to_json(self) -> bytes:
        """The bytes of metadata.json."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode()


def parse_manifest(text: bytes, where: str) -> Manifest:
    """Read metadata.json.

    Args:
        text: its bytes, already checked against their hash.
        where: the file's name, for messages.

    Raises:
        CorruptStore: another format version, or a key that is missing, unknown or of another type; each
            is named.
    """
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        problems = problem_lines(error)
    raise CorruptStore(
        where,
        f"is not a manifest of format version {FORMAT}",
        problems=problems,
        hint="export the run again, or read the bundle with the release that made it",
    )
