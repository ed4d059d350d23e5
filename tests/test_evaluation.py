"""Metrics against their definitions, SciPy and known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_tables import make_table
from scipy import stats
from sklearn import metrics

from sentio import evaluation
from sentio.dataset import make_dataset, split_in_time
from sentio.errors import BadInput
from sentio.labels import Direction, LogretFwd, Move

SAME = 1e-12  # two float64 sums of some hundred terms in another order


@pytest.fixture
def rows():
    """Labels, logits with many ties, and returns that go along with them."""
    draws = np.random.default_rng(11)
    logits = np.round(draws.normal(size=500), 1)
    returns = 0.2 * logits + draws.standard_t(3, size=500)
    return (returns > 0).astype(float), logits, returns


def test_direction_metrics_are_those_of_their_definitions(rows):
    labels, logits, returns = rows
    probability = 1 / (1 + np.exp(-logits))
    above = logits[labels == 1][:, None] - logits[labels == 0]
    found = evaluation.score_direction(labels, logits, returns)
    assert found == pytest.approx(
        {
            "auc": (above > 0).mean() + (above == 0).mean() / 2,
            "log_loss": -np.mean(labels * np.log(probability) + (1 - labels) * np.log(1 - probability)),
            "brier": np.mean((probability - labels) ** 2),
            "accuracy": np.mean((logits > 0) == (labels == 1)),
            "ic": stats.pearsonr(logits, returns).statistic,
            "rank_ic": stats.spearmanr(logits, returns).statistic,
        },
        rel=SAME,
    )


def test_class_metrics_are_those_of_their_definitions():
    draws = np.random.default_rng(12)
    logits = draws.normal(size=(600, 3))
    returns = draws.standard_t(3, size=600) + logits[:, 2] - logits[:, 0]
    labels = np.digitize(returns, [-0.7, 0.7]).astype(float)
    powers = np.exp(logits)
    probability = powers / powers.sum(axis=1)[:, None]
    areas = [metrics.roc_auc_score(labels == k, probability[:, k]) for k in range(3)]
    rise = probability[:, 2] - probability[:, 0]
    assert evaluation.score_classes(labels, logits, returns) == pytest.approx(
        {
            "log_loss": -np.mean(np.log(probability[np.arange(600), labels.astype(int)])),
            "auc_ovr": np.mean(areas),
            "accuracy": np.mean(logits.argmax(axis=1) == labels),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, logits.argmax(axis=1)),
            "ic": stats.pearsonr(rise, returns).statistic,
            "rank_ic": stats.spearmanr(rise, returns).statistic,
        },
        rel=SAME,
    )


def test_a_class_that_never_comes_leaves_no_area_and_a_sure_logit_overflows_nothing():
    labels, logits = np.array([0.0, 2.0, 0.0]), np.array([[1e4, 0, -1e4], [1e4, 0, -1e4], [0, 1, 0]])
    found = evaluation.score_classes(labels, logits, np.array([-1.0, 1.0, 0.5]))
    assert found["auc_ovr"] is None
    assert found["balanced_accuracy"] == 0.25  # one of two rises down, none of one up
    assert math.isfinite(found["log_loss"])


def test_regression_metrics_are_those_of_their_definitions(rows):
    _, predictions, labels = rows
    found = evaluation.score_regression(labels, predictions, labels, train_mean=float(labels.mean()))
    assert found == pytest.approx(
        {
            "mse": np.mean((labels - predictions) ** 2),
            "r2": metrics.r2_score(labels, predictions),
            "ic": stats.pearsonr(predictions, labels).statistic,
            "rank_ic": stats.spearmanr(predictions, labels).statistic,
        },
        rel=SAME,
    )


def test_standard_error_is_that_of_a_bootstrap_written_out(rows):
    labels, logits, _ = rows
    blocks = np.arange(len(labels)) // 25
    draws = np.random.default_rng(9)
    areas = []
    for _ in range(200):
        chosen = np.concatenate([np.flatnonzero(blocks == block) for block in draws.integers(20, size=20)])
        areas.append(metrics.roc_auc_score(labels[chosen], logits[chosen]))
    found = evaluation.area_standard_error(labels, logits, blocks, seed=9)
    assert found == pytest.approx(np.std(areas, ddof=1), rel=1e-9)  # differences of areas that are SAME


def test_a_sure_and_wrong_logit_overflows_nothing():
    labels, logits = np.array([0.0, 1.0]), np.array([1e4, -1e4])
    found = evaluation.score_direction(labels, logits, np.array([-1.0, 1.0]))
    assert found["brier"] == 1.0
    assert math.isfinite(found["log_loss"])


def test_metrics_without_a_value_are_none():
    ones, scores = np.ones(5), np.arange(5.0)
    assert evaluation.score_direction(ones, scores, scores)["auc"] is None
    assert evaluation.area_standard_error(ones, scores, np.arange(5)) is None
    assert evaluation.information_coefficient(ones, scores) is None
    assert evaluation.rank_information_coefficient(scores, ones) is None


def test_standard_error_of_independent_rows_is_the_closed_form():
    draws = np.random.default_rng(5)
    labels = (draws.random(2000) < 0.5).astype(float)
    scores = draws.normal(size=2000)
    positives = labels.sum()
    # Mann and Whitney's variance without a difference between the classes.
    exact = math.sqrt((2000 + 1) / (12 * positives * (2000 - positives)))
    found = evaluation.area_standard_error(labels, scores, np.arange(2000))
    assert found == pytest.approx(exact, rel=0.2)  # 200 draws give a deviation to 5 %, times four


def test_standard_error_grows_where_rows_come_in_equal_blocks():
    """Rows that stand ten times over carry the information of one: the error is √10 times as large."""
    draws = np.random.default_rng(6)
    labels, scores = (draws.random(300) < 0.5).astype(float), draws.normal(size=300)
    once = evaluation.area_standard_error(labels, scores, np.arange(300))
    labels, scores = np.repeat(labels, 10), np.repeat(scores, 10)
    in_blocks = evaluation.area_standard_error(labels, scores, np.repeat(np.arange(300), 10))
    as_rows = evaluation.area_standard_error(labels, scores, np.arange(3000))
    assert in_blocks == pytest.approx(once, rel=1e-9)  # the same draws of the same blocks
    assert in_blocks == pytest.approx(as_rows * math.sqrt(10), rel=0.25)


def test_blocks_are_sessions_where_there_are_enough_of_them():
    many = np.repeat(np.arange(30), 7)
    np.testing.assert_array_equal(evaluation.time_blocks(many, 1), many)
    few = evaluation.time_blocks(np.zeros(900, dtype=np.int64), horizon=4)
    assert np.bincount(few).tolist() == [30] * 30
    assert (
        np.bincount(evaluation.time_blocks(np.zeros(900, dtype=np.int64), horizon=100)).tolist() == [100] * 9
    )


def test_baselines_stand_on_the_same_rows_and_find_the_planted_signal():
    table = make_table(strength=0.4)
    dataset = make_dataset(table, Direction())
    split = split_in_time(dataset, train=0.6, validation=0.2)
    mean, scale = np.full(6, 3, np.float32), np.full(6, 0.2, np.float32)
    found = evaluation.baselines(dataset, split, Direction(), mean, scale)
    share = dataset.labels.values[split.train].mean()
    assert [len(values) for values in found.values()] == [len(split.test)] * 2
    np.testing.assert_allclose(1 / (1 + np.exp(-found["majority"])), share, rtol=1e-6)  # a float32 mean
    scored = evaluation.evaluate(dataset, split, Direction(), found)
    assert scored.rows == len(split.test)
    assert scored.scores["majority"]["auc"] == 0.5
    assert scored.scores["majority"]["ic"] is None
    # The correlation of the planted signal is 0.4; 600 rows give it to 0.04.
    assert scored.scores["logistic"]["ic"] == pytest.approx(0.4, abs=0.12)


def test_baselines_of_classes_are_their_shares_and_a_linear_model():
    label = Move(min_move_bp=5.0)
    dataset = make_dataset(make_table(strength=0.4), label)
    split = split_in_time(dataset, train=0.6, validation=0.2)
    mean, scale = np.full(6, 3, np.float32), np.full(6, 0.2, np.float32)
    evaluation.check_labels(dataset, split, label)
    found = evaluation.baselines(dataset, split, label, mean, scale)
    shares = np.bincount(dataset.labels.values[split.train].astype(int)) / len(split.train)
    assert [values.shape for values in found.values()] == [(len(split.test), 3)] * 2
    np.testing.assert_allclose(np.exp(found["majority"]), np.tile(shares, (len(split.test), 1)), rtol=1e-12)
    scored = evaluation.evaluate(dataset, split, label, found)
    assert scored.auc_standard_error is None
    assert scored.scores["majority"]["auc_ovr"] == 0.5
    assert scored.scores["majority"]["ic"] is None
    # As above: the correlation of the planted signal is 0.4.
    assert scored.scores["logistic"]["ic"] == pytest.approx(0.4, abs=0.12)
    assert scored.scores["logistic"]["log_loss"] < scored.scores["majority"]["log_loss"]


def test_a_class_without_train_rows_is_refused():
    label = Move(min_move_bp=1e5)
    dataset = make_dataset(make_table(strength=0.0), label)
    split = split_in_time(dataset, train=0.6, validation=0.2)
    with pytest.raises(BadInput, match="train rows is of class down or up"):
        evaluation.check_labels(dataset, split, label)


def test_ridge_beats_the_mean_and_the_mean_scores_about_zero():
    dataset = make_dataset(make_table(strength=0.4), LogretFwd())
    split = split_in_time(dataset, train=0.6, validation=0.2)
    mean, scale = np.full(6, 3, np.float32), np.full(6, 0.2, np.float32)
    found = evaluation.baselines(dataset, split, LogretFwd(), mean, scale)
    scored = evaluation.evaluate(dataset, split, LogretFwd(), found).scores
    assert scored["train mean"]["r2"] == pytest.approx(0.0, abs=1e-6)
    assert scored["ridge"]["r2"] == pytest.approx(0.16, abs=0.1)  # the square of the planted correlation


def test_labels_of_one_class_are_refused():
    table = make_table(strength=0.0)
    dataset = make_dataset(table, Direction())
    split = split_in_time(dataset, train=0.6, validation=0.2)
    dataset.labels.values[split.train] = 1.0
    with pytest.raises(BadInput, match="train rows have the same direction, 1"):
        evaluation.check_labels(dataset, split, Direction())
