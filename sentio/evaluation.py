"""What a model is worth: metrics on the untouched test span, beside baselines on the very same rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from sentio.errors import BadInput
from sentio.ranking import TieGroups, area_under_curve

if TYPE_CHECKING:
    from sentio.dataset import Dataset, Split
    from sentio.labels import Label

__all__ = [
    "Evaluation",
    "Scores",
    "area_standard_error",
    "baselines",
    "check_labels",
    "evaluate",
    "information_coefficient",
    "rank_information_coefficient",
    "score_classes",
    "score_direction",
    "score_regression",
    "time_blocks",
]

Floats = NDArray[np.float64]
Scores = dict[str, float | None]

_FEWEST_BLOCKS = 20  # below this a bootstrap over sessions says little
_REPEATS = 200


class Evaluation(BaseModel):
    """Metrics of each predictor on the same rows; None where a metric has no value.

    Attributes:
        rows: samples of the test span.
        scores: predictor to metric to value; the first predictor is the model.
        auc_standard_error: of the model's AUC, by block bootstrap; None where the label is not binary.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int
    scores: dict[str, Scores]
    auc_standard_error: float | None


def area_standard_error(
    labels: Floats, scores: Floats, blocks: NDArray[np.int64], *, seed: int = 0
) -> float | None:
    """The standard error of the AUC where neighbouring rows depend on each other.

    Whole blocks are drawn with replacement and the deviation of the AUC over the draws is taken
    (Künsch 1989, with blocks that do not overlap). The scores are sorted once for all draws.

    Args:
        labels: 0 and 1, [n].
        scores: [n], higher means more likely 1.
        blocks: the block of each row, [n].
        seed: of the draws.

    Returns:
        None where the labels have one class or there is one block.
    """
    names, block = np.unique(blocks, return_inverse=True)
    if len(names) < 2:
        return None
    draws = np.random.default_rng(seed)
    groups = TieGroups(scores)
    areas = []
    for _ in range(_REPEATS):
        drawn = draws.integers(len(names), size=len(names))
        times = np.bincount(drawn, minlength=len(names)).astype(np.float64)
        areas.append(area_under_curve(labels, groups, times[block]))
    known = [area for area in areas if area is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def time_blocks(sessions: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    """Blocks of neighbouring rows: sessions, or equal lengths of about √n where there are too few of them.

    Args:
        sessions: the session of each row, in time order, [n].
        horizon: of the label; a block is at least as long.
    """
    if len(np.unique(sessions)) >= _FEWEST_BLOCKS:
        return sessions
    length = max(horizon, math.isqrt(len(sessions)), 1)
    return np.arange(len(sessions)) // length


def information_coefficient(scores: Floats, returns: Floats) -> float | None:
    """Pearson's correlation of score and forward return; None where one of them is constant."""
    if len(scores) < 2 or np.ptp(scores) == 0.0 or np.ptp(returns) == 0.0:
        return None
    return float(np.corrcoef(scores, returns)[0, 1])


def rank_information_coefficient(scores: Floats, returns: Floats) -> float | None:
    """Spearman's correlation of score and forward return, ties by their mean rank."""
    return information_coefficient(TieGroups(scores).mean_ranks(), TieGroups(returns).mean_ranks())


def score_direction(labels: Floats, logits: Floats, returns: Floats) -> Scores:
    """All metrics of a predictor of direction.

    Args:
        labels: 0 and 1, [n].
        logits: [n].
        returns: forward log returns, [n].
    """
    from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

    probability = np.exp(-np.logaddexp(0.0, -logits))  # the sigmoid, without overflow
    return {
        "auc": float(roc_auc_score(labels, logits)) if np.ptp(labels) else None,
        "log_loss": float(log_loss(labels, probability, labels=[0.0, 1.0])),
        "brier": float(brier_score_loss(labels, probability, pos_label=1.0)),
        "accuracy": float(accuracy_score(labels > 0.5, logits > 0.0)),
        "ic": information_coefficient(logits, returns),
        "rank_ic": rank_information_coefficient(logits, returns),
    }


def score_classes(labels: Floats, logits: Floats, returns: Floats) -> Scores:
    """All metrics of a predictor of classes that ascend with the forward return, such as down, flat, up.

    Args:
        labels: the place of each row's class, [n].
        logits: of each class, [n, C].
        returns: forward log returns, [n].
    """
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))  # the softmax, without overflow
    probability = shifted / shifted.sum(axis=1, keepdims=True)
    places = np.arange(logits.shape[1])
    expected = probability @ places  # for three classes 1 + P(up) - P(down)
    likeliest = logits.argmax(axis=1)
    present = np.unique(labels)
    area = None
    if len(present) == len(places):
        area = float(roc_auc_score(labels, probability, multi_class="ovr", labels=places))
    return {
        "log_loss": float(log_loss(labels, probability, labels=places)),
        "auc_ovr": area,
        "accuracy": float(accuracy_score(labels, likeliest)),
        # scikit-learn's warns of a class that is predicted and not there, which happens.
        "balanced_accuracy": float(np.mean([(likeliest[labels == k] == k).mean() for k in present])),
        "ic": information_coefficient(expected, returns),
        "rank_ic": rank_information_coefficient(expected, returns),
    }


def score_regression(labels: Floats, predictions: Floats, returns: Floats, train_mean: float) -> Scores:
    """All metrics of a predictor of a value.

    Args:
        labels: [n], in the label's unit.
        predictions: [n], in the label's unit.
        returns: forward log returns, [n].
        train_mean: of the labels; R² is measured against predicting it.
    """
    from sklearn.metrics import mean_squared_error

    error = float(mean_squared_error(labels, predictions))
    of_mean = float(mean_squared_error(labels, np.full(len(labels), train_mean)))
    return {
        "mse": error,
        "r2": 1.0 - error / of_mean if of_mean > 0.0 else None,
        "ic": information_coefficient(predictions, returns),
        "rank_ic": rank_information_coefficient(predictions, returns),
    }


def check_labels(dataset: Dataset, split: Split, label: Label) -> None:
    """Refuse train rows from which nothing can be learnt.

    Raises:
        BadInput: all labels are equal, or a class never comes.
    """
    labels = dataset.labels.values[split.train]
    absent = [name for place, name in enumerate(label.classes) if not (labels == place).any()]
    if absent:
        raise BadInput("label", f"none of {len(labels)} train rows is of class {' or '.join(absent)}")
    if np.ptp(labels) == 0.0:
        what = "direction" if label.task == "binary" else "value"
        raise BadInput("label", f"all {len(labels)} train rows have the same {what}, {labels[0]:g}")


def baselines(
    dataset: Dataset, split: Split, label: Label, mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> dict[str, Floats]:
    """Predictions on the test span by the two that a model has to beat, fitted on the train span.

    The first always says what is most common (or the mean); the second is a linear model of the window's
    last row, standardised as the model's features are: scikit-learn's logistic regression or ridge.

    Args:
        dataset, split: the samples.
        label: a binary one gives logits, a multiclass one a logit for each class, a regression gives values.
        mean, scale: the model's scaler, float32 [F]: (x - mean) * scale.

    Returns:
        Name to predictions float64 [test rows], or [test rows, C] where there are classes.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    labels = dataset.labels.values[split.train].astype(np.float64)
    train, test = ((dataset.table.features[rows] - mean) * scale for rows in (split.train, split.test))
    average = float(labels.mean())
    if label.task == "regression":
        linear = Ridge().fit(train, labels).predict(test)
        return {"train mean": np.full(len(test), average), "ridge": linear.astype(np.float64)}
    logits = LogisticRegression(max_iter=1000).fit(train, labels).decision_function(test)
    if label.task == "multiclass":
        shares = np.array([np.mean(labels == place) for place in range(len(label.classes))])
        most_common = np.tile(np.log(shares), (len(test), 1))
    else:
        most_common = np.full(len(test), math.log(average / (1.0 - average)))
    return {"majority": most_common, "logistic": logits.astype(np.float64)}


def evaluate(
    dataset: Dataset, split: Split, label: Label, predictions: dict[str, Floats], seed: int = 0
) -> Evaluation:
    """Score every predictor on the test span.

    Args:
        dataset, split: the samples.
        label: what was to be foreseen.
        predictions: as `baselines` gives them; the first is the model's.
        seed: of the bootstrap.
    """
    labels = dataset.labels.values[split.test].astype(np.float64)
    returns = dataset.labels.forward_return[split.test]
    error = None
    if label.task == "multiclass":
        scores = {name: score_classes(labels, values, returns) for name, values in predictions.items()}
    elif label.task == "binary":
        scores = {name: score_direction(labels, values, returns) for name, values in predictions.items()}
        blocks = time_blocks(dataset.sessions[split.test], dataset.horizon)
        error = area_standard_error(labels, next(iter(predictions.values())), blocks, seed=seed)
    else:
        mean = float(dataset.labels.values[split.train].astype(np.float64).mean())
        scores = {
            name: score_regression(labels, values, returns, mean) for name, values in predictions.items()
        }
    return Evaluation(rows=len(labels), scores=scores, auc_standard_error=error)
