"""`sentio data`: what is printed, what is kept, and the code at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Sentio

from sentio.bars import BarsLibrary, read_bars
from sentio.workspace import Workspace

ROWS = [f"{1_704_205_800 + 300 * i},{100 + i},{102 + i},{99 + i},{101 + i},{10 * i}" for i in range(6)]


@pytest.fixture(autouse=True)
def project(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one, which commands find."""
    monkeypatch.setenv("SENTIO_ROOT", str(workspace.root))


def write(folder: Path, rows: list[str], name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    return path


def document(out: str) -> Any:
    return json.loads(out)


def test_ctrl_c_is_told(sentio: Sentio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sentio.bars.read_file", interrupt)
    done = sentio("data", "import", write(tmp_path, ROWS), "--symbol", "QQQ")
    assert (done.code, done.out, done.err) == (130, "", "interrupted\n")


def test_each_command_has_help_with_an_example(sentio: Sentio) -> None:
    for command in ("synth", "import", "check", "list", "remove"):
        code, out, _ = sentio("data", command, "--help")
        assert code == 0
        assert f"sentio data {command}" in " ".join(out.split())


def test_synth_makes_labelled_bars_and_prints_what_can_be_reached(
    sentio: Sentio, workspace: Workspace
) -> None:
    code, out, err = sentio("data", "synth", "QQQ", "--interval", "5m", "--days", 10, "--seed", 3)
    assert (code, err) == (0, "")
    assert "QQQ 5m SIMULATED: made, 780 bars, 2024-01-02 14:30 to 2024-01-16 20:55 UTC" in out
    planted = BarsLibrary(workspace).load("QQQ").planted
    assert planted is not None
    for name in ("ic_1", "rank_ic_1", "auc_1", "ic_5", "rank_ic_5", "auc_5"):
        assert f"{planted[name]:.4f}" in out


def test_the_same_simulation_again_is_there_already_and_another_is_refused(
    sentio: Sentio, workspace: Workspace
) -> None:
    make = ("data", "synth", "QQQ", "--days", 3)
    assert document(sentio(*make, "--json")[1])["already_there"] is False
    first = BarsLibrary(workspace).path("QQQ", "1m").read_bytes()
    assert "already there" in sentio(*make)[1]
    assert document(sentio(*make, "--json")[1])["already_there"] is True
    code, out, err = sentio(*make, "--seed", 8)
    assert (code, out) == (2, "")
    assert "are there already" in err
    assert "--replace" in err
    assert BarsLibrary(workspace).path("QQQ", "1m").read_bytes() == first
    assert sentio(*make, "--seed", 8, "--replace")[0] == 0
    assert BarsLibrary(workspace).path("QQQ", "1m").read_bytes() != first


@pytest.mark.parametrize(
    "arguments",
    [
        ("qqq",),
        ("QQQ", "--interval", "1h"),
        ("QQQ", "--days", "0"),
        ("QQQ", "--seed", "-1"),
        ("QQQ", "--nope"),
        (),
    ],
)
def test_wrong_arguments_of_synth_end_with_2(sentio: Sentio, arguments: tuple[str, ...]) -> None:
    assert sentio("data", "synth", *arguments)[0] == 2


def test_import_keeps_what_read_bars_reads(sentio: Sentio, workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    code, out, err = sentio(
        "data", "import", path, "--symbol", "QQQ", "--interval", "5m", "--adjustment", "raw"
    )
    assert (code, err) == (0, "")
    assert "QQQ 5m: imported, 6 bars, 2024-01-02 14:30 to 2024-01-02 14:55 UTC" in out
    assert "times: column timestamp, epoch s" in out
    assert "SIMULATED" not in out
    kept = BarsLibrary(workspace).load("QQQ", "5m")
    assert kept.hash == read_bars(path, adjustment="raw").hash


def test_import_refuses_dirt_with_3_and_repairs_it_when_told(sentio: Sentio, tmp_path: Path) -> None:
    path = write(tmp_path, [ROWS[i] for i in (0, 2, 1, 3, 3, 4, 5)])
    arguments = ("data", "import", path, "--symbol", "QQQ")
    code, out, err = sentio(*arguments)
    assert (code, out) == (3, "")
    assert "out of order, below a later row: 1 row (3)" in err
    assert "exact duplicate of an earlier row: 1 row (5)" in err
    assert "hint: repair the order with --sort --drop-duplicates" in err
    code, out, _ = sentio(*arguments, "--sort", "--drop-duplicates")
    assert code == 0
    assert "repaired: 1 row put in order, 1 exact duplicate dropped, of 7 rows" in out


def test_import_tells_repairs_and_unused_columns_to_scripts(sentio: Sentio, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    rows = [f"{row},{i}" for i, row in enumerate([*ROWS, ROWS[5]])]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume,trades", *rows]))
    told = document(sentio("data", "import", path, "--symbol", "QQQ", "--drop-duplicates", "--json")[1])
    assert told["ignored_columns"] == ["trades"]
    assert (told["rows_read"], told["rows_put_in_order"], told["duplicates_dropped"]) == (7, 0, 1)
    assert told["bars"]["rows"] == 6
    assert told["bars"]["source"] == "more.csv"


def test_import_notes_a_zone_that_was_not_needed(sentio: Sentio, tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    code, _, err = sentio("data", "import", path, "--symbol", "QQQ", "--tz", "America/New_York")
    assert code == 0
    assert "--tz America/New_York was not needed" in err


def test_import_refuses_existing_bars_without_replace(
    sentio: Sentio, workspace: Workspace, tmp_path: Path
) -> None:
    arguments = ("data", "import", write(tmp_path, ROWS), "--symbol", "QQQ")
    assert sentio(*arguments)[0] == 0
    code, _, err = sentio(*arguments)
    assert code == 2
    assert "--replace" in err
    assert sentio(*arguments, "--replace")[0] == 0


def test_real_bars_do_not_take_the_place_of_simulated_ones(sentio: Sentio, tmp_path: Path) -> None:
    sentio("data", "synth", "QQQ", "--interval", "5m", "--days", 1)
    arguments = ("data", "import", write(tmp_path, ROWS), "--symbol", "QQQ", "--replace")
    code, _, err = sentio(*arguments)
    assert code == 2
    assert "the two never mix" in err
    assert "sentio data remove QQQ --interval 5m" in err
    assert sentio("data", "remove", "QQQ", "--interval", "5m")[0] == 0
    assert sentio(*arguments)[0] == 0


def test_check_of_a_file_keeps_nothing_and_ends_with_3_when_it_is_bad(
    sentio: Sentio, workspace: Workspace, tmp_path: Path
) -> None:
    good = document(sentio("data", "check", write(tmp_path, ROWS), "--json")[1])
    assert good["summary"]["rows"] == 6
    assert good["summary"]["zero_volume"] == 1
    assert good["bars"]["interval"] == "5m"
    bad = write(tmp_path, [*ROWS[:3], "soon,1,2,3,4,5"], "bad.csv")
    code, _, err = sentio("data", "check", bad)
    assert code == 3
    assert "low lies above open or close: 1 row (4)" in err
    assert "such as 'soon': 1 row (4)" in err
    assert sentio("data", "check", "none.csv")[0] == 3
    assert not workspace.bars.exists()


def test_check_of_a_symbol_tells_facts_and_finds_damage(sentio: Sentio, workspace: Workspace) -> None:
    sentio("data", "synth", "BRK.B", "--days", 2)
    code, out, _ = sentio("data", "check", "BRK.B")
    assert code == 0
    assert "BRK.B 1m SIMULATED: good, 780 bars" in out
    told = document(sentio("data", "check", "BRK.B", "--json")[1])
    assert told["summary"]["sessions"] == 2
    assert told["summary"]["missing"] == 0
    assert told["bars"]["simulated"] is True
    path = BarsLibrary(workspace).path("BRK.B", "1m")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, _, err = sentio("data", "check", "BRK.B")
    assert code == 4
    assert "is damaged" in err


def test_list_marks_simulated_bars_and_ends_with_4_when_a_file_is_damaged(
    sentio: Sentio, workspace: Workspace, tmp_path: Path
) -> None:
    code, out, err = sentio("data", "list")
    assert (code, out) == (0, "")
    assert "no bars yet" in err
    sentio("data", "synth", "QQQ", "--days", 1)
    sentio("data", "import", write(tmp_path, ROWS), "--symbol", "SPY")
    code, out, _ = sentio("data", "list")
    assert code == 0
    (simulated,) = [line for line in out.splitlines() if "QQQ" in line]
    (real,) = [line for line in out.splitlines() if "SPY" in line]
    assert "SIMULATED" in simulated
    assert "SIMULATED" not in real
    told = document(sentio("data", "list", "--json")[1])
    assert [(one["symbol"], one["interval"], one["simulated"]) for one in told] == [
        ("QQQ", "1m", True),
        ("SPY", "5m", False),
    ]
    BarsLibrary(workspace).path("SPY", "5m").write_bytes(b"")
    code, out, err = sentio("data", "list")
    assert code == 4
    assert "QQQ" in out
    assert "SPY.parquet" in err


def test_missing_bars_and_an_open_choice_have_their_codes(sentio: Sentio) -> None:
    code, _, err = sentio("data", "check", "QQQ")
    assert code == 3
    assert "sentio data synth QQQ" in err
    assert sentio("data", "remove", "QQQ")[0] == 3
    for interval in ("1m", "5m"):
        sentio("data", "synth", "QQQ", "--days", 1, "--interval", interval)
    code, _, err = sentio("data", "check", "QQQ")
    assert code == 2
    assert "1m, 5m" in err


def test_a_root_that_does_not_exist_ends_with_2(sentio: Sentio, tmp_path: Path) -> None:
    assert sentio("data", "list", "--root", tmp_path / "none")[0] == 2


def test_the_real_five_minute_bars_are_refused_and_then_repaired(
    sentio: Sentio, shared: Path, workspace: Workspace
) -> None:
    arguments = ("data", "import", shared / "data/bars/QQQ_5m.csv", "--symbol", "QQQ", "--interval", "5m")
    code, _, err = sentio(*arguments)
    assert code == 3
    assert "exact duplicate of an earlier row: 581 rows" in err
    code, out, _ = sentio(*arguments, "--sort", "--drop-duplicates")
    assert code == 0
    assert "QQQ 5m: imported, 26,407 bars" in out
    assert "581 exact duplicates dropped, of 26,988 rows" in out
    assert "times: column datetime, epoch ms" in out
    assert len(BarsLibrary(workspace).load("QQQ")) == 26_988 - 581


def test_bars_too_few_for_a_planted_figure_are_kept_without_it(sentio: Sentio, workspace: Workspace) -> None:
    arguments = ("--interval", "30m", "--days", "1", "--seed", "9", "--root", str(workspace.root))
    done = sentio("data", "synth", "QQQ", *arguments)
    assert done.code == 0, done.err
    assert "-" in done.out.split()
