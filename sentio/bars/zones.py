"""From the time on a wall in some zone to UTC, finding the hours that a change of clocks repeats or skips."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentio.bars.contract import Int64s, Mask
from sentio.errors import EnvironmentProblem, UsageError, did_you_mean

__all__ = ["LocalTimes", "check_zone", "to_utc"]


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Local times as UTC: `ts` int64 [N] in nanoseconds, and which of them have two readings or none."""

    ts: Int64s
    ambiguous: Mask
    nonexistent: Mask


def check_zone(name: str) -> None:
    """Refuse what is not the name of a time zone or a fixed offset such as +05:30.

    Raises:
        UsageError: the name is not in the IANA database; a near one is suggested.
        EnvironmentProblem: this machine has no such database.
    """
    try:
        _assume(pa.scalar(0, pa.timestamp("ns")), name, "earliest", "earliest")
    except pa.ArrowInvalid:
        known = zoneinfo.available_timezones()
        if name in known or not known:
            hint = "install the system's package of time zones, tzdata"
            raise EnvironmentProblem(
                "time zones", "this machine has no database of them", hint=hint
            ) from None
        raise UsageError(
            "time zone",
            f"{name!r} is not known; allowed is a name such as UTC, America/New_York or Europe/London",
            hint=did_you_mean(name, known),
        ) from None


def to_utc(local: Int64s, zone: str) -> LocalTimes:
    """Read local times in a zone.

    Args:
        local: int64 [N], nanoseconds since 1970-01-01 00:00 on the wall.
        zone: a name of the IANA database.

    Returns:
        UTC nanoseconds, and masks of those that occur twice (autumn) or never (spring).
    """
    check_zone(zone)
    wall = pa.array(local).cast(pa.timestamp("ns"))

    def read(ambiguous: str, nonexistent: str) -> Int64s:
        return np.asarray(_assume(wall, zone, ambiguous, nonexistent).cast(pa.int64()))

    earliest = read("earliest", "earliest")
    return LocalTimes(
        ts=earliest,
        ambiguous=earliest != read("latest", "earliest"),
        nonexistent=earliest != read("earliest", "latest"),
    )


def _assume(wall: pa.Array | pa.Scalar, zone: str, ambiguous: str, nonexistent: str) -> pa.Array | pa.Scalar:
    return pc.assume_timezone(wall, zone, ambiguous=ambiguous, nonexistent=nonexistent)
