"""The linter: each rule fires on bars and specs of which the truth is known, and on nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import sentio.lint
from sentio.bars import Bars, synthesize
from sentio.errors import BarsError, UsageError
from sentio.lint import MIN_ROWS, RULES, Finding, Thresholds, correlation_matrix, lint, population_stability
from sentio.specs import FeatureSpec

MINUTE = 60 * 10**9


def spec_of(*features: dict[str, Any], **rest: Any) -> FeatureSpec:
    return FeatureSpec.from_document({"schema_version": "1.0", "features": list(features), **rest})


def bars_of(close: np.ndarray, volume: np.ndarray, wick: np.ndarray | float = 0.0) -> Bars:
    """Bars that open and close at `close`, `wick` below their high and above their low."""
    ts = np.arange(len(close), dtype=np.int64) * MINUTE
    return Bars("QQQ", "1m", ts, close, close + wick, close - wick, close, volume)


def random_bars(rows: int = 3000, seed: int = 5) -> Bars:
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 1e-3, rows)))
    return bars_of(close, generator.lognormal(10, 0.5, rows), wick=generator.random(rows))


def found(findings: tuple[Finding, ...], rule: str) -> dict[str, str]:
    return {finding.feature: finding.found for finding in findings if finding.rule == rule}


RSI = {"name": "rsi", "op": "RSI", "window": 14}
CLOSE = {"name": "close", "op": "IDENT", "source": "close"}
VOLUME = {"name": "volume", "op": "IDENT", "source": "volume"}


def test_a_good_feature_has_no_finding() -> None:
    assert lint(spec_of(RSI), random_bars()) == ()


def test_a_finding_says_whether_it_fails_and_what_to_do() -> None:
    [finding] = lint(spec_of(CLOSE), random_bars(), Thresholds(psi=100))
    assert (finding.feature, finding.rule, finding.fails) == ("close", "scale-dependent", True)
    assert "divide by a price" in finding.advice
    assert {rule.name for rule in RULES if rule.fails} == {
        *("constant", "duplicate", "near-duplicate", "scale-dependent")
    }


def test_constant_is_one_value_in_all_valid_rows() -> None:
    rows = 2000
    flat = bars_of(np.full(rows, 50.0), np.arange(rows, dtype=float))
    ema = {"name": "ema", "op": "EMA", "window": 20}
    constant = found(lint(spec_of(RSI, ema, VOLUME), flat), "constant")
    # The catalog: a flat market's RSI is 50; a mean of equal prices is that price.
    assert constant == {"rsi": "is 50 in all 1,981 rows", "ema": "is 50 in all 1,981 rows"}
    sign = {"name": "sign", "op": "SIGN", "source": "close"}
    assert found(lint(spec_of(RSI, sign), random_bars()), "constant").keys() == {"sign"}


def test_a_constant_is_reported_once_though_it_equals_another() -> None:
    signs = [
        {"name": name, "op": "SIGN", "source": source} for name, source in (("a", "close"), ("b", "high"))
    ]
    assert [finding.rule for finding in lint(spec_of(*signs), random_bars())] == ["constant", "constant"]


def test_a_duplicate_is_told_from_the_plan_or_by_its_bits() -> None:
    spec = spec_of(
        RSI,
        {"name": "again", "op": "RSI", "window": 14},
        {"name": "range", "op": "SUB", "source": ["high", "low"]},
        {"name": "same_range", "op": "ABS", "source": "range"},  # a range is never negative
        {"name": "other", "op": "RSI", "window": 15},
    )
    findings = lint(spec, random_bars())
    assert found(findings, "duplicate") == {
        "again": "is the same node of the plan as rsi",
        "same_range": "has the same bits as range",
    }
    assert found(findings, "near-duplicate").keys() <= {"other"}


@pytest.mark.parametrize(
    ("rho", "fires"), [(0.9985, False), (0.9995, True), (-0.9985, False), (-0.9995, True)]
)
def test_near_duplicates_correlate_above_the_threshold_with_either_sign(rho: float, fires: bool) -> None:
    generator = np.random.default_rng(3)
    draws = generator.normal(size=(4000, 2))
    x, noise = np.linalg.qr(draws - draws.mean(axis=0))[0].T  # both of mean 0 and length 1, orthogonal
    y = rho * x + math.sqrt(1 - rho * rho) * noise  # its correlation with x is rho by construction
    bars = bars_of(100 + 100 * x, 1e6 + 1e6 * y)
    alike = found(lint(spec_of(CLOSE, VOLUME), bars), "near-duplicate")
    # float32 rounds the close by 4e-6 of a deviation of 1.6, so that rho stands to 6 digits.
    assert alike == ({"volume": f"correlates with close, rho {rho:.6f}"} if fires else {})
    loose = found(lint(spec_of(CLOSE, VOLUME), bars, Thresholds(rho=0.99)), "near-duplicate")
    assert loose.keys() == {"volume"}


@pytest.mark.parametrize("values_at_work", [1, 7, 1 << 22])
def test_correlations_are_those_of_their_definition(
    values_at_work: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentio.lint, "_BLOCK_VALUES", values_at_work)
    columns = np.random.default_rng(1).normal(size=(5, 300)).astype(np.float32)
    columns[1] += columns[0]
    expected = np.corrcoef(columns.astype(np.float64))
    # Sums of 300 products in another order: a few hundred roundings of 1.1e-16.
    np.testing.assert_allclose(correlation_matrix(columns), expected, rtol=0, atol=1e-13)


def test_correlations_stand_on_a_high_level_and_at_tiny_deviations() -> None:
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(2, 500))
    columns = np.array([1e6 + 1e-3 * noise[0], 1e-200 * (noise[0] + noise[1])])
    exact = [[Fraction(value) for value in column] for column in columns.tolist()]
    centred = [[value - sum(column) / len(column) for value in column] for column in exact]
    products = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in centred] for x in centred]
    square = products[0][1] ** 2 / (products[0][0] * products[1][1])
    assert correlation_matrix(columns)[0, 1] == pytest.approx(math.sqrt(square), rel=1e-12)


def test_scale_dependent_names_the_units_that_matter() -> None:
    spec = spec_of(
        CLOSE,
        VOLUME,
        {"name": "turnover", "op": "MUL", "source": ["close", "volume"]},
        {"name": "log_volume", "op": "LOG", "source": "volume"},
        {"name": "mean", "op": "SMA", "source": "volume", "window": 20, "hidden": True},
        {"name": "relative_volume", "op": "DIV", "source": ["volume", "mean"]},
        {"name": "ret", "op": "LOGRET", "window": 3},
        RSI,
    )
    every = "100.0% of rows"
    assert found(lint(spec, random_bars()), "scale-dependent") == {
        "close": f"changes with the unit (prices times 4: {every})",
        "volume": f"changes with the unit (volumes times 8: {every})",
        "turnover": f"changes with the unit (prices times 4: {every}, volumes times 8: {every})",
        "log_volume": f"changes with the unit (volumes times 8: {every})",
    }


def test_units_grow_smaller_where_larger_ones_leave_the_contract_of_bars() -> None:
    rows = 2000
    bars = bars_of(np.linspace(4e11, 9e11, rows), np.linspace(2e17, 9e17, rows))
    dependent = found(lint(spec_of(CLOSE, VOLUME), bars), "scale-dependent")
    assert "prices times 0.25" in dependent["close"]
    assert "volumes times 0.125" in dependent["volume"]


@pytest.mark.parametrize(("still", "fires"), [(940, False), (950, False), (951, True)])
def test_mostly_neutral_is_a_share_of_rows_above_the_threshold(still: int, fires: bool) -> None:
    generator = np.random.default_rng(6)
    volume = np.concatenate([np.zeros(still), np.arange(1.0, 1001.0 - still)])
    bars = bars_of(100 + generator.random(1000), generator.permutation(volume))
    neutral = found(lint(spec_of(VOLUME), bars), "mostly-neutral")
    assert neutral == ({"volume": f"is 0 in {still / 1000:.2%} of rows"} if fires else {})
    loose = Thresholds(neutral=0.9)
    assert found(lint(spec_of(VOLUME), bars, loose), "mostly-neutral").keys() == {"volume"}


def test_drifting_is_another_distribution_in_the_second_half() -> None:
    generator = np.random.default_rng(8)
    rows = 4000
    close = 100 * np.exp(np.cumsum(generator.normal(0, 1e-3, rows)))
    steady = generator.lognormal(10, 0.5, rows)
    risen = steady * np.where(np.arange(rows) < rows // 2, 1, 2)
    assert "drifting" not in {f.rule for f in lint(spec_of(VOLUME), bars_of(close, steady))}
    [(_, text)] = found(lint(spec_of(VOLUME), bars_of(close, risen)), "drifting").items()
    medians = [np.median(half.astype(np.float32)) for half in np.split(risen, 2)]
    assert f"median {medians[0]:.4g}, then {medians[1]:.4g}" in text
    assert not found(lint(spec_of(VOLUME), bars_of(close, risen), Thresholds(psi=50)), "drifting")


def test_what_few_windows_differ_by_is_no_drift() -> None:
    """Of independent returns every windowed feature is stationary, though neighbours share their windows."""
    features = [
        {"name": "volatility", "op": "VOLATILITY", "window": 200},
        {"name": "skewness", "op": "SKEWNESS", "window": 60},
        {"name": "rsi", "op": "RSI", "window": 30},
    ]
    for seed in range(10):
        assert not found(lint(spec_of(*features), random_bars(4700, seed)), "drifting")


def test_drifting_is_found_in_the_features_of_a_market_that_has_changed() -> None:
    generator = np.random.default_rng(9)
    rows = 40_000
    louder = np.where(np.arange(rows) < rows // 2, 1e-3, 2e-3)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 1, rows) * louder))
    volatility = {"name": "volatility", "op": "VOLATILITY", "window": 200}
    assert found(lint(spec_of(volatility), bars_of(close, np.full(rows, 1e4))), "drifting").keys() == {
        "volatility"
    }


def test_the_stability_index_of_two_shares_is_its_formula() -> None:
    before, after = np.repeat([0.0, 1.0], [20_000, 80_000]), np.repeat([0.0, 1.0], [40_000, 60_000])
    expected = 0.2 * math.log(0.4 / 0.2) - 0.2 * math.log(0.6 / 0.8)
    # Half a row added to each bin moves shares of 20,000 rows by some 1e-5.
    assert population_stability(before, after) == pytest.approx(expected, abs=1e-4)
    assert population_stability(before, before) == 0


def test_the_stability_index_of_a_moved_normal_is_its_formula() -> None:
    generator = np.random.default_rng(9)
    before, after = generator.normal(0, 1, 100_000), generator.normal(0.5, 1, 100_000)

    def below(x: float, mean: float) -> float:
        return 0.5 * math.erfc((mean - x) / math.sqrt(2))

    # The deciles of the standard normal law.
    deciles = [-1.2815515655, -0.8416212336, -0.5244005127, -0.2533471031, 0.0]
    deciles += [-decile for decile in deciles[-2::-1]]
    cuts = [-math.inf, *deciles, math.inf]
    shares = [below(high, 0.5) - below(low, 0.5) for low, high in pairwise(cuts)]
    expected = sum((share - 0.1) * math.log(share / 0.1) for share in shares)
    # Each share's sampling error is at most sqrt(0.25 / 1e5) = 0.0016, ten bins, |log| up to 1.
    assert population_stability(before, after) == pytest.approx(expected, abs=0.01)


def test_the_stability_index_is_finite_where_nothing_of_the_first_is_left() -> None:
    before, after = np.linspace(0, 1, 1000), np.linspace(5, 6, 1000)
    assert 1 < population_stability(before, after) < math.inf


def test_no_settle_is_told_of_ops_that_remember_all_bars() -> None:
    obv = {"name": "obv", "op": "OBV"}
    ema = {"name": "ema", "op": "EMA", "window": 20}
    findings = lint(spec_of(obv, ema), random_bars())
    assert found(findings, "no-settle").keys() == {"obv"}
    assert not next(finding for finding in findings if finding.rule == "no-settle").fails


def test_no_settle_names_what_remembers_however_deep_it_lies() -> None:
    hidden = [
        {"name": "obv", "op": "OBV", "hidden": True},
        {"name": "volumes", "op": "SMA", "source": "volume", "window": 20, "hidden": True},
    ]
    ratio = {"name": "ratio", "op": "DIV", "source": ["obv", "volumes"]}
    told = found(lint(spec_of(*hidden, ratio), random_bars()), "no-settle")
    assert told == {"ratio": "on_balance_volume remembers all bars: no cold start ever agrees"}


def test_no_settle_takes_no_longer_where_nodes_are_shared_many_times_over() -> None:
    features: list[dict[str, Any]] = [{"name": "f0", "op": "OBV", "hidden": True}]
    for k in range(1, 61):
        features.append({"name": f"f{k}", "op": "ADD", "source": [f"f{k - 1}"] * 2, "hidden": k < 60})
    told = found(lint(spec_of(*features), random_bars()), "no-settle")
    assert told == {"f60": "on_balance_volume remembers all bars: no cold start ever agrees"}


SESSION = {"name": "session", "op": "SESSION_RETURN"}
MEAN = {"name": "mean", "op": "SMA", "window": 5, "source": "session"}


def test_no_session_start_is_told_of_bars_that_never_rest() -> None:
    spec, bars = spec_of(RSI, SESSION, MEAN), random_bars()
    assert found(lint(spec, bars), "no-session-start").keys() == {"session", "mean"}
    assert not next(f for f in lint(spec, bars) if f.rule == "no-session-start").fails
    late = np.where(np.arange(len(bars)) < 2000, 0, 4 * 60 * MINUTE)
    assert not found(lint(spec, replace(bars, ts=bars.ts + late)), "no-session-start")
    # A gap of five hours is a start to the spec that says so, or a rest of the session to another.
    slow = spec_of(RSI, SESSION, session_gap="6h")
    assert found(lint(slow, replace(bars, ts=bars.ts + late)), "no-session-start").keys() == {"session"}


def test_findings_do_not_depend_on_the_blocks_in_which_they_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec, bars = spec_of(RSI, CLOSE, {"name": "obv", "op": "OBV"}), random_bars()
    whole = lint(spec, bars)
    for values_at_work in (100, 3000):
        monkeypatch.setattr(sentio.lint, "_BLOCK_VALUES", values_at_work)
        assert lint(spec, bars) == whole


def test_rows_before_the_first_valid_one_are_not_looked_at() -> None:
    policy = {"emit_from_index": 0, "pad_value": 0.0, "allow_early_emit": True}
    warm = {"name": "ema", "op": "EMA", "window": 1500}
    rules = {f.rule for f in lint(spec_of(warm, RSI, alignment_policy=policy), random_bars())}
    assert "constant" not in rules
    assert found(lint(spec_of(RSI, warm), random_bars()), "scale-dependent").keys() == {"ema"}


def test_a_spec_of_doubles_is_linted_like_one_of_floats() -> None:
    findings = lint(spec_of(RSI, CLOSE, dtype="float64"), random_bars(), Thresholds(psi=100))
    assert [finding.rule for finding in findings] == ["scale-dependent"]


def test_too_few_bars_are_refused_with_the_number_that_is_needed() -> None:
    bars = random_bars(14 + MIN_ROWS)
    assert not any(finding.fails for finding in lint(spec_of(RSI), bars))
    with pytest.raises(BarsError, match=r"1013 bars give 999 valid rows .* needs 1000, 1014 bars"):
        lint(spec_of(RSI), bars[: 13 + MIN_ROWS])


@pytest.mark.parametrize(
    "wrong", [{"rho": 1.1}, {"rho": -0.1}, {"neutral": 0.4}, {"psi": -1}, {"psi": math.nan}]
)
def test_a_threshold_out_of_its_range_is_refused(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(UsageError, match=rf"{name}: .* is outside \["):
        Thresholds(**wrong)


def test_progress_is_told_each_rule() -> None:
    told: list[str] = []
    lint(spec_of(RSI), random_bars(), progress=told.append)
    assert told == [rule.name for rule in RULES]


@pytest.fixture(scope="module")
def simulated() -> Bars:
    return synthesize("QQQ", "1m", days=60, seed=7).bars


def failing(name: str, bars: Bars) -> dict[str, set[str]]:
    findings = [finding for finding in lint(FeatureSpec.load(name), bars) if finding.fails]
    return {rule.name: {f.feature for f in findings if f.rule == rule.name} for rule in RULES if rule.fails}


def test_the_spec_tfa_has_no_finding_that_fails(simulated: Bars) -> None:
    assert not any(failing("tfa", simulated).values())


def test_the_predecessors_spec_is_mostly_averages_of_one_price(simulated: Bars) -> None:
    prices = {name for name in FeatureSpec.load("classic").names if name.startswith(("close", "ema_"))}
    assert failing("classic", simulated) == {
        "constant": set(),
        "duplicate": set(),
        "near-duplicate": prices - {"close"},
        "scale-dependent": prices,
    }


def test_alpha158_says_some_things_twice_and_its_corr_knows_the_unit_of_volumes(simulated: Bars) -> None:
    windows = (5, 10, 20, 30, 60)
    # SUMN = 1 - SUMP and SUMD = SUMP - SUMN, for prices and volumes; a bar's open and its typical price over
    # its close are all but 1 - KMID and 1 - KSFT. CORR takes log(volume + 1), whose 1 is a unit.
    twice = {f"{name}{window}" for name in ("SUMN", "SUMD", "VSUMN", "VSUMD") for window in windows}
    assert failing("alpha158", simulated) == {
        "constant": set(),
        "duplicate": set(),
        "near-duplicate": {*twice, "OPEN0", "VWAP0"},
        "scale-dependent": {f"CORR{window}" for window in windows},
    }
