"""What a bundle gives beside a logit: every backend, Python's session and `sentio_cli` agree with NumPy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from bundles import Planted, change_json, make_bundle, make_source, walk

from sentio import LiveBundle, Session, load_bundle
from sentio.errors import CheckFailed, UsageError
from sentio.models import as_probability
from sentio.verify import find_cli, verify_bundle

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = [
    "native",
    "torchscript",
    pytest.param("aoti", marks=pytest.mark.slow),
    pytest.param(
        "onnx",
        marks=pytest.mark.skipif(
            not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")),
            reason="needs the extra sentio[onnx]",
        ),
    ),
]


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_probability_is_the_sigmoid_of_the_logit(tmp_path, backend):
    backends = [backend]
    logits = load_bundle(make_bundle(tmp_path / "logit", make_source(1), backends=backends))
    folder = make_bundle(tmp_path / "probability", make_source(1, output="probability"), backends=backends)
    bundle = load_bundle(folder)
    bars = walk(sessions=3, seed=9)
    found, wide = bundle.predict(bars), logits.predict(bars).value.astype(np.float64)
    # The slope of a sigmoid is at most 1/4, and the probability itself is rounded to a float.
    allowed = logits.manifest.backends[0].tolerance / 4 + 2.0**-24
    assert np.abs(found.value - 1 / (1 + np.exp(-wide))).max() <= allowed
    assert found.kind == "probability"
    assert np.array_equal(found.probability, found.value.astype(np.float64))
    report = verify_bundle(folder, find_cli(ROOT), cpp=find_cli(ROOT) is not None)
    assert report.ok, [check for check in report.checks if check.ok is False]


def test_a_session_says_the_probability_itself(tmp_path):
    bundle = load_bundle(make_bundle(tmp_path, make_source(4, output="probability")))
    session = Session(LiveBundle(bundle), interval="5m")
    outcomes = [session.on_bar(*row) for row in rows_of(walk())]
    said = [outcome.prediction for outcome in outcomes if outcome.prediction]
    expected = bundle.predict(walk())
    assert np.array([each.value for each in said], np.float32).tobytes() == expected.value.tobytes()
    assert {each.kind for each in said} == {"probability"}
    assert all(each.probability == each.value for each in said)


def test_logits_that_are_called_probabilities_are_refused(tmp_path):
    folder = make_bundle(tmp_path)
    change_json(folder, "metadata.json", Planted(("output", "kind"), "probability"))
    with pytest.raises(CheckFailed, match="outside \\[0, 1\\]"):
        load_bundle(folder)
    cli = find_cli(ROOT)
    if cli is not None:
        failed = [check.name for check in verify_bundle(folder, cli).checks if check.ok is False]
        assert failed == ["golden files", "C++: golden files"]


def test_a_value_in_the_labels_unit_has_no_probability(tmp_path):
    source = make_source(1, output="return", label={"kind": "logret_fwd", "horizon": 3})
    source.module.output_scale.fill_(2e-4)
    with pytest.raises(UsageError, match="only logits have a probability"):
        as_probability(source.module)
    with pytest.raises(UsageError, match="'return', which has none"):
        _ = load_bundle(make_bundle(tmp_path, source)).predict(walk(1)).probability
