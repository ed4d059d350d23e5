"""What a spec's features are made of: the nodes of the engine's plan, who shares them, and what they cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sentio.bars import Bars, synthesize
from sentio.bars.synth import LONGEST
from sentio.errors import UsageError, did_you_mean
from sentio.extension import engine_errors, load_extension
from sentio.specs import Feature, FeatureSpec

__all__ = ["Explanation", "FeatureCost", "Node", "explain"]

_MEASURED = 100 * 256  # bars after the last node's start: the medians of 100 of the engine's blocks
_MINUTES = 390  # bars in a simulated day


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a plan.

    Attributes:
        index: its place in the plan; it reads earlier ones.
        kernel: what it computes, or the column's name.
        is_column: whether it is a column of the bars, which is there and costs nothing.
        names: the features, hidden ones too, that one of its outputs is.
        params: of the kernel, in an order of its own.
        inputs: the place and the output of each node that it reads.
        outputs: how many columns it fills.
        start: the first row that it runs.
        warmup: rows before its first one that counts.
        settle: bars after which a cold start agrees, its inputs' included; None: never.
        reads_sessions: whether `settle` counts from the first session start that the cold start sees.
        history: rows of it that are kept for its readers.
        features: the emitted features that need it.
        cost: nanoseconds a bar on this machine; None where the bars end before it is warm.
    """

    index: int
    kernel: str
    is_column: bool
    names: tuple[str, ...]
    params: tuple[int | float, ...]
    inputs: tuple[tuple[int, int], ...]
    outputs: int
    start: int
    warmup: int
    settle: int | None
    reads_sessions: bool
    history: int
    features: tuple[str, ...]
    cost: float | None


@dataclass(frozen=True, slots=True)
class FeatureCost:
    """A feature, where the plan holds it, and what it costs.

    Attributes:
        feature: as the engine compiled it.
        node, output: where its values are.
        nodes: all that it needs, in the order of the plan.
        cost: nanoseconds a bar of all that it needs, shared nodes included; None where one was not measured.
        own: of those nodes that no other emitted feature needs, which leaving it out would save; None also
            where it is hidden, for others need it.
        hidden: whether it is made for others only.
    """

    feature: Feature
    node: int
    output: int
    nodes: tuple[int, ...]
    cost: float | None
    own: float | None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """A spec's plan.

    Attributes:
        nodes: by their places; columns of the bars that nothing reads are left out.
        features: in the order of the spec's columns.
        hidden: the hidden features that these need.
        cost: nanoseconds a bar of all nodes together; None where one was not measured.
        rest: nanoseconds a bar of taking the bars in and writing the matrix; None where nothing was measured.
    """

    nodes: dict[int, Node]
    features: tuple[FeatureCost, ...]
    hidden: tuple[FeatureCost, ...]
    cost: float | None
    rest: float | None

    def of(self, name: str) -> Explanation:
        """One feature, hidden or not, and the nodes that it needs; costs stay those of the whole spec's plan.

        Raises:
            UsageError: no feature that the spec emits, or needs for one, has that name.
        """
        by_name = {each.feature.name: each for each in (*self.features, *self.hidden)}
        if name not in by_name:
            raise UsageError(
                "feature",
                f"{name!r} is none that the spec emits or needs",
                hint=did_you_mean(name, by_name) or f"one of them is {next(iter(by_name))}",
            )
        only = by_name[name]
        nodes = {index: self.nodes[index] for index in only.nodes}
        hidden = tuple(each for each in self.hidden if each is not only and each.node in nodes)
        return replace(self, nodes=nodes, features=(only,), hidden=hidden, cost=only.cost)


def explain(spec: FeatureSpec, bars: Bars | None = None) -> Explanation:
    """Describe a spec's plan, and measure each of its nodes in a run of the whole plan.

    Args:
        spec: what to explain.
        bars: what to measure on; None: simulated ones, beyond the warm-up where that is possible.
    """
    bars = bars if bars is not None else _simulated(spec.warmup)
    with engine_errors("features"):
        costs, rest = load_extension().measure(
            spec.plan, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume
        )
    nodes = spec.plan.nodes
    needed = [_reached(nodes, place) for place, _ in spec.plan.emitted]
    users: dict[int, list[str]] = {}
    for name, places in zip(spec.names, needed, strict=True):
        for place in places:
            users.setdefault(place, []).append(name)
    features = []
    for feature, (place, output), places in zip(spec.features, spec.plan.emitted, needed, strict=True):
        own = [node for node in places if len(users[node]) == 1]
        features.append(
            FeatureCost(feature, place, output, places, _total(costs, places), _total(costs, own))
        )
    hidden = []
    places_of = {name: (place, output) for place in users for output, name in nodes[place]["names"]}
    for written in json.loads(spec.plan.canonical_json)["features"]:
        if written.pop("hidden", False) and written["name"] in places_of:
            place, output = places_of[written["name"]]
            needs = _reached(nodes, place)
            feature = _hidden(written, nodes[place])
            hidden.append(
                FeatureCost(feature, place, output, needs, _total(costs, needs), own=None, hidden=True)
            )
    described = {
        place: Node(
            index=place,
            kernel=nodes[place]["kernel"],
            is_column=nodes[place]["is_column"],
            names=tuple(name for _, name in nodes[place]["names"]),
            params=tuple(nodes[place]["params"]),
            inputs=tuple(nodes[place]["inputs"]),
            outputs=nodes[place]["outputs"],
            start=nodes[place]["start"],
            warmup=nodes[place]["valid"],
            settle=nodes[place]["settle"],
            reads_sessions=nodes[place]["reads_sessions"],
            history=nodes[place]["history"],
            features=tuple(users[place]),
            cost=_total(costs, [place]),
        )
        for place in sorted(users)
    }
    total = _total(costs, sorted(users))
    return Explanation(described, tuple(features), tuple(hidden), total, _total([rest], [0]))


def _simulated(warmup: int) -> Bars:
    return synthesize("QQQ", "1m", days=min(LONGEST, math.ceil((warmup + _MEASURED) / _MINUTES))).bars


def _hidden(written: dict[str, Any], node: Mapping[str, Any]) -> Feature:
    """A hidden feature, of which the engine tells what it wrote into the spec and what holds for its node."""
    known = {key: written.pop(key) for key in ("name", "op", "source")}
    return Feature(
        **known,
        op_version=written.pop("version"),
        params=written,
        warmup=node["valid"],
        settle=node["settle"],
    )


def _reached(nodes: Sequence[dict[str, Any]], place: int) -> tuple[int, ...]:
    """A node and all that it reads, directly or not, in the order of the plan."""
    reached, waiting = {place}, [place]
    while waiting:
        for read, _ in nodes[waiting.pop()]["inputs"]:
            if read not in reached:
                reached.add(read)
                waiting.append(read)
    return tuple(sorted(reached))


def _total(costs: Sequence[float], places: Sequence[int]) -> float | None:
    total = math.fsum(costs[place] for place in places)
    return None if math.isnan(total) else total
