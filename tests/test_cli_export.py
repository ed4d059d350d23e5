"""`sentio export` and `sentio verify` after a real training: what they print, refuse and leave behind."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from command_line import stock
from keys import write_keys

from sentio.bars import BarsLibrary
from sentio.bundle import load_bundle
from sentio.bundle.manifest import Clip
from sentio.features import FeatureEngine
from sentio.sealed_folder import entry_id
from sentio.store import sha256_file
from sentio.trainers import load_model, start
from sentio.training import Run, open_run
from sentio.workspace import Workspace

FIELDS = {"feature_spec": "tiny", "hidden": [8], "max_epochs": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Iterator[Workspace]:
    """A project with simulated bars and one finished run."""
    root = tmp_path_factory.mktemp("project")
    (root / "specs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        workspace = stock(Workspace(root), patch)
        start("tfa", workspace, fields=FIELDS)
        yield workspace


@pytest.fixture
def project(trained: Workspace, tmp_path: Path, monkeypatch) -> Workspace:
    """A copy of it, to export into and to spoil; `sentio_cli` is nowhere."""
    root = Path(shutil.copytree(trained.root, tmp_path / "project"))
    monkeypatch.setenv("SENTIO_ROOT", str(root))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return Workspace(root)


def agreeable_cli(project: Workspace) -> None:
    """A stand-in for sentio_cli that knows the bundle and finds nothing wrong."""
    path = project.root / "build" / "sentio_cli"
    path.parent.mkdir()
    path.write_text(
        f"#!{sys.executable}\n"
        "import hashlib, json, pathlib, sys\n"
        "sums = pathlib.Path(sys.argv[2], 'SHA256SUMS').read_bytes()\n"
        "line = {'name': 'features', 'ok': True, 'detail': 'same bits'}\n"
        "print(json.dumps({'bundle': hashlib.sha256(sums).hexdigest(), 'checks': [line], 'ok': True}))\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def change_run(run: Run, /, **changes: object) -> None:
    document = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(document | changes))


def test_export_makes_a_bundle_of_the_newest_run_and_says_where(project, sentio):
    done = sentio("export")
    assert done.code == 0, done.err
    bundle = load_bundle(project.artifacts / "TFA" / "v1")
    assert bundle.id in done.out
    assert str(bundle.path) in done.out
    assert "SIMULATED" in done.err


def test_the_bundle_tells_the_whole_chain(project, sentio):
    run = open_run(project)
    assert sentio("export", run.name).code == 0
    manifest = load_bundle(project.artifacts / "TFA" / "v1").manifest
    bars = BarsLibrary(project).load("QQQ", "1m")
    entry = project.cache / "QQQ" / "1m" / manifest.chain.cache_key
    assert manifest.chain.bars_hash == bars.hash
    assert manifest.chain.cache_id == entry_id(entry)
    assert manifest.chain.run == run.name
    assert manifest.chain.git_commit is None  # this project is no checkout
    assert (manifest.timezone, manifest.adjustment) == (bars.timezone, bars.adjustment)
    assert manifest.label.model_dump()["kind"] == "direction"
    assert manifest.output.kind == "logit"
    assert manifest.metrics.model_dump() == run.metrics().model_dump()
    assert set(manifest.metrics.scores) > {"model"}  # the baselines stand beside it
    for name in ("train", "validation", "test"):
        told, recorded = getattr(manifest.spans, name), run.manifest.spans[name]
        assert (told.rows, told.first_ts, told.last_ts) == (
            recorded.rows,
            recorded.first_ts,
            recorded.last_ts,
        )


def test_the_bundle_predicts_what_training_measured_on_the_test_span(project, sentio):
    run = open_run(project)
    assert sentio("export").code == 0
    bundle = load_bundle(project.artifacts / "TFA" / "v1", backend="torchscript")
    bars = BarsLibrary(project).load("QQQ", "1m")
    predictions = bundle.predict(bars)
    module, features = load_model(run), FeatureEngine(bundle.spec).compute(bars)
    with torch.no_grad():
        rows = np.searchsorted(bars.ts, predictions.ts)
        eager = [module(torch.tensor(features[None, row : row + 1])).item() for row in rows]
    assert np.array_equal(predictions.value, np.array(eager, np.float32))
    measured = pq.read_table(run.path / "predictions.parquet")
    there = np.searchsorted(predictions.ts, measured["ts"].cast("int64").to_numpy())
    # Training ran the span in batches of 1024: the same sums in another order.
    assert np.allclose(predictions.value[there], measured["score"].to_numpy(), rtol=1e-5, atol=1e-6)


def test_a_regression_is_shipped_in_the_labels_unit(project, sentio):
    run = start("tfa", project, fields={**FIELDS, "label": {"kind": "close_diff", "horizon": 5}})
    assert sentio("export").code == 0
    bundle = load_bundle(project.artifacts / "TFA" / "v1")
    assert bundle.manifest.output.kind == "return"
    assert bundle.manifest.label.horizon == 5
    measured = pq.read_table(run.path / "predictions.parquet")
    predictions = bundle.predict(BarsLibrary(project).load("QQQ", "1m"))
    there = np.searchsorted(predictions.ts, measured["ts"].cast("int64").to_numpy())
    # As above; the scores here are fractions of a dollar.
    assert np.allclose(predictions.value[there], measured["score"].to_numpy(), rtol=1e-5, atol=1e-6)


def test_a_probability_is_the_sigmoid_of_the_logit_that_was_trained(project, sentio):
    assert sentio("export", "--output", "probability", "--backend", "native,torchscript").code == 0
    measured = pq.read_table(open_run(project).path / "predictions.parquet")
    for backend in ("native", "torchscript"):
        bundle = load_bundle(project.artifacts / "TFA" / "v1", backend=backend)
        assert bundle.manifest.output.kind == "probability"
        predictions = bundle.predict(BarsLibrary(project).load("QQQ", "1m"))
        there = np.searchsorted(predictions.ts, measured["ts"].cast("int64").to_numpy())
        expected = 1 / (1 + np.exp(-measured["score"].to_numpy()))
        # Training ran the span in batches of 1024: the same sums in another order.
        assert np.allclose(predictions.value[there], expected, rtol=1e-5, atol=1e-6)
        assert np.array_equal(predictions.probability, predictions.value.astype(np.float64))


def test_classes_are_shipped_with_their_names(project, sentio):
    run = start("tfa", project, fields={**FIELDS, "label": {"kind": "move", "min_move_bp": 1.0}})
    assert sentio("export").code == 0
    bundle = load_bundle(project.artifacts / "TFA" / "v1")
    assert bundle.manifest.output.model_dump() == {
        "layout": "[B, C]",
        "kind": "classes",
        "classes": ["down", "flat", "up"],
    }
    assert bundle.manifest.label.model_dump()["min_move_bp"] == 1.0
    measured = pq.read_table(run.path / "predictions.parquet")
    predictions = bundle.predict(BarsLibrary(project).load("QQQ", "1m"))
    there = np.searchsorted(predictions.ts, measured["ts"].cast("int64").to_numpy())
    for place, name in enumerate(("down", "flat", "up")):
        # Training ran the span in batches of 1024: the same sums in another order.
        scores = measured[f"score_{name}"].to_numpy()
        assert np.allclose(predictions.values[there, place], scores, rtol=1e-5, atol=1e-6)
    done = sentio("bundle", "show", str(bundle.path))
    assert "down, flat, up" in done.out
    done = sentio("export", "--output", "probability")
    assert (done.code, "multiclass label can give; allowed: classes" in done.err) == (2, True)


def test_what_a_label_cannot_give_is_refused_with_what_it_can(project, sentio):
    done = sentio("export", "--output", "odds")
    assert (done.code, "allowed: logit, probability" in done.err) == (2, True)
    start("tfa", project, fields={**FIELDS, "label": {"kind": "close_diff", "horizon": 5}})
    done = sentio("export", "--output", "probability")
    assert (done.code, "regression label can give; allowed: return" in done.err) == (2, True)
    assert not (project.artifacts / "TFA").exists()


def test_a_clip_of_the_configuration_is_trained_and_shipped(project, sentio):
    run = start("tfa", project, fields={**FIELDS, "clip": 2.5})
    assert load_model(run).scaler.clip == 2.5
    assert sentio("export").code == 0
    assert load_bundle(project.artifacts / "TFA" / "v1").manifest.clip == Clip(low=-2.5, high=2.5)


def test_versions_count_up_and_a_version_that_exists_is_refused(project, sentio):
    assert sentio("export").code == 0
    before = entry_id(project.artifacts / "TFA" / "v1")
    assert sentio("export", "--json").code == 0
    assert (project.artifacts / "TFA" / "v2").is_dir()
    done = sentio("export", "--version", "v1")
    assert done.code == 2
    assert "never overwritten" in done.err
    assert "--version v3" in done.err
    assert entry_id(project.artifacts / "TFA" / "v1") == before
    assert sentio("export", "--version", "../v3").code == 2
    assert sorted(path.name for path in (project.artifacts / "TFA").iterdir()) == ["v1", "v2"]


def test_backends_are_those_that_are_named(project, sentio):
    assert sentio("export", "--backend", "torchscript").code == 0
    assert not (project.artifacts / "TFA" / "v1" / "model.safetensors").exists()
    assert sentio("export", "--backend", "native").code == 0
    bundle = load_bundle(project.artifacts / "TFA" / "v2")
    assert bundle.backend == "native"
    assert not (bundle.path / "model.pt").exists()
    done = sentio("export", "--backend", "native,torchscrpt")
    assert done.code == 2
    assert "'torchscrpt' is not a backend" in done.err
    assert "did you mean torchscript?" in done.err
    assert not (project.artifacts / "TFA" / "v3").exists()


def test_the_distributions_are_those_of_the_train_rows(project, sentio):
    run = open_run(project)
    assert sentio("export").code == 0
    bundle = load_bundle(project.artifacts / "TFA" / "v1")
    features = FeatureEngine(bundle.spec).compute(BarsLibrary(project).load("QQQ", "1m"))
    span = run.manifest.spans["train"]
    rows = features[span.first_row : span.last_row + 1]
    for column, drift in enumerate(bundle.manifest.drift):
        values = np.sort(rows[:, column].astype(np.float32))
        assert (drift.min, drift.max) == (values[0], values[-1])
        for tenths, edge in enumerate(drift.deciles, start=1):
            # By its definition: a tenth of the values is at or below it, and no smaller value is such.
            assert (values <= edge).sum() * 10 >= tenths * len(values)
            assert (values < edge).sum() * 10 < tenths * len(values)
        edges = np.array([-np.inf, *drift.deciles, np.inf])
        assert drift.counts == [
            int(((values > low) & (values <= high)).sum()) for low, high in pairwise(edges)
        ]


def test_the_gate_stands_in_the_manifest_and_is_told(project, sentio):
    run = open_run(project)
    area = {name: scores["auc"] for name, scores in run.metrics().scores.items()}
    passed = all(area["model"] > area[baseline] for baseline in ("majority", "logistic"))
    done = sentio("export")
    folder = project.artifacts / "TFA" / "v1"
    manifest = load_bundle(folder).manifest
    gate = manifest.gate
    text = gate.told(manifest.metrics.auc_standard_error)
    assert (gate.passed, gate.figures) == (passed, area)
    assert text in " ".join(done.out.split())
    assert "± " in text
    assert ("NOT passed" in done.err) != passed
    shown = sentio("bundle", "show", str(folder)).out
    assert ["gate.passed", json.dumps(passed)] in [line.split() for line in shown.splitlines()]
    assert text in " ".join(sentio("verify", str(folder), "--no-cpp").out.split())
    assert json.loads(sentio("export", "--json").out)["gate"]["figures"] == area


def test_a_required_gate_refuses_a_model_that_does_not_beat_the_baselines(project, sentio):
    run = open_run(project)
    scored = json.loads((run.path / "metrics.json").read_text())
    for better, code in ((False, 1), (True, 0)):
        scored["scores"]["model"]["auc"] = 0.9 if better else 0.1
        (run.path / "metrics.json").write_text(json.dumps(scored))
        hashes = {**run.manifest.files, "metrics.json": sha256_file(run.path / "metrics.json")}
        change_run(run, files=hashes)
        done = sentio("export", "--require-gate")
        assert done.code == code, done.err
        assert ("NOT passed: the rule is that the model's auc" in " ".join(done.err.split())) != better
        assert (project.artifacts / "TFA" / "v1").exists() == better


def test_a_bundle_that_export_has_signed_is_verified_by_its_key_alone(project, sentio, tmp_path):
    private, ours = write_keys(tmp_path, "ours")
    _, theirs = write_keys(tmp_path, "theirs")
    assert json.loads(sentio("export", "--sign", str(private), "--json").out)["signed"] is True
    assert json.loads(sentio("export", "--json").out)["signed"] is False
    signed, unsigned = (str(project.artifacts / "TFA" / version) for version in ("v1", "v2"))
    for folder, key, code, told in (
        (signed, ours, 0, "verified, but for"),
        (signed, theirs, 1, "is no signature"),
        (unsigned, ours, 1, "is unsigned"),
    ):
        done = sentio("verify", folder, "--no-cpp", "--trust", str(key))
        assert done.code == code, done.err
        assert told in done.out
    done = sentio("export", "--sign", str(ours))
    assert done.code == 3
    assert "no Ed25519 private key" in done.err
    assert not (project.artifacts / "TFA" / "v3").exists()


def test_sentio_cli_believes_what_export_has_signed(project, sentio, sentio_cli, tmp_path):
    private, ours = write_keys(tmp_path, "ours")
    _, theirs = write_keys(tmp_path, "theirs")
    assert sentio("export", "--sign", str(private)).code == 0
    assert sentio("export").code == 0
    signed, unsigned = (project.artifacts / "TFA" / version for version in ("v1", "v2"))

    def in_cpp(folder: Path, key: Path) -> subprocess.CompletedProcess[str]:
        command = [str(sentio_cli), "verify", str(folder), "--trust", str(key)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = in_cpp(signed, ours)
    if done.returncode == 6:
        assert "SENTIO_OPENSSL" in done.stderr
        pytest.skip("sentio_cli is built without SENTIO_OPENSSL")
    assert done.returncode == 0, done.stdout + done.stderr
    for folder, key, told in ((signed, theirs, "is no signature"), (unsigned, ours, "is unsigned")):
        done = in_cpp(folder, key)
        assert done.returncode == 1
        assert told in done.stdout
    # The command that people use, the C++ half included.
    (project.root / "build").mkdir()
    (project.root / "build" / "sentio_cli").symlink_to(sentio_cli)
    done = sentio("verify", str(signed), "--trust", str(ours))
    assert done.code == 0, done.out
    assert "C++: signature" in done.out


def test_json_is_one_document_on_stdout(project, sentio):
    agreeable_cli(project)
    done = sentio("export", "--verify", "--json")
    document = json.loads(done.out)
    assert document["path"] == str(project.artifacts / "TFA" / "v1")
    assert document["bundle"] == entry_id(project.artifacts / "TFA" / "v1")
    assert document["run"] == open_run(project).name
    assert document["simulated"] is True
    assert document["verify"]["ok"] is True
    assert document["verify"]["checks"][-1] == {"name": "C++: features", "ok": True, "detail": "same bits"}


def test_export_verify_prints_every_line(project, sentio):
    agreeable_cli(project)
    done = sentio("export", "--verify")
    assert done.code == 0, done.err
    for text in (
        "SHA256SUMS",
        "golden features, bar by bar",
        "native: golden outputs, batch 7",
        "torchscript: golden outputs, batch 7",
        "C++: features",
        "verified: bundle",
    ):
        assert text in done.out
    assert "FAILED" not in done.out


def test_verify_fails_without_the_cpp_half_unless_it_is_left_out(project, sentio):
    sentio("export")
    folder = str(project.artifacts / "TFA" / "v1")
    done = sentio("verify", folder)
    assert done.code == 6
    assert "make runtime" in done.out
    assert "NOT verified: 1 of" in done.out
    done = sentio("verify", folder, "--no-cpp")
    assert done.code == 0
    assert "left out" in done.out
    assert "verified, but for 1 left out" in done.out
    assert "SIMULATED" in done.err


def test_verify_needs_the_bundle_alone(project, sentio, tmp_path, monkeypatch):
    sentio("export")
    bundle = Path(shutil.move(project.artifacts / "TFA" / "v1", tmp_path / "shipped"))
    shutil.rmtree(project.root)
    monkeypatch.delenv("SENTIO_ROOT")
    monkeypatch.chdir("/")
    done = sentio("verify", str(bundle), "--no-cpp", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["ok"] is True
    assert document["bundle"] == entry_id(bundle)


def test_a_damaged_bundle_ends_with_4_and_a_false_one_with_1(project, sentio):
    agreeable_cli(project)
    sentio("export")
    folder = project.artifacts / "TFA" / "v1"
    data = bytearray((folder / "golden" / "bars.npy").read_bytes())
    data[-11] ^= 64  # in the last bar's close
    (folder / "golden" / "bars.npy").write_bytes(data)
    done = sentio("verify", str(folder))
    assert done.code == 4
    assert "golden/bars.npy" in done.out
    assert "NOT verified: 1 of 1" in done.out
    sums = subprocess.run(
        ["sha256sum", "golden/bars.npy"], cwd=folder, capture_output=True, text=True, check=True
    )
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    lines = [sums.stdout if line.endswith("golden/bars.npy\n") else line for line in lines]
    (folder / "SHA256SUMS").write_text("".join(lines))
    done = sentio("verify", str(folder))
    assert done.code == 1
    assert "FAILED" in done.out


def test_sha256sum_reads_the_sums(project, sentio):
    sentio("export")
    subprocess.run(
        ["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=project.artifacts / "TFA" / "v1", check=True
    )


def test_a_run_that_never_finished_is_refused_and_told_how_to_go_on(project, sentio):
    run = open_run(project)
    change_run(run, state="interrupted")
    for arguments in (["export"], ["export", run.name]):
        done = sentio(*arguments)
        assert done.code == 3
        assert f"--resume {run.name}" in done.err
    assert not (project.artifacts / "TFA").exists()


def test_of_a_run_that_failed_nobody_is_told_to_go_on(project, sentio):
    run = open_run(project)
    change_run(run, state="failed")
    done = sentio("export", run.name)
    assert done.code == 3
    assert "hint: train again, from the start" in done.err


def test_without_a_name_the_newest_finished_run_is_taken(project, sentio):
    finished = open_run(project)
    later = finished.path.with_name("29990101T000000Z-tfa-ffffff")
    shutil.copytree(finished.path, later)
    change_run(Run(later, finished.manifest), run=later.name, state="running")
    done = sentio("export", "--json")
    assert json.loads(done.out)["run"] == finished.name
    assert f"{later.name} is newer but not finished" in done.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bars_hash": "0" * 64}, "bars_hash: the run recorded 0000"),
        ({"cache_id": "0" * 64, "spec_hash": "1" * 64}, "spec_hash: the run recorded 1111"),
    ],
)
def test_a_cache_entry_that_is_not_the_runs_is_refused(project, sentio, changes, told):
    change_run(open_run(project), **changes)
    done = sentio("export")
    assert done.code == 4
    assert told in done.err
    assert not (project.artifacts / "TFA").exists()


def test_weights_that_changed_are_refused(project, sentio):
    path = open_run(project).path / "weights.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = sentio("export")
    assert done.code == 4
    assert "weights.pt" in done.err


def test_a_cache_entry_that_is_gone_is_told(project, sentio):
    shutil.rmtree(project.cache)
    done = sentio("export")
    assert done.code == 3
    assert "is gone" in done.err


def test_a_place_that_cannot_be_written_is_named(project, sentio):
    (project.artifacts / "TFA").write_text("in the way")
    done = sentio("export")
    assert done.code == 5
    assert "TFA" in done.err


def test_unknown_runs_and_folders_are_wrong_calls(project, sentio):
    assert sentio("export", "nosuchrun").code == 2
    assert sentio("verify", str(project.root / "nothing")).code == 2
    empty = project.root / "empty"
    empty.mkdir()
    done = sentio("verify", str(empty), "--no-cpp")
    assert done.code == 4
    assert "holds no SHA256SUMS" in done.out


def test_too_short_a_test_span_is_refused_with_the_numbers(project, sentio):
    start("tfa", project, fields={**FIELDS, "train_share": 0.8, "validation_share": 0.18})
    done = sentio("export")
    assert done.code == 3
    assert "the goldens need 256" in done.err


def test_help_shows_an_example(sentio):
    assert "Example: sentio export --verify" in sentio("export", "--help").out
    assert "Example: sentio verify artifacts/TFA/v1" in sentio("verify", "--help").out


def test_a_named_run_is_exported_whatever_state_another_is_in(project, sentio):
    named = open_run(project)
    damaged = named.path.with_name("29990101T000000Z-tfa-ffffff")
    damaged.mkdir()
    (damaged / "run.json").write_text("{")
    done = sentio("export", named.name, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["run"] == named.name
