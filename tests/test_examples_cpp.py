"""The C++ library as its users get it: examples/cpp, built outside of the tree against what was installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest
from bundles import TINY_SPEC, make_bundle, make_source, walk
from cpp_hosts import lines_of

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


def refused(*command: str | Path) -> str:
    """What a program says that takes no bars and fails as it is written to, not by a crash."""
    done = subprocess.run(list(map(str, command)), input="", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, ""), f"{command}\n{done}"
    return done.stderr


def configure(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["cmake", "-S", str(project), "-B", str(project / "build"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def copy_of_the_example(folder: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "cpp", folder / "project"))


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


def expect_the_bundles_predictions(program: Path, folder: Path, backend: str) -> None:
    """`trade` takes every bar, and predicts the bits that Python does."""
    bundle = make_bundle(folder / "artifacts", make_source(), backends=[backend])
    bars = walk()
    loaded = load_bundle(bundle)
    seconds = str(loaded.manifest.interval_ns // 10**9)
    said = [line.split() for line in run(program, bundle, seconds, feed=lines_of(bars)).splitlines()]
    assert [int(words[0]) for words in said] == bars.ts.tolist()
    predicted = [words for words in said if words[1] == "predicted"]
    expected = loaded.predict(bars)
    assert [int(words[0]) for words in predicted] == expected.ts.tolist()
    values = np.array([float(words[2]) for words in predicted], np.float32)
    assert values.tobytes() == expected.value.astype(np.float32).tobytes()
    # An error of the library is caught by its type, across the border where it is a shared one.
    assert str(folder / "nowhere") in refused(program, folder / "nowhere", seconds)
    assert "the feed" in refused(program, bundle, "1")


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


def build_the_example(folder: Path, prefix: Path) -> Path:
    """The folder of its two programs, made without LibTorch."""
    project = copy_of_the_example(folder)
    done = configure(
        project, f"-Dsentio_DIR={prefix / 'lib' / 'cmake' / 'sentio'}", "-DCMAKE_BUILD_TYPE=Debug"
    )
    assert done.returncode == 0, done.stderr
    run("cmake", "--build", project / "build")
    return project / "build"


def expect_both_programs_to_run(folder: Path, prefix: Path) -> None:
    expect_nothing_of_the_build(prefix)
    programs = build_the_example(folder, prefix)
    expect_the_engines_features(programs / "features", folder)
    expect_the_bundles_predictions(programs / "trade", folder, "native")
    assert "nowhere: cannot be read" in refused(programs / "features", "nowhere")
    scripted = make_bundle(folder / "artifacts", make_source(), "v2", backends=["torchscript"])
    told = refused(programs / "trade", scripted, "300")
    assert "holds the backends torchscript; this build runs native" in told


def test_the_example_runs_with_a_moved_copy_of_what_the_wheel_holds(tmp_path: Path) -> None:
    prefix = Path(shutil.copytree(cmake_folder().parents[2], tmp_path / "moved"))
    expect_both_programs_to_run(tmp_path, prefix)


def test_the_example_runs_with_the_shared_libraries(tmp_path: Path) -> None:
    if not (BUILD / "shared" / "libsentio_runtime.so").is_file():
        pytest.skip("needs the shared libraries in build/shared, which `make shared` builds")
    run("cmake", "--install", BUILD / "shared", "--prefix", tmp_path / "prefix")
    expect_both_programs_to_run(tmp_path, tmp_path / "prefix")


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    def told(text: str) -> str:
        (tmp_path / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\n{text}\n"
        )
        done = configure(tmp_path, f"-Dsentio_DIR={cmake_folder()}")
        assert done.returncode == 1
        return " ".join(done.stderr.split())

    everything = told("find_package(sentio CONFIG REQUIRED COMPONENTS engine runtime c models)")
    assert "component c: is not in this installation" in everything
    assert "component models: is not in this installation" in everything
    assert "component engine" not in everything
    assert "component runtime" not in everything
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

    expect_the_bundles_predictions(project / "build" / "trade", tmp_path, "torchscript")


def test_a_host_in_c_links_the_installed_library(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library has no run path: linker and loader are told where LibTorch is.
    monkeypatch.setenv("LD_LIBRARY_PATH", str(Path(torch_folder()).parents[2] / "lib"))
    guide = (ROOT / "docs" / "guides" / "run-a-bundle.md").read_text()
    (tmp_path / "host.c").write_text(re.findall(r"```c\n(.*?)```", guide, re.DOTALL)[0])
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\n"
        "project(host LANGUAGES C)\n"
        "find_package(sentio CONFIG REQUIRED COMPONENTS c)\n"
        "add_executable(host host.c)\n"
        "target_link_libraries(host PRIVATE sentio::c)\n"
    )
    done = configure(tmp_path, f"-DCMAKE_PREFIX_PATH={runtime}")
    assert done.returncode == 0, done.stderr
    run("cmake", "--build", tmp_path / "build")
    bundle = make_bundle(tmp_path / "artifacts", make_source())
    said = run(tmp_path / "build" / "host", bundle, feed=lines_of(walk())).splitlines()
    values = np.array([float(line.split()[1]) for line in said], np.float32)
    assert values.tobytes() == load_bundle(bundle).predict(walk()).value.astype(np.float32).tobytes()
