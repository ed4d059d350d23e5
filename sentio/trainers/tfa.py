"""The trainer `tfa`: a multilayer perceptron over the last bar, or a transformer over the last 32."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sentio.training.config import TrainConfig
from sentio.workspace import Workspace

if TYPE_CHECKING:
    from torch import nn

    from sentio.training import Run

__all__ = ["Config", "build", "train_tfa"]

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


def build(config: Config, n_features: int, seq_len: int, n_outputs: int) -> nn.Module:
    """The network that the configuration names: float32 [B, T, F] to raw outputs [B, C]."""
    from sentio.models import MLP, Transformer

    if config.model == "mlp":
        return MLP(n_features * seq_len, config.hidden, config.dropout, n_outputs)
    return Transformer(
        n_features,
        seq_len,
        d_model=config.d_model,
        heads=config.heads,
        layers=config.layers,
        feed_forward=config.feed_forward,
        dropout=config.dropout,
        outputs=n_outputs,
    )


def train_tfa(
    symbol: str | None = None,
    bars_csv: str | os.PathLike[str] | None = None,
    feature_spec: str | None = None,
    out_dir: str | os.PathLike[str] | None = None,
    *,
    interval: str | None = None,
    tz: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    hidden: Sequence[int] | None = None,
    label_kind: str | None = None,
    label_horizon: int | None = None,
    **fields: object,
) -> Run:
    """Do what `sentio train tfa` does, in one call for notebooks.

    Args:
        symbol: the instrument; may be omitted where there is one only.
        bars_csv: a file of bars, CSV or Parquet; None: the project's library.
        feature_spec: the name of a spec, or the path of a file.
        out_dir: where data/cache and artifacts/runs are written; None: the project's folder.
        interval: the length of a bar, such as "5m".
        tz: the time zone of naive times in `bars_csv`.
        epochs: at most so many, `max_epochs` of the configuration.
        batch_size, lr, hidden: keys of the configuration.
        label_kind, label_horizon: `label.kind` and `label.horizon` of the configuration.
        fields: further keys of the configuration, such as `model="transformer"` or `seed=3`.

    Returns:
        The finished run: `.path`, `.manifest`, `.metrics()`, `.epochs()`.

    Raises:
        ConfigError: a key or a value is not allowed; all are named.
        BarsError: the bars cannot be read, or there are none.
    """
    from sentio.bars import read_bars
    from sentio.trainers import start
    from sentio.training.source import library_bars

    project = Workspace.find_if_any()
    if bars_csv is not None:
        bars = read_bars(bars_csv, symbol=symbol, interval=interval, tz=tz)
    else:
        bars = library_bars(project or Workspace.find(), symbol, interval)
    if out_dir is None:
        workspace = project or Workspace.find()
    else:
        workspace = Workspace(Path(out_dir).resolve())
        workspace.root.mkdir(parents=True, exist_ok=True)
    label = {"kind": label_kind, "horizon": label_horizon}
    return start(
        "tfa",
        workspace,
        settings=[f"label.{key}={value}" for key, value in label.items() if value is not None],
        bars=bars,
        fields={
            "symbol": symbol,
            "interval": interval,
            "feature_spec": feature_spec,
            "max_epochs": epochs,
            "batch_size": batch_size,
            "lr": lr,
            "hidden": None if hidden is None else list(hidden),
            **fields,
        },
        project=project,
    )
