"""A feature spec that compiles: its document, and everything that the engine's plan says of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sentio.errors import SpecError, refused
from sentio.extension import engine_errors, load_extension
from sentio.specs.document import SpecDocument
from sentio.specs.shelf import find_spec
from sentio.validation import problem_lines

if TYPE_CHECKING:
    from sentio_features import Plan

__all__ = ["Feature", "FeatureSpec"]


class Feature(BaseModel):
    """One emitted feature as the engine compiled it, defaults written out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    op: str
    op_version: int
    source: list[str]
    params: dict[str, int | float]
    warmup: int
    """Rows before its first valid one."""
    settle: int | None
    """Bars of history after which a cold start agrees with the long run; None: never."""


@dataclass(frozen=True)
class FeatureSpec:
    """A compiled feature spec: one that exists is one that the engine can run.

    Attributes:
        name: the name of its file, without `.json`.
        document: what was written.
        json: the document's text; given to any engine, it compiles to the same `hash`.
        plan: the engine's own view.
    """

    name: str
    document: SpecDocument = field(repr=False)
    json: str = field(repr=False)
    plan: Plan = field(repr=False)

    @classmethod
    def load(
        cls, name_or_path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None
    ) -> FeatureSpec:
        """Read a spec by its name or from a file.

        Args:
            name_or_path: a name (ROOT/specs/features/NAME.json or a shipped spec), or a .json file's path.
            root: the project's folder, else as `Workspace.find`.

        Raises:
            UsageError: there is no spec of that name; those that there are are listed.
            SpecError: the file is missing, or the spec does not compile; all problems are named.
            ResourceError: the file cannot be read.
            MissingExtension: the engine is not built.
        """
        path = find_spec(name_or_path, root)
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            raise SpecError(str(path), "is not UTF-8 text") from None
        except OSError as error:
            raise refused(error, str(path)) from error
        return cls.from_document(text, name=path.stem, where=str(path))

    @classmethod
    def from_document(
        cls, document: str | Mapping[str, Any], *, name: str = "inline", where: str = "spec"
    ) -> FeatureSpec:
        """Compile a spec's document.

        Args:
            document: its JSON text, or the object that the text would parse to.
            name: what the spec is called.
            where: what errors name.

        Raises:
            SpecError: it does not compile; all problems are named with their paths.
            MissingExtension: the engine is not built.
        """
        text = document if isinstance(document, str) else _to_json(document, where)
        # The compiler finds all that is wrong, shape included, so its list of problems is the complete one.
        with engine_errors(where):
            plan = load_extension().compile(text)
        try:
            return cls(name, SpecDocument.model_validate_json(text), text, plan)
        except ValidationError as error:
            raise SpecError(
                where, "does not have the shape of a spec", problems=problem_lines(error)
            ) from None

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The emitted features, in the order of their columns."""
        return tuple(Feature.model_validate(feature) for feature in self.plan.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(feature["name"] for feature in self.plan.features)

    @property
    def n_features(self) -> int:
        """F, the number of columns."""
        return len(self.plan.features)

    @property
    def hash(self) -> str:
        """The engine's identity of the spec, 64 hex digits: SHA-256 of `canonical_json`."""
        return self.plan.hash

    @property
    def canonical_json(self) -> str:
        """The compiled spec as RFC 8785 JSON, with defaults and op versions; not a document to load."""
        return self.plan.canonical_json

    @property
    def warmup(self) -> int:
        """Rows before the first one in which every feature is valid."""
        return self.plan.warmup

    @property
    def settle(self) -> int | None:
        """Bars of history after which a cold start agrees with the long run; None: never."""
        return self.plan.settle

    @property
    def reads_sessions(self) -> bool:
        """Whether a feature depends on where sessions start; `settle` then counts from the first start."""
        return self.plan.reads_sessions

    @property
    def features_of_sessions(self) -> tuple[str, ...]:
        """The names of those features; each one's `settle` counts from the first start that is seen."""
        nodes = self.plan.nodes
        places = zip(self.names, self.plan.emitted, strict=True)
        return tuple(name for name, (place, _) in places if nodes[place]["reads_sessions"])

    @property
    def emit_from(self) -> int:
        """Rows before this one hold the pad value."""
        return self.plan.emit_from

    @property
    def first_valid_row(self) -> int:
        """The first row that is emitted and in which every feature is valid."""
        return self.plan.first_valid_row

    @property
    def pad_value(self) -> float:
        """What rows before `emit_from` hold."""
        return self.plan.pad_value

    @property
    def allow_early_emit(self) -> bool:
        """Whether rows may be emitted in which some feature is not yet valid."""
        return self.plan.allow_early_emit

    @property
    def dtype(self) -> str:
        """`float32` or `float64`: the type of the features' matrix."""
        return self.plan.dtype

    @property
    def session_gap(self) -> int:
        """The gap between two bars that starts a session, in nanoseconds."""
        return self.plan.session_gap


def _to_json(document: Mapping[str, Any], where: str) -> str:
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SpecError(where, f"is not JSON: {error}") from None
