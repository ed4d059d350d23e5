"""Sessions by the C interface and ctypes: they compute, record and count what Python's do."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk
from c_library import (
    BAD_ARGUMENT,
    CLASSES,
    FIVE_MINUTES,
    HIGH_LOW,
    OK,
    PREDICTED,
    SYSTEM,
    Bar,
    BundleInfo,
    Drift,
    Options,
    Outcome,
    bars_of,
    load,
    needs_library,
    new_session,
    open_library,
    sized,
)

from sentio import LiveBundle, Session, load_bundle
from sentio.replay import RecordedBar, read_record, replay

pytestmark = needs_library


@pytest.fixture(scope="module", params=["logit", "probability", "classes"])
def bundle(request, tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("c"), make_source(4, output=request.param))


@pytest.fixture(scope="module")
def library():
    return open_library()


def test_ctypes_computes_the_same(library, bundle):
    handle, session = load(library, bundle), ctypes.c_void_p()
    wrong, right = (sized(Options, interval_ns=ns) for ns in (FIVE_MINUTES // 5, FIVE_MINUTES))
    assert library.sentio_session_new(handle, ctypes.byref(wrong), ctypes.byref(session)) == BAD_ARGUMENT
    assert b"bars are of 1m, the bundle's are of 5m" in library.sentio_last_error()
    assert library.sentio_session_new(handle, ctypes.byref(right), ctypes.byref(session)) == OK
    library.sentio_bundle_free(handle)

    bars = walk()
    known = 50
    rows = bars_of(bars)
    history = (Bar * known)(*rows[:known])
    assert library.sentio_session_warm_up(session, history, ctypes.c_size_t(known)) == OK
    outcome = sized(Outcome)
    found = []
    for bar in rows[known:]:
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        if outcome.status == PREDICTED:
            found.append((outcome.bar_ts, outcome.values[: outcome.n_outputs]))
            if outcome.kind == CLASSES:
                shares = np.exp(np.array(found[-1][1]))
                np.testing.assert_allclose(outcome.probabilities[:3], shares / shares.sum(), rtol=1e-14)
    spoiled = Bar(rows[-1].ts + FIVE_MINUTES, 1.0, 0.5, 0.9, 0.9, 1.0)
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
    outcome = sized(Outcome)
    for bar in bars_of(walk(sessions=2, first=12, seed=4)):
        assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
        expected.on_bar(bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume)
    for feature in range(len(expected.drift.names)):
        drift = sized(Drift)
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
    outcome = sized(Outcome)
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


def test_ctypes_records_and_observes_as_python_does(library, bundle, tmp_path):
    record, expected_record = tmp_path / "c.record", tmp_path / "python.record"
    session = new_session(library, bundle, str(record).encode())
    expected = Session(LiveBundle(load_bundle(bundle)), interval="5m", record=expected_record)
    outcome, status = sized(Outcome), ctypes.c_int32()
    for number, bar in enumerate(bars_of(walk(sessions=3))):
        row = (bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume)
        if number % 7 == 5:
            assert library.sentio_session_observe(session, ctypes.byref(bar), ctypes.byref(status)) == OK
            assert (status.value == PREDICTED) == (expected.observe(*row) == "predicted")
        else:
            assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
            expected.on_bar(*row)
    assert library.sentio_session_recording_error(session) == OK
    library.sentio_session_free(session)
    assert record.read_bytes() == expected_record.read_bytes()
    found = replay(record, load_bundle(bundle))
    assert (found.bars, found.cut, found.difference) == (180, 0, "")
    records, _ = read_record(record)
    assert sum(isinstance(each, RecordedBar) and not each.asked for each in records) == 25


def test_ctypes_may_not_record_over_a_file(library, bundle, tmp_path):
    there = tmp_path / "there"
    there.write_text("precious")
    handle, session = load(library, bundle), ctypes.c_void_p()
    options = sized(Options, interval_ns=FIVE_MINUTES, record=str(there).encode())
    made = library.sentio_session_new(handle, ctypes.byref(options), ctypes.byref(session))
    assert made == BAD_ARGUMENT
    assert b"is there already" in library.sentio_last_error()
    assert session.value is None
    assert there.read_text() == "precious"
    library.sentio_bundle_free(handle)


def test_ctypes_is_told_that_recording_has_ended_and_predictions_go_on(library, bundle, tmp_path):
    record = tmp_path / "record"
    session = new_session(library, bundle, str(record).encode())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    outcome = sized(Outcome)
    resource.setrlimit(resource.RLIMIT_FSIZE, (record.stat().st_size + 7, hard))  # as a disk that is full
    try:
        for bar in bars_of(walk(sessions=1)):
            assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome.status == PREDICTED
    assert library.sentio_session_recording_error(session) == SYSTEM
    assert b"file too large" in library.sentio_last_error().lower()
    library.sentio_session_free(session)


def test_ctypes_is_given_the_bundle_that_a_session_is_on(library, bundle, tmp_path):
    other = make_bundle(
        tmp_path, make_source(4, output=load_bundle(bundle).manifest.output.kind), version="v2"
    )
    session, handle = new_session(library, bundle), load(library, other)
    assert library.sentio_session_swap(session, handle) == OK
    library.sentio_bundle_free(handle)
    on, info, outcome = ctypes.c_void_p(), sized(BundleInfo), sized(Outcome)
    assert library.sentio_session_bundle(session, ctypes.byref(on)) == OK
    bar = bars_of(walk())[0]
    assert library.sentio_session_on_bar(session, ctypes.byref(bar), ctypes.byref(outcome)) == OK
    library.sentio_session_free(session)
    assert library.sentio_bundle_get_info(on, ctypes.byref(info)) == OK
    expected = load_bundle(other)
    assert (info.version, info.bundle_id) == (b"v2", expected.id.encode())
    assert (outcome.model_id, outcome.version, outcome.bundle_id) == (b"TFA", b"v2", expected.id.encode())
    library.sentio_bundle_free(on)
