"""Windows of features: which rows end one, by the rule of training and of the C++ runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentio.bars import session_numbers
from sentio.bundle.manifest import InputLayout

__all__ = ["window_rows"]


def window_rows(
    ts: NDArray[np.int64], first_valid_row: int, layout: InputLayout, session_gap_ns: int
) -> NDArray[np.int64]:
    """The rows that end a full window: T valid rows, of one session unless the layout lets windows cross.

    Args:
        ts: int64 [N], bar opens, UTC nanoseconds.
        first_valid_row: the rows before hold no features.
        layout: T, and whether windows cross sessions.
        session_gap_ns: the gap that starts a session.

    Returns:
        int64, ascending.
    """
    before = layout.seq_len - 1
    rows = np.arange(first_valid_row + before, len(ts))
    if layout.windows_cross_sessions:
        return rows
    session = session_numbers(ts, session_gap_ns)
    whole: NDArray[np.bool_] = session[rows] == session[rows - before]
    return rows[whole]
