"""`sentio train` and `sentio runs`, and the same from Python: what they print, refuse and leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Sentio

from sentio import train_tfa
from sentio.bars import BarsLibrary, synthesize
from sentio.errors import BadInput, ConfigError, CorruptStore
from sentio.export import newest_finished
from sentio.training import list_runs, open_run
from sentio.workspace import Workspace

QUICK = ["--set", "feature_spec=tiny", "--set", "hidden=[8]", "--set", "max_epochs=2"]


def test_a_training_prints_lost_rows_spans_and_metrics_beside_baselines(bars_workspace, sentio: Sentio):
    done = sentio("train", "tfa", *QUICK)
    assert done.code == 0, done.err
    for word in ("warm-up", "label crosses a session gap", "validation", "majority", "logistic"):
        assert word in done.out
    assert "expected of the best model (planted)" in done.out
    assert "SIMULATED" in done.out
    assert "SIMULATED" in done.err
    assert open_run(bars_workspace).manifest.state == "finished"


def test_verbose_shows_shapes_hashes_balance_and_throughput(bars_workspace, sentio: Sentio):
    done = sentio("train", "tfa", *QUICK, "-v")
    manifest = open_run(bars_workspace).manifest
    for text in (
        manifest.bars_hash,
        manifest.spec_hash,
        manifest.cache_id,
        "[B, 1, 3]",
        "samples/s",
        "epoch 2",
    ):
        assert text in done.err
    assert "share up" in done.out


def test_json_is_one_document_on_stdout(bars_workspace, sentio: Sentio):
    for arguments in (("train", "tfa", *QUICK, "--json"), ("runs", "show", "--json")):
        document = json.loads(sentio(*arguments).out)
        assert document["run"]["state"] == "finished"
        assert set(document["metrics"]["scores"]) == {"model", "majority", "logistic"}
    listed = json.loads(sentio("runs", "list", "--json").out)
    assert [entry["run"]["run"] for entry in listed] == [document["run"]["run"]]


def test_runs_list_and_show_name_the_run(bars_workspace, sentio: Sentio):
    sentio("train", "tfa", *QUICK)
    name = open_run(bars_workspace).name
    assert name in sentio("runs", "list").out
    shown = sentio("runs", "show", name).out
    assert name in shown
    assert "SIMULATED" in shown
    assert "logistic" in shown


def test_a_damaged_run_hides_no_other(bars_workspace, sentio: Sentio):
    assert "no runs yet" in sentio("runs", "list").err
    for _ in range(2):
        assert sentio("train", "tfa", *QUICK).code == 0
    newest, older = sorted((run.name for run in list_runs(bars_workspace).runs), reverse=True)
    (bars_workspace.runs / older / "run.json").write_bytes(b"{")
    listed = sentio("runs", "list")
    assert listed.code == 4
    assert newest in listed.out
    assert older in listed.err
    assert newest_finished(bars_workspace).name == newest
    (bars_workspace.runs / newest / "run.json").write_bytes(b"{")
    with pytest.raises(CorruptStore):  # not an older run in its place
        newest_finished(bars_workspace)


def test_symbol_and_interval_choose_the_bars(bars_workspace, sentio: Sentio):
    library = BarsLibrary(bars_workspace)
    library.save(synthesize("SPY", "5m", days=20, seed=1).bars)
    undecided = sentio("train", "tfa", *QUICK)
    assert undecided.code == 2
    assert "QQQ, SPY" in undecided.err
    assert sentio("train", "tfa", "--symbol", "SPY", "--interval", "5m", *QUICK).code == 0
    assert open_run(bars_workspace).manifest.symbol == "SPY"
    # Damaged bars are bars too: nothing else is trained on in their place.
    library.path("SPY", "5m").write_bytes(b"damaged")
    assert sentio("train", "tfa", *QUICK).code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["train", "tfb"], 2, "did you mean tfa?"),
        (["train", "tfa", "--set", "max_epoch=2"], 3, "did you mean max_epochs?"),
        (["train", "tfa", "--set", "max_epochs"], 2, "is not KEY=VALUE"),
        (["train", "tfa", "--config", "nowhere.yaml"], 3, "nowhere.yaml: does not exist"),
        (["train", "tfa", "--symbol", "SPY"], 3, "bars of SPY"),
        (["train", "tfa", "--set", "feature_spec=tinny"], 2, "tinny"),
        (["train", "tfa", "--resume", "nope"], 2, "holds no run"),
        (["train", "tfa", "--resume", "nope", "--symbol", "QQQ"], 2, "leave out symbol"),
        (["train", "tfa", *QUICK, "--set", "device=mps"], 6, "mps is not present here"),
        (["runs", "show"], 2, "holds no run"),
    ],
)
def test_each_mistake_is_one_clear_error_with_its_code(bars_workspace, sentio: Sentio, arguments, code, text):
    done = sentio(*arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert text in done.err
    assert list_runs(bars_workspace).runs == ()


def test_a_place_that_cannot_be_written_is_named(bars_workspace, sentio: Sentio):
    (bars_workspace.root / "artifacts").write_text("a file in the way")
    done = sentio("train", "tfa", *QUICK)
    assert done.code == 5
    assert "artifacts" in done.err


def test_ctrl_c_leaves_a_run_that_resumes_to_its_end(bars_workspace, sentio: Sentio):
    # Small batches: the run must last for seconds, so that the signal cannot come after its end.
    keys = {"feature_spec": "tiny", "max_epochs": 20, "patience": 20, "batch_size": 16}
    settings = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    process = subprocess.Popen(
        [sys.executable, "-c", "from sentio.cli import main; main()", "train", "tfa", *settings],
        env={**os.environ, "SENTIO_ROOT": str(bars_workspace.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(bars_workspace.runs.glob("*/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    run = open_run(bars_workspace)
    assert process.returncode == 130, err
    assert f"--resume {run.name}" in err
    assert run.manifest.state == "interrupted"
    assert 0 < len(run.epochs()) < 20
    resumed = sentio("train", "tfa", "--resume", run.name)
    assert resumed.code == 0, resumed.err
    finished = open_run(bars_workspace, run.name)
    assert [epoch["number"] for epoch in finished.epochs()] == list(range(1, 21))


def test_resume_finds_its_entry_after_the_library_has_changed(bars_workspace, sentio: Sentio, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sentio.cli.train._Screen.epoch", interrupt)
        assert sentio("train", "tfa", *QUICK).code == 130
    BarsLibrary(bars_workspace).remove("QQQ")
    done = sentio("train", "tfa", "--resume", open_run(bars_workspace).name)
    assert done.code == 0, done.err


# From Python


@pytest.fixture
def bars_csv(bars_workspace: Workspace, tmp_path: Path) -> Path:
    """The same bars as a file of the predecessor's, whose epoch is in seconds."""
    bars = BarsLibrary(bars_workspace).load("QQQ")
    lines = ["ts_utc,ts_nyt_epoch,open,high,low,close,volume"]
    for row in range(len(bars)):
        values = ",".join(
            repr(float(getattr(bars, name)[row])) for name in ("open", "high", "low", "close", "volume")
        )
        lines.append(f",{bars.ts[row] // 10**9},{values}")
    path = tmp_path / "QQQ.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_train_tfa_reads_a_file_and_returns_the_run(bars_workspace, bars_csv, tmp_path):
    run = train_tfa(
        symbol="QQQ",
        bars_csv=bars_csv,
        feature_spec="tiny",  # the project's, though what is made goes elsewhere
        out_dir=tmp_path / "out",
        epochs=1,
        batch_size=512,
        lr=1e-2,
        hidden=[8],
        label_kind="logret_fwd",
        label_horizon=2,
    )
    assert run.path.parent == tmp_path / "out" / "artifacts" / "runs"
    assert len(run.epochs()) == 1
    assert (run.manifest.label.kind, run.manifest.label.horizon) == ("logret_fwd", 2)
    assert list(run.metrics().scores) == ["model", "train mean", "ridge"]


def test_bars_of_another_interval_than_the_configuration_says_are_refused(bars_workspace, bars_csv, tmp_path):
    trainers = bars_workspace.root / "specs" / "train"
    trainers.mkdir(exist_ok=True)
    (trainers / "tfa.yaml").write_text("interval: 1h\n")
    with pytest.raises(BadInput, match="bars: are of 1m; the configuration says 1h"):
        train_tfa("QQQ", bars_csv, feature_spec="tiny", out_dir=tmp_path / "out")


def test_train_tfa_and_the_command_give_the_same_metrics(bars_workspace, sentio: Sentio):
    sentio("train", "tfa", *QUICK)
    by_command = open_run(bars_workspace).metrics()
    by_call = train_tfa("QQQ", feature_spec="tiny", hidden=[8], epochs=2).metrics()
    assert by_call == by_command


def test_train_tfa_refuses_what_has_no_effect(bars_workspace):
    with pytest.raises(ConfigError, match="did you mean seq_len"):
        train_tfa("QQQ", seq_length=3)
    with pytest.raises(ConfigError, match="hidden would have no effect"):
        train_tfa("QQQ", model="transformer", hidden=[8])


def test_a_project_without_bars_is_told_where_bars_come_from(workspace, sentio: Sentio, monkeypatch):
    monkeypatch.setenv("SENTIO_ROOT", str(workspace.root))
    done = sentio("train", "tfa")
    assert done.code == 3
    assert "holds no bars" in done.err
    assert "sentio data synth" in done.err


def test_the_help_needs_no_project(sentio: Sentio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SENTIO_ROOT", str(tmp_path / "absent"))
    done = sentio("train", "--help")
    assert done.code == 0
    assert "Keys of tfa" in done.out
    assert "absent: is not a folder" in done.err
