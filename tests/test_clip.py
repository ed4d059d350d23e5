"""A clip behind the scaler: trained with, shipped by every backend, told by the manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import Planted, change_json, make_bundle, make_source, needs_onnx

from sentio.bundle import load_bundle
from sentio.bundle.manifest import Clip
from sentio.bundle.module import torchscript
from sentio.models import FeatureScaler
from sentio.verify import find_cli, verify_bundle

ROOT = Path(__file__).resolve().parents[1]


def test_the_scaler_holds_what_lies_beyond_the_clip():
    features = np.array([[0.0, 8.0], [2.0, 8.0], [1.0, 8.0], [1.0, 20.0]], np.float32)
    scaler = FeatureScaler(2, clip=1.0)
    scaler.fit(features, np.arange(4))
    z = (features - features.mean(axis=0)) / features.std(axis=0)
    assert z.min() < -1.2
    assert z.max() > 1.7
    found = scaler(torch.from_numpy(features)).numpy()
    assert np.allclose(found, np.clip(z, -1, 1), rtol=0, atol=1e-6)
    assert np.abs(found).max() == 1
    with torchscript():
        scripted = torch.jit.script(scaler)
    assert torch.equal(scripted(torch.from_numpy(features)), torch.from_numpy(found))


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (-1e-50, 1e-50), (1.0, 1.00000001), (-1.0, 1e39)])
def test_bounds_that_no_float_holds_are_refused(low, high):
    with pytest.raises(ValueError, match="as finite float32"):
        Clip(low=low, high=high)


def make_clipped(folder: Path, seq_len: int, *backends: str) -> Path:
    source = make_source(seq_len)
    source.module.scaler.clip = 1.5
    return make_bundle(folder, source, backends=backends)


@pytest.fixture(scope="module")
def native(tmp_path_factory) -> Path:
    return make_clipped(tmp_path_factory.mktemp("clipped"), 1, "native")


@needs_onnx
@pytest.mark.parametrize(
    ("seq_len", "backends"), [(1, ["native", "torchscript", "onnx"]), (4, ["torchscript", "onnx"])]
)
def test_every_backend_clips_as_the_trained_module_does(tmp_path, seq_len, backends):
    clipped = make_clipped(tmp_path, seq_len, *backends)
    cli = find_cli(ROOT)
    report = verify_bundle(clipped, cli, cpp=cli is not None)
    assert [check for check in report.checks if check.ok is False] == []
    bundle = load_bundle(clipped)
    assert bundle.manifest.clip == Clip(low=-1.5, high=1.5)
    # The goldens would notice: without the clip the trained module answers otherwise.
    free = make_source(seq_len).module
    stress = torch.tensor(bundle.goldens.stress)
    assert not np.allclose(free(stress).numpy(), bundle.goldens.stress_outputs, rtol=0, atol=1e-3)


@pytest.mark.parametrize("told", [None, {"low": -1.5, "high": 1.6}, {"low": -9.0, "high": 9.0}])
def test_another_clip_in_the_manifest_fails_what_native_gives(native, tmp_path, told):
    bundle = Path(shutil.copytree(native, tmp_path / "copy"))
    change_json(bundle, "metadata.json", Planted(("clip",), told))
    cli = find_cli(ROOT)
    failed = {
        check.name for check in verify_bundle(bundle, cli, cpp=cli is not None).checks if check.ok is False
    }
    lines = {"native: golden outputs, stress"} | ({"C++: native: golden outputs, stress"} if cli else set())
    assert lines <= failed


@pytest.mark.parametrize(
    "told", [{"low": 1.0, "high": 1.0}, {"low": -5.0}, [-5, 5], {"low": -5, "high": 5, "x": 1}]
)
def test_bounds_that_are_none_are_refused(native, tmp_path, told):
    bundle = Path(shutil.copytree(native, tmp_path / "copy"))
    change_json(bundle, "metadata.json", Planted(("clip",), told))
    report = verify_bundle(bundle, None, cpp=False)
    assert [check.name for check in report.checks if check.ok is False] == ["manifest"]
    assert "clip" in report.checks[1].detail
