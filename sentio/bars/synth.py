"""Simulated bars that are worth training on: they look like a stock index and hide a known, weak signal.

One minute is simulated at a time, all sessions side by side. A session is 390 minutes from 09:30 to 16:00 in
New York on the exchange's trading days; there are no half days.

Volatility is the product of a daily pattern (high at the open, low at noon, higher at the close) and of two
log-normal AR(1) processes, one from day to day and one from minute to minute, so that it clusters. Volume
follows the volatility and the size of the bar's own move. The price moves in steps inside each minute; open,
high, low and close are read off these steps and rounded to the tick.

The planted signal moves the mean of the next minute's return by

    sigma * (-REVERSAL * w + FLOW * q)

where sigma is the minute's volatility, w is the exponential average (decay REVERSAL_DECAY) of the returns
so far in units of their volatility, a short-term reversal, and q is the exponential money flow (decay
FLOW_DECAY): the average of close location times volume over the average of volume, where close location is
(2 close - high - low) / (high - low). Both start from zero with each session. Short returns over a rolling
volatility, and Chaikin's money flow over some ten bars, come close to them.

The best that a model could reach is the correlation of the generator's own expectation with what then
happened, computed here from the finished, rounded prices. The generator knows the volatility and the
unrounded prices, which a model can only estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from sentio.bars.contract import Float64s, Int64s, check_symbol
from sentio.bars.interval import DAY_NS, MINUTE_NS, Interval
from sentio.bars.market_days import trading_days
from sentio.bars.model import Bars
from sentio.bars.zones import to_utc
from sentio.errors import UsageError
from sentio.ranking import TieGroups, area_under_curve

__all__ = ["FIRST_DAY", "INTERVALS", "LONGEST", "Simulated", "synthesize"]

FIRST_DAY = date(2024, 1, 2)
LONGEST = 1260  # five years of trading days, some 300 MB at work
INTERVALS = ("1m", "2m", "3m", "5m", "10m", "15m", "30m")  # they divide a session of 390 minutes
HORIZONS = (1, 5)  # in bars; for these the best reachable figures are told

ZONE = "America/New_York"
OPEN_NS = 570 * MINUTE_NS  # 09:30
MINUTES = 390
STEPS = 16  # price steps inside a minute

FIRST_PRICE = 400.0
TICKS = 100.0  # to one unit of the currency
OVERNIGHT_MEAN, OVERNIGHT_DEVIATION = 3e-4, 5.5e-3  # of the log return from close to open
DAILY_DEVIATION = 0.95e-2  # of the log return from open to close
OPEN_SHARE = 0.01  # share of a minute's variance that falls between the last trade and its open

# Log-volatility: decay and stationary deviation, from day to day and from minute to minute.
DAY_DECAY, DAY_SPREAD = 0.93, 0.28
MINUTE_DECAY, MINUTE_SPREAD = 0.985, 0.28

REVERSAL, REVERSAL_DECAY = 0.20, 0.6
FLOW, FLOW_DECAY = 0.44, 0.9

VOLUME = 100_000.0  # shares in an average minute

Grid = npt.NDArray[np.float64]  # [D, 390], a row for each session


@dataclass(frozen=True, slots=True)
class Simulated:
    """Simulated bars and what their generator knew.

    Args:
        bars: N bars with `simulated` set and, in `planted`, the best reachable `ic_H` (Pearson), `rank_ic_H`
            (Spearman) and `auc_H` (of the direction) against the log return over the next H bars;
            `auc_H` is missing where these are so few that all rise or all fall.
        expected: for each horizon H in bars, float64 [N]: the generator's expectation, at a bar's close,
            of that log return; NaN where it would leave the session.
    """

    bars: Bars
    expected: Mapping[int, Float64s]


def synthesize(symbol: str, interval: str = "1m", days: int = 120, seed: int = 7) -> Simulated:
    """Simulate whole sessions from 2 January 2024 on; fewer days are the beginning of more days.

    The same arguments give the same bars with the same numpy; each symbol has bars of its own. Longer
    intervals are aggregated from the same minutes.

    Args:
        symbol: such as "QQQ".
        interval: one of `INTERVALS`.
        days: number of sessions, 1 to `LONGEST`.
        seed: any whole number that is not negative.

    Raises:
        UsageError: an argument is outside of what is allowed.
    """
    check_symbol(symbol)
    length = Interval.parse(interval)
    if str(length) not in INTERVALS:
        raise UsageError("interval", f"{interval!r} cannot be simulated; allowed is {', '.join(INTERVALS)}")
    if not 1 <= days <= LONGEST:
        raise UsageError("days", f"{days} is outside [1, {LONGEST}]")
    if seed < 0:
        raise UsageError("seed", f"{seed} is negative; allowed is 0 and above")

    minutes = _simulate(_Draws.make(symbol, days, seed))
    size = length.ns // MINUTE_NS
    columns = _aggregate(minutes, size)
    expected = {bars: minutes.expectation(bars * size)[:, size - 1 :: size].ravel() for bars in HORIZONS}
    recipe = f"simulated: symbol {symbol}, days {days}, seed {seed}"
    bars = Bars(
        symbol=symbol,
        interval=str(length),
        ts=_opens(days, size),
        **columns,
        simulated=True,
        timezone=ZONE,
        adjustment="raw",
        source=recipe,
        source_hash=hashlib.sha256(recipe.encode()).hexdigest(),
        planted=_reachable(columns["close"].reshape(days, -1), expected),
    )
    return Simulated(bars, expected)


@dataclass(frozen=True, slots=True)
class _Draws:
    """All the chance of a simulation: independent standard normal numbers, a generator for each day."""

    overnight: Float64s  # [D]
    day_volatility: Float64s  # [D]
    minute_volatility: Grid
    volume: Grid
    open: Grid
    steps: npt.NDArray[np.float64]  # [D, 390, STEPS]

    @classmethod
    def make(cls, symbol: str, days: int, seed: int) -> _Draws:
        per_minute = 3 + STEPS
        drawn = np.empty((days, 2 + MINUTES * per_minute))
        for day in range(days):
            source = np.random.PCG64(np.random.SeedSequence([seed, day, *symbol.encode()]))
            drawn[day] = np.random.Generator(source).standard_normal(drawn.shape[1])
        minute = drawn[:, 2:].reshape(days, MINUTES, per_minute)
        return cls(drawn[:, 0], drawn[:, 1], minute[..., 0], minute[..., 1], minute[..., 2], minute[..., 3:])


@dataclass(frozen=True, slots=True)
class _Minutes:
    """Finished minutes, and what moved them."""

    open: Grid
    high: Grid
    low: Grid
    close: Grid
    volume: Grid
    volatility: Grid  # deviation of each minute's log return
    reversal: Grid  # w after each minute
    flow: Grid  # q after each minute

    def expectation(self, ahead: int) -> Grid:
        """The expected log return over the next `ahead` minutes of the session, else NaN.

        w and q decay towards zero as new returns without a mean come in, and the volatility follows the
        daily pattern; what the signal does to itself on the way is of second order in its strength.
        """
        pattern = _pattern()
        level = self.volatility / pattern
        expected = np.full(self.close.shape, np.nan)
        last = MINUTES - ahead
        expected[:, :last] = 0.0
        for step in range(ahead):
            drift = -REVERSAL * REVERSAL_DECAY**step * self.reversal + FLOW * FLOW_DECAY**step * self.flow
            coming = pattern[1 + step : 1 + step + last]
            expected[:, :last] += (level * drift)[:, :last] * coming
        return expected


def _pattern() -> Float64s:
    """The deviation of each minute's log return through the day, [390]."""
    minute = np.arange(MINUTES)
    shape = 0.75 + 1.6 * np.exp(-minute / 25.0) + 0.6 * np.exp((minute - MINUTES) / 30.0)
    pattern: Float64s = DAILY_DEVIATION * shape / np.sqrt(np.sum(shape**2))
    return pattern


def _autoregression(shocks: Float64s, decay: float, spread: float) -> Float64s:
    """A stationary AR(1) along the first axis with deviation `spread`, from standard normal shocks."""
    path = np.empty_like(shocks)
    path[0] = shocks[0]
    for i in range(1, len(shocks)):
        path[i] = decay * path[i - 1] + np.sqrt(1 - decay**2) * shocks[i]
    return spread * path


def _simulate(draws: _Draws) -> _Minutes:
    days = len(draws.overnight)
    by_day = _autoregression(draws.day_volatility, DAY_DECAY, DAY_SPREAD)[:, None]
    by_minute = _autoregression(draws.minute_volatility.T, MINUTE_DECAY, MINUTE_SPREAD).T
    # exp(x - variance) has a mean square of one: clustering does not change the yearly volatility.
    volatility = _pattern() * np.exp(by_day + by_minute - DAY_SPREAD**2 - MINUTE_SPREAD**2)

    gaps = np.sqrt(OPEN_SHARE) * draws.open * volatility
    steps = np.sqrt((1 - OPEN_SHARE) / STEPS) * draws.steps * volatility[..., None]
    paths = gaps[..., None] + np.cumsum(steps, axis=-1)  # from the last trade of the minute before
    shocks = paths[..., -1] / volatility
    volume = _volume(by_day + by_minute, shocks, draws.volume)

    # Log prices since the session's start.
    open_, high, low, close = (np.empty((days, MINUTES)) for _ in range(4))
    reversal, flow = np.empty((days, MINUTES)), np.empty((days, MINUTES))
    now, w, signed = np.zeros(days), np.zeros(days), np.zeros(days)
    total = np.full(days, VOLUME * _volume_pattern()[0])
    drift = np.zeros(days)
    progress = np.arange(1, STEPS + 1) / STEPS
    for i in range(MINUTES):
        path = now[:, None] + paths[:, i] + drift[:, None] * progress
        open_[:, i] = now + gaps[:, i]
        close[:, i] = path[:, -1]
        high[:, i] = np.maximum(path.max(axis=1), open_[:, i])
        low[:, i] = np.minimum(path.min(axis=1), open_[:, i])
        location = (2 * close[:, i] - high[:, i] - low[:, i]) / (high[:, i] - low[:, i])
        w = REVERSAL_DECAY * w + (1 - REVERSAL_DECAY) * (close[:, i] - now) / volatility[:, i]
        signed = FLOW_DECAY * signed + (1 - FLOW_DECAY) * location * volume[:, i]
        total = FLOW_DECAY * total + (1 - FLOW_DECAY) * volume[:, i]
        reversal[:, i], flow[:, i] = w, signed / total
        now = close[:, i]
        if i + 1 < MINUTES:
            drift = volatility[:, i + 1] * (-REVERSAL * w + FLOW * flow[:, i])

    overnight = OVERNIGHT_MEAN + OVERNIGHT_DEVIATION * draws.overnight * np.exp(by_day[:, 0] - DAY_SPREAD**2)
    starts = np.cumsum(overnight) + np.concatenate([[0.0], np.cumsum(close[:-1, -1])])
    return _Minutes(
        open=_price(starts[:, None] + open_),
        high=_price(starts[:, None] + high),
        low=_price(starts[:, None] + low),
        close=_price(starts[:, None] + close),
        volume=volume,
        volatility=volatility,
        reversal=reversal,
        flow=flow,
    )


def _price(log: Grid) -> Grid:
    """Prices in whole ticks from log prices relative to the first; a division gives the nearest double."""
    ticks = np.maximum(np.rint(FIRST_PRICE * TICKS * np.exp(log)), 1.0)
    price: Grid = ticks / TICKS
    return price


def _volume_pattern() -> Float64s:
    """The usual volume of each minute as a multiple of the day's average, [390]."""
    shape: Float64s = _pattern() ** 1.5
    return shape / float(shape.mean())


def _volume(level: Grid, shocks: Grid, noise: Grid) -> Grid:
    """Whole shares: more where volatility is high and where the minute itself moves far."""
    log = 0.9 * level + 0.4 * (np.abs(shocks) - np.sqrt(2 / np.pi)) + 0.3 * noise
    shares: Grid = np.maximum(np.rint(VOLUME * _volume_pattern() * np.exp(log)), 1.0)
    return shares


def _aggregate(minutes: _Minutes, size: int) -> dict[str, Float64s]:
    """Bars of `size` minutes as flat columns."""

    def grouped(values: Grid) -> npt.NDArray[np.float64]:
        return values.reshape(len(values), -1, size)

    return {
        "open": grouped(minutes.open)[..., 0].ravel(),
        "high": grouped(minutes.high).max(axis=-1).ravel(),
        "low": grouped(minutes.low).min(axis=-1).ravel(),
        "close": grouped(minutes.close)[..., -1].ravel(),
        "volume": grouped(minutes.volume).sum(axis=-1).ravel(),
    }


def _opens(days: int, size: int) -> Int64s:
    """UTC nanoseconds of each bar's open, [N]."""
    dates = np.array(trading_days(FIRST_DAY, days), "datetime64[D]")
    midnights = dates.astype(np.int64) * DAY_NS
    local = midnights[:, None] + OPEN_NS + np.arange(0, MINUTES, size) * MINUTE_NS
    return to_utc(local.ravel(), ZONE).ts


def _reachable(close: Grid, expected: Mapping[int, Float64s]) -> dict[str, float]:
    """The correlations of the expected with the realised log returns of finished prices."""
    figures = {}
    for ahead, expectation in expected.items():
        realised = np.full(close.shape, np.nan)
        realised[:, :-ahead] = np.log(close[:, ahead:] / close[:, :-ahead])
        known = ~np.isnan(expectation)
        guess, truth = expectation[known], realised.ravel()[known]
        figures[f"ic_{ahead}"] = float(np.corrcoef(guess, truth)[0, 1])
        guess_ranks, truth_ranks = TieGroups(guess).mean_ranks(), TieGroups(truth).mean_ranks()
        figures[f"rank_ic_{ahead}"] = float(np.corrcoef(guess_ranks, truth_ranks)[0, 1])
        moved = truth != 0
        rises = (truth[moved] > 0).astype(np.float64)
        area = area_under_curve(rises, TieGroups(guess[moved]), np.ones(len(rises)))
        if area is not None:
            figures[f"auc_{ahead}"] = area
    return figures
