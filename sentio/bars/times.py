"""From a file's columns of times to UTC nanoseconds, refusing whatever has two readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentio.bars.cells import as_text, cast, matches
from sentio.bars.contract import Int64s, Mask, list_rows
from sentio.bars.zones import to_utc

__all__ = ["Times", "read_times"]

# How a time can be written, the most trustworthy first, as the text of a cell.
_SECONDS = r"(:\d\d(\.\d{1,9})?)?"
_FORMS = {
    # With a spreadsheet's 1.64E+12, to say what is wrong with it.
    "epoch": r"^(-?\d{9,19}(\.0*)?|\d(\.\d+)?[eE]\+?\d+)$",
    "offset": rf"^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d{_SECONDS}(Z|[+-]\d\d(:?\d\d)?)$",
    "local": rf"^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d{_SECONDS}$",
    "date": r"^\d{4}-\d\d-\d\d$",
}
_ROUNDED = r"[eE]"
_NO_DATE = "not a time of any day from 1677 to 2262"
_NAMES = {
    "epoch": "an epoch",
    "offset": "ISO 8601 with an offset",
    "local": "ISO 8601 without an offset",
    "date": "a date",
}

# An epoch's unit is told by its magnitude: seconds up to the year 5138, milliseconds from March 1973 on.
_UNITS = ("s", "ms", "us", "ns")
_UNIT_FROM = (10**11, 10**14, 10**17)
_LAST = 2**63 - 1
_UNIT_NS = np.array([10**9, 10**6, 10**3, 1], np.int64)


@dataclass(frozen=True, slots=True)
class Times:
    """A file's times as UTC.

    Args:
        ts: int64 [N], nanoseconds; meaningless where `bad`.
        bad: bool [N], the rows whose time has no single reading.
        column: the column that was read.
        reading: how it was read, such as "epoch ms".
        zone: "epoch", "offset", or the name of the zone in which local times were read.
        problems: a line for each kind of problem.
    """

    ts: Int64s
    bad: Mask
    column: str
    reading: str
    zone: str
    problems: tuple[str, ...]


def read_times(columns: Mapping[str, pa.Array], rows: Int64s, tz: str | None) -> Times:
    """Read the most trustworthy column: an epoch before a time with an offset before one without.

    Args:
        columns: the columns of times by name, each [N]: text, numbers, dates or time stamps.
        rows: int64 [N], the numbers by which problems name rows.
        tz: the zone of local times; a date is the local midnight that begins its day.

    Returns:
        The times with all problems; nothing is raised for a bad cell.

    Raises:
        UsageError: `tz` is not the name of a time zone.
    """
    texts = {name: as_text(cells) for name, cells in columns.items()}
    forms = {name: _form(text) for name, text in texts.items()}
    unreadable = [_unreadable(name, texts[name]) for name, form in forms.items() if form is None]
    trusted = sorted(
        ((name, form) for name, form in forms.items() if form is not None),
        key=lambda column: list(_FORMS).index(column[1]),
    )
    if not trusted:
        everywhere = np.ones(len(rows), np.bool_)
        return Times(np.zeros(len(rows), np.int64), everywhere, "", "", "", tuple(unreadable))

    (name, form), *others = trusted
    best = _read(name, form, texts[name], rows, tz)
    problems = list(best.problems)
    if problems or form in ("local", "date"):
        # No better column tells the time, so what these hold may be the other half of it.
        problems += unreadable
    for other_name, other_form in others:
        other = _read(other_name, other_form, texts[other_name], rows, tz)
        if other_form == form:
            differ = ~best.bad & ~other.bad & (best.ts != other.ts)
            if differ.any():
                problems.append(list_rows(f"{name} and {other_name} disagree", rows[differ]))
        elif best.problems:
            problems += other.problems
    return replace(best, problems=tuple(problems))


def _form(text: pa.Array) -> str | None:
    """The form that most cells have; None where no cell has any."""
    counts = {form: int(matches(text, pattern).sum()) for form, pattern in _FORMS.items()}
    form = max(counts, key=lambda one: counts[one])
    return form if counts[form] else None


def _unreadable(name: str, text: pa.Array) -> str:
    example = next((cell for cell in text[:1000].to_pylist() if cell), "")
    return f"{name}: {example!r} is neither ISO 8601 (2024-01-31T09:30:00-05:00) nor an epoch"


def _read(name: str, form: str, text: pa.Array, rows: Int64s, tz: str | None) -> Times:
    """Read every cell of a column, given the form that most of them have."""
    alien = ~matches(text, _FORMS[form])
    places = np.flatnonzero(~alien)
    read = _READERS[form](text.take(pa.array(places)), tz)

    faults = {what: places[mask] for what, mask in read.faults.items() if mask.any()}
    if alien.any():
        example = str(text[int(np.argmax(alien))])
        faults[f"not {_NAMES[form]} as the others are, such as {example!r}"] = np.flatnonzero(alien)
    ts, bad = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)
    ts[places] = read.ts
    for where in faults.values():
        bad[where] = True
    problems = [list_rows(f"{name}: {what}", rows[where]) for what, where in faults.items()]
    return Times(ts, bad, name, read.reading, read.zone, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Read:
    """Cells of one form as times: `ts` int64 [M], and for each kind of fault the cells [M] that have it."""

    ts: Int64s
    faults: Mapping[str, Mask]
    reading: str
    zone: str


def _read_epochs(text: pa.Array, _: str | None) -> _Read:
    rounded = matches(text, _ROUNDED)
    digits = pc.replace_substring_regex(pc.if_else(pa.array(rounded), "0", text), r"\.0*$", "")
    numbers, beyond = cast(digits, pa.int64())
    counts = np.asarray(pc.fill_null(numbers, 0))
    units = np.searchsorted(_UNIT_FROM, np.abs(counts), side="right")
    exact = ~rounded & ~beyond
    unit = int(np.bincount(units[exact]).argmax()) if exact.any() else 0
    faults = {
        "an epoch in scientific notation, whose digits are lost": rounded,
        f"an epoch of another magnitude than the others, which are {_UNITS[unit]}": exact & (units != unit),
        "an epoch beyond the year 2262": beyond
        | (exact & (units == unit) & (np.abs(counts) > _LAST // _UNIT_NS[unit])),
    }
    return _Read(counts * _UNIT_NS[unit], faults, f"epoch {_UNITS[unit]}", "epoch")


def _read_offsets(text: pa.Array, _: str | None) -> _Read:
    times, refused = cast(text, pa.timestamp("ns", "UTC"))
    return _Read(_nanoseconds(times), {_NO_DATE: refused}, _NAMES["offset"], "offset")


def _read_local(text: pa.Array, tz: str | None) -> _Read:
    times, refused = cast(text, pa.timestamp("ns"))
    wall = _nanoseconds(times)
    if tz is None:
        unknown = np.ones(len(wall), np.bool_)
        return _Read(wall, {_NO_DATE: refused, "no offset, and no time zone was named": unknown}, "", "")
    local = to_utc(wall, tz)
    faults = {
        _NO_DATE: refused,
        f"occurs twice in {tz}, where the clocks go back": local.ambiguous & ~refused,
        f"does not occur in {tz}, where the clocks go forward": local.nonexistent & ~refused,
    }
    return _Read(local.ts, faults, f"local time of {tz}", tz)


def _nanoseconds(times: pa.Array) -> Int64s:
    return np.asarray(pc.fill_null(times.cast(pa.int64()), 0))


_READERS: dict[str, Callable[[pa.Array, str | None], _Read]] = {
    "epoch": _read_epochs,
    "offset": _read_offsets,
    "local": _read_local,
    "date": _read_local,
}
