"""What a session says of a bar: what became of it, and what the model says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from sentio.bundle.manifest import OutputKind
from sentio.errors import UsageError

__all__ = ["Outcome", "Prediction", "Status"]


class Status(StrEnum):
    """What became of a bar."""

    PREDICTED = "predicted"
    WARMING_UP = "warming_up"
    MODEL_FAILED = "model_failed"
    NOT_LATER = "not_later"
    TOO_EARLY = "too_early"
    NOT_A_NUMBER = "not_a_number"
    PRICE_RANGE = "price_range"
    HIGH_LOW = "high_low"
    VOLUME_RANGE = "volume_range"

    @property
    def refused(self) -> bool:
        """Whether the bar was not taken; nothing has changed then."""
        return self not in (Status.PREDICTED, Status.WARMING_UP, Status.MODEL_FAILED)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says at the close of a bar.

    Attributes:
        values: the raw outputs: one logit, probability or return in the label's unit, or the classes' logits.
        kind: which of them.
        horizon: bars that it looks ahead.
        bar_ts: the bar's open, UTC nanoseconds.
        model_id, version: of the bundle that says so.
        bundle_id: which files exactly, 64 hex digits.
        classes: their names, in the order of the values; empty where the kind is another.
    """

    values: tuple[float, ...]
    kind: OutputKind
    horizon: int
    bar_ts: int
    model_id: str
    version: str
    bundle_id: str
    classes: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The one raw output.

        Raises:
            UsageError: there is one for each class.
        """
        if self.kind == "classes":
            raise UsageError("value", f"there is one for each of {', '.join(self.classes)}", hint="values")
        return self.values[0]

    @property
    def probability(self) -> float:
        """The probability of a rise.

        Raises:
            UsageError: the output is a return, or of classes.
        """
        if self.kind in ("return", "classes"):
            raise UsageError("probability", f"the output is of kind {self.kind!r}, which has none of a rise")
        value = self.value
        if self.kind == "probability":
            return value
        if value < 0:
            return math.exp(value) / (1.0 + math.exp(value))
        return 1.0 / (1.0 + math.exp(-value))

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability of each class by softmax.

        Raises:
            UsageError: there are no classes.
        """
        if self.kind != "classes":
            raise UsageError("probabilities", f"the output is of kind {self.kind!r}, which has no classes")
        largest = max(self.values)
        powers = [math.exp(value - largest) for value in self.values]  # without overflow
        return {name: power / sum(powers) for name, power in zip(self.classes, powers, strict=True)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a bar, and what the model says where the status is `PREDICTED`."""

    status: Status
    prediction: Prediction | None = None
