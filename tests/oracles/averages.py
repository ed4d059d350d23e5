"""Oracles of moving averages, and of what is made of averages that a spec chooses."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oracles.classics import efficiency_ratio, stochastic
from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    each,
    ema,
    first_valid,
    lag,
    recursion,
    rolling,
    sma,
    wilder,
)


def weighted(weights: Callable[[int], NDArray], x: Series, window: int) -> Series:
    """The mean of the last values with such weights, from the last value first."""
    of_each = weights(window).astype(np.longdouble)
    return rolling(lambda w: w[-1] + (of_each * (w - w[-1])).sum() / of_each.sum(), window, x)


def wma(x: Series, window: int) -> Series:
    return weighted(lambda n: np.arange(1, n + 1), x, window)


def trima(x: Series, window: int) -> Series:
    return weighted(lambda n: np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)), x, window)


def warm_ema(x: Series, window: int) -> Series:
    """The exponential moving average from where it counts on."""
    average = ema(x, window)
    average[: first_valid(x) + window - 1] = math.nan
    return average


def repeated(x: Series, window: int, times: int) -> list[Series]:
    """The average, the average's average, and so on."""
    averages = []
    for _ in range(times):
        x = warm_ema(x, window)
        averages.append(x)
    return averages


def dema(x: Series, window: int) -> Series:
    once, twice = repeated(x, window, 2)
    return 2 * once - twice


def tema(x: Series, window: int) -> Series:
    once, twice, thrice = repeated(x, window, 3)
    return 3 * once - 3 * twice + thrice


def t3(x: Series, window: int, v: float) -> Series:
    """Tillson's sum, its four coefficients written out."""
    third, fourth, fifth, sixth = repeated(x, window, 6)[2:]
    return (
        (1 + 3 * v + 3 * v**2 + v**3) * third
        - (3 * v + 6 * v**2 + 3 * v**3) * fourth
        + (3 * v**2 + 3 * v**3) * fifth
        - v**3 * sixth
    )


def hma(x: Series, window: int) -> Series:
    return wma(2 * wma(x, window // 2) - wma(x, window), math.isqrt(window))


def zlema(x: Series, window: int) -> Series:
    return warm_ema(2 * x - lag(x, (window - 1) // 2), window)


def kama(x: Series, window: int) -> Series:
    flat = rolling(lambda w: float(np.ptp(w) == 0), window + 1, x)
    straight = np.where(flat == 1, 1.0, efficiency_ratio(x, window))
    weights = ((2 / 31 + straight * (2 / 3 - 2 / 31)) ** 2).tolist()
    first = first_valid(x) + window - 1  # whose value the average starts from

    def step(seen: list[float], before: float | None) -> float:
        row = first_valid(x) + len(seen) - 1
        if row < first:
            return math.nan
        if row == first or before is None:
            return seen[-1]
        return weights[row] * seen[-1] + (1 - weights[row]) * before

    average = recursion(x, step)
    average[: first + 1] = math.nan
    return average


# By TA-Lib's numbers.
AVERAGES: dict[int, Callable[[Series, int], Series]] = {
    0: sma,
    1: warm_ema,
    2: wma,
    3: dema,
    4: tema,
    5: trima,
    6: kama,
    8: lambda x, window: t3(x, window, 0.7),
    9: hma,
    12: zlema,
    13: wilder,
}


def average(x: Series, window: int, kind: int) -> Series:
    """The moving average of a chosen kind; of one value, and of kind 10, the value itself."""
    return x if window == 1 or kind == 10 else AVERAGES[kind](x, window)


def volume_weighted(x: Series, volume: Series, window: int) -> Series:
    def mean(w: NDArray, v: NDArray) -> float:
        shares = v if v.sum() > 0 else np.ones(len(v), np.longdouble)
        return w[-1] + (shares * (w - w[-1])).sum() / shares.sum()

    return rolling(mean, window, x, volume)


def middle(high: Series, low: Series, window: int) -> Series:
    return rolling(lambda h, lo: (h.max() + lo.min()) / 2, window, high, low)


def apo(x: Series, fast: int, slow: int, ma_type: int) -> Series:
    return average(x, fast, ma_type) - average(x, slow, ma_type)


def ppo(x: Series, fast: int, slow: int, ma_type: int) -> Series:
    return each(
        lambda gap, usual: min(max(100 * gap / usual, -1e60), 1e60) if usual else 0.0,
        apo(x, fast, slow, ma_type),
        average(x, slow, ma_type),
    )


def macdext(
    x: Series, fast: int, slow: int, signal: int, fast_ma_type: int, slow_ma_type: int, signal_ma_type: int
) -> tuple[Series, Series]:
    line = average(x, fast, fast_ma_type) - average(x, slow, slow_ma_type)
    return line, average(line, signal, signal_ma_type)


def variable(x: Series, windows: Series, min_window: int, max_window: int, ma_type: int) -> Series:
    """At each row the average over as many values as the other series says there."""
    averages = {n: average(x, n, ma_type) for n in range(min_window, max_window + 1)}
    held = each(lambda n: min(max(math.floor(n), min_window), max_window), windows)
    return np.array([math.nan if math.isnan(n) else averages[int(n)][row] for row, n in enumerate(held)])


def slow_k(bars: Bars, sources: list[Series], window: int, k_period: int, k_ma_type: int) -> Series:
    return average(stochastic(bars, window), k_period, k_ma_type)


def slow_d(bars: Bars, sources: list[Series], d_period: int, d_ma_type: int, **params: int) -> Series:
    return average(slow_k(bars, sources, **params), d_period, d_ma_type)


def stochastic_rsi(x: Series, window: int, period: int) -> Series:
    """Of the index's last values; where the source rests, so does the index, by its definition."""
    change = x - lag(x)
    rises, falls = (wilder(np.maximum(side * change, 0), window) for side in (1, -1))
    for row in range(first_valid(rises) + 1, len(x)):
        if change[row] == 0:
            rises[row], falls[row] = rises[row - 1], falls[row - 1]

    def place(up: NDArray, down: NDArray) -> float:
        # Near 100 an index has lost the digits that what it lacks still has.
        smaller = up if up[-1] < down[-1] else -down
        sums = up + down
        strengths = np.where(sums > 0, smaller / np.where(sums > 0, sums, 1), 0.5 if smaller is up else -0.5)
        reach = np.ptp(strengths)
        return 100 * (strengths[-1] - strengths.min()) / reach if reach > 0 else 50.0

    return rolling(place, period, rises, falls)


ORACLES: dict[str, Oracle] = {
    "WMA": lambda bars, sources, window: wma(sources[0], window),
    "TRIMA": lambda bars, sources, window: trima(sources[0], window),
    "DEMA": lambda bars, sources, window: dema(sources[0], window),
    "TEMA": lambda bars, sources, window: tema(sources[0], window),
    "T3": lambda bars, sources, window, v_factor: t3(sources[0], window, v_factor),
    "HMA": lambda bars, sources, window: hma(sources[0], window),
    "ZLEMA": lambda bars, sources, window: zlema(sources[0], window),
    "KAMA": lambda bars, sources, window: kama(sources[0], window),
    "RMA": lambda bars, sources, window: wilder(sources[0], window),
    "MA": lambda bars, sources, window, ma_type: average(sources[0], window, ma_type),
    "VWMA": lambda bars, sources, window: volume_weighted(sources[0], bars["volume"], window),
    "MIDPOINT": lambda bars, sources, window: middle(sources[0], sources[0], window),
    "MIDPRICE": lambda bars, sources, window: middle(bars["high"], bars["low"], window),
    "DONCHIAN_UPPER": lambda bars, sources, window: rolling(np.max, window, bars["high"]),
    "DONCHIAN_MIDDLE": lambda bars, sources, window: middle(bars["high"], bars["low"], window),
    "DONCHIAN_LOWER": lambda bars, sources, window: rolling(np.min, window, bars["low"]),
    "APO": lambda bars, sources, **params: apo(sources[0], **params),
    "PPO": lambda bars, sources, **params: ppo(sources[0], **params),
    "PVO": lambda bars, sources, **params: ppo(bars["volume"], **params),
    "MACDEXT_LINE": lambda bars, sources, **params: macdext(sources[0], **params)[0],
    "MACDEXT_SIGNAL": lambda bars, sources, **params: macdext(sources[0], **params)[1],
    "MACDEXT_HISTOGRAM": lambda bars, sources, **params: np.subtract(*macdext(sources[0], **params)),
    "MAVP": lambda bars, sources, **params: variable(*sources, **params),
    "SLOW_STOCHASTIC_K": slow_k,
    "SLOW_STOCHASTIC_D": slow_d,
    "KDJ_K": slow_k,
    "KDJ_D": slow_d,
    "KDJ_J": lambda bars, sources, d_period, d_ma_type, **params: (
        3 * slow_k(bars, sources, **params) - 2 * slow_d(bars, sources, d_period, d_ma_type, **params)
    ),
    "STOCHRSI_K": lambda bars, sources, window, k_period: stochastic_rsi(sources[0], window, k_period),
    "STOCHRSI_D": lambda bars, sources, window, k_period, d_period, d_ma_type: average(
        stochastic_rsi(sources[0], window, k_period), d_period, d_ma_type
    ),
}
