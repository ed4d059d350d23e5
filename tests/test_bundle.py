"""Bundles: what is loaded, what is predicted, and every way in which a bundle is refused."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import threading
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
    walk,
)

import sentio
from sentio.bars import Bars
from sentio.bundle import Bundle, load_bundle
from sentio.bundle.manifest import InputLayout, parse_manifest
from sentio.bundle.module import run_windows
from sentio.bundle.windows import window_rows
from sentio.errors import BadInput, BarsError, CheckFailed, CorruptStore, SentioError, UsageError
from sentio.export import Source
from sentio.features import FeatureEngine

GAP = 4 * 60 * MINUTE


@pytest.fixture(scope="module", params=[1, 4], ids=["mlp", "transformer"])
def made(request, tmp_path_factory) -> tuple[Source, Path]:
    source = make_source(request.param)
    return source, make_bundle(tmp_path_factory.mktemp("made"), source)


def joined(one: Bars, other: Bars) -> Bars:
    columns = [
        np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("ts", "open", "high", "low", "close", "volume")
    ]
    return Bars(one.symbol, one.interval, *columns, simulated=True, adjustment="raw")


def eager_outputs(source: Source, features: np.ndarray, last_rows: list[int]) -> np.ndarray:
    """The trained module, one window at a time, cut by hand."""
    length = source.module.seq_len
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        outputs = [
            source.module(torch.tensor(features[None, r - length + 1 : r + 1])).item() for r in last_rows
        ]
    torch.set_num_threads(threads)
    return np.array(outputs, np.float32)


# Predicting


def test_predictions_are_the_trained_modules_on_the_engines_features(made):
    source, path = made
    bars = walk(sessions=3, seed=9)
    features = FeatureEngine(source.spec).compute(bars)
    rows = list(range(source.spec.first_valid_row + source.module.seq_len - 1, len(bars)))
    predictions = load_bundle(path, backend="torchscript").predict(bars)
    assert predictions.ts.tolist() == bars.ts[rows].tolist()
    assert predictions.ts.dtype == np.int64
    assert predictions.value.dtype == np.float32
    assert np.array_equal(predictions.value, eager_outputs(source, features, rows))


def test_a_probability_is_the_sigmoid_of_the_logit(made):
    predictions = load_bundle(made[1]).predict(walk(sessions=1))
    expected = [1 / (1 + math.exp(-float(value))) for value in predictions.value]
    # Two formulas for one number, each rounded a few times.
    assert predictions.probability == pytest.approx(expected, rel=1e-14)


def test_batches_give_the_same_but_for_the_last_bits(made):
    bundle, bars = load_bundle(made[1], backend="torchscript"), walk(sessions=3, seed=9)
    one, many = bundle.predict(bars), bundle.predict(bars, batch_size=50)
    assert one.ts.tolist() == many.ts.tolist()
    # The bundle's tolerance bounds what another order of adding does to this very module.
    assert np.abs(one.value - many.value).max() <= bundle.manifest.backend("torchscript").tolerance


def test_a_warm_start_goes_on_as_the_long_run_would(made):
    source, path = made
    later = walk(sessions=2, seed=10, first=20)
    features = FeatureEngine(source.spec).compute(joined(source.bars, later))
    before, length = len(source.bars), source.module.seq_len
    rows = list(range(before + length - 1, before + len(later)))
    predictions = load_bundle(path, backend="torchscript").predict(later, warm=True)
    assert predictions.ts.tolist() == later.ts[length - 1 :].tolist()
    assert np.array_equal(predictions.value, eager_outputs(source, features, rows))


def test_a_warm_start_refuses_bars_of_the_training_data(made):
    with pytest.raises(BarsError):
        load_bundle(made[1]).predict(made[0].bars, warm=True)


def test_bars_of_another_interval_are_refused(made):
    bars = walk(sessions=1)
    slower = Bars("QQQ", "10m", bars.ts[0] + np.arange(len(bars)) * 10 * MINUTE, *bars.to_array().T)
    with pytest.raises(BadInput, match="are of 10m; TFA was trained on 5m"):
        load_bundle(made[1]).predict(slower)


def test_too_few_bars_give_no_prediction_rather_than_a_neutral_one(made):
    bundle = load_bundle(made[1])
    first = bundle.manifest.first_valid_row + bundle.manifest.input.seq_len - 1
    assert len(bundle.predict(walk()[:first])) == 0
    assert len(bundle.predict(walk()[: first + 1])) == 1


def test_a_batch_of_no_windows_is_refused(made):
    with pytest.raises(UsageError, match="batch_size"):
        load_bundle(made[1]).predict(walk(), batch_size=0)


def test_windows_stay_inside_a_session_where_training_kept_them_there(tmp_path):
    source = make_source(4, windows_cross_sessions=False)
    bundle = load_bundle(make_bundle(tmp_path, source))
    bars = walk(sessions=3, each=40, seed=9)
    predictions = bundle.predict(bars)
    # By hand: in each session of 40 bars the first three end no window of four.
    expected = [row for row in range(source.spec.first_valid_row + 3, len(bars)) if row % 40 >= 3]
    assert predictions.ts.tolist() == bars.ts[expected].tolist()
    later = walk(sessions=2, each=40, seed=9, first=30)
    warm = bundle.predict(later, warm=True)
    assert warm.ts.tolist() == later.ts[[row for row in range(80) if row % 40 >= 3]].tolist()


def test_a_warm_start_knows_a_gap_right_behind_its_first_bar(tmp_path):
    bundle = load_bundle(make_bundle(tmp_path, make_source(2, windows_cross_sessions=False)))
    later = walk(sessions=2, each=40, seed=9, first=30)[39:44]  # one bar of a session, four of the next
    assert bundle.predict(later, warm=True).ts.tolist() == later.ts[2:].tolist()


def test_a_regression_gives_values_in_the_labels_unit(tmp_path):
    source = make_source(1, output="return", label={"kind": "logret_fwd", "horizon": 3})
    source.module.output_mean.fill_(1e-5)
    source.module.output_scale.fill_(2e-4)
    bundle = load_bundle(make_bundle(tmp_path, source), backend="torchscript")
    bars = walk(sessions=1)
    predictions = bundle.predict(bars)
    features = FeatureEngine(source.spec).compute(bars)
    rows = list(range(source.spec.first_valid_row, len(bars)))
    assert np.array_equal(predictions.value, eager_outputs(source, features, rows))
    assert bundle.manifest.label.model_extra == {}
    with pytest.raises(UsageError, match="of kind 'return'"):
        _ = predictions.probability


def test_predicting_leaves_torchs_threads_as_they_were(made):
    bundle, before = load_bundle(made[1], backend="torchscript"), torch.get_num_threads()
    bundle.predict(walk(sessions=1))
    assert torch.get_num_threads() == before


def in_thread(action):
    """Start what another thread is to do; what comes back waits for it and gives its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()

    def result():
        thread.join()
        return results[0]

    return result


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_a_thread_that_comes_to_torch_during_anothers_forward_leaves_its_threads_to_all(three_threads):
    window = np.zeros((1, 1), np.float32), np.zeros(1, np.int64), 1, 1, 1
    begun, come, left = threading.Event(), threading.Event(), threading.Event()

    def early(x):
        begun.set()
        come.wait(0.5)  # in vain, where the other has to wait for its turn
        return x[:, -1]

    def late(x):
        come.set()
        left.wait()
        return x[:, -1]

    one = in_thread(lambda: run_windows(early, *window))
    begun.wait()
    other = in_thread(lambda: (run_windows(late, *window), torch.get_num_threads()))
    one()
    left.set()
    assert other()[1] == 3
    assert in_thread(torch.get_num_threads)() == 3  # of a thread that is new to torch


def test_threads_that_predict_at_once_give_the_same_bits_each_on_one_thread(made, three_threads):
    bundle, bars, counts = load_bundle(made[1], backend="torchscript"), walk(sessions=1), []
    expected = bundle.predict(bars).value.tobytes()
    forward = bundle.model.module

    def counted(windows):
        outputs = forward(windows)
        counts.append(torch.get_num_threads())
        return outputs

    bundle.model.module = counted
    waiting = [in_thread(lambda: bundle.predict(bars).value.tobytes()) for _ in range(4)]
    assert [result() for result in waiting] == [expected] * 4
    assert set(counts) == {1}
    assert torch.get_num_threads() == in_thread(torch.get_num_threads)() == 3


@pytest.mark.parametrize("crossing", [True, False])
@pytest.mark.parametrize(("first_valid", "length"), [(0, 1), (0, 3), (5, 1), (5, 4), (50, 4)])
def test_window_rows_agree_with_the_definition_read_aloud(crossing, first_valid, length):
    minutes = [0, 5, 10, 400, 405, 410, 415, 420, 900, 1500, 1505, 1510, 1515, 1520, 1525, 1530]
    ts = np.array(minutes, np.int64) * MINUTE
    opens = [i == 0 or minutes[i] - minutes[i - 1] >= 240 for i in range(len(minutes))]
    expected = []
    for row in range(len(minutes)):
        window = range(row - length + 1, row + 1)
        valid = window[0] >= first_valid
        if valid and (crossing or not any(opens[i] for i in window[1:])):
            expected.append(row)
    layout = InputLayout(seq_len=length, n_features=1, windows_cross_sessions=crossing)
    assert window_rows(ts, first_valid, layout, GAP).tolist() == expected


# The manifest


def test_the_manifest_says_what_the_bundle_is(made):
    source, path = made
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


def test_a_manifest_survives_being_written_and_read(made):
    manifest = load_bundle(made[1]).manifest
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
    with pytest.raises(CorruptStore, match=r"golden/more.npy: is no file of this bundle"):
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
