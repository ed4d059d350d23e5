"""Oracles of the predecessor's ops and of those that came with the shipped specs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oracles.definitions import (
    TYPICAL_ROUNDING,
    Bars,
    Oracle,
    Series,
    centred,
    deviation,
    each,
    ema,
    first_valid,
    lag,
    log_quotient,
    log_return,
    roc,
    rolling,
    root_mean_square,
    running_sum,
    sma,
    true_range,
    typical,
    wilder,
)


def rsi(x: Series, window: int) -> Series:
    change = x - lag(x)
    up = wilder(np.maximum(change, 0), window)
    down = wilder(np.maximum(-change, 0), window)
    return each(lambda u, d: 100 * u / (u + d) if u + d > 0 else 50.0, up, down)


def zwin(x: Series, window: int) -> Series:
    return rolling(
        lambda w: centred(w)[-1] / root_mean_square(centred(w)) if np.ptp(w) > 0 else 0.0, window, x
    )


def parkinson(bars: Bars, window: int) -> Series:
    squares = log_quotient(bars["high"], bars["low"]) ** 2
    return np.sqrt(sma(squares, window) / (4 * math.log(2)))


def garman_klass(bars: Bars, window: int) -> Series:
    ranges = log_quotient(bars["high"], bars["low"]) ** 2 / 2
    moves = log_quotient(bars["close"], bars["open"]) ** 2 * (2 * math.log(2) - 1)
    return np.sqrt(sma(ranges - moves, window))


def macd_line(x: Series, fast: int, slow: int) -> Series:
    line = ema(x, fast) - ema(x, slow)
    line[: first_valid(x) + slow - 1] = math.nan
    return line


def macd_signal(x: Series, fast: int, slow: int, signal: int) -> Series:
    return ema(macd_line(x, fast, slow), signal)


def stochastic(bars: Bars, window: int) -> Series:
    return rolling(
        lambda h, low, c: 100 * (c[-1] - low.min()) / (h.max() - low.min()) if h.max() > low.min() else 50.0,
        window,
        *(bars[name] for name in ("high", "low", "close")),
    )


def cci(bars: Bars, window: int) -> Series:
    def at_end(w: NDArray) -> float:
        from_mean = centred(w)
        spread = np.abs(from_mean).mean()
        return from_mean[-1] / (0.015 * spread) if spread > TYPICAL_ROUNDING * w[-1] else 0.0

    return rolling(at_end, window, typical(bars))


def obv(bars: Bars) -> Series:
    signs = np.sign(bars["close"] - lag(bars["close"]))
    signs[0] = 1
    return running_sum(signs * bars["volume"])


def vpt(bars: Bars) -> Series:
    close = bars["close"]
    return running_sum(bars["volume"] * (close - lag(close)) / lag(close))


def ad_line(bars: Bars) -> Series:
    columns = (bars[name] for name in ("high", "low", "close", "volume"))
    return running_sum(
        each(lambda h, low, c, v: v * ((c - low) - (h - c)) / (h - low) if h > low else 0.0, *columns)
    )


def mfi(bars: Bars, window: int) -> Series:
    price = typical(bars)
    flow, move = price * bars["volume"], (price - lag(price)) / price
    up = rolling(np.sum, window, np.where(np.isnan(move), math.nan, flow * (move > TYPICAL_ROUNDING)))
    down = rolling(np.sum, window, np.where(np.isnan(move), math.nan, flow * (move < -TYPICAL_ROUNDING)))
    return each(lambda u, d: 100 * u / (u + d) if u + d > 0 else 50.0, up, down)


# One line an op.
ORACLES: dict[str, Oracle] = {
    "IDENT": lambda bars, sources: sources[0],
    "LOGRET": lambda bars, sources, window: log_return(sources[0], window),
    "MOMENTUM": lambda bars, sources, window: sources[0] - lag(sources[0], window),
    "ROC": lambda bars, sources, window: roc(sources[0], window),
    "SMA": lambda bars, sources, window: sma(sources[0], window),
    "EMA": lambda bars, sources, window: ema(sources[0], window),
    "VOLATILITY": lambda bars, sources, window: deviation(sources[0], window),
    "PARKINSON": lambda bars, sources, window: parkinson(bars, window),
    "GARMAN_KLASS": lambda bars, sources, window: garman_klass(bars, window),
    "RSI": lambda bars, sources, window: rsi(sources[0], window),
    "ZWIN": lambda bars, sources, window: zwin(sources[0], window),
    "ATR": lambda bars, sources, window: wilder(true_range(bars), window),
    "MACD_LINE": lambda bars, sources, fast, slow, signal: macd_line(sources[0], fast, slow),
    "MACD_SIGNAL": lambda bars, sources, fast, slow, signal: macd_signal(sources[0], fast, slow, signal),
    "MACD_HISTOGRAM": lambda bars, sources, fast, slow, signal: (
        macd_line(sources[0], fast, slow) - macd_signal(sources[0], fast, slow, signal)
    ),
    "STOCHASTIC_K": lambda bars, sources, window: stochastic(bars, window),
    "STOCHASTIC_D": lambda bars, sources, window, d_period: sma(stochastic(bars, window), d_period),
    "WILLIAMS_R": lambda bars, sources, window: stochastic(bars, window) - 100,
    "CCI": lambda bars, sources, window: cci(bars, window),
    "OBV": lambda bars, sources: obv(bars),
    "VPT": lambda bars, sources: vpt(bars),
    "AD_LINE": lambda bars, sources: ad_line(bars),
    "MFI": lambda bars, sources, window: mfi(bars, window),
}

# Arithmetic, shapes, flow, liquidity, statistics and sessions.


def quotient(a: Series, b: Series) -> Series:
    """a / b, 0 where b is 0, held within 1e60."""
    return each(lambda x, y: min(max(x / y, -1e60), 1e60) if y else 0.0, a, b)


def share_of_range(part: Callable[[float, float, float, float], float], bars: Bars) -> Series:
    """`part` of (open, high, low, close) over high - low; 0 on a flat bar."""
    columns = (bars[name] for name in ("open", "high", "low", "close"))
    return each(lambda o, h, low, c: part(o, h, low, c) / (h - low) if h > low else 0.0, *columns)


def close_location(bars: Bars) -> Series:
    return share_of_range(lambda o, h, low, c: 2 * c - h - low, bars)


def ratio_of_sums(a: Series, b: Series, window: int) -> Series:
    return rolling(lambda x, y: x.sum() / y.sum() if y.sum() > 0 else 0.0, window, a, b)


def distance(close: NDArray, price: NDArray, volume: NDArray) -> float:
    """log(last close / volume-weighted price)."""
    if volume.sum() == 0:
        return 0.0
    return float(log_quotient(close[-1], (price * volume).sum() / volume.sum()))


def rogers_satchell(bars: Bars, window: int) -> Series:
    o, h, low, c = (bars[name] for name in ("open", "high", "low", "close"))
    above = log_quotient(h, c) * log_quotient(h, o)
    below = log_quotient(low, c) * log_quotient(low, o)
    return np.sqrt(sma(above + below, window))


def efficiency_ratio(x: Series, window: int) -> Series:
    def at_end(w: NDArray) -> float:
        path = np.abs(np.diff(w)).sum()
        return abs(w[-1] - w[0]) / path if path > 0 else 0.0

    return rolling(at_end, window + 1, x)


def amihud(bars: Bars, window: int) -> Series:
    def mean(returns: NDArray, turnover: NDArray) -> float:
        traded = turnover > 0
        return (np.abs(returns[traded]) / turnover[traded]).mean() if traded.any() else 0.0

    return rolling(mean, window, log_return(bars["close"], 1), bars["close"] * bars["volume"])


def abdi_ranaldo(bars: Bars, window: int) -> Series:
    middle, close = np.sqrt(bars["high"] * bars["low"]), lag(bars["close"])
    product = log_quotient(close, lag(middle)) * log_quotient(close, middle)
    return sma(np.sqrt(np.maximum(4 * product, 0)), window)


def aroon(bars: Bars, window: int) -> Series:
    def at_end(high: NDArray, low: NDArray) -> float:
        return 100 * (np.argmin(low[::-1]) - np.argmax(high[::-1])) / window

    return rolling(at_end, window + 1, bars["high"], bars["low"])


def correlation(a: NDArray, b: NDArray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    a, b = centred(a), centred(b)
    return (a * b).sum() / np.sqrt((a**2).sum()) / np.sqrt((b**2).sum())


def autocorrelation(x: Series, window: int, rows: int) -> Series:
    return rolling(correlation, window, x, lag(x, rows))


def slope(w: NDArray) -> float:
    time = np.arange(len(w)) - (len(w) - 1) / 2
    return (time * centred(w)).sum() / (time**2).sum()


def standardised_moment(x: Series, window: int, power: int, normal: float) -> Series:
    """The mean of the window's z-scores to that power, less what a normal law has; 0 in a flat window."""
    return rolling(
        lambda w: (
            ((centred(w) / root_mean_square(centred(w))) ** power).mean() - normal if np.ptp(w) > 0 else 0.0
        ),
        window,
        x,
    )


def variance_ratio(x: Series, window: int, bars: int) -> Series:
    def at_end(ones: NDArray, longs: NDArray) -> float:
        return longs[bars - 1 :].var() / (bars * ones.var()) if np.ptp(ones) > 0 else 1.0

    return rolling(at_end, window + bars - 1, log_return(x, 1), np.nan_to_num(log_return(x, bars)))


def session_starts(bars: Bars) -> list[int]:
    """For each row its session's first: the one after a gap of four hours, once a shorter one was seen."""
    gaps = np.diff(bars["ts"]).tolist()
    starts, shorter_seen = [0], False
    for row, gap in enumerate(gaps, start=1):
        is_long = gap >= 4 * 3600 * 10**9
        starts.append(row if is_long and shorter_seen else starts[-1])
        shorter_seen = shorter_seen or not is_long
    return starts


def in_session(function: Callable[..., float], bars: Bars, *names: str) -> Series:
    """`function` of columns from the session's first row to each row."""
    return np.array(
        [
            float(function(*(bars[name][start : row + 1] for name in names)))
            for row, start in enumerate(session_starts(bars))
        ]
    )


def session_range_position(high: NDArray, low: NDArray, close: NDArray) -> float:
    top, bottom = high.max(), low.min()
    return (close[-1] - bottom) / (top - bottom) if top > bottom else 0.5


def overnight_return(bars: Bars) -> Series:
    o, c = bars["open"], bars["close"]
    starts = session_starts(bars)
    return np.array([float(log_quotient(o[start], c[start - 1])) if start else 0.0 for start in starts])


ORACLES |= {
    "SUB": lambda bars, sources: sources[0] - sources[1],
    "DIV": lambda bars, sources: quotient(*sources),
    "RATIO": lambda bars, sources: quotient(sources[0] - sources[1], sources[1]),
    "LOG": lambda bars, sources: each(lambda x: math.log(x) if x > 0 else 0.0, sources[0]),
    "RELATIVE_RANGE": lambda bars, sources: (bars["high"] - bars["low"]) / bars["close"],
    "CANDLE_BODY": lambda bars, sources: share_of_range(lambda o, h, low, c: c - o, bars),
    "UPPER_SHADOW": lambda bars, sources: share_of_range(lambda o, h, low, c: h - max(o, c), bars),
    "LOWER_SHADOW": lambda bars, sources: share_of_range(lambda o, h, low, c: min(o, c) - low, bars),
    "CLOSE_LOCATION": lambda bars, sources: close_location(bars),
    "SIGNED_VOLUME": lambda bars, sources: close_location(bars) * bars["volume"],
    "CHAIKIN_MONEY_FLOW": lambda bars, sources, window: ratio_of_sums(
        close_location(bars) * bars["volume"], bars["volume"], window
    ),
    "VWAP_DISTANCE": lambda bars, sources, window: rolling(
        distance, window, bars["close"], typical(bars), bars["volume"]
    ),
    "REALIZED_VOLATILITY": lambda bars, sources, window: np.sqrt(
        rolling(np.sum, window, log_return(sources[0], 1) ** 2)
    ),
    "ROGERS_SATCHELL": lambda bars, sources, window: rogers_satchell(bars, window),
    "EFFICIENCY_RATIO": lambda bars, sources, window: efficiency_ratio(sources[0], window),
    "AMIHUD": lambda bars, sources, window: amihud(bars, window),
    "ABDI_RANALDO": lambda bars, sources, window: abdi_ranaldo(bars, window),
    "AROONOSC": lambda bars, sources, window: aroon(bars, window),
    "LINEARREG_SLOPE": lambda bars, sources, window: rolling(slope, window, sources[0]),
    "LINEARREG_R2": lambda bars, sources, window: rolling(
        lambda w: correlation(w, np.arange(window)) ** 2, window, sources[0]
    ),
    "CORREL": lambda bars, sources, window: rolling(correlation, window, *sources),
    "AUTOCORRELATION": lambda bars, sources, window, lag: autocorrelation(sources[0], window, lag),
    "SKEWNESS": lambda bars, sources, window: standardised_moment(sources[0], window, 3, 0),
    "KURTOSIS": lambda bars, sources, window: standardised_moment(sources[0], window, 4, 3),
    "VARIANCE_RATIO": lambda bars, sources, window, lag: variance_ratio(sources[0], window, lag),
    "SESSION_TIME": lambda bars, sources: in_session(
        lambda ts: min((ts[-1] - ts[0]) / 86_400e9, 1.0), bars, "ts"
    ),
    "SESSION_RETURN": lambda bars, sources: in_session(
        lambda o, c: float(log_quotient(c[-1], o[0])), bars, "open", "close"
    ),
    "SESSION_RANGE_POSITION": lambda bars, sources: in_session(
        session_range_position, bars, "high", "low", "close"
    ),
    "SESSION_VWAP_DISTANCE": lambda bars, sources: in_session(
        distance, {**bars, "typical": typical(bars)}, "close", "typical", "volume"
    ),
    "OVERNIGHT_RETURN": lambda bars, sources: overnight_return(bars),
}
