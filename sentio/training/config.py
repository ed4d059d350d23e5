"""What a training run is told: the fields that all trainers share, and how a file and `--set` become them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sentio.errors import ConfigError, did_you_mean
from sentio.labels import AnyLabel, Direction
from sentio.training.document import parse_setting, read_yaml
from sentio.validation import problem_line

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from torch import nn

__all__ = ["TrainConfig", "Trainer", "describe", "load_config"]

_LABELS = {label.model_fields["kind"].default: label for label in get_args(get_args(AnyLabel)[0])}


class TrainConfig(BaseModel):
    """The fields that every trainer has; a trainer adds its own in a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    symbol: str | None = Field(
        default=None, description="the instrument; omitted: the only one in the library"
    )
    interval: str | None = Field(
        default=None, description="the length of a bar, such as 5m; omitted: the only one"
    )
    feature_spec: str = Field(default="tfa", description="the feature spec, by name or path")
    label: AnyLabel = Field(default=Direction(), description="what to foresee")
    windows_cross_sessions: bool = Field(
        default=True, description="whether a window may hold bars of two sessions"
    )
    seq_len: int = Field(default=1, ge=1, le=4096, description="bars of a window")
    train_share: float = Field(
        default=0.6, gt=0, lt=1, description="share of the rows to train on, the earliest"
    )
    validation_share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="share of the rows to choose the epoch by; the rest is the test span",
    )
    embargo: int = Field(
        default=0, ge=0, description="further bars left out between spans, beside the label's horizon"
    )
    batch_size: int = Field(default=1024, ge=1, description="samples of one step")
    max_epochs: int = Field(default=30, ge=1, description="passes over the train span at most")
    patience: int = Field(
        default=5, ge=1, description="epochs without a better validation loss before it stops"
    )
    lr: float = Field(default=1e-3, gt=0, allow_inf_nan=False, description="learning rate of AdamW")
    weight_decay: float = Field(default=1e-2, ge=0, allow_inf_nan=False, description="weight decay of AdamW")
    clip: float | None = Field(
        default=None,
        ge=1e-3,
        le=1e6,
        description="deviations from its mean beyond which a feature is held there; null: none",
    )
    grad_clip: float = Field(default=1.0, gt=0, description="largest norm of the gradient; .inf: any")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="share of hidden values dropped in training")
    seed: int = Field(
        default=7, ge=0, lt=2**32, description="the same seed gives the same weights on the same machine"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="auto: cuda, else mps, else cpu"
    )
    compile: bool = Field(default=False, description="whether to train through torch.compile")
    threads: int = Field(
        default=1, ge=1, le=1024, description="CPU threads; another number may change the last bits"
    )

    @field_validator("label", mode="before")
    @classmethod
    def _kind_of_label(cls, value: object) -> object:
        """A label without a kind is a direction."""
        return {"kind": "direction", **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _leaves_a_test_span(self) -> Self:
        if self.train_share + self.validation_share >= 1:
            raise ValueError(
                f"train_share {self.train_share} and validation_share {self.validation_share} "
                "leave no test span: their sum must be below 1"
            )
        return self

    @model_validator(mode="after")
    def _gives_no_idle_key(self) -> Self:
        idle = sorted(self.idle_keys() & self.model_fields_set)
        if idle:
            raise ValueError(
                f"{', '.join(idle)} would have no effect: the model that is chosen has no such key"
            )
        return self

    def idle_keys(self) -> set[str]:
        """The keys that have no effect with the others as they are; to give one is an error."""
        return set()

    def to_yaml(self) -> str:
        """All fields that have an effect, as a file that gives the same configuration again."""
        import yaml

        document = self.model_dump(mode="json", exclude=self.idle_keys(), exclude_none=True)
        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


Config = TypeVar("Config", bound=TrainConfig)


@dataclass(frozen=True, slots=True)
class Trainer:
    """One way to make a model.

    Attributes:
        name: the name of its file.
        config: its configuration's class.
        build: `build(config, n_features, seq_len, n_outputs)` makes the network: float32 [B, T, F] to [B, C].
    """

    name: str
    config: type[TrainConfig]
    build: Callable[[Any, int, int, int], nn.Module]


def load_config(
    config: type[Config],
    file: Path | None = None,
    settings: Sequence[str] = (),
    **overrides: object,
) -> Config:
    """Read a configuration: the defaults, then a file, then `KEY=VALUE` settings, then what is given by name.

    Args:
        config: the trainer's class.
        file: a YAML file; None: the defaults alone.
        settings: as after `--set`; the key may be dotted, the value is YAML.
        overrides: fields by name; those that are None are ignored.

    Raises:
        ConfigError: all that is wrong, each with its path in the document.
    """
    where = ", ".join([*([str(file)] if file else []), *(f"--set {text}" for text in settings)])
    document = read_yaml(file) if file else {}
    for setting in settings:
        keys, value = parse_setting(setting)
        place = document
        for depth, key in enumerate(keys[:-1], 1):
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {setting}", f"{'.'.join(keys[:depth])} is a value, not a section")
        place[keys[-1]] = value
    document |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return config.model_validate(document)
    except ValidationError as error:
        problems = [_problem(config, found) for found in error.errors(include_url=False)]
    raise ConfigError(where or "configuration", "is not a valid configuration", problems=problems)


def describe(config: type[TrainConfig]) -> list[tuple[str, str]]:
    """Every key of a configuration, with what it means and its default, for help texts."""
    rows: list[tuple[str, str]] = []
    for name, field in config.model_fields.items():
        if name == "label":
            rows.append(
                ("label.kind", f"{field.description}: {', '.join(_LABELS)}{_default(Direction().kind)}")
            )
            keys = dict.fromkeys(key for label in _LABELS.values() for key in label.model_fields)
            rows += [(f"label.{key}", _describe_label_key(key)) for key in keys if key != "kind"]
        else:
            rows.append((name, f"{field.description}{_default(field.default)}"))
    return rows


def _describe_label_key(key: str) -> str:
    """What a key of a label means; where that depends on the label, each label's own."""
    texts: dict[str, list[str]] = {}
    for kind, label in _LABELS.items():
        if key in label.model_fields:
            field = label.model_fields[key]
            texts.setdefault(f"{field.description}{_default(field.default)}", []).append(kind)
    if len(texts) == 1 and len(*texts.values()) == len(_LABELS):
        return next(iter(texts))
    return "; ".join(f"{', '.join(kinds)}: {text}" for text, kinds in texts.items())


def _default(value: object) -> str:
    if value is None:
        return ""
    return f" [{str(value).lower() if isinstance(value, bool) else value}]"


def _problem(config: type[TrainConfig], found: ErrorDetails) -> str:
    """The line of one finding, with the path as the user wrote it, and what is allowed."""
    keys = list(found["loc"])
    known: type[BaseModel] = config
    if keys[:1] == ["label"] and len(keys) > 1 and keys[1] in _LABELS:
        known = _LABELS[str(keys.pop(1))]  # pydantic's path names the kind; the document's has none
    if found["type"] == "union_tag_invalid":
        return f"label.kind: is {found['ctx']['tag']!r}; allowed: {', '.join(_LABELS)}"
    line = problem_line({**found, "loc": tuple(keys)})
    if found["type"] == "extra_forbidden":
        fields = known.model_fields
        advice = did_you_mean(str(keys[-1]), fields) or f"allowed: {', '.join(fields)}"
        return f"{line}; {advice}"
    return line
