"""The backend `native`: the trained module in another order of sums, the same bits in numpy and in C++."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch
from bundles import Planted, change_json, make_bundle, make_source, reseal, walk
from torch import nn

from sentio.bundle import load_bundle
from sentio.bundle.manifest import InputLayout
from sentio.bundle.native import _ACTIVATIONS, NativeModel
from sentio.bundle.safetensors import read_tensors, write_tensors
from sentio.errors import CheckFailed, CorruptStore, UsageError
from sentio.export.native import as_native, native_obstacle
from sentio.models import MLP, ScaledModel
from sentio.verify import verify_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("made"), make_source(1))


def module_of(core: nn.Module, seq_len: int = 1) -> ScaledModel:
    return ScaledModel(core, 4, seq_len).eval().requires_grad_(False)


def test_native_runs_first_where_it_can_and_agrees_with_the_trained_module(made):
    bars = walk(sessions=3, seed=9)
    native, scripted = load_bundle(made), load_bundle(made, backend="torchscript")
    assert (native.backend, scripted.backend) == ("native", "torchscript")
    ours, theirs = native.predict(bars), scripted.predict(bars)
    assert ours.ts.tolist() == theirs.ts.tolist()
    # Both are within rounding of the module in float64; the tolerance is eight times that of the goldens.
    assert np.abs(ours.value - theirs.value).max() <= native.manifest.backends[0].tolerance
    assert np.array_equal(ours.value, native.predict(bars, batch_size=50).value)


def test_a_sum_is_taken_one_input_after_the_other():
    draws = np.random.default_rng(2)
    network, tensors = as_native(module_of(MLP(4, [5], 0.0)))
    model = NativeModel(tensors, network, InputLayout(seq_len=1, n_features=4, windows_cross_sessions=True))
    window = draws.normal(size=(1, 1, 4)).astype(np.float32)
    x = [np.float32(v) for v in window.ravel()]
    for layer, weight, bias in ((0, *parts(tensors, 0)), (2, *parts(tensors, 2))):
        sums = []
        for row, start in zip(weight, bias, strict=True):
            total = start
            for value, factor in zip(x, row, strict=True):
                total = np.float32(total + np.float32(value * factor))
            # Python's own erf; the fit is within 3e-9 of it, a float's half place is 3e-8 of the value.
            exact = float(total) * 0.5 * math.erfc(-float(total) / math.sqrt(2))
            sums.append(np.float32(exact) if layer == 0 else total)
        x = sums
    found = model.run(window[0], np.array([0]))[0, 0]
    assert found == pytest.approx(float(x[0]), abs=2**-23)


def parts(tensors: dict[str, np.ndarray], number: int) -> tuple[np.ndarray, np.ndarray]:
    return tensors[f"layers.{number}.weight"], tensors[f"layers.{number}.bias"]


@pytest.mark.parametrize(
    "core",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(4, 1)),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 9, bias=False), nn.ReLU(), nn.Linear(9, 1)),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 70), nn.Tanh(), nn.Dropout(0.5), nn.Linear(70, 1)),
    ],
    ids=["linear", "relu without bias", "tanh"],
)
def test_other_dense_networks_are_shipped_too(tmp_path, core):
    bundle = load_bundle(make_bundle(tmp_path, make_source(1, module=module_of(core))))
    assert bundle.backend == "native"  # it loads: the goldens hold


def test_the_labels_unit_is_put_back(tmp_path):
    source = make_source(1, output="return", label={"kind": "logret_fwd", "horizon": 3})
    source.module.output_mean.fill_(1e-5)
    source.module.output_scale.fill_(2e-4)
    bundle = load_bundle(make_bundle(tmp_path, source))
    assert bundle.backend == "native"
    assert np.abs(bundle.predict(walk(1)).value).max() < 1e-2


@pytest.mark.parametrize(
    ("core", "why"),
    [
        (make_source(4).module.core, "Transformer is neither an MLP nor a plain sequence"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.GELU("tanh"), nn.Linear(4, 1)),
            "it has no layer GELU",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 9000), nn.Linear(9000, 1)), "9000 wide"),
    ],
    ids=["transformer", "gelu by tanh", "wide"],
)
def test_what_native_cannot_run_is_refused_and_left_out_by_itself(tmp_path, core, why):
    module = module_of(core, 4 if "Transformer" in why else 1)
    assert why in str(native_obstacle(module))
    source = make_source(module.seq_len, module=module)
    with pytest.raises(UsageError, match="native cannot run this model") as caught:
        make_bundle(tmp_path, source, backends=["native"])
    assert why in str(caught.value)
    assert "--backend torchscript" in caught.value.hint
    assert load_bundle(make_bundle(tmp_path, source)).backend == "torchscript"


def test_the_backends_are_those_that_were_asked_for_in_their_order(tmp_path):
    alone = load_bundle(make_bundle(tmp_path, version="v1", backends=["native"]))
    assert not (alone.path / "model.pt").exists()
    swapped = load_bundle(make_bundle(tmp_path, version="v2", backends=["torchscript", "native"]))
    assert [backend.name for backend in swapped.manifest.backends] == ["torchscript", "native"]
    assert swapped.backend == "torchscript"
    with pytest.raises(UsageError, match="'torchscript' is not in the bundle, which holds native"):
        load_bundle(alone.path, backend="torchscript")
    for names, told in (
        (["nativ"], "'nativ' is not a backend"),
        ([], "names none"),
        (["native"] * 2, "one twice"),
    ):
        with pytest.raises(UsageError, match=told):
            make_bundle(tmp_path, version="v3", backends=names)


def test_a_network_that_does_not_fit_is_refused(made, tmp_path):
    for number, (path, value, told) in enumerate(
        [
            ((0, "network", 0, "inputs"), 5, "network[0].inputs is 5, but 4 come in"),
            ((0, "network", 4, "outputs"), 2, "ends in 2 outputs"),
            ((0, "network", 0, "layer"), "gelu", "inputs"),
            ((0, "network", 1, "layer"), "selu", "network[1]"),
            ((0, "network"), [], "network"),
        ]
    ):
        bundle = Path(shutil.copytree(made, tmp_path / str(number)))
        change_json(bundle, "metadata.json", Planted(("backends", *path), value))
        with pytest.raises(CorruptStore) as caught:
            load_bundle(bundle)
        assert told in str(caught.value)


def test_the_manifests_copy_of_the_scaler_is_compared_with_the_weights(made, tmp_path):
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    change_json(bundle, "metadata.json", Planted(("normalisation", "mean", 1), 0.0))
    report = verify_bundle(bundle, None, cpp=False)
    assert [check.name for check in report.checks if check.ok is False] == ["native: normalisation"]


# safetensors


def test_tensors_survive_being_written_and_read_and_are_laid_out_as_the_format_says():
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(7).reshape(())}
    content = write_tensors(tensors)
    # Read again by the format's own words.
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["a"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    assert struct.unpack("<7f", content[8 + length :]) == (0, 1, 2, 3, 4, 5, 7)
    assert length % 8 == 0
    read = read_tensors(content, "m")
    assert read.keys() == tensors.keys()
    assert all(np.array_equal(read[name], tensors[name]) for name in tensors)


def header_of(**entries: object) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


def entry(shape: list[object], offsets: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


TWICE = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, ' + (
    b'"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}'
)
BAD_TENSORS = {
    "empty": b"",
    "no header": struct.pack("<Q", 0),
    "short": struct.pack("<Q", 100) + b"{}",
    "no json": struct.pack("<Q", 2) + b"{{",
    "a list": struct.pack("<Q", 2) + b"[]",
    "another type": header_of(a=entry([1], [0, 8], "F64")) + bytes(8),
    "another shape": header_of(a=entry([3], [0, 8])) + bytes(8),
    "an empty tensor": header_of(a=entry([0], [0, 0])),
    "a fraction": header_of(a=entry([2.0], [0, 8])) + bytes(8),
    "beyond the end": header_of(a=entry([2], [0, 8])) + bytes(4),
    "bytes behind": header_of(a=entry([1], [0, 4])) + bytes(8),
    "a hole": header_of(a=entry([1], [0, 4]), b=entry([1], [8, 12])) + bytes(12),
    "an overlap": header_of(a=entry([2], [0, 8]), b=entry([2], [4, 12])) + bytes(12),
    "unknown key": header_of(a=entry([1], [0, 4]) | {"more": 1}) + bytes(4),
    "metadata": header_of(__metadata__={"format": "pt"}),
    "a name twice": struct.pack("<Q", len(TWICE)) + TWICE + bytes(8),
}


@pytest.mark.parametrize("content", BAD_TENSORS.values(), ids=BAD_TENSORS.keys())
def test_a_bad_safetensors_file_is_refused(made, tmp_path, content):
    with pytest.raises(CorruptStore):
        read_tensors(content, "m")
    bundle = Path(shutil.copytree(made, tmp_path / "copy"))
    (bundle / "model.safetensors").write_bytes(content)
    with pytest.raises((CorruptStore, CheckFailed)):
        load_bundle(reseal(bundle))


def test_predicting_with_native_needs_no_torch(made):
    code = (
        "import sys; from sentio.bundle import load_bundle; "
        f"load_bundle({str(made)!r}); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_activations_are_torchs_but_for_rounding():
    x = torch.linspace(-8, 8, 4001)
    for name, function in (
        ("gelu", nn.GELU()),
        ("tanh", nn.Tanh()),
        ("relu", nn.ReLU()),
        ("sigmoid", nn.Sigmoid()),
    ):
        exact = function(x.double()).numpy()
        found = _ACTIVATIONS[name](x.numpy())
        # Half a float's last place, and the fit's 3e-9 times |x| / 2.
        assert (np.abs(found - exact) <= 2.0**-24 * np.abs(exact) + 1.3e-8).all(), name


def test_a_sigmoid_is_right_to_a_float_however_small():
    x = np.linspace(-110, 110, 20_001).astype(np.float32)
    x = np.concatenate([x, np.array([0.0, -0.0, 3e38, -3e38, np.inf, -np.inf], np.float32)])
    with mpmath.workdps(30):
        exact = np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(float(value))))) for value in x])
    found = _ACTIVATIONS["sigmoid"](x).astype(np.float64)
    # Half a float's last place, be it below the normal numbers, and a little of the double's own error.
    assert (np.abs(found - exact) <= 2.0**-24 * 1.000001 * exact + 2.0**-150).all()
    assert np.isnan(_ACTIVATIONS["sigmoid"](np.array([np.nan], np.float32))).all()
