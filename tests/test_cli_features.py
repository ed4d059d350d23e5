"""`sentio specs` and `sentio features`: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import shutil

import pytest
from command_line import Sentio

from sentio.bars import BarsLibrary, synthesize
from sentio.cache import open_cache
from sentio.specs import FeatureSpec, json_schema
from sentio.workspace import Workspace

SPEC = {
    "schema_version": "1.0",
    "description": "two features for a test",
    "features": [
        {"name": "ema", "op": "EMA", "window": 9},
        {"name": "rsi", "op": "RSI", "source": "ema", "window": 14},
    ],
}


@pytest.fixture
def project(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two simulated symbols and the spec `small`, found by SENTIO_ROOT."""
    for symbol, seed in (("QQQ", 1), ("SPY", 2)):
        BarsLibrary(workspace).save(synthesize(symbol, "1m", days=1, seed=seed).bars)
    folder = workspace.specs / "features"
    folder.mkdir()
    (folder / "small.json").write_text(json.dumps(SPEC))
    monkeypatch.setenv("SENTIO_ROOT", str(workspace.root))
    return workspace


def flip(path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_specs_list_names_own_and_shipped_specs_and_bad_ones(project: Workspace, sentio: Sentio) -> None:
    (project.specs / "features" / "bad.json").write_text('{"schema_version": "1.0"}')
    done = sentio("specs", "list")
    assert done.code == 0
    for word in ("bad", "does not compile", "classic", "small", "two features for a test", "tfa"):
        assert word in done.out
    listed = {entry["name"]: entry for entry in sentio("specs", "list", "--json").json}
    assert sorted(listed) == ["alpha158", "bad", "classic", "small", "tfa"]
    assert listed["bad"]["problems"] == ["features: must be a list of at least one feature"]
    assert listed["small"]["features"] == 2
    assert listed["small"]["first_valid_row"] == 8 + 14


def test_specs_show_tells_what_the_engine_makes_of_it(project: Workspace, sentio: Sentio) -> None:
    shown = sentio("specs", "show", "small")
    assert shown.code == 0
    for word in ("two features for a test", "EMA", "window 9", "RSI"):
        assert word in shown.out
    document = sentio("specs", "show", "small", "--json").json
    assert document["hash"] == FeatureSpec.load("small", project.root).hash
    assert [column["name"] for column in document["columns"]] == ["ema", "rsi"]
    assert document["columns"][1]["params"] == {"window": 14}


def test_specs_validate_reports_every_problem_and_exits_3(project: Workspace, sentio: Sentio) -> None:
    good = project.specs / "features" / "small.json"
    assert (
        sentio("specs", "validate", str(good)).out == f"{good}: good, 2 features, the first valid row is 22\n"
    )
    bad = project.root / "bad.json"
    bad.write_text(
        json.dumps({**SPEC, "featurs": [], "features": [{"op": "EMA", "window": 1}, {"op": "EMAA"}]})
    )
    done = sentio("specs", "validate", str(bad))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: {bad}: ")
    for line in ("featurs: ", "features[0].window: 1 is outside [2, 100000]", "features[1].op: "):
        assert line in done.err
    assert "did you mean features?" in done.err


def test_an_unknown_spec_exits_2_with_the_list(project: Workspace, sentio: Sentio) -> None:
    for command in (["specs", "show", "smal"], ["features", "build", "QQQ", "--spec", "smal"]):
        done = sentio(*command)
        assert done.code == 2
        assert "alpha158, classic, small, tfa" in done.err
        assert "hint: did you mean small?" in done.err


def test_specs_schema_prints_the_schema(sentio: Sentio) -> None:
    assert sentio("specs", "schema").json == json_schema()


def test_a_build_says_what_it_did_and_a_second_one_is_a_hit(project: Workspace, sentio: Sentio) -> None:
    first = sentio("features", "build", "QQQ", "--spec", "small", "--interval", "1m")
    path = open_cache("QQQ", spec="small").path
    assert (first.code, first.out) == (0, f"{path}\n")
    assert first.err.startswith("QQQ 1m small SIMULATED: built, 390 rows of 2 features, ")
    second = sentio("features", "build", "QQQ", "--spec", "small")
    assert second.out == first.out
    assert second.err.startswith("QQQ 1m small SIMULATED: already there, ")


def test_several_symbols_are_built_at_once(project: Workspace, sentio: Sentio) -> None:
    sentio("features", "build", "SPY", "--spec", "small")
    documents = sentio("features", "build", "QQQ", "SPY", "--spec", "small", "--json").json
    facts = [(done["symbol"], done["hit"], done["rows"], done["simulated"]) for done in documents]
    assert facts == [("QQQ", False, 390, True), ("SPY", True, 390, True)]
    assert [done["id"] for done in documents] == [
        open_cache(symbol, spec="small").id for symbol in ("QQQ", "SPY")
    ]


def test_all_symbols_are_built_by_any_number_of_jobs(project: Workspace, sentio: Sentio) -> None:
    BarsLibrary(project).save(synthesize("GLD", "5m", days=1, seed=3).bars)
    done = sentio("features", "build", "--all", "--interval", "1m", "--spec", "small", "--jobs", "2")
    assert done.code == 0
    assert [line.split()[0] for line in done.err.splitlines()] == ["QQQ", "SPY"]
    built = {symbol: open_cache(symbol, spec="small").path for symbol in ("QQQ", "SPY")}
    sums = {path: (path / "features.npy").read_bytes() for path in built.values()}
    for path in built.values():
        shutil.rmtree(path)
    assert (
        sentio("features", "build", "--all", "--interval", "1m", "--spec", "small", "--jobs", "1").code == 0
    )
    assert {path: (path / "features.npy").read_bytes() for path in built.values()} == sums
    assert sentio("features", "build", "--all", "--spec", "small", "--json").json[0]["symbol"] == "GLD"
    for wrong in ([], ["QQQ", "--all"], ["--all", "--interval", "1h"], ["QQQ", "--jobs", "0"]):
        assert sentio("features", "build", "--spec", "small", *wrong).code == 2


def test_symbols_that_fail_are_told_at_the_end_and_the_others_are_built(
    project: Workspace, sentio: Sentio
) -> None:
    library = BarsLibrary(project)
    library.save(synthesize("AAA", "1m", days=1, seed=3).bars[:5])  # too few for one valid row
    library.save(synthesize("ZZZ", "1m", days=1, seed=4).bars)
    flip(library.path("ZZZ", "1m"))
    done = sentio("features", "build", "--all", "--spec", "small", "--jobs", "2")
    assert done.code == 3  # the first one's
    assert done.out.count("\n") == 2
    assert "5 bars give no valid row" in done.err
    assert str(library.path("ZZZ", "1m")) in done.err
    for symbol in ("AAA", "ZZZ"):
        assert not list(project.cache.glob(f"{symbol}/**/*"))


def test_the_command_of_the_hint_builds_what_was_missing(project: Workspace, sentio: Sentio) -> None:
    missing = sentio("features", "show", "QQQ", "--spec", "small")
    assert missing.code == 3
    hint = missing.err.partition("hint: ")[2].strip()
    assert hint == "sentio features build QQQ --spec small --interval 1m"
    assert sentio(*hint.split()[1:]).code == 0
    shown = sentio("features", "show", "QQQ", "--spec", "small")
    assert shown.code == 0
    assert "QQQ 1m small SIMULATED" in shown.out
    document = sentio("features", "show", "QQQ", "--spec", "small", "--json").json
    assert [feature["name"] for feature in document["features"]] == ["ema", "rsi"]


def test_missing_bars_exit_3_and_an_interval_left_open_exits_2(project: Workspace, sentio: Sentio) -> None:
    assert sentio("features", "build", "QQQ", "IWM", "--spec", "small").code == 3
    assert sentio("features", "list").out == ""  # all or nothing
    BarsLibrary(project).save(synthesize("QQQ", "5m", days=1, seed=1).bars)
    done = sentio("features", "build", "QQQ", "--spec", "small")
    assert done.code == 2
    assert "1m, 5m" in done.err


def test_list_shows_entries_and_names_damaged_ones_with_4(project: Workspace, sentio: Sentio) -> None:
    assert "no features yet" in sentio("features", "list").err
    sentio("features", "build", "QQQ", "SPY", "--spec", "small")
    listed = sentio("features", "list")
    assert listed.code == 0
    assert listed.out.count("SIMULATED") == 2
    path = open_cache("SPY", spec="small").path
    flip(path / "manifest.json")
    done = sentio("features", "list", "--json")
    assert done.code == 4
    assert [entry["symbol"] for entry in done.json] == ["QQQ"]
    assert str(path / "manifest.json") in done.err


def test_verify_checks_one_entry_or_all_and_exits_4(project: Workspace, sentio: Sentio) -> None:
    sentio("features", "build", "QQQ", "SPY", "--spec", "small")
    assert sentio("features", "verify", "QQQ", "--spec", "small").out.count("390 rows computed again") == 1
    assert sentio("features", "verify").out.count("390 rows computed again") == 2
    flip(open_cache("QQQ", spec="small").path / "features.parquet")
    one = sentio("features", "verify", "QQQ", "--spec", "small")
    assert one.code == 4
    assert "features.parquet: its bytes are not those that were written" in one.err
    done = sentio("features", "verify")
    assert done.code == 4
    assert done.out.startswith("SPY 1m small SIMULATED")
    assert done.out.count("\n") == 1


def test_root_names_another_project(
    project: Workspace, sentio: Sentio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENTIO_ROOT")
    done = sentio("features", "build", "QQQ", "--spec", "small", "--root", str(project.root))
    assert done.code == 0
    assert done.out.startswith(str(project.cache))
    assert sentio("features", "list", "--root", str(project.root / "missing")).code == 2
