"""Two days of bars, their entry, a copy of it to be damaged, and a project that holds them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_entry import DOCUMENT, SPEC

from sentio.bars import Bars, BarsLibrary, synthesize
from sentio.cache import build_cache
from sentio.workspace import Workspace


@pytest.fixture(scope="module")
def bars() -> Bars:
    return synthesize("QQQ", "1m", days=2, seed=1).bars


@pytest.fixture(scope="module")
def built(bars: Bars, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An entry that no test touches."""
    return build_cache(bars, SPEC, Workspace(tmp_path_factory.mktemp("built"))).entry.path


@pytest.fixture
def entry(built: Path, tmp_path: Path) -> Path:
    """A copy of it, at the same place below another workspace, to be damaged."""
    return shutil.copytree(built, tmp_path / "data" / "cache" / Path(*built.parts[-3:]))


@pytest.fixture
def project(workspace: Workspace, bars: Bars) -> Workspace:
    """A workspace with the bars and the spec `small`."""
    BarsLibrary(workspace).save(bars)
    (workspace.specs / "features").mkdir()
    (workspace.specs / "features" / "small.json").write_text(json.dumps(DOCUMENT))
    return workspace
