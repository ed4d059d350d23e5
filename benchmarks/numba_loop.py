"""`classic` as one would write it by hand for numba: one pass over the bars, straight into the matrix."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["classic"]

Ints = NDArray[np.int64]


@njit(cache=False)
def classic(
    close: NDArray[np.float64],
    out: NDArray[np.float32],
    closes: Ints,
    log_returns: Ints,
    emas: Ints,
    rsis: Ints,
    z_scores: Ints,
    ema_windows: Ints,
    rsi_windows: Ints,
    z_windows: Ints,
) -> NDArray[np.float32]:
    """Fills `out` [N, F]: the places of each op's columns, then the windows of those that have one."""
    rows = len(close)
    ema = np.full(len(emas), close[0])
    alpha = 2.0 / (ema_windows + 1.0)
    up, down = np.zeros(len(rsis)), np.zeros(len(rsis))
    beta = 1.0 / rsi_windows
    longest = z_windows.max() if len(z_windows) else 1
    past = np.zeros(longest + 1)  # a ring of the last returns
    total, squares = np.zeros(len(z_scores)), np.zeros(len(z_scores))
    for i in range(rows):
        x = close[i]
        change = x - close[i - 1] if i else 0.0
        value = np.log(x / close[i - 1]) if i else np.nan
        for k in closes:
            out[i, k] = x
        for k in log_returns:
            out[i, k] = value
        for k in range(len(emas)):
            ema[k] += (x - ema[k]) * alpha[k]
            out[i, emas[k]] = ema[k] if i >= ema_windows[k] - 1 else np.nan
        rise, fall = max(change, 0.0), max(-change, 0.0)
        for k in range(len(rsis)):
            window = rsi_windows[k]
            if i <= window:
                up[k] += rise / window
                down[k] += fall / window
            else:
                up[k] += (rise - up[k]) * beta[k]
                down[k] += (fall - down[k]) * beta[k]
            both = up[k] + down[k]
            result = 100.0 * up[k] / both if both > 0.0 else 50.0
            out[i, rsis[k]] = result if i >= window else np.nan
        if i == 0:
            for k in z_scores:
                out[i, k] = np.nan
            continue
        slot = i % (longest + 1)
        past[slot] = value
        for k in range(len(z_scores)):
            window = z_windows[k]
            total[k] += value
            squares[k] += value * value
            if i > window:
                old = past[(slot - window) % (longest + 1)]
                total[k] -= old
                squares[k] -= old * old
            mean = total[k] / window
            variance = squares[k] / window - mean * mean
            z = (value - mean) / np.sqrt(variance) if variance > 0.0 else 0.0
            out[i, z_scores[k]] = z if i >= window else np.nan
    return out
