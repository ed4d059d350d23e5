"""What errors of others become in ours, and which code ends a command."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from sentio.cli.screen import INTERRUPTED
from sentio.errors import SentioError, first_line, refused
from sentio.extension import _CLASSES

ROOT = Path(__file__).resolve().parents[1]
NATIVE = ROOT / "sentio_native"
PAGE = ROOT / "docs" / "reference" / "exit_codes.md"


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


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.EACCES, "check its permissions"),
        (errno.ENOSPC, "free space there"),
        (errno.ENOMEM, "free memory, raise its limit (ulimit -v) or ask for less at once"),
        (errno.EIO, ""),
    ],
)
def test_a_refusal_of_the_system_has_the_hint_of_its_cause(code: int, hint: str) -> None:
    error = refused(OSError(code, os.strerror(code)), "/data/x")
    assert (error.exit_code, error.where, error.found) == (5, "/data/x", os.strerror(code).lower())
    assert error.hint == hint
    assert refused(OSError(code, os.strerror(code), "/data/y"), "/data/x").where == "/data/y"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (MemoryError(), "there is not enough memory"),
        (MemoryError("std::bad_alloc"), "there is not enough memory: std::bad_alloc"),
    ],
)
def test_memory_that_is_missing_is_a_resource_error(error: MemoryError, found: str) -> None:
    assert (refused(error).exit_code, refused(error).found) == (5, found)
    assert "free memory" in refused(error).hint


def test_an_error_of_the_engine_ends_both_command_lines_with_one_code() -> None:
    words = dict(
        re.findall(r'case ErrorCode::(\w+):\s+return "([^"]+)"', (NATIVE / "src" / "error.cpp").read_text())
    )
    exits = dict(re.findall(r"(\w+) = (\d)", (NATIVE / "cli" / "screen.hpp").read_text()))
    switch = re.search(r"Exit exit_of.*?\n}", (NATIVE / "cli" / "main.cpp").read_text(), re.DOTALL)
    assert switch is not None
    cases = re.findall(r"((?:case ErrorCode::\w+:\s+)+)return Exit::(\w+);", switch[0])
    of_sentio_cli = {
        words[code]: int(exits[name])
        for codes, name in cases
        for code in re.findall(r"ErrorCode::(\w+)", codes)
    }
    assert len(words) == len(of_sentio_cli) > 0
    assert {word: made.exit_code for word, made in _CLASSES.items()} == of_sentio_cli


def test_the_page_of_exit_codes_lists_those_of_the_tree() -> None:
    def codes(kind: type[SentioError]) -> set[int]:
        return {kind.exit_code}.union(*map(codes, kind.__subclasses__()))

    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)]
    assert listed == [0, *sorted(codes(SentioError)), INTERRUPTED]
