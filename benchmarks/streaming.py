"""What a bar costs when it comes alone: in C++, and from Python beside TA-Lib's stateful stream objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import sentio
from benchmarks.classic_peers import log_returns
from benchmarks.measure import AGREEMENT, CONVERGED, Figure, agreeing, of, ratios, skipped
from sentio.bars import Bars

__all__ = ["BEFORE", "from_python", "in_cpp"]

# Bars that both have seen when the clock starts.
BEFORE = CONVERGED

_CPP = "classic, streaming in C++, one bar to 55 features, over the batch cost a bar"


def in_cpp(program: Path, spec: Path, rows: int, pairs: int) -> Iterator[Figure]:
    """`sentio_bench` on a spec."""
    bounds = {"must": "<= 4", "goal": "<= 2.5"}
    if not program.exists():
        yield skipped(_CPP, f"{program.name} is not built", **bounds)
        return
    words = [str(program), str(spec), str(rows), str(pairs)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    times = json.loads(done.stdout)
    found = [stream / batch for stream, batch in zip(times["stream"], times["batch"], strict=True)]
    note = f"{np.median(times['stream']):.0f} ns over {np.median(times['batch']):.0f} ns"
    yield of(found, _CPP, note=note, **bounds)


class TalibStreams:
    """`classic` by TA-Lib's stateful objects, warm after some bars: called bound, nothing in between.

    Args:
        spec: columns of IDENT and LOGRET first, then the EMAs, the RSIs and the z-scores.
        bars: what they have seen.
    """

    def __init__(self, spec: sentio.FeatureSpec, bars: Bars) -> None:
        from talib import _ta_lib as streams

        close, returns = bars.close, log_returns(bars.close)[1:]
        windows: dict[str, list[int]] = {"EMA": [], "RSI": [], "ZWIN": []}
        for feature in spec.features[2:]:
            windows[feature.op].append(int(feature.params["window"]))
        self.order = [
            place
            for op in ("IDENT", "LOGRET", *windows)
            for place, feature in enumerate(spec.features)
            if feature.op == op
        ]
        self._by_close = [streams.EMA_Stream(close, timeperiod=window).update for window in windows["EMA"]]
        self._by_close += [streams.RSI_Stream(close, timeperiod=window).update for window in windows["RSI"]]
        self._by_return = [
            (
                streams.SMA_Stream(returns, timeperiod=window).update,
                streams.STDDEV_Stream(returns, timeperiod=window, nbdev=1.0).update,
            )
            for window in windows["ZWIN"]
        ]

    def step(self, close: float, log_return: float) -> list[float]:
        """One bar's columns, in `order`."""
        row = [close, log_return]
        row += [update(close) for update in self._by_close]
        row += [
            (log_return - mean(log_return)) / deviation(log_return) for mean, deviation in self._by_return
        ]
        return row


def from_python(bars: Bars, pairs: int) -> Iterator[Figure]:
    """TA-Lib's objects, an update a statistic and bar, over one call of ours into the caller's row."""
    text = "classic, streaming from Python, TA-Lib's stream objects, over one call of ours"
    bounds = {"must": ">= 20", "goal": ">= 40"}
    spec = sentio.FeatureSpec.load("classic")
    seen, live = bars[:BEFORE], bars[BEFORE:]
    closes, returns = live.close.tolist(), log_returns(bars.close)[BEFORE:].tolist()
    columns = [getattr(live, name).tolist() for name in ("open", "high", "low", "close", "volume")]
    row = np.empty(spec.n_features, np.float32)
    engine = sentio.FeatureEngine(spec)
    engine.compute(seen)
    streams = TalibStreams(spec, seen)

    step_ours, step_theirs = engine.stepper(row), streams.step
    ours = [step_ours(ts, *bar).copy() for ts, *bar in zip(live.ts.tolist(), *columns, strict=True)]
    theirs = np.array([step_theirs(x, r) for x, r in zip(closes, returns, strict=True)])
    found = agreeing(np.stack(ours)[:, streams.order], list(theirs.T), 0)
    note = f"{len(found)} of {spec.n_features} columns agree within {AGREEMENT:g}"
    if len(found) < spec.n_features:
        yield skipped(text, note, **bounds)
        return

    # Both go on for ever, at the same prices again; times are made outside of what is timed.
    times = [(live.ts + lap * (live.ts[-1] - live.ts[0] + 1)).tolist() for lap in range(1, pairs + 2)]
    laps = iter(times)

    def one_call() -> None:
        step = step_ours
        for bar in zip(next(laps), *columns, strict=True):
            step(*bar)

    def by_talib() -> None:
        step = step_theirs
        for x, r in zip(closes, returns, strict=True):
            step(x, r)

    yield ratios(text, by_talib, one_call, pairs, note=note, **bounds)
