"""The command line before it does anything: what its help loads, and whom it helps."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
import typer.main
from command_line import Sentio

from sentio.cli.app import app

HELP = "import sys; sys.argv = ['sentio', '--help']; from sentio.cli import main; main()"
HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "scipy", "sentio_features", "sklearn", "torch")


def test_the_version_is_that_of_the_package(sentio: Sentio) -> None:
    assert sentio("--version") == (0, f"sentio {version('sentio')}\n", "")


def commands(command: Any, name: str = "sentio") -> list[tuple[str, Any]]:
    """Every command that is not a group, with its whole name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, command)]
    return [found for key, value in inner.items() for found in commands(value, f"{name} {key}")]


COMMANDS = commands(typer.main.get_command(app))


def test_help_imports_nothing_heavy() -> None:
    code = f"import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules)); {HELP}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, _, loaded = done.stdout.partition("LOADED ")
    assert "features" in shown
    assert "sentio.cli.app" in loaded.split()
    assert not set(HEAVY) & {name.split(".")[0] for name in loaded.split()}


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_help_with_an_example(name: str, command: Any) -> None:
    text = command.help or ""
    assert re.search(rf"Examples?:.*{re.escape(name)}\b", text, flags=re.DOTALL), text
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


def test_a_reader_that_goes_away_is_no_failed_check() -> None:
    code = HELP.replace("'--help'", "'specs', 'schema'")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), told) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize("option", ["--root", "--json", "--trust"])
def test_an_option_is_told_in_the_same_words_by_every_command(option: str) -> None:
    told = {
        parameter.help for _, command in COMMANDS for parameter in command.params if option in parameter.opts
    }
    assert len(told) == 1
