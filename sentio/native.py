"""Building the C++ extension and library from a checkout, and what was built says of itself."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sentio.errors import EnvironmentProblem, ResourceError
from sentio.extension import engine_errors, load_extension

__all__ = ["NativeInfo", "build_extension", "cmake_folder", "native_info"]

_TOOLS_HINT = "run: make setup, or: pip install cmake ninja nlohmann-json pybind11"
_SHOWN_LINES = 30
_CONFIG = Path("lib", "cmake", "sentio")  # where an installation keeps sentioConfig.cmake


@dataclass(frozen=True, slots=True)
class NativeInfo:
    """A built extension: its own words, and where it lies."""

    path: Path
    version: str
    compiler: str
    build_type: str
    flags: str
    instruction_set: str
    ops: int
    snapshot_version: int


def native_info() -> NativeInfo:
    """What the extension that this Python loads says of itself.

    Raises:
        MissingExtension: it is not built.
        EnvironmentProblem: SENTIO_ISA names no instruction set of this machine.
    """
    extension = load_extension()
    with engine_errors("feature engine"):
        return NativeInfo(path=Path(str(extension.__file__)), **extension.build_info())


def cmake_folder() -> Path:
    """The folder of sentioConfig.cmake, by which a CMake project finds the C++ library of this installation.

    Raises:
        EnvironmentProblem: it is not there.
    """
    package = Path(__file__).resolve().parent
    # A wheel brings the library; a checkout has the one that its last build installed.
    folders = [package / "cpp" / _CONFIG, _build_folder(package.parent) / "install" / _CONFIG]
    for folder in folders:
        if (folder / "sentioConfig.cmake").is_file():
            return folder
    raise EnvironmentProblem(
        "the C++ library",
        f"no sentioConfig.cmake in {' or '.join(map(str, folders))}",
        hint="run: make native",
    )


def build_extension(on_line: Callable[[str], None] | None = None) -> Path:
    """Configure, build and install `sentio_features` for the running Python.

    The new file takes the old one's place at once, so that processes which have loaded the old one go on.
    The C++ library stays in the build folder, see `cmake_folder`.

    Args:
        on_line: told each line that the tools print.

    Returns:
        The installed file.

    Raises:
        EnvironmentProblem: the sources, CMake, a compiler or a package of the build is missing, or it fails.
        ResourceError: site-packages cannot be written.
    """
    checkout = Path(__file__).resolve().parents[1]
    sources = checkout / "sentio_native"
    if not (sources / "CMakeLists.txt").is_file():
        raise EnvironmentProblem(
            str(sources),
            "the C++ sources are not there: this Sentio was installed from a wheel",
            hint="the wheel holds the built extension; to build it, use a checkout",
        )
    tools = _find_tools()
    build = _build_folder(checkout)
    staging = build / "install"
    shutil.rmtree(staging, ignore_errors=True)
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools['ninja']}"] if "ninja" in tools else []
    options = ["-DSENTIO_PYTHON=ON", "-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}"]
    options.append("-DCMAKE_INSTALL_LIBDIR=lib")  # some systems say lib64
    steps = [
        ["-S", str(sources), "-B", str(build), *generator, *options],
        ["--build", str(build), "--target", "sentio_features", "--parallel", str(os.cpu_count() or 1)],
        ["--install", str(build), "--prefix", str(staging)],
    ]
    for step in steps:
        _run([tools["cmake"], *step], on_line)
    built = staging / f"sentio_features{sysconfig.get_config_var('EXT_SUFFIX')}"
    return _install(built, Path(sysconfig.get_path("platlib")))


def _build_folder(checkout: Path) -> Path:
    return checkout / "build" / f"native-{sysconfig.get_config_var('SOABI')}"


def _find_tools() -> Mapping[str, str]:
    """The programs of the build; those beside the running Python come first.

    Raises:
        EnvironmentProblem: all that is missing, by name.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = {name: shutil.which(name, path=path) for name in ("cmake", "ninja")}
    missing = [] if found["cmake"] else ["cmake: is neither beside this Python nor on PATH"]
    named = os.environ.get("CXX")
    compilers = [named.split()[0]] if named else ["c++", "g++", "clang++"]
    if not any(shutil.which(compiler, path=path) for compiler in compilers):
        where = (
            "named by CXX, is not there" if named else "none is on PATH; gcc 12 or clang 15 and later will do"
        )
        missing.append(f"a C++20 compiler ({', '.join(compilers)}): {where}")
    if importlib.util.find_spec("pybind11") is None:
        missing.append("pybind11: is not installed for this Python")
    if missing:
        raise EnvironmentProblem(
            "building the extension", "something is missing", problems=missing, hint=_TOOLS_HINT
        )
    return {name: program for name, program in found.items() if program}


def _run(command: list[str], on_line: Callable[[str], None] | None) -> None:
    """Run one step, its two outputs as one."""
    lines: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if on_line is not None:
                on_line(lines[-1])
    if process.returncode:
        raise EnvironmentProblem(
            "building the extension",
            f"{' '.join(command[:2])} … ended with {process.returncode}; its last lines:",
            problems=lines[-_SHOWN_LINES:],
        )


def _install(built: Path, folder: Path) -> Path:
    installed = folder / built.name
    temporary = folder / f".{built.name}.{os.getpid()}.tmp"
    try:
        shutil.copyfile(built, temporary)
        temporary.replace(installed)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        found = (error.strerror or str(error)).lower()
        raise ResourceError(str(folder), found, hint="use a virtual environment of your own") from error
    return installed
