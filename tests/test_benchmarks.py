"""The benchmarks run, hold their peers against the engine, and say what they left out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sentio
from benchmarks import alpha158_rows, decisions, report
from benchmarks.backends import make_bundle, models
from benchmarks.measure import agreeing, of, skipped
from benchmarks.work import bars_for, narrowed, shuffled, widened
from sentio.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("bench") / "result.json"
    words = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out), "--native", str(out.parent)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def test_a_shipped_spec_that_is_missing_is_an_error_and_no_row_left_out(monkeypatch, tmp_path) -> None:
    def missing(name: str) -> None:
        raise UsageError(name, "is not a spec")

    monkeypatch.setattr(sentio.FeatureSpec, "load", missing)
    for rows in (
        alpha158_rows.against_pandas(1000, 1),
        alpha158_rows.against_kunquant(1000, 1, tmp_path),
    ):
        with pytest.raises(UsageError, match="alpha158"):
            next(rows)


def test_every_row_has_a_figure_or_says_why_not(result: dict[str, Any]) -> None:
    assert len(result["rows"]) == 22
    for row in result["rows"]:
        if row["median"] is None:
            assert row["note"].startswith("skipped: ")
        else:
            assert row["p10"] <= row["median"] <= row["p90"]
            assert row["text"].endswith("MB") or row["median"] > 0
    assert [number for number, _ in result["curves"]["features"]] == [10, 100]
    assert [number for number, _ in result["curves"]["window"]] == [10, 1000]


def test_the_peers_that_the_lock_file_has_agree_in_every_column(result: dict[str, Any]) -> None:
    for name in ("TA-Lib into", "TA-Lib's computation alone", "pandas into", "TA-Lib's stream objects"):
        rows = [row for row in result["rows"] if name in row["text"]]
        assert rows
        assert all("55 of 55 columns agree" in row["note"] for row in rows)


def test_the_page_is_made_of_the_figures(result: dict[str, Any]) -> None:
    text = report.section(result)
    for row in result["rows"]:
        assert row["text"] in text
    assert "≤ 6" in text
    page = (ROOT / "docs" / "reference" / "benchmarks.md").read_text()
    assert page.count(report.BEGIN) == page.count(report.END) == 1
    table = page[page.index(report.BEGIN) : page.index(report.END)]
    rows = re.findall(r"^\| ((?:classic|tfa|alpha158), .*?) \|", table, re.MULTILINE)
    assert rows == [row["text"] for row in result["rows"]], "run: make bench"


def test_a_bound_is_kept_missed_or_not_there() -> None:
    row = {"median": 5.0, "must": "<= 6", "goal": ">= 7"}
    assert report.holds(row, "must") is True
    assert report.holds(row, "goal") is False
    assert report.holds({**row, "must": ""}, "must") is None
    assert report.holds({**row, "median": None}, "must") is None


def test_a_line_tells_the_figure_or_why_there_is_none() -> None:
    figure = of([1.0, 2.0, 3.0], "ours over theirs", must="<= 1")
    row = {name: getattr(figure, name) for name in figure.__slots__}
    assert report.line_of(row) == "ours over theirs: 2.00 (p10 1.20, p90 2.80, 3 pairs)  must <= 1 MISSED"
    figure = skipped("ours over theirs", "it is not installed")
    row = {name: getattr(figure, name) for name in figure.__slots__}
    assert report.line_of(row) == "ours over theirs: skipped: it is not installed"


def test_a_column_that_differs_is_found() -> None:
    ours = np.linspace(1, 2, 300, dtype=np.float32).reshape(100, 3)
    theirs = [column.astype(float) for column in ours.T.copy()]
    theirs[1][50] *= 1.001
    theirs[2][10] = np.nan
    assert agreeing(ours, theirs, 20) == [0, 2]
    assert agreeing(ours, theirs, 20, within=0.01) == [0, 1, 2]
    assert agreeing(ours, theirs, 0) == [0]


def test_shuffled_narrowed_and_widened_specs_are_what_they_say() -> None:
    spec, bars = sentio.FeatureSpec.load("classic"), bars_for(300)
    matrix = sentio.FeatureEngine(spec).compute(bars)
    mixed = shuffled(spec)
    places = [spec.names.index(name) for name in mixed.names]
    assert sorted(places) == list(range(55)) != places
    np.testing.assert_array_equal(sentio.FeatureEngine(mixed).compute(bars), matrix[:, places])
    some = narrowed(spec, [3, 50])
    assert list(some.names) == [spec.names[3], spec.names[50]]
    for width in (10, 55, 200):
        wide = widened(spec, width)
        assert wide.n_features == width
        computed = [feature for feature in wide.features if feature.op != "IDENT"]
        assert len({(feature.op, feature.params["window"]) for feature in computed}) == len(computed)


def test_the_path_of_python_decides_as_the_module_does_over_whole_columns() -> None:
    for title, module in models().items():
        spec, bars = sentio.FeatureSpec.load("tfa"), bars_for(400)
        features = sentio.FeatureEngine(spec).compute(bars)
        module.scaler.fit(features, np.arange(spec.first_valid_row, len(bars)))
        module.eval().requires_grad_(False)
        latency, found = decisions.python_path(module, bars, 400, cold=False)
        rows = np.arange(spec.first_valid_row + module.seq_len - 1, 400)
        windows = features[rows[:, None] + np.arange(1 - module.seq_len, 1)]
        values = module(torch.from_numpy(windows)).numpy()[:, 0]
        assert latency.bars == len(rows), title
        for times in (latency.wall, latency.processor):
            assert 0 < times[0] <= times[1] <= times[2]
        assert np.isnan(found["value"][: rows[0]]).all()
        # One row at a time and all at once: sums of some hundred float32 products in another order.
        np.testing.assert_allclose(found["value"][rows], values, atol=1e-5)
        probability = 1 / (1 + np.exp(-found["value"][rows].astype(float)))
        np.testing.assert_array_equal(
            found["side"][rows], np.sign(probability - 0.5) * (abs(probability - 0.5) > 0.02)
        )


def test_decisions_that_differ_are_found() -> None:
    expected = np.array([(np.nan, 0), (0.2, 1), (-0.2, -1), (0.08, 0)], decisions.DECISION)
    assert decisions.differences(expected, expected, 1e-6) == "3 of 3 sides as Python's, values within 0"

    def changed(place: int, value: float, side: int) -> np.ndarray:
        found = expected.copy()
        found[place] = value, side
        return found

    near = np.log(0.52 / 0.48)  # 0.08004, on the other side of which 0.08 is
    assert "2 of 3 sides" in decisions.differences(changed(3, near + 1e-5, 1), expected, 1e-4)
    with pytest.raises(AssertionError, match="a value is"):
        decisions.differences(changed(1, 0.21, 1), expected, 1e-4)
    with pytest.raises(AssertionError, match="a side is not Python's"):
        decisions.differences(changed(1, 0.2, 0), expected, 1e-4)
    with pytest.raises(AssertionError, match="at other bars"):
        decisions.differences(changed(0, 0.2, 1), expected, 1e-4)
    with pytest.raises(AssertionError, match="fewer"):
        decisions.differences(expected[:3], expected, 1e-4)


def test_the_bundle_that_backends_are_measured_on_is_whole(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, next(iter(models().values())), ["native"])
    assert sentio.load_bundle(bundle).backend == "native"
