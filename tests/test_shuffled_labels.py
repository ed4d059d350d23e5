"""Where there is nothing to learn, nothing may be found: no label leaks into training or scoring."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from feature_tables import FakeTable, bars_of_closes, make_table

from sentio.evaluation import Evaluation
from sentio.trainers import find_trainer
from sentio.trainers.tfa import Config
from sentio.training import load_config, train
from sentio.workspace import Workspace

SEEDS = range(10)


def shuffled(table: FakeTable, seed: int) -> FakeTable:
    """The same features with the bars' returns in another order, so that every label goes to another row."""
    returns = np.diff(np.log(table.bars.close), prepend=np.log(100.0))
    order = np.random.default_rng(seed).permutation(len(returns))
    closes = 100 * np.exp(np.cumsum(returns[order]))
    return dataclasses.replace(table, bars=bars_of_closes(closes, table.ts))


def train_quickly(table: FakeTable, seed: int, workspace: Workspace) -> Evaluation:
    config = load_config(
        Config, None, [f"seed={seed}", "hidden=[32]", "max_epochs=5", "lr=1e-2", "batch_size=256"]
    )
    return train(find_trainer("tfa"), config, table, workspace).metrics()


def mean_auc(scored: list[Evaluation]) -> tuple[float, float]:
    """The mean over independent runs and its standard error by the runs' own block bootstraps."""
    areas = [one.scores["model"]["auc"] for one in scored]
    errors = [one.auc_standard_error for one in scored]
    return float(np.mean(areas)), math.sqrt(sum(error**2 for error in errors)) / len(errors)


def test_models_trained_on_shuffled_labels_score_one_half(workspace):
    table = make_table(sessions=30)
    mean, error = mean_auc([train_quickly(shuffled(table, seed), seed, workspace) for seed in SEEDS])
    assert abs(mean - 0.5) < 3 * error
    assert error < 0.02  # else the line above could not fail


def test_the_same_models_on_the_labels_as_they_are_are_far_from_one_half(workspace):
    mean, error = mean_auc([train_quickly(make_table(sessions=30), seed, workspace) for seed in (0, 1)])
    assert mean - 0.5 > 3 * error
