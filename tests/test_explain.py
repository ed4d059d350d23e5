"""A plan for people: its nodes, who shares them, and their costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sentio.bars import Bars, synthesize
from sentio.errors import UsageError
from sentio.explain import Explanation, Node, explain
from sentio.specs import FeatureSpec


@pytest.fixture(scope="module")
def bars() -> Bars:
    return synthesize("QQQ", "1m", days=4, seed=1).bars


def explained(bars: Bars, *features: Mapping[str, Any]) -> Explanation:
    return explain(FeatureSpec.from_document({"schema_version": "1.0", "features": list(features)}), bars)


def kernels(explanation: Explanation) -> list[str]:
    return sorted(node.kernel for node in explanation.nodes.values())


def of_kernel(explanation: Explanation, kernel: str) -> list[Node]:
    return [node for node in explanation.nodes.values() if node.kernel == kernel]


MACD = [{"name": name.lower(), "op": name} for name in ("MACD_LINE", "MACD_SIGNAL", "MACD_HISTOGRAM")]


def test_macd_is_three_averages_and_two_differences_that_its_outputs_share(bars: Bars) -> None:
    macd = explained(bars, *MACD, {"name": "ema", "op": "EMA", "window": 12})
    # The line waits until its signal is there, as TA-Lib's does.
    assert kernels(macd) == ["close"] + 3 * ["decaying_average"] + 2 * ["difference"] + ["waiting"]
    users = [set(node.features) for node in of_kernel(macd, "decaying_average")]
    lines = {"macd_line", "macd_signal", "macd_histogram"}
    assert sorted(users, key=len) == [{"macd_signal", "macd_histogram"}, lines, lines | {"ema"}]
    [signal] = [each for each in macd.features if each.feature.name == "macd_signal"]
    assert len(signal.nodes) == 5  # the close, three averages and the line
    assert macd.nodes[signal.node].inputs[0][0] in signal.nodes


def test_one_feature_keeps_what_it_needs_and_the_names_of_those_that_share(bars: Bars) -> None:
    line = explained(bars, *MACD).of("macd_line")
    assert kernels(line) == ["close", "decaying_average", "decaying_average", "difference", "waiting"]
    [feature] = line.features
    assert feature.feature.name == "macd_line"
    [shared] = of_kernel(line, "difference")
    assert shared.features == ("macd_line", "macd_signal", "macd_histogram")
    assert feature.cost == line.cost
    [waiting] = of_kernel(line, "waiting")
    assert feature.own == waiting.cost  # the others need all else


def test_an_unknown_feature_is_refused_with_the_nearest(bars: Bars) -> None:
    with pytest.raises(
        UsageError, match=r"'macd_lin' is none that the spec emits or needs\n  hint: did you mean macd_line"
    ):
        explained(bars, *MACD).of("macd_lin")


def test_hidden_features_are_named_at_their_nodes_and_explained_alone(bars: Bars) -> None:
    whole = explained(
        bars,
        {"name": "fast", "op": "EMA", "window": 5, "hidden": True},
        {"name": "slow", "op": "EMA", "window": 20, "hidden": True},
        {"name": "nobodys", "op": "SMA", "window": 9, "hidden": True},
        {"name": "gap", "op": "SUB", "source": ["fast", "slow"]},
    )
    assert [each.feature.name for each in whole.hidden] == ["fast", "slow"]
    assert sorted(node.names for node in whole.nodes.values() if node.names) == [
        ("fast",),
        ("gap",),
        ("slow",),
    ]
    slow = whole.of("slow")
    [only] = slow.features
    assert (only.hidden, only.own, only.cost) == (True, None, slow.cost)
    assert (only.feature.op, only.feature.params, only.feature.warmup) == ("EMA", {"window": 20}, 19)
    assert only.feature.settle == slow.nodes[only.node].settle
    assert kernels(slow) == ["close", "decaying_average"]
    assert whole.of("gap").hidden == whole.hidden
    with pytest.raises(UsageError, match="'nobodys' is none that the spec emits or needs"):
        whole.of("nobodys")


def test_parameters_that_say_nothing_are_left_out(bars: Bars) -> None:
    halves = explained(
        bars, {"name": "change", "op": "MOMENTUM", "window": 30}, {"name": "mid", "op": "MEDPRICE"}
    )
    assert [node.params for node in halves.nodes.values() if not node.is_column] == [(30,), ()]


@pytest.mark.parametrize("name", ["tfa", "classic", "alpha158"])
def test_the_graph_of_a_shipped_spec_is_whole(name: str, bars: Bars) -> None:
    spec = FeatureSpec.load(name)
    explanation = explain(spec, bars)
    nodes = explanation.nodes
    columns = [node for node in nodes.values() if node.is_column]
    assert {node.kernel for node in columns} <= {"open", "high", "low", "close", "volume", "gap"}
    # What no feature needs is in no plan, but for the six columns of the bars.
    assert len(nodes) - len(columns) == spec.plan.node_count - 6
    for node in nodes.values():
        for place, output in node.inputs:
            assert place < node.index
            assert output < nodes[place].outputs
            assert nodes[place].warmup <= node.start
        assert node.start <= node.warmup
        assert node.features
        assert node.cost is not None
        assert (node.cost == 0) if node.is_column else (node.cost > 0)
    assert tuple(each.feature for each in explanation.features) == spec.features
    for each in explanation.features:
        assert nodes[each.node].warmup == each.feature.warmup
        assert nodes[each.node].settle == each.feature.settle
        assert each.output < nodes[each.node].outputs
        assert all(each.feature.name in nodes[place].features for place in each.nodes)
        assert each.cost == pytest.approx(sum(nodes[place].cost or 0 for place in each.nodes))
        assert each.own is not None
        assert each.cost is not None
        assert each.own <= each.cost
    assert explanation.cost == pytest.approx(sum(node.cost or 0 for node in nodes.values()))
    assert explanation.rest is not None
    assert explanation.rest > 0


def test_a_node_that_remembers_all_bars_never_settles(bars: Bars) -> None:
    obv = explained(bars, {"name": "obv", "op": "OBV"})
    [node] = of_kernel(obv, "on_balance_volume")
    assert node.settle is None


def test_what_depends_on_sessions_settles_from_a_start_of_one_on(bars: Bars) -> None:
    both = explained(
        bars,
        {"name": "session", "op": "SESSION_RETURN"},
        {"name": "mean", "op": "SMA", "window": 5, "source": "session"},
        {"name": "sma", "op": "SMA", "window": 5},
    )
    nodes = [both.nodes[each.node] for each in both.features]
    assert [(node.settle, node.reads_sessions) for node in nodes] == [(0, True), (4, True), (4, False)]


def test_a_node_keeps_the_rows_that_its_readers_look_back_upon(bars: Bars) -> None:
    change = explained(bars, {"name": "change", "op": "MOMENTUM", "window": 30})
    assert [node.history for node in of_kernel(change, "close")] == [30]


def test_nodes_that_run_side_by_side_have_equal_shares_of_the_cost(bars: Bars) -> None:
    windows = (5, 12, 50)
    averages = explained(bars, *({"name": f"ema_{w}", "op": "EMA", "window": w} for w in windows))
    costs = {node.cost for node in of_kernel(averages, "decaying_average")}
    assert len(costs) == 1


def test_what_the_bars_are_too_few_to_warm_is_not_measured(bars: Bars) -> None:
    features = [{"name": "rsi", "op": "RSI", "window": 14}, {"name": "sma", "op": "SMA", "window": 5000}]
    short, long = explained(bars, *features).features
    assert short.cost is not None
    assert (long.cost, long.own) == (None, None)
    assert explained(bars, *features).cost is None
    assert explained(bars[:200], *features).rest is None  # less than one block


def test_bars_to_measure_on_are_made_beyond_the_warm_up() -> None:
    document = {"schema_version": "1.0", "features": [{"name": "sma", "op": "SMA", "window": 5000}]}
    assert explain(FeatureSpec.from_document(document)).features[0].cost is not None
