"""Oracles of momentum: directional movement, rates of change, oscillators of averages and of ranges."""

from __future__ import annotations

import numpy as np

from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    decay,
    each,
    ema,
    first_valid,
    lag,
    roc,
    rolling,
    true_range,
    wilder,
    wilder_sum,
)


def movement(bars: Bars, window: int, side: int) -> Series:
    """Wilder's falling sum of the moves up (side 1) or down (-1)."""
    up, down = bars["high"] - lag(bars["high"]), lag(bars["low"]) - bars["low"]
    ahead, behind = (up, down) if side > 0 else (down, up)
    moves = wilder_sum(each(lambda a, b: a if a > b and a > 0 else 0.0, ahead, behind), window)
    moves[: window - 1] = np.nan
    return moves


def indicator(bars: Bars, window: int, side: int) -> Series:
    """The movement in percent of the true range."""
    ranges = wilder_sum(true_range(bars), window)
    value = each(lambda m, r: 100 * m / r if r > 0 else 0.0, movement(bars, window, side), ranges)
    value[:window] = np.nan
    return value


def dx(bars: Bars, window: int) -> Series:
    plus, minus = indicator(bars, window, 1), indicator(bars, window, -1)
    return each(lambda p, m: 100 * abs(p - m) / (p + m) if p + m > 0 else 0.0, plus, minus)


def adx(bars: Bars, window: int) -> Series:
    return wilder(dx(bars, window), window)


def adxr(bars: Bars, window: int) -> Series:
    return (adx(bars, window) + lag(adx(bars, window), window - 1)) / 2


def aroon(extreme: Series, window: int) -> Series:
    """100 where the last value is the largest of window + 1, 0 where the first is."""
    return rolling(lambda w: 100 * (window - np.argmax(w[::-1])) / window, window + 1, extreme)


def ratio(x: Series, window: int) -> Series:
    return each(lambda now, before: now / before if before else 1.0, x, lag(x, window))


def trix(x: Series, window: int) -> Series:
    smooth = x
    for _ in range(3):
        smooth = ema(smooth, window)
        smooth[: first_valid(smooth) + window - 1] = np.nan
    return roc(smooth, 1)


def cmo(x: Series, window: int) -> Series:
    change = x - lag(x)
    sums, paths = wilder(change, window), wilder(np.abs(change), window)
    return each(lambda s, p: 100 * s / p if p > 0 else 0.0, sums, paths)


def macdfix_line(x: Series) -> Series:
    line = decay(x, 0.15) - decay(x, 0.075)
    line[: first_valid(x) + 25] = np.nan
    return line


def ultimate_oscillator(bars: Bars, *windows: int) -> Series:
    ranges = true_range(bars)
    pressure = bars["close"] - np.minimum(bars["low"], lag(bars["close"]))
    shares = [
        rolling(lambda p, r: p.sum() / r.sum() if r.sum() > 0 else 0.5, window, pressure, ranges)
        for window in sorted(windows)
    ]
    return 100 * (4 * shares[0] + 2 * shares[1] + shares[2]) / 7


ORACLES: dict[str, Oracle] = {
    "PLUS_DM": lambda bars, sources, window: movement(bars, window, 1),
    "MINUS_DM": lambda bars, sources, window: movement(bars, window, -1),
    "PLUS_DI": lambda bars, sources, window: indicator(bars, window, 1),
    "MINUS_DI": lambda bars, sources, window: indicator(bars, window, -1),
    "DX": lambda bars, sources, window: dx(bars, window),
    "ADX": lambda bars, sources, window: adx(bars, window),
    "ADXR": lambda bars, sources, window: adxr(bars, window),
    "AROON_UP": lambda bars, sources, window: aroon(bars["high"], window),
    "AROON_DOWN": lambda bars, sources, window: aroon(-bars["low"], window),
    "ROCP": lambda bars, sources, window: ratio(sources[0], window) - 1,
    "ROCR": lambda bars, sources, window: ratio(sources[0], window),
    "ROCR100": lambda bars, sources, window: 100 * ratio(sources[0], window),
    "TRIX": lambda bars, sources, window: trix(sources[0], window),
    "CMO": lambda bars, sources, window: cmo(sources[0], window),
    "MACDFIX_LINE": lambda bars, sources, signal: macdfix_line(sources[0]),
    "MACDFIX_SIGNAL": lambda bars, sources, signal: ema(macdfix_line(sources[0]), signal),
    "MACDFIX_HISTOGRAM": lambda bars, sources, signal: (
        macdfix_line(sources[0]) - ema(macdfix_line(sources[0]), signal)
    ),
    "ULTOSC": lambda bars, sources, short, medium, long: ultimate_oscillator(bars, short, medium, long),
}
