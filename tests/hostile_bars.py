"""Valid bars of every kind: random ones, and those that break careless arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray]

NAMES = ("ts", "open", "high", "low", "close", "volume")
MINUTE = 60 * 10**9
SESSION = 78  # five-minute bars; what is left of the day is a session gap


def times(count: int) -> NDArray[np.int64]:
    """Opens of five-minute bars in daily sessions, nanoseconds."""
    rows = np.arange(count, dtype=np.int64)
    return 1_700_000_000 * 10**9 + rows // SESSION * 1440 * MINUTE + rows % SESSION * 5 * MINUTE


def first_session_start(ts: NDArray[np.int64]) -> int:
    """The first row after a gap of four hours or more, once two bars were closer; a first row is none."""
    closer = False
    for row in range(1, len(ts)):
        apart = ts[row] - ts[row - 1] >= 240 * MINUTE
        if apart and closer:
            return row
        closer = closer or not apart
    raise AssertionError("the bars hold no session start")


def without_rest(bars: Columns) -> Columns:
    """The bars of a market that never closes."""
    return {**bars, "ts": bars["ts"][0] + 5 * MINUTE * np.arange(len(bars["ts"]), dtype=np.int64)}


def bars_of(close: NDArray, seed: int, reach: float = 1e-3, volume: NDArray | None = None) -> Columns:
    """Bars around the closes: each opens near the close before and reaches beyond both, by about `reach`."""
    draws = np.random.default_rng(seed)
    before = np.concatenate([close[:1], close[:-1]])
    open_ = before * np.exp(reach / 3 * draws.normal(size=len(close)))
    high = np.maximum(open_, close) * np.exp(reach * draws.exponential(size=len(close)))
    low = np.minimum(open_, close) * np.exp(-reach * draws.exponential(size=len(close)))
    if volume is None:
        volume = np.round(np.exp(10 + draws.normal(size=len(close))))
    return dict(zip(NAMES, (times(len(close)), open_, high, low, close, volume), strict=True))


def random_bars(count: int, seed: int = 0, price: float = 100.0, step: float = 1e-3) -> Columns:
    """A geometric random walk."""
    steps = step * np.random.default_rng(seed).normal(size=count)
    return bars_of(price * np.exp(np.cumsum(steps)), seed + 1, step)


def flat_bars(count: int, volume: float) -> Columns:
    """One price for ever."""
    columns = {name: np.full(count, 100.1) for name in NAMES[1:5]}
    return {"ts": times(count), **columns, "volume": np.full(count, volume)}


def rounded(bars: Columns, tick: float) -> Columns:
    """The bars on a grid of prices, with many equal ones."""
    return {
        name: np.round(values / tick) * tick if name in NAMES[1:5] else values
        for name, values in bars.items()
    }


def one_tick(count: int) -> Columns:
    """A price that rests, and now and then moves by its last place and back."""
    price = np.full(count, 1000.0)
    price[np.random.default_rng(5).random(count) < 0.1] = np.nextafter(1000.0, 2000.0)
    return {"ts": times(count), **dict.fromkeys(NAMES[1:5], price), "volume": np.full(count, 7.0)}


def thin(count: int) -> Columns:
    """A market of which few pieces change hands, or none at all."""
    volume = np.random.default_rng(15).integers(0, 41, size=count).astype(np.float64)
    return {**random_bars(count, seed=16), "volume": volume}


def falls_asleep(count: int) -> Columns:
    """A market that moves, is flat for a third of the time without any volume, and moves again."""
    bars = random_bars(count, seed=6)
    asleep = slice(count // 3, 2 * count // 3)
    for name in NAMES[1:5]:
        bars[name][asleep] = bars["close"][count // 3 - 1]
    bars["volume"][asleep] = 0
    return bars


def jump(count: int) -> Columns:
    """Prices near 1, then near 1e6 with deviations of 1e-3, then near 1 again."""
    level = np.ones(count)
    level[count // 3 : 2 * count // 3] = 1e6
    wobble = 1e-3 * np.random.default_rng(8).normal(size=count)
    return bars_of(level + wobble, seed=9, reach=1e-9)


def gaps(count: int) -> Columns:
    """Holes in time from minutes to weeks, and prices that double and halve across them."""
    draws = np.random.default_rng(10)
    bars = bars_of(100 * 2.0 ** np.cumsum(draws.integers(-1, 2, size=count)).clip(-20, 20), seed=11)
    hole = draws.choice([0, 1, 60, 60 * 24, 60 * 24 * 40], size=count, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    bars["ts"] = bars["ts"] + np.cumsum(hole).astype(np.int64) * MINUTE
    return bars


def slow_cycle(count: int) -> Columns:
    """A price that swings to and fro every 60 bars, slower than Ehlers' longest cycle."""
    noise = 1e-5 * np.random.default_rng(13).normal(size=count)
    return bars_of(100 * np.exp(0.01 * np.sin(2 * np.pi * np.arange(count) / 60) + noise), seed=14)


def at_the_limits(count: int) -> Columns:
    """The smallest and largest prices and volumes that a bar may have, in one series."""
    draws = np.random.default_rng(12)
    prices = draws.choice([1e-12, 1.0, 1e12], size=(count, 4))
    high, low = prices.max(axis=1), prices.min(axis=1)
    volume = draws.choice([0.0, 1.0, 1e18], size=count)
    open_, close = prices[:, 0].copy(), prices[:, 1].copy()
    return dict(zip(NAMES, (times(count), open_, high, low, close, volume), strict=True))


def with_volume(bars: Columns, volume: float) -> Columns:
    return {**bars, "volume": np.full(len(bars["ts"]), volume)}


# By name, each a function of the number of bars.
BARS: dict[str, Callable[[int], Columns]] = {
    "random": random_bars,
    "ticks": lambda count: rounded(random_bars(count, seed=3, step=1e-4), 0.01),
    "flat": lambda count: flat_bars(count, volume=1000.0),
    "flat_without_volume": lambda count: flat_bars(count, volume=0.0),
    "without_volume": lambda count: with_volume(random_bars(count, seed=4), 0.0),
    "one_tick": one_tick,
    "falls_asleep": falls_asleep,
    "thin": thin,
    "price_1e-6": lambda count: random_bars(count, seed=7, price=1e-6),
    "price_1e9": lambda count: with_volume(random_bars(count, seed=7, price=1e9), 1e12),
    "jump": jump,
    "gaps": gaps,
    "slow_cycle": slow_cycle,
}
