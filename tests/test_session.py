"""`sentio.Session` is the C++ runtime's session: it says what `Bundle.predict` says, bar by bar."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import sentio_features
from bundles import METRICS, MINUTE, make_bundle, make_source, walk

from sentio import LiveBundle, Session, load_bundle
from sentio.bars import Bars
from sentio.bundle import Bundle
from sentio.errors import BarsError, CorruptStore, ResourceError, UsageError
from sentio.prediction import Status


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return load_bundle(make_bundle(tmp_path_factory.mktemp("live"), make_source(4)))


@pytest.fixture(scope="module")
def live(bundle) -> LiveBundle:
    return LiveBundle(bundle)


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


def test_every_bar_gives_the_bits_of_predict(bundle, live):
    bars = walk()
    session = Session(live, interval="5m")
    outcomes = [session.on_bar(*row) for row in rows_of(bars)]
    said = [outcome.prediction for outcome in outcomes if outcome.prediction]
    expected = bundle.predict(bars)
    assert [each.bar_ts for each in said] == expected.ts.tolist()
    assert np.array([each.value for each in said], np.float32).tobytes() == expected.value.tobytes()
    assert [each.probability for each in said] == expected.probability.tolist()
    assert expected.value.min() < 0 < expected.value.max()
    assert {each.kind for each in said} == {"logit"}
    assert {outcome.status for outcome in outcomes} == {Status.WARMING_UP, Status.PREDICTED}
    assert session.bars_seen == len(bars)
    assert session.last_ts == bars.ts[-1]
    features = session.features
    assert features.dtype == np.float32
    assert len(features) == bundle.spec.n_features


def test_peeking_commits_nothing_and_a_saved_session_goes_on(live):
    rows = rows_of(walk())
    session = Session(live, interval="5m")
    session.warm_up(walk(sessions=1))
    for row in rows[60:80]:
        state = session.state()
        restored = Session(live, interval="5m")
        restored.restore(state)
        clone = session.clone()
        peeked = session.peek(*row)
        assert session.state() == state
        assert session.on_bar(*row) == restored.on_bar(*row) == clone.on_bar(*row) == peeked
    assert session.bars_missing == 0
    with pytest.raises(CorruptStore, match="damaged"):
        session.restore(state[:-1] + bytes([state[-1] ^ 1]))


def test_the_engines_state_of_the_bundle_is_a_start(bundle, live):
    session = Session(live, interval="5m")
    session.restore(bundle.engine_state)
    later = walk(first=12, seed=4)
    said = [session.on_bar(*row) for row in rows_of(later)]
    expected = bundle.predict(later, warm=True)
    values = [outcome.prediction.value for outcome in said if outcome.prediction]
    assert np.array(values, np.float32).tobytes() == expected.value.tobytes()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda ts, o, h, low, c, v: (ts, o, h, low, c, v), Status.NOT_LATER),
        (lambda ts, o, h, low, c, v: (ts + MINUTE, o, h, low, c, v), Status.TOO_EARLY),
        (lambda ts, o, h, low, c, v: (ts + 5 * MINUTE, o, h, low, float("nan"), v), Status.NOT_A_NUMBER),
        (lambda ts, o, h, low, c, v: (ts + 5 * MINUTE, o, h, -1.0, c, v), Status.PRICE_RANGE),
        (lambda ts, o, h, low, c, v: (ts + 5 * MINUTE, o, low / 2, low, c, v), Status.HIGH_LOW),
        (lambda ts, o, h, low, c, v: (ts + 5 * MINUTE, o, h, low, c, -1.0), Status.VOLUME_RANGE),
    ],
)
def test_a_refused_bar_leaves_no_trace(live, change, status):
    session = Session(live, interval="5m")
    session.warm_up(walk(sessions=1))
    last = rows_of(walk(sessions=1))[-1]
    state = session.state()
    outcome = session.on_bar(*change(*last))
    assert outcome.status is status
    assert outcome.status.refused
    assert outcome.prediction is None
    assert session.peek(*change(*last)).status is status
    assert session.observe(*change(*last)) is status
    assert session.state() == state


def test_missing_bars_are_counted(live):
    session = Session(live, interval="5m")
    for number, row in enumerate(rows_of(walk(sessions=2))):
        if number % 10 != 5:
            session.on_bar(*row)
    assert session.bars_missing == 12


def test_missing_bars_are_not_counted_where_a_closed_market_looks_the_same(tmp_path):
    bars = walk()
    start = int(bars.ts[0])
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    slow = Bars("QQQ", "4h", start + (bars.ts - start) * 48, **columns, simulated=True, adjustment="raw")
    live = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(bars=slow))))
    session = Session(live, interval="4h")
    for row in rows_of(slow)[:10:2]:
        session.on_bar(*row)
    assert session.bars_missing is None


def test_a_session_of_no_bundle_is_refused(tmp_path):
    native = sentio_features.Bundle(os.fsencode(make_bundle(tmp_path)), "native", None)
    with pytest.raises(TypeError):
        sentio_features.Session(None, None, 5 * MINUTE, b"")
    session = sentio_features.Session(None, native, 5 * MINUTE, b"")
    with pytest.raises(TypeError):
        session.swap(None, None)
    with pytest.raises(TypeError):
        sentio_features.SessionBatch(None, 1)


def test_what_does_not_fit_is_refused(tmp_path, bundle, live):
    with pytest.raises(UsageError, match="bars are of 1m, the bundle's are of 5m"):
        Session(live, interval="1m")
    session = Session(live, interval="5m")
    session.warm_up(walk()[:100])
    state = session.state()
    with pytest.raises(BarsError, match="bar 0: its time is not later than the bar before"):
        session.warm_up(walk()[99:])
    assert session.state() == state
    with pytest.raises(ResourceError, match="no such file"):
        Session(live, interval="5m", record=tmp_path / "no" / "folder")
    (tmp_path / "there").write_text("")
    with pytest.raises(UsageError, match="is there already"):
        Session(live, interval="5m", record=tmp_path / "there")
    with pytest.raises(UsageError, match="record: is an empty path"):
        Session(live, interval="5m", record="")
    with pytest.raises(UsageError, match="takes a LiveBundle or a Session, not a Bundle"):
        session.swap(bundle)


def test_another_bundle_takes_over(tmp_path, bundle, live):
    other = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(4))))
    session = Session(live, interval="5m")
    rows = rows_of(walk())
    before = [session.on_bar(*row) for row in rows[:100]]
    assert session.swap(other) is live
    assert session.live is other
    after = [session.on_bar(*row) for row in rows[100:]]
    values = [outcome.prediction.value for outcome in before + after if outcome.prediction]
    assert np.array(values, np.float32).tobytes() == bundle.predict(walk()).value.tobytes()
    shorter = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(2), version="v2")))
    with pytest.raises(UsageError, match="sequence length"):
        session.swap(shorter)
    assert session.live is other


def test_a_session_of_another_input_that_is_warm_takes_over(tmp_path, live):
    other = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(2), version="v2")))
    session, warmed = Session(live, interval="5m"), Session(other, interval="5m")
    rows = rows_of(walk(sessions=3))
    for row in rows[:100]:
        session.on_bar(*row)
    with pytest.raises(UsageError, match="the other session's last bar is another"):
        session.swap(warmed)
    assert session.live is live
    for row in rows[:100]:
        warmed.on_bar(*row)
    assert session.swap(warmed) is live
    assert session.live is other
    assert session.state() == warmed.state()
    for row in rows[100:]:
        said, expected = session.on_bar(*row), warmed.on_bar(*row)  # which was left as it was
        assert said == expected
        assert said.prediction is not None
        assert (said.prediction.model_id, said.prediction.version) == ("TFA", "v2")
        assert said.prediction.bundle_id == other.bundle.id
    expected = other.bundle.predict(walk(sessions=3))
    assert said.prediction.value == expected.value[-1]


def test_threads_wait_for_each_other(bundle, live):
    rows = rows_of(walk())
    sessions = [Session(live, interval="5m") for _ in range(4)]
    found: dict[int, list[float]] = {}

    def work(number: int) -> None:
        outcomes = [sessions[number].on_bar(*row) for row in rows]
        found[number] = [outcome.prediction.value for outcome in outcomes if outcome.prediction]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    expected = bundle.predict(walk()).value.tobytes()
    assert all(np.array(found[number], np.float32).tobytes() == expected for number in range(4))


def test_a_folder_that_was_replaced_is_refused(tmp_path, bundle):
    folder = make_bundle(tmp_path, make_source(4))
    loaded = load_bundle(folder)
    folder.rename(tmp_path / "gone")
    make_bundle(tmp_path, make_source(4, metrics=METRICS.model_copy(update={"rows": 101})))
    with pytest.raises(CorruptStore, match="by now"):
        LiveBundle(loaded)


def test_the_extension_loads_no_torch():
    code = "import sys, sentio_features; print(hasattr(sentio_features, 'Session'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
