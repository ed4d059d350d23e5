"""What the oracles are built of: definitions in slow plain loops, knowing nothing of the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Series = NDArray[np.float64]
Bars = Mapping[str, NDArray]
Oracle = Callable[..., Series]

# By how much of itself a mean of high, low and close may move by rounding alone; TA-Lib's figure.
TYPICAL_ROUNDING = 2e-14


def each(function: Callable[..., float], *series: Series) -> Series:
    """`function` of the series' values at each row, as Python floats; NaN where one of them is NaN."""
    rows = zip(*(values.tolist() for values in series), strict=True)
    return np.array([math.nan if any(map(math.isnan, row)) else function(*row) for row in rows])


def rolling(function: Callable[..., float], window: int, *series: Series) -> Series:
    """`function` of each series' last `window` values, as long doubles, so that its own rounding is small."""
    wide = [values.astype(np.longdouble) for values in series]
    result = np.full(len(series[0]), math.nan)
    for i in range(window - 1, len(result)):
        last = [values[i - window + 1 : i + 1] for values in wide]
        if not any(np.isnan(values[0]) for values in last):
            result[i] = float(function(*last))
    return result


def centred(w: NDArray) -> NDArray:
    """The window's deviations from its mean; from the last value first, which keeps all digits."""
    from_last = w - w[-1]
    return from_last - from_last.mean()


def root_mean_square(w: NDArray) -> float:
    return np.sqrt((w**2).mean())


def lag(x: Series, rows: int = 1) -> Series:
    """The series `rows` rows ago."""
    shifted = np.full(len(x), math.nan)
    shifted[rows:] = x[: len(x) - rows]
    return shifted


def first_valid(x: Series) -> int:
    """The first row that is not NaN, the length where there is none."""
    valid = np.flatnonzero(~np.isnan(x))
    return int(valid[0]) if len(valid) else len(x)


def recursion(x: Series, step: Callable[[list[float], float | None], float]) -> Series:
    """y[i] = step(the valid x up to row i, y[i - 1])."""
    result = np.full(len(x), math.nan)
    seen: list[float] = []
    value: float | None = None
    for i in range(first_valid(x), len(x)):
        seen.append(float(x[i]))
        value = step(seen, value)
        result[i] = value
    return result


def decay(x: Series, alpha: float) -> Series:
    """Decaying average, from the first value."""
    return recursion(x, lambda seen, y: seen[0] if y is None else alpha * seen[-1] + (1 - alpha) * y)


def ema(x: Series, window: int) -> Series:
    """Exponential moving average, from the first value."""
    return decay(x, 2 / (window + 1))


def wilder(x: Series, window: int) -> Series:
    """Wilder's average, from the mean of the first `window` values; before that, NaN."""

    def step(seen: list[float], y: float | None) -> float:
        if len(seen) < window:
            return math.nan
        if len(seen) == window:
            return math.fsum(seen) / window
        return (y * (window - 1) + seen[-1]) / window

    return recursion(x, step)


def wilder_sum(x: Series, window: int) -> Series:
    """Wilder's falling sum: the first `window - 1` values added, then y - y / window + x."""

    def step(seen: list[float], y: float | None) -> float:
        return math.fsum(seen) if len(seen) < window or y is None else y - y / window + seen[-1]

    return recursion(x, step)


def running_sum(x: Series) -> Series:
    """The sum of all values so far."""
    return recursion(x, lambda seen, _: math.fsum(seen))


def sma(x: Series, window: int) -> Series:
    """The plain mean of the last values."""
    return rolling(np.mean, window, x)


def deviation(x: Series, window: int) -> Series:
    """Population standard deviation of the last values."""
    return rolling(lambda w: root_mean_square(centred(w)), window, x)


def true_range(bars: Bars) -> Series:
    """Wilder's: the largest of high - low, |high - close before|, |low - close before|."""
    return each(
        lambda h, low, c: max(h - low, abs(h - c), abs(low - c)),
        bars["high"],
        bars["low"],
        lag(bars["close"]),
    )


def typical(bars: Bars) -> Series:
    """The mean of high, low and close."""
    return (bars["high"] + bars["low"] + bars["close"]) / 3


def log_quotient(a: ArrayLike, b: ArrayLike) -> NDArray:
    """log(a / b): near 1 by a - b, since a quotient's rounding is much of a small logarithm."""
    a, b = np.longdouble(a), np.longdouble(b)
    near = np.abs(a / b - 1) < 0.5
    return np.where(near, np.log1p(np.where(near, (a - b) / b, 0)), np.log(a / b)).astype(float)


def log_return(x: Series, window: int) -> Series:
    """log(x / x[-window]); 0 where that ratio is not positive."""
    return each(lambda a, b: float(log_quotient(a, b)) if b != 0 and a / b > 0 else 0.0, x, lag(x, window))


def roc(x: Series, window: int) -> Series:
    return each(lambda now, before: 100 * (now - before) / before if before else 0.0, x, lag(x, window))
