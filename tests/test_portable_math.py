"""The engine's own elementary functions against mpmath, and their bits across optimisation levels."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]

# Doubles in, doubles out.
PROGRAM = """
#include <cstdio>
#include "kernels/portable_math.hpp"
using namespace sentio;
int main(int, char** arguments) {
  double (*const functions[])(double) = {[](double x) { return portable_exp(x); }, portable_atan,
                                         portable_sin, portable_cos, normal_cdf};
  double x;
  while (std::fread(&x, sizeof x, 1, stdin) == 1) {
    const double y = functions[arguments[1][0] - '0'](x);
    std::fwrite(&y, sizeof y, 1, stdout);
  }
}
"""
FUNCTIONS = ["exp", "atan", "sin", "cos", "ncdf"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """PROGRAM without optimisation and with all of it."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("needs a C++ compiler, which is absent")
    folder = tmp_path_factory.mktemp("portable_math")
    (folder / "program.cpp").write_text(PROGRAM)
    built = [folder / "O0", folder / "O3"]
    for program in built:
        options = ["-std=c++20", f"-{program.name}", "-ffp-contract=off", f"-I{ROOT / 'sentio_native/src'}"]
        subprocess.run([compiler, *options, "-o", program, folder / "program.cpp"], check=True)
    return built


def apply(program: Path, name: str, x: NDArray) -> NDArray:
    """The function of that mpmath name, of each of `x`."""
    command = [program, str(FUNCTIONS.index(name))]
    return np.frombuffer(subprocess.run(command, input=x.tobytes(), capture_output=True, check=True).stdout)


def hostile(name: str) -> NDArray:
    """Arguments over the whole range, tiny ones, and those next to where the formulas change."""
    draws = np.random.default_rng(1)
    count = 1000
    tiny = draws.normal(size=count) * 10.0 ** -draws.integers(0, 300, count)
    quarters = draws.integers(-600_000, 600_000, count) * (np.pi / 4)
    near = 1 + 1e-15 * draws.normal(size=count)
    ranges: dict[str, list[NDArray]] = {
        "exp": [draws.uniform(-708, 709, count), np.arange(-1000, 1000) * (np.log(2) / 2) * near.repeat(2)],
        "atan": [10 * draws.normal(size=count), 1 / tiny, np.arange(count) / 16 * near],
        "sin": [
            draws.uniform(-100, 100, count),
            quarters,
            np.nextafter(quarters, np.inf),
            np.float64([2**20]),
        ],
        "ncdf": [
            draws.uniform(-37, 8, count),
            *(sign * edge * near for sign in (-1, 1) for edge in (0.67448975, np.sqrt(32))),
        ],
    }
    ranges["cos"] = ranges["sin"]
    return np.concatenate([np.zeros(1), tiny, *ranges[name]])


# The normal law is a product of several roundings; the others end in one.
@pytest.mark.parametrize(("name", "places"), [("exp", 2), ("atan", 2), ("sin", 2), ("cos", 2), ("ncdf", 8)])
def test_function_is_within_its_last_places(programs: list[Path], name: str, places: int) -> None:
    mpmath.mp.prec = 200
    x = hostile(name)
    plain, optimised = (apply(program, name, x) for program in programs)
    assert plain.tobytes() == optimised.tobytes()
    for argument, value in zip(x.tolist(), plain.tolist(), strict=True):
        exact = getattr(mpmath, name)(mpmath.mpf(argument))
        place = mpmath.mpf(np.spacing(abs(float(exact))))
        assert abs(value - exact) <= places * place, f"{name}({argument!r}) = {value!r}, not {exact}"


def test_the_angle_of_an_infinite_tangent_is_right(programs: list[Path]) -> None:
    angles = apply(programs[0], "atan", np.array([-np.inf, -1e308, 1e308, np.inf]))
    assert angles.tolist() == [-np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2]


def test_exp_and_the_normal_law_end_in_zero_below_the_normal_numbers(programs: list[Path]) -> None:
    assert apply(programs[0], "exp", np.array([-708.1, -1e300])).tolist() == [0, 0]
    assert apply(programs[0], "ncdf", np.array([-38.0, -1e150, 9.0, 1e150])).tolist() == [0, 0, 1, 1]
