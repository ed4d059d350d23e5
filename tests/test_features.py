"""The engine from Python: the same bits by any way to them, and every wrong call refused without a trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentio import extension
from sentio.bars import Bars, synthesize
from sentio.errors import BarsError, CorruptStore, UsageError
from sentio.extension import load_extension
from sentio.features import FeatureEngine, compute_many
from sentio.specs import FeatureSpec

ROWS = 1000
DOCUMENT = {
    "schema_version": "1.0",
    "features": [
        {"name": "ema", "op": "EMA", "window": 9},
        {"name": "rsi", "op": "RSI", "source": "ema", "window": 14},
        {"name": "ret", "op": "LOGRET", "window": 3},
        {"name": "flow", "op": "OBV"},
    ],
    "alignment_policy": {"emit_from_index": "auto", "pad_value": -1.0},
}
SPEC = FeatureSpec.from_document(DOCUMENT)
SPEC_64 = FeatureSpec.from_document({**DOCUMENT, "dtype": "float64"})


@pytest.fixture(scope="module")
def bars() -> Bars:
    return synthesize("QQQ", "1m", days=3, seed=1).bars[:ROWS]


@pytest.fixture(scope="module")
def expected(bars: Bars) -> np.ndarray:
    return FeatureEngine(SPEC).compute(bars)


def bits(matrix: np.ndarray) -> np.ndarray:
    return matrix.view(np.uint32 if matrix.dtype == np.float32 else np.uint64)


def assert_same_bits(one: np.ndarray, other: np.ndarray) -> None:
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(bits(one), bits(other))


def one_by_one(engine: FeatureEngine, bars: Bars) -> np.ndarray:
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return np.stack([engine.step(*(column[row].item() for column in columns)) for row in range(len(bars))])


def test_values_are_those_of_the_definitions(bars: Bars) -> None:
    matrix = FeatureEngine(SPEC_64).compute(bars)
    assert matrix.shape == (ROWS, 4)
    first = SPEC.first_valid_row
    assert (matrix[:first] == -1.0).all()
    ema = np.empty(ROWS)
    ema[0] = bars.close[0]
    for row in range(1, ROWS):
        ema[row] = ema[row - 1] + (bars.close[row] - ema[row - 1]) * 0.2
    log_return = np.log(bars.close[3:] / bars.close[:-3])
    # Rounding alone: the same double arithmetic in another order.
    np.testing.assert_allclose(matrix[first:, 0], ema[first:], rtol=1e-13)
    np.testing.assert_allclose(matrix[first:, 2], log_return[first - 3 :], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("spec", [SPEC, SPEC_64], ids=["float32", "float64"])
def test_batch_stream_and_any_split_give_the_same_bits(spec: FeatureSpec, bars: Bars) -> None:
    batch = FeatureEngine(spec).compute(bars)
    assert batch.dtype == spec.dtype
    assert_same_bits(one_by_one(FeatureEngine(spec), bars), batch)
    for cuts in ([1], [17, 18, 300], [256, 512], list(range(7, ROWS, 7))):
        engine = FeatureEngine(spec)
        edges = [0, *cuts, ROWS]
        parts = [engine.compute(bars[a:b]) for a, b in pairwise(edges)]
        assert_same_bits(np.concatenate(parts), batch)
        assert engine.bars_seen == ROWS


@pytest.mark.parametrize("row", [0, 1, 22, 23, 255, 256, 257, 500, ROWS])
def test_a_restored_engine_goes_on_to_the_bit(row: int, bars: Bars, expected: np.ndarray) -> None:
    before = FeatureEngine(SPEC)
    before.compute(bars[:row])
    after = FeatureEngine(SPEC)
    after.compute(bars[:100])  # whatever it has seen is forgotten
    after.restore(before.state())
    assert after.bars_seen == row
    assert after.last_ts == (bars.ts[row - 1] if row else None)
    assert_same_bits(after.compute(bars[row:]), expected[row:])
    assert after.state() == one_state(bars)


def one_state(bars: Bars) -> bytes:
    engine = FeatureEngine(SPEC)
    engine.compute(bars)
    return engine.state()


def test_reset_forgets_all_bars(bars: Bars, expected: np.ndarray) -> None:
    engine = FeatureEngine(SPEC)
    engine.compute(bars)
    engine.reset()
    assert engine.bars_seen == 0
    assert_same_bits(engine.compute(bars), expected)


def test_features_are_written_into_the_callers_map(tmp_path: Path, bars: Bars, expected: np.ndarray) -> None:
    out = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, expected.shape)
    assert FeatureEngine(SPEC).compute(bars, out) is out
    out.flush()
    assert_same_bits(np.load(tmp_path / "x.npy", allow_pickle=False), expected)


def test_no_bars_give_no_rows(bars: Bars) -> None:
    assert FeatureEngine(SPEC).compute(bars[:0]).shape == (0, 4)


def read_only(rows: int) -> np.ndarray:
    out = np.empty((rows, 4), np.float32)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("out", "found"),
    [
        (np.empty((ROWS, 3), np.float32), "shape"),
        (np.empty((ROWS, 5), np.float32), "shape"),
        (np.empty((ROWS - 1, 4), np.float32), "values"),
        (np.empty((ROWS + 1, 4), np.float32), "values"),
        (np.empty(ROWS * 4, np.float32), "shape"),
        (np.empty((ROWS, 4), np.float64), "dtype"),
        (np.empty((ROWS, 4), np.int32), "dtype"),
        (np.empty((4, ROWS), np.float32).T, "C-contiguous"),
        (np.empty((ROWS, 8), np.float32)[:, ::2], "C-contiguous"),
        (read_only(ROWS), "writable"),
    ],
    ids=lambda value: f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else value,
)
def test_an_output_of_another_kind_is_refused(
    out: np.ndarray, found: str, bars: Bars, expected: np.ndarray
) -> None:
    engine = FeatureEngine(SPEC)
    with pytest.raises(UsageError, match=found):
        engine.compute(bars, out)
    assert engine.bars_seen == 0
    assert_same_bits(engine.compute(bars), expected)


def test_what_is_no_bars_is_refused_with_the_way_to_them(bars: Bars) -> None:
    with pytest.raises(
        UsageError, match=r"bars: are a DataFrame, not sentio\.Bars\n  hint: sentio\.read_bars"
    ):
        FeatureEngine(SPEC).compute(pd.DataFrame({"ts": bars.ts, "close": bars.close}))


def test_bars_that_are_not_later_are_refused_and_change_nothing(bars: Bars, expected: np.ndarray) -> None:
    engine = FeatureEngine(SPEC)
    engine.compute(bars[:500])
    state = engine.state()
    out = np.full((10, 4), 7, np.float32)
    with pytest.raises(BarsError, match="bar 0"):
        engine.compute(bars[499:509], out)
    assert (out == 7).all()
    last = bars[499:500]
    fields = [float(column[0]) for column in (last.open, last.high, last.low, last.close, last.volume)]
    with pytest.raises(BarsError, match=f"bar {last.ts[0]}"):
        engine.step(int(last.ts[0]), *fields)
    for broken in ([np.nan, *fields[1:]], [*fields[:1], fields[2] / 2, *fields[2:]], [*fields[:4], -1.0]):
        with pytest.raises(BarsError):
            engine.step(int(last.ts[0]) + 10**9, *broken)
    assert engine.state() == state
    assert_same_bits(engine.compute(bars[500:]), expected[500:])


def test_a_step_writes_into_the_callers_row(bars: Bars, expected: np.ndarray) -> None:
    engine = FeatureEngine(SPEC)
    rows = np.empty(4, np.float32), np.empty(4, np.float32)
    for at in range(50):
        bar = [getattr(bars, name)[at].item() for name in ("ts", "open", "high", "low", "close", "volume")]
        row = rows[at % 3 % 2]  # the same again, and another
        assert engine.step(*bar, out=row) is row
        assert_same_bits(row, expected[at])


def test_each_step_returns_a_row_of_its_own(bars: Bars, expected: np.ndarray) -> None:
    rows = []
    engine = FeatureEngine(SPEC)
    for at in range(50):
        bar = [getattr(bars, name)[at].item() for name in ("ts", "open", "high", "low", "close", "volume")]
        rows.append(engine.step(*bar))
    assert_same_bits(np.stack(rows), expected[:50])


def test_a_stepper_steps_the_engine_into_its_row(bars: Bars, expected: np.ndarray) -> None:
    engine = FeatureEngine(SPEC)
    row = np.empty(4, np.float32)
    step = engine.stepper(row)
    columns = [bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume]
    for at in range(0, 600, 3):  # a stepper's bar, a step's, and a block of one, in turn
        assert step(*(column[at].item() for column in columns)) is row
        assert_same_bits(row, expected[at])
        assert_same_bits(engine.step(*(column[at + 1].item() for column in columns)), expected[at + 1])
        assert_same_bits(engine.compute(bars[at + 2 : at + 3])[0], expected[at + 2])
    engine.restore(engine.state())
    assert_same_bits(step(*(column[600] for column in columns)), expected[600])  # NumPy's scalars will do


def test_a_stepper_keeps_its_engine_and_its_row(bars: Bars, expected: np.ndarray) -> None:
    step = FeatureEngine(SPEC).stepper(np.empty(4, np.float32))
    columns = [bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume]
    rows = [step(*(column[at].item() for column in columns)).copy() for at in range(100)]
    assert_same_bits(np.stack(rows), expected[:100])


def test_a_stepper_writes_float64_where_the_spec_says_so(bars: Bars) -> None:
    spec = FeatureSpec.from_document({**DOCUMENT, "dtype": "float64"})
    expected = FeatureEngine(spec).compute(bars)
    step = FeatureEngine(spec).stepper(np.empty(4))
    columns = [bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume]
    rows = [step(*(column[at].item() for column in columns)).copy() for at in range(len(bars))]
    assert np.stack(rows).tobytes() == expected.tobytes()


def test_a_stepper_refuses_a_bar_and_changes_nothing(bars: Bars) -> None:
    engine = FeatureEngine(SPEC)
    engine.compute(bars[:500])
    state = engine.state()
    row = np.full(4, 7, np.float32)
    step = engine.stepper(row)
    last = int(bars.ts[499])
    with pytest.raises(BarsError, match=f"bar {last}: .*not later"):
        step(last, 1.0, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(BarsError, match="price"):
        step(last + 1, 1.0, 1.0, np.nan, 1.0, 1.0)
    for words in ((), (last + 1, 1.0, 1.0, 1.0, 1.0), (last + 1, 1.0, 1.0, 1.0, 1.0, 1.0, row)):
        with pytest.raises(TypeError, match="ts, open, high, low, close and volume"):
            step(*words)
    for words in ((float(last + 1), 1.0), (str(last + 1), 1.0), (last + 1, "1.0"), (last + 1, None)):
        with pytest.raises(TypeError):
            step(*words, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(OverflowError):
        step(1 << 64, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert engine.state() == state
    assert (row == 7).all()


@pytest.mark.parametrize(
    "out",
    [
        np.empty(3, np.float32),
        np.empty(5, np.float32),
        np.empty(4, np.float64),
        np.empty((1, 4), np.float32),
        np.empty(8, np.float32)[::2],
        read_only(1)[0],
    ],
    ids=["short", "long", "float64", "matrix", "strided", "read-only"],
)
def test_a_step_refuses_a_row_of_another_kind(out: np.ndarray, bars: Bars) -> None:
    engine = FeatureEngine(SPEC)
    with pytest.raises(UsageError):
        engine.step(int(bars.ts[0]), 1.0, 1.0, 1.0, 1.0, 1.0, out=out)
    with pytest.raises(UsageError):
        engine.stepper(out)
    assert engine.bars_seen == 0


# compute_many


@pytest.fixture(scope="module")
def symbols() -> dict[str, Bars]:
    lengths = [700, 1, 0, 300, 1100, 22, 257]
    return {f"S{i}": synthesize(f"S{i}", "1m", days=3, seed=i).bars[:rows] for i, rows in enumerate(lengths)}


@pytest.mark.parametrize("spec", [SPEC, SPEC_64], ids=["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2, np.int64(5), 2**70, None])
def test_the_bits_of_many_symbols_do_not_depend_on_the_threads(
    spec: FeatureSpec, threads: int | None, symbols: dict[str, Bars]
) -> None:
    told: list[str] = []
    found = compute_many(spec, symbols, threads=threads, progress=told.append)
    assert list(found) == list(symbols)
    assert sorted(told) == sorted(symbols)
    for symbol, bars in symbols.items():
        assert_same_bits(found[symbol], FeatureEngine(spec).compute(bars))


def test_many_symbols_are_written_into_the_callers_arrays(symbols: dict[str, Bars]) -> None:
    out = {symbol: np.empty((len(bars), 4), np.float32) for symbol, bars in symbols.items()}
    found = compute_many(SPEC, symbols, out=out)
    assert all(found[symbol] is out[symbol] for symbol in symbols)
    with pytest.raises(UsageError, match="no matrix for S6"):
        compute_many(SPEC, symbols, out={symbol: out[symbol] for symbol in list(out)[:6]})


@pytest.mark.parametrize("threads", [0, -1, 1.5, np.float64(2.0), True, "2"])
def test_many_symbols_refuse_what_is_no_number_of_threads(threads: Any, symbols: dict[str, Bars]) -> None:
    with pytest.raises(UsageError) as caught:
        compute_many(SPEC, symbols, threads=threads)
    assert str(caught.value) == f"threads: is {threads!r}; a whole number of at least 1 is needed"


@pytest.mark.parametrize(
    "views",
    [lambda m: (m[:300], m[:300]), lambda m: (m[:300], m[299:599]), lambda m: (m[100:400], m[:300])],
    ids=["one matrix", "its last row", "from before"],
)
def test_one_matrix_for_two_symbols_is_refused_by_their_names(
    views: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], symbols: dict[str, Bars]
) -> None:
    three = dict.fromkeys(("A", "B", "C"), symbols["S3"])
    matrix, apart = np.full((600, 4), 7, np.float32), np.empty((300, 4), np.float32)
    first, second = views(matrix)
    with pytest.raises(UsageError, match=r"^features: out of [AC] and of [AC] overlap; [^\n]*$"):
        compute_many(SPEC, three, out={"A": first, "B": apart, "C": second})
    assert (matrix == 7).all()
    beside = compute_many(SPEC, three, out={"A": matrix[300:], "B": apart, "C": matrix[:300]})
    for found in beside.values():
        assert_same_bits(found, FeatureEngine(SPEC).compute(symbols["S3"]))


def test_every_run_that_fails_is_named_and_the_others_are_done(symbols: dict[str, Bars]) -> None:
    out = {symbol: np.full((len(bars), 4), 7, np.float32) for symbol, bars in symbols.items()}
    out["S1"] = np.full((9, 4), 7, np.float32)
    out["S4"] = np.full((1100, 4), 7, np.float64)
    with pytest.raises(UsageError, match="2 of 7 symbols failed") as failed:
        compute_many(SPEC, symbols, threads=2, out=out)
    assert [problem.partition(":")[0] for problem in failed.value.problems] == ["S1", "S4"]
    for symbol, bars in symbols.items():
        if symbol in ("S1", "S4"):
            assert (out[symbol] == 7).all()
        else:
            assert_same_bits(out[symbol], FeatureEngine(SPEC).compute(bars))


def test_what_progress_raises_ends_the_work(symbols: dict[str, Bars]) -> None:
    def stop(symbol: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_many(SPEC, symbols, threads=2, progress=stop)


def test_a_state_that_is_not_of_this_spec_is_refused_and_changes_nothing(bars: Bars) -> None:
    other = FeatureEngine(SPEC_64)
    other.compute(bars[:100])
    engine = FeatureEngine(SPEC)
    engine.compute(bars[:50])
    state = engine.state()
    bad = [other.state(), b"", b"SENTIOST", state[:-1], state + b"\0", bytes([state[0] ^ 1]) + state[1:]]
    bad += [state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :] for at in range(0, len(state), 37)]
    for damaged in bad:
        with pytest.raises(CorruptStore):
            engine.restore(damaged)
    assert engine.state() == state


def test_every_code_of_the_engines_errors_has_a_class() -> None:
    source = Path(__file__).resolve().parents[1] / "sentio_native" / "src" / "error.cpp"
    words = re.findall(r'case ErrorCode::\w+:\s*return "([^"]+)"', source.read_text())
    assert len(words) >= 8
    assert set(extension._CLASSES) == set(words)


# build_features_from_spec, as programs written for the predecessor call it


def from_spec(bars: Bars, ts: np.ndarray, spec: FeatureSpec = SPEC) -> np.ndarray:
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return load_extension().build_features_from_spec("QQQ", ts, *columns, spec.json)


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9], ids=["ns", "us", "ms", "s"])
def test_the_predecessors_call_gives_the_same_bits_in_every_unit(
    unit: int, bars: Bars, expected: np.ndarray
) -> None:
    features = from_spec(bars, bars.ts // unit)
    assert features.dtype == np.float32
    assert_same_bits(features, expected)


def test_the_predecessors_call_refuses_mixed_units_and_unequal_columns(bars: Bars) -> None:
    error = load_extension().EngineError
    mixed = bars.ts // 10**9
    mixed[0] = bars.ts[0]
    with pytest.raises(error, match="mixes units"):
        from_spec(bars, mixed)
    with pytest.raises(error, match="differ in length"):
        from_spec(bars, bars.ts[:-1])
    with pytest.raises(error, match="whole numbers"):
        from_spec(bars, bars.ts.astype(np.float64))
    with pytest.raises(error, match="float64"):
        from_spec(bars, bars.ts, SPEC_64)
