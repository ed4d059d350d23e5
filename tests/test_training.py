"""From a cache entry to a finished run: the same bits again, interruption, resumption, what is recorded."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from feature_tables import FakeTable, bars_of_closes, make_table

from sentio.dataset import make_dataset, split_in_time
from sentio.errors import BadInput, ConfigError, CorruptStore, EnvironmentProblem, UsageError
from sentio.evaluation import score_direction
from sentio.trainers import find_trainer, load_model, trainer_names
from sentio.trainers.tfa import Config
from sentio.training import Run, list_runs, load_config, open_run, train
from sentio.training.config import describe
from sentio.training.gather import WindowGather
from sentio.training.loop import Epoch, pick_device
from sentio.training.run import MANIFEST

TFA = find_trainer("tfa")


@pytest.fixture(scope="module")
def table() -> FakeTable:
    return make_table()


def small(*settings: str) -> Config:
    """A network that trains in a tenth of a second."""
    return load_config(Config, None, ["hidden=[16]", "max_epochs=4", "batch_size=256", *settings])


class Interrupter:
    """Presses Ctrl-C when an epoch ends, before its checkpoint is written."""

    def __init__(self, at_epoch: int) -> None:
        self.at_epoch = at_epoch

    def started(self, run: Run) -> None:
        if self.at_epoch == 0:
            raise KeyboardInterrupt

    def epoch(self, epoch: Epoch) -> None:
        if epoch.number == self.at_epoch:
            raise KeyboardInterrupt


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_model(run).state_dict()


def assert_same_bits(one: Run, other: Run) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert torch.equal(values, second[name]), name
    assert one.metrics() == other.metrics()


# The configuration


def test_a_typo_in_a_key_is_refused_with_a_suggestion_and_all_others_too():
    with pytest.raises(ConfigError) as caught:
        load_config(Config, None, ["batch_sise=1", "lr=fast", "label.horizn=2", "device=tpu"])
    assert caught.value.exit_code == 3
    problems = "\n".join(caught.value.problems)
    assert "batch_sise: is not a known key; did you mean batch_size?" in problems
    assert "label.horizn: is not a known key; did you mean horizon?" in problems
    assert "lr: input should be a valid number, found 'fast'" in problems
    assert "device: input should be 'auto', 'cpu', 'cuda' or 'mps', found 'tpu'" in problems


def test_a_wrong_setting_is_blamed_on_set_and_not_on_the_file_alone(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text("lr: 0.5\n")
    with pytest.raises(ConfigError) as caught:
        load_config(Config, file, ["batch_sise=1"])
    assert caught.value.where == f"{file}, --set batch_sise=1"


def test_yaml_reads_exponents_as_numbers_and_tickers_as_words(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text("lr: 1e-3\nweight_decay: 2E-2\nsymbol: ON\ninterval: 5m\ncompile: false\n")
    config = load_config(Config, file)
    assert (config.lr, config.weight_decay, config.symbol, config.interval) == (1e-3, 2e-2, "ON", "5m")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: 1\nseed: 3\nlr: 2\n", "line 3: the key 'lr' stands twice"),
        ("label:\n  horizon: 1\n  horizon: 2\n", "line 3: the key 'horizon' stands twice"),
        ("lr: [1\n", "line 2: "),
        ("- lr\n", "is not a list of `key: value` lines"),
        ("train_share: 0.9\n", "train_share 0.9 and validation_share 0.2 leave no test span"),
        ("model: transformer\nhidden: [3]\n", "hidden would have no effect"),
        ("model: transformer\nheads: 5\n", "d_model 96 is not a multiple of heads 5"),
        (
            "label:\n  kind: triple\n",
            "label.kind: is 'triple'; allowed: direction, move, logret_fwd, close_diff",
        ),
        ("label: 3\n", "label: input should be a valid dictionary"),
        ("lr: .nan\n", "lr: "),
        ("!!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
    ],
)
def test_each_bad_document_is_refused_with_its_reason(tmp_path, text, message):
    file = tmp_path / "train.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(Config, file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("setting", ["max_epochs", "=3", "label.=3", ""])
def test_a_setting_without_key_or_value_is_a_usage_error(setting):
    with pytest.raises(UsageError, match="is not KEY=VALUE"):
        load_config(Config, None, [setting])


def test_a_setting_changes_the_file_and_an_override_both(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text("lr: 0.5\nseed: 1\nlabel: {kind: direction, min_move_bp: 2.0}\n")
    config = load_config(Config, file, ["seed=2", "label.horizon=9"], symbol="QQQ", interval=None)
    assert (config.lr, config.seed, config.symbol, config.interval) == (0.5, 2, "QQQ", None)
    assert (config.label.horizon, config.label.min_move_bp) == (9, 2.0)


@pytest.mark.parametrize("settings", [[], ["model=transformer", "grad_clip=.inf"], ["label.kind=close_diff"]])
def test_a_resolved_configuration_gives_itself_again(tmp_path, settings):
    config = load_config(Config, None, settings)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert load_config(Config, tmp_path / "config.yaml") == config


def test_the_window_s_default_follows_the_model():
    assert load_config(Config, None, []).seq_len == 1
    assert load_config(Config, None, ["model=transformer"]).seq_len == 32
    assert load_config(Config, None, ["model=transformer", "seq_len=16"]).seq_len == 16


def test_every_key_says_what_it_means():
    meanings = dict(describe(Config))
    assert meanings["max_epochs"] == "passes over the train span at most [30]"
    assert meanings["label.horizon"] == "how many bars ahead the label looks [1]"
    assert meanings.keys() >= Config.model_fields.keys() - {"label"}
    assert not [key for key, meaning in meanings.items() if meaning.startswith(("None", " "))]


# Batches


def test_windows_are_those_of_plain_slicing():
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    features.flags.writeable = False
    gather = WindowGather(features, seq_len=4, batch_size=8, device=torch.device("cpu"))
    for rows in ([10, 3, 49], [7], [20, 20, 21, 22, 23, 24, 25, 26]):
        expected = np.stack([features[row - 3 : row + 1] for row in rows])
        np.testing.assert_array_equal(gather(torch.tensor(rows)).numpy(), expected)


def test_a_table_on_disk_is_mapped_and_the_buffer_used_again(tmp_path):
    np.save(tmp_path / "features.npy", np.arange(60, dtype=np.float32).reshape(20, 3))
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    gather = WindowGather(features, seq_len=1, batch_size=4, device=torch.device("cpu"))
    first = gather(torch.tensor([0, 1]))
    assert first.tolist() == [[[0, 1, 2]], [[3, 4, 5]]]
    assert gather(torch.tensor([5, 6])).data_ptr() == first.data_ptr()


# The loop


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(table, workspace):
    one, two = (train(TFA, small(), table, workspace) for _ in range(2))
    assert one.name != two.name
    assert_same_bits(one, two)
    other = train(TFA, small("seed=8"), table, workspace)
    assert not torch.equal(weights(one)["core.layers.0.weight"], weights(other)["core.layers.0.weight"])


def test_a_model_finds_the_planted_signal(table, workspace):
    run = train(TFA, small("max_epochs=15", "lr=1e-2"), table, workspace)
    model = run.metrics().scores["model"]
    # The best correlation is 0.3 by construction; 600 test rows give it to 0.04.
    assert model["ic"] == pytest.approx(0.3, abs=0.12)
    assert model["auc"] > 0.58
    assert list(run.metrics().scores) == ["model", "majority", "logistic"]


@pytest.mark.parametrize("kind", ["logret_fwd", "close_diff"])
def test_a_regression_predicts_in_the_label_s_unit(table, workspace, kind):
    run = train(TFA, small(f"label.kind={kind}", "max_epochs=15", "lr=1e-2"), table, workspace)
    scores = run.metrics().scores
    assert list(scores) == ["model", "train mean", "ridge"]
    assert scores["model"]["r2"] == pytest.approx(0.09, abs=0.08)  # the square of the planted correlation
    predictions = pq.read_table(run.path / "predictions.parquet").to_pydict()
    labels = np.array(predictions["label"], dtype=np.float64)
    error = np.mean((np.array(predictions["score"]) - labels) ** 2)
    assert scores["model"]["mse"] == pytest.approx(error, rel=1e-12)


def test_classes_are_learnt_and_told_apart(table, workspace):
    run = train(TFA, small("label.kind=move", "max_epochs=15", "lr=1e-2"), table, workspace)
    scores = run.metrics().scores
    assert list(scores) == ["model", "majority", "logistic"]
    assert scores["model"]["ic"] == pytest.approx(0.3, abs=0.12)  # of the planted signal, as above
    assert scores["model"]["log_loss"] < scores["majority"]["log_loss"]
    for span in run.manifest.spans.values():
        assert list(span.shares) == ["down", "flat", "up"]
        assert sum(span.shares.values()) == pytest.approx(1.0)
        # The returns' deviation is 10 basis points: 38 % lie within 5 of 0. 600 rows give it to 0.02.
        assert span.shares["flat"] == pytest.approx(0.383, abs=0.08)
    predictions = pq.read_table(run.path / "predictions.parquet").to_pydict()
    logits = np.array([predictions[f"score_{name}"] for name in ("down", "flat", "up")]).T
    powers = np.exp(logits)
    probability = powers / powers.sum(axis=1)[:, None]
    labels = np.array(predictions["label"]).astype(int)
    loss = -np.mean(np.log(probability[np.arange(len(labels)), labels]))
    assert scores["model"]["log_loss"] == pytest.approx(loss, rel=1e-12)
    moves = np.array(predictions["forward_return"]) * 1e4
    assert labels.tolist() == np.digitize(moves, [-5.0, 5.0]).tolist()  # no return lies on an edge


def test_a_network_of_another_width_than_the_label_s_is_refused(table, workspace):
    narrow = dataclasses.replace(
        TFA, build=lambda config, n_features, seq_len, n_outputs: TFA.build(config, n_features, seq_len, 1)
    )
    with pytest.raises(BadInput, match=r"gives \[2, 1\] for 2 windows; the label move needs \[2, 3\]"):
        train(narrow, small("label.kind=move"), table, workspace)
    assert not list_runs(workspace).runs


def test_a_transformer_trains_on_windows(workspace):
    table = make_table(sessions=15)
    config = load_config(
        Config, None, ["model=transformer", "seq_len=8", "d_model=16", "max_epochs=2", "feed_forward=16"]
    )
    run = train(TFA, config, table, workspace)
    assert run.manifest.seq_len == 8
    assert run.manifest.lost["warm-up"] == 20 + 7
    assert load_model(run)(torch.zeros(2, 8, 6)).shape == (2, 1)


def test_the_best_weights_are_restored_and_training_stops_when_patience_ends(table, workspace):
    run = train(TFA, small("max_epochs=60", "patience=3", "lr=3e-2", "hidden=[64]"), table, workspace)
    losses = [epoch["validation_loss"] for epoch in run.epochs()]
    assert run.manifest.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == run.manifest.best_epoch + 3 < 60
    dataset = make_dataset(table, run.manifest.label)
    rows = split_in_time(dataset, train=0.6, validation=0.2).validation
    logits = load_model(run)(torch.from_numpy(table.features[rows][:, None, :])).detach().numpy()[:, 0]
    scored = score_direction(
        dataset.labels.values[rows].astype(float), logits.astype(float), dataset.labels.forward_return[rows]
    )
    assert scored["log_loss"] == pytest.approx(min(losses), rel=1e-5)  # sums of float32 in another order


def test_nothing_of_the_test_span_reaches_the_weights(table, workspace):
    """All that is later than validation is replaced: features, so the scaler, and closes, so labels."""
    run = train(TFA, small("label.horizon=3"), table, workspace)
    first = run.manifest.spans["test"].first_row
    draws = np.random.default_rng(1)
    features, closes = table.features.copy(), table.bars.close.copy()
    features[first:] = draws.normal(scale=100, size=features[first:].shape)
    closes[first:] = draws.uniform(50, 150, size=len(closes) - first)
    changed = dataclasses.replace(table, features=features, bars=bars_of_closes(closes, table.ts))
    other = train(TFA, small("label.horizon=3"), changed, workspace)
    assert other.epochs()[-1]["train_loss"] == run.epochs()[-1]["train_loss"]
    for name, values in weights(run).items():
        assert torch.equal(values, weights(other)[name]), name
    assert other.metrics() != run.metrics()


def test_the_scaler_is_fitted_on_the_train_span(table, workspace):
    run = train(TFA, small("max_epochs=1"), table, workspace)
    rows = split_in_time(make_dataset(table, run.manifest.label), train=0.6, validation=0.2).train
    exact = table.features[rows].astype(np.float64)
    np.testing.assert_array_equal(weights(run)["scaler.mean"], exact.mean(axis=0).astype(np.float32))


def test_training_leaves_torch_as_it_was(table, workspace):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train(TFA, small("max_epochs=1", f"threads={threads + 1}"), table, workspace)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_loss_that_is_not_finite_ends_the_run_as_failed(table, workspace):
    with pytest.raises(BadInput, match="the loss is not finite"):
        train(TFA, small("lr=1e30", "grad_clip=.inf", "label.kind=close_diff"), table, workspace)
    assert open_run(workspace).manifest.state == "failed"


def test_a_missing_device_is_an_error_of_the_environment():
    if torch.cuda.is_available():
        pytest.skip("needs a machine without cuda, and this one has it")
    with pytest.raises(EnvironmentProblem, match="cuda is not present here; found: "):
        pick_device("cuda")


# Interruption


@pytest.mark.parametrize("at_epoch", [0, 1, 3, 6])
def test_a_resumed_run_ends_with_the_bits_of_one_never_interrupted(table, workspace, at_epoch):
    config = small("max_epochs=6", "dropout=0.3")
    whole = train(TFA, config, table, workspace)
    with pytest.raises(KeyboardInterrupt):
        train(TFA, config, table, workspace, watcher=Interrupter(at_epoch))
    stopped = open_run(workspace)
    assert stopped.manifest.state == "interrupted"
    resumed = train(TFA, stopped.config(Config), table, workspace, resume=stopped)
    assert resumed.name == stopped.name
    assert_same_bits(whole, resumed)
    losses = [[epoch["validation_loss"] for epoch in run.epochs()] for run in (whole, resumed)]
    assert losses[0] == losses[1]


def test_a_run_interrupted_twice_still_ends_with_the_same_bits(table, workspace):
    config = small("max_epochs=6", "dropout=0.3")
    whole = train(TFA, config, table, workspace)
    for at_epoch in (2, 5):
        resume = open_run(workspace) if at_epoch == 5 else None
        with pytest.raises(KeyboardInterrupt):
            train(TFA, config, table, workspace, watcher=Interrupter(at_epoch), resume=resume)
    assert_same_bits(whole, train(TFA, config, table, workspace, resume=open_run(workspace)))


def test_the_checkpoint_is_plain_data(table, workspace):
    run = train(TFA, small("max_epochs=2"), table, workspace)
    saved = torch.load(run.path / "checkpoint.pt", weights_only=True)
    assert saved["epoch"] == 2


def test_a_run_over_other_data_is_not_resumed(table, workspace):
    with pytest.raises(KeyboardInterrupt):
        train(TFA, small(), table, workspace, watcher=Interrupter(1))
    with pytest.raises(BadInput, match="was trained on cache entry dddddddddddd, found ffffffffffff"):
        train(TFA, small(), dataclasses.replace(table, id="f" * 64), workspace, resume=open_run(workspace))


def test_a_finished_run_is_not_resumed(table, workspace):
    run = train(TFA, small("max_epochs=1"), table, workspace)
    with pytest.raises(BadInput, match="is finished"):
        train(TFA, small("max_epochs=1"), table, workspace, resume=run)


def test_a_run_that_another_process_trains_is_left_alone(table, workspace):
    with pytest.raises(KeyboardInterrupt):
        train(TFA, small(), table, workspace, watcher=Interrupter(1))
    run = open_run(workspace)
    with run.locked(), pytest.raises(UsageError, match="another process is training this run"):
        train(TFA, small(), table, workspace, resume=run)


def test_a_run_that_another_process_finished_meanwhile_is_not_trained_again(table, workspace):
    with pytest.raises(KeyboardInterrupt):
        train(TFA, small(), table, workspace, watcher=Interrupter(1))
    stale = open_run(workspace)
    finished = train(TFA, small(), table, workspace, resume=open_run(workspace))
    with pytest.raises(BadInput, match="is finished"):
        train(TFA, small(), table, workspace, resume=stale)
    assert open_run(workspace).manifest == finished.manifest


def flip_a_weight(checkpoint: bytes) -> bytes:
    """One bit of the first layer's weights, wherever the archive holds them."""
    saved = torch.load(io.BytesIO(checkpoint), weights_only=True)
    weights = saved["model"]["core.layers.0.weight"].numpy().tobytes()
    place = checkpoint.index(weights)
    return checkpoint[:place] + bytes([checkpoint[place] ^ 1]) + checkpoint[place + 1 :]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:100], flip_a_weight])
def test_a_damaged_checkpoint_is_named(table, workspace, damage):
    with pytest.raises(KeyboardInterrupt):
        train(TFA, small(), table, workspace, watcher=Interrupter(2))
    run = open_run(workspace)
    checkpoint = run.path / "checkpoint.pt"
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(CorruptStore, match=r"checkpoint\.pt: is damaged"):
        train(TFA, small(), table, workspace, resume=run)


# The run directory


def test_a_finished_run_holds_the_whole_chain(table, workspace):
    now = datetime(2026, 1, 31, 14, 25, 30, tzinfo=UTC)
    run = train(TFA, small("max_epochs=2"), table, workspace, clock=lambda: now)
    written = json.loads((run.path / MANIFEST).read_text())
    assert run.name.startswith("20260131T142530000Z-tfa-")
    chain = {name: written[name] for name in ("bars_hash", "spec_hash", "cache_key", "cache_id", "engine")}
    assert chain == {
        "bars_hash": table.manifest.bars_hash,
        "spec_hash": table.manifest.spec_hash,
        "cache_key": table.key,
        "cache_id": table.id,
        "engine": table.manifest.engine,
    }
    assert written["state"] == "finished"
    assert written["simulated"] is True
    assert written["features"] == table.manifest.features
    usable = sum(span["rows"] for span in written["spans"].values())
    assert usable + sum(written["lost"].values()) == len(table.ts)
    assert run.config(Config).symbol == "QQQ"


def test_predictions_are_those_of_the_saved_model_on_the_test_span(table, workspace):
    run = train(TFA, small("max_epochs=2"), table, workspace)
    span = run.manifest.spans["test"]
    predictions = pq.read_table(run.path / "predictions.parquet")
    times = predictions["ts"].cast("int64").to_numpy()
    assert len(times) == span.rows
    assert (times[0], times[-1]) == (span.first_ts, span.last_ts)
    rows = np.searchsorted(table.ts, times)
    logits = load_model(run)(torch.from_numpy(table.features[rows][:, None, :]))[:, 0]
    np.testing.assert_allclose(
        predictions["score"], logits.numpy(), rtol=1e-5, atol=1e-6
    )  # other batch sizes
    closes = table.bars.close
    np.testing.assert_array_equal(predictions["label"], (closes[rows + 1] > closes[rows]).astype(np.float32))


def test_one_flipped_byte_in_any_file_of_a_run_is_found(table, workspace):
    run = train(TFA, small("max_epochs=1"), table, workspace)
    run.verify()
    for name in run.manifest.files:
        path = run.path / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(CorruptStore, match=name):
            load_model(run)
        path.write_bytes(data)
    run.verify()


def test_an_unfinished_run_gives_no_model_and_says_how_to_go_on(table, workspace):
    with pytest.raises(KeyboardInterrupt):
        train(TFA, small(), table, workspace, watcher=Interrupter(1))
    with pytest.raises(BadInput) as caught:
        load_model(open_run(workspace))
    assert caught.value.exit_code == 3
    assert "--resume" in caught.value.hint


def test_runs_sort_by_time_and_the_newest_is_opened(table, workspace):
    start = datetime(2026, 1, 31, tzinfo=UTC)
    for hours in (3, 1, 2):
        moment = start + timedelta(hours=hours)
        train(TFA, small("max_epochs=1"), table, workspace, clock=lambda moment=moment: moment)
    assert [run.manifest.created.hour for run in list_runs(workspace).runs] == [1, 2, 3]
    assert open_run(workspace).manifest.created.hour == 3


def test_an_unknown_run_is_refused_with_the_list(table, workspace):
    with pytest.raises(UsageError, match="holds no run"):
        open_run(workspace)
    run = train(TFA, small("max_epochs=1"), table, workspace)
    with pytest.raises(UsageError, match=run.name):
        open_run(workspace, "nope")


def test_a_manifest_with_an_unknown_key_is_damaged(table, workspace):
    run = train(TFA, small("max_epochs=1"), table, workspace)
    path: Path = run.path / MANIFEST
    path.write_text(path.read_text().replace('"trainer"', '"trained"', 1))
    with pytest.raises(CorruptStore, match="trained"):
        open_run(workspace)


# Trainers


def test_trainers_are_found_by_their_file_s_name():
    assert "tfa" in trainer_names()
    with pytest.raises(UsageError, match="is not a trainer; there are: tfa"):
        find_trainer("tfb")


def test_the_shipped_configuration_is_valid(workspace):
    shipped = Path(__file__).resolve().parents[1] / "specs" / "train" / "tfa.yaml"
    assert isinstance(load_config(Config, shipped), Config)
