"""A session's record: replayed to the same bits, and every damage told."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from bundles import make_bundle, make_source, walk

from sentio import LiveBundle, Session, load_bundle
from sentio.errors import BadInput, CorruptStore
from sentio.replay import RecordedBar, RecordedState, read_record, replay

FEATURES = 4
HEAD = 4 + 4 + 4
BAR_RECORD = HEAD + 60 + 4 * FEATURES + 4
BARS = 120


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("recorded"), make_source(4))


@pytest.fixture(scope="module")
def bundle(folder):
    return load_bundle(folder)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, bundle) -> bytes:
    """Two sessions' warm-up, then bars of which one is only observed."""
    path = tmp_path_factory.mktemp("record") / "live.record"
    session = Session(LiveBundle(bundle), interval="5m", record=path)
    rows = rows_of(walk())
    session.warm_up(walk(sessions=1))
    for number, row in enumerate(rows[60 : 60 + BARS]):
        session.on_bar(row[0], -1.0, *row[2:])
        if number == 50:
            session.observe(*row)
        else:
            session.on_bar(*row)
    assert session.recording_error is None
    return path.read_bytes()


@pytest.fixture
def record(tmp_path, recorded) -> Path:
    path = tmp_path / "live.record"
    path.write_bytes(recorded)
    return path


def places_of(data: bytes) -> list[int]:
    """Where each record of a file begins."""
    places, at = [], 16
    while at < len(data):
        places.append(at)
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += HEAD + length + 4
    return places


def with_sums(data: bytes) -> bytes:
    """The same records with the checksums that fit."""
    changed, before = bytearray(data), 0
    for at in places_of(data):
        (length,) = struct.unpack_from("<I", changed, at + 4)
        for begin, end in ((at, at + 8), (at + HEAD, at + HEAD + length)):
            before = zlib.crc32(changed[begin:end], before)
            struct.pack_into("<I", changed, end, before)
    return bytes(changed)


def change_bar(data: bytes, number: int, offset: int, fmt: str, value: float) -> bytes:
    """Change a field of a bar's payload, and all the checksums from there on, so that they fit."""
    place = len(data) - (BARS - number) * BAR_RECORD
    changed = bytearray(data)
    struct.pack_into(fmt, changed, place + HEAD + offset, value)
    return with_sums(changed)


def test_what_was_recorded_is_what_is_computed(record, bundle):
    found = replay(record, bundle)
    assert (found.bars, found.predictions, found.states) == (BARS, BARS - 1, 2)
    assert (found.cut, found.difference) == (0, "")
    records, _ = read_record(record)
    assert [type(each) for each in records[:3]] == [RecordedState, RecordedState, RecordedBar]
    assert (records[0].bundle, records[0].n_outputs) == (bundle.id, 1)


def test_the_drift_is_that_of_the_session(tmp_path, bundle):
    path = tmp_path / "live.record"
    session = Session(LiveBundle(bundle), interval="5m", record=path)
    rows = rows_of(walk())
    for row in rows[:100]:
        session.on_bar(*row)
    session.reset_drift()
    for row in rows[100:150]:
        session.observe(*row)
    for found in (session.drift, replay(path, bundle).drift):
        assert found.rows == 50
        assert found.bins.tolist() == session.drift.bins.tolist()
        assert found.psi.tobytes() == session.drift.psi.tobytes()


@pytest.mark.parametrize(
    ("number", "offset", "fmt", "value", "told"),
    [
        (7, 68, "<f", 12.5, "bar 7 (1700088500000000000), feature 'rsi_7': 12.5 (0x41480000) recorded, "),
        (0, 72, "<I", 0x7FC00000, "bar 0 (1700086400000000000), feature 'mom_9': nan (0x7fc00000) recorded"),
        (9, 56, "<f", 0.125, "output: 0.125 (0x3e000000) recorded, "),
        (11, 48, "<I", 1, "status warming_up recorded, predicted computed"),
        (13, 32, "<d", 101.25, "bar 13 "),  # its close: the features are those of another
        (15, 0, "<q", 0, "taken live, refused now: not_later"),
    ],
)
def test_the_first_difference_is_told(record, recorded, bundle, number, offset, fmt, value, told):
    record.write_bytes(change_bar(recorded, number, offset, fmt, value))
    found = replay(record, bundle)
    assert told in found.difference
    assert found.bars == number + 1


def test_nans_of_other_bits_are_told_apart(tmp_path, bundle):
    path = tmp_path / "live.record"
    session = Session(LiveBundle(bundle), interval="5m", record=path)
    for row in rows_of(walk())[:BARS]:
        session.on_bar(*row)
    first = read_record(path)[0][1]
    assert isinstance(first, RecordedBar)
    (word,) = struct.unpack("<I", first.features[0].tobytes())  # of a return, on the first bar
    assert word & 0x7FC00000 == 0x7FC00000
    path.write_bytes(change_bar(path.read_bytes(), 0, 60, "<I", word ^ 1))
    said, computed = f"nan (0x{word ^ 1:08x}) recorded", f"nan (0x{word:08x}) computed"
    assert replay(path, bundle).difference.endswith(f"feature 'ret_1': {said}, {computed}")


def test_each_part_is_replayed_by_the_bundle_that_it_names(tmp_path, sentio, folder, bundle):
    path = tmp_path / "live.record"
    folders = [
        folder,
        make_bundle(tmp_path / "second", make_source(4, output="probability"), version="v2"),
        make_bundle(tmp_path / "third", make_source(2, output="classes"), version="v3"),
    ]
    first, second, third = bundles = [load_bundle(each) for each in folders]
    session, warmed = (
        Session(LiveBundle(first), interval="5m", record=path),
        Session(LiveBundle(third), interval="5m"),
    )
    predictions = 0
    for number, row in enumerate(rows_of(walk())[:150]):
        if number == 40:
            session.swap(LiveBundle(second))  # of the same input
        if number == 100:
            session.swap(warmed)
        predictions += session.on_bar(*row).prediction is not None
        warmed.on_bar(*row)
    for given in (bundles, bundles[::-1]):
        found = replay(path, *given)
        assert (found.bars, found.predictions, found.states) == (150, predictions, 3)
        assert (found.cut, found.difference) == (0, "")
        assert found.drift.rows == session.drift.rows > 100
        assert found.drift.psi.tobytes() == session.drift.psi.tobytes()
    for given, missing, bar in (((first, second), third, 100), ((third, first), second, 40)):
        ids = " or ".join(each.id for each in given)
        with pytest.raises(BadInput, match=f"bundle {missing.id} from bar {bar} on, not with {ids}"):
            replay(path, *given)

    options = [word for each in folders for word in ("--bundle", str(each))]
    done = sentio("replay", str(path), *options)
    assert done.code == 0, done.err
    assert f"150 bars, {predictions} predictions: every bit is the same" in done.out
    done = sentio("replay", str(path), *options[:4])
    assert done.code == 3
    assert third.id in done.err


def test_the_backend_that_ran_live_replays(tmp_path, sentio):
    both = make_bundle(tmp_path, backends=("native", "torchscript"))
    path = tmp_path / "live.record"
    session = Session.load(both, interval="5m", record=path, backend="torchscript")
    assert session.live.bundle.backend == "torchscript"
    for row in rows_of(walk()):
        session.on_bar(*row)
    native, torchscript = (
        load_bundle(both, backend=each).predict(walk()) for each in ("native", "torchscript")
    )
    differ = native.ts[native.value.view("u4") != torchscript.value.view("u4")]
    assert len(differ) > 0
    command = ("replay", str(path), "--bundle", str(both))
    assert sentio(*command, "--backend", "torchscript").code == 0
    done = sentio(*command)  # the first that the bundle holds: native
    assert (done.code, f"({differ[0]}), output: " in done.out) == (1, True)
    done = sentio(*command, "--backend", "jit")
    assert done.code == 2
    assert "jit" in done.err


def test_a_record_that_was_cut_is_replayed_as_far_as_it_goes(record, recorded, bundle):
    for left in (1, 7, 8, 11, HEAD, BAR_RECORD - 1):
        record.write_bytes(recorded[: len(recorded) - BAR_RECORD + left])
        records, cut = read_record(record)
        assert (len(records), cut) == (2 + BARS - 1, left)
    found = replay(record, bundle)
    assert (found.bars, found.cut, found.difference) == (BARS - 1, BAR_RECORD - 1, "")


def test_without_a_whole_state_there_is_nothing_to_replay(sentio, record, recorded, folder):
    second = places_of(recorded)[1]
    for size in (*range(16, 16 + HEAD + 2), second - 5, second - 1):
        record.write_bytes(recorded[:size])
        with pytest.raises(CorruptStore, match="ends before its first state is whole"):
            read_record(record)
    done = sentio("replay", str(record), "--bundle", str(folder))
    assert done.code == 4
    record.write_bytes(recorded[:second])
    assert (len(read_record(record)[0]), read_record(record)[1]) == (1, 0)


def is_told(record: Path, data: bytes) -> bool:
    record.write_bytes(data)
    try:
        read_record(record)
    except (BadInput, CorruptStore):
        return True
    return False


def test_any_byte_that_was_changed_is_told(record, recorded):
    data = bytearray(recorded[: len(recorded) - (BARS - 3) * BAR_RECORD])
    untold = []
    for place in range(len(data)):
        data[place] ^= 0x10
        if not is_told(record, data):
            untold.append(place)
        data[place] ^= 0x10
    assert untold == []
    assert not is_told(record, data)


def test_any_bit_of_a_head_that_was_changed_is_told(record, recorded):
    """A length above all: it may lead beyond the end of the file, as that of a record that was cut."""
    places = places_of(recorded)
    untold = []
    for at in (0, 4, *(place + k for place in (*places[:4], places[60], places[-1]) for k in (0, 4, 8))):
        for bit in range(32):
            data = bytearray(recorded)
            data[at + bit // 8] ^= 1 << bit % 8
            if not is_told(record, data):
                untold.append((at, bit))
    assert untold == []


def test_a_state_in_the_middle_hides_no_bar_behind_it(tmp_path, sentio, folder, bundle):
    path = tmp_path / "live.record"
    session = Session(LiveBundle(bundle), interval="5m", record=path)
    for number, row in enumerate(rows_of(walk())[:BARS]):
        if number == 60:
            session.reset_drift()
        session.on_bar(*row)
    data = bytearray(path.read_bytes())
    (state,) = (at for at in places_of(data)[1:] if data[at] == 1)
    data[state + 7] ^= 0x40  # of its length
    path.write_bytes(data)
    done = sentio("replay", str(path), "--bundle", str(folder))
    assert done.code == 4
    assert f"the record at byte {state} has a checksum that does not fit" in done.err


@pytest.mark.parametrize(("place", "number"), [(32, 0), (32, 17), (40 + 24, -15), (40 + 24, 2**60)])
def test_a_state_of_impossible_size_is_told(record, recorded, place, number):
    changed = bytearray(recorded)
    struct.pack_into("<q", changed, 16 + HEAD + place, number)
    record.write_bytes(with_sums(changed[: places_of(recorded)[1]]))
    with pytest.raises(CorruptStore, match="outputs and"):
        read_record(record)


def test_a_state_that_its_session_refuses_is_told_with_its_place(record, recorded, bundle):
    changed = bytearray(recorded)
    changed[places_of(recorded)[1] - 5] ^= 1  # of the state, whose own checksum then differs
    record.write_bytes(with_sums(changed))
    with pytest.raises(BadInput, match=r"live\.record: the state before bar 0: "):
        replay(record, bundle)


def test_a_record_that_was_taken_out_is_told(record, recorded):
    middle = len(recorded) - 10 * BAR_RECORD
    record.write_bytes(recorded[:middle] + recorded[middle + BAR_RECORD :])
    with pytest.raises(CorruptStore, match="checksum"):
        read_record(record)


def test_another_bundle_is_told_by_its_id(tmp_path, record, bundle):
    other = load_bundle(make_bundle(tmp_path, make_source(1)))
    with pytest.raises(BadInput, match=bundle.id):
        replay(record, other)


def test_what_is_no_record_is_refused(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(BadInput, match="SENTIORC"):
        read_record(path)
    path.write_bytes(struct.pack("<8sQ", b"SENTIORC", 1))
    with pytest.raises(BadInput, match="format version 1"):
        read_record(path)


def test_the_command_tells_all_this_and_ends_with_its_code(sentio, record, recorded, folder):
    done = sentio("replay", str(record), "--bundle", str(folder))
    assert done.code == 0, done.err
    assert f"{BARS} bars, {BARS - 1} predictions: every bit is the same" in done.out
    found = replay(record, load_bundle(folder)).drift
    moved = [name for name, psi in zip(found.names, found.psi, strict=True) if psi > 0.1]
    few = "too few to judge by, which takes some 1,000"
    text = f"drift over {BARS} rows; {few}: {len(moved)} of {FEATURES} features have a PSI above 0.1"
    assert text in " ".join(done.out.split())
    assert "ema_5" in moved  # a level: a random walk is soon elsewhere
    assert all(name in done.out for name in moved)
    done = sentio("replay", str(record), "--bundle", str(folder), "--json")
    drift = json.loads(done.out)["drift"]
    assert drift["rows"] == BARS
    assert drift["features"]["ema_5"] == {"psi": found.psi[1], "out_of_range": found.out_of_range[1]}
    record.write_bytes(recorded[:-1])
    done = sentio("replay", str(record), "--bundle", str(folder))
    assert done.code == 0
    assert "the last record is cut" in done.err
    record.write_bytes(change_bar(recorded, 3, 60, "<f", 1.0))
    done = sentio("replay", str(record), "--bundle", str(folder))
    assert done.code == 1
    assert "DIFFERS: bar 3" in done.out
    assert "name the one that ran live by --backend" in done.err
    assert "ret_1" in done.out


@pytest.mark.parametrize(("name", "found"), [("absent", "there is no such file"), ("folder", "is a folder")])
def test_what_is_no_file_is_bad_input(bundle, sentio, tmp_path, name, found):
    (tmp_path / "folder").mkdir()
    done = sentio("replay", str(tmp_path / name), "--bundle", str(bundle.path))
    assert done.code == 3
    assert f"{name}: {found}" in done.err
