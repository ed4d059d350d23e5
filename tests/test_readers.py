"""Whoever reads a bundle refuses the same: `load_bundle`, `sentio verify`, and C++ in both its ways."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import Planted, change_array, change_json, make_bundle, make_source, reseal

from sentio import LiveBundle
from sentio.bundle import Bundle, checks, load_bundle
from sentio.bundle.inspection import read_contents
from sentio.errors import CheckFailed, CorruptStore
from sentio.features import FeatureEngine
from sentio.verify import find_cli, verify_bundle

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Bundle:
    return load_bundle(make_bundle(tmp_path_factory.mktemp("pristine")))


@pytest.fixture
def bundle(pristine: Bundle, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(pristine.path, tmp_path / "bundle"))


def put_state(bundle: Path, state: bytes) -> None:
    (bundle / "engine.state").write_bytes(state)
    reseal(bundle)


def end_early(bundle: Path) -> None:
    source = make_source()
    engine = FeatureEngine(source.spec)
    engine.compute(source.bars[:-5])
    put_state(bundle, engine.state())


def spoil(name: str, place: object, value: float) -> Callable[[Path], None]:
    return lambda bundle: change_array(bundle, name, lambda array: array.__setitem__(place, value))


def plant(*path: str | int, value: object) -> Callable[[Path], None]:
    return lambda bundle: change_json(bundle, "metadata.json", Planted(path, value))


# By the line of the report that fails.
SPOILT: dict[str, list[Callable[[Path], None]]] = {
    "engine state": [partial(put_state, state=b"rubbish"), partial(put_state, state=b""), end_early],
    "golden files": [
        spoil("outputs_7", 5, np.inf),
        plant("backends", 0, "tolerance", value=1e30),
        plant("backends", 1, "tolerance", value=1e-2),  # of the backend that does not run
    ],
    "golden features, batch": [spoil("features", (50, 0), 9.0)],
    "golden features, warm start": [spoil("warm_features", (50, 0), 9.0)],
    "native: normalisation": [
        plant("normalisation", "mean", 1, value=0.5),
        plant("normalisation", "inv_std", 3, value=0.5),
    ],
    "native: golden outputs, batch 1": [spoil("outputs_1", 5, 9.0), spoil("native", 5, 9.0)],
    "native: golden outputs, batch 7": [spoil("outputs_7", 255, 9.0)],
    "native: golden outputs, batch 256": [spoil("outputs_256", 0, 9.0)],
    "native: golden outputs, stress": [spoil("stress_outputs", 3, 9.0), spoil("native", 270, 9.0)],
}


@pytest.mark.parametrize(
    ("line", "change"),
    [
        pytest.param(line, change, id=f"{line} {k}")
        for line in SPOILT
        for k, change in enumerate(SPOILT[line])
    ],
)
def test_a_spoilt_bundle_that_was_sealed_again_is_refused_by_every_reader(pristine, bundle, line, change):
    change(bundle)
    with pytest.raises((CorruptStore, CheckFailed)):
        load_bundle(bundle)
    with pytest.raises(CorruptStore, match="the bundle is refused"):
        LiveBundle(dataclasses.replace(pristine, path=bundle))
    cli = find_cli(ROOT)
    failed = [
        check.name for check in verify_bundle(bundle, cli, cpp=cli is not None).checks if check.ok is False
    ]
    assert line in failed
    assert cli is None or f"C++: {line}" in failed


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.sig"])
def test_a_file_is_refused_for_its_size_by_every_reader(pristine, bundle, name):
    with (bundle / name).open("ab") as stream:
        stream.truncate(2**20 + 1)
    with pytest.raises(CorruptStore, match=f"{name}: holds more than 1 MiB"):
        load_bundle(bundle)
    with pytest.raises(CorruptStore, match=f"{name}: holds more than 1 MiB"):
        LiveBundle(dataclasses.replace(pristine, path=bundle))


def test_files_are_refused_for_their_sum_by_every_reader(pristine, bundle):
    sizes = {path: path.stat().st_size for path in bundle.rglob("*") if path.is_file()}
    listed = sum(size for path, size in sizes.items() if path.name != "SHA256SUMS")
    model = bundle / "model.safetensors"
    with model.open("ab") as stream:
        stream.truncate(2**30 - listed + sizes[model] + 1)
    for read in (load_bundle, lambda path: LiveBundle(dataclasses.replace(pristine, path=path))):
        with pytest.raises(CorruptStore, match="with it the files hold more than 1024 MiB"):
            read(bundle)


def claim(bundle: Path, name: str) -> None:
    """List a file that is not there: who reads it says so."""
    with (bundle / "SHA256SUMS").open("a") as stream:
        stream.write(f"{'0' * 64}  {name}\n")


def test_a_name_that_no_bundle_has_is_refused_before_any_file_is_read(pristine, bundle):
    (bundle / "engine.state").write_bytes(b"damaged")
    claim(bundle, "more")
    for read in (load_bundle, lambda path: LiveBundle(dataclasses.replace(pristine, path=path))):
        with pytest.raises(CorruptStore, match="more: is no file of a folder of this kind") as refused:
            read(bundle)
        assert "engine.state" not in str(refused.value)


def test_looking_at_a_bundle_refuses_files_that_its_manifest_does_not_name(tmp_path):
    bundle = make_bundle(tmp_path, backends=["native"])
    (bundle / "model.pt").write_bytes(b"code")
    with pytest.raises(CorruptStore, match=r"model\.pt: is no file of this bundle"):
        read_contents(reseal(bundle))


def test_loading_makes_every_check_that_verify_makes(tmp_path, monkeypatch):
    bundle = make_bundle(tmp_path, backends=["native"])
    names = {name for name in checks.__all__ if name.startswith("check_")}
    made: Counter[str] = Counter()

    def counted(name: str, check: Callable[..., object], *given: object) -> object:
        made[name] += 1
        return check(*given)

    for name in names:
        monkeypatch.setattr(checks, name, partial(counted, name, getattr(checks, name)))
    load_bundle(bundle)
    by_loading = made.copy()
    made.clear()
    assert verify_bundle(bundle, None, cpp=False).ok
    assert by_loading == made
    assert set(made) == names
    assert made["check_outputs"] == 3  # batches of 1, 7 and 256


def test_no_tolerance_lets_another_model_pass(bundle, tmp_path):
    other = make_source()
    with torch.no_grad():
        next(iter(other.module.core.parameters())).mul_(1.01)
    shutil.copy(make_bundle(tmp_path, other) / "model.pt", bundle / "model.pt")
    plant("backends", 1, "torch", value="9.9.9")(bundle)
    plant("backends", 1, "tolerance", value=1e30)(bundle)
    with pytest.raises(CheckFailed, match="torchscript: the tolerance is 1e\\+30; the spread"):
        load_bundle(bundle, backend="torchscript")
