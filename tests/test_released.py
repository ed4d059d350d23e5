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
    "0.1.0/perceptron": "952037300629cb4f86b4c0e3ddc69d86e0a49520ad8ac65584b25a8fe4db4563",
    "0.1.0/transformer": "08fc5de47ee214d4880e20459b96a4f43c1591b0a0f0e8e473b5bcd64aaf1986",
    "0.1.0/classes": "c4d7931c69a9d886bfab3415b23a1e54180ce3a917f1f196f77c929a07571516",
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
