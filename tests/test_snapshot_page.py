"""Snapshots decoded by docs/reference/snapshot.md alone, from the plan that `explain` lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_runs import CATALOG, EARLY, compile_spec, compute, extension, feature, plan_of_op, run
from hostile_bars import Columns, random_bars
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/snapshot.md").read_text("utf-8")
WINDOWS = set(re.search(r"A window \(`(.+?)`\)", PAGE, re.DOTALL)[1].split())
ALONE = {"absolute_deviation", "word_entropy", "waiting"}
AVERAGES = {"decaying_average", "wilder"}
# Words of each kernel of the table.
WORDS = {
    **dict.fromkeys(("session_start", "crossing_age", "decaying_average", "wilder", "wilder_sum"), 1),
    **dict.fromkeys(("weighted_average", "sum_above_its_ema", "heikin_ashi_open", "smooth_period"), 1),
    **dict.fromkeys(("session_bars", "session_high", "session_low", "session_open", "session_seconds"), 1),
    **dict.fromkeys(("opening_high", "opening_low", "overnight_return", "following_average"), 1),
    **dict.fromkeys(("running_sum", "session_sum", "shares", "adaptive_average"), 2),
    **dict.fromkeys(("on_balance_volume", "supertrend"), 3),
    **dict.fromkeys(("negative_volume_index", "positive_volume_index", "parabolic_stop"), 4),
    "cycle": 26,
}


def calls(nodes: list[dict[str, Any]]) -> list[list[int]]:
    """The nodes of each call, by the page's four rules."""
    calls: list[list[int]] = []
    done = {n for n, node in enumerate(nodes) if node["is_column"]}

    def is_formula(n: int) -> bool:
        return nodes[n]["kernel"] not in WINDOWS | ALONE | WORDS.keys()

    def alike(a: int, b: int, *keys: str) -> bool:
        return all(nodes[a][key] == nodes[b][key] for key in ("kernel", *keys))

    def is_ready(n: int) -> bool:
        return {place for place, _ in nodes[n]["inputs"]} <= done

    for first, node in enumerate(nodes):
        if first in done:
            continue
        later = [n for n in range(first + 1, len(nodes)) if n not in done]
        call = [first]
        if is_formula(first):
            count = len(node["inputs"])
            call += [
                n
                for n in later
                if alike(first, n, "params") and len(nodes[n]["inputs"]) == count and is_ready(n)
            ]
        elif node["kernel"] in WINDOWS | AVERAGES:
            call += [n for n in later if alike(first, n, "inputs", "start")]
        if node["kernel"] in AVERAGES:
            for n in later:
                if n in call or is_formula(n):
                    continue
                if not (alike(first, n, "start") and is_ready(n)):
                    break
                call += [m for m in later if m >= n and m not in call and alike(n, m, "inputs", "start")]
        calls.append(call)
        done.update(call)
    return calls


def decoded(plan: Any, state: bytes) -> tuple[dict[tuple[int, int], NDArray], dict[int, NDArray]]:
    """The history of each node's output, and the words that each node remembers."""
    nodes, seen = plan.nodes, int.from_bytes(state[48:56], "little")
    words, place = np.frombuffer(state[64:-32], "<f8"), 0

    def take(count: int) -> NDArray:
        nonlocal place
        place += count
        assert place <= len(words)
        return words[place - count : place]

    history = {
        (n, k): take(max(0, min(node["history"], seen - node["valid"])))
        for n, node in enumerate(nodes)
        for k in range(node["outputs"])
    }
    remembered = {
        n: take(WORDS.get(nodes[n]["kernel"], 0))
        for call in calls(nodes)
        for n in call
        if nodes[n]["start"] < seen
    }
    assert place == len(words)
    return history, remembered


def average(x: NDArray, kernel: str, params: list[float]) -> float:
    """The last value of an average from its first value on, or of Wilder's from the running mean on."""
    value = x[0]
    for row, y in enumerate(x):
        value += (params[0] if kernel == "decaying_average" else 1 / min(row + 1, params[0])) * (y - value)
    return value


def series_of(bars: Columns) -> dict[str, NDArray]:
    """What averages are over, from the first row at which it is known."""
    move = np.diff(bars["close"])
    return {
        **bars,
        "rise": np.maximum(move, 0),
        "fall": np.maximum(-move, 0),
        "true_range": np.maximum(bars["high"][1:], bars["close"][:-1])
        - np.minimum(bars["low"][1:], bars["close"][:-1]),
    }


def state_after(plan: Any, bars: Columns, rows: int) -> bytes:
    engine = extension.Engine(plan)
    compute(engine, plan, bars, slice(rows))
    return bytes(engine.state())


@pytest.mark.parametrize("rows", [1, 40, 700])
@pytest.mark.parametrize("path", sorted((ROOT / "specs/features").glob("*.json")), ids=lambda path: path.stem)
def test_a_shipped_specs_snapshot_is_decoded_by_the_page(path: Path, rows: int) -> None:
    plan, bars = extension.compile(path.read_text("utf-8")), random_bars(rows)
    history, remembered = decoded(plan, state_after(plan, bars, rows))
    nodes, known, judged = plan.nodes, series_of(bars), set()
    for (n, _), values in history.items():
        kernel = nodes[n]["kernel"]
        if kernel in bars:
            assert values.tolist() == bars[kernel][len(bars[kernel]) - len(values) :].tolist()
    for n, words in remembered.items():
        node = nodes[n]
        source = nodes[node["inputs"][0][0]]["kernel"] if node["inputs"] else ""
        if node["kernel"] in AVERAGES and source in known:
            # Some hundred roundings of values of that size.
            expected = average(known[source], node["kernel"], node["params"])
            assert words == pytest.approx([expected], rel=1e-12, abs=1e-15), (node, n)
            judged.add((node["kernel"], source))
        session = slice((rows - 1) // 78 * 78, rows)
        if node["kernel"] == "session_high":
            assert words == [bars["high"][session].max()]
            judged.add("session_high")
    if rows > 1:
        averages = {("decaying_average", "close"), ("wilder", "rise"), ("wilder", "fall")}
        also = {("decaying_average", "volume"), ("wilder", "true_range"), "session_high"}
        assert judged == {"alpha158": set(), "classic": averages, "tfa": averages | also}[path.stem]


@pytest.mark.parametrize("op", CATALOG.values(), ids=CATALOG)
def test_every_ops_snapshot_has_the_words_that_the_page_tells(op: dict) -> None:
    plan = plan_of_op(op)
    decoded(plan, state_after(plan, random_bars(200), 200))


def test_averages_of_several_series_stand_as_the_pages_example_says() -> None:
    features = [
        feature("EMA", {"window": 5}, name="c5", source="close"),
        feature("EMA", {"window": 5}, name="h5", source="high"),
        feature("OBV", name="obv"),
        feature("EMA", {"window": 7}, name="c7", source="close"),
        feature("RMA", {"window": 6}, name="rma", source="close"),
        feature("EMA", {"window": 6}, name="l6", source="low"),
        feature("EMA", {"window": 7}, name="h7", source="high"),
    ]
    plan, bars = compile_spec(*features, **EARLY), random_bars(300)
    last = dict(zip((f["name"] for f in features), run(plan, bars)[-1].tolist(), strict=True))
    words = np.frombuffer(state_after(plan, bars, 300)[64:-32], "<f8").tolist()
    obv = [bars["close"][-1], last["obv"], 0.0]  # volumes are whole: the sum has lost nothing
    averages = [last[name] for name in ("c5", "c7", "h5", "h7")]
    assert words == [*averages, *obv, last["rma"], last["l6"]]
    assert decoded(plan, state_after(plan, bars, 300))[0]


def test_the_page_names_every_kernel_that_remembers() -> None:
    table = PAGE[PAGE.index("| kernel | fields |") :].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == WORDS.keys()
