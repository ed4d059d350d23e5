"""Rows of a file on their way to bars: their order, their step and their leaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sentio.bars.contract import COLUMNS, PRICES, Float64s, Int64s, Mask, list_rows, order_faults
from sentio.bars.interval import DAY_NS, SECOND_NS, Interval

__all__ = ["JUMP_FACTOR", "Arranged", "Series", "arrange", "interval_problems", "jumps", "usual_interval"]

JUMP_FACTOR = 50.0
"""A price that moves so far at once is a mistake: splits go to 20 for 1, a lost decimal point to 1000."""


@dataclass(frozen=True, slots=True)
class Series:
    """Rows that are each a bar.

    Args:
        ts: int64 [N], UTC nanoseconds.
        values: the columns of `COLUMNS`, each float64 [N].
        rows: int64 [N], the numbers of the rows in the file, from 1.
    """

    ts: Int64s
    values: Mapping[str, Float64s]
    rows: Int64s

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, chosen: Int64s | Mask) -> Series:
        """The rows at some places, or where a mask is set."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return Series(self.ts[chosen], values, self.rows[chosen])


@dataclass(frozen=True, slots=True)
class Arranged:
    """A series in the order of time, one row for each time, and what was wrong with its order before.

    Args:
        series: the rows that remain: of rows of one time, the first in the file.
        late: numbers of the rows that stood below a later one.
        backwards: whether that is so of all rows but the first: the newest bar came first.
        repeated: numbers of the rows that repeat an earlier one exactly.
        contradicting: numbers of the rows of one time that differ in their values, the first included.
    """

    series: Series
    late: Int64s
    backwards: bool
    repeated: Int64s
    contradicting: Int64s


def arrange(series: Series) -> Arranged:
    """Sort by time and part what remains from what is repeated."""
    late = np.zeros(len(series), np.bool_)
    late[1:] = series.ts[1:] < np.maximum.accumulate(series.ts)[:-1]
    ordered = series.take(np.argsort(series.ts, kind="stable"))
    first = np.ones(len(series), np.bool_)
    first[1:] = ordered.ts[1:] != ordered.ts[:-1]
    group = np.cumsum(first) - 1
    leader = np.flatnonzero(first)[group]  # the place of the first row of the same time
    differs = np.zeros(len(series), np.bool_)
    for name in COLUMNS:
        differs |= ordered.values[name] != ordered.values[name][leader]
    torn = np.zeros(len(series), np.bool_)
    torn[leader[differs]] = True
    return Arranged(
        series=ordered.take(first),
        late=series.rows[late],
        backwards=bool(len(series) > 1 and np.all(series.ts[1:] < series.ts[:-1])),
        repeated=np.sort(ordered.rows[~first & ~differs]),
        contradicting=np.sort(ordered.rows[torn | differs]),
    )


def usual_interval(ts: Int64s) -> Interval | None:
    """The step that more than half of the bars have and none falls short of; None where there is no such.

    Args:
        ts: int64 [N], ascending.
    """
    if len(ts) < 2:
        return None
    usual, count = _usual_step(ts)
    if 2 * count <= len(ts) - 1 or usual < SECOND_NS or usual % SECOND_NS:
        return None
    interval = Interval(usual)
    return interval if np.diff(ts).min() >= interval.shortest_step else None


def interval_problems(series: Series, interval: Interval) -> list[str]:
    """What speaks against an interval: rows closer than that, or steps that are usually of another length."""
    faults = order_faults(series.ts, interval.shortest_step)
    problems = [list_rows(what, np.sort(series.rows[mask])) for what, mask in faults.items() if mask.any()]
    if len(series) > 1:
        usual, count = _usual_step(series.ts)
        shortest = int(np.diff(series.ts).min())
        # Where bars are missing, the interval may be rarer than longer steps; but then it is the shortest.
        if interval.ns not in (usual, shortest):
            problems.append(
                f"the usual step is {_length(usual)} ({count} of {len(series) - 1}), not {interval}"
            )
    return problems


def jumps(series: Series) -> Mask:
    """Which bars have a price `JUMP_FACTOR` times another of theirs, or open so far from the close before.

    Args:
        series: in the order of time, with prices above zero.
    """
    prices = np.stack([series.values[name] for name in PRICES])
    leaps: Mask = prices.max(axis=0) >= JUMP_FACTOR * prices.min(axis=0)
    before, after = series.values["close"][:-1], series.values["open"][1:]
    leaps[1:] |= np.maximum(before, after) >= JUMP_FACTOR * np.minimum(before, after)
    return leaps


def _usual_step(ts: Int64s) -> tuple[int, int]:
    """The most common step in nanoseconds and how often it occurs; of equals, the shortest."""
    steps, counts = np.unique(np.diff(ts), return_counts=True)
    place = int(np.argmax(counts))
    return int(steps[place]), int(counts[place])


def _length(step: int) -> str:
    return f"{step / SECOND_NS:g} s" if step % SECOND_NS or step > DAY_NS * 366 else str(Interval(step))
