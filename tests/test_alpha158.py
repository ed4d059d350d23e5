"""The shipped spec `alpha158` against its formulas, each window computed anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from alpha158 import WINDOWS, alpha158
from engine_runs import extension, run
from hostile_bars import BARS, NAMES, Columns, random_bars

from sentio.bars import read_bars

SPEC = Path(__file__).resolve().parents[1] / "specs" / "features" / "alpha158.json"
ROWS = 700
# Whose formulas read the bar before the window's first.
READS_BEFORE = {
    "ROC",
    "CORD",
    "CNTP",
    "CNTN",
    "CNTD",
    "SUMP",
    "SUMN",
    "SUMD",
    "WVMA",
    "VSUMP",
    "VSUMN",
    "VSUMD",
}


def plan_of(**changes: object):
    return extension.compile(json.dumps({**json.loads(SPEC.read_text("utf-8")), **changes}))


def assert_agreement(bars: Columns, eps: float) -> None:
    """To 1e-6 of the value, or of the column's declared scale where that is larger."""
    plan, expected = plan_of(), alpha158(bars, eps)
    assert [feature["name"] for feature in plan.features] == list(expected)
    value = run(plan, bars)[plan.warmup :].astype(np.longdouble)
    scales = {op["name"]: float(op["scale"]) for op in extension.catalog() if op["scale"][0].isdigit()}
    for column, feature in enumerate(plan.features):
        by_formula = expected[feature["name"]][plan.warmup :]
        error = np.abs(value[:, column] - by_formula)
        allowed = 1e-6 * np.maximum(np.abs(by_formula), scales.get(feature["op"], 1.0))
        worst = np.argmax(error - allowed)
        assert (error <= allowed).all(), (
            f"{feature['name']}, row {plan.warmup + worst}: "
            f"{value[worst, column]}, by formula {by_formula[worst]}"
        )


def assert_doubles_agree(bars: Columns, allowed: float = 1e-9) -> None:
    """Before rounding, to that share of the column's root mean square: some columns are of 1e-4 and less."""
    plan, expected = plan_of(dtype="float64"), alpha158(bars, eps=0.0)
    value = run(plan, bars)[plan.warmup :]
    for column, feature in enumerate(plan.features):
        by_formula = expected[feature["name"]][plan.warmup :]
        error = np.abs(value[:, column] - by_formula).max()
        assert error <= allowed * np.sqrt(np.mean(by_formula**2)), feature["name"]


@pytest.mark.parametrize("kind", BARS)
def test_every_column_is_its_formula_on_hostile_bars(kind: str) -> None:
    assert_agreement(BARS[kind](ROWS), eps=0.0)
    # Moves up and down by one last place are equal but for their last place; the deviation of these, in
    # WVMA, is the root of that: some 1e-8 of their mean.
    assert_doubles_agree(BARS[kind](ROWS), allowed=1e-7 if kind == "one_tick" else 1e-9)


# At usual prices the formulas' 1e-12 is within the tolerance.
@pytest.mark.parametrize("kind", ["random", "ticks"])
def test_what_the_formulas_add_to_denominators_makes_no_difference(kind: str) -> None:
    assert_agreement(BARS[kind](ROWS), eps=1e-12)


def test_at_tiny_prices_24_columns_differ_by_what_the_formulas_add_to_denominators() -> None:
    bars = BARS["price_1e-6"](ROWS)
    exact, added = alpha158(bars, eps=0.0), alpha158(bars, eps=1e-12)
    first = plan_of().warmup
    apart = {name: np.abs(exact[name] - added[name])[first:].max() for name in exact}
    differ = {name for name, error in apart.items() if error > 1e-6}
    # docs/reference/exactness.md names them.
    bars_own = {"KMID2", "KUP2", "KLOW2", "KSFT2"}
    assert differ == bars_own | {f"{name}{w}" for name in ("RSV", "SUMP", "SUMN", "SUMD") for w in WINDOWS}
    assert max(apart.values()) < 5e-3


@pytest.mark.parametrize("kind", ["thin", "falls_asleep"])
def test_at_bars_without_volume_vma_and_vstd_are_0_and_the_formulas_are_not(kind: str) -> None:
    bars = BARS[kind](ROWS)
    exact, added, plan = alpha158(bars, eps=0.0), alpha158(bars, eps=1e-12), plan_of()
    value, silent = run(plan, bars)[plan.warmup :], bars["volume"][plan.warmup :] == 0
    # docs/reference/exactness.md names them.
    differ = {f"{name}{w}" for name in ("VMA", "VSTD") for w in WINDOWS}
    for column, name in enumerate(exact):
        apart = np.abs(exact[name] - added[name])[plan.warmup :]
        assert (apart[~silent] <= 1e-6 * np.maximum(1, np.abs(exact[name][plan.warmup :][~silent]))).all(), (
            name
        )
        if name in differ:
            assert (value[silent, column] == 0).all()
            assert added[name][plan.warmup :][silent].max() > 1e12  # 1e12 times a mean or deviation above 1
        else:
            assert apart.max() <= 1e-6, name


@pytest.mark.parametrize("name", ["QQQ_5m.csv", "BTCUSDT_1h.feather"])
def test_every_column_is_its_formula_on_real_bars(name: str, shared: Path) -> None:
    bars = read_bars(shared / "data" / "bars" / name, sort=True, drop_duplicates=True)
    columns = {column: getattr(bars, column)[:20_000] for column in NAMES}
    assert_agreement(columns, eps=0.0)
    assert_doubles_agree(columns)


def test_each_column_is_valid_as_soon_as_its_window_is_full() -> None:
    warmups = {feature["name"]: feature["warmup"] for feature in plan_of().features}
    assert len(warmups) == 13 + 29 * len(WINDOWS)
    for name, warmup in warmups.items():
        letters, digits = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        window = int(digits) if int(digits or 0) in WINDOWS else 1
        assert warmup == window - 1 + (letters in READS_BEFORE), name


def test_prices_in_another_unit_give_the_same_bits_and_volumes_too_but_in_corr() -> None:
    bars = random_bars(ROWS)
    plan = plan_of(dtype="float64")
    names = np.array([feature["name"] for feature in plan.features])
    in_volume_alone = np.char.startswith(names, "CORR")
    value = run(plan, bars)
    prices = {**bars, **{name: 4 * bars[name] for name in NAMES[1:5]}}
    assert run(plan, prices).tobytes() == value.tobytes()
    volumes = run(plan, {**prices, "volume": 8 * bars["volume"]})
    assert volumes[:, ~in_volume_alone].tobytes() == value[:, ~in_volume_alone].tobytes()
