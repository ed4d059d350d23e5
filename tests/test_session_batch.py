"""`sentio.SessionBatch`: the bars of many symbols in one call, with the bits of single ones."""

from __future__ import annotations

import threading

import pytest
from bundles import make_bundle, make_source, walk

from sentio import LiveBundle, Session, SessionBatch, load_bundle
from sentio.errors import UsageError
from sentio.prediction import Status

SYMBOLS = 3


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


# A perceptron is asked once for all, a transformer once for each.
@pytest.fixture(scope="module", params=[("native", 1), ("torchscript", 4)], ids=["native", "torchscript"])
def live(request, tmp_path_factory) -> LiveBundle:
    backend, seq_len = request.param
    folder = make_bundle(tmp_path_factory.mktemp("batch"), make_source(seq_len), backends=(backend,))
    return LiveBundle(load_bundle(folder, backend=backend))


@pytest.fixture
def feeds():
    return [rows_of(walk(sessions=2, seed=seed)) for seed in range(SYMBOLS)]


def test_a_batch_gives_the_bits_of_single_calls(live, feeds):
    alone = [Session(live, interval="5m") for _ in feeds]
    together = [Session(live, interval="5m") for _ in feeds]
    batch = SessionBatch(live, SYMBOLS)
    predicted = 0
    for bars in zip(*feeds, strict=True):
        expected = [session.on_bar(*bar) for session, bar in zip(alone, bars, strict=True)]
        assert batch.on_bars(together, bars) == expected
        predicted += sum(outcome.prediction is not None for outcome in expected)
    assert predicted > 100 * SYMBOLS
    assert [session.state() for session in together] == [session.state() for session in alone]


def test_a_session_may_come_twice_and_a_refused_bar_is_told(live, feeds):
    session = Session(live, interval="5m")
    batch = SessionBatch(live, 3)
    first, second = feeds[0][:2]
    outcomes = batch.on_bars([session] * 3, [first, second, first])
    assert outcomes[2].status is Status.NOT_LATER
    assert session.bars_seen == 2


def test_what_does_not_belong_together_is_refused(live, feeds):
    sessions = [Session(live, interval="5m") for _ in range(2)]
    batch = SessionBatch(live, 1)
    for most in (-1, 0, 2**20 + 1, 2**62):
        with pytest.raises(UsageError, match="allowed is 1 to 1048576"):
            SessionBatch(live, most)
    with pytest.raises(UsageError, match="2 sessions, 1 bars"):
        batch.on_bars(sessions, feeds[0][:1])
    with pytest.raises(UsageError, match="the 1 that there is room for"):
        batch.on_bars(sessions, feeds[0][:2])
    assert [session.bars_seen for session in sessions] == [0, 0]


def test_batches_over_the_same_sessions_never_wait_for_each_other(live, feeds):
    sessions = [Session(live, interval="5m") for _ in range(2)]

    def run(order, feed):
        batch = SessionBatch(live, 2)
        for bar in feed:
            batch.on_bars(order, [bar, bar])

    threads = [
        threading.Thread(target=run, args=(order, feeds[0]), daemon=True)
        for order in (sessions, sessions[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert [session.bars_seen for session in sessions] == [len(feeds[0])] * 2
