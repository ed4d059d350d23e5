"""Builds the engine in many ways, runs every shipped spec and every op with each, and compares the digests.

digest_matrix.py                   every build: they must agree; writes docs/reference/digests.md
digest_matrix.py BUILD...          these builds alone: they must give what that page says
digest_matrix.py --program FILE    a sentio_digest that is built already, likewise
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sentio.errors import CheckFailed, EnvironmentProblem, SentioError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "digests.md"
FOLDER = ROOT / "build" / "digests"
OLDEST = {"gcc": 12, "clang": 15}

# By the spec's name, those of its features and of its state.
Digests = dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Build:
    """One way of building `sentio_digest`, and of running it."""

    compiler: str  # gcc or clang
    programs: tuple[str, ...]  # the compiler's names, the first one that is there
    flags: str
    options: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """The programs that this build needs and that are not there."""
        tools = ["cmake", "ninja", *self.runner[:1]]
        return [
            *(tool for tool in tools if not shutil.which(tool)),
            *([] if self.find() else [f"{self.programs[0]}, version {OLDEST[self.compiler]} or later"]),
        ]

    def find(self) -> tuple[str, str] | None:
        """The compiler's program and version."""
        for program in self.programs:
            if not shutil.which(program):
                continue
            version = output([program, "-dumpfullversion", "-dumpversion"]).strip()
            if int(version.split(".")[0]) >= OLDEST[self.compiler]:
                return program, version
        return None


GCC = ("g++", *(f"g++-{version}" for version in range(15, 11, -1)))
CLANG = ("clang++", *(f"clang++-{version}" for version in range(22, 14, -1)))
SANITIZED = ("-DSENTIO_SANITIZE=ON",)
CROSS = (
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    "-DCMAKE_EXE_LINKER_FLAGS=-static",  # so that it needs no other system's folders to run
)
BUILDS = {
    **{f"gcc-O{level}": Build("gcc", GCC, f"-O{level}") for level in (0, 2, 3)},
    **{f"clang-O{level}": Build("clang", CLANG, f"-O{level}") for level in (0, 2, 3)},
    "gcc-asan": Build("gcc", GCC, "-O1", SANITIZED),
    "aarch64-O3": Build("gcc", ("aarch64-linux-gnu-g++",), "-O3", CROSS, ("qemu-aarch64",)),
}


def output(command: Sequence[str | Path], **environment: str) -> str:
    """What a command prints.

    Raises:
        CheckFailed: it fails; with the last lines of what it said.
    """
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise CheckFailed(str(command[0]), f"ended with {done.returncode}", problems=lines)
    return done.stdout


def built(name: str, build: Build) -> Path:
    """The program, built."""
    folder, found = FOLDER / name, build.find()
    assert found is not None  # `missing` was asked before
    flags = [f"-DCMAKE_CXX_COMPILER={found[0]}", f"-DCMAKE_CXX_FLAGS={build.flags}", *build.options]
    flags += ["-DSENTIO_TESTS=ON", "-DSENTIO_UNITY=ON"]
    configure = ["cmake", "-S", "sentio_native", "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None"]
    output([*configure, f"-DPython_EXECUTABLE={sys.executable}", *flags])
    output(["cmake", "--build", folder, "--parallel", "1", "--target", "sentio_digest"])
    return folder / "tests" / "sentio_digest"


def instruction_sets(command: Sequence[str | Path]) -> list[str]:
    """Those that the program knows and this processor has."""
    return output(command).split()


def digests(command: Sequence[str | Path], instruction_set: str) -> Digests:
    """What the program gives for every shipped spec, and for every op.

    Raises:
        CheckFailed: a spec's stream differs from its batch.
    """
    specs = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "specs/features").glob("*.json"))
    found: dict[str, Digests] = {"batch": {}, "stream": {}}
    for line in output([*command, *specs], SENTIO_ISA=instruction_set).splitlines():
        path, way, features, state = line.split()
        found[way][Path(path).stem] = (features, state)
    assert found["batch"].keys() == {"every_op", *(Path(path).stem for path in specs)}
    if problems := differences("the stream", found["stream"], found["batch"]):
        raise CheckFailed(str(command[-1]), "its stream differs from its batch", problems=problems)
    return found["batch"]


def differences(where: str, found: Digests, expected: Digests) -> list[str]:
    """A line for each spec that differs."""
    lines = []
    for spec in sorted(found.keys() | expected.keys()):
        pairs = zip(found.get(spec, ("none",) * 2), expected.get(spec, ("none",) * 2), strict=True)
        for what, (is_, should_be) in zip(("features", "state"), pairs, strict=True):
            if is_ != should_be:
                lines.append(f"{where}: {spec}, {what}: {is_}, expected {should_be}")
    return lines


def written() -> Digests:
    """The digests of the page."""
    if not PAGE.is_file():
        return {}
    row = re.compile(r"^\| `(\w+)` \| `([0-9a-f]{64})` \| `([0-9a-f]{64})` \|$", re.MULTILINE)
    return {spec: (features, state) for spec, features, state in row.findall(PAGE.read_text("utf-8"))}


def page(expected: Digests, rows: Iterable[str]) -> str:
    """The reference page."""
    table = "\n".join(
        f"| `{spec}` | `{features}` | `{state}` |" for spec, (features, state) in expected.items()
    )
    builds = "\n".join(rows)
    return f"""# Digests of the shipped specs, and of every op

<!-- Written by sentio_native/tests/digest_matrix.py; run: make digests -->

SHA-256 of the float32 features, and of the engine's serialized state at the end, over the 20,000 fixed bars
of `sentio_native/tests/digest.cpp`. `every_op` is a spec that holds each op of the catalog once. The batch
and the stream of single bars gave the same.

| spec | features | state |
|---|---|---|
{table}

Each of these builds gave all of them, to the bit:

| build | compiler | instruction set |
|---|---|---|
{builds}

A number that changes on purpose changes a digest: run `make digests` and commit this page with the change.
"""


# The digests of a build, or of several, under each instruction set, and the rows of the page that name them.
Found = tuple[dict[str, Digests], list[str]]


def run_build(name: str) -> Found:
    """One build, made and run."""
    build = BUILDS[name]
    command = [*build.runner, built(name, build)]
    found, rows = {}, []
    for instruction_set in instruction_sets(command):
        found[f"{name}, {instruction_set}"] = digests(command, instruction_set)
        print(f"{name}, {instruction_set}: ran", file=sys.stderr)
        compiler = " ".join(build.find() or ())
        how = " under qemu" if build.runner else ""
        rows.append(f"| {name} | {compiler} {build.flags} | {instruction_set}{how} |")
    return found, rows


def run(names: Sequence[str]) -> Found:
    """All these builds, one a processor at a time: qemu keeps only one busy."""
    missing = {name: BUILDS[name].missing() for name in names}
    if any(missing.values()):
        raise EnvironmentProblem(
            "the digest matrix",
            "programs are missing",
            hint="apt-get install cmake ninja-build clang-16 g++-aarch64-linux-gnu qemu-user",
            problems=[f"{name}: {tool}" for name, tools in missing.items() for tool in tools],
        )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(run_build, names))
    found: dict[str, Digests] = {}
    for part, _ in parts:
        found |= part
    return found, [row for _, rows in parts for row in rows]


def main(arguments: Sequence[str]) -> int:
    """Run the matrix, or a part of it; returns the exit code."""
    parser = argparse.ArgumentParser(description="the engine's digests, built in many ways")
    parser.add_argument("builds", nargs="*", metavar="BUILD", help=f"of: {', '.join(BUILDS)}")
    parser.add_argument("--program", type=Path, help="compare what is built already")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.builds if name not in BUILDS]:
        parser.error(f"no build is called {', '.join(unknown)}; there are: {', '.join(BUILDS)}")
    complete = not options.builds and not options.program
    try:
        if options.program:
            program = [options.program.absolute()]
            found = {name: digests(program, name) for name in instruction_sets(program)}
        else:
            found, rows = run(options.builds or list(BUILDS))
        expected = next(iter(found.values())) if complete else written()
        problems = [line for where, each in found.items() for line in differences(where, each, expected)]
        if problems:
            raise CheckFailed(
                "digests", "differ", problems=problems, hint="on purpose? then run: make digests"
            )
        if complete:
            PAGE.write_text(page(expected, rows), "utf-8")
    except SentioError as error:
        print(f"digest_matrix: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
