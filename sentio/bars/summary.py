"""What can be said of bars at a glance: their span, their sessions and what looks odd in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentio.bars.interval import DAY_NS
from sentio.bars.model import Bars
from sentio.bars.sessions import DEFAULT_SESSION_GAP, session_starts

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts about bars; nothing here is forbidden.

    Args:
        rows: the number of bars.
        first, last: the opens of the first and the last bar in UTC nanoseconds; None without bars.
        sessions: how many sessions there are by the default gap; None for bars of a day or longer.
        missing: how many bars are absent inside sessions; None for bars of a day or longer.
        zero_volume: bars without volume.
        flat: bars with one price.
        largest_move: the largest absolute log return from close to close.
        largest_move_at: the open in UTC nanoseconds of the bar that made it; None with fewer than two bars.
    """

    rows: int
    first: int | None
    last: int | None
    sessions: int | None
    missing: int | None
    zero_volume: int
    flat: int
    largest_move: float
    largest_move_at: int | None


def summarize(bars: Bars) -> Summary:
    """Count what `Summary` names."""
    length = bars.step.ns
    sessions = missing = None
    if length < DAY_NS:
        starts = session_starts(bars.ts, DEFAULT_SESSION_GAP)
        sessions = int(starts.sum())
        steps = np.diff(bars.ts)[~starts[1:]]
        missing = int(np.sum(np.maximum(steps // length - 1, 0)))
    moves = np.abs(np.diff(np.log(bars.close)))
    at = int(np.argmax(moves)) if len(moves) else None
    return Summary(
        rows=len(bars),
        first=int(bars.ts[0]) if len(bars) else None,
        last=int(bars.ts[-1]) if len(bars) else None,
        sessions=sessions,
        missing=missing,
        zero_volume=int(np.sum(bars.volume == 0)),
        flat=int(np.sum(bars.high == bars.low)),
        largest_move=0.0 if at is None else float(moves[at]),
        largest_move_at=None if at is None else int(bars.ts[at + 1]),
    )
