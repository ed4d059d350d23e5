"""Every op that TA-Lib has too agrees with it, in double before rounding."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import talib
from engine_runs import CATALOG, SOURCES, by_size, compile_spec, feature, run, usual_parameters
from hostile_bars import BARS, NAMES, Columns, random_bars
from numpy.typing import NDArray
from talib import abstract

# Their averages start from the first value, TA-Lib's from a window's mean or 0: compared once that is
# forgotten, after NEARLY_SETTLED bars where no number of bars is enough for every past.
NEARLY_SETTLED = 1000
STARTS_ELSEWHERE = {
    "APO",
    "BOLLINGER_LOWER",
    "BOLLINGER_MIDDLE",
    "BOLLINGER_UPPER",
    "CVI",
    "DEMA",
    "EFI",
    "EMA",
    "ERI_BEAR",
    "ERI_BULL",
    "FAMA",
    "KDJ_D",
    "KDJ_J",
    "KDJ_K",
    "KELTNER_LOWER",
    "KELTNER_MIDDLE",
    "KELTNER_UPPER",
    "MA",
    "MAVP",
    "MACDEXT_HISTOGRAM",
    "MACDEXT_LINE",
    "MACDEXT_SIGNAL",
    "MACDFIX_HISTOGRAM",
    "MACDFIX_LINE",
    "MACDFIX_SIGNAL",
    "MACD_HISTOGRAM",
    "MACD_LINE",
    "MACD_SIGNAL",
    "MAMA",
    "MASSI",
    "PPO",
    "PVO",
    "SLOW_STOCHASTIC_D",
    "SLOW_STOCHASTIC_K",
    "SMI",
    "SMI_SIGNAL",
    "STOCHRSI_D",
    "T3",
    "TEMA",
    "TRIX",
    "TSI",
    "ZLEMA",
}
# TA-Lib has a sum of nothing, 0, where we have no value yet.
BEGINS_WITH_ZERO = {"VPT", "WAD"}
# TA-Lib tells the row, ours its age. Of equal values either picks its own, so what they pick is compared.
INDICES = {"ARGMAX", "ARGMIN"}
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


def assert_agreement(op: dict, params: dict[str, float], bars: Columns) -> None:
    given = {"source": op["sources"]} if op["sources"] else {}
    value = run(plan := compile_spec(feature(op["name"], params, **given)), bars)[:, 0]
    sources = [run(compile_spec(feature("IDENT", source=source)), bars)[:, 0] for source in op["sources"]]
    expected = talib_value(op, params, bars, sources)
    if op["name"] in INDICES:
        value, expected = (
            picked(sources[0], np.arange(len(value)) - value),
            picked(sources[0], expected),
        )
    before = expected[: plan.warmup]
    assert (before == 0 if op["name"] in BEGINS_WITH_ZERO else np.isnan(before)).all(), (
        "TA-Lib has a value before our first"
    )
    # `settle` is for the worst of pasts; half of these bars are enough in any case.
    settled = min(plan.settle or NEARLY_SETTLED, len(value) // 2)
    first = settled if op["name"] in STARTS_ELSEWHERE else plan.warmup
    value, expected = value[first:], expected[first:]
    # Relative to the value, or to what it is a difference of if that is larger: TA-Lib's running sums drift.
    scale = np.abs(by_size(op["scale"], bars | dict(zip(SOURCES, sources, strict=False))))
    scale = scale[first:] if scale.ndim else scale
    allowed = 1e-9 * np.maximum(np.abs(expected), scale)
    worst = np.argmax(np.abs(value - expected) - allowed)
    assert np.abs(value - expected)[worst] <= allowed[worst], (
        f"{params}, row {first + worst}: {value[worst]}, TA-Lib {expected[worst]}"
    )


# The smallest windows are left to the oracles: sums cancel in TA-Lib, and its neutral values differ.
@with_talib
def test_op_agrees_with_talib_on_random_bars(op: dict) -> None:
    for params in usual_parameters(op):
        assert_agreement(op, params, random_bars(20_000, seed=30))


@pytest.fixture(scope="module")
def real_bars(shared: Path) -> Columns:
    """QQQ, five minutes, by its epoch milliseconds, which are sorted and made unique."""
    table = np.loadtxt(
        shared / "data/bars/QQQ_5m.csv",
        delimiter=",",
        skiprows=1,
        usecols=(6, 1, 2, 3, 4, 5),
        max_rows=20_000,
    )
    _, rows = np.unique(table[:, 0], return_index=True)
    columns = dict(zip(NAMES, table[rows].T.copy(), strict=True))
    return {**columns, "ts": columns["ts"].astype(np.int64) * 10**6}


@with_talib
def test_op_agrees_with_talib_on_real_bars(op: dict, real_bars: Columns) -> None:
    for params in usual_parameters(op):
        assert_agreement(op, params, real_bars)


# Where bars are hostile, the ops that differ from TA-Lib, and no others; docs/reference/exactness.md has the
# reasons.
# 0 / 0 has a neutral value of ours; TA-Lib has 0, NaN, or what rounding left.
NEUTRAL = """EFFICIENCY_RATIO KDJ_D KDJ_J KDJ_K MFI SLOW_STOCHASTIC_D SLOW_STOCHASTIC_K STOCHASTIC_D
    STOCHASTIC_K STOCHRSI_D STOCHRSI_K ULTOSC VORTEX_MINUS VORTEX_PLUS WILLIAMS_R"""
# The angle of a cycle that is not there: the last place of a sum decides.
NO_CYCLE = "HT_DCPERIOD HT_DCPHASE HT_LEADSINE HT_SINE HT_TRENDMODE"
DIFFER = {
    "ticks": "CUMSUM EFFICIENCY_RATIO FAMA HT_LEADSINE MAMA STOCHRSI_D STOCHRSI_K",
    "thin": "",
    "slow_cycle": "",
    "price_1e-6": "",
    "price_1e9": "LINEARREG_ANGLE",
    "without_volume": "MFI RVOL VWAP VWMA",
    "flat": f"{NEUTRAL} {NO_CYCLE} RSI",
    "one_tick": f"{NEUTRAL} {NO_CYCLE} SMI SMI_SIGNAL",
    "falls_asleep": f"""{NEUTRAL} {NO_CYCLE} ADOSC CVI EFI FAMA HT_PHASOR_INPHASE HT_PHASOR_QUADRATURE
        HT_TRENDLINE MAMA MASSI PVO RVI RVOL""",
    "jump": """ACCBANDS_LOWER ACCBANDS_MIDDLE AO APO BETA BOLLINGER_LOWER BOLLINGER_MIDDLE BOLLINGER_UPPER CCI
        CMOU COPPOCK CUMSUM DPO EFFICIENCY_RATIO FAMA FOSC HMA HT_DCPERIOD HT_DCPHASE HT_LEADSINE
        HT_PHASOR_INPHASE HT_PHASOR_QUADRATURE HT_SINE LINEARREG LINEARREG_ANGLE MA MACDEXT_HISTOGRAM
        MACDEXT_LINE MACDEXT_SIGNAL MAMA MAVP MFI PPO SMI SMI_SIGNAL STOCHRSI_D STOCHRSI_K SUM TRIMA TSF
        ULTOSC VOLATILITY VORTEX_MINUS VORTEX_PLUS VWMA WMA""",
}


def differing(bars: Columns) -> set[str]:
    """The ops that do not agree for some of their usual parameters."""
    found = set()
    for name, op in CATALOG.items():
        if not op["talib"]:
            continue
        try:
            with np.errstate(invalid="ignore"):  # TA-Lib's infinities
                for params in usual_parameters(op):
                    assert_agreement(op, params, bars)
        except AssertionError:
            found.add(name)
    return found


@pytest.mark.parametrize("kind", DIFFER)
def test_only_the_ops_with_a_reason_differ_from_talib_on_hostile_bars(kind: str) -> None:
    differ = set(DIFFER[kind].split())
    # A mode is 0 or 1, and agrees by luck where the phase behind it does not: the last place decides that,
    # which numpy's exp gives otherwise to these bars on another processor.
    assert differing(BARS[kind](6000)) | (differ & {"HT_TRENDMODE"}) == differ
