"""One session in several threads: what is said names the bundle that said it, however often it is swapped."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch
from bundles import TINY_SPEC, make_bundle, make_source, walk

from sentio import LiveBundle, Session, SessionBatch, load_bundle
from sentio.prediction import Outcome

ROWS = [
    (ts, *row)
    for bars in [walk(sessions=1)]
    for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)
]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> list[LiveBundle]:
    """Two of the same input that never say the same."""
    folder = tmp_path_factory.mktemp("threads")
    other = make_source()
    with torch.no_grad():
        next(other.module.core.parameters()).mul_(1.3)
    paths = [make_bundle(folder), make_bundle(folder, other, version="v2")]
    return [LiveBundle(load_bundle(path)) for path in paths]


@pytest.fixture(scope="module")
def expected(bundles) -> set[tuple[object, object]]:
    """What each bundle says of each bar, by `Bundle.predict`."""
    said = [(live.bundle.id, live.bundle.predict(walk(sessions=1))) for live in bundles]
    assert not (said[0][1].value == said[1][1].value).any()
    return {
        (name, (int(ts), float(value)))
        for name, found in said
        for ts, value in zip(found.ts, found.value, strict=True)
    }


@pytest.fixture(autouse=True)
def threads_change_often(monkeypatch) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def told_while_swapped(
    session: Session, others: list[LiveBundle] | list[Session], ask: Callable[[], list[tuple[object, object]]]
) -> list[tuple[object, object]]:
    """The answers (whose, what) while another thread swaps, until it has often, and both were heard of."""
    stop = threading.Event()
    swaps = 0

    def work() -> None:
        nonlocal swaps
        while not stop.is_set():
            session.swap(others[swaps % len(others)])
            swaps += 1

    thread = threading.Thread(target=work)
    thread.start()
    told: list[tuple[object, object]] = []
    end = time.monotonic() + 60
    try:
        while swaps < 2000 or len({whose for whose, _ in told}) < 2:
            assert thread.is_alive()
            assert time.monotonic() < end, f"after {swaps} swaps and {len(told)} answers"
            told += ask()
    finally:
        stop.set()
        thread.join(60)
    return told


def told_by(outcomes: list[Outcome]) -> list[tuple[object, object]]:
    return [(said.bundle_id, (said.bar_ts, said.value)) for each in outcomes if (said := each.prediction)]


def test_a_prediction_names_the_bundle_that_made_it(bundles, expected):
    session = Session(bundles[0], interval="5m")
    start = session.state()

    def ask():
        session.restore(start)
        return told_by([session.on_bar(*row) for row in ROWS])

    told = told_while_swapped(session, bundles[::-1], ask)
    assert [each for each in told if each not in expected] == []


def test_a_forming_bars_prediction_names_the_bundle_that_made_it(bundles, expected):
    session = Session(bundles[0], interval="5m")
    session.warm_up(walk(sessions=1)[:-1])
    told = told_while_swapped(session, bundles[::-1], lambda: told_by([session.peek(*ROWS[-1])]))
    assert [each for each in told if each not in expected] == []


def test_a_prediction_of_a_batch_names_the_bundle_that_made_it(bundles, expected):
    session, other = (Session(live, interval="5m") for live in bundles)
    batch = SessionBatch(bundles[0], 2)
    start = session.state()

    def ask():
        session.restore(start)
        other.restore(start)
        return told_by([each for row in ROWS for each in batch.on_bars([session, other], [row, row])[:1]])

    told = told_while_swapped(session, bundles[::-1], ask)
    assert [each for each in told if each not in expected] == []


def test_a_clone_has_the_bundle_that_it_was_cloned_with(bundles, expected):
    session = Session(bundles[0], interval="5m")
    session.warm_up(walk(sessions=1)[:-1])

    def ask():
        clone = session.clone()
        told = told_by([clone.on_bar(*ROWS[-1])])
        assert told[0][0] == clone.live.bundle.id
        return told

    told = told_while_swapped(session, bundles[::-1], ask)
    assert [each for each in told if each not in expected] == []


def test_drift_names_the_features_that_it_counts(tmp_path, bundles):
    fewer = TINY_SPEC | {"features": TINY_SPEC["features"][:3]}
    narrow = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(document=fewer))))
    session = Session(bundles[0], interval="5m")
    others = [Session(live, interval="5m") for live in (narrow, bundles[0])]

    def ask():
        drift = session.drift
        return [(len(drift.names), len(drift.bins))]

    assert set(told_while_swapped(session, others, ask)) == {(3, 3), (4, 4)}


def test_the_bundles_before_come_back_each_once(bundles):
    """Of two that swap at once, each gets what the other has put in, or what was there."""
    session = Session(bundles[0], interval="5m")
    handed: list[LiveBundle] = []

    def work(live: LiveBundle) -> None:
        handed.extend(session.swap(live) for _ in range(2000))

    threads = [threading.Thread(target=work, args=(live,)) for live in bundles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    came = [*handed, session.live]
    assert [came.count(live) for live in bundles] == [2001, 2000]
