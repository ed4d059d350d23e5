"""Verify: every line can fail, nothing unverified is loaded, and the C++ half is not just believed."""

from __future__ import annotations

import dataclasses
import json
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import (
    MINUTE,
    TINY_SPEC,
    Planted,
    change_array,
    change_json,
    make_bundle,
    make_source,
    reseal,
    stale,
    walk,
)
from torch import Tensor

from sentio.bars import Bars
from sentio.bundle import module
from sentio.errors import UsageError
from sentio.features import FeatureEngine
from sentio.models import ScaledModel
from sentio.verify import Check, VerifyReport, find_cli, verify_bundle

FEATURES = [f"golden features, {what}" for what in ("batch", "bar by bar", "warm start")]
OUTPUTS = [f"torchscript: golden outputs, {what}" for what in ("batch 1", "batch 7", "batch 256", "stress")]


def in_python(bundle: Path) -> VerifyReport:
    return verify_bundle(bundle, None, cpp=False)


def failed(report: VerifyReport) -> list[str]:
    return [check.name for check in report.checks if check.ok is False]


def test_a_sound_bundle_passes_every_line(bundle):
    report = in_python(bundle)
    assert failed(report) == []
    assert [check.name for check in report.checks] == [
        "SHA256SUMS",
        "manifest",
        "files",
        "spec hash",
        "features",
        "engine state",
        "golden files",
        "golden features, batch",
        "golden features, bar by bar",
        "golden features, warm start",
        "golden features, cold start",
        "torchscript: model",
        "torchscript: golden outputs, batch 1",
        "torchscript: golden outputs, batch 7",
        "torchscript: golden outputs, batch 256",
        "torchscript: golden outputs, stress",
        "torchscript: wrong inputs refused",
        "C++: sentio_cli",
    ]
    assert report.ok
    assert report.simulated
    assert not report.complete  # the C++ half was left out, and the report does not hide it
    assert report.to_document()["checks"][-1] == {
        "name": "C++: sentio_cli",
        "ok": None,
        "detail": "left out on request",
    }


def test_damaged_files_end_it_before_anything_is_loaded(bundle, monkeypatch):
    data = bytearray((bundle / "model.pt").read_bytes())
    data[100] ^= 1
    (bundle / "model.pt").write_bytes(data)
    monkeypatch.setattr(module, "load_module", lambda *_: pytest.fail("loaded unverified bytes"))
    report = verify_bundle(bundle, Path("/no/such/program"))
    assert [(check.name, check.ok) for check in report.checks] == [("SHA256SUMS", False)]
    assert "model.pt" in report.checks[0].detail
    assert report.exit_code == 4
    assert report.bundle == ""


def test_a_folder_that_is_not_there_is_a_wrong_call(tmp_path):
    with pytest.raises(UsageError):
        in_python(tmp_path / "none")


def test_a_key_that_is_not_known_fails_the_manifest_line(bundle):
    change_json(bundle, "metadata.json", Planted(("clipp",), None))
    report = in_python(bundle)
    assert failed(report) == ["manifest"]
    assert "clipp: is not a known key" in report.checks[1].detail
    assert report.exit_code == 1


def test_another_spec_hash_fails_the_spec_line_and_the_rest_is_still_told(bundle):
    change_json(bundle, "metadata.json", Planted(("chain", "spec_hash"), "0" * 64))
    report = in_python(bundle)
    assert failed(report) == ["spec hash"]
    assert "torchscript: golden outputs, batch 7" in [check.name for check in report.checks]


def test_goldens_narrower_than_the_spec_fail_the_feature_lines(bundle):
    def without_the_last(document):
        document["features"].pop()
        document["input"]["n_features"] -= 1
        document["normalisation"]["mean"].pop()
        document["normalisation"]["inv_std"].pop()
        document["drift"].pop()

    change_json(bundle, "metadata.json", without_the_last)
    change_array(bundle, "features", lambda features: features[:, :-1].copy())
    change_array(bundle, "warm_features", lambda features: features[:, :-1].copy())
    change_array(bundle, "stress", lambda windows: windows[..., :-1].copy())
    assert {"features", "golden features, batch", "golden features, bar by bar"} <= set(
        failed(in_python(bundle))
    )


def test_a_changed_bar_fails_both_feature_lines(bundle):
    change_array(bundle, "bars", lambda bars: bars.__setitem__((100, 3), bars[100, 3] * (1 + 1e-6)))
    assert failed(in_python(bundle)) == FEATURES


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_a_changed_output_fails_the_line_of_its_batch_size(bundle, batch):
    change_array(
        bundle,
        f"outputs_{batch}",
        lambda logits: logits.__setitem__(17, np.nextafter(logits[17], np.float32(9))),
    )
    assert failed(in_python(bundle)) == [f"torchscript: golden outputs, batch {batch}"]


def test_other_weights_fail_the_output_lines(bundle, tmp_path):
    other = make_source(4)
    with torch.no_grad():
        next(iter(other.module.core.parameters())).mul_(1.01)
    shutil.copy(make_bundle(tmp_path, other) / "model.pt", bundle / "model.pt")
    assert failed(in_python(reseal(bundle))) == OUTPUTS


def ship(network: torch.nn.Module, bundle: Path) -> None:
    """Put another module into a bundle, as nobody's export would."""
    with module.torchscript():
        scripted = torch.jit.freeze(torch.jit.script(network.eval()), optimize_numerics=False)
    (bundle / "model.pt").write_bytes(module.save_module(scripted))
    reseal(bundle)


class LookingAtRank(ScaledModel):
    """Refuses by what the arithmetic refuses, and by the rank: T = 1 and F = 1 are broadcast."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 3 or x.dtype != torch.float32:
            raise ValueError("no")
        return self.core(self.scaler(x)) * self.output_scale + self.output_mean


def test_a_module_that_broadcasts_fails_the_refusals_though_its_outputs_are_right(bundle):
    trained = make_source(4).module
    careless = LookingAtRank(trained.core, 4, 4)
    careless.load_state_dict(trained.state_dict())
    ship(careless.requires_grad_(False), bundle)
    report = in_python(bundle)
    assert failed(report) == ["torchscript: wrong inputs refused"]
    # F = 1 against the scaler's [F], and T = 1 against the positions' [T, D].
    assert "float32 [2, 1, 4]" in report.checks[-2].detail
    assert "float32 [2, 4, 1]" in report.checks[-2].detail


def test_a_module_without_the_scaler_fails_the_outputs(bundle):
    trained = make_source(4).module
    bare = ScaledModel(trained.core, 4, 4)
    ship(bare.requires_grad_(False), bundle)
    assert failed(in_python(bundle)) == OUTPUTS


def test_another_length_of_window_fails(bundle):
    change_json(bundle, "metadata.json", Planted(("input", "seq_len"), 3))
    assert failed(in_python(bundle)) == ["golden files", "torchscript: wrong inputs refused"]


def test_a_state_of_another_spec_fails_its_line(bundle):
    document = {
        "schema_version": "1.0",
        "features": [{"name": "e", "op": "EMA", "source": "close", "window": 3}],
    }
    (bundle / "engine.state").write_bytes(make_source(1, document=document).engine_state)
    assert failed(in_python(reseal(bundle))) == ["engine state"]


def test_a_state_that_ends_before_the_training_data_fails_its_line(bundle):
    source = make_source(4)
    engine = FeatureEngine(source.spec)
    engine.compute(source.bars[:-5])
    (bundle / "engine.state").write_bytes(engine.state())
    report = in_python(reseal(bundle))
    assert failed(report) == ["engine state"]
    assert "has seen 715 bars" in next(check.detail for check in report.checks if check.ok is False)


def test_a_state_with_enough_time_but_too_few_bars_fails_its_line(bundle):
    source = make_source(4)
    engine = FeatureEngine(source.spec)
    engine.compute(walk(sessions=1, first=50)[:20])
    (bundle / "engine.state").write_bytes(engine.state())
    assert failed(in_python(reseal(bundle))) == ["engine state"]


def test_on_another_machine_the_tolerance_decides(bundle):
    document = json.loads((bundle / "metadata.json").read_text())
    tolerance = document["backends"][0]["tolerance"]

    def within(logits):
        logits[3] += np.float32(0.5 * tolerance)

    def beyond(logits):
        logits[3] += np.float32(2 * tolerance)

    change_array(bundle, "outputs_7", within)
    assert failed(in_python(bundle)) == [
        "torchscript: golden outputs, batch 7"
    ]  # here it must be the same bits
    for key, value in (("cpu_capability", "another"), ("torch", "9.9.9")):
        change_json(bundle, "metadata.json", Planted(("backends", 0, key), value))
        report = in_python(bundle)
        assert failed(report) == []
        assert "allowed is" in next(check.detail for check in report.checks if check.name.endswith("batch 7"))
        change_json(bundle, "metadata.json", lambda now: now.update(backends=document["backends"]))
    change_json(bundle, "metadata.json", Planted(("backends", 0, "torch"), "9.9.9"))
    change_array(bundle, "outputs_7", beyond)
    assert failed(in_python(bundle)) == ["torchscript: golden outputs, batch 7"]


# A cold start once it has settled


def cold_start(report: VerifyReport) -> Check:
    return next(check for check in report.checks if check.name == "golden features, cold start")


@pytest.mark.parametrize("settle", [0, 20, 60])
def test_a_settle_that_is_too_small_fails_its_line(bundle, settle):
    change_json(bundle, "metadata.json", Planted(("settle",), settle))
    report = in_python(bundle)
    assert failed(report) == ["features", "golden features, cold start"]
    assert "after a cold start" in cold_start(report).detail


def test_a_cold_start_is_judged_from_its_settled_row_to_the_last_golden_bar(bundle):
    manifest = json.loads((bundle / "metadata.json").read_text())
    count = manifest["golden"]["bars"] - manifest["settle"]
    # The exporter takes so many bars that every golden window has settled.
    assert count >= 256
    assert cold_start(in_python(bundle)).detail.startswith(f"{count} bars from row {manifest['settle']} on")


def with_op(**feature: object) -> dict[str, object]:
    features = [*TINY_SPEC["features"], {"name": "more", **feature}]
    return {**TINY_SPEC, "features": features}


def test_of_a_spec_that_reads_sessions_a_cold_start_settles_after_a_sessions_start(tmp_path):
    source = make_source(4, document=with_op(op="SESSION_TIME"))
    bundle = make_bundle(tmp_path, source)
    report = in_python(bundle)
    assert failed(report) == []
    goldens = np.load(bundle / "golden" / "ts.npy")
    start = 1 + int(np.flatnonzero(np.diff(goldens) >= 4 * 60 * MINUTE)[0])
    assert start == 2  # two bars, so that the engine knows how close bars are
    assert f"from row {start + source.spec.settle} on" in cold_start(report).detail


def test_where_a_cold_start_cannot_be_judged_it_is_left_out_with_the_reason(tmp_path):
    never_closed = walk()
    never_closed = dataclasses.replace(never_closed, ts=np.arange(1, 1 + len(never_closed)) * 5 * MINUTE)
    of_sessions = make_source(bars=never_closed, document=with_op(op="SESSION_TIME"))
    for name, source, told in (
        ("never", make_source(document=with_op(op="OBV")), "settle is null: there is none for more"),
        ("slow", make_source(document=with_op(op="RSI", window=20)), ", there are 276 golden bars"),
        ("unrest", of_sessions, "from a session's start on, there are"),
        ("jump", make_source(bars=jumping(walk())), "not within a factor of 16"),
        ("stale", make_source(bars=stale(walk())), "the range or the volume rests for 227 golden bars"),
    ):
        report = in_python(make_bundle(tmp_path / name, source))
        line = cold_start(report)
        assert (line.ok, failed(report)) == (None, [])
        assert told in line.detail


def jumping(bars: Bars) -> Bars:
    """The same bars, twenty times as dear from some bar of the test span on."""
    dearer = np.where(np.arange(len(bars)) < 600, 1.0, 20.0)
    prices = {name: getattr(bars, name) * dearer for name in ("open", "high", "low", "close")}
    return dataclasses.replace(bars, **prices)


def test_where_the_market_rests_a_cold_start_that_agrees_is_judged_all_the_same(tmp_path):
    averages = [{"name": name.lower(), "op": name, "source": "close", "window": 7} for name in ("EMA", "RMA")]
    source = make_source(document={**TINY_SPEC, "features": averages}, bars=stale(walk()))
    report = in_python(make_bundle(tmp_path, source))
    assert (cold_start(report).ok, failed(report)) == (True, [])


# The C++ half


def program(folder: Path, body: str) -> Path:
    """A stand-in for sentio_cli."""
    path = folder / "sentio_cli"
    path.write_text(f"#!{sys.executable}\nimport json, sys\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def answer(bundle_id: str, *lines: tuple[str, bool], ok: bool, code: int) -> str:
    checks = [{"name": name, "ok": fine, "detail": "d"} for name, fine in lines]
    return (
        f"print({json.dumps({'bundle': bundle_id, 'checks': checks, 'ok': ok})!r}.strip())\nsys.exit({code})"
    )


@pytest.fixture(scope="module")
def bundle_id(pristine: Path) -> str:
    return in_python(pristine).bundle


def test_the_lines_of_the_cpp_half_stand_beside_those_of_python(pristine, bundle_id, tmp_path):
    said = answer(bundle_id, ("files", True), ("features", True), ok=True, code=0)
    report = verify_bundle(pristine, program(tmp_path, said))
    assert [(check.name, check.ok) for check in report.checks[-2:]] == [
        ("C++: files", True),
        ("C++: features", True),
    ]
    assert report.ok
    assert report.complete


def test_the_program_is_called_with_the_bundle_and_json(pristine, bundle_id, tmp_path):
    said = f"assert sys.argv[1:] == ['verify', {str(pristine)!r}, '--json'], sys.argv\n"
    said += answer(bundle_id, ("files", True), ok=True, code=0)
    assert verify_bundle(pristine, program(tmp_path, said)).ok


def test_a_line_that_fails_in_cpp_fails_the_bundle(pristine, bundle_id, tmp_path):
    said = answer(bundle_id, ("files", True), ("features", False), ok=False, code=1)
    report = verify_bundle(pristine, program(tmp_path, said))
    assert failed(report) == ["C++: features"]
    assert report.exit_code == 1


def test_a_program_that_contradicts_itself_is_not_believed(pristine, bundle_id, tmp_path):
    fine = ("files", True)
    for said in (
        answer("0" * 64, fine, ok=True, code=0),  # of another bundle
        answer(bundle_id, fine, ok=True, code=1),
        answer(bundle_id, fine, ok=False, code=0),
        answer(bundle_id, fine, ok=False, code=1),
        answer(bundle_id, ok=True, code=0),  # looked at nothing
    ):
        report = verify_bundle(pristine, program(tmp_path, said))
        assert failed(report) == ["C++: sentio_cli"], said
        assert "contradicts itself" in report.checks[-1].detail


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sys.exit('no libtorch.so')", "ended with 1 and no report: no libtorch.so"),
        ("import os; os.abort()", "ended with -6 and no report"),
        ("print('{\"bundle\": 1}')", "ended with 0 and no report"),
        (
            r"sys.stdout.buffer.write(b'{\"bundle\": \"\xff\"}')",
            r'ended with 0 and no report: {"bundle": "\xff"}',
        ),
        (r"sys.stderr.buffer.write(b'no \xff.so'); sys.exit(1)", r"ended with 1 and no report: no \xff.so"),
    ],
)
def test_a_program_that_fails_is_a_line_that_fails(pristine, tmp_path, body, told):
    report = verify_bundle(pristine, program(tmp_path, body))
    assert failed(report) == ["C++: sentio_cli"]
    assert told in report.checks[-1].detail
    assert report.exit_code == 1


def test_a_program_that_is_not_built_is_told_with_the_command_to_build_it(pristine):
    report = verify_bundle(pristine, None)
    assert failed(report) == ["C++: sentio_cli"]
    assert "make runtime" in report.checks[-1].detail
    assert report.exit_code == 6


def test_a_program_that_does_not_start_is_told(pristine, tmp_path):
    (tmp_path / "sentio_cli").write_text("not a program")
    report = verify_bundle(pristine, tmp_path / "sentio_cli")
    assert "does not start" in report.checks[-1].detail
    assert report.exit_code == 6


def test_the_program_is_looked_for_in_build_then_on_path(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_cli(workspace.root) is None
    (tmp_path / "bin").mkdir()
    installed = program(tmp_path / "bin", "")
    assert find_cli(workspace.root) == installed
    (workspace.root / "build").mkdir()
    built = program(workspace.root / "build", "")
    assert find_cli(workspace.root) == built
    monkeypatch.delenv("SENTIO_ROOT", raising=False)
    monkeypatch.chdir(built.parent)
    assert find_cli() == built
    monkeypatch.chdir("/")  # in no project
    assert find_cli() == installed
    with pytest.raises(UsageError):
        find_cli(tmp_path / "none")


@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("crossing", [True, False])
def test_sentio_cli_verifies_what_python_exports(tmp_path, sentio_cli, length, crossing):
    bundle = make_bundle(tmp_path, make_source(length, windows_cross_sessions=crossing))
    report = verify_bundle(bundle, sentio_cli)
    assert failed(report) == []
    assert report.complete
    assert sum(check.name.startswith("C++: ") for check in report.checks) >= 4


SPOILT = {
    "metadata": lambda bundle: change_json(bundle, "metadata.json", Planted(("clipp",), None)),
    "spec hash": lambda bundle: change_json(
        bundle, "metadata.json", Planted(("chain", "spec_hash"), "0" * 64)
    ),
    "bars": lambda bundle: change_array(
        bundle, "bars", lambda bars: bars.__setitem__((100, 3), bars[100, 3] * 1.000001)
    ),
    "features": lambda bundle: change_array(
        bundle, "features", lambda values: values.__setitem__((50, 0), 9.0)
    ),
    "logits": lambda bundle: change_array(bundle, "outputs_1", lambda values: values.__setitem__(5, 9.0)),
    "rows": lambda bundle: change_array(bundle, "rows", lambda rows: rows[::-1].copy()),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_sentio_cli_refuses_what_python_refuses(bundle, sentio_cli, spoil):
    spoil(bundle)
    names = failed(verify_bundle(bundle, sentio_cli))
    assert any(name.startswith("C++: ") for name in names), names
    assert any(not name.startswith("C++: ") for name in names), names
