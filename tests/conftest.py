"""What all tests share: the folder of real bars, and a workspace of their own."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost up to 100 times on a shared box

from pathlib import Path

import pytest

from sentio.workspace import Workspace


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
