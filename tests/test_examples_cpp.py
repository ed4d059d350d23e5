"""The C++ library as its users get it: examples/cpp, built outside of the tree against what was installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest
from bundles import TINY_SPEC, make_bundle, make_source, walk

from sentio.bars import Bars
from sentio.bundle import load_bundle
from sentio.features import FeatureEngine
from sentio.native import cmake_folder
from sentio.specs import FeatureSpec

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"

pytestmark = pytest.mark.slow


def run(*command: str | Path, feed: str = "") -> str:
    done = subprocess.run(list(map(str, command)), input=feed, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def configure(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["cmake", "-S", str(project), "-B", str(project / "build"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def copy_of_the_example(folder: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "cpp", folder / "project"))


def lines_of(bars: Bars) -> str:
    rows = zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)
    return "".join(f"{ts} {' '.join(map(repr, row))}\n" for ts, row in rows)


def expect_the_engines_features(program: Path, folder: Path) -> None:
    """`features` prints the spec's names and the bits that Python's engine computes in one batch."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps(TINY_SPEC))
    bars = walk(2)
    header, *rows = run(program, spec, feed=lines_of(bars)).splitlines()
    assert header.split(",")[1:] == [feature["name"] for feature in TINY_SPEC["features"]]
    said = [row.split(",") for row in rows]
    assert [int(row[0]) for row in said] == bars.ts.tolist()
    features = np.array([[np.float32(text) for text in row[1:]] for row in said])
    expected = FeatureEngine(FeatureSpec.load(spec)).compute(bars)
    missing = np.isnan(expected)
    assert 0 < missing.sum() < missing.size
    # A NaN is printed without its bits.
    assert np.array_equal(np.isnan(features), missing)
    assert features[~missing].tobytes() == expected[~missing].tobytes()


def expect_nothing_of_the_build(prefix: Path) -> None:
    """No file knows where it was built, and no text that the JSON library was needed for it."""
    files = [path for path in prefix.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "sentioConfig.cmake"]
    for path in files:
        content = path.read_bytes()
        for place in (ROOT, Path(sys.prefix)):
            assert str(place).encode() not in content, path
        if path.suffix in (".cmake", ".hpp"):
            assert b"nlohmann" not in content, path


def test_the_example_builds_against_a_moved_copy_of_the_installed_engine(tmp_path: Path) -> None:
    prefix = Path(shutil.copytree(cmake_folder().parents[2], tmp_path / "moved"))
    expect_nothing_of_the_build(prefix)
    project = copy_of_the_example(tmp_path)
    done = configure(
        project, f"-Dsentio_DIR={prefix / 'lib' / 'cmake' / 'sentio'}", "-DCMAKE_BUILD_TYPE=Debug"
    )
    assert done.returncode == 0, done.stderr
    assert "sentio without runtime, which is not in this installation" in done.stdout
    run("cmake", "--build", project / "build")
    expect_the_engines_features(project / "build" / "features", tmp_path)


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    def told(text: str) -> str:
        (tmp_path / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\n{text}\n"
        )
        done = configure(tmp_path, f"-Dsentio_DIR={cmake_folder()}")
        assert done.returncode == 1
        return " ".join(done.stderr.split())

    everything = told("find_package(sentio CONFIG REQUIRED COMPONENTS engine runtime models)")
    assert "component runtime: is not in this installation" in everything
    assert "component models: is not in this installation" in everything
    assert "component engine" not in everything
    # A promise of another minor version is another promise.
    major, minor, _ = map(int, metadata.version("sentio").split("."))
    assert "version" in told(f"find_package(sentio {major}.{minor + 1} CONFIG REQUIRED)")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime of `make runtime`, installed."""
    if not (BUILD / "sentio_cli").is_file():
        pytest.skip("needs the runtime in build/, which `make runtime` builds")
    prefix = tmp_path_factory.mktemp("runtime") / "prefix"
    run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


def torch_folder() -> str:
    found = util.find_spec("torch")
    assert found is not None
    assert found.submodule_search_locations is not None
    return f"{found.submodule_search_locations[0]}/share/cmake/Torch"


def test_the_installed_headers_are_the_public_ones(runtime: Path) -> None:
    public = {path.name for path in (ROOT / "sentio_native" / "include" / "sentio").iterdir()}
    assert {path.name for path in (runtime / "include" / "sentio").iterdir()} == public


def test_the_example_trades_a_bundle_as_python_does(runtime: Path, tmp_path: Path) -> None:
    expect_nothing_of_the_build(runtime)
    project = copy_of_the_example(tmp_path)
    done = configure(project, f"-DCMAKE_PREFIX_PATH={runtime}")
    assert done.returncode == 0, done.stderr
    assert "sentio without runtime, which needs LibTorch" in done.stdout
    done = configure(project, f"-DTorch_DIR={torch_folder()}")
    assert done.returncode == 0, done.stderr
    run("cmake", "--build", project / "build", "--target", "trade")

    bundle = make_bundle(tmp_path / "artifacts", make_source())
    bars = walk()
    seconds = str(load_bundle(bundle).manifest.interval_ns // 10**9)
    lines = run(project / "build" / "trade", bundle, seconds, feed=lines_of(bars)).splitlines()
    said = [line.split() for line in lines]
    assert [int(words[0]) for words in said] == bars.ts.tolist()
    predicted = [words for words in said if words[1] == "predicted"]
    expected = load_bundle(bundle).predict(bars)
    assert [int(words[0]) for words in predicted] == expected.ts.tolist()
    values = np.array([float(words[2]) for words in predicted], np.float32)
    assert values.tobytes() == expected.value.astype(np.float32).tobytes()
