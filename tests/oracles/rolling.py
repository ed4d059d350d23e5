"""Oracles of the statistics of a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oracles.definitions import Oracle, rolling


def rank(w: NDArray) -> float:
    return ((w < w[-1]).sum() + ((w == w[-1]).sum() + 1) / 2) / len(w)


ORACLES: dict[str, Oracle] = {
    "QUANTILE": lambda bars, sources, window, q: rolling(lambda w: np.quantile(w, q), window, sources[0]),
    "RANK": lambda bars, sources, window: rolling(rank, window, sources[0]),
}
