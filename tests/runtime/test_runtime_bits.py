"""The C++ runtime against Python: same bundle, same bars, same bits."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk
from cpp_hosts import calls_of_on_bar, expect_the_same_in_threads, lines_of
from runtime_project import BUILD, ROOT, bundle_of, make_project, read_dump, same_bits, write_csv

from sentio.bundle import load_bundle


@pytest.mark.parametrize("seq_len", [1, 4])
@pytest.mark.parametrize("crossing", [True, False])
def test_streamed_logits_are_those_of_python_at_batch_one(tmp_path, cli, seq_len, crossing):
    project = make_project(tmp_path / "project", seq_len, crossing=crossing)
    bars = walk()
    expected = load_bundle(bundle_of(project)).predict(bars)
    from_csv = write_csv(tmp_path / "bars.csv", bars)
    for number, feed in enumerate([[], ["--csv", from_csv]]):
        dump = tmp_path / f"dump{number}.csv"
        done = cli("tpa_test", "QQQ", "--root", project, "--days", "4", "--dump", dump, *feed)
        assert done.code == 0, done.err
        ts, logits = read_dump(dump)
        kept = expected.ts >= ts[0]
        assert len(ts) > 100
        np.testing.assert_array_equal(ts, expected.ts[kept])
        assert same_bits(logits, expected.value[kept])


def test_the_program_of_the_guide_computes_the_same(project, cli):
    guide = (ROOT / "docs/guides/run-a-bundle.md").read_text()
    program = (ROOT / "sentio_native/tests/session_host.cpp").read_text()
    assert "```cpp\n" + program.split("\n", 1)[1] + "```" in guide
    bars = walk()
    done = subprocess.run(
        [BUILD / "tests" / "session_host", bundle_of(project)],
        input=lines_of(bars),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    expected = load_bundle(bundle_of(project)).predict(bars)
    assert [int(ts) for ts, _ in said] == expected.ts.tolist()
    assert same_bits(np.array([float(value) for _, value in said], np.float32), expected.value)


def test_native_calls_nothing_at_a_bar(project, cli):
    none = (0, 0, 0)
    found = calls_of_on_bar(bundle_of(project), "native")
    assert found == {"allocations": none, "locks": none, "writes": none}


def test_the_calls_of_libtorch_are_counted(project, cli, record_property):
    found = calls_of_on_bar(bundle_of(project), "torchscript")
    record_property("calls of on_bar: least, median, most", str(found))
    least, median, most = found["allocations"]
    assert 0 < least <= median <= most
    assert found["writes"] == (0, 0, 0)


@pytest.mark.parametrize(("backend", "seq_len"), [("native", 1), ("torchscript", 4)])
def test_sessions_in_threads_over_one_bundle_compute_the_same(tmp_path, cli, backend, seq_len):
    bundle = make_bundle(tmp_path, make_source(seq_len), backends=[backend])
    expect_the_same_in_threads(bundle, backend)


def test_whoever_asks_a_model_of_libtorch_runs_on_one_thread(project, cli):
    program = BUILD / "tests" / "libtorch_threads"
    done = subprocess.run(
        [program, bundle_of(project), "torchscript"],
        input=lines_of(walk(sessions=2)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # Who; LibTorch's count of its threads before and after it asks; whether it was answered.
    assert done.stdout.splitlines() == ["older 3 1 1", "loader 1 1 1", "raised 3 1 1", "younger 1 1 1"]


def test_a_host_trades_no_bundle_under_anothers_name(tmp_path, project):
    (project / "artifacts" / "TFA" / "v1").rename(tmp_path / "aside")
    make_bundle(tmp_path / "made", make_source(1), "v7").rename(project / "artifacts" / "TFA" / "v1")
    done = subprocess.run(
        [BUILD / "tests" / "strategy_host"],
        input=lines_of(walk()),
        capture_output=True,
        text=True,
        env=os.environ | {"SENTIO_ROOT": str(project)},
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("TFA/v1: holds the bundle TFA v7, not TFA v1\n")


def test_a_host_that_links_the_library_computes_the_same(project, cli):
    host = BUILD / "tests" / "strategy_host"
    bars = walk()
    lines = lines_of(bars)
    environment = os.environ | {"SENTIO_ROOT": str(project)}
    done = subprocess.run([host], input=lines, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    expected = load_bundle(bundle_of(project)).predict(bars)
    assert len(said) == len(bars)
    predicted = [words for words in said if words[1] in ("long", "short", "flat")]
    assert [int(words[0]) for words in predicted] == expected.ts.tolist()
    assert same_bits(np.array([float(words[2]) for words in predicted], np.float32), expected.value)
    sides = np.where(
        expected.probability > 0.52, "long", np.where(expected.probability < 0.48, "short", "flat")
    )
    assert [words[1] for words in predicted] == sides.tolist()
