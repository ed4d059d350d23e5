"""The shape of a feature spec's document; what it means, its bounds and defaults are the compiler's alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AlignmentPolicy", "FeatureEntry", "SpecDocument"]


class _Shape(BaseModel):
    """None stands for a key that is not given: the compiler fills it in."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FeatureEntry(_Shape):
    """One feature: an op, what it reads, and the op's own parameters as further keys."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | float] = Field(init=False)

    op: str = Field(description="the op, see docs/reference/ops.md")
    name: str | None = Field(
        default=None, description="the column's name: letters, digits and _, no digit first"
    )
    source: str | list[str] | None = Field(
        default=None,
        description="open, high, low, close, volume, hl2, hlc3, ohlc4, logret or an earlier feature",
    )
    hidden: bool | None = Field(default=None, description="true: computed for other features, not emitted")

    @property
    def params(self) -> dict[str, int | float]:
        """The op's parameters, those that are given."""
        return dict(self.__pydantic_extra__)


class AlignmentPolicy(_Shape):
    """From which row on features are emitted, and what stands before."""

    emit_from_index: Literal["auto"] | Annotated[int, Field(ge=0)] | None = Field(
        default=None, description='the first emitted row; "auto": the first in which every feature is valid'
    )
    pad_value: float | None = Field(default=None, description="the value of earlier rows; null is NaN")
    allow_early_emit: bool | None = Field(
        default=None,
        description="allows an emit_from_index smaller than the windows need; manifests record it",
    )


class SpecDocument(_Shape):
    """A feature spec."""

    schema_version: Literal["1.0"] = Field(description="the version of this format")
    description: str | None = Field(default=None, description="what the features are for")
    features: list[FeatureEntry] = Field(
        min_length=1, description="the features in the order of their columns"
    )
    alignment_policy: AlignmentPolicy | None = Field(
        default=None, description="from which row on features are emitted"
    )
    dtype: Literal["float32", "float64"] | None = Field(
        default=None, description="float64 is for the engine alone; caches and bundles refuse it"
    )
    session_gap: str | None = Field(
        default=None, description="the gap that starts a session, such as 4h, 30m or 90s"
    )
    content_hash: str | None = Field(
        default=None, description="written by the predecessor; read over, never believed"
    )
