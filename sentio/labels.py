"""Labels: what a model is asked to foresee, one class each, and which rows have no answer.

A label may look ahead; that is its job, and only its own. It declares how far (`horizon`), and the purge
between train, validation and test is derived from that. A row without an answer is masked and its value is
NaN, never 0.

To add one: a subclass of `Label` with its own `kind`, and its name in `AnyLabel`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

if TYPE_CHECKING:
    from sentio.bars import Bars

__all__ = ["AnyLabel", "CloseDiff", "Direction", "Label", "LabelledRows", "LogretFwd", "Move", "Task"]

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The label of every bar.

    Attributes:
        values: float32 [N], of a class its place in `Label.classes`; NaN where masked.
        mask: bool [N]; True where the row has a label.
        reason: uint8 [N]; 0 where the row has a label, else 1 + the index into `reasons`.
        reasons: why a row may have none; a row has the first that applies.
        forward_return: float64 [N]; log return of the close over the horizon, NaN without a future.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    reason: NDArray[np.uint8]
    reasons: tuple[str, ...]
    forward_return: NDArray[np.float64]

    @property
    def lost(self) -> dict[str, int]:
        """How many rows have no label, by reason."""
        return {name: int((self.reason == code).sum()) for code, name in enumerate(self.reasons, 1)}


class Label(BaseModel, ABC):
    """What all labels share: the horizon, and the session gap that they do not cross unless asked.

    Attributes:
        task: binary: values are 0 and 1; multiclass: the place in `classes`; regression: a number.
        classes: of a multiclass label, from that of the lowest forward return to that of the highest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    task: ClassVar[Task]
    classes: ClassVar[tuple[str, ...]] = ()

    kind: str
    horizon: int = Field(default=1, ge=1, le=100_000, description="how many bars ahead the label looks")
    cross_sessions: bool = Field(default=False, description="whether a label may reach over a session gap")

    @property
    def n_outputs(self) -> int:
        """C, how many outputs a model of it has."""
        return max(1, len(self.classes))

    @abstractmethod
    def values(
        self, bars: Bars, forward_return: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
        """The label of each bar, and the rows that it leaves out, by reason.

        Args:
            bars: N bars.
            forward_return: float64 [N], log return over the horizon, NaN in the last `horizon` rows.

        Returns:
            Values float64 [N], and for each reason of its own a bool [N], True where the row is left out.
        """

    def make(self, bars: Bars, sessions: NDArray[np.int64]) -> LabelledRows:
        """Label every bar.

        Args:
            bars: N bars in time order.
            sessions: int64 [N], the number of the session that each bar belongs to.
        """
        count, horizon = len(bars.close), self.horizon
        no_future = np.arange(count) >= count - horizon
        forward_return = np.full(count, np.nan)
        crosses = np.zeros(count, dtype=np.bool_)
        if count > horizon:
            forward_return[:-horizon] = np.log(bars.close[horizon:] / bars.close[:-horizon])
            crosses[:-horizon] = sessions[horizon:] != sessions[:-horizon]
        values, left_out = self.values(bars, forward_return)
        reasons = {"no future": no_future, "label crosses a session gap": crosses, **left_out}
        if self.cross_sessions:
            del reasons["label crosses a session gap"]
        reason = np.zeros(count, dtype=np.uint8)
        for code, rows in enumerate(reasons.values(), 1):
            reason[rows & (reason == 0)] = code
        mask = reason == 0
        return LabelledRows(
            values=np.where(mask, values, np.nan).astype(np.float32),
            mask=mask,
            reason=reason,
            reasons=tuple(reasons),
            forward_return=forward_return,
        )


def _is_smaller(forward_return: NDArray[np.float64], least_bp: float) -> NDArray[np.bool_]:
    """Bool [N], True where the log return is below so many basis points in size; False without a future."""
    return np.abs(forward_return) * 1e4 < least_bp


class Direction(Label):
    """1 where the close is higher after `horizon` bars, 0 where it is lower; an equal close has none."""

    task: ClassVar[Task] = "binary"

    kind: Literal["direction"] = "direction"
    min_move_bp: FiniteFloat = Field(
        default=0.0, ge=0.0, description="leave out moves smaller than this, in basis points"
    )

    def values(
        self, bars: Bars, forward_return: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
        """The sign of the forward log return as 1 and 0."""
        left_out = {"zero move": forward_return == 0.0}
        if self.min_move_bp > 0.0:
            left_out["move below min_move_bp"] = _is_smaller(forward_return, self.min_move_bp)
        return (forward_return > 0.0).astype(np.float64), left_out


class Move(Label):
    """Up or down where the close moves by at least `min_move_bp` in `horizon` bars, else flat."""

    task: ClassVar[Task] = "multiclass"
    classes: ClassVar[tuple[str, ...]] = ("down", "flat", "up")

    kind: Literal["move"] = "move"
    min_move_bp: FiniteFloat = Field(
        default=5.0, gt=0.0, description="moves smaller than this are flat, in basis points"
    )

    def values(
        self, bars: Bars, forward_return: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
        """The sign of the forward log return, 0 where it is small, plus one."""
        return 1.0 + np.sign(forward_return) * ~_is_smaller(forward_return, self.min_move_bp), {}


class LogretFwd(Label):
    """The log return of the close over the next `horizon` bars."""

    task: ClassVar[Task] = "regression"

    kind: Literal["logret_fwd"] = "logret_fwd"

    def values(
        self, bars: Bars, forward_return: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
        """The forward log return itself."""
        return forward_return, {}


class CloseDiff(Label):
    """The difference of the close over the next `horizon` bars, in the price's own unit."""

    task: ClassVar[Task] = "regression"

    kind: Literal["close_diff"] = "close_diff"

    def values(
        self, bars: Bars, forward_return: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
        """close[t + horizon] - close[t]."""
        values = np.full(len(bars.close), np.nan)
        values[: -self.horizon] = bars.close[self.horizon :] - bars.close[: -self.horizon]
        return values, {}


AnyLabel = Annotated[Direction | Move | LogretFwd | CloseDiff, Field(discriminator="kind")]
