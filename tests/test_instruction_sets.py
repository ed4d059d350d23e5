"""The bits of the output do not depend on the instruction set that the engine's inner loops use."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

DIGEST = """
import hashlib, json, sys
sys.path.insert(0, "tests")
from engine_runs import compile_spec, run
from hostile_bars import random_bars
from sentio.extension import load_extension

digest = hashlib.sha256()
for path in sys.argv[1:]:
    plan = load_extension().compile(open(path).read())
    digest.update(run(plan, random_bars(3000)).tobytes())
print(load_extension().build_info()["instruction_set"], digest.hexdigest())
"""


def digest(instruction_set: str | None) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SENTIO_ISA"}
    if instruction_set is not None:
        environment["SENTIO_ISA"] = instruction_set
    specs = sorted(str(path) for path in (ROOT / "specs" / "features").glob("*.json"))
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, *specs],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


# The best first, with the flags by which Linux says that it may be used: its registers are saved, too.
X86 = {
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "avx2": {"avx2"},
    "x86-64": set[str](),
}


def usable() -> list[str]:
    """Those of this processor."""
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    return [name for name, needed in X86.items() if needed <= set(flags.split())]


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="one instruction set alone is built for this machine"
)
def test_every_instruction_set_gives_the_same_bits() -> None:
    names = usable()
    if len(names) == 1:
        pytest.skip("this processor has no AVX2, so there is nothing to compare")
    found = {name: digest(name) for name in names}
    assert {name: chosen for name, (chosen, _) in found.items()} == {name: name for name in names}
    assert len({bits for _, bits in found.values()}) == 1
    assert digest(None) == found[names[0]]  # the best is chosen where none is asked for


MAKE_AN_ENGINE = """
from sentio.errors import EnvironmentProblem
from sentio.features import FeatureEngine
from sentio.native import native_info
from sentio.specs import FeatureSpec

spec = FeatureSpec.load("specs/features/classic.json")
for action in (lambda: FeatureEngine(spec), native_info):
    try:
        action()
    except EnvironmentProblem as error:
        print(error)
"""


def test_an_unknown_instruction_set_is_refused_where_engines_are_made() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAKE_AN_ENGINE],
        cwd=ROOT,
        env={**os.environ, "SENTIO_ISA": "avx3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("SENTIO_ISA is 'avx3'") == 2
    assert done.stdout.count("it has: ") == 2
    assert (f"{'x86-64' if platform.machine() == 'x86_64' else platform.machine()}\n") in done.stdout
