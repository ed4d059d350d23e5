"""What a snapshot holds: all that later values depend on, nothing else, and only what an engine can have."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_runs import CATALOG, compute, extension, plan_of_op, restored, run, step
from hostile_bars import BARS, SESSION, Columns, at_the_limits, random_bars

HEADER, CHECKSUM = 64, 32  # bytes around the payload, docs/reference/snapshot.md
IMPOSSIBLE = r"not finite|neither 0 nor 1|out of its bounds"
SPECS = sorted((Path(__file__).parents[1] / "specs/features").glob("*.json"))
every_op = pytest.mark.parametrize("op", CATALOG.values(), ids=CATALOG)
every_spec = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)


def state_after(plan: Any, bars: Columns, rows: int) -> bytes:
    engine = extension.Engine(plan)
    compute(engine, plan, bars, slice(rows))
    return bytes(engine.state())


def word_count(state: bytes) -> int:
    return (len(state) - HEADER - CHECKSUM) // 8


def word_of(state: bytes, k: int) -> int:
    return int.from_bytes(state[HEADER + 8 * k :][:8], "little")


def with_word(state: bytes, k: int, word: int) -> bytes:
    """The state with another k-th word of its payload, and the checksum that fits."""
    place = HEADER + 8 * k
    content = state[:place] + word.to_bytes(8, "little") + state[place + 8 : -CHECKSUM]
    return content + hashlib.sha256(content).digest()


def other_words(word: int) -> list[int]:
    """Other values for a number, of either sign, near and far; for a truth value; for a count."""
    number = np.array(word, np.uint64).view(np.float64)
    with np.errstate(over="ignore"):
        others = [2 * number, number / 2, -number, number + 1, 1000 * number, number - 1000]
    return [*(int(np.float64(x).view(np.uint64)) for x in others), word ^ 1, word + 5]


def tells(plan: Any, state: bytes, k: int, bars: Columns, rows: slice, expected: bytes) -> bool:
    """Whether some other k-th word, where it is not refused, changes an output."""
    for word in other_words(word_of(state, k)):
        engine = extension.Engine(plan)
        try:
            engine.restore(with_word(state, k, word))
        except extension.EngineError:
            continue
        if compute(engine, plan, bars, rows).tobytes() != expected:
            return True
    return False


@every_op
def test_every_word_of_the_state_tells_in_a_later_output(op: dict) -> None:
    plan = plan_of_op(op)
    dead: set[int] | None = None
    # Within a session, before its last bar and before the next one's first; where much, or little, happens.
    # And at more rows for an op that says the same at most of them: the oldest bar decides few.
    first = max(plan.warmup + 1, SESSION)
    last_of_session = first + SESSION - first % SESSION
    kinds = [BARS[kind](last_of_session + 400) for kind in ("random", "gaps", "ticks", "slow_cycle", "thin")]
    rarely = range(last_of_session + 31, last_of_session + 150)
    for row in (first, last_of_session - 1, last_of_session, last_of_session + 30, *rarely):
        for bars in kinds:
            state = state_after(plan, bars, row)
            dead = set(range(word_count(state))) if dead is None else dead
            rows = slice(row, row + 250)
            expected = compute(restored(plan, state), plan, bars, rows).tobytes()
            dead = {k for k in dead if not tells(plan, state, k, bars, rows, expected)}
            if not dead:
                return
    pytest.fail(f"words {sorted(dead or ())} of {word_count(state)} change nothing that is emitted later")


@every_op
def test_no_word_of_the_state_may_be_without_a_finite_value(op: dict) -> None:
    plan, bars = plan_of_op(op), random_bars(300)
    state = state_after(plan, bars, 290)
    engine = extension.Engine(plan)
    for k in range(word_count(state)):
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(
                extension.EngineError, match=r"not finite|neither 0 nor 1|out of its bounds"
            ) as caught:
                engine.restore(with_word(state, k, int(np.float64(bad).view(np.uint64))))
            assert caught.value.args[1] == "bad state"
    assert engine.bars_seen == 0


@every_op
def test_the_state_after_hostile_bars_is_taken_back(op: dict) -> None:
    plan = plan_of_op(op)
    for kind, make in {**BARS, "at_the_limits": at_the_limits}.items():
        bars = make(300)
        for row in (1, 100, 299):
            state = state_after(plan, bars, row)
            engine = restored(plan, state)
            assert engine.state() == state, f"{kind}, row {row}"
            values = compute(engine, plan, bars, slice(row, 300))
            assert values.tobytes() == run(plan, bars)[row:].tobytes(), f"{kind}, row {row}"


def assert_the_state_tells_nothing_of_splits(plan: Any, bars: Columns) -> None:
    rows = len(bars["ts"])
    stream, streamed = extension.Engine(plan), []
    for row in range(rows):
        step(stream, plan, bars, row)
        streamed.append(stream.state())
    for seed in range(3):
        draws = np.random.default_rng(seed)
        cuts = [0, *sorted(draws.choice(np.arange(1, rows), size=12, replace=False).tolist()), rows]
        engine = extension.Engine(plan)
        for first, last in pairwise(cuts):
            compute(engine, plan, bars, slice(first, last))
            assert engine.state() == streamed[last - 1], f"split {first}:{last} of {cuts}"


@every_op
def test_equal_histories_have_equal_states_however_they_were_split(op: dict) -> None:
    for kind in ("random", "falls_asleep", "gaps"):
        assert_the_state_tells_nothing_of_splits(plan_of_op(op), BARS[kind](300))


@every_spec
def test_a_shipped_specs_state_tells_nothing_of_splits(path: Path) -> None:
    assert_the_state_tells_nothing_of_splits(extension.compile(path.read_text()), random_bars(620))
