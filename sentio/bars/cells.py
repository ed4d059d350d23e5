"""Cells of text to values, with a mask of the cells that are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sentio.bars.contract import Float64s, Mask

__all__ = ["as_text", "cast", "matches", "read_numbers"]

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def as_text(cells: pa.Array) -> pa.Array:
    """Any column as text [N] without blanks around it; an empty cell and a missing one are both ""."""
    return pc.utf8_trim_whitespace(pc.fill_null(cells.cast(pa.string()), ""))


def matches(text: pa.Array, pattern: str) -> Mask:
    """Which cells of text [N] match a regular expression."""
    return np.asarray(pc.match_substring_regex(text, pattern))


def cast(text: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """Text [N] as `kind` [N], null where a cell is not one, and a mask of those."""
    bad = np.zeros(len(text), np.bool_)
    bad[_refused(text, kind, 0)] = True
    return pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), text).cast(kind), bad


def read_numbers(cells: pa.Array) -> tuple[Float64s, Mask]:
    """A column as float64 [N], NaN where a cell is empty or not a number, and a mask of those."""
    kind = cells.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = cells.cast(pa.float64(), safe=False)
        bad = np.asarray(pc.is_null(values))
    else:
        text = as_text(cells)
        written = matches(text, _NUMBER)
        values, refused = cast(pc.if_else(pa.array(written), text, "0"), pa.float64())
        bad = ~written | refused
    numbers: npt.NDArray[np.float64] = np.array(pc.fill_null(values, np.nan), np.float64)
    numbers[bad] = np.nan
    return numbers + 0.0, bad  # -0.0 becomes 0.0: one value, one hash


def _refused(text: pa.Array, kind: pa.DataType, first: int) -> list[int]:
    """The places of the cells that `kind` refuses, found by halving; Arrow names only one."""
    try:
        text.cast(kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return [first]
        half = len(text) // 2
        return _refused(text[:half], kind, first) + _refused(text[half:], kind, first + half)
    return []
