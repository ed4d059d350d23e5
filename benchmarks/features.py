"""What the feature engine costs, beside its peers in the same run: `make bench`.

Every figure is a ratio of CPU times, the median of interleaved pairs with p10 and p90.
The run ends with an error where a peer's columns do not agree with ours.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

import sentio
from sentio.bars import Bars
from sentio.extension import load_extension

# A float32 holds 24 bits; TA-Lib's and pandas' rolling deviations add rounding of their own.
AGREEMENT = 1e-5
# Rows after which an EMA of 200 bars has forgotten TA-Lib's other start, to a float's last place.
CONVERGED = 4000


def bars_for(rows: int) -> Bars:
    """`rows` one-minute bars of a random walk, without gaps."""
    random = np.random.default_rng(1)
    close = 400.0 * np.exp(np.cumsum(random.normal(0.0, 5e-4, rows)))
    open_ = np.concatenate(([400.0], close[:-1]))
    reach = np.abs(random.normal(0.0, 3e-4, (2, rows))) * close
    return Bars(
        symbol="BENCH",
        interval="1m",
        ts=np.arange(rows, dtype=np.int64) * 60_000_000_000,
        open=open_,
        high=np.maximum(open_, close) + reach[0],
        low=np.minimum(open_, close) - reach[1],
        close=close,
        volume=random.integers(100, 10_000, rows).astype(np.float64),
        simulated=True,
    )


def log_returns(close: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.full_like(close, np.nan)
    np.log(close[1:] / close[:-1], out=result[1:])
    return result


def classic_by_talib(spec: sentio.FeatureSpec, bars: Bars) -> list[NDArray[np.float64]]:
    """The columns of `classic`, by TA-Lib and NumPy, in the spec's order."""
    close, returns = bars.close, log_returns(bars.close)
    columns: list[NDArray[np.float64]] = [close] * spec.n_features
    for column, feature in enumerate(spec.features):
        if feature.op == "LOGRET":
            columns[column] = returns
        elif feature.op == "EMA":
            columns[column] = talib.EMA(close, int(feature.params["window"]))
        elif feature.op == "RSI":
            columns[column] = talib.RSI(close, int(feature.params["window"]))
        elif feature.op == "ZWIN":
            window = int(feature.params["window"])
            mean, deviation = talib.SMA(returns, window), talib.STDDEV(returns, window, 1.0)
            columns[column] = (returns - mean) / deviation
    return columns


def classic_by_pandas(spec: sentio.FeatureSpec, bars: Bars) -> list[NDArray[np.float64]]:
    """The EMAs and z-scores of `classic`, by pandas; its RSIs by two more `ewm`."""
    close = pd.Series(bars.close)
    returns = pd.Series(log_returns(bars.close))
    change = close.diff()
    rise, fall = change.clip(lower=0.0), -change.clip(upper=0.0)
    columns: list[NDArray[np.float64]] = [bars.close] * spec.n_features
    for column, feature in enumerate(spec.features):
        window = int(feature.params.get("window", 1))
        if feature.op == "LOGRET":
            columns[column] = returns.to_numpy()
        elif feature.op == "EMA":
            columns[column] = close.ewm(span=window, adjust=False).mean().to_numpy()
        elif feature.op == "RSI":
            up = rise.ewm(alpha=1.0 / window, adjust=False).mean()
            down = fall.ewm(alpha=1.0 / window, adjust=False).mean()
            columns[column] = (100.0 * up / (up + down)).to_numpy()
        elif feature.op == "ZWIN":
            rolling = returns.rolling(window)
            columns[column] = ((returns - rolling.mean()) / rolling.std(ddof=0)).to_numpy()
    return columns


def stack(columns: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    matrix = np.empty((len(columns[0]), len(columns)), np.float32)
    # In tiles that fit the caches: several times as fast as assigning whole columns.
    for first in range(0, len(matrix), 256):
        for column, values in enumerate(columns):
            matrix[first : first + 256, column] = values[first : first + 256]
    return matrix


def agreeing(ours: NDArray[np.float32], theirs: list[NDArray[np.float64]]) -> int:
    """How many columns agree after convergence, within AGREEMENT of the column's own scale."""
    count = 0
    for column, values in enumerate(theirs):
        mine, peer = ours[CONVERGED:, column].astype(np.float64), values[CONVERGED:]
        scale = np.maximum(np.abs(peer), np.abs(peer).mean())
        count += bool(np.all(np.abs(mine - peer) <= AGREEMENT * scale))
    return count


def ratios(ours: Callable[[], object], peer: Callable[[], object], pairs: int) -> tuple[float, float, float]:
    """CPU time of `peer` over ours: median, p10, p90 of interleaved pairs, the first one uncounted."""

    def cpu(call: Callable[[], object]) -> float:
        started = time.process_time()
        call()
        return time.process_time() - started

    ours(), peer()
    found = [cpu(peer) / cpu(ours) for _ in range(pairs)]
    median, low, high = np.percentile(found, [50, 10, 90])
    return float(median), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()

    bars = bars_for(options.rows)
    spec = sentio.FeatureSpec.load("classic")
    out = np.empty((len(bars), spec.n_features), np.float32)

    def compute() -> None:
        sentio.FeatureEngine(spec).compute(bars, out=out)

    compute()
    for name, columns in (
        ("TA-Lib", classic_by_talib(spec, bars)),
        ("pandas", classic_by_pandas(spec, bars)),
    ):
        count = agreeing(out, columns)
        print(f"{name}: {count} of {spec.n_features} columns agree within {AGREEMENT:g}")
        if count != spec.n_features:
            raise SystemExit("error: a peer computed something else, so its time says nothing")

    print(f"classic, {options.rows:,} bars, {load_extension().build_info()['instruction_set']}, CPU time")
    rows: list[tuple[str, tuple[float, float, float]]] = []
    ours_over_memset = ratios(lambda: out.fill(0.0), compute, options.pairs)
    rows.append(("reused output, over filling the same bytes", ours_over_memset))
    rows.append(
        (
            "TA-Lib with stacking, over ours with a fresh output",
            ratios(
                lambda: sentio.FeatureEngine(spec).compute(bars),
                lambda: stack(classic_by_talib(spec, bars)),
                options.pairs,
            ),
        )
    )
    rows.append(
        (
            "TA-Lib's computation alone, over ours with a fresh output",
            ratios(
                lambda: sentio.FeatureEngine(spec).compute(bars),
                lambda: classic_by_talib(spec, bars),
                options.pairs,
            ),
        )
    )
    rows.append(
        (
            "pandas with stacking, over ours with a fresh output",
            ratios(
                lambda: sentio.FeatureEngine(spec).compute(bars),
                lambda: stack(classic_by_pandas(spec, bars)),
                max(3, options.pairs // 5),
            ),
        )
    )
    for name, (median, low, high) in rows:
        print(f"{name:60s} {median:7.2f}   (p10 {low:.2f}, p90 {high:.2f})")
    for name in ("classic", "tfa"):
        timed = sentio.FeatureSpec.load(name)
        buffer = np.empty((len(bars), timed.n_features), np.float32)
        found = []
        for _ in range(5):
            started = time.process_time()
            sentio.FeatureEngine(timed).compute(bars, out=buffer)
            found.append(time.process_time() - started)
        print(f"{name}: {np.median(found) / len(bars) * 1e9:.0f} ns of CPU a bar")


if __name__ == "__main__":
    main()
