"""The gate: what a model measured on the test span, beside the baselines, and whether it beats them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Gate", "Metrics", "judge"]

# The metric that decides, and whether more of it is better; the first that the model was scored by.
_DECISIVE = {"auc": True, "mse": False, "log_loss": False}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Metrics(_Part):
    """Of the model and of each baseline, on the same rows of the test span; null where a metric has no value.

    Attributes:
        rows: samples of the test span.
        scores: predictor to metric to value; predictor `model`, and the baselines.
        auc_standard_error: of the model's AUC, by block bootstrap.
    """

    rows: Annotated[int, Field(ge=1, le=1 << 53)]
    scores: Annotated[dict[str, dict[str, float | None]], Field(json_schema_extra={"required": ["model"]})]
    auc_standard_error: float | None

    @model_validator(mode="after")
    def _scores_the_model(self) -> Self:
        if "model" not in self.scores:
            raise ValueError(f"scores hold none of 'model'; they are of {', '.join(self.scores)}")
        return self


class Gate(_Part):
    """Whether the model is worth running, by a stated rule.

    Attributes:
        rule: in words.
        passed: false, too, where a figure has no value.
        figures: what was compared: of the model and of each baseline.
    """

    rule: str
    passed: bool
    figures: dict[str, float | None]

    def __str__(self) -> str:
        return self.told(None)

    def told(self, auc_standard_error: float | None) -> str:
        """The gate in words: the rule compares figures alone, whatever their error.

        Args:
            auc_standard_error: that of `Metrics`, shown beside the model's AUC.
        """
        figures = {
            name: "none" if value is None else format(value, ".6g") for name, value in self.figures.items()
        }
        if auc_standard_error is not None:
            figures["model"] += f" ± {auc_standard_error:.2g} (standard error)"
        shown = ", ".join(f"{name} {figure}" for name, figure in figures.items())
        return f"{'passed:' if self.passed else 'NOT passed: the rule is that'} {self.rule} ({shown})"


def judge(metrics: Metrics) -> Gate:
    """Apply the rule: the model beats every baseline by the metric that decides.

    Raises:
        ValueError: the model was scored by none that does.
    """
    model = metrics.scores["model"]
    decisive = next((name for name in _DECISIVE if name in model), None)
    if decisive is None:
        raise ValueError(f"no score of the model decides; it has {', '.join(model)}")
    more_is_better = _DECISIVE[decisive]
    figures = {name: scores.get(decisive) for name, scores in metrics.scores.items()}
    own = figures["model"]
    others = [figure for name, figure in figures.items() if name != "model"]

    def beaten(other: float | None) -> bool:
        if own is None or other is None:
            return False
        return own > other if more_is_better else own < other

    than = "above" if more_is_better else "below"
    return Gate(
        rule=f"the model's {decisive} on the test span is {than} that of every baseline",
        passed=bool(others) and all(beaten(other) for other in others),
        figures=figures,
    )
