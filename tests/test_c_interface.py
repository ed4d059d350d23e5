"""The C interface: hosts in C compute what Python does, and the ABI is the one that is written down."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk
from c_library import BUILD, LIBRARY, ROOT, Bar, bars_of, needs_library

from sentio import load_bundle
from sentio.replay import replay

HEADER = ROOT / "sentio_native/include/sentio/sentio.h"
ABI = ROOT / "sentio_native/tests/c_abi.txt"
pytestmark = needs_library


@pytest.fixture(scope="module", params=["logit", "probability", "classes"])
def bundle(request, tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("c"), make_source(4, output=request.param))


def exported() -> list[str]:
    done = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True)
    return sorted(line.split()[2] for line in done.stdout.splitlines() if line.split()[1] != "A")


def promised() -> list[str]:
    """What a caller compiles in: constants, types and functions, as the header has them, without comments."""
    text = " ".join(re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL).split())
    constants = re.findall(r"(?:#define )?(SENTIO_[A-Z_]+ (?:= )?-?\d+)\b", text)
    types = re.findall(r"typedef ((?:struct \w+ \{[^}]*\} )?[\w ]+);", text)
    functions = re.findall(r"SENTIO_C_API ([^;]+) SENTIO_NOEXCEPT;", text)
    return constants + types + functions


def test_the_abi_is_the_one_that_is_written_down():
    layout = subprocess.run([BUILD / "tests/c_layout"], capture_output=True, text=True, check=True)
    found = "".join(f"{line}\n" for line in [*exported(), *promised()]) + layout.stdout
    assert found == ABI.read_text(), f"the C interface has changed: raise SENTIO_ABI_VERSION, or add to {ABI}"


def test_the_library_shows_what_the_header_declares_and_nothing_else():
    declared = re.findall(r"SENTIO_C_API [^;(]*?(sentio_\w+)\(", HEADER.read_text())
    assert sorted(f"{name}@@SENTIO_1" for name in declared) == exported()
    layout = ABI.read_text()
    fields = re.findall(r"typedef struct (\w+) \{(.*?)\}", HEADER.read_text(), re.DOTALL)
    assert len(fields) == 11
    for struct, body in fields:
        for line in re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL).split(";")[:-1]:
            for field in line.strip().split(","):
                name = re.findall(r"\w+", field.split("[")[0])[-1]
                assert f"{struct}.{name} offset" in layout


def host(name: str | Path, *words: Path) -> list[list[str]]:
    """What a host in C says of each bar of the walk, in words."""
    lines = "".join(
        f"{bar.ts} " + " ".join(repr(getattr(bar, name)) for name, _ in Bar._fields_[1:]) + "\n"
        for bar in bars_of(walk())
    )
    done = subprocess.run(
        [BUILD / "tests" / name, *words], input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["c_host", "c_older_host"])
def test_a_host_in_c_computes_the_same(bundle, name):
    said = host(name, bundle)
    expected = load_bundle(bundle).predict(walk())
    assert [int(words[0]) for words in said] == expected.ts.tolist()
    values = np.array([[float(value) for value in words[1:]] for words in said], np.float32)
    assert values.tobytes() == expected.values.tobytes()


def compile_c(text: str, to: Path, *options: str) -> Path:
    """What a C compiler makes of the text, without a warning."""
    compiler = shutil.which("cc") or pytest.skip("needs a C compiler named cc")
    to.with_suffix(".c").write_text(text)
    strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{HEADER.parents[1]}"]
    subprocess.run([compiler, to.with_suffix(".c"), "-o", to, *strict, *options], check=True)
    return to


def test_the_programs_of_the_guide_compile_and_compute_the_same(tmp_path):
    guide = (ROOT / "docs/guides/run-a-bundle.md").read_text()
    program, part = re.findall(r"```c\n(.*?)```", guide, re.DOTALL)
    compiled = compile_c(program, tmp_path / "host", f"-L{BUILD}", "-lsentio", f"-Wl,-rpath,{BUILD}")
    bundle = make_bundle(tmp_path)
    said = host(compiled, bundle)
    values = np.array([float(value) for _, value in said], np.float32)
    assert values.tobytes() == load_bundle(bundle).predict(walk()).value.tobytes()

    includes = "\n".join(line for line in program.splitlines() if line.startswith("#include"))
    function = "void decide(const char* folder, sentio_bar bar)"
    compile_c(f"{includes}\n{function};\n{function} {{\n{part}}}\n", tmp_path / "part.o", "-c")


def expected_signals(bundle: Path) -> list[tuple[int, str, float, int]]:
    """Time, side, strength and cooldown of each prediction, by the strategy's definition: thresholds 0.52 and
    0.48, two bars without a signal after each."""
    predicted = load_bundle(bundle).predict(walk())
    kind = load_bundle(bundle).manifest.output.kind
    signals, left = [], 0
    for ts, row in zip(predicted.ts.tolist(), predicted.values.astype(float), strict=True):
        if len(row) == 3:
            down, _, up = np.exp(row) / np.exp(row).sum()
            rises, falls = up > 0.52 and up > down, down > 1 - 0.48 and down > up
            strength = abs(up - down)
        else:
            rise = row[0] if kind == "probability" else 1 / (1 + np.exp(-row[0]))
            rises, falls, strength = rise > 0.52, rise < 0.48, abs(2 * rise - 1)
        side = "flat" if left > 0 else "long" if rises else "short" if falls else "flat"
        left = 2 if side != "flat" else max(left - 1, 0)
        signals.append((ts, side, strength, left))
    return signals


def test_a_strategy_in_c_gives_the_signals_of_its_definition(bundle, tmp_path):
    said = host("c_strategy_host", bundle, tmp_path / "record")
    expected = expected_signals(bundle)
    assert len({side for _, side, _, _ in expected}) > 1
    assert [(int(ts), side, int(left)) for ts, side, _, left in said] == [
        (ts, side, left) for ts, side, _, left in expected
    ]
    np.testing.assert_allclose(
        [float(words[2]) for words in said], [strength for _, _, strength, _ in expected], atol=1e-15
    )
    found = replay(tmp_path / "record", load_bundle(bundle))
    assert (found.bars, found.difference) == (len(walk()), "")
