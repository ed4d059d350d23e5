"""Every op that TA-Lib has too agrees with it, in double before rounding, but where the list says so."""

from __future__ import annotations

import re
import tomllib
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import talib
from engine_runs import (
    CATALOG,
    SOURCES,
    by_size,
    compile_spec,
    error_scale,
    feature,
    run,
    source_values,
    usual_parameters,
)
from hostile_bars import BARS, NAMES, Columns, at_the_limits, random_bars
from numpy.typing import NDArray
from oracles import ORACLES
from talib import abstract

from sentio.bars import read_bars

LIST = tomllib.loads((Path(__file__).parent / "talib_differences.toml").read_text("utf-8"))
BY_DEFINITION = {name: set(entry["ops"].split()) for name, entry in LIST["by_definition"].items()}
# Their start is forgotten after NEARLY_SETTLED bars where no number of bars is enough for every past.
NEARLY_SETTLED = 1000
CALL = re.compile(r"(\w+)\(([^)]*)\)(?:\.(\w+))?")

with_talib = pytest.mark.parametrize(
    "op", [op for op in CATALOG.values() if op["talib"]], ids=lambda op: op["name"]
)

# The catalog holds all of these groups as TA-Lib 0.8.2 has them.
GROUPS = (
    "Overlap Studies",
    "Momentum Indicators",
    "Volume Indicators",
    "Volatility Indicators",
    "Price Transform",
    "Statistic Functions",
    "Cycle Indicators",
)


def test_every_function_of_the_groups_is_in_the_catalog() -> None:
    assert talib.__version__ == "0.8.2"
    mapped = {CALL.fullmatch(op["talib"])[1] for op in CATALOG.values() if op["talib"]}
    wanted = {name for group in GROUPS for name in talib.get_function_groups()[group]}
    assert sorted(wanted - mapped) == []


def talib_value(op: dict, params: dict[str, float], bars: Columns, sources: list[NDArray]) -> NDArray:
    """What TA-Lib makes of the bars, by the catalog's mapping; float64 [N]."""
    name, arguments, output = CALL.fullmatch(op["talib"]).groups()
    # TA-Lib wants periods as int and deviations as float, which is how the catalog's parameters are typed.
    types = {p["name"]: int if p["type"] == "integer" else float for p in op["params"]}
    given = (argument.split("=") for argument in arguments.split(", ") if argument)
    values = {key: types[ours](params[ours]) if ours in params else int(ours) for key, ours in given}
    function = abstract.Function(name, **values)
    inputs = {name: bars[name] for name in NAMES[1:]}
    # Whatever series TA-Lib reads by default, it gets ours.
    inputs |= dict(
        zip([key for key in function.input_names.values() if isinstance(key, str)], sources, strict=False)
    )
    result = function(inputs)
    value = result[function.output_names.index(output)] if output else result
    if value.dtype.kind == "i":  # which has no NaN: the rows before the first are 0
        value = value.astype(np.float64)
        value[: function.lookback] = np.nan
    return value


def picked(value: NDArray, rows: NDArray) -> NDArray:
    """The values at those rows, NaN where there is no row."""
    known = ~np.isnan(rows)
    return np.where(known, value[np.where(known, rows, 0).astype(int)], np.nan)


class Comparison(NamedTuple):
    """Ours and TA-Lib's, float64 [N]; `differs` is false before the first row that is compared."""

    warmup: int
    ours: NDArray
    theirs: NDArray
    differs: NDArray


def compared(op: dict, params: dict[str, float], bars: Columns) -> Comparison:
    given = {"source": op["sources"]} if op["sources"] else {}
    value = run(plan := compile_spec(feature(op["name"], params, **given)), bars)[:, 0]
    sources = source_values(op["sources"], bars)
    expected = talib_value(op, params, bars, sources)
    if op["name"] in BY_DEFINITION["index"]:
        value, expected = (
            picked(sources[0], np.arange(len(value)) - value),
            picked(sources[0], expected),
        )
    # `settle` is for the worst of pasts; half of these bars are enough in any case.
    settled = min(plan.settle or NEARLY_SETTLED, len(value) // 2)
    first = settled if op["name"] in BY_DEFINITION["start"] else plan.warmup
    # Relative to the value, or to what it is a difference of if that is larger: TA-Lib's running sums drift.
    scale = np.abs(by_size(op["scale"], bars | dict(zip(SOURCES, sources, strict=False))))
    differs = ~(np.abs(value - expected) <= 1e-9 * np.maximum(np.abs(expected), scale))
    differs[:first] = False
    return Comparison(plan.warmup, value, expected, differs)


# The smallest windows are left to the oracles: sums cancel in TA-Lib, and its neutral values differ.
@with_talib
def test_op_agrees_with_talib_on_random_bars(op: dict) -> None:
    for params in usual_parameters(op):
        warmup, ours, theirs, differs = compared(op, params, random_bars(20_000, seed=30))
        before = theirs[:warmup]
        assert (before == 0 if op["name"] in BY_DEFINITION["first_sum"] else np.isnan(before)).all(), (
            "TA-Lib has a value before our first"
        )
        worst = np.argmax(np.abs(ours - theirs) * differs)
        assert not differs.any(), f"{params}, row {worst}: {ours[worst]}, TA-Lib {theirs[worst]}"


REAL_ROWS = 30_000
NEW_YORK = {"tz": "America/New_York"}
REAL: dict[str, dict[str, str]] = {
    "BTCPERP_1m.csv.gz": {"tz": "UTC"},
    "BTCUSDT_1h.feather": {},
    "QQQ_1d.csv": NEW_YORK,
    "QQQ_1m_2022-24.parquet": {"tz": "UTC"},
    "QQQ_5m.csv": {},
    "SPY_1d.csv": NEW_YORK,
    "SPY_5m.csv": {},
}
# Further down, the daily files tell one day twice, with different volumes.
DAILY_ROWS = 6000


def real_bars(path: Path, folder: Path) -> Columns:
    """The first bars of a file."""
    if path.name.endswith("_1d.csv"):
        with path.open(encoding="utf-8") as lines:
            (folder / path.name).write_text("".join(islice(lines, 1 + DAILY_ROWS)), "utf-8")
        path = folder / path.name
    bars = read_bars(path, sort=True, drop_duplicates=True, **REAL[path.name])
    return {name: getattr(bars, name)[:REAL_ROWS] for name in NAMES}


def listed(bars: str) -> dict[str, str]:
    """The ops that differ on such bars, each with what is `held` there."""
    entries = [(op, e["held"]) for e in LIST["difference"] if bars in e["bars"] for op in e["ops"].split()]
    assert len(dict(entries)) == len(entries), f"an op is listed twice on {bars}"
    return dict(entries)


def differing(bars: Columns) -> dict[str, list[tuple[dict[str, float], Comparison]]]:
    """The ops that do not agree, with those of their usual parameters for which they do not."""
    found: dict[str, Any] = {}
    for name, op in CATALOG.items():
        if not op["talib"]:
            continue
        for params in usual_parameters(op):
            with np.errstate(all="ignore"):  # TA-Lib's infinities
                comparison = compared(op, params, bars)
            if comparison.differs.any():
                found.setdefault(name, []).append((params, comparison))
    return found


def assert_held(name: str, params: dict[str, float], bars: Columns, found: Comparison, held: str) -> None:
    """That the definition, computed anew, is on our side wherever the two differ."""
    sources, rows = source_values(CATALOG[name]["sources"], bars), found.differs
    exact = ORACLES[name](bars, sources, **params)
    scale = np.broadcast_to(error_scale(CATALOG[name], bars, sources, found.warmup), len(exact))[rows]
    ours, theirs = (np.abs(value[rows] - exact[rows]) for value in (found.ours, found.theirs))
    assert (ours <= 1e-9 * np.maximum(np.abs(exact[rows]), scale)).all(), f"{name}, {params}"
    if held == "ours":
        assert ((ours < theirs) | np.isnan(theirs)).all(), f"{name}, {params}: TA-Lib is nearer"


def assert_differences_are_the_listed_ones(bars: Columns, expected: dict[str, str]) -> None:
    found = differing(bars)
    # A mode is 0 or 1, and agrees by luck where the phase behind it does not: the last place decides that,
    # which numpy's exp gives otherwise to these bars on another processor.
    assert found.keys() | (expected.keys() & {"HT_TRENDMODE"}) == expected.keys()
    for name, cases in found.items():
        if expected[name]:
            params, comparison = cases[0]
            assert_held(name, params, bars, comparison, expected[name])


# Random bars have a test of their own.
HOSTILE = {**{kind: bars for kind, bars in BARS.items() if kind != "random"}, "at_the_limits": at_the_limits}


@pytest.mark.parametrize("kind", HOSTILE)
def test_only_the_listed_ops_differ_from_talib_on_hostile_bars(kind: str) -> None:
    assert_differences_are_the_listed_ones(HOSTILE[kind](6000), listed(kind))


@pytest.mark.parametrize("name", REAL)
def test_only_the_listed_ops_differ_from_talib_on_real_bars(name: str, shared: Path, tmp_path: Path) -> None:
    bars = real_bars(shared / "data" / "bars" / name, tmp_path)
    assert_differences_are_the_listed_ones(bars, listed(name))


def test_the_list_names_ops_of_talibs_and_bars_that_are_tested() -> None:
    entries = [*LIST["difference"], *LIST["by_definition"].values()]
    named = {op for entry in entries for op in entry["ops"].split()}
    assert {op for op in named if not CATALOG[op]["talib"]} == set()
    assert {bars for entry in LIST["difference"] for bars in entry["bars"]} <= {*HOSTILE, *REAL}
    assert {entry["held"] for entry in LIST["difference"]} == {"ours", "window", ""}
