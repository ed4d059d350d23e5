"""What the README shows is run, in an empty workspace; and every link of every page leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

# Running the tests from within a test would never end; it is what CI runs.
NOT_RUN = {"make test"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [stripped for line in lines if (stripped := line.split("  #")[0].split("    #")[0].strip())]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def environment(workspace: Path) -> dict[str, str]:
    # SENTIO_ROOT keeps the developer's own data/ and artifacts/ out of it; the commands stay as printed.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(ROOT / "build"), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "SENTIO_ROOT": str(workspace)}


def test_the_readme_shows_the_two_commands() -> None:
    assert commands()[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.slow
def test_every_command_and_the_python_of_the_readme_run(workspace: Path) -> None:
    for command in commands():
        if command in NOT_RUN:
            continue
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=environment(workspace), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    for code in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=workspace,
            env=environment(workspace),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
