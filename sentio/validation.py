"""Findings of pydantic's as problems of one line, each with its path in the document."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["problem_line", "problem_lines"]


def problem_lines(error: ValidationError) -> list[str]:
    """One line for each finding, such as "spans.train.rows: input should be a valid integer, found '9'"."""
    return [problem_line(found) for found in error.errors(include_url=False)]


def problem_line(found: ErrorDetails) -> str:
    """The line of one finding; a rule of the whole document has no path."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"])
    path = path.removeprefix(".")
    if found["type"] == "extra_forbidden":
        return f"{path}: is not a known key"
    if found["type"] == "missing":
        return f"{path}: is missing"
    text = found["msg"].removeprefix("Value error, ")
    if not path:
        return text
    return f"{path}: {text[:1].lower()}{text[1:]}, found {reprlib.repr(found['input'])}"
