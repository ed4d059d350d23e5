"""What a bundle predicts is what the trained module says of the engine's features."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import (
    MINUTE,
    make_bundle,
    make_source,
    walk,
)

from sentio.bars import Bars
from sentio.bundle import Predictions, load_bundle
from sentio.bundle.manifest import InputLayout
from sentio.bundle.module import run_windows
from sentio.bundle.windows import window_rows
from sentio.errors import BadInput, BarsError, UsageError
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


def test_a_probability_has_the_bits_that_it_has_live():
    logits = np.linspace(-30, 30, 4001, dtype=np.float32)
    found = Predictions(np.arange(4001), logits[:, None], "logit").probability
    expected = [
        math.exp(x) / (1.0 + math.exp(x)) if x < 0 else 1.0 / (1.0 + math.exp(-x)) for x in logits.tolist()
    ]
    assert found.tolist() == expected
    extremes = np.array([[-np.float32(3e38)], [np.float32(3e38)]])
    assert Predictions(np.arange(2), extremes, "logit").probability.tolist() == [0.0, 1.0]


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
