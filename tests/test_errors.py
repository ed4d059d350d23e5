"""What errors of other libraries become in ours."""

from __future__ import annotations

import pytest

from sentio.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("no such op"), "no such op"),
        (RuntimeError("\n  no such op\nat line 3\n"), "no such op"),
        (ValueError(), "ValueError"),
        (ValueError(" \n"), "ValueError"),
    ],
)
def test_an_error_of_another_library_is_told_in_one_line(error: Exception, line: str) -> None:
    assert first_line(error) == line
