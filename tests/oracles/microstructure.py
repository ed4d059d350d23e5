"""Oracles of what the tape would tell, estimated from bars."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from oracles.definitions import Oracle, Series, centred, lag, rolling, root_mean_square


def bulk_volume(x: Series, window: int) -> Series:
    def bought(moves: NDArray) -> float:
        if np.ptp(moves) == 0:
            return 0.5 + 0.5 * float(np.sign(moves[-1]))
        return NormalDist().cdf(float(moves[-1] / root_mean_square(centred(moves))))

    return rolling(bought, window, x - lag(x))


def return_entropy(x: Series, window: int, length: int) -> Series:
    def bits(values: NDArray) -> float:
        moves = np.sign(np.diff(values)).astype(int).tolist()
        words = [tuple(moves[i : i + length]) for i in range(window)]
        counts = Counter(word for word in words if 0 not in word)
        shares = [n / counts.total() for n in counts.values()]
        return -math.fsum(p * math.log2(p) for p in shares) / length

    return rolling(bits, window + length, x)


# One line an op.
ORACLES: dict[str, Oracle] = {
    "BULK_VOLUME": lambda bars, sources, window: bulk_volume(sources[0], window),
    "RETURN_ENTROPY": lambda bars, sources, window, length: return_entropy(sources[0], window, length),
}
