"""`sentio native`: the build's steps, its errors without tools, and what a built extension tells."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
import sentio_features
from command_line import Sentio

from sentio import native
from sentio.errors import EnvironmentProblem, MissingExtension, ResourceError
from sentio.extension import load_extension

LIBRARY = f"sentio_features{sysconfig.get_config_var('EXT_SUFFIX')}"

# Stands in for CMake: writes down how it was called, and installs a file where it is told to.
CMAKE = f"""#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
echo "working: $1"
[ -e "$(dirname "$0")/broken" ] && {{ echo "fatal: no such op"; exit 3; }}
if [ "$1" = --install ]; then
  mkdir -p "$4/lib/cmake/sentio" && echo new > "$4/{LIBRARY}"
  echo > "$4/lib/cmake/sentio/sentioConfig.cmake"
fi
"""


def program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a Python, a CMake, a Ninja and a compiler of its own, and nothing else on PATH."""
    (tmp_path / "sentio_native").mkdir()
    (tmp_path / "sentio_native" / "CMakeLists.txt").write_text("")
    program(tmp_path / "bin" / "cmake", CMAKE)
    program(tmp_path / "bin" / "ninja")
    program(tmp_path / "system" / "g++")
    for name in ("dirname", "mkdir", "sh"):
        (tmp_path / "system" / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(native, "__file__", str(tmp_path / "sentio" / "native.py"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "site-packages"))
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path


def test_a_build_configures_builds_and_installs_for_this_python(checkout: Path) -> None:
    lines: list[str] = []
    installed = native.build_extension(lines.append)
    assert installed == checkout / "site-packages" / LIBRARY
    assert installed.read_text() == "new\n"
    configure, build, install = (checkout / "bin" / "calls").read_text().splitlines()
    assert configure.startswith(f"-S {checkout / 'sentio_native'} -B {checkout / 'build'}")
    assert f"-G Ninja -DCMAKE_MAKE_PROGRAM={checkout / 'bin' / 'ninja'}" in configure
    assert f"-DSENTIO_PYTHON=ON -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE={sys.executable}" in configure
    assert "--target sentio_features" in build
    assert install.startswith("--install")
    assert lines == ["working: -S", "working: --build", "working: --install"]


def test_the_old_extension_is_replaced_not_overwritten(checkout: Path) -> None:
    old = checkout / "site-packages" / LIBRARY
    old.write_text("old\n")
    with old.open() as loaded:
        native.build_extension()
        assert loaded.read() == "old\n"
    assert old.read_text() == "new\n"
    assert os.listdir(checkout / "site-packages") == [LIBRARY]


def test_without_ninja_cmake_chooses_its_own_generator(checkout: Path) -> None:
    (checkout / "bin" / "ninja").unlink()
    native.build_extension()
    assert "-G" not in (checkout / "bin" / "calls").read_text().split()


def test_all_missing_tools_are_named_together(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "bin" / "cmake").unlink()
    (checkout / "system" / "g++").unlink()
    with pytest.raises(EnvironmentProblem) as raised:
        native.build_extension()
    assert [line.split(":")[0] for line in raised.value.problems] == [
        "cmake",
        "a C++20 compiler (c++, g++, clang++)",
    ]
    assert "make setup" in raised.value.hint
    program(checkout / "bin" / "cmake", CMAKE)
    monkeypatch.setenv("CXX", "icc -fast")
    with pytest.raises(EnvironmentProblem, match=r"C\+\+20 compiler \(icc\): named by CXX"):
        native.build_extension()


def test_a_build_that_fails_shows_its_last_lines_and_installs_nothing(checkout: Path) -> None:
    (checkout / "bin" / "broken").write_text("")
    with pytest.raises(EnvironmentProblem, match="ended with 3") as raised:
        native.build_extension()
    assert raised.value.problems == ("working: -S", "fatal: no such op")
    assert os.listdir(checkout / "site-packages") == []


def test_site_packages_that_cannot_be_written_are_a_resource_error(checkout: Path) -> None:
    (checkout / "site-packages").rmdir()
    with pytest.raises(ResourceError, match="site-packages"):
        native.build_extension()


def test_without_sources_the_build_says_that_this_is_a_wheel(checkout: Path) -> None:
    shutil.rmtree(checkout / "sentio_native")
    with pytest.raises(EnvironmentProblem, match="installed from a wheel"):
        native.build_extension()


def test_the_command_prints_the_file_and_exits_6_where_something_is_missing(
    checkout: Path, sentio: Sentio
) -> None:
    done = sentio("native", "build")
    assert (done.code, done.out) == (0, f"{checkout / 'site-packages' / LIBRARY}\n")
    done = sentio("native", "build", "--verbose")
    assert done.code == 0
    assert "working: --install" in done.err
    (checkout / "bin" / "cmake").unlink()
    done = sentio("native", "build")
    assert done.code == 6
    assert "cmake: is neither beside this Python nor on PATH" in done.err


def test_info_tells_what_the_extension_says_of_itself(sentio: Sentio) -> None:
    done = sentio("native", "info", "--json")
    assert done.code == 0
    facts = done.json
    assert facts == {"path": sentio_features.__file__, **sentio_features.build_info()}
    assert "-ffp-contract=off" in facts["flags"]
    done = sentio("native", "info")
    assert done.code == 0
    assert facts["compiler"] in done.out


def test_cmake_finds_the_library_of_the_wheel_or_else_of_the_last_build(
    checkout: Path, sentio: Sentio
) -> None:
    done = sentio("native", "info", "--cmake-dir")
    assert (done.code, done.out) == (EnvironmentProblem.exit_code, "") == (6, "")
    assert str(checkout / "build") in done.err
    assert "hint: run: make native" in done.err

    native.build_extension()
    built = checkout / "build" / f"native-{sysconfig.get_config_var('SOABI')}" / "install"
    assert native.cmake_folder() == built / "lib" / "cmake" / "sentio"

    brought = checkout / "sentio" / "cpp" / "lib" / "cmake" / "sentio"
    brought.mkdir(parents=True)
    (brought / "sentioConfig.cmake").write_text("")
    done = sentio("native", "info", "--cmake-dir")
    assert (done.code, done.out) == (0, f"{brought}\n")


@pytest.fixture
def without_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentio_features", None)
    load_extension.cache_clear()
    yield
    load_extension.cache_clear()


@pytest.mark.usefixtures("without_extension")
def test_without_the_extension_every_command_that_needs_it_says_how_to_build_it(
    sentio: Sentio, tmp_path: Path
) -> None:
    (tmp_path / "specs").mkdir()
    for command in (["native", "info"], ["specs", "show", "classic"], ["specs", "schema"]):
        done = sentio(*command)
        assert done.code == MissingExtension.exit_code == 6
        assert "hint: run: make native" in done.err
    assert sentio("native", "build", "--help").code == 0
