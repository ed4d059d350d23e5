"""The shipped specs: every feature against its definition, and what a spec promises of its numbers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_runs import compute, extension, run, step
from hostile_bars import BARS, NAMES, SESSION, Columns, at_the_limits, random_bars
from numpy.typing import NDArray
from oracles import ORACLES
from oracles.definitions import log_return, typical

from sentio.bars import read_bars, synthesize

FOLDER = Path(__file__).resolve().parents[1] / "specs" / "features"
WIDTHS = {"tfa": 55, "classic": 55, "alpha158": 158}
DOCUMENTS: dict[str, dict[str, Any]] = {
    name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in WIDTHS
}
ROWS = 600
EARLY = {"alignment_policy": {"emit_from_index": 0, "allow_early_emit": True}}
each_spec = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def plan_of(document: dict[str, Any], **changes: Any) -> Any:
    return extension.compile(json.dumps({**document, **changes}))


def names_of(plan: Any) -> list[str]:
    return [feature["name"] for feature in plan.features]


def by_definition(document: dict[str, Any], bars: Columns) -> dict[str, NDArray]:
    """Every feature by the oracles of its op and of the ops of its sources."""
    catalog = {op["name"]: op for op in extension.catalog()}
    known = {**bars, "logret": log_return(bars["close"], 1), "hlc3": typical(bars)}
    for feature in document["features"]:
        op = catalog[feature["op"]]
        sources = feature.get("source", op["sources"])
        params = {p["name"]: feature.get(p["name"], p["default"]) for p in op["params"]}
        series = [known[source] for source in ([sources] if isinstance(sources, str) else sources)]
        known[feature["name"]] = ORACLES[feature["op"]](bars, series, **params)
    return known


@pytest.fixture(scope="module")
def simulated_bars() -> Columns:
    bars = synthesize("QQQ", "1m", days=120, seed=7).bars
    return {name: getattr(bars, name) for name in NAMES}


@pytest.fixture(scope="module")
def real_bars(shared: Path) -> Columns:
    bars = read_bars(shared / "data" / "bars" / "QQQ_5m.csv", symbol="QQQ", sort=True, drop_duplicates=True)
    return {name: getattr(bars, name) for name in NAMES}


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_it_emits_so_many_features_without_a_repeat(name: str, width: int) -> None:
    features = plan_of(DOCUMENTS[name]).features
    assert len(features) == width
    meanings = {(f["op"], *f["source"], *sorted(f["params"].items())) for f in features}
    assert len(meanings) == len({f["name"] for f in features}) == width


def test_classic_is_the_predecessors_list() -> None:
    def parts(prefix: str, op: str, source: str, windows: list[int]) -> list[tuple]:
        return [(f"{prefix}_{w}", op, [source], {"window": w}) for w in windows]

    ema = [2, 3, 5, 8, 10, 12, 15, 20, 25, 26, 30, 35, 40, 45, 50, 55, 60, 70, 80, 90, 100, 120, 150, 200]
    expected = [("close", "IDENT", ["close"], {}), ("logret", "LOGRET", ["close"], {"window": 1})]
    expected += parts("ema", "EMA", "close", ema)
    expected += parts("rsi", "RSI", "close", [2, 3, 5, 7, 9, 14, 21, 25, 30])
    expected += parts("zwin", "ZWIN", "logret", [5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100])
    for place, window in enumerate([4, 6, 7, 9, 11, 13, 14, 16], start=1):
        expected.append((f"ema_short_{place}", "EMA", ["close"], {"window": window}))
    expected.append(("rsi_short_1", "RSI", ["close"], {"window": 4}))
    features = plan_of(DOCUMENTS["classic"]).features
    assert [(f["name"], f["op"], f["source"], f["params"]) for f in features] == expected


@pytest.mark.parametrize("kind", ["random", "ticks", "falls_asleep", "gaps"])
@each_spec
def test_every_feature_is_what_its_definition_says(document: dict[str, Any], kind: str) -> None:
    bars = BARS[kind](ROWS)
    plan = plan_of(document, dtype="float64")
    value, expected = run(plan, bars)[plan.warmup :], by_definition(document, bars)
    for column, name in enumerate(names_of(plan)):
        # Relative distances and variances of 1e-4 cancel digits before they are divided by 1e-2.
        np.testing.assert_allclose(
            value[:, column], expected[name][plan.warmup :], rtol=1e-9, atol=1e-10, err_msg=name
        )


@each_spec
def test_each_feature_is_valid_from_its_own_warmup_on(document: dict[str, Any]) -> None:
    plan, bars = plan_of(document, **EARLY), random_bars(ROWS)
    value = run(plan, bars)
    for column, feature in enumerate(plan.features):
        assert np.array_equal(np.isnan(value[:, column]), np.arange(ROWS) < feature["warmup"]), feature[
            "name"
        ]


@each_spec
def test_rows_before_the_first_valid_one_are_nan_and_all_others_finite(document: dict[str, Any]) -> None:
    plan = plan_of(document)
    value = run(plan, random_bars(ROWS))
    assert plan.emit_from == plan.first_valid_row == plan.warmup == max(f["warmup"] for f in plan.features)
    assert plan.dtype == "float32"
    assert np.isnan(value[: plan.warmup]).all()
    assert np.isfinite(value[plan.warmup :]).all()


@each_spec
@each_dtype
def test_stream_and_any_split_give_the_bits_of_the_batch(document: dict[str, Any], dtype: str) -> None:
    plan, bars = plan_of(document, dtype=dtype), random_bars(ROWS)
    batch = run(plan, bars)
    streaming = extension.Engine(plan)
    assert np.stack([step(streaming, plan, bars, row) for row in range(ROWS)]).tobytes() == batch.tobytes()
    for seed in range(3):
        draws = np.random.default_rng(seed)
        cuts = [0, *sorted(draws.choice(np.arange(1, ROWS), size=12, replace=False).tolist()), ROWS]
        engine = extension.Engine(plan)
        pieces = [compute(engine, plan, bars, slice(*cut)) for cut in pairwise(cuts)]
        assert np.concatenate(pieces).tobytes() == batch.tobytes()
        assert engine.state() == streaming.state()


@each_spec
def test_snapshot_at_any_bar_changes_nothing(document: dict[str, Any]) -> None:
    plan, bars = plan_of(document, dtype="float64"), random_bars(ROWS)
    batch = run(plan, bars)
    # Around the start, sessions' starts, the warm-up and the engine's blocks.
    for row in (0, 1, 2, SESSION - 1, SESSION, SESSION + 1, 98, 99, 100, 199, 255, 256, 257, 400, ROWS - 1):
        before, after = extension.Engine(plan), extension.Engine(plan)
        compute(before, plan, bars, slice(row))
        after.restore(before.state())
        assert after.state() == before.state()
        assert compute(after, plan, bars, slice(row, ROWS)).tobytes() == batch[row:].tobytes()


@pytest.mark.parametrize("kind", [*BARS, "at_the_limits"])
@each_spec
@each_dtype
def test_every_value_is_finite_on_hostile_bars(document: dict[str, Any], kind: str, dtype: str) -> None:
    plan = plan_of(document, dtype=dtype)
    value = run(plan, {**BARS, "at_the_limits": at_the_limits}[kind](ROWS))
    unfit = ~np.isfinite(value[plan.warmup :]).all(axis=0)
    assert not unfit.any(), np.array(names_of(plan))[unfit]


def assert_level_means_nothing(bars: Columns, dtype: str) -> None:
    """Prices times 4 and volumes times 8 give the same bits: both are exact in binary."""
    plan = plan_of(DOCUMENTS["tfa"], dtype=dtype)
    units = {"open": 4, "high": 4, "low": 4, "close": 4, "volume": 8}
    scaled = {name: column * units.get(name, 1) for name, column in bars.items()}
    value, of_scaled = run(plan, bars), run(plan, scaled)
    differs = [
        n for n, a, b in zip(names_of(plan), value.T, of_scaled.T, strict=True) if a.tobytes() != b.tobytes()
    ]
    assert not differs


@pytest.mark.parametrize("kind", BARS)
@each_dtype
def test_tfa_means_the_same_at_any_level(kind: str, dtype: str) -> None:
    assert_level_means_nothing(BARS[kind](ROWS), dtype)


@each_dtype
def test_tfa_means_the_same_at_any_level_of_real_bars(real_bars: Columns, dtype: str) -> None:
    assert_level_means_nothing(real_bars, dtype)


def assert_each_feature_tells_something_else(bars: Columns) -> None:
    plan = plan_of(DOCUMENTS["tfa"])
    names = np.array(names_of(plan))
    value = run(plan, bars)[plan.warmup :].astype(np.float64)
    assert (value.std(axis=0) > 0).all(), names[value.std(axis=0) == 0]
    correlation = np.abs(np.corrcoef(value.T)) - np.eye(len(names))
    assert correlation.max() <= 0.999, names[np.argwhere(correlation > 0.999)]
    # What a network gets after scaling: no feature is an outlier's.
    assert np.abs((value - value.mean(axis=0)) / value.std(axis=0)).max() < 20


def test_no_two_of_tfa_are_alike_and_none_is_constant_on_simulated_bars(simulated_bars: Columns) -> None:
    assert_each_feature_tells_something_else(simulated_bars)


def test_no_two_of_tfa_are_alike_and_none_is_constant_on_real_bars(real_bars: Columns) -> None:
    assert_each_feature_tells_something_else(real_bars)


@each_spec
def test_a_cold_start_agrees_after_settle_to_a_floats_last_place(document: dict[str, Any]) -> None:
    plan = plan_of(document, dtype="float64")
    bars = random_bars(4 * SESSION + plan.settle + 300, seed=20)
    late = {name: column[4 * SESSION + 5 :].copy() for name, column in bars.items()}
    value, cold = run(plan, bars)[4 * SESSION + 5 + plan.settle :], run(plan, late)[plan.settle :]
    catalog = {op["name"]: op for op in extension.catalog()}
    for column, feature in enumerate(plan.features):
        declared = catalog[feature["op"]]["scale"]
        scale = np.abs(bars["close"]).max() if declared == "source" else float(declared)
        last_place = np.spacing(np.maximum(np.abs(value[:, column]), scale).astype(np.float32))
        assert (np.abs(value[:, column] - cold[:, column]) <= last_place).all(), feature["name"]
