"""`classic` by other libraries: its four ops with the tools that each of them has, in the spec's order."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sentio
from benchmarks.measure import cpu
from sentio.bars import Bars
from sentio.matrix_memory import new_matrix

__all__ = ["PEERS", "Peer", "Stack", "best_stack", "log_returns"]

Column = NDArray[np.float64]
Matrix = NDArray[np.float32]
Stack = Callable[[list[Column], Matrix], None]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another library.

    Attributes:
        name: as people know it.
        module: what must be importable.
        compute: the spec's columns of some bars: each by itself, or as the matrix [N, F], float32, row-major.
        stacks: whether it makes the matrix.
    """

    name: str
    module: str
    compute: Callable[[sentio.FeatureSpec, Bars], Any]
    stacks: bool = False

    def load(self) -> bool:
        """Whether it is installed."""
        try:
            importlib.import_module(self.module)
        except ImportError:
            return False
        return True


def log_returns(close: Column) -> Column:
    result = np.full_like(close, np.nan)
    np.log(close[1:] / close[:-1], out=result[1:])
    return result


def in_tiles(rows: int) -> Stack:
    """A stacking by tiles of so many rows: those that fit the caches are much faster than whole columns."""

    def stack(columns: list[Column], matrix: Matrix) -> None:
        for first in range(0, len(matrix), rows):
            for column, values in enumerate(columns):
                matrix[first : first + rows, column] = values[first : first + rows]

    return stack


def by_numpy(columns: list[Column], matrix: Matrix) -> None:
    matrix[:] = np.stack([column.astype(np.float32) for column in columns]).T


def best_stack(columns: list[Column]) -> Stack:
    """Of several ways to stack, the one that is fastest here."""
    matrix = np.empty((len(columns[0]), len(columns)), np.float32)
    ways = by_numpy, *map(in_tiles, (64, 256, 1024, 4096))
    return min(ways, key=lambda stack: cpu(lambda: stack(columns, matrix)))


def by_ops(
    spec: sentio.FeatureSpec,
    bars: Bars,
    ema: Callable[[Column, int], Any],
    rsi: Callable[[Column, int], Any],
    z_score: Callable[[Column, int], Any],
    returns: Any,
) -> list[Any]:
    """Each column by the function of its op."""
    columns = []
    for feature in spec.features:
        window = int(feature.params.get("window", 1))
        if feature.op == "IDENT":
            columns.append(bars.close)
        elif feature.op == "LOGRET":
            columns.append(returns)
        elif feature.op == "EMA":
            columns.append(ema(bars.close, window))
        elif feature.op == "RSI":
            columns.append(rsi(bars.close, window))
        elif feature.op == "ZWIN":
            columns.append(z_score(returns, window))
        else:
            raise ValueError(f"classic has no {feature.op}")
    return columns


def by_talib(spec: sentio.FeatureSpec, bars: Bars) -> list[Column]:
    import talib

    returns = log_returns(bars.close)
    return by_ops(
        spec,
        bars,
        talib.EMA,
        talib.RSI,
        lambda x, window: (x - talib.SMA(x, window)) / talib.STDDEV(x, window, 1.0),
        returns,
    )


def by_ferro_ta(spec: sentio.FeatureSpec, bars: Bars) -> list[Column]:
    import ferro_ta

    def z_score(x: Column, window: int) -> Column:
        result = np.full_like(x, np.nan)
        known = x[1:]  # it lets no leading NaN pass
        result[1:] = (known - ferro_ta.SMA(known, window)) / ferro_ta.STDDEV(known, window, 1.0)
        return result

    return by_ops(spec, bars, ferro_ta.EMA, ferro_ta.RSI, z_score, log_returns(bars.close))


def by_kand(spec: sentio.FeatureSpec, bars: Bars) -> list[Column]:
    import kand

    def z_score(x: Column, window: int) -> Column:
        result = np.full_like(x, np.nan)
        known = x[1:]  # it refuses NaN
        result[1:] = (known - kand.sma(known, window)) / kand.stddev(known, window)[0]
        return result

    return by_ops(
        spec, bars, kand.ema, lambda x, window: kand.rsi(x, window)[0], z_score, log_returns(bars.close)
    )


def by_pandas(spec: sentio.FeatureSpec, bars: Bars) -> list[Column]:
    import pandas as pd

    close, returns = pd.Series(bars.close), pd.Series(log_returns(bars.close))
    change = close.diff()
    rise, fall = change.clip(lower=0.0), -change.clip(upper=0.0)

    def ema(x: Column, window: int) -> Column:
        return close.ewm(span=window, adjust=False).mean().to_numpy()

    def rsi(x: Column, window: int) -> Column:
        up = rise.ewm(alpha=1.0 / window, adjust=False).mean()
        down = fall.ewm(alpha=1.0 / window, adjust=False).mean()
        return (100.0 * up / (up + down)).to_numpy()

    def z_score(x: Column, window: int) -> Column:
        rolling = returns.rolling(window)
        return ((returns - rolling.mean()) / rolling.std(ddof=0)).to_numpy()

    return by_ops(spec, bars, ema, rsi, z_score, returns.to_numpy())


def by_polars(spec: sentio.FeatureSpec, bars: Bars) -> Matrix:
    import polars as pl

    close = pl.col("close")
    returns = (close / close.shift(1)).log()
    rise, fall = pl.col("change").clip(lower_bound=0.0), -pl.col("change").clip(upper_bound=0.0)

    def rsi(x: Any, window: int) -> pl.Expr:
        up = rise.ewm_mean(alpha=1.0 / window, adjust=False)
        down = fall.ewm_mean(alpha=1.0 / window, adjust=False)
        return 100.0 * up / (up + down)

    def z_score(x: pl.Expr, window: int) -> pl.Expr:
        x = pl.col("returns")
        return (x - x.rolling_mean(window)) / x.rolling_std(window, ddof=0)

    expressions = by_ops(
        spec,
        bars,
        lambda x, window: close.ewm_mean(span=window, adjust=False),
        rsi,
        z_score,
        pl.col("returns"),
    )
    named = [
        (close if expression is bars.close else expression).cast(pl.Float32).alias(feature.name)
        for feature, expression in zip(spec.features, expressions, strict=True)
    ]
    frame = pl.LazyFrame({"close": bars.close}).with_columns(change=close.diff(), returns=returns)
    return frame.select(named).collect().to_numpy(order="c")


def by_numba(spec: sentio.FeatureSpec, bars: Bars) -> Matrix:
    from benchmarks.numba_loop import classic

    windows: dict[str, list[int]] = {"EMA": [], "RSI": [], "ZWIN": []}
    places: dict[str, list[int]] = {"IDENT": [], "LOGRET": [], **{op: [] for op in windows}}
    for place, feature in enumerate(spec.features):
        places[feature.op].append(place)
        if feature.op in windows:
            windows[feature.op].append(int(feature.params["window"]))
    return classic(
        bars.close,
        new_matrix((len(bars), len(spec.features)), np.float32),
        *(np.array(places[op], np.int64) for op in places),
        *(np.array(windows[op], np.int64) for op in windows),
    )


PEERS: Sequence[Peer] = (
    Peer("TA-Lib", "talib", by_talib),
    Peer("polars", "polars", by_polars, stacks=True),
    Peer("pandas", "pandas", by_pandas),
    Peer("ferro-ta", "ferro_ta", by_ferro_ta),
    Peer("kand", "kand", by_kand),
    Peer("a numba loop", "numba", by_numba, stacks=True),
)
