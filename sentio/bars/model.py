"""Bars: prices and volumes of one symbol at one interval, as a value that keeps its contract."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from sentio.bars.contract import (
    COLUMNS,
    Float64s,
    Int64s,
    check_adjustment,
    check_symbol,
    list_rows,
    order_faults,
    value_faults,
)
from sentio.bars.interval import Interval
from sentio.errors import BarsError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Bars", "require_bars"]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars in the order of time, checked when they are made.

    Args:
        symbol: such as "QQQ"; "" where nobody has said.
        interval: the length of a bar in its canonical text, such as "5m".
        ts: int64 [N], UTC nanoseconds of each bar's OPEN; a bar is known at its close.
        open, high, low, close: float64 [N], in the quote currency.
        volume: float64 [N], in units of the source.
        simulated: whether they were made up.
        timezone: how the source's times were read: "epoch", "offset" (each time carries its own), or a
            zone's name.
        adjustment: what was done to the prices before they came here, one of `ADJUSTMENTS`.
        source: the name of the file that they came from, without its folder.
        source_hash: SHA-256 of that file, 64 hex digits; "" where there was no file.
        planted: for simulated bars, the best figures that any model can reach.

    Raises:
        BarsError: a column has the wrong shape or type, or a bar breaks the contract; each rule that
            is broken has a line, naming rows (1 is the first bar).
        UsageError: the symbol, the interval or the adjustment is not allowed.
    """

    symbol: str
    interval: str
    ts: Int64s
    open: Float64s
    high: Float64s
    low: Float64s
    close: Float64s
    volume: Float64s
    simulated: bool = False
    timezone: str = "UTC"
    adjustment: str = "unknown"
    source: str = ""
    source_hash: str = ""
    planted: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.symbol:
            check_symbol(self.symbol)
        check_adjustment(self.adjustment)
        if str(self.step) != self.interval:
            raise UsageError("interval", f"{self.interval!r} is written {str(self.step)!r}")
        for name in ("ts", *COLUMNS):
            object.__setattr__(self, name, _frozen(name, getattr(self, name)))
        if self.planted is not None:
            object.__setattr__(self, "planted", MappingProxyType(dict(self.planted)))
        lengths = {name: len(getattr(self, name)) for name in ("ts", *COLUMNS)}
        if len(set(lengths.values())) > 1:
            raise BarsError("bars", f"columns differ in length: {lengths}")
        self._check()

    def _check(self) -> None:
        faults = value_faults({name: getattr(self, name) for name in COLUMNS})
        faults |= order_faults(self.ts, self.step.shortest_step)
        problems = [list_rows(what, np.flatnonzero(mask) + 1) for what, mask in faults.items() if mask.any()]
        if problems:
            name = f"bars {self.symbol} {self.interval}".replace("  ", " ")
            raise BarsError(name, "break the contract of a bar", problems=problems)

    def __len__(self) -> int:
        return len(self.ts)

    def __getitem__(self, rows: slice) -> Bars:
        """Some consecutive bars, without a copy; all else stays as it is."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError("bars are cut by slices of consecutive rows, such as bars[100:200]")
        return replace(self, **{name: getattr(self, name)[rows] for name in ("ts", *COLUMNS)})

    @property
    def step(self) -> Interval:
        """The interval as a length of time."""
        return Interval.parse(self.interval)

    @property
    def hash(self) -> str:
        """SHA-256, 64 hex digits, of what a feature or a label can depend on; not of the symbol's name.

        Computed at each call over exactly these bytes, numbers little-endian:

            "sentio.bars.1"   13 bytes, ASCII
            interval          its canonical text in ASCII, then one zero byte
            simulated         1 byte, 0 or 1
            adjustment        ASCII, then one zero byte
            N                 uint64, 8 bytes
            ts                N int64
            open high low close volume   five times N float64 (IEEE 754 binary64), one column after another
        """
        digest = hashlib.sha256(b"sentio.bars.1")
        digest.update(self.interval.encode("ascii") + b"\0")
        digest.update(bytes([self.simulated]))
        digest.update(self.adjustment.encode("ascii") + b"\0")
        digest.update(struct.pack("<Q", len(self)))
        digest.update(self.ts.astype("<i8", copy=False).data)
        for name in COLUMNS:
            digest.update(getattr(self, name).astype("<f8", copy=False).data)
        return digest.hexdigest()

    def to_array(self) -> Float64s:
        """Open, high, low, close, volume as float64 [N, 5], C-contiguous, a copy."""
        return np.stack([getattr(self, name) for name in COLUMNS], axis=1)

    def to_arrow(self) -> pa.Table:
        """`ts` as timestamp[ns, UTC] and the five columns as double, as a pyarrow table."""
        import pyarrow as pa

        times = pa.array(self.ts).cast(pa.timestamp("ns", "UTC"))
        return pa.table({"ts": times} | {name: pa.array(getattr(self, name)) for name in COLUMNS})


def _frozen(name: str, column: object) -> Int64s | Float64s:
    """The column as a contiguous read-only array of its type, copied where somebody could write to it."""
    array = np.asarray(column)
    kinds, dtype = ("i", np.int64) if name == "ts" else ("iuf", np.float64)
    if array.ndim != 1 or array.dtype.kind not in kinds:
        allowed = "integers (UTC nanoseconds)" if name == "ts" else "numbers"
        raise BarsError(name, f"is {array.dtype} {list(array.shape)}; allowed is one dimension of {allowed}")
    if array.dtype != dtype or not array.flags.c_contiguous or array.flags.writeable:
        array = np.array(array, dtype, order="C")
        array.flags.writeable = False
    return array


def require_bars(value: object) -> None:
    """Refuse what is given in place of `Bars`, such as a data frame.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, Bars):
        raise UsageError(
            "bars",
            f"are a {type(value).__name__}, not sentio.Bars",
            hint="sentio.read_bars(FILE), or sentio.Bars(symbol, interval, ts, open, ..., volume)",
        )
