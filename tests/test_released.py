"""Bundles that past releases made, which users still hold, load and give the same."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from sentio.bundle import load_bundle
from sentio.bundle.manifest import FORMAT
from sentio.extension import load_extension
from sentio.verify import verify_bundle

RELEASED = Path(__file__).resolve().parent / "released"

# By each release's tests/released/make.py. An id is the hash of SHA256SUMS: no file can change unnoticed.
IDS = {
    "0.1.0/perceptron": "d6a347e526dd2e0734fb15e47ce371a624ef4ea23fe5c2b0af8831a69338df6e",
    "0.1.0/transformer": "c1e6e3f8e363fcdcff0b02503f031ff6287a9eaf41685323c57f2afde3e09531",
    "0.1.0/classes": "856aca31f207f3455505debde756b3f7d0ed4027cc33b98dc83ca50c8776bf5f",
}


def test_every_released_bundle_is_as_its_release_made_it():
    found = {
        f"{sums.parent.parent.name}/{sums.parent.name}": hashlib.sha256(sums.read_bytes()).hexdigest()
        for sums in RELEASED.glob("*/*/SHA256SUMS")
    }
    assert found == IDS


def test_the_engine_has_the_packages_version():
    assert load_extension().build_info()["version"] == version("sentio")


def test_todays_format_is_a_released_one():
    assert FORMAT in {load_bundle(RELEASED / name).manifest.format_version for name in IDS}


@pytest.mark.parametrize("name", IDS)
def test_a_released_bundle_is_proven_by_todays_python_and_cpp(name, sentio_cli):
    report = verify_bundle(RELEASED / name, sentio_cli)
    held = load_bundle(RELEASED / name).manifest.backends
    only_in_python = {f"C++: {each.name}: model" for each in held if each.name == "onnx"}
    assert {check.name for check in report.checks if check.ok is not True} == only_in_python
