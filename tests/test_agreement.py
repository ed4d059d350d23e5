"""Python and C++ over every shipped spec, model and backend: the same features, and the same outputs."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk

from sentio.bundle import load_bundle
from sentio.cache import build_cache
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

BACKENDS = {"mlp": ["native", "torchscript", "aoti"], "transformer": ["torchscript", "aoti"]}
WINDOWS = {"mlp": 1, "transformer": 4}


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["alpha158", "classic", "tfa"])
@pytest.mark.parametrize("model", BACKENDS)
def test_cpp_streams_what_python_computes(tmp_path, sentio_cli, spec, model):
    bars = walk(sessions=24)
    source = make_source(WINDOWS[model], bars=bars, document=json.loads(FeatureSpec.load(spec).json))
    (tmp_path / "specs").mkdir()
    build_cache(bars, source.spec, Workspace(tmp_path))
    for number, backend in enumerate(BACKENDS[model], 1):
        # A bundle of one backend runs on that one; its features are compared with the cache at every bar.
        bundle = make_bundle(tmp_path / "artifacts", source, f"v{number}", backends=[backend])
        dump = tmp_path / f"{backend}.csv"
        done = subprocess.run(
            [sentio_cli, "tpa_test", "QQQ", "--root", tmp_path, "--days", "5", "--dump", dump],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        streamed = np.loadtxt(
            dump, delimiter=",", skiprows=1, dtype=[("ts", np.int64), ("value", np.float32)]
        )
        expected = load_bundle(bundle).predict(bars)
        kept = expected.ts >= streamed["ts"][0]
        np.testing.assert_array_equal(streamed["ts"], expected.ts[kept])
        assert len(streamed) > 200
        # Nine digits tell every float32 from its neighbours.
        np.testing.assert_array_equal(
            streamed["value"].view(np.uint32), expected.value[kept].view(np.uint32), backend
        )
