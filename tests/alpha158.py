"""Alpha158 in NumPy: every window computed anew from the published formulas, in long double."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.longdouble]
WINDOWS = (5, 10, 20, 30, 60)


def alpha158(bars: Mapping[str, NDArray], eps: float) -> dict[str, Series]:
    """The 158 columns by name, in the published order; no row before a column's
    windows are full counts.

    Args:
        bars: `open`, `high`, `low`, `close`, `volume`, float64 [N].
        eps: what the formulas add to a denominator that may be zero: 1e-12; or 0, and the quotient is 0 where
            the denominator is.
    """
    o, h, low, c, v = (
        bars[name].astype(np.longdouble) for name in ("open", "high", "low", "close", "volume")
    )

    def over(a: Series, b: Series) -> Series:
        """a / (b + eps); 0 where that denominator is 0."""
        return np.where(b + eps == 0, 0, a / np.where(b + eps == 0, 1, b + eps))

    top, bottom = np.maximum(o, c), np.minimum(o, c)
    columns = {
        "KMID": (c - o) / o,
        "KLEN": (h - low) / o,
        "KMID2": over(c - o, h - low),
        "KUP": (h - top) / o,
        "KUP2": over(h - top, h - low),
        "KLOW": (bottom - low) / o,
        "KLOW2": over(bottom - low, h - low),
        "KSFT": (2 * c - h - low) / o,
        "KSFT2": over(2 * c - h - low, h - low),
        "OPEN0": o / c,
        "HIGH0": h / c,
        "LOW0": low / c,
        "VWAP0": (h + low + c) / 3 / c,
    }

    before, volume_before = lag(c), lag(v)
    rise, fall = np.maximum(c - before, 0), np.maximum(before - c, 0)
    volume_rise, volume_fall = np.maximum(v - volume_before, 0), np.maximum(volume_before - v, 0)
    log_volume = np.log(v + 1)
    volume_ratio = np.where(volume_before == 0, 1, v / np.where(volume_before == 0, 1, volume_before))
    log_volume_ratio = np.log(volume_ratio + 1)
    weighted = np.abs(c / before - 1) * v
    up, down = (c > before).astype(np.longdouble), (c < before).astype(np.longdouble)

    by_window: dict[str, Callable[[int], Series]] = {
        "ROC": lambda w: lag(c, w) / c,
        "MA": lambda w: mean(c, w) / c,
        "STD": lambda w: deviation(c, w) / c,
        "BETA": lambda w: line(c, w)[0] / c,
        "RSQR": lambda w: line(c, w)[1],
        "RESI": lambda w: line(c, w)[2] / c,
        "MAX": lambda w: rolling(np.max, h, w) / c,
        "MIN": lambda w: rolling(np.min, low, w) / c,
        "QTLU": lambda w: quantile(c, w, 0.8) / c,
        "QTLD": lambda w: quantile(c, w, 0.2) / c,
        "RANK": lambda w: rank(c, w),
        "RSV": lambda w: over(c - rolling(np.min, low, w), rolling(np.max, h, w) - rolling(np.min, low, w)),
        "IMAX": lambda w: place(np.argmax, h, w) / w,
        "IMIN": lambda w: place(np.argmin, low, w) / w,
        "IMXD": lambda w: (place(np.argmax, h, w) - place(np.argmin, low, w)) / w,
        "CORR": lambda w: correlation(c, log_volume, w),
        "CORD": lambda w: correlation(c / before, log_volume_ratio, w),
        "CNTP": lambda w: mean(up, w),
        "CNTN": lambda w: mean(down, w),
        "CNTD": lambda w: mean(up, w) - mean(down, w),
        "SUMP": lambda w: over(total(rise, w), total(rise + fall, w)),
        "SUMN": lambda w: over(total(fall, w), total(rise + fall, w)),
        "SUMD": lambda w: over(total(rise - fall, w), total(rise + fall, w)),
        "VMA": lambda w: over(mean(v, w), v),
        "VSTD": lambda w: over(deviation(v, w), v),
        "WVMA": lambda w: over(deviation(weighted, w), mean(weighted, w)),
        "VSUMP": lambda w: over(total(volume_rise, w), total(volume_rise + volume_fall, w)),
        "VSUMN": lambda w: over(total(volume_fall, w), total(volume_rise + volume_fall, w)),
        "VSUMD": lambda w: over(total(volume_rise - volume_fall, w), total(volume_rise + volume_fall, w)),
    }
    return columns | {f"{name}{w}": formula(w) for name, formula in by_window.items() for w in WINDOWS}


def lag(x: Series, rows: int = 1) -> Series:
    return np.concatenate([np.full(rows, np.nan, x.dtype), x[:-rows]])


def windows(x: Series, w: int) -> NDArray[np.longdouble]:
    """[N - w + 1, w]"""
    return np.lib.stride_tricks.sliding_window_view(x, w)


def from_first_full(values: NDArray, w: int) -> Series:
    return np.concatenate([np.full(w - 1, np.nan, np.longdouble), values])


def rolling(statistic: Callable[..., NDArray], x: Series, w: int) -> Series:
    return from_first_full(statistic(windows(x, w), axis=1), w)


def mean(x: Series, w: int) -> Series:
    return rolling(np.mean, x, w)


def total(x: Series, w: int) -> Series:
    return rolling(np.sum, x, w)


def centred(x: Series, w: int) -> NDArray[np.longdouble]:
    """Each window's distances from its mean, by way of its last value, so that no digit is lost."""
    from_last = windows(x, w) - windows(x, w)[:, -1:]
    return from_last - from_last.mean(axis=1, keepdims=True)


def deviation(x: Series, w: int) -> Series:
    return from_first_full(np.sqrt((centred(x, w) ** 2).sum(axis=1) / (w - 1)), w)


def line(x: Series, w: int) -> tuple[Series, Series, Series]:
    """The least-squares line on 1..w: slope, R squared (0 in a flat window), the last value's residual."""
    time, values = np.arange(w) - (w - 1) / 2, centred(x, w)
    slope = values @ time / (time @ time)
    explained, whole = slope**2 * (time @ time), (values**2).sum(axis=1)
    r_squared = np.where(whole == 0, 0, explained / np.where(whole == 0, 1, whole))
    residual = values[:, -1] - slope * time[-1]
    return from_first_full(slope, w), from_first_full(r_squared, w), from_first_full(residual, w)


def quantile(x: Series, w: int, share: float) -> Series:
    ordered, (below, above) = np.sort(windows(x, w), axis=1), divmod(share * (w - 1), 1)
    lower, upper = ordered[:, int(below)], ordered[:, min(int(below) + 1, w - 1)]
    return from_first_full(lower + above * (upper - lower), w)


def rank(x: Series, w: int) -> Series:
    newest = windows(x, w)[:, -1:]
    below, equal = (windows(x, w) < newest).sum(axis=1), (windows(x, w) == newest).sum(axis=1)
    return from_first_full((below + (equal + 1) / 2) / w, w)


def place(which: Callable[..., NDArray], x: Series, w: int) -> Series:
    """1 to w, the first of equal ones."""
    return from_first_full(which(windows(x, w), axis=1) + 1, w)


def correlation(x: Series, y: Series, w: int) -> Series:
    """Pearson's; 0 where one of them is flat."""
    a, b = centred(x, w), centred(y, w)
    scale = np.sqrt((a**2).sum(axis=1)) * np.sqrt((b**2).sum(axis=1))
    return from_first_full(np.where(scale == 0, 0, (a * b).sum(axis=1) / np.where(scale == 0, 1, scale)), w)
