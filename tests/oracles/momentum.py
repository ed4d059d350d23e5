"""Oracles of momentum: directional movement, rates of change, oscillators of averages and of ranges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    running_sum,
    sma,
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


def valid_ema(x: Series, window: int) -> Series:
    """From the `window`-th value on, at which whatever reads it begins."""
    average = ema(x, window)
    average[: first_valid(x) + window - 1] = np.nan
    return average


def trix(x: Series, window: int) -> Series:
    smooth = x
    for _ in range(3):
        smooth = valid_ema(smooth, window)
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


def median_price(bars: Bars) -> Series:
    return (bars["high"] + bars["low"]) / 2


def awesome(bars: Bars, fast: int, slow: int) -> Series:
    return sma(median_price(bars), fast) - sma(median_price(bars), slow)


def plain_cmo(w: NDArray) -> float:
    moves = np.diff(w)
    return 100 * moves.sum() / np.abs(moves).sum() if moves.any() else 0.0


def coppock(x: Series, window: int, short: int, long: int) -> Series:
    both = each(lambda a, b: min(max(a + b, -1e60), 1e60), roc(x, short), roc(x, long))
    weights = np.arange(1, window + 1)
    return rolling(lambda w: (weights * w).sum() / weights.sum(), window, both)


def forecast_miss(w: NDArray) -> float:
    """The last value less the line through those before it, a bar on; from the value before, for digits."""
    if w[-1] == 0:
        return 0.0
    fitted = w[:-1] - w[-2]
    times = np.arange(len(fitted)) - np.longdouble(len(fitted) - 1) / 2
    slope = (times * fitted).sum() / (times**2).sum()
    forecast = fitted.mean() + slope * (times[-1] + 1)
    return 100 * ((w[-1] - w[-2]) - forecast) / w[-1]


def is_turn(w: NDArray, left: int) -> float:
    """100 where the value at `left` is above all others."""
    return 100.0 if (np.delete(w, left) < w[left]).all() else 0.0


def intraday_momentum(o: NDArray, c: NDArray) -> float:
    body = c - o
    return 100 * body[body > 0].sum() / np.abs(body).sum() if body.any() else 50.0


def smooth_twice(x: Series, fast: int, slow: int) -> Series:
    return valid_ema(valid_ema(x, slow), fast)


def percent_smoothed(part: Series, whole: Series, fast: int, slow: int) -> Series:
    return each(
        lambda p, w: 100 * p / w if w > 0 else 0.0,
        smooth_twice(part, fast, slow),
        smooth_twice(whole, fast, slow),
    )


def true_strength(x: Series, fast: int, slow: int) -> Series:
    return percent_smoothed(x - lag(x), np.abs(x - lag(x)), fast, slow)


def stochastic_momentum(bars: Bars, fast: int, slow: int, window: int) -> Series:
    top, bottom = rolling(np.max, window, bars["high"]), rolling(np.min, window, bars["low"])
    # The close less the range's middle, over half of the range; both times 2.
    return percent_smoothed((bars["close"] - bottom) - (top - bars["close"]), top - bottom, fast, slow)


def vertical_horizontal(w: NDArray) -> float:
    path = np.abs(np.diff(w)).sum()
    return np.ptp(w[1:]) / path if path > 0 else 0.0


def vortex(bars: Bars, extreme: str, opposite: str, window: int) -> Series:
    movement = np.abs(bars[extreme] - lag(bars[opposite]))
    return rolling(lambda m, r: m.sum() / r.sum() if r.sum() > 0 else 1.0, window, movement, true_range(bars))


def williams_accumulation(bars: Bars) -> Series:
    def gained(h: float, low: float, c: float, before: float) -> float:
        if c == before:
            return 0.0
        return c - min(low, before) if c > before else c - max(h, before)

    columns = (bars["high"], bars["low"], bars["close"], lag(bars["close"]))
    return running_sum(each(gained, *columns))


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
    "AO": lambda bars, sources, fast, slow: awesome(bars, fast, slow),
    "AC": lambda bars, sources, fast, slow, signal: (
        awesome(bars, fast, slow) - sma(awesome(bars, fast, slow), signal)
    ),
    "CMOU": lambda bars, sources, window: rolling(plain_cmo, window + 1, sources[0]),
    "COPPOCK": lambda bars, sources, window, short, long: coppock(sources[0], window, short, long),
    "DPO": lambda bars, sources, window: lag(sources[0], window // 2 + 1) - sma(sources[0], window),
    "ERI_BULL": lambda bars, sources, window: bars["high"] - ema(bars["close"], window),
    "ERI_BEAR": lambda bars, sources, window: bars["low"] - ema(bars["close"], window),
    "FOSC": lambda bars, sources, window: rolling(forecast_miss, window + 1, sources[0]),
    "FRACTAL_HIGH": lambda bars, sources, left, right: rolling(
        lambda w: is_turn(w, left), left + 1 + right, bars["high"]
    ),
    "FRACTAL_LOW": lambda bars, sources, left, right: rolling(
        lambda w: is_turn(-w, left), left + 1 + right, bars["low"]
    ),
    "IMI": lambda bars, sources, window: rolling(intraday_momentum, window, bars["open"], bars["close"]),
    "QSTICK": lambda bars, sources, window: sma(bars["close"] - bars["open"], window),
    "TSI": lambda bars, sources, fast, slow: true_strength(sources[0], fast, slow),
    "SMI": lambda bars, sources, fast, slow, window, signal: stochastic_momentum(bars, fast, slow, window),
    "SMI_SIGNAL": lambda bars, sources, fast, slow, window, signal: ema(
        stochastic_momentum(bars, fast, slow, window), signal
    ),
    "VHF": lambda bars, sources, window: rolling(vertical_horizontal, window + 1, sources[0]),
    "VORTEX_PLUS": lambda bars, sources, window: vortex(bars, "high", "low", window),
    "VORTEX_MINUS": lambda bars, sources, window: vortex(bars, "low", "high", window),
    "WAD": lambda bars, sources: williams_accumulation(bars),
}
