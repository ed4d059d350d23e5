"""Oracles of the arithmetic of features and of the plain statistics of a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oracles.definitions import Oracle, centred, each, lag, rolling, running_sum


def rank(w: NDArray) -> float:
    return ((w < w[-1]).sum() + ((w == w[-1]).sum() + 1) / 2) / len(w)


def sample_deviation(w: NDArray) -> float:
    return np.sqrt((centred(w) ** 2).sum() / (len(w) - 1))


def residual(w: NDArray) -> float:
    time, values = np.arange(len(w)) - (len(w) - 1) / 2, centred(w)
    return values[-1] - time[-1] * (time * values).sum() / (time**2).sum()


ORACLES: dict[str, Oracle] = {
    "ADD": lambda bars, sources: sources[0] + sources[1],
    "MUL": lambda bars, sources: sources[0] * sources[1],
    "MAX": lambda bars, sources: each(max, *sources),
    "MIN": lambda bars, sources: each(min, *sources),
    "ABS": lambda bars, sources: np.abs(sources[0]),
    "SIGN": lambda bars, sources: np.sign(sources[0]),
    "CLIP": lambda bars, sources, low, high: each(lambda x: sorted((low, x, high))[1], sources[0]),
    "CONSTANT": lambda bars, sources, value: np.full(len(bars["ts"]), value),
    "DELAY": lambda bars, sources, window: lag(sources[0], window),
    "DIFF": lambda bars, sources, window: sources[0] - lag(sources[0], window),
    "SUM": lambda bars, sources, window: rolling(np.sum, window, sources[0]),
    "CUMSUM": lambda bars, sources: running_sum(sources[0]),
    "ROLLING_MAX": lambda bars, sources, window: rolling(np.max, window, sources[0]),
    "ROLLING_MIN": lambda bars, sources, window: rolling(np.min, window, sources[0]),
    "ARGMAX": lambda bars, sources, window: rolling(
        lambda w: window - 1 - int(np.argmax(w)), window, sources[0]
    ),
    "ARGMIN": lambda bars, sources, window: rolling(
        lambda w: window - 1 - int(np.argmin(w)), window, sources[0]
    ),
    "LINEARREG_RESIDUAL": lambda bars, sources, window: rolling(residual, window, sources[0]),
    "SAMPLE_DEVIATION": lambda bars, sources, window: rolling(sample_deviation, window, sources[0]),
    "QUANTILE": lambda bars, sources, window, q: rolling(lambda w: np.quantile(w, q), window, sources[0]),
    "RANK": lambda bars, sources, window: rolling(rank, window, sources[0]),
}
