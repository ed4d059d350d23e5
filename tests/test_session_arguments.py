"""What a session and a batch are given: the bars' interval, names of files, and numbers that are none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from bundles import Planted, change_json, make_bundle, walk

from sentio import LiveBundle, Session, SessionBatch, load_bundle
from sentio.bars import Bars
from sentio.errors import BadInput, CorruptStore, UsageError
from sentio.prediction import Status

TS, *PRICES = int(walk().ts[0]), *walk().to_array()[0].tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("arguments"))


@pytest.fixture(scope="module")
def live(folder) -> LiveBundle:
    return LiveBundle(load_bundle(folder))


@pytest.fixture
def session(live) -> Session:
    return Session(live, interval="5m")


@pytest.fixture
def odd(tmp_path) -> Path:
    """A folder whose name is not UTF-8."""
    path = tmp_path / os.fsdecode(b"odd\xff")
    try:
        path.mkdir()
    except OSError:
        pytest.skip("this file system has names of UTF-8 alone")
    return path


def test_history_of_another_interval_is_refused_in_the_words_of_predict(live, session):
    bars = walk()
    columns = {name: getattr(bars, name)[::12] for name in ("ts", "open", "high", "low", "close", "volume")}
    hours = Bars("QQQ", "1h", **columns, simulated=True, adjustment="raw")
    with pytest.raises(BadInput) as by_predict:
        live.bundle.predict(hours)
    with pytest.raises(BadInput) as by_session:
        session.warm_up(hours)
    assert str(by_session.value) == str(by_predict.value) == "bars: are of 1h; TFA was trained on 5m"
    assert session.bars_seen == 0


def test_a_record_whose_name_holds_a_zero_is_refused(tmp_path, live):
    for path in (f"{tmp_path}/rec\0zzz", os.fsencode(f"{tmp_path}/rec\0zzz")):
        with pytest.raises(UsageError, match=r"record: is .*rec\\x00zzz'; no path holds a zero character"):
            Session(live, interval="5m", record=path)
    with pytest.raises(UsageError, match="record: is '\\\\ud800', which cannot name a file here"):
        Session(live, interval="5m", record="\ud800")
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_utf_8_are_names(folder, odd):
    bundle = Path(shutil.copytree(folder, odd / "v1"))
    record = odd / "record"
    session = Session.load(bundle, interval="5m", record=record)
    session.on_bar(TS, *PRICES)
    assert record.stat().st_size > 0
    with pytest.raises(UsageError, match="is there already") as raised:
        Session.load(bundle, interval="5m", record=os.fsencode(record))
    assert str(record) in str(raised.value)


def test_a_bundle_that_is_refused_is_named_though_its_name_is_not_utf_8(folder, odd):
    bundle = Path(shutil.copytree(folder, odd / "v1"))
    loaded = load_bundle(bundle)
    change_json(bundle, "metadata.json", Planted(("chain", "spec_hash"), "0" * 64))
    with pytest.raises(CorruptStore, match="spec hash") as raised:
        LiveBundle(loaded)
    assert str(bundle) in str(raised.value)


@pytest.mark.parametrize(
    ("bar", "found"),
    [
        ((1.5, *PRICES), "ts: is a float; allowed is a whole number of UTC nanoseconds"),
        ((None, *PRICES), "ts: is a NoneType; allowed is a whole number of UTC nanoseconds"),
        ((2**63, *PRICES), "ts: is beyond int64; allowed is a whole number of UTC nanoseconds"),
        ((-(2**63) - 1, *PRICES), "ts: is beyond int64; allowed is a whole number of UTC nanoseconds"),
        ((10**5000, *PRICES), "ts: is beyond int64; allowed is a whole number of UTC nanoseconds"),
        ((TS, PRICES[0], "1.5", *PRICES[2:]), "high: is a str that is no float64"),
        ((TS, *PRICES[:4], 10**400), "volume: is a int that is no float64"),
    ],
    ids=["float", "none", "above", "below", "huge", "text", "large"],
)
def test_a_bar_of_what_is_no_number_is_refused(live, session, bar, found):
    for call in (session.on_bar, session.peek, session.observe):
        with pytest.raises(UsageError) as raised:
            call(*bar)
        assert str(raised.value) == found
    with pytest.raises(UsageError) as raised:
        SessionBatch(live, 2).on_bars([session, session], [(TS, *PRICES), bar])
    assert str(raised.value) == found
    assert session.bars_seen == 0


def test_a_batch_refuses_a_bar_that_is_cut_and_room_that_is_no_number(live, session):
    with pytest.raises(UsageError, match="bar: has 5 values; allowed is ts, open, high, low, close, volume"):
        SessionBatch(live, 1).on_bars([session], [(TS, *PRICES[:4])])
    for most in (1.5, 2**70):
        with pytest.raises(UsageError, match=r"most: is a .* that is no int64; allowed is 1 to 1048576"):
            SessionBatch(live, most)


def test_numbers_of_numpy_are_numbers(session):
    assert session.on_bar(np.int64(TS), *map(np.float64, PRICES)).status is Status.WARMING_UP
    assert session.last_ts == TS
    assert session.on_bar(-(2**63), *PRICES).status is Status.NOT_LATER
