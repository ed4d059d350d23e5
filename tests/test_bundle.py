"""Bundles: what is loaded, and every way in which a bundle is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import (
    MINUTE,
    NOON,
    TINY_SPEC,
    Planted,
    change_array,
    change_json,
    make_bundle,
    make_source,
    reseal,
)

import sentio
from sentio.bundle import Bundle, load_bundle
from sentio.bundle.manifest import parse_manifest
from sentio.errors import CheckFailed, CorruptStore, SentioError, UsageError
from sentio.features import FeatureEngine

GAP = 4 * 60 * MINUTE


# The manifest


def test_the_manifest_says_what_the_bundle_is(pristine):
    source, path = make_source(4), pristine
    bundle = sentio.load_bundle(str(path))
    manifest = bundle.manifest
    assert isinstance(bundle, Bundle)
    assert bundle.simulated
    assert (manifest.model_id, manifest.version, manifest.created_by) == ("TFA", "v1", "user@host")
    assert manifest.created_at == NOON
    assert (manifest.symbol, manifest.interval, manifest.adjustment) == ("QQQ", "5m", "raw")
    assert [feature.name for feature in manifest.features] == ["ret_1", "ema_5", "rsi_7", "mom_9"]
    assert manifest.features[1].params == {"window": 5}
    assert manifest.warmup == 9  # MOMENTUM looks back 9 bars, the others less
    assert manifest.chain.spec_hash == source.spec.hash
    assert manifest.clip is None
    assert json.loads((path / "feature_spec.json").read_text()) == TINY_SPEC
    features = FeatureEngine(source.spec).compute(source.bars)[9:].astype(np.float64)
    # The module keeps float32; its figures come from float64.
    assert manifest.normalisation.mean == pytest.approx(features.mean(axis=0), rel=1e-6)
    assert manifest.normalisation.inv_std == pytest.approx(1 / features.std(axis=0), rel=1e-6)


def test_a_manifest_survives_being_written_and_read(pristine):
    manifest = load_bundle(pristine).manifest
    assert parse_manifest(manifest.to_json(), "metadata.json") == manifest


def test_the_bundle_module_loads_no_torch():
    code = "import sys, sentio.bundle, sentio.verify; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Damage


def names_in(bundle: Path) -> list[str]:
    return sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())


def test_one_byte_flipped_anywhere_is_refused(bundle):
    draws = np.random.default_rng(0)
    names = names_in(bundle)
    assert len(names) == 16
    for name in names:
        path = bundle / name
        whole = path.read_bytes()
        places = {0, len(whole) - 1, *draws.integers(len(whole), size=6).tolist()}
        for place in places:
            spoilt = bytearray(whole)
            spoilt[place] ^= 1 << int(draws.integers(8))
            path.write_bytes(spoilt)
            with pytest.raises(CorruptStore) as caught:
                load_bundle(bundle)
            assert caught.value.exit_code == 4
        path.write_bytes(whole)
    load_bundle(bundle)


@pytest.mark.parametrize("name", ["metadata.json", "model.pt", "golden/rows.npy", "SHA256SUMS"])
def test_a_missing_or_truncated_file_is_refused(bundle, name):
    path = bundle / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(CorruptStore):
        load_bundle(bundle)
    path.unlink()
    with pytest.raises(CorruptStore, match=r"is missing|holds no SHA256SUMS"):
        load_bundle(bundle)


def test_an_extra_file_is_refused_sealed_or_not(bundle):
    (bundle / "golden" / "more.npy").write_bytes(b"")
    with pytest.raises(CorruptStore, match=r"golden/more.npy: is not listed"):
        load_bundle(bundle)
    with pytest.raises(CorruptStore, match=r"golden/more.npy: is no file of a folder of this kind"):
        load_bundle(reseal(bundle))


def test_a_link_is_refused(bundle, tmp_path):
    (bundle / "model.pt").rename(tmp_path / "model.pt")
    (bundle / "model.pt").symlink_to(tmp_path / "model.pt")
    with pytest.raises(CorruptStore, match=r"model.pt: is a link"):
        load_bundle(bundle)


def test_a_sealed_bundle_without_one_of_its_files_is_refused(bundle):
    (bundle / "engine.state").unlink()
    with pytest.raises(CorruptStore, match=r"engine.state: is missing"):
        load_bundle(reseal(bundle))


def test_a_folder_that_is_not_there_is_a_wrong_call(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        load_bundle(tmp_path / "TFA" / "v9")


def test_a_bundle_that_was_moved_is_the_same_bundle(bundle, pristine, tmp_path):
    moved = bundle.rename(tmp_path / "elsewhere")
    assert load_bundle(moved).id == load_bundle(pristine).id


# Whole to the eye, but not what was exported

CHANGED_METADATA = {
    "unknown key": (Planted(("sequence_length",), 4), "sequence_length: is not a known key"),
    "misspelt key": (Planted(("input", "seq_lenn"), 4), "input.seq_lenn: is not a known key"),
    "another format version": (Planted(("format_version",), 2), "format_version: input should be 1"),
    "number as text": (Planted(("warmup",), "9"), "warmup: input should be a valid integer"),
    "gate": (Planted(("gate", "passed"), False), "its metrics say passed: the model's auc on the test span"),
    "a figure of the gate": (Planted(("gate", "figures", "logistic"), 0.4), "gate is passed"),
    "a metric": (Planted(("metrics", "scores", "logistic", "auc"), 0.6), "its metrics say NOT passed"),
    "metrics that decide nothing": (
        Planted(("metrics", "scores"), {"model": {"ic": 0.1}}),
        "no score of the model decides; it has ic",
    ),
    "F": (Planted(("input", "n_features"), 5), "F is not the same everywhere"),
    "interval": (Planted(("interval",), "1m"), "interval_ns is 300000000000, but interval 1m is 60000000000"),
    "no interval": (Planted(("interval",), "five"), "'five' is not an interval"),
    "batches": (Planted(("golden", "batches"), [1, 8, 256]), "allowed is [1, 7, 256]"),
    "spec hash": (Planted(("chain", "spec_hash"), "0" * 64), "this engine computes"),
    "feature name": (
        Planted(("features", 0, "name"), "ret_2"),
        "features[0]: is ret_2 (LOGRET), compiled is ret_1",
    ),
    "feature parameter": (Planted(("features", 1, "params", "window"), 6), "features[1]: is ema_5"),
    "warm-up": (Planted(("first_valid_row",), 0), "first_valid_row: is 0, compiled is 9"),
    "session gap": (Planted(("session_gap_ns",), 1), "session_gap_ns: is 1, compiled is 14400000000000"),
    "early emit": (Planted(("allow_early_emit",), True), "allow_early_emit: is True, compiled is False"),
    "T": (Planted(("input", "seq_len"), 3), "golden/stress.npy: is <f4 [16, 4, 4]"),
    "symbol": (Planted(("symbol",), "qqq"), "'qqq' is not a symbol"),
    "unknown backend": (Planted(("backends", 0, "name"), "jit"), "backends[0]"),
    "a backend's file": (Planted(("backends", 0, "file"), "../model.pt"), "backends[0].torchscript.file"),
    "no backend": (Planted(("backends",), []), "backends: list should have at least 1 item"),
    "a feature without a distribution": (Planted(("drift",), []), "F is not the same everywhere"),
    "counts of another distribution": (
        Planted(("drift", 0, "counts"), [0] * 9 + [1]),
        "drift[0]: counts do not hold a tenth",
    ),
    "a range that no float holds": (Planted(("drift", 0, "max"), 1e39), "as finite float32"),
    "a count too few": (Planted(("drift", 0, "counts"), [1] * 9), "drift[0].counts"),
    "golden bars": (Planted(("golden", "bars"), 300), "golden/ts.npy: is <i8"),
}


@pytest.mark.parametrize(("change", "told"), CHANGED_METADATA.values(), ids=CHANGED_METADATA.keys())
def test_changed_metadata_is_refused_and_named(bundle, change, told):
    change_json(bundle, "metadata.json", change)
    with pytest.raises((CorruptStore, CheckFailed)) as caught:
        load_bundle(bundle)
    assert told in str(caught.value)


def test_all_faults_of_a_manifest_are_told_at_once(bundle):
    def change(document):
        document["simulatd"] = document.pop("simulated")
        document["chain"]["bars_hash"] = "xyz"

    change_json(bundle, "metadata.json", change)
    with pytest.raises(CorruptStore) as caught:
        load_bundle(bundle)
    assert {line.split(":")[0] for line in caught.value.problems} == {
        "simulated",
        "simulatd",
        "chain.bars_hash",
    }


def test_two_features_that_changed_places_are_refused(bundle):
    def swap(document):
        features = document["features"]
        features[0], features[1] = features[1], features[0]

    change_json(bundle, "metadata.json", swap)
    with pytest.raises(CorruptStore, match=r"features\[0\]: is ema_5 \(EMA\), compiled is ret_1 \(LOGRET\)"):
        load_bundle(bundle)


def test_two_features_that_changed_places_everywhere_are_refused_by_the_goldens(bundle):
    def swap(document):
        features = document["features"]
        features[0], features[1] = features[1], features[0]

    change_json(bundle, "feature_spec.json", swap)
    document = (bundle / "feature_spec.json").read_text()
    spec_hash = sentio.FeatureSpec.from_document(document).hash
    change_json(bundle, "metadata.json", swap)
    change_json(bundle, "metadata.json", Planted(("chain", "spec_hash"), spec_hash))
    with pytest.raises(CheckFailed, match="the first is row 9 of 'ema_5'"):
        load_bundle(bundle)


def test_a_spec_with_another_parameter_is_refused_by_its_hash(bundle):
    change_json(bundle, "feature_spec.json", Planted(("features", 2, "window"), 8))
    with pytest.raises(CorruptStore, match="this engine computes"):
        load_bundle(bundle)


def test_a_spec_that_does_not_compile_is_refused(bundle):
    change_json(bundle, "feature_spec.json", Planted(("features", 2, "op"), "RSY"))
    with pytest.raises(SentioError, match="did you mean"):
        load_bundle(bundle)


def plus_one_ulp(array):
    array[-1] = np.nextafter(array[-1], np.float32(np.inf), dtype=array.dtype)


def reversed_rows(array):
    return array[::-1].copy()


def too_early(array):
    array[0] = 3


CHANGED_GOLDENS = {
    "a bar": ("bars", lambda a: a.__setitem__((200, 3), a[200, 3] * (1 + 1e-6)), "values differ"),
    "a bar that is none": ("bars", lambda a: a.__setitem__((200, 1), 1.0), "high lies below"),
    "a time": ("ts", lambda a: a.__setitem__(5, a[4]), "not later than"),
    "a feature": ("features", plus_one_ulp, "values differ"),
    "a logit": ("outputs_1", plus_one_ulp, "1 of 256 outputs differ"),
    "an infinite logit": ("outputs_7", lambda a: a.__setitem__(0, np.inf), "not finite"),
    "the rows' order": ("rows", reversed_rows, "is not ascending"),
    "a row before the first window": ("rows", too_early, "that end no window: [3]"),
    "float64": ("outputs_256", lambda a: a.astype(np.float64), "is <f8 [256, 1]; expected <f4"),
    "Fortran order": ("features", np.asfortranarray, "in C order"),
    "one window less": ("rows", lambda a: a[:-1], "is <i8 [255]; expected <i8 [256]"),
}


@pytest.mark.parametrize(("name", "change", "told"), CHANGED_GOLDENS.values(), ids=CHANGED_GOLDENS.keys())
def test_a_changed_golden_is_refused(bundle, name, change, told):
    change_array(bundle, name, change)
    with pytest.raises((CorruptStore, CheckFailed)) as caught:
        load_bundle(bundle)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [lambda data: b"", lambda data: data[:-3], lambda data: data + b"\0", lambda data: b"\x80\x04N."],
    ids=["empty", "cut", "longer", "a pickle"],
)
def test_an_array_that_is_no_npy_file_is_refused(bundle, spoil):
    path = bundle / "golden" / "rows.npy"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CorruptStore, match=r"golden/rows.npy: is (not an npy file|longer or shorter)"):
        load_bundle(reseal(bundle))


def test_another_modules_weights_are_refused(bundle, tmp_path):
    other = make_source(4)
    with torch.no_grad():
        next(iter(other.module.core.parameters())).add_(1e-3)
    shutil.copy(make_bundle(tmp_path, other) / "model.pt", bundle / "model.pt")
    with pytest.raises(CheckFailed, match="outputs differ"):
        load_bundle(reseal(bundle))


def test_a_module_that_is_no_torchscript_is_refused(bundle):
    (bundle / "model.pt").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(CorruptStore, match="does not load as TorchScript"):
        load_bundle(reseal(bundle))
