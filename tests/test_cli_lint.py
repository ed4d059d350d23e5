"""`sentio specs lint` and `sentio specs explain`: what they print, and with which exit code they end."""

from __future__ import annotations

import json

import pytest
from command_line import Sentio, simulated_bars

from sentio.bars import BarsLibrary, synthesize
from sentio.features import FeatureEngine
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

FAILING = """{"schema_version": "1.0", "features": [
  {"name": "close", "op": "IDENT", "source": "close"},
  {"name": "obv", "op": "OBV"},
  {"name": "rsi", "op": "RSI", "window": 14}
]}"""


@pytest.fixture
def project(bars_workspace: Workspace) -> Workspace:
    (bars_workspace.specs / "features" / "failing.json").write_text(FAILING)
    return bars_workspace


def test_a_good_spec_ends_with_0(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "lint", "tiny", "--symbol", "QQQ")
    rows = len(simulated_bars()) - FeatureSpec.load("tiny", project.root).first_valid_row
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"tiny on QQQ 1m SIMULATED, {rows:,} rows of 3 features: 0 findings that fail, 0 that warn\n"
    )


def test_memory_that_is_missing_ends_with_5_and_a_hint(
    project: Workspace, sentio: Sentio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*_: object) -> None:
        raise MemoryError("cannot allocate 28.2 MiB")

    monkeypatch.setattr(FeatureEngine, "compute", compute)
    done = sentio("specs", "lint", "tiny", "--symbol", "QQQ")
    assert (done.code, done.out) == (5, "")
    assert done.err == (
        "error: there is not enough memory: cannot allocate 28.2 MiB\n"
        "  hint: free memory, raise its limit (ulimit -v) or ask for less at once\n"
    )


def test_a_finding_that_fails_ends_with_1_and_a_warning_does_not(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "lint", "failing", "--symbol", "QQQ", "--interval", "1m")
    assert done.code == 1
    for words in (
        *("scale-dependent", "FAILS", "prices times 4", "volumes times 8", "warning", "remembers all bars"),
        *("scale-dependent: divide by a price", "2 findings that fail"),
    ):
        assert words in done.out
    (project.specs / "features" / "warned.json").write_text(
        json.dumps(
            {
                "schema_version": "1.0",
                "features": [
                    {"name": "period", "op": "HT_DCPERIOD"},
                    {"name": "rsi", "op": "RSI", "window": 14},
                ],
            }
        )
    )
    warned = sentio("specs", "lint", "warned", "--symbol", "QQQ")
    assert warned.code == 0
    assert "no-settle" in warned.out


def test_json_holds_the_findings_and_what_they_were_made_on(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "lint", "failing", "--symbol", "QQQ", "--psi", "100", "--json")
    assert done.code == 1
    document = json.loads(done.out)
    findings = document.pop("findings")
    spec = FeatureSpec.load("failing", project.root)
    assert document == {
        "spec": "failing",
        "spec_hash": spec.hash,
        "symbol": "QQQ",
        "interval": "1m",
        "bars_hash": simulated_bars().hash,
        "simulated": True,
        "rows": len(simulated_bars()) - spec.first_valid_row,
        "thresholds": {"rho": 0.999, "neutral": 0.95, "psi": 100.0},
        "ok": False,
    }
    assert [(finding["feature"], finding["rule"], finding["fails"]) for finding in findings] == [
        ("close", "scale-dependent", True),
        ("obv", "scale-dependent", True),
        ("obv", "no-settle", False),
    ]
    assert all(finding["found"] and finding["advice"] for finding in findings)


def test_wrong_calls_end_with_one_line_and_their_code(project: Workspace, sentio: Sentio) -> None:
    BarsLibrary(project).save(synthesize("QQQ", "5m", days=1, seed=1).bars)
    BarsLibrary(project).save(synthesize("SPY", "5m", days=1, seed=1).bars)
    for code, words, arguments in (
        (2, "1m, 5m", ["tiny", "--symbol", "QQQ"]),  # the interval is left open
        (2, "rho: 2.0 is outside [0, 1]", ["tiny", "--symbol", "QQQ", "--interval", "1m", "--rho", "2"]),
        (2, "did you mean tiny?", ["tinny", "--symbol", "QQQ"]),
        (2, "--symbol", ["tiny"]),
        (3, "bars of IWM", ["tiny", "--symbol", "IWM"]),
        (3, "linting needs 1000", ["tiny", "--symbol", "SPY"]),
    ):
        done = sentio("specs", "lint", *arguments)
        assert (done.code, done.out) == (code, ""), arguments
        assert words in done.err


def test_explain_shows_every_feature_and_every_node_once(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "explain", "tiny")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    for name in ("return_1", "return_5", "rsi_14"):
        assert sum(line.split()[:1] == [name] for line in lines) == 1
    assert sum("log_return(" in line for line in lines) == 2
    assert "3 features of 7 nodes" in lines[-1]  # two returns; rises, falls, their averages, the share
    assert "not measured" not in done.out


def test_explain_draws_one_feature_as_a_tree(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "explain", "tiny", "rsi_14")
    head, *lines = done.out.splitlines()
    assert done.code == 0
    assert head.startswith("rsi_14: RSI, warm-up 14, settle ")
    assert sum("wilder(14)" in line for line in lines) == 2
    assert sum(line.endswith("close") for line in lines) == 2
    assert not any("log_return" in line for line in lines)
    never = sentio("specs", "explain", "failing", "obv")
    assert never.out.startswith("obv: OBV, warm-up 0, settle never, ")


def test_explain_names_a_node_again_where_it_is_drawn_already(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "explain", "tfa", "macd_hist_12_26_9")
    assert done.out.count("difference, as above") == 1
    assert "shared with " in done.out
    assert "= macd_12_26_9: " in done.out  # a hidden feature


def test_explain_counts_the_others_that_share_a_hidden_feature(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "explain", "tfa", "realized_60")
    assert "#9 root = realized_60: " in done.out
    emitted = FeatureSpec.load("tfa", project.root).names
    users = json.loads(sentio("specs", "explain", "tfa", "realized_60", "--json").out)["nodes"][-1][
        "features"
    ]
    assert set(users) <= set(emitted)
    assert f"shared with {len(users)} others" in done.out.splitlines()[1]


def test_explain_as_json_holds_the_graph(project: Workspace, sentio: Sentio) -> None:
    document = json.loads(sentio("specs", "explain", "failing", "--json").out)
    assert document["hash"] == FeatureSpec.load("failing", project.root).hash
    nodes = {node["index"]: node for node in document["nodes"]}
    features = {feature["name"]: feature for feature in document["features"]}
    assert list(features) == ["close", "obv", "rsi"]
    assert features["obv"]["settle"] is None
    assert nodes[features["obv"]["node"]]["kernel"] == "on_balance_volume"
    assert nodes[features["close"]["node"]]["inputs"] == []
    assert all(read in nodes for node in nodes.values() for read, _ in node["inputs"])
    assert document["cost_ns"] > 0
    one = json.loads(sentio("specs", "explain", "failing", "rsi", "--json").out)
    assert [feature["name"] for feature in one["features"]] == ["rsi"]
    assert {node["index"] for node in one["nodes"]} == set(features["rsi"]["nodes"])


def test_explain_refuses_a_feature_that_is_not_there(project: Workspace, sentio: Sentio) -> None:
    done = sentio("specs", "explain", "tiny", "rsi_15")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: feature: 'rsi_15' is none that the spec emits or needs\n  hint: did you mean rsi_14?\n"
    )
