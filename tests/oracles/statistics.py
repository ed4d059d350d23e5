"""Oracles of TA-Lib's group of statistic functions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from oracles.definitions import Bars, Oracle, Series, centred, deviation, each, lag, rolling


def value_on_line(x: Series, window: int, place: int) -> Series:
    """The least-squares line through the last values at `place`, the first of them being at 0."""

    def at(w: NDArray) -> float:
        times = np.arange(window) - np.longdouble(window - 1) / 2
        slope = (times * centred(w)).sum() / (times**2).sum()
        return w[-1] + (w - w[-1]).mean() + slope * (place - np.longdouble(window - 1) / 2)

    return rolling(at, window, x)


def slope_angle(x: Series, window: int) -> Series:
    """The line's angle in degrees, from where it ends and where it would be a bar on."""

    def at(w: NDArray) -> float:
        times = np.arange(window) - np.longdouble(window - 1) / 2
        return math.degrees(math.atan((times * centred(w)).sum() / (times**2).sum()))

    return rolling(at, window, x)


def relative_change(x: Series) -> Series:
    return each(
        lambda now, before: min(max((now - before) / before, -1e60), 1e60) if before else 0.0, x, lag(x)
    )


def beta(market: Series, asset: Series, window: int) -> Series:
    def at(m: NDArray, a: NDArray) -> float:
        return (centred(m) * centred(a)).sum() / (centred(m) ** 2).sum() if np.ptp(m) > 0 else 0.0

    return rolling(at, window, relative_change(market), relative_change(asset))


def variance(bars: Bars, sources: list[Series], window: int) -> Series:
    return rolling(lambda w: (centred(w) ** 2).mean(), window, sources[0])


def percentile(w: NDArray, percent: float) -> float:
    """The nearest rank: the first value in order that so many percent of them do not exceed."""
    ordered = np.sort(w)
    reached = 100 * np.arange(1, len(w) + 1) >= percent * len(w)
    return ordered[np.argmax(reached)]


# One line an op.
ORACLES: dict[str, Oracle] = {
    "STDDEV": lambda bars, sources, window, k: k * deviation(sources[0], window),
    "VAR": variance,
    "LINEARREG": lambda bars, sources, window: value_on_line(sources[0], window, window - 1),
    "LINEARREG_INTERCEPT": lambda bars, sources, window: value_on_line(sources[0], window, 0),
    "LINEARREG_ANGLE": lambda bars, sources, window: slope_angle(sources[0], window),
    "TSF": lambda bars, sources, window: value_on_line(sources[0], window, window),
    "PERCENTILE": lambda bars, sources, window, percent: rolling(
        lambda w: percentile(w, percent), window, sources[0]
    ),
    "PERCENTRANK": lambda bars, sources, window: rolling(
        lambda w: 100 * (w[:-1] < w[-1]).mean(), window + 1, sources[0]
    ),
    "BETA": lambda bars, sources, window: beta(*sources, window),
}
