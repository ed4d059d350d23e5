"""The C interface: C and ctypes compute what Python does, and the ABI is the one that is written down."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk

from sentio import LiveBundle, Session, load_bundle

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LIBRARY = BUILD / "libsentio.so"
HEADER = ROOT / "sentio_native/include/sentio/sentio.h"
ABI = ROOT / "sentio_native/tests/c_abi.txt"
pytestmark = pytest.mark.skipif(
    not LIBRARY.exists(), reason="needs build/libsentio.so, which `make runtime` builds"
)

OK, BAD_ARGUMENT = 0, 1
PREDICTED, HIGH_LOW = 0, 20
CLASSES = 3
MOST_OUTPUTS = 16


class Options(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("interval_ns", ctypes.c_int64),
    )


class Bar(ctypes.Structure):
    _fields_ = (
        ("ts", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("open", "high", "low", "close", "volume")),
    )


class Outcome(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("status", ctypes.c_int32),
        ("value", ctypes.c_double),
        ("probability", ctypes.c_double),
        ("kind", ctypes.c_int32),
        ("n_outputs", ctypes.c_uint32),
        ("horizon", ctypes.c_int64),
        ("bar_ts", ctypes.c_int64),
        ("values", ctypes.c_double * MOST_OUTPUTS),
        ("probabilities", ctypes.c_double * MOST_OUTPUTS),
    )


class Drift(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("rows", ctypes.c_int64),
        ("below_min", ctypes.c_int64),
        ("above_max", ctypes.c_int64),
        ("bins", ctypes.c_int64 * 10),
        ("out_of_range", ctypes.c_double),
        ("psi", ctypes.c_double),
    )


@pytest.fixture(scope="module", params=["logit", "probability", "classes"])
def bundle(request, tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("c"), make_source(4, output=request.param))


def bars_of(bars) -> list[Bar]:
    return [Bar(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


def exported() -> list[str]:
    done = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True)
    return sorted(line.split()[2] for line in done.stdout.splitlines() if line.split()[1] != "A")


def test_the_abi_is_the_one_that_is_written_down():
    layout = subprocess.run([BUILD / "tests/c_layout"], capture_output=True, text=True, check=True)
    found = "".join(f"{symbol}\n" for symbol in exported()) + layout.stdout
    assert found == ABI.read_text(), f"the C interface has changed: raise SENTIO_ABI_VERSION, or add to {ABI}"


def test_the_library_shows_what_the_header_declares_and_nothing_else():
    declared = re.findall(r"SENTIO_C_API [^;(]*?(sentio_\w+)\(", HEADER.read_text())
    assert sorted(f"{name}@@SENTIO_1" for name in declared) == exported()
    layout = ABI.read_text()
    fields = re.findall(r"typedef struct (\w+) \{(.*?)\}", HEADER.read_text(), re.DOTALL)
    assert len(fields) == 6
    for struct, body in fields:
        for line in re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL).split(";")[:-1]:
            for field in line.strip().split(","):
                name = re.findall(r"\w+", field.split("[")[0])[-1]
                assert f"{struct}.{name} offset" in layout


def test_a_host_in_c_computes_the_same(bundle):
    bars = walk()
    lines = "".join(
        f"{bar.ts} " + " ".join(repr(getattr(bar, name)) for name, _ in Bar._fields_[1:]) + "\n"
        for bar in bars_of(bars)
    )
    done = subprocess.run(
        [BUILD / "tests/c_host", bundle], input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    expected = load_bundle(bundle).predict(bars)
    assert [int(words[0]) for words in said] == expected.ts.tolist()
    values = np.array([[float(value) for value in words[1:]] for words in said], np.float32)
    assert values.tobytes() == expected.values.tobytes()


@pytest.fixture(scope="module")
def library():
    library = ctypes.CDLL(str(LIBRARY))
    library.sentio_last_error.restype = ctypes.c_char_p
    return library


def new_session(library, folder) -> ctypes.c_void_p:
    """A session of five-minute bars; its bundle lives as long as it does."""
    handle, session = ctypes.c_void_p(), ctypes.c_void_p()
    options = Options(ctypes.sizeof(Options), 0, 300 * 10**9)
    assert library.sentio_bundle_load(str(folder).encode(), ctypes.byref(handle)) == OK
    assert library.sentio_session_new(handle, ctypes.byref(options), ctypes.byref(session)) == OK
    library.sentio_bundle_free(handle)
    return session


def test_ctypes_computes_the_same(library, bundle):
    handle, session = ctypes.c_void_p(), ctypes.c_void_p()
    assert library.sentio_bundle_load(str(bundle).encode(), ctypes.byref(handle)) == OK
    wrong, right = (Options(ctypes.sizeof(Options), 0, ns) for ns in (60 * 10**9, 300 * 10**9))
    assert library.sentio_session_new(handle, ctypes.byref(wrong), ctypes.byref(session)) == BAD_ARGUMENT
    assert b"300000000000 ns (5m)" in library.sentio_last_error()
    assert library.sentio_session_new(handle, ctypes.byref(right), ctypes.byref(session)) == OK
    library.sentio_bundle_free(handle)

    bars = walk()
    known = 50
    rows = bars_of(bars)
    history = (Bar * known)(*rows[:known])
    assert library.sentio_session_warm_up(session, history, ctypes.c_size_t(known)) == OK
    outcome = Outcome(struct_size=ctypes.sizeof(Outcome))
    found = []
    for bar in rows[known:]:
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        if outcome.status == PREDICTED:
            found.append((outcome.bar_ts, outcome.values[: outcome.n_outputs]))
            if outcome.kind == CLASSES:
                shares = np.exp(np.array(found[-1][1]))
                np.testing.assert_allclose(outcome.probabilities[:3], shares / shares.sum(), rtol=1e-14)
    spoiled = Bar(rows[-1].ts + 300 * 10**9, 1.0, 0.5, 0.9, 0.9, 1.0)
    assert library.sentio_session_on_bar(session, ctypes.byref(spoiled), ctypes.byref(outcome)) == OK
    assert outcome.status == HIGH_LOW
    assert np.isnan(outcome.value)
    library.sentio_session_free(session)

    expected = load_bundle(bundle).predict(bars)
    later = expected.ts >= bars.ts[known]
    assert [ts for ts, _ in found] == expected.ts[later].tolist()
    assert np.array([values for _, values in found], np.float32).tobytes() == expected.values[later].tobytes()


def test_ctypes_tells_the_drift_of_each_feature(library, bundle):
    live = LiveBundle(load_bundle(bundle))
    expected = Session(live, interval="5m")
    session = new_session(library, bundle)
    outcome = Outcome(struct_size=ctypes.sizeof(Outcome))
    for bar in bars_of(walk(sessions=2, first=12, seed=4)):
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        expected.on_bar(bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume)
    for feature in range(len(expected.drift.names)):
        drift = Drift(struct_size=ctypes.sizeof(Drift))
        found = library.sentio_session_get_drift(session, ctypes.c_int64(feature), ctypes.byref(drift))
        assert found == OK
        assert drift.rows == expected.drift.rows > 100
        assert list(drift.bins) == expected.drift.bins[feature].tolist()
        assert (drift.below_min, drift.above_max) == (
            expected.drift.below_min[feature],
            expected.drift.above_max[feature],
        )
        assert (drift.out_of_range, drift.psi) == (
            expected.drift.out_of_range[feature],
            expected.drift.psi[feature],
        )
    assert library.sentio_session_reset_drift(session) == OK
    assert library.sentio_session_get_drift(session, ctypes.c_int64(0), ctypes.byref(drift)) == OK
    assert drift.rows == 0
    library.sentio_session_free(session)


def test_ctypes_swaps_to_a_warmed_session_of_another_input(library, bundle, tmp_path):
    other = make_bundle(tmp_path, make_source(2), version="v2")
    bars = walk(sessions=3)
    rows = bars_of(bars)
    known = 100
    history = (Bar * known)(*rows[:known])
    session, warmed = new_session(library, bundle), new_session(library, other)
    for each, count in ((session, known), (warmed, known - 1)):
        assert library.sentio_session_warm_up(each, history, ctypes.c_size_t(count)) == OK
    assert library.sentio_session_swap_warmed(session, ctypes.byref(warmed)) == BAD_ARGUMENT
    assert b"the other session's last bar is another" in library.sentio_last_error()
    last = ctypes.byref(rows[known - 1])
    outcome = Outcome(struct_size=ctypes.sizeof(Outcome))
    assert library.sentio_session_on_bar(warmed, last, ctypes.byref(outcome)) == OK
    assert library.sentio_session_swap_warmed(session, ctypes.byref(warmed)) == OK
    assert warmed.value is None
    found = []
    for bar in rows[known:]:
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        assert outcome.status == PREDICTED
        found.append(outcome.value)
    library.sentio_session_free(session)
    expected = load_bundle(other).predict(bars)
    assert np.array(found, np.float32).tobytes() == expected.value[expected.ts >= bars.ts[known]].tobytes()
