"""Oracles of volatility and of what the tape would tell, estimated from bars."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from oracles.classics import close_location, in_session, rogers_satchell
from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    centred,
    each,
    lag,
    log_quotient,
    log_return,
    rolling,
    root_mean_square,
    sma,
)


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


def yang_zhang(bars: Bars, window: int) -> Series:
    k = 0.34 / (1.34 + (window + 1) / (window - 1))

    def variance(moves: NDArray) -> float:
        return (centred(moves) ** 2).sum() / (window - 1)

    gaps = rolling(variance, window, log_quotient(bars["open"], lag(bars["close"])))
    moves = rolling(variance, window, log_quotient(bars["close"], bars["open"]))
    return np.sqrt(gaps + k * moves + (1 - k) * rogers_satchell(bars, window) ** 2)


def bipower_variation(x: Series, window: int) -> Series:
    size = np.abs(log_return(x, 1))
    return math.pi / 2 * rolling(np.sum, window, size * lag(size))


def corwin_schultz(bars: Bars, window: int) -> Series:
    def spread(h: float, low: float, h1: float, l1: float, c1: float) -> float:
        # By how much all of the bar lies above the close before, or below it.
        gap = max(low - c1, 0.0) - max(c1 - h, 0.0)
        if gap:
            h, low = (c1 + (h - low), c1) if gap > 0 else (c1, c1 - (h - low))
        beta = log_quotient(h, low) ** 2 + log_quotient(h1, l1) ** 2
        gamma = log_quotient(max(h, h1), min(low, l1)) ** 2
        divisor = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / divisor - math.sqrt(gamma / divisor)
        return max(2 * math.tanh(alpha / 2), 0.0)  # 2 (e^alpha - 1) / (1 + e^alpha)

    high, low, before = bars["high"], bars["low"], lag(bars["close"])
    return sma(each(spread, high, low, lag(high), lag(low), before), window)


def roll(x: Series, window: int) -> Series:
    def spread(moves: NDArray, before: NDArray) -> float:
        a, b = centred(moves), centred(before)
        covariance = (a * b).mean()
        # What rounding leaves of no covariance is none.
        if -covariance <= 2.0**-40 * root_mean_square(a) * root_mean_square(b):
            return 0.0
        return 2 * np.sqrt(-covariance)

    return rolling(spread, window, log_return(x, 1), lag(log_return(x, 1)))


def kyle_lambda(bars: Bars, window: int) -> Series:
    def impact(moves: NDArray, flow: NDArray, volume: NDArray) -> float:
        if np.ptp(flow) == 0:
            return 0.0
        relative = centred(flow) / volume.mean()
        return (relative * centred(moves)).sum() / (relative**2).sum()

    flow = close_location(bars) * bars["volume"]
    return rolling(impact, window, log_return(bars["close"], 1), flow, bars["volume"])


def opening_range_position(high: NDArray, low: NDArray, close: NDArray, window: int) -> float:
    top, bottom = high[:window].max(), low[:window].min()
    return (close[-1] - bottom) / (top - bottom) if top > bottom else 0.5


# One line an op.
ORACLES: dict[str, Oracle] = {
    "BULK_VOLUME": lambda bars, sources, window: bulk_volume(sources[0], window),
    "RETURN_ENTROPY": lambda bars, sources, window, length: return_entropy(sources[0], window, length),
    "YANG_ZHANG": lambda bars, sources, window: yang_zhang(bars, window),
    "BIPOWER_VARIATION": lambda bars, sources, window: bipower_variation(sources[0], window),
    "CORWIN_SCHULTZ": lambda bars, sources, window: corwin_schultz(bars, window),
    "ROLL": lambda bars, sources, window: roll(sources[0], window),
    "KYLE_LAMBDA": lambda bars, sources, window: kyle_lambda(bars, window),
    "OPENING_RANGE_POSITION": lambda bars, sources, window: in_session(
        lambda h, low, c: opening_range_position(h, low, c, window), bars, "high", "low", "close"
    ),
}
