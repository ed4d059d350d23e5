"""The length of a bar: from the text that people write ("5m") to nanoseconds, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentio.errors import UsageError

__all__ = ["DAY_NS", "HOUR_NS", "MINUTE_NS", "SECOND_NS", "Interval"]

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

_UNITS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}
_LONGEST = 366 * DAY_NS
_ALLOWED = "a whole number of s, m, h or d up to 366d, such as 30s, 1m, 5m, 15m, 1h, 1d"


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The length of a bar in nanoseconds; `str` gives its one canonical text ("60m" is "1h")."""

    ns: int

    def __post_init__(self) -> None:
        if self.ns < SECOND_NS or self.ns > _LONGEST or self.ns % SECOND_NS:
            raise UsageError("interval", f"{self.ns} ns is not an interval; allowed is {_ALLOWED}")

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read "1m", "5m", "1h", "1d" and the like.

        Raises:
            UsageError: the text is not an interval; the message says what is.
        """
        match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
        if match is None or int(match[1]) * _UNITS[match[2]] > _LONGEST:
            raise UsageError("interval", f"{text!r} is not an interval; allowed is {_ALLOWED}")
        return cls(int(match[1]) * _UNITS[match[2]])

    def __str__(self) -> str:
        unit = next(name for name in reversed(_UNITS) if self.ns % _UNITS[name] == 0)
        return f"{self.ns // _UNITS[unit]}{unit}"

    @property
    def shortest_step(self) -> int:
        """The least time from one bar's open to the next, in nanoseconds.

        It is the interval, but for bars of a day or longer: these open at local midnight, and the day on
        which the clocks go forward has 23 hours.
        """
        return self.ns - HOUR_NS if self.ns >= DAY_NS else self.ns
