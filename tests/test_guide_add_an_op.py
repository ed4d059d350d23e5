"""The guide `add-an-op.md`, followed to the letter in a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs/guides/add-an-op.md").read_text("utf-8")


def block(language: str) -> str:
    """The guide's one block of code in that language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
    return code


def succeed(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_guides_op_builds_and_passes_the_tests_of_every_op(tmp_path: Path) -> None:
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if cmake is None:
        pytest.skip("needs CMake, which is absent")
    sources, tests, build = tmp_path / "sentio_native", tmp_path / "tests", tmp_path / "build"
    shutil.copytree(ROOT / "sentio_native", sources)
    for file in (sources / "src/ops").glob("*.cpp"):
        if file.stem != "returns":  # the tests need IDENT; fewer ops build sooner
            file.unlink()
    [name] = re.findall(r"^`sentio_native/(src/ops/\w+\.cpp)`:$", GUIDE, flags=re.MULTILINE)
    (sources / name).write_text(block("cpp"))

    tests.mkdir()
    shutil.copytree(ROOT / "tests/oracles", tests / "oracles")
    for file in ("test_ops.py", "test_engine.py", "engine_runs.py", "hostile_bars.py"):
        shutil.copy(ROOT / "tests" / file, tests)
    family = tests / "oracles/classics.py"
    oracles = family.read_text("utf-8")
    head = "ORACLES: dict[str, Oracle] = {\n"
    assert oracles.count(head) == 1
    family.write_text(oracles.replace(head, head + block("python")))

    # Unoptimised and by the dozen, since that builds sooner and gives the same bits.
    options = [
        "-DSENTIO_UNITY=ON",
        "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    succeed(cmake, "-S", sources, "-B", build, "-DSENTIO_PYTHON=ON", *options)
    succeed(cmake, "--build", build, "--target", "sentio_features", "--parallel", "2")

    [arguments] = re.findall(r"^pytest (.*)$", GUIDE, flags=re.MULTILINE)
    shown = succeed(
        *(sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "-p", "no:cacheprovider"),
        *(tmp_path / word if word.startswith("tests/") else word for word in arguments.split()),
        PYTHONPATH=f"{build}{os.pathsep}{ROOT}",
    )
    # Whatever the tests of every op come to: some for each kind of hostile bars.
    assert int(re.findall(r"(\d+) passed", shown)[0]) > 20
