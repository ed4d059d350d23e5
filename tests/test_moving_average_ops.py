"""The choice of a moving average, and what its averages promise beyond their definitions."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from engine_runs import CATALOG, EARLY, compile_spec, extension, feature, run
from hostile_bars import Columns, flat_bars, random_bars
from talib import MAVP, MA_Type

from sentio.specs import json_schema

CHOICES = {choice["value"]: choice for choice in CATALOG["MA"]["params"][1]["choices"]}
ALLOWED = [value for value, choice in CHOICES.items() if not choice["refused"]]


def test_the_numbers_are_those_of_talib() -> None:
    assert list(CHOICES) == list(range(14))
    for value, choice in CHOICES.items():
        initial = choice["name"][0]
        names = {10: "No Moving", 11: "The Function's", 13: "Wilder's"}
        assert MA_Type[value].startswith(names.get(value, initial))


@pytest.mark.parametrize(("kind", "reason"), [(7, "takes no window"), (11, "another name of the default")])
def test_a_kind_that_makes_no_sense_is_refused_with_the_reason(kind: int, reason: str) -> None:
    for op, name in (("MA", "ma_type"), ("PPO", "ma_type"), ("MACDEXT_LINE", "slow_ma_type")):
        with pytest.raises(extension.EngineError) as caught:
            compile_spec(feature(op, {name: kind}))
        [(path, message)] = caught.value.args[2]
        assert path == f"features[0].{name}"
        assert message.startswith(f"{kind} ({CHOICES[kind]['name']}) is refused: ")
        assert reason in message


def test_the_schema_refuses_the_same_kinds() -> None:
    keys = json_schema()["$defs"]["MA"]["properties"]["ma_type"]
    assert keys["enum"] == ALLOWED == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13]


@pytest.mark.parametrize("kind", ALLOWED)
def test_the_average_of_one_price_is_that_price_to_the_bit(kind: int) -> None:
    plan = compile_spec(*(feature("MA", {"window": w, "ma_type": kind}, name=f"w{w}") for w in (2, 7, 30)))
    bars = flat_bars(400, volume=1000.0)
    assert (run(plan, bars)[plan.warmup :] == bars["close"][0]).all()


@pytest.mark.parametrize("kind", ALLOWED)
def test_an_average_alone_is_the_same_feature_as_the_chosen_one(kind: int) -> None:
    alone = {8: ("T3", {"v_factor": 0.7}), 10: ("IDENT", None)}
    op, params = alone.get(kind, (CHOICES[kind]["name"].split(",")[0], {}))
    window = {} if params is None else {"window": 9}
    chosen = feature("MA", {"window": 9, "ma_type": kind}, name="chosen")
    named = feature(op, {**window, **(params or {})}, name="named")
    if op == "IDENT":
        named["source"] = "close"
    plan = compile_spec(chosen, named, **EARLY)
    value = run(plan, random_bars(300))
    assert value[:, 0].tobytes() == value[:, 1].tobytes()
    # Computed once; but for SMA, which is part of a variance's node.
    assert plan.node_count == compile_spec(chosen, **EARLY).node_count + (kind == 0)


def test_an_op_says_so_where_a_series_of_its_must_be_named() -> None:
    spec = {"schema_version": "1.0", "features": [{"name": "x", "op": "MAVP"}]}
    with pytest.raises(extension.EngineError) as caught:
        extension.compile(json.dumps(spec))
    message = "is missing: MAVP takes 2, not all of which have a default"
    assert caught.value.args[2] == [("features[0].source", message)]


@pytest.mark.parametrize("kind", [0, 2, 5, 9])  # those of which no start is left
def test_windows_that_vary_agree_with_talib(kind: int) -> None:
    bars = random_bars(600)
    bars["volume"] = np.random.default_rng(1).uniform(0, 40, size=600)
    params = {"min_window": 3, "max_window": 30, "ma_type": kind}
    plan = compile_spec(feature("MAVP", params, source=["close", "volume"]))
    expected = MAVP(bars["close"], bars["volume"], minperiod=3, maxperiod=30, matype=kind)[plan.warmup :]
    # TA-Lib's running sums drift.
    np.testing.assert_allclose(run(plan, bars)[plan.warmup :, 0], expected, rtol=1e-9)


def leaping_bars(count: int) -> Columns:
    """Prices near 1, then near 1e6 with deviations of 1e-3."""
    close = 1e6 + 1e-3 * np.random.default_rng(2).normal(size=count)
    close[: count // 2] -= 1e6 - 1
    volume = np.round(np.exp(3 * np.random.default_rng(3).normal(size=count)))
    ts = np.arange(1, count + 1) * 60 * 10**9
    return {"ts": ts, **dict.fromkeys(("open", "high", "low", "close"), close), "volume": volume}


def weights_of(op: str, window: int, volume: list[float]) -> list[Fraction]:
    """By definition, the oldest first."""
    rising = [Fraction(n + 1) for n in range(window)]
    if op == "WMA":
        return rising
    if op == "TRIMA":
        return [min(a, b) for a, b in zip(rising, reversed(rising), strict=True)]
    return [Fraction(v) for v in volume]


@pytest.mark.parametrize("op", ["WMA", "TRIMA", "VWMA"])
@pytest.mark.parametrize("window", [50, 3001])
def test_weighted_windows_do_not_drift(op: str, window: int) -> None:
    count = 200_000
    bars = leaping_bars(count)
    value = run(compile_spec(feature(op, {"window": window})), bars)[:, 0]
    for row in (window - 1, count // 2 + 17, count // 2 + window, count - 101, count - 1):
        rows = slice(row - window + 1, row + 1)
        close = [Fraction(x) for x in bars["close"][rows].tolist()]
        weights = weights_of(op, window, bars["volume"][rows].tolist())
        total = sum(weights)
        exact = sum(w * x for w, x in zip(weights, close, strict=True)) / total
        mean = sum(close) / window
        spread = float(sum((x - mean) ** 2 for x in close) / window) ** 0.5
        # The last place of the mean, and the roundings of the sums, which are of the window's spread.
        assert abs(value[row] - float(exact)) <= 2 * np.spacing(float(exact)) + 1e-12 * spread, f"row {row}"
