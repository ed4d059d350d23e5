"""How a figure is taken: ratios of interleaved pairs, and how far a peer's columns agree with ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AGREEMENT", "CONVERGED", "Figure", "agreeing", "cpu", "ratios", "skipped"]

# A float32 holds 24 bits; the peers' rolling deviations add rounding of their own.
AGREEMENT = 1e-5
# Rows after which an EMA of 200 bars has forgotten another start, to a float's last place.
CONVERGED = 4000

Columns = Sequence[NDArray[np.float64] | NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Attributes:
        text: what is compared with what.
        median, p10, p90: of the ratios of `pairs` interleaved pairs; None where it was skipped.
        must, goal: what it is held against, such as "<= 6"; "" where there is nothing.
        note: how many columns agreed, or why it was skipped.
    """

    text: str
    median: float | None
    p10: float | None
    p90: float | None
    pairs: int
    must: str = ""
    goal: str = ""
    note: str = ""


def skipped(text: str, why: str, must: str = "", goal: str = "") -> Figure:
    """A row without a figure, which says why."""
    return Figure(text, None, None, None, 0, must, goal, f"skipped: {why}")


def cpu(call: Callable[[], object]) -> float:
    """Seconds of CPU time of this process, all of its threads together."""
    started = time.process_time()
    call()
    return time.process_time() - started


def ratios(
    text: str,
    top: Callable[[], object],
    below: Callable[[], object],
    pairs: int,
    *,
    must: str = "",
    goal: str = "",
    note: str = "",
    clock: Callable[[Callable[[], object]], float] = cpu,
) -> Figure:
    """The cost of `top` over that of `below`, in interleaved pairs after one that is not counted."""
    top(), below()
    return of([clock(top) / clock(below) for _ in range(pairs)], text, must=must, goal=goal, note=note)


def of(found: Sequence[float], text: str, *, must: str = "", goal: str = "", note: str = "") -> Figure:
    """A row from the ratios of its pairs."""
    median, low, high = np.percentile(found, [50, 10, 90])
    return Figure(text, float(median), float(low), float(high), len(found), must, goal, note)


def agreeing(ours: NDArray[np.float32], theirs: Columns, first: int, within: float = AGREEMENT) -> list[int]:
    """The columns in which a peer agrees from row `first` on, within a part of the value or of its mean."""
    found = []
    for column, values in enumerate(theirs):
        mine, peer = ours[first:, column].astype(np.float64), np.asarray(values, np.float64)[first:]
        scale = np.maximum(np.abs(peer), np.abs(peer).mean())
        if np.all(np.abs(mine - peer) <= within * scale):
            found.append(column)
    return found
