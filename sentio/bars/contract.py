"""What every bar must keep before anything else looks at it, with each breach told by its row numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sentio.errors import UsageError

__all__ = [
    "ADJUSTMENTS",
    "COLUMNS",
    "PRICES",
    "PRICE_MAX",
    "PRICE_MIN",
    "VOLUME_MAX",
    "Float64s",
    "Int64s",
    "Mask",
    "check_adjustment",
    "check_symbol",
    "is_symbol",
    "list_rows",
    "order_faults",
    "value_faults",
]

Float64s: TypeAlias = npt.NDArray[np.float64]
Int64s: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

# The same bounds as kMinPrice, kMaxPrice and kMaxVolume of the engine (include/sentio/bar.hpp).
PRICE_MIN = 1e-12
PRICE_MAX = 1e12
VOLUME_MAX = 1e18

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")

ADJUSTMENTS = ("unknown", "raw", "splits", "splits+dividends")

_SHOWN_RUNS = 10
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")


def is_symbol(text: str) -> bool:
    """Whether a text could be a file's name everywhere: what `check_symbol` allows."""
    return _SYMBOL.fullmatch(text) is not None


def check_symbol(symbol: str) -> None:
    """Refuse a symbol that could not be a file's name everywhere.

    Raises:
        UsageError: not 1 to 32 of A-Z, 0-9, dot, underscore and hyphen, the first a letter or a digit.
    """
    if not is_symbol(symbol):
        upper = symbol.upper()
        raise UsageError(
            "symbol",
            f"{symbol!r} is not a symbol; allowed is a letter or digit, then up to 31 of A-Z 0-9 . _ -",
            hint=f"write {upper}" if is_symbol(upper) else "",
        )


def check_adjustment(adjustment: str) -> None:
    """Refuse a word for the adjustment of prices that is not one of `ADJUSTMENTS`.

    Raises:
        UsageError: the word is not known.
    """
    if adjustment not in ADJUSTMENTS:
        raise UsageError("adjustment", f"{adjustment!r} is not known; allowed is {', '.join(ADJUSTMENTS)}")


def list_rows(what: str, rows: Int64s) -> str:
    """One line for one kind of problem, such as "low lies above open or close: 4 rows (17, 230-232)".

    Args:
        what: what is wrong with them.
        rows: int64 [M], their numbers, ascending.
    """
    ends = np.append(np.flatnonzero(np.diff(rows) != 1), len(rows) - 1)
    starts = np.append(0, ends[:-1] + 1)
    runs = [
        f"{rows[start]}" if start == end else f"{rows[start]}-{rows[end]}"
        for start, end in zip(starts[:_SHOWN_RUNS], ends[:_SHOWN_RUNS], strict=True)
    ]
    hidden = len(rows) - 1 - int(ends[len(runs) - 1])
    more = f" and {hidden:,} more" if hidden else ""
    return f"{what}: {len(rows):,} {'row' if len(rows) == 1 else 'rows'} ({', '.join(runs)}{more})"


def value_faults(values: Mapping[str, Float64s]) -> dict[str, Mask]:
    """Which bars break the contract by themselves.

    Args:
        values: the columns of `COLUMNS`, each float64 [N].

    Returns:
        For each rule, what a breach of it is called and a mask [N] of the bars that break it.
    """
    # Written so that NaN fails.
    priced = {name: (values[name] >= PRICE_MIN) & (values[name] <= PRICE_MAX) for name in PRICES}
    faults = {
        f"{name} is not a number within [{PRICE_MIN:g}, {PRICE_MAX:g}]": ~fine
        for name, fine in priced.items()
    }
    comparable = np.logical_and.reduce(list(priced.values()))
    open_, high, low, close = (values[name] for name in PRICES)
    faults["high lies below open, low or close"] = comparable & (
        (high < open_) | (high < low) | (high < close)
    )
    faults["low lies above open or close"] = comparable & ((low > open_) | (low > close))
    volume = values["volume"]
    faults[f"volume is not a number within [0, {VOLUME_MAX:g}]"] = ~((volume >= 0) & (volume <= VOLUME_MAX))
    return faults


def order_faults(ts: Int64s, shortest_step: int) -> dict[str, Mask]:
    """Which bars are not later than the bar before by at least `shortest_step` nanoseconds.

    Returns:
        As `value_faults`; `ts` is int64 [N], UTC nanoseconds.
    """
    early, close_by = np.zeros(len(ts), np.bool_), np.zeros(len(ts), np.bool_)
    early[1:] = ts[1:] <= ts[:-1]
    close_by[1:] = (ts[1:] > ts[:-1]) & (ts[1:] - ts[:-1] < shortest_step)
    return {
        "time is not later than that of the row before": early,
        "follows the row before by less than the interval": close_by,
    }
