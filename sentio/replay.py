"""A session's record, recomputed: the first bit that differs from what was said live, or that none does."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sentio.bundle import Bundle
from sentio.bundle.manifest import MOST_CLASSES, MOST_FEATURES
from sentio.errors import BadInput, CorruptStore, SentioError, refused
from sentio.prediction import Status
from sentio.session import Drift, LiveBundle, Session

__all__ = ["RecordedBar", "RecordedState", "Replay", "read_record", "replay"]

_MAGIC = b"SENTIORC"
_VERSION = 2
_HEADER = struct.Struct("<8sQ")
_HEAD = struct.Struct("<II")
_SUM = struct.Struct("<I")
_BAR = struct.Struct("<q5dII")
_OUTPUTS = struct.Struct("<Q")
_STATE, _BAR_KIND = 1, 2
_ID_BYTES = 32
_WIDTH_AT = 24  # of the number of features in a session's state
# Of a bar that was taken, by its number in the file.
_STATUSES = (Status.PREDICTED, Status.WARMING_UP, Status.MODEL_FAILED)


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the session went on from: the bundle's id, how many outputs it gives, and the session's state."""

    bundle: str
    n_outputs: int
    state: bytes


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """A bar that was taken, and what became of it.

    Attributes:
        ts: its open, UTC nanoseconds.
        bar: open, high, low, close, volume.
        status: what became of it.
        asked: whether the model was to be asked.
        values: float32 [C], the raw outputs; NaN where there is no prediction.
        features: float32 [F].
    """

    ts: int
    bar: tuple[float, float, float, float, float]
    status: Status
    asked: bool
    values: NDArray[np.float32]
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Replay:
    """What replaying a record found.

    Attributes:
        bars: bars recomputed, that which differs included.
        predictions: those among them that were predicted for.
        states: how often the session went on from elsewhere.
        cut: bytes at the end of the file that are no whole record.
        difference: the first one, in words; "" where every bit is the same.
        drift: the session's own, after the last of these bars.
    """

    bars: int
    predictions: int
    states: int
    cut: int
    difference: str
    drift: Drift


class _Reader:
    """The records of a file, whole and in order; afterwards `cut` bytes at its end were no whole one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bar_length: int | None = None  # told by the first state, as is the next
        self._n_outputs = 0
        self.cut = 0

    def __iter__(self) -> Iterator[RecordedState | RecordedBar]:
        try:
            with self._path.open("rb") as file:
                self._check_header(file.read(_HEADER.size))
                yield from self._records(file)
        except FileNotFoundError:
            raise BadInput(str(self._path), "there is no such file") from None
        except IsADirectoryError:
            raise BadInput(str(self._path), "is a folder, not a file") from None
        except OSError as error:
            raise refused(error, str(self._path)) from error

    def _check_header(self, header: bytes) -> None:
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise BadInput(
                str(self._path), f"is not a session's record: it does not begin with {_MAGIC.decode()}"
            )
        (_, version) = _HEADER.unpack(header)
        if version != _VERSION:
            raise BadInput(str(self._path), f"has format version {version}; this release reads {_VERSION}")

    def _records(self, file: BinaryIO) -> Iterator[RecordedState | RecordedBar]:
        place, before = _HEADER.size, 0
        while True:
            head = self._summed(file, _HEAD.size, before, place)
            if head is None:
                break
            kind, length = _HEAD.unpack(head)
            if kind not in (_STATE, _BAR_KIND):
                raise self._damage(place, f"is of kind {kind}")
            if kind == _BAR_KIND and length != self._bar_length:
                raise self._damage(place, f"has {length} bytes, which no bar of this record has")
            before = zlib.crc32(head, before)
            payload = self._summed(file, length, before, place)
            if payload is None:
                self.cut += len(head) + _SUM.size
                break
            before = zlib.crc32(payload, before)
            yield self._state(payload, place) if kind == _STATE else self._bar(payload, place)
            place += len(head) + length + 2 * _SUM.size
        if self._bar_length is None:
            raise CorruptStore(
                str(self._path), "ends before its first state is whole: nothing can be replayed"
            )

    def _summed(self, file: BinaryIO, length: int, before: int, place: int) -> bytes | None:
        """The next `length` bytes, whose checksum fits; None where the file ends before it does."""
        found = file.read(length + _SUM.size)
        if len(found) < length + _SUM.size:
            self.cut = len(found)
            return None
        if _SUM.unpack(found[length:]) != (zlib.crc32(found[:length], before),):
            raise self._damage(place, "has a checksum that does not fit")
        return found[:length]

    def _state(self, payload: bytes, place: int) -> RecordedState:
        state = payload[_ID_BYTES + _OUTPUTS.size :]
        if len(state) < _WIDTH_AT + 8:
            raise self._damage(place, f"has {len(payload)} bytes, too few for a state")
        (self._n_outputs,) = _OUTPUTS.unpack_from(payload, _ID_BYTES)
        (width,) = struct.unpack_from("<q", state, _WIDTH_AT)
        if not (1 <= self._n_outputs <= MOST_CLASSES and 1 <= width <= MOST_FEATURES):
            raise self._damage(place, f"tells of {self._n_outputs} outputs and {width} features")
        self._bar_length = _BAR.size + 4 * (self._n_outputs + int(width))
        return RecordedState(payload[:_ID_BYTES].hex(), self._n_outputs, state)

    def _bar(self, payload: bytes, place: int) -> RecordedBar:
        ts, *bar, status, asked = _BAR.unpack_from(payload)
        if status >= len(_STATUSES) or asked > 1:
            raise self._damage(place, f"has status {status} and asked {asked}")
        numbers = np.frombuffer(payload, "<f4", offset=_BAR.size)
        values, features = numbers[: self._n_outputs], numbers[self._n_outputs :]
        open_, high, low, close, volume = bar
        return RecordedBar(
            ts, (open_, high, low, close, volume), _STATUSES[status], bool(asked), values, features
        )

    def _damage(self, place: int, found: str) -> CorruptStore:
        return CorruptStore(
            str(self._path), f"the record at byte {place} {found}; nothing behind it is believed"
        )


def read_record(path: str | os.PathLike[str]) -> tuple[list[RecordedState | RecordedBar], int]:
    """The whole records of a file, and how many bytes at its end are no whole one.

    Raises:
        BadInput: there is no such file, it is not a record, or of another format version.
        ResourceError: it cannot be read.
        CorruptStore: it is damaged, or ends before its first state is whole.
    """
    reader = _Reader(Path(path))
    return list(reader), reader.cut


def replay(path: str | os.PathLike[str], first: Bundle, *others: Bundle) -> Replay:
    """Take the recorded bars again, and compare features, statuses and outputs to the bit.

    Each part of the record is replayed by the bundle that it names. The outputs of LibTorch are the same bits
    on the same version and CPU capability alone.

    Args:
        path: the record.
        first, others: the bundles that it was made with, in any order.

    Raises:
        SentioError: as `read_record`.
        BadInput: it was made with yet another bundle, or holds a state that its bundle's session refuses.
    """
    bundles = {bundle.id: bundle for bundle in (first, *others)}
    records = _Reader(Path(path))
    session = _begin(first)
    bars = predictions = states = 0
    difference = ""
    for record in records:
        if isinstance(record, RecordedState):
            bundle = bundles.get(record.bundle)
            if bundle is None:
                given = " or ".join(bundles)
                raise BadInput(
                    str(path),
                    f"was made with bundle {record.bundle} from bar {bars} on, not with {given}",
                    hint="give every bundle that it was made with",
                )
            width = bundle.manifest.output.width
            if record.n_outputs != width:
                raise BadInput(
                    str(path), f"tells of {record.n_outputs} outputs a bar; {bundle.id} gives {width}"
                )
            if bundle is not session.live.bundle:
                session = _begin(bundle)
            try:
                session.restore(record.state)
            except SentioError as error:
                raise BadInput(str(path), f"the state before bar {bars}: {error.found}") from error
            states += 1
            continue
        bars += 1
        predictions += record.status is Status.PREDICTED and record.asked
        difference = _difference(session, record, bars - 1)
        if difference:
            break
    return Replay(bars, predictions, states, records.cut, difference, session.drift)


def _begin(bundle: Bundle) -> Session:
    return Session(LiveBundle(bundle), interval=bundle.manifest.interval)


def _difference(session: Session, record: RecordedBar, number: int) -> str:
    """Take a bar again; what differs first, or "" where nothing does."""
    bundle = session.live.bundle
    if record.asked:
        outcome = session.on_bar(record.ts, *record.bar)
        status, prediction = outcome.status, outcome.prediction
    else:
        status, prediction = session.observe(record.ts, *record.bar), None
    where = f"bar {number} ({record.ts})"
    found = session.features
    if len(found) != len(record.features):
        return f"{where}: {len(record.features)} features recorded, {len(found)} computed"
    if status.refused:
        return f"{where}: taken live, refused now: {status}"
    differ = np.flatnonzero(found.view(np.uint32) != record.features.astype(np.float32).view(np.uint32))
    if len(differ):
        column = int(differ[0])
        name = bundle.spec.names[column]
        return f"{where}, feature {name!r}: {_both(record.features[column], found[column])}"
    if status is not record.status:
        return f"{where}: status {record.status} recorded, {status} computed"
    if prediction is not None:
        outputs = np.array(prediction.values, np.float32)
        for k, (said, computed) in enumerate(zip(record.values, outputs, strict=True)):
            if said.tobytes() != computed.tobytes():
                name = f"output {bundle.manifest.output.classes[k]!r}" if prediction.classes else "output"
                return f"{where}, {name}: {_both(said, computed)}"
    return ""


def _both(said: np.float32, computed: np.float32) -> str:
    """Two numbers whose bits differ, and the bits: one NaN reads as the other."""
    words = [f"{number:.9g} (0x{int(number.view(np.uint32)):08x})" for number in (said, computed)]
    return f"{words[0]} recorded, {words[1]} computed"
