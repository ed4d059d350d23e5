"""The trainer `tfa`: a multilayer perceptron over the last bar, or a transformer over the last 32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sentio.training.config import TrainConfig

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Config", "build"]

_KEYS_OF = {"mlp": {"hidden"}, "transformer": {"d_model", "heads", "layers", "feed_forward"}}
_TRANSFORMER_WINDOW = 32

Width = Annotated[int, Field(ge=1, le=65_536)]


class Config(TrainConfig):
    """Which of the two models, and its size."""

    model: Literal["mlp", "transformer"] = Field(default="mlp", description="mlp or transformer")
    seq_len: int = Field(default=1, ge=1, le=4096, description="bars of a window; transformer: 32 by default")
    hidden: list[Width] = Field(default=[128, 128], description="mlp: the width of each hidden layer")
    d_model: Width = Field(default=96, description="transformer: width, a multiple of heads")
    heads: Width = Field(default=4, description="transformer: attention heads")
    layers: Width = Field(default=2, description="transformer: layers")
    feed_forward: Width = Field(default=192, description="transformer: width of its feed-forward halves")

    def idle_keys(self) -> set[str]:
        """The keys of the model that was not chosen."""
        return set().union(*(keys for model, keys in _KEYS_OF.items() if model != self.model))

    @model_validator(mode="before")
    @classmethod
    def _window_of_model(cls, document: Any) -> Any:
        if document.get("model") == "transformer":
            return {"seq_len": _TRANSFORMER_WINDOW, **document}
        return document

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of heads {self.heads}")
        return self


def build(config: Config, n_features: int, seq_len: int) -> nn.Module:
    """The network that the configuration names: float32 [B, T, F] to raw outputs [B, 1]."""
    from sentio.models import MLP, Transformer

    if config.model == "mlp":
        return MLP(n_features * seq_len, config.hidden, config.dropout)
    return Transformer(
        n_features,
        seq_len,
        d_model=config.d_model,
        heads=config.heads,
        layers=config.layers,
        feed_forward=config.feed_forward,
        dropout=config.dropout,
    )
