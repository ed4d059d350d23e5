"""`settle` as it is promised: a cold start with so much history agrees with the long-running engine."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from engine_runs import (
    CATALOG,
    EARLY,
    compile_spec,
    error_scale,
    extension,
    run,
    source_values,
    warmup_formula,
)
from hostile_bars import NAMES, SESSION, Columns, bars_of, first_session_start
from hypothesis import given, reject, settings
from hypothesis import strategies as st

# More of them: SENTIO_SETTLE_EXAMPLES=10000 pytest tests/test_settle.py
EXAMPLES = int(os.environ.get("SENTIO_SETTLE_EXAMPLES", "60"))
SERIES = ["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4", "logret"]
JUDGED = 200  # rows after `settle`


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
        value, again = values[start + first :, k], cold[first:, k]
        size = np.minimum(np.maximum(np.abs(value), scale[start + first :]), np.finfo(np.float32).max)
        last_place = np.spacing(size.astype(np.float32))
        assert (np.abs(value - again) <= last_place).all(), entry
