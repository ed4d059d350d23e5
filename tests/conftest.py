"""What tests share: real bars, a workspace of their own, both commands, and a bundle to spoil."""

from __future__ import annotations

import os
import shutil
import signal

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost up to 100 times on a shared box

from pathlib import Path

import pytest
from command_line import Sentio, stock

from sentio.workspace import Workspace

# What a shell starts in the background ignores Ctrl-C, and so would the processes of these tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real bars beside the checkout; the test skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the real bars of ../shared, which is absent")
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty project."""
    (tmp_path / "specs").mkdir()
    return Workspace(tmp_path)


@pytest.fixture
def bars_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project with bars of QQQ and the spec `tiny`, which commands find."""
    return stock(workspace, monkeypatch)


@pytest.fixture
def sentio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sentio:
    """The command, in this process."""
    return Sentio(monkeypatch, capsys)


@pytest.fixture(scope="session")
def sentio_cli() -> Path:
    """The C++ command, as it was built; the test skips where it was not."""
    program = Path(__file__).resolve().parents[1] / "build" / "sentio_cli"
    if not program.is_file():
        pytest.skip("needs build/sentio_cli, which `make runtime` builds")
    return program


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of windows of four bars, which no test changes."""
    from bundles import make_bundle, make_source  # they load torch, which most tests do without

    return make_bundle(tmp_path_factory.mktemp("pristine"), make_source(4))


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "bundle"))
