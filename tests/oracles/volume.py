"""Oracles of prices, ranges and volume: TA-Lib's groups Price Transform, Volatility and Volume."""

from __future__ import annotations

import math

import numpy as np

from oracles.definitions import (
    Bars,
    Oracle,
    Series,
    centred,
    each,
    ema,
    lag,
    rolling,
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
}
