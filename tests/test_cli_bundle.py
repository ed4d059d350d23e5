"""`sentio bundle show | diff | upgrade`: what they tell of real bundles, and refuse."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from bundles import Planted, change_json, make_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "v1"))


def test_show_tells_what_the_manifest_says(bundle, sentio):
    manifest = json.loads((bundle / "metadata.json").read_text())
    identity = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    done = sentio("bundle", "show", bundle)
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    for row in (
        ["bundle", identity],
        ["signature", "none"],
        ["model_id", "TFA"],
        ["chain.bars_hash", manifest["chain"]["bars_hash"]],
        ["features", "4", "entries"],
        ["clip", "null"],
        ["input.n_features", "4"],
    ):
        assert row in rows
    assert "SIMULATED" in done.err
    document = json.loads(sentio("bundle", "show", bundle, "--json").out)
    assert document["manifest"] == manifest
    assert document["bundle"] == identity
    assert document["signature"] == {"present": False, "checked": False}
    names = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    assert document["files"] == sorted(set(names) - {"SHA256SUMS"})


def test_show_does_not_pretend_to_have_checked_a_signature(bundle, sentio):
    (bundle / "SHA256SUMS.sig").write_bytes(bytes(64))  # nobody's
    row = ["signature", "present,", "not", "checked"]
    assert row in [line.split() for line in sentio("bundle", "show", bundle).out.splitlines()]
    document = json.loads(sentio("bundle", "show", bundle, "--json").out)
    assert document["signature"] == {"present": True, "checked": False}


def test_words_of_others_are_shown_as_they_are(made, bundle, sentio, tmp_path):
    told = "user[/]@[red]host[/red]:bell:"
    change_json(bundle, "metadata.json", Planted(("created_by",), told))
    done = sentio("bundle", "show", bundle)
    assert done.code == 0, done.err
    assert ["created_by", told] in [line.split() for line in done.out.splitlines()]
    odd = Path(shutil.copytree(made, tmp_path / "[b][/i]"))
    done = sentio("bundle", "diff", odd, bundle)
    assert done.code == 1, done.err
    rows = [line.split() for line in done.out.splitlines()]
    assert ["field", "created_by", '"user@host"', json.dumps(told)] in rows
    assert "[b][/i]" in "".join(done.out.split())


def test_a_folder_of_something_else_is_told_and_nobody_is_asked_to_delete_it(tmp_path, sentio):
    (tmp_path / "bars").mkdir()
    done = sentio("bundle", "show", tmp_path)
    assert done.code == 3
    assert f"{tmp_path}: is not a bundle" in done.err
    assert "hint: a bundle is artifacts/MODEL_ID/VERSION" in done.err


def test_diff_of_a_bundle_and_its_copy_is_empty(made, bundle, sentio):
    done = sentio("bundle", "diff", made, bundle)
    assert (done.code, done.out) == (0, "the bundles are the same\n")
    assert json.loads(sentio("bundle", "diff", made, bundle, "--json").out) == []


def test_diff_names_every_field_and_file_that_differs(made, bundle, sentio):
    spec = (bundle / "feature_spec.json").read_bytes() + b"\n"
    (bundle / "feature_spec.json").write_bytes(spec)
    change_json(bundle, "metadata.json", Planted(("features", 2, "params", "window"), 8))
    change_json(bundle, "metadata.json", Planted(("label", "more"), True))
    done = sentio("bundle", "diff", made, bundle, "--json")
    assert done.code == 1
    assert json.loads(done.out) == [
        {"what": "field", "name": "features[2].params.window", "first": "7", "second": "8"},
        {"what": "field", "name": "label.more", "first": None, "second": "true"},
        {
            "what": "file",
            "name": "feature_spec.json",
            "first": hashlib.sha256(spec[:-1]).hexdigest(),
            "second": hashlib.sha256(spec).hexdigest(),
        },
    ]
    assert "features[2].params.window" in sentio("bundle", "diff", made, bundle).out


def test_upgrade_says_that_the_format_is_the_newest(bundle, sentio):
    before = (bundle / "SHA256SUMS").read_bytes()
    done = sentio("bundle", "upgrade", bundle)
    assert done.code == 0
    assert "format version 1, the newest" in done.out
    assert (bundle / "SHA256SUMS").read_bytes() == before


@pytest.mark.parametrize(
    ("version", "code", "told"),
    [
        (2, 3, "has format version 2; this release knows 1"),
        ("1", 4, "no format version"),
        (True, 4, "no format"),
    ],
)
def test_upgrade_refuses_what_it_does_not_know(bundle, sentio, version, code, told):
    change_json(bundle, "metadata.json", Planted(("format_version",), version))
    done = sentio("bundle", "upgrade", bundle)
    assert done.code == code
    assert told in done.err


@pytest.mark.parametrize("command", [("show",), ("diff",), ("upgrade",)])
def test_a_damaged_bundle_is_refused(made, bundle, sentio, command):
    (bundle / "engine.state").write_bytes(b"")
    others = [made] if command == ("diff",) else []
    done = sentio("bundle", *command, *others, bundle)
    assert done.code == 4
    assert "engine.state" in done.err
    assert sentio("bundle", *command, *others, bundle / "nowhere").code == 2
