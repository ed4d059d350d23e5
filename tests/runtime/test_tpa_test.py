"""sentio_cli tpa_test: how it trades on paper, which bars it takes, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from bundles import MINUTE, change_json, make_bundle, make_source, reseal, walk
from keys import write_keys
from runtime_project import bundle_of, entry_of, make_project, read_dump, same_bits, write_csv

from sentio.bars import Bars
from sentio.bundle import load_bundle
from sentio.cache import build_cache
from sentio.signature import load_signer
from sentio.workspace import Workspace

# Trading on paper


def paper(
    bars: Bars, probability: dict[int, float], *, horizon: int, cost: float, days: int
) -> list[dict[str, float]]:
    """The stated rule, written again from its words: fill at the next open, hold, flat at the day's end."""
    day_of = bars.ts // (24 * 60 * MINUTE)
    results = []
    for day in np.unique(day_of)[-days:]:
        rows = np.flatnonzero(day_of == day).tolist()
        sides = [
            np.sign(p - 0.5) * (abs(p - 0.5) > 0.02)
            for p in (probability.get(int(bars.ts[row]), 0.5) for row in rows)
        ]
        signals = sum(side != 0 for side in sides)
        held, entry, gains = 0.0, 0.0, []
        for place, row in enumerate(rows):
            # What the bars before this one ask for: the last signal's side, for as many bars as the horizon.
            last = max((k for k in range(place) if sides[k] != 0), default=None)
            wanted = sides[last] if last is not None and place - last <= horizon else 0.0
            if wanted != held:
                if held:
                    gains.append(held * (bars.open[row] / entry - 1) - 2 * cost)
                held, entry = wanted, bars.open[row]
        if held:
            gains.append(held * (bars.close[rows[-1]] / entry - 1) - 2 * cost)
        results.append(
            {
                "date": str(datetime.fromtimestamp(int(day) * 86400, UTC).date()),
                "bars": len(rows),
                "signals": int(signals),
                "trades": len(gains),
                "hit_rate": float(np.mean(np.array(gains) > 0)) if gains else None,
                "return": float(np.prod(1 + np.array(gains)) - 1),
            }
        )
    return results


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_days_are_traded_by_the_stated_rule(tmp_path, cli, horizon):
    label = {"kind": "direction", "horizon": horizon, "min_move_bp": 0.0}
    project = make_project(tmp_path / "project", 1, crossing=True, label=label)
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "6", "--cost-bp", "2", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    bars = walk()
    predictions = load_bundle(bundle_of(project)).predict(bars)
    probability = dict(zip(predictions.ts.tolist(), predictions.probability.tolist(), strict=True))
    expected = paper(bars, probability, horizon=horizon, cost=2e-4, days=6)
    assert sum(day["trades"] for day in expected) > 10
    for found, day in zip(report["days"], expected, strict=True):
        # Sums of products of numbers near 1, in another order: some roundings of 1e-16.
        assert found == {
            name: pytest.approx(value, abs=1e-12) if isinstance(value, float) else value
            for name, value in day.items()
        }
    returns = np.array([day["return"] for day in expected])
    assert report["total"]["return"] == pytest.approx(np.prod(1 + returns) - 1, abs=1e-12)
    assert report["sharpe"] is None  # of so few days
    assert report["latency"]["bars"] == report["total"]["bars"]
    assert 0 < report["latency"]["p50_us"] <= report["latency"]["p99_us"]


def test_the_screen_says_first_that_all_is_simulated(project, cli):
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "2")
    assert done.code == 0, done.err
    first, *rest = done.out.splitlines()
    assert "SIMULATED bars" in first
    assert "trained on SIMULATED bars" in first
    text = "\n".join(rest)
    assert load_bundle(bundle_of(project)).id in text
    assert "each equal to the cache to the bit" in text
    assert "sqrt(252)" in text
    assert "latency from bar to prediction: p50" in text


def test_a_few_days_have_no_sharpe_ratio(project, cli):
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "6")
    assert "sqrt(252): n/a for fewer than 20 days" in done.out


def test_no_signal_is_said_plainly(project, cli):
    done = cli("tpa_test", "QQQ", "--root", project, "--threshold", "1.0")
    assert done.code == 0
    assert "warning: no prediction passed the thresholds: no signal, no trade" in done.err


def test_a_model_of_simulated_bars_warns_on_others(project, cli, tmp_path):
    done = cli("tpa_test", "QQQ", "--root", project, "--csv", write_csv(tmp_path / "bars.csv", walk()))
    assert done.code == 0
    assert "warning: the model was trained on SIMULATED bars" in done.err


def test_bars_of_the_training_spans_are_counted(project, cli):
    def late(document):
        document["spans"]["validation"]["last_ts"] = int(walk().ts[-10])

    change_json(bundle_of(project), "metadata.json", late)
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "1")
    traded = json.loads(cli("tpa_test", "QQQ", "--root", project, "--days", "1", "--json").out)["total"][
        "bars"
    ]
    assert f"{traded - 9} of the {traded} traded bars" in done.err


def test_a_regression_is_traded_by_its_returns(tmp_path, cli):
    project = make_project(
        tmp_path / "project", 1, crossing=True, output="return", label={"kind": "logret_fwd", "horizon": 1}
    )
    done = cli("tpa_test", "QQQ", "--root", project, "--threshold", "0.001", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert "long above return 0.001, short below -0.001" in report["rule"]
    assert report["total"]["signals"] > 0


@pytest.mark.parametrize(
    ("output", "header"), [("probability", "ts,probability"), ("classes", "ts,down,flat,up")]
)
def test_a_dump_names_its_columns_and_holds_the_bits_of_python(tmp_path, cli, output, header):
    project = make_project(tmp_path / "project", 4, crossing=True, output=output)
    dump = tmp_path / "dump.csv"
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "4", "--dump", dump)
    assert done.code == 0, done.err
    first, *lines = dump.read_text().splitlines()
    assert first == header
    cells = [line.split(",") for line in lines]
    expected = load_bundle(bundle_of(project)).predict(walk())
    kept = expected.ts >= int(cells[0][0])
    assert len(cells) > 100
    assert [int(words[0]) for words in cells] == expected.ts[kept].tolist()
    values = np.array([[float(value) for value in words[1:]] for words in cells], np.float32)
    assert same_bits(values, expected.values[kept])


def test_classes_are_traded_by_up_and_down(tmp_path, cli):
    project = make_project(tmp_path / "project", 1, crossing=True, output="classes")
    expected = load_bundle(bundle_of(project)).predict(walk())
    threshold = float(np.quantile(expected.probabilities[:, [0, 2]].max(axis=1), 0.5))
    done = cli("tpa_test", "QQQ", "--root", project, "--days", "6", "--threshold", str(threshold), "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert "long above probability of up" in report["rule"]
    bars = walk()
    shares = dict(zip(expected.ts.tolist(), expected.probabilities.tolist(), strict=True))
    days = bars.ts // (24 * 60 * MINUTE)
    for day, found in zip(np.unique(days)[-6:], report["days"], strict=True):
        rows = [shares[ts] for ts in bars.ts[days == day].tolist()]
        assert found["signals"] == sum(max(down, up) > threshold for down, _, up in rows)
    assert 0 < report["total"]["signals"] < report["total"]["bars"]
    assert cli("tpa_test", "QQQ", "--root", project, "--threshold", "1.1").code == 2


# Which entry


def test_of_several_entries_the_newest_that_fits_is_taken(project, cli):
    source = make_source(1)
    older, newer = walk(seed=5), walk(seed=6)
    workspace = Workspace(project)
    build_cache(older, source.spec, workspace, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC))
    entry = build_cache(newer, source.spec, workspace, clock=lambda: datetime(2100, 1, 1, tzinfo=UTC)).entry
    (project / "data" / "cache" / "QQQ" / "5m" / ".being-built.tmp").mkdir()
    report = json.loads(cli("tpa_test", "QQQ", "--root", project, "--json").out)
    assert report["origin"] == str(entry.path)
    assert report["entry"] == entry.id
    assert report["features_equal_cache"] == len(newer)


def test_no_entry_is_told_with_the_command_that_makes_one(project, cli):
    done = cli("tpa_test", "SPY", "--root", project)
    assert done.code == 3
    assert "hint: sentio features build SPY --spec" in done.err
    assert "--interval 5m" in done.err


def test_features_that_the_engine_does_not_compute_are_refused(project, cli):
    entry = entry_of(project)
    features = np.load(entry / "features.npy")
    features[300, 2] = np.nextafter(features[300, 2], np.float32(np.inf))
    np.save(entry / "features.npy", features)
    reseal(entry)
    done = cli("tpa_test", "QQQ", "--root", project)
    assert done.code == 4
    assert "row 300 of features.npy" in done.err


@pytest.mark.parametrize("name", ["ts", "bars", "features"])
def test_an_array_of_another_length_than_the_manifest_says_is_refused(project, cli, name):
    entry = entry_of(project)
    np.save(entry / f"{name}.npy", np.load(entry / f"{name}.npy")[:-1])
    reseal(entry)
    done = cli("tpa_test", "QQQ", "--root", project)
    assert done.code == 4
    assert f"{name}.npy: has not the manifest's shape" in done.err


def test_a_damaged_entry_is_refused(project, cli):
    path = entry_of(project) / "features.parquet"  # not read, but sealed
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = cli("tpa_test", "QQQ", "--root", project)
    assert done.code == 4
    assert "features.parquet: its bytes are not those that were sealed" in done.err


def test_the_newest_version_is_meant_where_none_is_named(project, cli):
    first = load_bundle(bundle_of(project))
    for version in ("v2", "v10"):
        make_bundle(project / "artifacts", make_source(1, windows_cross_sessions=True), version)
    (project / "artifacts" / "TFA" / "vague").mkdir()
    assert "bundle    TFA v10, " in cli("tpa_test", "QQQ", "--root", project).out
    assert first.id in cli("tpa_test", "QQQ", "--root", project, "--version", "v1").out


# Which backend, and whose bundle


def test_a_bundle_under_anothers_name_is_refused(project, cli):
    first, second = bundle_of(project), make_bundle(project / "artifacts", make_source(1), "v2")
    first.rename(project / "aside")
    second.rename(first)
    (project / "aside").rename(second)
    for version, other in (("v1", "v2"), ("v2", "v1")):
        done = cli("tpa_test", "QQQ", "--root", project, "--version", version)
        assert done.code == 2
        folder = project / "artifacts" / "TFA" / version
        assert done.err == f"error: {folder}: holds the bundle TFA {other}, not TFA {version}\n"
        assert done.out == ""


@pytest.mark.parametrize("backend", ["native", "torchscript"])
def test_the_backend_is_the_callers_choice(project, cli, tmp_path, backend):
    source = make_source(1, windows_cross_sessions=True)
    bundle = make_bundle(project / "artifacts", source, "v2", backends=("native", "torchscript"))
    dump = tmp_path / "dump.csv"
    done = cli("tpa_test", "QQQ", "--root", project, "--backend", backend, "--days", "12", "--dump", dump)
    assert done.code == 0, done.err
    assert f"bundle    TFA v2, {backend}, " in done.out
    ts, logits = read_dump(dump)
    expected = load_bundle(bundle, backend=backend).predict(walk())
    assert same_bits(logits, expected.value[np.isin(expected.ts, ts)])


def test_a_required_signature_reaches_trading(project, cli, tmp_path):
    private, ours = write_keys(tmp_path, "ours")
    _, theirs = write_keys(tmp_path, "theirs")
    source = make_source(1, windows_cross_sessions=True)
    make_bundle(project / "artifacts", source, "v2", sign=load_signer(private))
    command = ("tpa_test", "QQQ", "--root", project, "--trust")
    done = cli(*command, "")  # as of a variable that is not set
    assert done.code == 2
    assert "--trust needs a value, PUBKEY" in done.err
    done = cli(*command, ours)
    if done.code == 6:  # a build without OpenSSL
        assert "SENTIO_OPENSSL" in done.err
        pytest.skip("sentio_cli is built without SENTIO_OPENSSL")
    assert done.code == 0, done.err
    assert "bundle    TFA v2, " in done.out
    for key, version, told in ((theirs, "v2", "is no signature"), (ours, "v1", "is unsigned")):
        done = cli(*command, key, "--version", version)
        assert (done.code, done.out) == (4, "")
        assert told in done.err
    assert cli(*command, tmp_path / "nowhere.pem").code == 2


# What is refused


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "SYMBOL is missing"),
        (["QQQ", "--day", "5"], 2, "--day is not an option; did you mean --days?"),
        (["QQQ", "--days", "0"], 2, "--days"),
        (["QQQ", "--days", "100"], 2, "--days: 100 are asked for, there are bars of 13"),
        (["QQQ", "--strategy", "tfb"], 2, "there is tfa"),
        (["QQQ", "--interval", "1m"], 2, "the bundle's is 5m, not 1m"),
        (["QQQ", "--threshold", "0.4"], 2, "outside [0.5, 1]"),
        (["QQQ", "--confidence-floor", "-1"], 2, "confidence_floor: is negative"),
        (["../QQQ"], 2, "is not a symbol"),
        (["QQQ", "--version", "v2"], 3, "hint: sentio export --version v2"),
        (["QQQ", "--version", "../v1"], 2, "is not the name of a model or a version"),
        (["QQQ", "--backend", "jit"], 6, "'jit' was asked for; the bundle holds the backends"),
        (["QQQ", "--csv", "/no/such/file"], 3, "/no/such/file: cannot be opened"),
        (["QQQ", "--dump", "/no/such/folder/dump.csv"], 5, "/no/such/folder/dump.csv: cannot be written"),
    ],
)
def test_a_wrong_call_ends_with_one_error_and_its_code(pristine, cli, arguments, code, told):
    done = cli("tpa_test", *arguments, "--root", pristine)
    assert done.code == code, done.err
    assert done.err.startswith("error: ")
    assert told in done.err
    assert done.out == ""


def test_outside_of_a_project_the_root_is_asked_for(cli):
    done = cli("tpa_test", "QQQ")
    assert done.code == 2
    assert "--root or SENTIO_ROOT" in done.err


def test_a_model_of_daily_bars_is_refused_for_it_could_never_trade(project, cli):
    def daily(document):
        document |= {"interval": "1d", "interval_ns": 24 * 60 * MINUTE}

    change_json(bundle_of(project), "metadata.json", daily)
    done = cli("tpa_test", "QQQ", "--root", project)
    assert (done.code, done.out) == (2, "")
    assert "the bundle's bars are of 1d, and trading on paper ends flat every day" in done.err


def test_a_file_without_a_bar_is_told(pristine, cli, tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("ts,open,high,low,close,volume\n")
    done = cli("tpa_test", "QQQ", "--root", pristine, "--csv", empty)
    assert (done.code, done.out) == (3, "")
    assert f"{empty}: has no bars" in done.err


def test_bars_of_another_interval_are_refused(pristine, cli, tmp_path):
    bars = walk()
    longer = write_csv(
        tmp_path / "longer.csv",
        replace(bars, interval="15m", ts=bars.ts[0] + np.arange(len(bars)) * 15 * MINUTE),
    )
    assert "no two bars are as close as" in cli("tpa_test", "QQQ", "--root", pristine, "--csv", longer).err
    shorter = write_csv(
        tmp_path / "shorter.csv", replace(bars, interval="1m", ts=bars.ts[0] + np.arange(len(bars)) * MINUTE)
    )
    done = cli("tpa_test", "QQQ", "--root", pristine, "--csv", shorter)
    assert done.code == 3
    assert "line 3: follows the line before by less than the bundle's interval" in done.err


def test_help_and_version_are_there(cli):
    for arguments in (["--help"], ["verify", "--help"], ["tpa_test", "--help"]):
        done = cli(*arguments)
        assert done.code == 0
        assert "example" in done.out
    assert "torchscript" in cli("--version").out
    assert cli().code == 2
    assert "did you mean verify?" in cli("verfy", "x").err
