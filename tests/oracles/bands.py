"""Oracles of stops and bands around the price."""

from __future__ import annotations

import math

import numpy as np

from oracles.averages import average, warm_ema
from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    centred,
    rolling,
    root_mean_square,
    sma,
    true_range,
    typical,
    wilder,
)

Side = tuple[float, float, float]  # acceleration at first, what a new extreme adds, the most


def parabolic_stop(bars: Bars, rising: Side, falling: Side, start: float = 0, offset: float = 0) -> Series:
    """Wilder's rules, one after the other; above a falling market the stop is told as a negative number."""
    high, low = bars["high"].tolist(), bars["low"].tolist()
    sides = {
        is_long: (min(first, most), min(step, most), most)
        for is_long, (first, step, most) in ((True, rising), (False, falling))
    }
    fell = low[0] - low[1]
    is_long = start > 0 if start else not (fell > 0 and fell > high[1] - high[0])
    extreme = high[1] if is_long else low[1]
    stop = abs(start) if start else (low[0] if is_long else high[0])
    factor = sides[is_long][0]
    stops = [math.nan]
    for row in range(1, len(high)):
        recent = slice(max(row - 1, 1), row + 1)  # the very first bar is not among them
        recent_high, recent_low = max(high[recent]), min(low[recent])
        if low[row] <= stop if is_long else high[row] >= stop:
            stop = max(extreme, recent_high) if is_long else min(extreme, recent_low)
            stop *= 1 + offset if is_long else 1 - offset
            is_long = not is_long
            extreme = high[row] if is_long else low[row]
            factor = sides[is_long][0]
            stops.append(stop if is_long else -stop)
        else:
            stops.append(stop if is_long else -stop)
            if high[row] > extreme if is_long else low[row] < extreme:
                extreme = high[row] if is_long else low[row]
                factor = min(factor + sides[is_long][1], sides[is_long][2])
        stop += factor * (extreme - stop)
        stop = min(stop, recent_low) if is_long else max(stop, recent_high)
    return np.array(stops)


def extended_stop(bars: Bars, params: dict[str, float]) -> Series:
    sides = [
        tuple(params[f"acceleration_{part}{side}"] for part in ("init_", "", "max_"))
        for side in ("long", "short")
    ]
    return parabolic_stop(bars, *sides, params["start_value"], params["offset_on_reverse"])


def supertrend(bars: Bars, window: int, k: float) -> tuple[Series, Series]:
    """The stop and its direction: bands that only come nearer until a close is beyond them."""
    middle, reach = (bars["high"] + bars["low"]) / 2, k * wilder(true_range(bars), window)
    close = bars["close"]
    stop, direction = np.full(len(close), math.nan), np.full(len(close), math.nan)
    upper, lower, up = math.inf, -math.inf, True
    for row in range(window, len(close)):
        top, bottom = middle[row] + reach[row], middle[row] - reach[row]
        upper = top if close[row - 1] > upper else min(top, upper)
        lower = bottom if close[row - 1] < lower else max(bottom, lower)
        if row > window:
            up = close[row] >= lower if up else close[row] > upper
        stop[row], direction[row] = (lower, 1) if up else (upper, -1)
    return stop, direction


def keltner(bars: Bars, window: int, atr_window: int, k: float) -> Series:
    return warm_ema(typical(bars), window) + k * wilder(true_range(bars), atr_window)


def bollinger(x: Series, deviations: float, window: int, ma_type: int) -> Series:
    """From the average, population deviations from the mean."""
    reach = rolling(lambda w: deviations * root_mean_square(centred(w)), window, x)
    return average(x, window, ma_type) + reach


def acceleration_band(bars: Bars, column: str, window: int, side: int) -> Series:
    widths = 4 * (bars["high"] - bars["low"]) / (bars["high"] + bars["low"])
    return sma(bars[column] * (1 + side * widths), window)


ORACLES: dict[str, Oracle] = {
    "SAR": lambda bars, sources, acceleration, maximum: np.abs(
        parabolic_stop(bars, *[(acceleration, acceleration, maximum)] * 2)
    ),
    "SAREXT": lambda bars, sources, **params: extended_stop(bars, params),
    "SUPERTREND": lambda bars, sources, window, k: supertrend(bars, window, k)[0],
    "SUPERTREND_DIRECTION": lambda bars, sources, window, k: supertrend(bars, window, k)[1],
    "KELTNER_UPPER": lambda bars, sources, window, atr_window, k: keltner(bars, window, atr_window, k),
    "KELTNER_MIDDLE": lambda bars, sources, window, atr_window, k: keltner(bars, window, atr_window, 0),
    "KELTNER_LOWER": lambda bars, sources, window, atr_window, k: keltner(bars, window, atr_window, -k),
    "BOLLINGER_UPPER": lambda bars, sources, k, **average: bollinger(sources[0], k, **average),
    "BOLLINGER_MIDDLE": lambda bars, sources, k, **average: bollinger(sources[0], 0, **average),
    "BOLLINGER_LOWER": lambda bars, sources, k, **average: bollinger(sources[0], -k, **average),
    "ACCBANDS_UPPER": lambda bars, sources, window: acceleration_band(bars, "high", window, 1),
    "ACCBANDS_MIDDLE": lambda bars, sources, window: sma(bars["close"], window),
    "ACCBANDS_LOWER": lambda bars, sources, window: acceleration_band(bars, "low", window, -1),
}
