"""sentio_cli verify: what a sound bundle passes, and what is refused, line by line."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from bundles import change_array, change_json, make_bundle, make_source, reseal, stale, walk
from command_line import Done
from runtime_project import bundle_of

from sentio.bundle import load_bundle


def lines_of(done: Done) -> dict[str, dict[str, object]]:
    return {line["name"]: line for line in json.loads(done.out)["checks"]}


def test_a_sound_bundle_passes_every_line(pristine, cli):
    done = cli("verify", bundle_of(pristine), "--json")
    assert done.code == 0, done.out
    report = json.loads(done.out)
    assert report["ok"] is True
    assert report["bundle"] == load_bundle(bundle_of(pristine)).id
    assert list(lines_of(done)) == [
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
        *(
            f"{backend}: {line}"
            for backend in ("native", "torchscript")
            for line in (
                "model",
                *(["normalisation"] if backend == "native" else []),
                "golden outputs, batch 1",
                "golden outputs, batch 7",
                "golden outputs, batch 256",
                "golden outputs, stress",
                "wrong inputs refused",
            )
        ),
    ]
    assert all(line["detail"] for line in report["checks"])
    for backend in ("native", "torchscript"):
        for batch in (1, 7, 256):
            assert "equal to the bit" in lines_of(done)[f"{backend}: golden outputs, batch {batch}"]["detail"]
    screen = cli("verify", bundle_of(pristine))
    assert screen.code == 0
    assert screen.out.count("\nok ") == 23
    assert "verified" in screen.out


@pytest.mark.parametrize("name", ["model.pt", "metadata.json", "engine.state", "golden/rows.npy"])
def test_one_byte_flipped_is_refused_with_its_file(project, cli, name):
    path = bundle_of(project) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    done = cli("verify", bundle_of(project), "--json")
    assert done.code == 4
    (line,) = json.loads(done.out)["checks"]
    assert not line["ok"]
    assert name in line["detail"]
    assert "REFUSED" in cli("verify", bundle_of(project)).out
    refused = cli("tpa_test", "QQQ", "--root", project)
    assert refused.code == 4
    assert name in refused.err


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_an_output_that_was_changed_and_sealed_again_fails_its_line(project, cli, batch):
    def change(array):
        array[-1] = np.nextafter(array[-1], np.float32(np.inf))

    change_array(bundle_of(project), f"outputs_{batch}", change)
    done = cli("verify", bundle_of(project), "--json")
    assert done.code == 1
    failed = [name for name, line in lines_of(done).items() if not line["ok"]]
    assert failed == [f"torchscript: golden outputs, batch {batch}"]
    assert "window 255" in str(lines_of(done)[failed[0]]["detail"])


def test_where_the_market_rests_a_cold_start_that_differs_is_left_out_with_the_reason(cli, tmp_path):
    done = cli("verify", make_bundle(tmp_path, make_source(1, bars=stale(walk()))), "--json")
    assert done.code == 0, done.out
    line = lines_of(done)["golden features, cold start"]
    assert line["ok"] is None
    assert "'rsi_7'" in str(line["detail"])
    assert "rests for 227 golden bars" in str(line["detail"])


def test_another_models_weights_fail_the_outputs(project, cli, tmp_path):
    other = make_source(1)
    other.module.scaler.mean.add_(0.01)
    shutil.copy(make_bundle(tmp_path, other) / "model.pt", bundle_of(project) / "model.pt")
    done = cli("verify", reseal(bundle_of(project)), "--json")
    assert done.code == 1
    assert not lines_of(done)["torchscript: golden outputs, batch 1"]["ok"]


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"not a model", b"\x80\x02}q\x00."], ids=["empty", "zip", "text", "pickle"]
)
def test_bytes_that_are_no_torchscript_fail_the_model_line(project, cli, data):
    (bundle_of(project) / "model.pt").write_bytes(data)
    done = cli("verify", reseal(bundle_of(project)), "--json")
    assert done.code == 1
    assert not lines_of(done)["torchscript: model"]["ok"]
    assert "does not load as TorchScript" in str(lines_of(done)["torchscript: model"]["detail"])


def test_on_another_machine_the_tolerance_decides(project, cli):
    def elsewhere(document):
        document["backends"][1]["cpu_capability"] = "AVX9"

    change_json(bundle_of(project), "metadata.json", elsewhere)
    line = lines_of(cli("verify", bundle_of(project), "--json"))["torchscript: golden outputs, batch 1"]
    assert line["ok"]
    assert "AVX9" in str(line["detail"])
    change_array(bundle_of(project), "outputs_1", lambda array: array + np.float32(0.01))
    assert cli("verify", bundle_of(project)).code == 1


def test_a_folder_that_is_not_there_or_no_bundle_is_told(cli, tmp_path):
    done = cli("verify", tmp_path / "nowhere")
    assert done.code == 2
    assert "nowhere: is not a folder" in done.err
    done = cli("verify", tmp_path)
    assert done.code == 4
    assert "holds no SHA256SUMS" in done.out
