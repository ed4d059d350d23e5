"""What a bundle gives beside a logit: every backend, Python's session and `sentio_cli` agree with NumPy."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import CLASSES, Planted, change_array, change_json, make_bundle, make_source, needs_onnx, walk

from sentio import LiveBundle, Session, load_bundle
from sentio.errors import CheckFailed, CorruptStore, UsageError
from sentio.features import FeatureEngine
from sentio.models import as_probability
from sentio.replay import read_record, replay
from sentio.verify import find_cli, verify_bundle

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = [
    "native",
    "torchscript",
    pytest.param("aoti", marks=pytest.mark.slow),
    pytest.param("onnx", marks=needs_onnx),
]


def with_one_that_cpp_runs(backend: str) -> list[str]:
    return ["onnx", "torchscript"] if backend == "onnx" else [backend]


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_probability_is_the_sigmoid_of_the_logit(tmp_path, backend):
    # Of the same weights, whose tolerance is that of every backend.
    logits = load_bundle(make_bundle(tmp_path / "logit", make_source(1), backends=["native"]))
    folder = make_bundle(
        tmp_path / "probability",
        make_source(1, output="probability"),
        backends=with_one_that_cpp_runs(backend),
    )
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


@pytest.mark.parametrize("length", [1, 4])  # of 1 the C++ runtime computes it, by `native`
def test_a_session_says_the_probability_itself(tmp_path, length):
    bundle = load_bundle(make_bundle(tmp_path, make_source(length, output="probability")))
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
    with pytest.raises(UsageError, match="only the logit of a rise has a probability"):
        as_probability(source.module)
    with pytest.raises(UsageError, match="'return', which has none"):
        _ = load_bundle(make_bundle(tmp_path, source)).predict(walk(1)).probability


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1)[:, None]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_class_has_its_column_in_every_backend(tmp_path, backend):
    length = 1 if backend == "native" else 4  # it runs no transformer
    source = make_source(length, output="classes")
    folder = make_bundle(tmp_path, source, backends=with_one_that_cpp_runs(backend))
    bundle, bars = load_bundle(folder), walk(sessions=3, seed=9)
    found = bundle.predict(bars)
    assert (found.kind, found.classes) == ("classes", CLASSES)
    places = np.searchsorted(bars.ts, found.ts)
    features = FeatureEngine(source.spec).compute(bars).astype(np.float32)
    windows = torch.tensor(features[places[:, None] + np.arange(1 - length, 1)])
    expected = source.module(windows).numpy()
    assert found.values.shape == (len(found), 3)
    assert np.abs(found.values - expected).max() <= bundle.manifest.backends[0].tolerance
    np.testing.assert_allclose(found.probabilities, softmax(found.values), rtol=1e-14)
    for name in ("value", "probability"):
        with pytest.raises(UsageError, match=r"classes|down, flat, up"):
            getattr(found, name)
    report = verify_bundle(folder, find_cli(ROOT), cpp=find_cli(ROOT) is not None)
    assert report.ok, [check for check in report.checks if check.ok is False]


@pytest.mark.parametrize("length", [1, 4])
def test_a_session_says_every_class_and_its_record_replays(tmp_path, length):
    bundle = load_bundle(make_bundle(tmp_path, make_source(length, output="classes")))
    record = tmp_path / "live.record"
    session = Session(LiveBundle(bundle), interval="5m", record=record)
    rows = rows_of(walk())
    outcomes = [session.on_bar(*row) for row in rows]
    said = [outcome.prediction for outcome in outcomes if outcome.prediction]
    expected = bundle.predict(walk())
    assert np.array([each.values for each in said], np.float32).tobytes() == expected.values.tobytes()
    for each, shares in zip(said, softmax(expected.values), strict=True):
        assert each.probabilities == pytest.approx(dict(zip(CLASSES, shares, strict=True)), rel=1e-14)
    with pytest.raises(UsageError, match="one for each of down, flat, up"):
        _ = said[0].value
    with pytest.raises(UsageError, match="'classes', which has none of a rise"):
        _ = said[0].probability
    del session
    found = replay(record, bundle)
    assert (found.bars, found.predictions, found.difference) == (len(rows), len(said), "")
    recorded, _ = read_record(record)
    assert recorded[-1].values.tolist() == list(said[-1].values)
    # The last class of the last bar: its four bytes stand before the features and the checksum.
    data = bytearray(record.read_bytes())
    size = 56 + 4 * (3 + 4)
    place = len(data) - size - 4
    struct.pack_into("<f", data, place + 56 + 8, 0.5)
    before = struct.unpack_from("<I", data, place - 4)[0]
    struct.pack_into("<I", data, place + size, zlib.crc32(data[place : place + size], before))
    record.write_bytes(bytes(data))
    assert "output 'up': 0.5 (0x3f000000) recorded" in replay(record, bundle).difference


def test_the_names_of_classes_are_the_manifests(tmp_path):
    folder = make_bundle(tmp_path, make_source(1, output="classes"))
    for number, (change, told) in enumerate(
        [
            (Planted(("output", "classes"), ["down", "up"]), "ends in 3 outputs, not in 2"),
            (Planted(("output", "classes"), ["down", "down", "up"]), "a name comes twice"),
            (Planted(("output", "classes"), ["down", "flat", "u p"]), "output.classes[2]"),
            (Planted(("output", "classes"), [f"c{k}" for k in range(17)]), "output.classes"),
            (Planted(("output", "classes"), []), "classes are 0; kind classes has 2 to 16"),
            (Planted(("output", "kind"), "logit"), "classes are 3; kind logit has none"),
            (Planted(("output", "layout"), "[B, 3]"), "output.layout"),
        ]
    ):
        copy = Path(shutil.copytree(folder, tmp_path / str(number)))
        change_json(copy, "metadata.json", change)
        with pytest.raises(CorruptStore) as caught:
            load_bundle(copy)
        assert told in str(caught.value)


def test_golden_outputs_of_another_width_are_refused(tmp_path):
    folder = make_bundle(tmp_path, make_source(1, output="classes"))
    change_array(folder, "outputs_7", lambda values: np.ascontiguousarray(values[:, :2]))
    with pytest.raises(CorruptStore, match=r"outputs_7.npy"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["native", "outputs_1", "stress_outputs"])
def test_two_classes_that_changed_places_in_a_sealed_bundle_are_noticed(tmp_path, name):
    folder = make_bundle(tmp_path, make_source(1, output="classes"))
    change_array(folder, name, lambda values: np.ascontiguousarray(values[:, [1, 0, 2]]))
    with pytest.raises(CheckFailed, match="differ"):
        load_bundle(folder)
    cli = find_cli(ROOT)
    if cli is not None:
        lines = [check.name for check in verify_bundle(folder, cli).checks if check.ok is False]
        assert "native: golden outputs, stress" in lines or "native: golden outputs, batch 1" in lines
        assert any(line.startswith("C++: native: golden outputs") for line in lines)


def test_the_logits_of_classes_have_no_probability_of_a_rise(tmp_path):
    with pytest.raises(UsageError, match="only the logit of a rise"):
        as_probability(make_source(1, output="classes").module)
    with pytest.raises(UsageError, match="'logit', which has no classes"):
        _ = load_bundle(make_bundle(tmp_path)).predict(walk(1)).probabilities
