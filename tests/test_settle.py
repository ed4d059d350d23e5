"""`settle` as it is promised: a cold start with so much history agrees with the long-running engine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_runs import (
    CATALOG,
    EARLY,
    compile_spec,
    error_scale,
    extension,
    feature,
    run,
    source_values,
    usual_parameters,
    warmup_formula,
)
from hostile_bars import NAMES, SESSION, Columns, bars_of, first_session_start, times
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

# More of them: SENTIO_SETTLE_EXAMPLES=10000 pytest tests/test_settle.py
EXAMPLES = int(os.environ.get("SENTIO_SETTLE_EXAMPLES", "60"))
SERIES = ["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4", "logret"]
JUDGED = 200  # rows after `settle`


def agree(value: NDArray, again: NDArray, scale: NDArray) -> bool:
    """To a float's last place of the value or its scale."""
    size = np.minimum(np.maximum(np.abs(value), scale), np.finfo(np.float32).max)
    return bool((np.abs(value - again) <= np.spacing(size.astype(np.float32))).all())


def bars_within_a_factor_of_16(count: int, seed: int) -> Columns:
    """A walk held within [25, 400], with jumps through all of it, and short rests."""
    draws = np.random.default_rng(seed)
    steps = draws.choice([1e-4, 1e-3, 1e-2]) * draws.normal(size=count)
    steps[draws.random(count) < 0.002] = draws.uniform(-2.7, 2.7)
    steps[draws.random(count) < 0.05] = 0.0
    log_price, walked = np.log(draws.uniform(25, 400)), np.empty(count)
    for row, step in enumerate(steps.tolist()):
        beyond = not np.log(25) <= log_price + step <= np.log(400)
        log_price += -step if beyond else step
        log_price = min(max(log_price, np.log(25)), np.log(400))
        walked[row] = log_price
    return bars_of(np.exp(walked), seed=seed + 1, reach=1e-3)


@st.composite
def params_of(draw: st.DrawFn, op: dict[str, Any]) -> dict[str, float]:
    """Within the catalog's bounds, most windows short: `settle` grows with them, and so does the test."""
    params: dict[str, float] = {}
    for param in op["params"]:
        low = max(param["min"], min(-60, param["max"]))
        high = min(param["max"], max(low + 60, 60))
        if param["type"] == "integer":
            params[param["name"]] = draw(st.integers(low, high))
        else:  # in quarters: no market has a price of 1e-196
            params[param["name"]] = draw(st.integers(math.ceil(4 * low), math.floor(4 * high))) / 4
    return params


@st.composite
def chains(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Features of random ops, each on series of the bars or on features before it."""
    features: list[dict[str, Any]] = []
    for k in range(draw(st.integers(1, 6))):
        op = CATALOG[draw(st.sampled_from(sorted(CATALOG)))]
        entry = {"name": f"f{k}", "op": op["name"], **draw(params_of(op))}
        if op["sources"] and draw(st.booleans()):
            known = st.sampled_from([*SERIES, *(f["name"] for f in features)])
            entry["source"] = [draw(known) for _ in op["sources"]]
        features.append(entry)
    return features


def remembers(feature: dict[str, Any], features: list[dict[str, Any]], memory: str) -> bool:
    """Whether the op, or one that it reads, is declared to have such a memory."""
    by_name = {f["name"]: f for f in features}
    return CATALOG[feature["op"]]["memory"] == memory or any(
        remembers(by_name[name], features, memory) for name in feature.get("source", []) if name in by_name
    )


@settings(max_examples=EXAMPLES, derandomize="SENTIO_SETTLE_EXAMPLES" not in os.environ, deadline=None)
@given(chains(), st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_a_cold_start_agrees_after_settle(features: list[dict[str, Any]], start: int, seed: int) -> None:
    try:
        plan = compile_spec(*features, **EARLY)
    except extension.EngineError:
        reject()  # a rule across parameters, such as: fast is smaller than slow
    settles = [f["settle"] for f in plan.features]
    longest = max((s for s in settles if s is not None), default=0)
    if longest > 50_000:
        return  # rests of a chain of long averages; each average alone is tested elsewhere
    bars = bars_within_a_factor_of_16(start + SESSION + longest + JUDGED, seed)
    late = {name: bars[name][start:].copy() for name in NAMES}
    values, cold = run(plan, bars), run(plan, late)
    for k, entry in enumerate(features):
        assert (settles[k] is None) == remembers(entry, features, "unbounded"), entry
        if settles[k] is None:
            continue
        op = CATALOG[entry["op"]]
        known = {f["name"]: values[:, j] for j, f in enumerate(features)}
        sources = [
            known[name] if name in known else source_values([name], bars)[0]
            for name in entry.get("source", op["sources"])
        ]
        warmup = warmup_formula(op, {p["name"]: entry[p["name"]] for p in op["params"]})
        scale = np.broadcast_to(error_scale(op, bars, sources, warmup), len(bars["ts"]))
        first = settles[k]
        if remembers(entry, features, "session"):
            assert plan.nodes[plan.emitted[k][0]]["reads_sessions"], entry
            first += first_session_start(late["ts"])
        assert agree(values[start + first :, k], cold[first:, k], scale[start + first :]), entry


# The ops that divide by an average of moves, ranges or volumes. All others agree however long the market
# rests; these do while the average keeps its least share. Each has here, from its definition, the series that
# is averaged and the alphas of the averages.

Params = dict[str, float]
Averaged = tuple[NDArray, list[float]]
LEAST_SHARE = 2.0**-20  # of the largest in the history: so far such an average may fall


def span(window: float) -> float:
    return 2 / (window + 1)


def windows(x: NDArray, window: float) -> NDArray:
    """[N, window], the first value standing for those before it."""
    padded = np.concatenate([np.full(int(window) - 1, x[0]), x])
    return np.lib.stride_tricks.sliding_window_view(padded, int(window))


def moves(bars: Columns) -> NDArray:
    return np.abs(np.diff(bars["close"], prepend=bars["close"][0]))


def of_moves(bars: Columns, p: Params) -> Averaged:
    return moves(bars), [1 / p["window"]]


def of_deviations(bars: Columns, p: Params) -> Averaged:
    deviation = windows(bars["close"], p["deviation_window"]).std(axis=1)
    return deviation * (moves(bars) > 0), [1 / p["window"]]


def of_true_range(bars: Columns, p: Params) -> Averaged:
    before = np.concatenate([bars["open"][:1], bars["close"][:-1]])
    return np.maximum(bars["high"], before) - np.minimum(bars["low"], before), [1 / p["window"]]


def of_directional_movement(bars: Columns, p: Params) -> Averaged:
    up, down = np.diff(bars["high"], prepend=bars["high"][0]), -np.diff(bars["low"], prepend=bars["low"][0])
    return np.maximum(np.maximum(up, down), 0) * (up != down), [1 / p["window"]]


def of_highest_range(bars: Columns, p: Params) -> Averaged:
    top = windows(bars["high"], p["window"]).max(axis=1)
    bottom = windows(bars["low"], p["window"]).min(axis=1)
    return top - bottom, [span(p["slow"]), span(p["fast"])]


DIVISORS: dict[str, Callable[[Columns, Params], Averaged]] = {
    "ADX": of_directional_movement,
    "ADXR": of_directional_movement,
    "CMO": of_moves,
    "CVI": lambda bars, p: (bars["high"] - bars["low"], [span(p["window"])]),
    "DX": of_directional_movement,
    "MASSI": lambda bars, p: (bars["high"] - bars["low"], 2 * [span(p["span"])]),
    "MINUS_DI": of_true_range,
    "PLUS_DI": of_true_range,
    "PVO": lambda bars, p: (bars["volume"], [span(p["slow"])]),
    "RSI": of_moves,
    "RVI": of_deviations,
    "SMI": of_highest_range,
    "SMI_SIGNAL": of_highest_range,
    "STOCHRSI_D": of_moves,
    "STOCHRSI_K": of_moves,
    "TSI": lambda bars, p: (moves(bars), [span(p["slow"]), span(p["fast"])]),
}


def least_share(averaged: Averaged) -> float:
    """How far the average falls, in units of the largest value so far."""
    series, alphas = averaged
    average = series.tolist()
    for alpha in alphas:
        value, values = average[0], []
        for x in average:
            value += alpha * (x - value)
            values.append(value)
        average = values
    largest = np.maximum.accumulate(series)
    moved = largest > 0
    return float((np.array(average)[moved] / largest[moved]).min())


def bars_that_rest(count: int, start: int, rest: int, calm: float, seed: int) -> Columns:
    """A walk or leaps through a factor of 15, then rests of up to `rest` bars between a few bars that move.

    Those move by up to 2^-calm of what they moved before.
    """
    draws = np.random.default_rng(seed)
    awake = np.arange(count) < start
    row = start + int(draws.integers(rest + 1))
    while row < count:
        awake[row] = True
        row += 1 + int(draws.integers(rest // 2, rest + 1) if draws.random() < 0.5 else draws.integers(3))
    sizes = awake * 2.0 ** -draws.uniform(0, 9, size=count)
    sizes[start:] *= 2.0**-calm
    close = 100 * np.exp(np.cumsum(0.01 * draws.choice([-1, 1], size=count) * sizes))
    if draws.random() < 0.5:
        close[: start - 1] = np.exp(draws.uniform(np.log(26), np.log(390), size=start - 1))
    before = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(before, close) * (1 + 1e-3 * draws.exponential(size=count) * sizes)
    low = np.minimum(before, close) * (1 - 1e-3 * draws.exponential(size=count) * sizes)
    volume = np.exp(draws.uniform(0, 10, size=count)) * sizes
    return dict(zip(NAMES, (times(count), before, high, low, close, volume), strict=True))


def cold_start_agrees(op: dict[str, Any], params: Params, bars: Columns, start: int) -> bool:
    plan = compile_spec(feature(op["name"], params), **EARLY)
    late = {name: column[start:].copy() for name, column in bars.items()}
    sources = source_values(op["sources"], bars)
    scale = np.broadcast_to(error_scale(op, bars, sources, warmup_formula(op, params)), len(bars["ts"]))
    judged = start + plan.settle
    return agree(run(plan, bars)[judged:, 0], run(plan, late)[plan.settle :, 0], scale[judged:])


@settings(max_examples=EXAMPLES, derandomize="SENTIO_SETTLE_EXAMPLES" not in os.environ, deadline=None)
@given(
    st.data(),
    st.sampled_from(sorted(DIVISORS)),
    st.integers(200, 500),
    st.floats(0, 20),
    st.integers(0, 2**32 - 1),
)
def test_a_quotient_agrees_after_the_longest_rests_of_its_class(
    data: st.DataObject, name: str, start: int, calm: float, seed: int
) -> None:
    op = CATALOG[name]
    drawn = data.draw(params_of({**op, "params": [p for p in op["params"] if not p["choices"]]}))
    params = {p["name"]: p["default"] for p in op["params"]} | drawn
    try:
        settle = compile_spec(feature(name, params), **EARLY).settle
    except extension.EngineError:
        reject()  # fast is not smaller than slow
    rest = settle
    bars = bars_that_rest(start + settle + JUDGED, start, rest, calm, seed)
    while least_share(DIVISORS[name](bars, params)) < LEAST_SHARE:
        rest, calm = rest * 4 // 5, 0.9 * calm
        bars = bars_that_rest(start + settle + JUDGED, start, rest, calm, seed)
    assert cold_start_agrees(op, params, bars, start), f"{params}, rests of {rest} bars"


def falls_asleep_at(start: int, count: int) -> list[Columns]:
    """A walk in ticks that stops, once with a tick to follow, once with roundings long after, too."""
    steps = 1e-3 * np.random.default_rng(5).normal(size=count)
    close = np.round(100 * np.exp(np.cumsum(steps)), 2)
    close[start:] = close[start]
    close[start + 2 :] += 0.01
    wavering = close.copy()
    later = np.arange(count) > count // 2
    wavering[later] += 1e-13 * np.random.default_rng(6).integers(0, 2, size=count)[later]
    volume = np.where(np.arange(count) < start, 1000.0, 0.0)
    return [bars_of(prices, seed=7, reach=0.0, volume=volume) for prices in (close, wavering)]


@pytest.mark.parametrize("name", [op["name"] for op in CATALOG.values() if op["memory"] == "decaying"])
def test_where_moves_do_not_recur_quotients_alone_never_settle(name: str) -> None:
    start, op = 400, CATALOG[name]
    params = usual_parameters(op)[0]
    settle = compile_spec(feature(name, params), **EARLY).settle
    inputs = falls_asleep_at(start, start + settle + JUDGED)
    agrees = [cold_start_agrees(op, params, bars, start) for bars in inputs]
    assert all(agrees) == (name not in DIVISORS)
    if name in DIVISORS:
        assert all(least_share(DIVISORS[name](bars, params)) < LEAST_SHARE for bars in inputs)
