"""Every op of the catalog against its definition, its own claims and hostile bars."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from itertools import product

import mpmath
import numpy as np
import pytest
from engine_runs import (
    CATALOG,
    EARLY,
    SOURCES,
    by_size,
    compile_spec,
    error_scale,
    extension,
    feature,
    just_beyond,
    parameter_sets,
    run,
    source_values,
    warmup_formula,
)
from hostile_bars import BARS, SESSION, at_the_limits, first_session_start, random_bars, without_rest
from oracles import ORACLES

ROWS = 200
every_op = pytest.mark.parametrize("op", CATALOG.values(), ids=CATALOG)


def source_choices(op: dict) -> list[list[str]]:
    """The op's own sources; one source may also be prices, values of both signs, or ones with zeros."""
    others = [[name] for name in ("close", "logret", "volume") if [name] != op["sources"]]
    return [op["sources"], *(others if len(op["sources"]) == 1 else [])]


def rows_for(op: dict) -> int:
    """Enough for a hundred values after the op's longest warm-up and its source's."""
    return max(ROWS, 102 + max(warmup_formula(op, params) for params in parameter_sets(op)))


def takes_window(op: dict) -> bool:
    return "window" in {param["name"] for param in op["params"]}


def plan_of(op: dict, params: dict, sources: list[str]):
    given = {"source": sources} if sources else {}
    return compile_spec(feature(op["name"], params, **given))


def test_every_op_has_an_oracle_and_every_oracle_an_op() -> None:
    assert sorted(ORACLES) == sorted(CATALOG)


# Where all digits cancel, there is nothing to agree on: an average of changes of both signs below a quotient,
# moves of a thousandth beside what is left of an average move of a million, and a line through 1 and 1e6 that
# happens to meet the value. Where 1e-12 and 1e12 stand in one window: what a line leaves of the value, its
# slope as an angle, the parts whose ratio is a cycle's phase, an RSI among others that are all but equal.
ILL_POSED = {
    *((name, "jump") for name in ("FOSC", "STOCHRSI_K", "STOCHRSI_D")),
    ("PPO", "logret"),
    ("TRIX", "logret"),
    *((name, "at_the_limits") for name in ("FOSC", "LINEARREG_ANGLE", "STOCHRSI_K", "STOCHRSI_D")),
    *((name, "at_the_limits") for name in ("HT_DCPHASE", "HT_SINE", "HT_LEADSINE")),
}


@pytest.mark.parametrize("kind", [*BARS, "at_the_limits"])
@every_op
def test_op_agrees_with_its_definition(op: dict, kind: str) -> None:
    bars = {**BARS, "at_the_limits": at_the_limits}[kind](rows_for(op))
    for params, sources in product(parameter_sets(op), source_choices(op)):
        if ILL_POSED & {(op["name"], kind), (op["name"], sources[0] if sources else "")}:
            continue
        plan = plan_of(op, params, sources)
        series = source_values(sources, bars)
        value = run(plan, bars)[plan.warmup :, 0]
        expected = ORACLES[op["name"]](bars, series, **params)[plan.warmup :]
        assert len(value) > 100
        scale = error_scale(op, bars, series, plan.warmup)
        scale = scale if isinstance(scale, float) else scale[plan.warmup :]
        # A thousandth of a float's last place: double against long double, where a definition cancels digits.
        allowed = 1e-10 * np.maximum(np.abs(expected), scale)
        worst = np.argmax(np.abs(value - expected) - allowed)
        assert np.abs(value - expected)[worst] <= allowed[worst], (
            f"{params} of {sources}, row {plan.warmup + worst}: {value[worst]}, expected {expected[worst]}"
        )


# Beyond every block and period of the engine; and the longest, for each way of remembering a window.
LONG = [
    *((name, 4_000) for name, op in CATALOG.items() if op["memory"] == "window" and takes_window(op)),
    *((name, 100_000) for name in ("VOLATILITY", "ROLLING_MAX", "QUANTILE")),
]


@pytest.mark.parametrize(("name", "window"), LONG)
def test_a_long_window_agrees_with_its_definition(name: str, window: int) -> None:
    op = CATALOG[name]
    given = {p["name"]: p["default"] if p["default"] is not None else p["min"] for p in op["params"]}
    given["window"] = min(window, next(p["max"] for p in op["params"] if p["name"] == "window"))
    plan = plan_of(op, given, op["sources"])
    # More bars than the oracle sees: what has left the window must be forgotten.
    bars = random_bars(2 * plan.warmup + 4)
    seen = {name: column[-(plan.warmup + 4) :] for name, column in bars.items()}
    value = run(plan, bars)[-4:, 0]
    series = [values[-(plan.warmup + 4) :] for values in source_values(op["sources"], bars)]
    expected = ORACLES[op["name"]](seen, series, **given)[-4:]
    scale = np.broadcast_to(error_scale(op, seen, series, plan.warmup), (plan.warmup + 4,))[-4:]
    np.testing.assert_array_less(np.abs(value - expected), 1e-10 * np.maximum(np.abs(expected), scale))


@every_op
def test_first_valid_row_is_the_catalogs_warmup_after_the_inputs_own(op: dict) -> None:
    bars = random_bars(ROWS)
    for params, sources in product(parameter_sets(op), source_choices(op)):
        plan = plan_of(op, params, sources)
        inputs = max((int(np.isnan(s).sum()) for s in source_values(sources, bars)), default=0)
        assert plan.warmup == warmup_formula(op, params) + inputs
        early = compile_spec(feature(op["name"], params, **({"source": sources} if sources else {})), **EARLY)
        assert np.array_equal(np.isnan(run(early, bars)[:, 0]), np.arange(ROWS) < plan.warmup)


@pytest.mark.parametrize("kind", [*BARS, "at_the_limits"])
@every_op
def test_op_is_finite_once_warm_on_hostile_bars(op: dict, kind: str) -> None:
    bars = {**BARS, "at_the_limits": at_the_limits}[kind](rows_for(op))
    for params, sources in product(parameter_sets(op), source_choices(op)):
        for dtype in ("float32", "float64"):
            plan = compile_spec(
                feature(op["name"], params, **({"source": sources} if sources else {})), dtype=dtype
            )
            assert np.isfinite(run(plan, bars)[plan.warmup :]).all(), f"{params} of {sources}, {dtype}"


@every_op
def test_later_bars_change_no_earlier_bit(op: dict) -> None:
    rows = 620  # the engine's blocks have 256
    other = random_bars(2 * rows, seed=50, price=3.0)
    for kind, params in product(("random", "jump", "falls_asleep"), parameter_sets(op)):
        bars = BARS[kind](rows)
        plan = plan_of(op, params, op["sources"])
        value = run(plan, bars)
        for cut in (1, 101, 256, 300, rows - 1):
            shorter = {name: column[:cut].copy() for name, column in bars.items()}
            changed = {name: np.concatenate([bars[name][:cut], other[name][cut:rows]]) for name in bars}
            assert run(plan, shorter).tobytes() == value[:cut].tobytes(), f"{kind}, {params}, deleted"
            assert run(plan, changed)[:cut].tobytes() == value[:cut].tobytes(), f"{kind}, {params}, changed"
        longer = {name: np.concatenate([bars[name], other[name][rows:]]) for name in bars}
        assert run(plan, longer)[:rows].tobytes() == value.tobytes(), f"{kind}, {params}, appended"


@pytest.mark.parametrize(
    "op", [op for op in CATALOG.values() if op["homogeneous"]], ids=lambda op: op["name"]
)
def test_price_times_4_and_volume_times_8_change_nothing_but_the_unit(op: dict) -> None:
    units = {"open": 4, "high": 4, "low": 4, "close": 4, "volume": 8}
    of_sources = {name: units.get(source, 1) for name, source in zip(SOURCES, op["sources"], strict=False)}
    unit = by_size(op["unit"] or ("1" if op["scale"].isdigit() else op["scale"]), units | of_sources)
    for kind in ("random", "ticks", "falls_asleep"):
        bars = BARS[kind](ROWS)
        scaled = {name: column * units.get(name, 1) for name, column in bars.items()}
        for params in parameter_sets(op):
            plan = plan_of(op, params, op["sources"])
            value, of_scaled = run(plan, bars), run(plan, scaled)
            assert (value * unit).tobytes() == of_scaled.tobytes(), f"{kind}, {params}"


@every_op
def test_parameters_beyond_their_bounds_are_refused(op: dict) -> None:
    for param in op["params"]:
        name, low, high = param["name"], param["min"], param["max"]
        # `fast` must stay below `slow` and so on: the other one makes room.
        smaller, larger = ("fast", "low", "min_window"), ("slow", "high", "max_window")
        room = {p["name"]: p["min" if p["name"] in smaller else "max"] for p in op["params"]}
        others = {k: v for k, v in room.items() if k in smaller + larger and k != name}
        required = {p["name"]: p["min"] for p in op["params"] if p["default"] is None}
        for value in (low, high):
            plan = compile_spec(feature(op["name"], {**required, **others, name: value}))
            assert plan.features[0]["params"][name] == value
        for value in just_beyond(param):
            with pytest.raises(extension.EngineError) as caught:
                compile_spec(feature(op["name"], {**required, **others, name: value}))
            [(path, message)] = caught.value.args[2]
            assert path == f"features[0].{name}"
            assert message == f"{value:g} is outside [{low:g}, {high:g}]" or message.startswith(f"{value}")


@every_op
def test_settle_is_absent_exactly_where_memory_is_unbounded(op: dict) -> None:
    for params in parameter_sets(op):
        settle = plan_of(op, params, op["sources"]).settle
        assert (settle is None) == (op["memory"] == "unbounded")
        assert settle is None or settle >= warmup_formula(op, params)


@every_op
def test_a_cold_start_agrees_after_settle_to_a_floats_last_place(op: dict) -> None:
    lateness = 4 * SESSION + 30  # within a session
    for params in parameter_sets(op):
        plan = plan_of(op, params, op["sources"])
        if plan.settle is None:
            continue
        bars = random_bars(plan.settle + 700, seed=20)
        late = {name: column[lateness:].copy() for name, column in bars.items()}
        sources = source_values(op["sources"], bars)
        settle = plan.settle + (first_session_start(late["ts"]) if op["memory"] == "session" else 0)
        value, cold = run(plan, bars)[lateness + settle :, 0], run(plan, late)[settle:, 0]
        scale = error_scale(op, bars, sources, plan.warmup)
        scale = scale if isinstance(scale, float) else scale[lateness + settle :]
        size = np.minimum(np.maximum(np.abs(value), scale), 1e38)  # a float holds no 1e60
        last_place = np.spacing(size.astype(np.float32))
        assert (np.abs(value - cold) <= last_place).all()


@pytest.mark.parametrize(
    "op", [op for op in CATALOG.values() if op["memory"] == "session"], ids=lambda op: op["name"]
)
def test_without_a_session_start_an_op_of_sessions_does_not_settle(op: dict) -> None:
    bars = without_rest(random_bars(2700, seed=20))
    late = {name: column[300:].copy() for name, column in bars.items()}
    plan = plan_of(op, {}, op["sources"])
    assert plan.reads_sessions
    after = plan.settle + 1
    differs = run(plan, bars)[300 + after :] != run(plan, late)[after:]
    # No night was seen by either: a return over none is 0.
    assert differs.any() == (op["name"] != "OVERNIGHT_RETURN")


def test_log_is_within_two_last_places() -> None:
    draws = np.random.default_rng(1)
    count = 6000
    close = np.ones(count)
    close[::3] = np.exp(draws.uniform(-27, 27, len(close[::3])))
    close[1::3] = 1 + draws.normal(size=len(close[1::3])) * 10.0 ** -draws.integers(1, 16, len(close[1::3]))
    bars = {**random_bars(count), **dict.fromkeys(("open", "high", "low", "close"), close)}
    value = run(compile_spec(feature("LOGRET")), bars)[1:, 0]
    mpmath.mp.prec = 200  # of which a quotient next to 1 leaves half
    errors = [
        abs(mpmath.mpf(v) - mpmath.log(mpmath.mpf(now) / mpmath.mpf(before))) / mpmath.mpf(np.spacing(abs(v)))
        for v, now, before in zip(value.tolist(), close[1:].tolist(), close[:-1].tolist(), strict=True)
    ]
    assert max(errors) <= 2


def test_windows_of_any_length_hold_what_they_should() -> None:
    close = random_bars(700)["close"]
    statistics = {"SMA": np.mean, "SAMPLE_DEVIATION": partial(np.std, ddof=1), "SUM": np.sum}
    statistics |= {
        "ROLLING_MAX": np.max,
        "ARGMIN": lambda x, axis: x.shape[axis] - 1 - np.argmin(x, axis=axis),
    }
    windows = [*range(2, 140), 255, 256, 257, 511, 512, 513]
    for op, statistic in statistics.items():
        features = [feature(op, {"window": w}, name=f"f_{w}", source="close") for w in windows]
        values = run(compile_spec(*features, **EARLY), random_bars(700))
        for w, value in zip(windows, values.T, strict=True):
            expected = statistic(np.lib.stride_tricks.sliding_window_view(close, w), axis=1)
            # A hundred times less than a float's last place; NumPy adds in pairs.
            np.testing.assert_allclose(value[w - 1 :], expected, rtol=1e-10, err_msg=f"{op} {w}")


def test_the_first_and_the_latest_extreme_of_one_series_are_two_things() -> None:
    bars = {**random_bars(200), **dict.fromkeys(("open", "high", "low", "close"), np.full(200, 5.0))}
    first, latest = run(
        compile_spec(
            feature("ARGMAX", {"window": 26}, name="first", source="high"),
            feature("AROON_UP", {"window": 25}, name="latest"),
            **EARLY,
        ),
        bars,
    )[25:].T
    assert (first == 25).all()
    assert (latest == 100).all()


@pytest.mark.parametrize("start", ["1e6 from the first bar", "a jump from 1 to 1e6"])
def test_windows_do_not_drift(start: str) -> None:
    count, window = 1_000_000, 50
    close = 1e6 + 1e-3 * np.random.default_rng(2).normal(size=count)
    if start.startswith("a jump"):
        close[: count // 2] -= 1e6 - 1
    bars = {"volume": np.zeros(count), "ts": np.arange(1, count + 1) * 60 * 10**9}
    bars |= dict.fromkeys(("open", "high", "low", "close"), close)
    mean, deviation = run(
        compile_spec(
            feature("SMA", {"window": window}, name="mean"),
            feature("VOLATILITY", {"window": window}, name="deviation", source="close"),
        ),
        bars,
    ).T
    rows = np.concatenate(
        [
            np.arange(window - 1, 400),
            np.arange(count // 2, count // 2 + 400),
            np.arange(count - 400, count),
        ]
    )
    for row in rows.tolist():
        last = [Fraction(x) for x in close[row - window + 1 : row + 1].tolist()]
        exact_mean = sum(last) / window
        exact_deviation = math.sqrt(sum((x - exact_mean) ** 2 for x in last) / window)
        # Two last places of the largest value for the mean, some hundred roundings for the deviation.
        assert abs(mean[row] - float(exact_mean)) <= 2 * np.spacing(float(max(last)))
        assert abs(deviation[row] - exact_deviation) <= 1e-14 * exact_deviation


def test_the_vwap_of_a_session_without_an_end_does_not_drift() -> None:
    count = 1_000_000
    bars = dict.fromkeys(("open", "high", "low", "close"), np.full(count, 0.7))
    bars |= {"volume": np.full(count, 0.1), "ts": np.arange(1, count + 1) * 60 * 10**9}
    distance = run(compile_spec(feature("SESSION_VWAP_DISTANCE")), bars)
    # Of one price, the mean is that price: a few last places of 1 are left by two products and a quotient.
    assert np.abs(distance).max() <= 4 * np.finfo(np.float64).eps
