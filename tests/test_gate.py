"""The gate: a model passes where it beats every baseline by the metric that decides."""

from __future__ import annotations

import pytest

from sentio.bundle.gate import Gate, Metrics, judge


def judged(**scores: dict[str, float | None]) -> Gate:
    return judge(Metrics(rows=9, scores=scores, auc_standard_error=None))


def test_of_a_direction_the_larger_area_decides():
    gate = judged(model={"auc": 0.53, "log_loss": 0.9}, majority={"auc": 0.5}, logistic={"auc": 0.52})
    assert gate.passed
    assert gate.figures == {"model": 0.53, "majority": 0.5, "logistic": 0.52}
    assert gate.rule == "the model's auc on the test span is above that of every baseline"
    assert str(gate) == f"passed: {gate.rule} (model 0.53, majority 0.5, logistic 0.52)"


def test_of_a_value_the_smaller_error_decides():
    scores = {"train mean": {"mse": 1.2}, "ridge": {"mse": 1.1}}
    assert judged(model={"mse": 1.0, "r2": -3.0}, **scores).passed
    assert not judged(model={"mse": 1.15}, **scores).passed


def test_what_did_not_pass_does_not_read_as_if_the_rule_held():
    gate = judged(model={"mse": 1.15}, ridge={"mse": 1.1})
    assert str(gate) == f"NOT passed: the rule is that {gate.rule} (model 1.15, ridge 1.1)"


def test_the_standard_error_of_an_area_stands_beside_it():
    gate = judged(model={"auc": 0.5038}, majority={"auc": 0.5})
    assert "(model 0.5038 ± 0.014 (standard error), majority 0.5)" in gate.told(0.0136)


@pytest.mark.parametrize(
    "scores",
    [
        {"model": {"auc": 0.6}, "majority": {"auc": 0.5}, "logistic": {"auc": 0.61}},
        {"model": {"auc": 0.5}, "majority": {"auc": 0.5}},  # a tie is no more than the baseline
        {"model": {"auc": None}, "majority": {"auc": 0.5}},
        {"model": {"auc": 0.6}, "majority": {"auc": None}},
        {"model": {"auc": 0.6}, "majority": {"ic": 0.0}},
        {"model": {"auc": 0.9}},  # there is nothing that it beats
    ],
)
def test_what_is_not_above_every_baseline_does_not_pass(scores):
    gate = judged(**scores)
    assert not gate.passed
    assert str(gate).startswith("NOT passed: ")


def test_the_models_score_is_that_of_its_name_wherever_it_stands():
    gate = judged(majority={"auc": 0.5}, model={"auc": 0.53})
    assert gate.passed
    with pytest.raises(ValueError, match="hold none of 'model'; they are of majority"):
        judged(majority={"auc": 0.5})


def test_a_model_without_a_score_that_decides_is_not_judged():
    with pytest.raises(ValueError, match="it has ic, rank_ic"):
        judged(model={"ic": 0.1, "rank_ic": 0.1}, majority={"auc": 0.5})
