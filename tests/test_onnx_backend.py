"""The backend `onnx`: parity by onnxruntime, refusals, and the one line that says what is not installed."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, make_source, needs_onnx, reseal, walk

from sentio.bundle import load_bundle
from sentio.errors import CorruptStore, EnvironmentProblem
from sentio.export.onnx import to_onnx
from sentio.verify import verify_bundle


@pytest.fixture(scope="module", params=[1, 4], ids=["mlp", "transformer"])
def made(request, tmp_path_factory) -> Path:
    backends = ["torchscript", "onnx"]
    return make_bundle(tmp_path_factory.mktemp("made"), make_source(request.param), backends=backends)


@needs_onnx
def test_the_graph_is_the_trained_module_within_the_tolerance(made):
    bars = walk(sessions=3, seed=9)
    graph, scripted = load_bundle(made, backend="onnx"), load_bundle(made)
    ours, theirs = graph.predict(bars, batch_size=50), scripted.predict(bars)
    assert ours.ts.tolist() == theirs.ts.tolist()
    # The tolerance is eight times float32's distance from float64 over the goldens.
    assert np.abs(ours.value - theirs.value).max() <= graph.manifest.backend("onnx").tolerance
    report = verify_bundle(made, None, cpp=False)
    assert report.ok
    assert "onnx: wrong inputs refused" in [check.name for check in report.checks]


@needs_onnx
@pytest.mark.parametrize("content", [b"", b"not a graph"], ids=["empty", "text"])
def test_bytes_that_are_no_graph_are_refused(made, tmp_path, content):
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    (bundle / "model.onnx").write_bytes(content)
    with pytest.raises(CorruptStore, match="does not load as an ONNX graph"):
        load_bundle(reseal(bundle), backend="onnx")


def test_without_its_packages_the_error_names_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        EnvironmentProblem, match="needs the packages onnx, onnxscript, onnxruntime"
    ) as caught:
        to_onnx(make_source(1).module)
    assert caught.value.exit_code == 6
    assert "sentio[onnx]" in caught.value.hint
