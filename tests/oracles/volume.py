"""Oracles of prices, ranges and volume: TA-Lib's groups Price Transform, Volatility and Volume."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from oracles.classics import ad_line
from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    centred,
    deviation,
    each,
    ema,
    lag,
    rolling,
    running_sum,
    sma,
    true_range,
    typical,
    wilder,
)


def average_price(bars: Bars) -> Series:
    return (bars["open"] + bars["high"] + bars["low"] + bars["close"]) / 4


def heikin_ashi_open(bars: Bars) -> Series:
    opens = [(bars["open"][0] + bars["close"][0]) / 2]
    for close in average_price(bars)[:-1].tolist():
        opens.append((opens[-1] + close) / 2)
    return np.array(opens)


def average_range(bars: Bars, span: int) -> Series:
    """From its `span`-th value on, as the op is valid."""
    average = ema(bars["high"] - bars["low"], span)
    average[: span - 1] = math.nan
    return average


def chaikin_volatility(bars: Bars, window: int, rows: int) -> Series:
    average = average_range(bars, window)
    return each(
        lambda now, before: 100 * (now - before) / before if before > 0 else 0.0, average, lag(average, rows)
    )


def mass_index(bars: Bars, window: int, span: int) -> Series:
    single = average_range(bars, span)
    double = ema(single, span)
    double[: 2 * span - 2] = math.nan
    return rolling(np.sum, window, each(lambda s, d: s / d if d > 0 else 1.0, single, double))


def relative_volatility(x: Series, window: int, deviation_window: int) -> Series:
    spread, move = deviation(x, deviation_window), x - lag(x)
    up = wilder(each(lambda s, m: s if m > 0 else 0.0, spread, move), window)
    down = wilder(each(lambda s, m: s if m < 0 else 0.0, spread, move), window)
    return each(lambda u, d: 100 * u / (u + d) if u + d > 0 else 50.0, up, down)


def volume_index(bars: Bars, counts: Callable[[float, float], bool]) -> Series:
    """1000 times the exact product of the moves that count, held within 1e-60 and 1e60, as is declared."""
    close, volume = bars["close"].tolist(), bars["volume"].tolist()
    index, values = Fraction(1000), [1000.0]
    for row in range(1, len(close)):
        if counts(volume[row], volume[row - 1]):
            index *= Fraction(close[row]) / Fraction(close[row - 1])
            index = min(max(index, Fraction(1, 10**60)), Fraction(10**60))
        values.append(float(index))
    return np.array(values)


def volume_weighted_price(bars: Bars) -> Series:
    price, volume = typical(bars), bars["volume"]
    return each(
        lambda money, traded, now: money / traded if traded > 0 else now,
        running_sum(price * volume),
        running_sum(volume),
        price,
    )


def oscillator(line: Series, fast: int, slow: int) -> Series:
    return ema(line, fast) - ema(line, slow)


ORACLES: dict[str, Oracle] = {
    "AVGDEV": lambda bars, sources, window: rolling(lambda w: np.abs(centred(w)).mean(), window, sources[0]),
    "AVGPRICE": lambda bars, sources: average_price(bars),
    "MEDPRICE": lambda bars, sources: (bars["high"] + bars["low"]) / 2,
    "TYPPRICE": lambda bars, sources: typical(bars),
    "WCLPRICE": lambda bars, sources: (bars["high"] + bars["low"] + 2 * bars["close"]) / 4,
    "HA_OPEN": lambda bars, sources: heikin_ashi_open(bars),
    "HA_HIGH": lambda bars, sources: each(max, bars["high"], heikin_ashi_open(bars), average_price(bars)),
    "HA_LOW": lambda bars, sources: each(min, bars["low"], heikin_ashi_open(bars), average_price(bars)),
    "HA_CLOSE": lambda bars, sources: average_price(bars),
    "TRANGE": lambda bars, sources: true_range(bars),
    "NATR": lambda bars, sources, window: 100 * wilder(true_range(bars), window) / bars["close"],
    "ADR": lambda bars, sources, window: sma(bars["high"] - bars["low"], window),
    "CVI": lambda bars, sources, window, lag: chaikin_volatility(bars, window, lag),
    "MASSI": lambda bars, sources, window, span: mass_index(bars, window, span),
    "ADOSC": lambda bars, sources, fast, slow: oscillator(ad_line(bars), fast, slow),
    "EFI": lambda bars, sources, window: ema((bars["close"] - lag(bars["close"])) * bars["volume"], window),
    "MARKETFI": lambda bars, sources: each(
        lambda reach, traded: reach / traded if traded > 0 else 0.0,
        bars["high"] - bars["low"],
        bars["volume"],
    ),
    "NVI": lambda bars, sources: volume_index(bars, operator.lt),
    "PVI": lambda bars, sources: volume_index(bars, operator.gt),
    "RVOL": lambda bars, sources, window: each(
        lambda now, usual: now / usual if usual > 0 else 1.0, bars["volume"], lag(sma(bars["volume"], window))
    ),
    "VWAP": lambda bars, sources: volume_weighted_price(bars),
    "RVI": lambda bars, sources, window, deviation_window: relative_volatility(
        sources[0], window, deviation_window
    ),
}
