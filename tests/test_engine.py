"""The engine's promises: the same bits however bars are split, honest snapshots, no silent conversions."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_runs import (
    CATALOG,
    EARLY,
    compile_spec,
    compute,
    extension,
    feature,
    plan_of_op,
    restored,
    run,
    step,
)
from hostile_bars import BARS, NAMES, Columns, random_bars, rounded
from hypothesis import given, settings
from hypothesis import strategies as st

from sentio.errors import BarsError

ROWS = 620  # more than two of the engine's blocks of 256
SPECS = sorted((Path(__file__).parents[1] / "specs/features").glob("*.json"))
every_op = pytest.mark.parametrize("op", CATALOG.values(), ids=CATALOG)


def plan_of_all(dtype: str = "float64") -> Any:
    """Every op by its defaults in one plan, where nodes are shared."""
    return compile_spec(
        *(feature(op, name=f"f_{op}", **required(op)) for op in CATALOG), dtype=dtype, **EARLY
    )


def required(op: str) -> dict[str, float]:
    return {p["name"]: p["min"] for p in CATALOG[op]["params"] if p["default"] is None}


def assert_same_however_it_is_run(plan: Any, bars: Columns) -> None:
    """Batch, stream, and a snapshot restored at every bar: equal values and equal state, to the bit."""
    rows = len(bars["ts"])
    batch, stream, resumed = extension.Engine(plan), extension.Engine(plan), extension.Engine(plan)
    values = compute(batch, plan, bars)
    for row in range(rows):
        assert step(stream, plan, bars, row).tobytes() == values[row].tobytes(), f"row {row}, streamed"
        assert step(resumed, plan, bars, row).tobytes() == values[row].tobytes(), f"row {row}, resumed"
        state = stream.state()
        assert resumed.state() == state, f"row {row}"
        resumed = restored(plan, state)
    assert batch.state() == stream.state()


@every_op
def test_batch_stream_and_snapshots_give_the_same_bits(op: dict) -> None:
    for kind in ("random", "falls_asleep", "gaps"):
        assert_same_however_it_is_run(plan_of_op(op), BARS[kind](300))


@pytest.mark.parametrize("kind", BARS)
def test_all_ops_together_give_the_same_bits(kind: str) -> None:
    assert_same_however_it_is_run(plan_of_all(), BARS[kind](ROWS))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_gives_the_same_bits(path: Path) -> None:
    assert_same_however_it_is_run(extension.compile(path.read_text()), random_bars(ROWS))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_later_bars_change_no_earlier_bit_of_a_shipped_spec(path: Path) -> None:
    plan, bars, other = extension.compile(path.read_text()), random_bars(ROWS), random_bars(ROWS, 50, 3.0)
    value = run(plan, bars)
    for cut in (1, 100, 256, 257, ROWS - 1):
        shorter = {name: bars[name][:cut].copy() for name in NAMES}
        changed = {name: np.concatenate([bars[name][:cut], other[name][cut:]]) for name in NAMES}
        longer = {name: np.concatenate([bars[name], other[name][cut:]]) for name in NAMES}
        longer["ts"][ROWS:] = bars["ts"][-1] + 1 + np.arange(ROWS - cut)
        assert run(plan, shorter).tobytes() == value[:cut].tobytes()
        assert run(plan, changed)[:cut].tobytes() == value[:cut].tobytes()
        assert run(plan, longer)[:ROWS].tobytes() == value.tobytes()


def test_all_ops_together_equal_each_alone() -> None:
    bars = random_bars(ROWS)
    together = run(plan_of_all(), bars)
    for k, op in enumerate(CATALOG):
        alone = run(compile_spec(feature(op, required(op)), **EARLY), bars)
        assert alone[:, 0].tobytes() == together[:, k].tobytes(), op


def test_the_first_and_the_latest_extreme_of_one_series_share_a_plan() -> None:
    bars = rounded(random_bars(300, step=1e-4), 0.01)
    features = [
        feature("ARGMAX", {"window": 20}, name="first", source="high"),
        feature("AROON_UP", {"window": 19}, name="latest"),
    ]
    together = run(compile_spec(*features, **EARLY), bars)
    for k, alone in enumerate(features):
        assert run(compile_spec(alone, **EARLY), bars)[:, 0].tobytes() == together[:, k].tobytes()
    ages = 19 - together[19:, 1] * 19 / 100
    assert (together[19:, 0] >= ages - 1e-9).all()
    assert (together[19:, 0] > ages + 0.5).any()


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.integers(0, ROWS), max_size=8), st.integers(0, ROWS))
def test_any_split_gives_the_same_bits(cuts: list[int], snapshot_at: int) -> None:
    plan, bars = plan_of_all(), random_bars(ROWS, seed=3)
    whole = extension.Engine(plan)
    values = compute(whole, plan, bars)
    engine, parts, edges = extension.Engine(plan), [], sorted({0, ROWS, snapshot_at, *cuts})
    for first, last in pairwise(edges):
        if first == snapshot_at:
            engine = restored(plan, engine.state())
        parts.append(compute(engine, plan, bars, slice(first, last)))
    assert np.concatenate(parts).tobytes() == values.tobytes()
    assert engine.state() == whole.state()


@pytest.mark.parametrize("window", [1, 127, 128, 129, 300])  # below and above 128, by one way and another
def test_windows_of_any_length_give_the_same_bits(window: int) -> None:
    features = [
        feature(
            name, required(name) | {"window": max(bound["min"], min(window, bound["max"]))}, name=f"f_{name}"
        )
        for name, op in CATALOG.items()
        for bound in op["params"]
        if bound["name"] == "window"
    ]
    assert_same_however_it_is_run(compile_spec(*features, **EARLY), random_bars(700))


@every_op
def test_float32_is_the_double_rounded_once(op: dict) -> None:
    for kind in ("random", "jump"):
        bars = BARS[kind](300)
        doubles = run(plan_of_op(op), bars)
        largest = np.finfo(np.float32).max  # what is larger becomes this, not infinite
        rounded = np.clip(doubles, -largest, largest).astype(np.float32)
        assert run(plan_of_op(op, "float32"), bars).tobytes() == rounded.tobytes()


def test_missing_values_have_one_bit_pattern() -> None:
    for dtype, pattern in (("float32", "0000c07f"), ("float64", "000000000000f87f")):
        values = run(plan_of_all(dtype), random_bars(20))
        assert {value.tobytes().hex() for value in values[np.isnan(values)]} == {pattern}


def test_rows_before_emit_from_index_hold_the_pad_value() -> None:
    policy = {"alignment_policy": {"emit_from_index": 40, "pad_value": 0.0}}
    values = run(compile_spec(feature("SMA", {"window": 5}), **policy), random_bars(100))
    assert (values[:40] == 0).all()
    assert np.isfinite(values[40:]).all()
    assert (values[40:] != 0).all()


def test_threads_on_engines_of_their_own_do_not_disturb_each_other() -> None:
    plan, bars = plan_of_all(), random_bars(5000)
    expected = run(plan, bars).tobytes()
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(run(plan, bars).tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_the_interpreter_runs_on_while_the_engine_computes() -> None:
    plan, bars = plan_of_all(), random_bars(150_000)
    calls, seen = 0, threading.Event()

    def work() -> None:
        nonlocal calls
        while calls < 50 and not seen.is_set():
            calls += 1
            run(plan, bars)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive() and not seen.is_set():
        call = calls
        for _ in range(5):
            time.sleep(0.001)
        # A call needs some 100 ms; were the lock held, this thread would wake once or twice in each. On a
        # busy machine it may wake late, but not in every call.
        if call == calls > 0:
            seen.set()
    thread.join()
    assert seen.is_set()


class TestSnapshots:
    """Bytes that are not a snapshot of this spec are refused, with the reason, and change nothing."""

    bars = random_bars(100)

    @cached_property
    def plan(self) -> Any:
        average, mean = (
            feature("EMA", {"window": 5}, name="average"),
            feature("SMA", {"window": 4}, name="mean"),
        )
        return compile_spec(average, mean, **EARLY)

    def state(self, rows: int = 60) -> bytes:
        engine = extension.Engine(self.plan)
        compute(engine, self.plan, self.bars, slice(rows))
        return engine.state()

    def refusal(self, state: bytes) -> str:
        engine = extension.Engine(self.plan)
        compute(engine, self.plan, self.bars, slice(70))
        before = engine.state()
        with pytest.raises(extension.EngineError) as caught:
            engine.restore(state)
        assert caught.value.args[1] == "bad state"
        assert engine.state() == before
        return caught.value.args[0]

    @staticmethod
    def sealed(content: bytes) -> bytes:
        return content + hashlib.sha256(content).digest()

    def test_the_bytes_are_those_of_the_reference_page(self) -> None:
        close, average = self.bars["close"], run(self.plan, self.bars)[59, 0]
        header = b"SENTIOST" + (2).to_bytes(8, "little") + bytes.fromhex(self.plan.hash)
        seen = np.array([60, self.bars["ts"][59]], "<i8").tobytes()
        # The mean of 4 looks back upon 3 closes; the average remembers itself.
        payload = np.array([*close[57:60], average], "<f8").tobytes()
        assert self.state() == self.sealed(header + seen + payload)

    def test_every_flipped_byte_is_refused(self) -> None:
        state = self.state()
        for place in range(len(state)):
            for bit in (0x01, 0x80):
                self.refusal(state[:place] + bytes([state[place] ^ bit]) + state[place + 1 :])

    def test_every_cut_is_refused(self) -> None:
        state = self.state()
        for size in range(len(state)):
            self.refusal(state[:size])
        assert "cut or damaged" in self.refusal(state[:-1])
        assert "ends too early" in self.refusal(state[:70])

    def test_bytes_that_follow_are_refused(self) -> None:
        assert "cut or damaged" in self.refusal(self.state() + b"\0")

    def test_something_else_is_refused(self) -> None:
        assert "do not begin with SENTIOST" in self.refusal(b"PK\3\4" + bytes(200))
        assert "not a snapshot" in self.refusal(b"")

    def test_another_specs_is_refused(self) -> None:
        other = compile_spec(
            feature("EMA", {"window": 5}, name="average"), feature("SMA", {"window": 5}, name="mean"), **EARLY
        )
        engine = extension.Engine(other)
        compute(engine, other, self.bars)
        assert "another spec" in self.refusal(engine.state())

    def test_a_newer_version_is_refused_by_its_number(self) -> None:
        state = self.state()
        version = extension.build_info()["snapshot_version"]
        newer = self.sealed(state[:8] + (version + 1).to_bytes(8, "little") + state[16:-32])
        assert f"format version {version + 1}, this engine reads {version}" in self.refusal(newer)

    def test_too_little_and_too_much_state_is_refused_though_its_checksum_fits(self) -> None:
        content = self.state()[:-32]
        assert "ends too early" in self.refusal(self.sealed(content[:-8]))
        assert "more than this spec's state" in self.refusal(self.sealed(content + bytes(8)))
        longer_run = content[:48] + (2**62).to_bytes(8, "little") + content[56:]
        shorter_run = content[:48] + (1).to_bytes(8, "little") + content[56:]
        assert "more than this spec's state" in self.refusal(self.sealed(shorter_run))
        for impossible in (-1, 2**62 + 1, 2**63 - 1):
            run_of = content[:48] + impossible.to_bytes(8, "little", signed=True) + content[56:]
            assert f"impossible number of bars, {impossible}" in self.refusal(self.sealed(run_of))
        extension.Engine(self.plan).restore(self.sealed(longer_run))  # as much history as 60 bars have

    def test_an_engine_without_bars_has_a_state_too(self) -> None:
        engine = restored(self.plan, extension.Engine(self.plan).state())
        assert compute(engine, self.plan, self.bars).tobytes() == run(self.plan, self.bars).tobytes()

    def test_reset_forgets_all_bars(self) -> None:
        engine = extension.Engine(self.plan)
        compute(engine, self.plan, self.bars)
        engine.reset()
        assert engine.bars_seen == 0
        assert engine.state() == extension.Engine(self.plan).state()


class TestMisuse:
    """What does not fit is refused before anything has changed."""

    @cached_property
    def plan(self) -> Any:
        return compile_spec(feature("EMA", {"window": 3}), **EARLY)

    def refusal(self, code: str = "bad argument", out: Any = None, **columns: Any) -> str:
        given = {**random_bars(10), **columns}
        engine = extension.Engine(self.plan)
        out = np.empty((10, 1)) if out is None else out
        with pytest.raises(extension.EngineError) as caught:
            engine.compute(*(given[name] for name in NAMES), out)
        assert caught.value.args[1] == code
        assert engine.bars_seen == 0
        return caught.value.args[0]

    @pytest.mark.parametrize("name", NAMES)
    def test_columns_of_another_dtype(self, name: str) -> None:
        wrong = np.int32 if name == "ts" else np.float32
        assert self.refusal(**{name: random_bars(10)[name].astype(wrong)}).startswith(f"{name} must be")

    @pytest.mark.parametrize("name", NAMES)
    def test_columns_of_another_length_or_shape(self, name: str) -> None:
        column = random_bars(11)[name]
        assert "differ in length" in self.refusal(**{name: column})
        assert self.refusal(**{name: column[:10].reshape(2, 5)}).startswith(f"{name} must be")
        assert self.refusal(**{name: np.repeat(column[:10], 2)[::2]}).startswith(f"{name} must be")

    def test_unaligned_columns_and_outputs(self) -> None:
        def unaligned(values: np.ndarray) -> np.ndarray:
            return np.frombuffer(bytearray(b"-" + values.tobytes()), values.dtype, offset=1)

        assert "aligned" in self.refusal(close=unaligned(random_bars(10)["close"]))
        assert "aligned" in self.refusal(out=unaligned(np.empty(10)).reshape(10, 1))

    @pytest.mark.parametrize(
        "out",
        [
            np.empty((10, 1), np.float32),
            np.empty((10, 1), np.int64),
            np.empty((10, 2)),
            np.empty((9, 1)),
            np.empty(10),
            np.empty((20, 1))[::2],
        ],
        ids=lambda out: f"{out.dtype}{out.shape}",
    )
    def test_outputs_that_do_not_fit(self, out: np.ndarray) -> None:
        self.refusal(out=out)

    def test_a_read_only_output(self) -> None:
        out = np.empty((10, 1))
        out.flags.writeable = False
        assert "writable" in self.refusal(out=out)

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("ts", 0, "not later than the bar before"),
            ("open", np.nan, "price is not a number within"),
            ("close", np.inf, "price is not a number within"),
            ("low", 0.0, "price is not a number within"),
            ("high", 1e13, "price is not a number within"),
            ("high", 1.0, "do not contain open and close"),
            ("low", 1e6, "do not contain open and close"),
            ("volume", -1.0, "volume is not a number within"),
            ("volume", np.nan, "volume is not a number within"),
            ("volume", 1e19, "volume is not a number within"),
        ],
    )
    def test_a_bad_bar_is_named_and_changes_nothing(self, name: str, value: float, reason: str) -> None:
        bars = random_bars(10)
        bars[name][7] = value
        out = np.full((10, 1), 42.0)
        message = self.refusal("bad bars", out=out, **bars)
        assert message.startswith("bar 7: ")
        assert reason in message
        assert (out == 42).all()

        engine = extension.Engine(self.plan)
        compute(engine, self.plan, bars, slice(7))
        before = engine.state()
        with pytest.raises(BarsError, match=reason):
            step(engine, self.plan, bars, 7)
        assert engine.state() == before

    def test_an_older_bar_after_a_block_is_refused(self) -> None:
        engine, bars = extension.Engine(self.plan), random_bars(10)
        compute(engine, self.plan, bars)
        with pytest.raises(extension.EngineError, match="not later"):
            compute(engine, self.plan, bars, slice(9, 10))

    def test_no_bars_are_no_mistake(self) -> None:
        engine = extension.Engine(self.plan)
        assert compute(engine, self.plan, random_bars(10), slice(0)).shape == (0, 1)
        assert engine.bars_seen == 0


def test_the_predecessors_call_takes_times_in_any_unit() -> None:
    bars = random_bars(200)
    spec = {"schema_version": "1.0", "features": [feature("EMA", {"window": 5})]}
    expected = run(extension.compile(json.dumps(spec)), bars)
    for unit in (1, 10**3, 10**6, 10**9):
        columns = [bars[name] for name in NAMES[1:]]
        values = extension.build_features_from_spec("QQQ", bars["ts"] // unit, *columns, json.dumps(spec))
        assert values.dtype == np.float32
        assert values.tobytes() == expected.tobytes()


def test_the_predecessors_call_takes_lists_and_whole_numbers() -> None:
    bars = random_bars(50)
    bars["volume"] = np.floor(bars["volume"])
    spec = json.dumps({"schema_version": "1.0", "features": [feature("SMA", {"window": 5}, source="volume")]})
    expected = run(extension.compile(spec), bars)
    lists = [bars[name].tolist() for name in NAMES]
    assert extension.build_features_from_spec("QQQ", *lists, spec).tobytes() == expected.tobytes()
    whole = [*(bars[name] for name in NAMES[:-1]), bars["volume"].astype(np.int64)]
    assert extension.build_features_from_spec("QQQ", *whole, spec).tobytes() == expected.tobytes()
    for place, values in ((0, bars["ts"] / 2), (1, ["a"] * 50), (5, bars["volume"] + 1j)):
        wrong = [*lists[:place], values, *lists[place + 1 :]]
        with pytest.raises(extension.EngineError, match=f"^{NAMES[place]} must be"):
            extension.build_features_from_spec("QQQ", *wrong, spec)


def test_an_engine_error_reads_as_its_message_and_problems() -> None:
    with pytest.raises(extension.EngineError) as caught:
        extension.compile('{"schema_version": "1.0", "features": [{"name": "a", "op": "EMA", "window": 1}]}')
    first, second = str(caught.value).splitlines()
    assert first == "the spec does not compile, 1 problem"
    assert second == "  features[0].window: 1 is outside [2, 100000]"
