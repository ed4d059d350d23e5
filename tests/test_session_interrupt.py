"""Ctrl-C and want of memory while Python runs a session's model: neither is the model's own failure."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from bundles import make_bundle, make_source, walk

from sentio import LiveBundle, Session, SessionBatch, load_bundle
from sentio.bundle import Bundle
from sentio.bundle.runner import ModelRunner
from sentio.errors import ResourceError
from sentio.prediction import Status

ROWS = [(ts, *row) for ts, row in zip(walk().ts.tolist(), walk().to_array().tolist(), strict=True)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    folder = make_bundle(tmp_path_factory.mktemp("interrupt"), make_source(4), backends=("torchscript",))
    return load_bundle(folder)


@pytest.fixture(scope="module")
def live(bundle) -> LiveBundle:
    return LiveBundle(bundle)


@pytest.fixture
def session(live) -> Session:
    session = Session(live, interval="5m")
    session.warm_up(walk()[:100])
    return session


def end_a_run(monkeypatch, how: Callable[[], None], number: int = 1) -> None:
    """Have the model end so at its run of that number, and run as ever before and after."""
    run, runs = ModelRunner.run, 0

    def ended(self, windows):
        nonlocal runs
        runs += 1
        if runs == number:
            how()
        return run(self, windows)

    monkeypatch.setattr(ModelRunner, "run", ended)


def raising(error: type[BaseException]) -> Callable[[], None]:
    def how() -> None:
        raise error

    return how


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("how", "error"), [(ctrl_c, KeyboardInterrupt), (raising(SystemExit), SystemExit)], ids=["ctrl_c", "exit"]
)
@pytest.mark.parametrize("call", ["on_bar", "peek"])
def test_what_ends_the_program_comes_through(session, monkeypatch, call, how, error):
    undisturbed = session.clone()
    end_a_run(monkeypatch, how)
    with pytest.raises(error):
        getattr(session, call)(*ROWS[100])
    assert session.failure == "the model was interrupted"
    if call == "on_bar":  # the bar was taken
        assert session.last_ts == ROWS[100][0]
        assert session.on_bar(*ROWS[100]).status is Status.NOT_LATER
    else:
        assert session.on_bar(*ROWS[100]).status is Status.PREDICTED
    undisturbed.on_bar(*ROWS[100])
    assert session.state() == undisturbed.state()
    assert session.on_bar(*ROWS[101]) == undisturbed.on_bar(*ROWS[101])
    assert session.failure is None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_ctrl_c_comes_through_a_batch_that_has_taken_its_bars(live, session, monkeypatch, number):
    sessions = [session, session.clone(), session]  # the first has a bar yet to take after its first
    end_a_run(monkeypatch, ctrl_c, number)
    with pytest.raises(KeyboardInterrupt):
        SessionBatch(live, 3).on_bars(sessions, [ROWS[100], ROWS[100], ROWS[101]])
    assert [each.last_ts for each in sessions] == [ROWS[101][0], ROWS[100][0], ROWS[101][0]]
    assert session.on_bar(*ROWS[102]).status is Status.PREDICTED  # it is raised once


def test_ctrl_c_comes_through_loading(bundle, monkeypatch):
    end_a_run(monkeypatch, ctrl_c, number=5)
    with pytest.raises(KeyboardInterrupt):
        LiveBundle(bundle)
    session = Session(LiveBundle(bundle), interval="5m")
    session.warm_up(walk()[:100])
    assert session.on_bar(*ROWS[100]).status is Status.PREDICTED


def test_want_of_memory_at_loading_is_no_fault_of_the_bundle(bundle, monkeypatch):
    end_a_run(monkeypatch, raising(MemoryError))
    with pytest.raises(ResourceError, match="cannot allocate memory") as raised:
        LiveBundle(bundle)
    assert raised.value.where == str(bundle.path)


def test_a_model_that_fails_for_want_of_memory_says_so(session, monkeypatch):
    end_a_run(monkeypatch, raising(MemoryError))
    assert session.on_bar(*ROWS[100]).status is Status.MODEL_FAILED
    assert session.failure == "cannot allocate memory"


def test_a_model_that_fails_has_failed(session, monkeypatch):
    end_a_run(monkeypatch, raising(ArithmeticError))
    assert session.on_bar(*ROWS[100]).status is Status.MODEL_FAILED
    assert session.failure is not None
    assert session.failure.startswith("the model failed: ArithmeticError")
