"""Each finding of pydantic's is one line that says where, what is wrong and what was found."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sentio.validation import problem_lines


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rows: int


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    parts: list[Part]
    total: int

    @model_validator(mode="after")
    def _adds_up(self) -> Whole:
        if self.total != sum(part.rows for part in self.parts):
            raise ValueError("Total is not the sum of rows")
        return self


def lines(document: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(document)
    return problem_lines(caught.value)


def test_all_findings_are_told_with_their_paths() -> None:
    assert lines({"parts": [{"rows": 1}, {"rows": "2", "rowz": 3}], "totals": 3}) == [
        "parts[1].rows: input should be a valid integer, found '2'",
        "parts[1].rowz: is not a known key",
        "total: is missing",
        "totals: is not a known key",
    ]


def test_a_rule_of_the_whole_document_has_no_path_and_is_told_as_written() -> None:
    assert lines({"parts": [{"rows": 1}], "total": 2}) == ["Total is not the sum of rows"]


def test_a_long_value_leaves_the_line_short_and_whole() -> None:
    (line,) = lines({"parts": [], "total": ["x\n" * 1000] * 1000})
    assert line.startswith("total: input should be a valid integer, found [")
    assert "\n" not in line
    assert len(line) < 400
