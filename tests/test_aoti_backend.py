"""The backend `aoti`: compiled once for all tests here; parity, refusals, and what a processor must have."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import Planted, change_json, make_bundle, make_source, reseal, walk

from sentio.bundle import load_bundle
from sentio.bundle.aoti import AotiModel
from sentio.bundle.folder import read_files
from sentio.bundle.manifest import parse_manifest
from sentio.errors import CorruptStore, EnvironmentProblem
from sentio.export.aoti import compile_ahead
from sentio.verify import verify_bundle

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    backends = ["aoti", "torchscript"]
    return make_bundle(tmp_path_factory.mktemp("made"), make_source(4), backends=backends)


def model_of(bundle: Path, **changes: object) -> AotiModel:
    files = read_files(bundle)
    manifest = parse_manifest(files["metadata.json"], "metadata.json")
    return AotiModel(files["model.pt2"], manifest.backends[0].model_copy(update=changes), manifest.input, 1)


def test_the_compiled_module_is_the_trained_one_within_the_tolerance(made):
    bars = walk(sessions=3, seed=9)
    compiled, scripted = load_bundle(made), load_bundle(made, backend="torchscript")
    assert compiled.backend == "aoti"
    ours, theirs = compiled.predict(bars), scripted.predict(bars)
    assert ours.ts.tolist() == theirs.ts.tolist()
    # The tolerance is eight times float32's distance from float64 over the goldens.
    assert np.abs(ours.value - theirs.value).max() <= compiled.manifest.backends[0].tolerance


def test_every_other_shape_and_type_is_refused(made):
    model = model_of(made)
    accepted, offered = model.misfits()
    assert (accepted, offered) == ([], 10)
    for wrong in (
        torch.zeros(1, 4, 5),
        torch.zeros(1, 3, 4),
        torch.zeros(4, 4),
        torch.zeros(1, 4, 4).double(),
    ):
        with pytest.raises(ValueError, match=r"takes float32 \[B, 4, 4\]"):
            model._checked(wrong)
    # The same values, though they lie otherwise in memory.
    window = torch.randn(1, 4, 4)
    turned = window.transpose(1, 2).contiguous().transpose(1, 2)
    assert not turned.is_contiguous()
    assert torch.equal(model._checked(turned), model._checked(window))


def test_a_processor_without_its_instruction_set_does_not_load_it(made):
    with pytest.raises(EnvironmentProblem, match="was compiled for asimd; this processor has") as caught:
        model_of(made, instruction_set="asimd")
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a package"], ids=["empty", "zip", "text"])
def test_bytes_that_are_no_package_are_refused(made, tmp_path, content):
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    (bundle / "model.pt2").write_bytes(content)
    with pytest.raises(CorruptStore, match="does not load as an AOTInductor package"):
        load_bundle(reseal(bundle))


def test_without_a_compiler_the_error_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentProblem, match="needs a C\\+\\+ compiler") as caught:
        compile_ahead(make_source(4).module)
    assert caught.value.exit_code == 6


def test_sentio_cli_runs_it_and_says_what_a_processor_lacks(made, tmp_path):
    cli = ROOT / "build" / "sentio_cli"
    if not cli.is_file():
        pytest.skip("needs build/sentio_cli, which `make runtime` builds")
    report = verify_bundle(made, cli)
    assert [check.name for check in report.checks if check.ok is not True] == []
    assert "C++: aoti: wrong inputs refused" in [check.name for check in report.checks]
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    change_json(bundle, "metadata.json", Planted(("backends", 0, "instruction_set"), "asimd"))
    lines = {check.name: check for check in verify_bundle(bundle, cli).checks}
    assert lines["aoti: model"].ok is None
    assert lines["C++: aoti: model"].ok is None
    assert "compiled for asimd, which this processor lacks" in lines["C++: aoti: model"].detail
    assert lines["C++: torchscript: wrong inputs refused"].ok
