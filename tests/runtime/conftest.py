"""sentio_cli, a project that no test changes, and a copy of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import Done
from runtime_project import make_project


@pytest.fixture(scope="module")
def cli(sentio_cli: Path):
    """`sentio_cli ARGS`, run from a folder of no project, with no SENTIO_ROOT."""

    def run(*arguments: str | Path) -> Done:
        environment = {name: value for name, value in os.environ.items() if name != "SENTIO_ROOT"}
        words = [str(sentio_cli), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, cwd="/", env=environment, timeout=120)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Path:
    """A project that no test changes; windows of one bar."""
    return make_project(tmp_path_factory.mktemp("runtime") / "project", 1, crossing=True)


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "project"))
