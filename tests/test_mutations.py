"""Goldens strong enough: every small mistake between features and output fails verification, and is counted.

The mistakes are those by which such systems have failed: columns that changed places, a bar's delay, another
length of window, a scaler that is of another formula or missing, and a clip that nobody mentioned.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from bundles import Planted, change_json, make_bundle, make_source, reseal, walk

from sentio.bundle import checks
from sentio.bundle.folder import Floats, Goldens, read_files
from sentio.bundle.manifest import Manifest, parse_manifest
from sentio.bundle.models import Model, accepted_misfits, load_model
from sentio.bundle.safetensors import read_tensors, write_tensors
from sentio.errors import CheckFailed
from sentio.export import Source
from sentio.verify import verify_bundle

ROOT = Path(__file__).resolve().parents[1]
ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))
Mistake = Callable[[Floats], Floats]


def make_tfa_source(length: int, kind: str) -> Source:
    document = json.loads((ROOT / "specs" / "features" / "tfa.json").read_text())
    return make_source(length, document=document, bars=walk(sessions=14, each=78), output=kind)


def parts_of(bundle: Path) -> tuple[Manifest, Goldens, dict[str, Model]]:
    files = read_files(bundle)
    manifest = parse_manifest(files["metadata.json"], "metadata.json")
    models = {backend.name: load_model(files, manifest, backend) for backend in manifest.backends}
    return manifest, Goldens.read(files, manifest), models


@pytest.fixture(
    scope="module",
    params=[(1, "logit"), (8, "logit"), (1, "probability"), (1, "classes")],
    ids=["mlp", "transformer", "probability", "classes"],
)
def bundle(request, tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("made"), make_tfa_source(*request.param))


@pytest.fixture(scope="module")
def parts(bundle: Path) -> tuple[Manifest, Goldens, dict[str, Model]]:
    return parts_of(bundle)


class Mistaken:
    """A model before which a mistake happens to the features."""

    def __init__(self, model: Model, mistake: Mistake) -> None:
        self.model, self.mistake = model, mistake

    def run(self, features: Floats, rows: np.ndarray, batch_size: int = 1) -> Floats:
        return self.model.run(self.mistake(features), rows, batch_size)

    def forward(self, windows: np.ndarray) -> Floats:
        return self.model.forward(windows)


class Relabelled:
    """A model two of whose outputs changed places."""

    def __init__(self, model: Model, one: int, other: int) -> None:
        self.model, self.one, self.other = model, one, other

    def run(self, features: Floats, rows: np.ndarray, batch_size: int = 1) -> Floats:
        outputs = self.model.run(features, rows, batch_size).copy()
        outputs[:, [self.one, self.other]] = outputs[:, [self.other, self.one]]
        return outputs

    def forward(self, windows: np.ndarray) -> Floats:
        return self.model.forward(windows)


def standardised(manifest: Manifest, change: Mistake) -> Mistake:
    """A mistake that happens to standardised values: what the module gets is turned back from them."""
    mean = np.array(manifest.normalisation.mean)
    inverse = np.array(manifest.normalisation.inv_std)
    return lambda x: (mean + change((x - mean) * inverse) / inverse).astype(np.float32)


def mistakes(manifest: Manifest) -> Iterator[tuple[str, Mistake]]:
    width = manifest.input.n_features
    columns = np.arange(width)

    def put(x: Floats, column: int, values: Floats) -> Floats:
        changed = x.copy()
        changed[:, column] = values
        return changed

    for one, other in itertools.combinations(range(width), 2):
        order = columns.copy()
        order[[one, other]] = order[[other, one]]
        yield f"columns {one} and {other} changed places", lambda x, order=order: x[:, order]
    for lag in (-1, 1):
        yield f"shifted by {lag}", lambda x, lag=lag: np.roll(x, lag, axis=0)
        for k in range(width):
            yield (
                f"column {k} shifted by {lag}",
                lambda x, k=k, lag=lag: put(x, k, np.roll(x[:, k], lag)),
            )
    rows = manifest.spans.train.rows
    shrink = np.sqrt((rows - 1) / rows)
    yield "another ddof", standardised(manifest, lambda z: z * shrink)
    mean, inverse = np.array(manifest.normalisation.mean), np.array(manifest.normalisation.inv_std)
    yield "scaled twice", lambda x: ((x - mean) * inverse).astype(np.float32)
    yield "no scaler", lambda x: (mean + x / inverse).astype(np.float32)
    yield "clipped to 5 before the scaler", lambda x: np.clip(x, -5, 5)
    yield "clipped to 5 behind the scaler", standardised(manifest, lambda z: np.clip(z, -5, 5))
    for k in range(width):
        yield (
            f"column {k} clipped to 5 behind the scaler",
            standardised(manifest, lambda z, k=k: np.where(columns == k, np.clip(z, -5, 5), z)),
        )


def one_of_each_sort(manifest: Manifest) -> dict[str, Mistake]:
    """Mistakes that differ in more than a column's number."""
    return {re.sub(r"\bcolumns? \d+( and \d+)?", "a column", what): it for what, it in mistakes(manifest)}


def count_noticed(manifest: Manifest, goldens: Goldens, models: dict[str, Model]) -> None:
    """Every mistake fails the goldens of every one of the models."""
    caught = 0
    for name, sound in models.items():
        backend = manifest.backend(name)
        for what, mistake in mistakes(manifest):
            model = Mistaken(sound, mistake)
            try:
                checks.check_stress(model, goldens, backend)
                checks.check_outputs(model, goldens, backend, 256)
            except CheckFailed:
                caught += 1
            else:
                pytest.fail(f"{name}: {what}: not noticed")
    width = manifest.input.n_features
    each = width * (width - 1) // 2 + 2 * (1 + width) + 5 + width
    assert caught == each * len(models)
    print(f"{caught} mistakes, each noticed")


def test_every_mistake_fails_the_goldens_of_every_backend(parts):
    count_noticed(*parts)


@pytest.mark.slow
def test_every_mistake_fails_the_compiled_backends_and_one_of_each_sort_fails_in_cpp(tmp_path):
    # One test, since the package of machine code takes longer to make than all the rest.
    names = ["native", "torchscript", "aoti", *(["onnx"] if ONNX else [])]
    path = make_bundle(tmp_path, make_tfa_source(1, "logit"), backends=names)
    manifest, goldens, models = parts_of(path)
    count_noticed(manifest, goldens, {name: models[name] for name in names[2:]})

    cli = ROOT / "build" / "sentio_cli"
    if not cli.is_file():
        pytest.skip("needs build/sentio_cli, which `make runtime` builds")
    names = names[:3]  # C++ does not run onnx
    # The distance is the same from either end: here the goldens are what a mistaken model answers. `native`
    # keeps its own, which would fail first, so that the distance decides.
    sound = {f"outputs_{size}": goldens.outputs[size] for size in (1, 7, 256)}
    sound["stress_outputs"] = goldens.stress_outputs
    for what, mistake in one_of_each_sort(manifest).items():
        model = Mistaken(models["torchscript"], mistake)
        runs = [model.run(goldens.features, goldens.rows, size) for size in (1, 7, 256)]
        runs.append(model.run(*goldens.stress_rows()))
        for (name, right), wrong in zip(sound.items(), runs, strict=True):
            # A shift brings in a bar that has no features yet; goldens have to be finite.
            np.save(path / "golden" / f"{name}.npy", np.where(np.isfinite(wrong), wrong, right))
        done = subprocess.run([cli, "verify", reseal(path), "--json"], capture_output=True, text=True)
        lines = {line["name"]: line["ok"] for line in json.loads(done.stdout)["checks"]}
        for backend in names:
            told = [ok for line, ok in lines.items() if line.startswith(f"{backend}: golden outputs")]
            assert len(told) == 4
            assert not all(told), f"{backend}: {what}: not noticed"
        assert [line for line, ok in lines.items() if ok is False and "golden outputs" not in line] == []


def test_classes_that_changed_places_fail_the_goldens_of_every_backend(parts):
    manifest, goldens, models = parts
    width = manifest.output.width
    caught = 0
    for backend in manifest.backends:
        elsewhere = (
            backend.model_copy(update={"torch": "9.9.9"}) if backend.name == "torchscript" else backend
        )
        for one, other in itertools.combinations(range(width), 2):
            model = Relabelled(models[backend.name], one, other)
            # Each by itself must tell: bits, the tolerance of another machine, the windows far outside.
            for check in (
                lambda model, backend=backend: checks.check_outputs(model, goldens, backend, 1),
                lambda model, backend=elsewhere: checks.check_outputs(model, goldens, backend, 256),
                lambda model, backend=elsewhere: checks.check_stress(model, goldens, backend),
            ):
                with pytest.raises(CheckFailed):
                    check(model)
                caught += 1
    assert caught == 3 * len(manifest.backends) * width * (width - 1) // 2


def test_most_mistakes_show_beyond_the_largest_tolerance_that_a_reader_takes(parts):
    """On other machines bits cannot tell, but for `native`; only what is smaller than rounding may pass."""
    manifest, goldens, models = parts
    backend = manifest.backend("torchscript")
    largest = goldens.largest_tolerance()
    assert backend.tolerance < largest / 100  # of an honest bundle
    elsewhere = backend.model_copy(update={"torch": "9.9.9", "tolerance": largest})
    passed = []
    for what, mistake in mistakes(manifest):
        model = Mistaken(models["torchscript"], mistake)
        try:
            checks.check_stress(model, goldens, elsewhere)
            checks.check_outputs(model, goldens, elsewhere, 256)
        except CheckFailed:
            continue
        passed.append(what)
    assert set(passed) <= {"another ddof"}


@pytest.mark.parametrize("length", [1, 2, 7, 9, 16])
def test_another_length_of_window_is_refused(bundle, parts, tmp_path, length):
    if length == parts[0].input.seq_len:
        length += 2
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    change_json(copy, "metadata.json", Planted(("input", "seq_len"), length))
    assert not verify_bundle(copy, None, cpp=False).ok


# Exported by mistake: the weights themselves are wrong, and everything is sealed


def other_ddof(tensors: dict[str, Floats]) -> None:
    tensors["scaler.inverse_deviation"] = (
        tensors["scaler.inverse_deviation"].astype(np.float64) * np.sqrt(9 / 10)
    ).astype(np.float32)


def no_scaler(tensors: dict[str, Floats]) -> None:
    tensors["scaler.mean"] = np.zeros_like(tensors["scaler.mean"])
    tensors["scaler.inverse_deviation"] = np.ones_like(tensors["scaler.mean"])


def swapped(tensors: dict[str, Floats]) -> None:
    tensors["layers.0.weight"] = tensors["layers.0.weight"][:, [1, 0, 2, 3]]


@pytest.mark.parametrize("change", [other_ddof, no_scaler, swapped])
def test_weights_that_were_exported_wrongly_are_refused_here_and_in_cpp(tmp_path, change, sentio_cli):
    path = make_bundle(tmp_path, backends=["native"])
    tensors = dict(read_tensors((path / "model.safetensors").read_bytes(), "m"))
    change(tensors)
    (path / "model.safetensors").write_bytes(write_tensors(tensors))

    def tell_so(document):
        document["normalisation"]["mean"] = tensors["scaler.mean"].tolist()
        document["normalisation"]["inv_std"] = tensors["scaler.inverse_deviation"].tolist()

    change_json(path, "metadata.json", tell_so)
    failed = {check.name for check in verify_bundle(path, sentio_cli).checks if check.ok is False}
    lines = {f"native: golden outputs, {what}" for what in ("batch 1", "batch 7", "batch 256", "stress")}
    assert failed == lines | {f"C++: {line}" for line in lines}


def test_every_other_rank_length_width_and_type_is_offered():
    accepted, offered = accepted_misfits(lambda windows: windows, 4, 3)
    assert accepted == [
        "float32 [1, 2, 4, 3]",
        *(f"float32 [2, {length}, 3]" for length in (1, 3)),
        *(f"float32 [2, 4, {width}]" for width in (1, 2, 4)),
        "float32 [2, 5, 3]",
        "float32 [4, 3]",
        "float64 [2, 4, 3]",
        "float16 [2, 4, 3]",
    ]
    assert offered == len(accepted)


def test_every_backend_is_offered_the_same_and_refuses_it_all(parts):
    manifest, _, models = parts
    offered = "9 of 9" if manifest.input.seq_len == 1 else "10 of 10"  # T = 1 is then no misfit
    for name, model in models.items():
        backend = manifest.backend(name)
        assert checks.check_refusals(model, backend, manifest) == offered
