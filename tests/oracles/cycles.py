"""Oracles of Ehlers' cycle indicators: Rocket Science for Traders (2001), with TA-Lib's first bars."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oracles.definitions import Oracle, Series, each, first_valid, lag

# The bars after the first one at which TA-Lib begins to measure: for the period, and for the phase.
PERIOD_FROM, PHASE_FROM = 12, 37


def weighted(x: Series) -> Series:
    """The last four values' mean, weighted 4, 3, 2, 1; of differences, as flat must be flat."""
    return each(
        lambda a, b, c, d: a + (3 * (b - a) + 2 * (c - a) + (d - a)) / 10, *(lag(x, k) for k in range(4))
    )


@dataclass
class Cycle:
    """The columns of the book's listing that indicators read; zeros before the first measured bar."""

    i1: Series
    q1: Series
    smooth_period: Series


def angle(y: float, x: float) -> float:
    """The angle whose tangent is y / x, in degrees; 0 where there is none."""
    return math.degrees(math.atan(y / x)) if x else 0.0


def measure(x: Series, begin: int) -> Cycle:
    """The listing's recursion, bar by bar, every column kept whole."""
    begin += first_valid(x)
    smooth = weighted(x)
    smooth[:begin] = 0
    detrender, i1, q1, i2, q2, re, im, period, smooth_period = np.zeros((9, len(x)))

    def transform(column: Series, i: int) -> float:
        taps = [column[i - k] if i >= k else 0.0 for k in (0, 2, 4, 6)]
        return (0.0962 * (taps[0] - taps[3]) + 0.5769 * (taps[1] - taps[2])) * (0.075 * period[i - 1] + 0.54)

    for i in range(begin, len(x)):
        detrender[i] = transform(smooth, i)
        q1[i] = transform(detrender, i)
        i1[i] = detrender[i - 3]
        i2[i] = 0.2 * (i1[i] - transform(q1, i)) + 0.8 * i2[i - 1]
        q2[i] = 0.2 * (q1[i] + transform(i1, i)) + 0.8 * q2[i - 1]
        re[i] = 0.2 * (i2[i] * i2[i - 1] + q2[i] * q2[i - 1]) + 0.8 * re[i - 1]
        im[i] = 0.2 * (i2[i] * q2[i - 1] - q2[i] * i2[i - 1]) + 0.8 * im[i - 1]
        found = period[i - 1]
        if im[i] != 0 and re[i] != 0:
            found = 360 / angle(im[i], re[i])
        found = max(min(found, 1.5 * period[i - 1]), 0.67 * period[i - 1])
        period[i] = 0.2 * max(min(found, 50.0), 6.0) + 0.8 * period[i - 1]
        smooth_period[i] = 0.33 * period[i] + 0.67 * smooth_period[i - 1]
    return Cycle(i1, q1, smooth_period)


def over_cycle(x: Series, smooth_period: Series, function: Callable[[Series, float], float]) -> Series:
    """`function` of the last values of x, newest first, as many as the whole period, and of the period."""
    result = np.full(len(x), math.nan)
    for i in range(first_valid(x) + 49, len(x)):
        bars = int(smooth_period[i] + 0.5)
        result[i] = function(x[i - bars + 1 : i + 1][::-1], smooth_period[i])
    return result


def phase(x: Series) -> Series:
    def at(values: Series, period: float) -> float:
        turns = 2 * np.pi * np.arange(len(values)) / len(values)
        # Without its newest value, which as a constant has no part in a whole cycle's sums.
        real = math.fsum(np.sin(turns) * (values - values[0]))
        imaginary = math.fsum(np.cos(turns) * (values - values[0]))
        degrees = angle(real, imaginary) if imaginary else 90 * float(np.sign(real))
        degrees += 90 + 360 / period + (180 if imaginary < 0 else 0)
        return degrees - 360 if degrees > 315 else degrees

    return over_cycle(weighted(x), measure(x, PHASE_FROM).smooth_period, at)


def sine(x: Series, lead: float) -> Series:
    return np.sin(np.radians(phase(x) + lead))


def trendline(x: Series) -> Series:
    period = measure(x, PHASE_FROM).smooth_period
    return weighted(over_cycle(x, period, lambda values, _: values[0] + (values - values[0]).mean()))


def trend_mode(x: Series) -> Series:
    degrees, period = phase(x), measure(x, PHASE_FROM).smooth_period
    sine_wave, lead_wave = sine(x, 0), sine(x, 45)
    line, smooth = trendline(x), weighted(x)
    mode = np.full(len(x), math.nan)
    # As if the first measured bar had crossed, as TA-Lib has it; the first phase is that of the 16th.
    days = 16
    for i in range(first_valid(degrees) + 1, len(x)):
        before, now = sine_wave[i - 1] - lead_wave[i - 1], sine_wave[i] - lead_wave[i]
        trend = 1
        if (now > 0 >= before) or (now < 0 <= before):
            days = trend = 0
        days += 1
        if days < 0.5 * period[i]:
            trend = 0
        if 0.67 * 360 / period[i] < degrees[i] - degrees[i - 1] < 1.5 * 360 / period[i]:
            trend = 0
        if line[i] != 0 and abs((smooth[i] - line[i]) / line[i]) >= 0.015:
            trend = 1
        mode[i] = trend
    return mode


def adaptive(x: Series, fast_limit: float, slow_limit: float) -> tuple[Series, Series]:
    """MAMA and FAMA, from the fourth value on, the first that the cycle is smoothed at."""
    cycle = measure(x, PERIOD_FROM)
    mama, fama = np.full((2, len(x)), math.nan)
    first = first_valid(x) + 3
    mama[first - 1] = fama[first - 1] = x[first]
    before = 0.0
    for i in range(first, len(x)):
        now = angle(cycle.q1[i], cycle.i1[i])
        alpha = max(fast_limit / max(before - now, 1.0), slow_limit)
        before = now
        mama[i] = alpha * x[i] + (1 - alpha) * mama[i - 1]
        fama[i] = 0.5 * alpha * mama[i] + (1 - 0.5 * alpha) * fama[i - 1]
    return mama, fama


# One line an op.
ORACLES: dict[str, Oracle] = {
    "HT_DCPERIOD": lambda bars, sources: measure(sources[0], PERIOD_FROM).smooth_period,
    "HT_PHASOR_INPHASE": lambda bars, sources: measure(sources[0], PERIOD_FROM).i1,
    "HT_PHASOR_QUADRATURE": lambda bars, sources: measure(sources[0], PERIOD_FROM).q1,
    "HT_DCPHASE": lambda bars, sources: phase(sources[0]),
    "HT_SINE": lambda bars, sources: sine(sources[0], 0),
    "HT_LEADSINE": lambda bars, sources: sine(sources[0], 45),
    "HT_TRENDLINE": lambda bars, sources: trendline(sources[0]),
    "HT_TRENDMODE": lambda bars, sources: trend_mode(sources[0]),
    "MAMA": lambda bars, sources, fast_limit, slow_limit: adaptive(sources[0], fast_limit, slow_limit)[0],
    "FAMA": lambda bars, sources, fast_limit, slow_limit: adaptive(sources[0], fast_limit, slow_limit)[1],
}
