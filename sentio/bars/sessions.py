"""Where trading sessions start, told from the gaps between bars alone: no calendar and no time zone."""

from __future__ import annotations

import numpy as np

from sentio.bars.contract import Int64s, Mask
from sentio.bars.interval import HOUR_NS

__all__ = ["DEFAULT_SESSION_GAP", "session_numbers", "session_starts"]

DEFAULT_SESSION_GAP = 4 * HOUR_NS


def session_starts(ts: Int64s, gap_ns: int = DEFAULT_SESSION_GAP) -> Mask:
    """Mark the bars that open a session.

    The first bar does, and each bar that follows the one before by at least `gap_ns`, once any two bars have
    been closer than that: bars of a day or longer, which never are, make one session. The engine has the
    same rule; it looks at no later bar.

    Args:
        ts: int64 [N], UTC nanoseconds, ascending.
        gap_ns: the least gap from open to open that separates sessions, in nanoseconds.

    Returns:
        bool [N].
    """
    starts = np.zeros(len(ts), np.bool_)
    starts[:1] = True
    apart = np.diff(ts) >= gap_ns
    starts[1:] = apart & np.logical_or.accumulate(~apart)
    return starts


def session_numbers(ts: Int64s, gap_ns: int = DEFAULT_SESSION_GAP) -> Int64s:
    """The number of each bar's session, int64 [N], from 1; the sessions are those of `session_starts`."""
    return np.cumsum(session_starts(ts, gap_ns), dtype=np.int64)
