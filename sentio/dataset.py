"""The dataset: index arithmetic over a cache entry's maps; which rows may be used, and for what.

Nothing is copied: a sample is the number of its last row, a split is three sets of such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sentio.errors import BadInput

if TYPE_CHECKING:
    from sentio.bars import Bars
    from sentio.labels import Label, LabelledRows

__all__ = ["Dataset", "FeatureTable", "Split", "TableManifest", "make_dataset", "split_in_time"]

Rows = NDArray[np.int64]


class TableManifest(Protocol):
    """What training needs to know of a cache entry's origin."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def interval(self) -> str:
        """The length of a bar, such as `5m`."""

    @property
    def simulated(self) -> bool:
        """Whether the bars were made up."""

    @property
    def bars_hash(self) -> str:
        """SHA-256 of the bars."""

    @property
    def spec_name(self) -> str:
        """The name of the feature spec."""

    @property
    def spec_hash(self) -> str:
        """The hash of the compiled spec, by the engine."""

    @property
    def engine(self) -> Mapping[str, str]:
        """The versions of the engine that computed the features."""

    @property
    def features(self) -> list[str]:
        """The names of the columns, in order."""

    @property
    def first_valid_row(self) -> int:
        """The first row whose features are all valid."""

    @property
    def session_gap_ns(self) -> int:
        """The gap that starts a session, in nanoseconds."""


class FeatureTable(Protocol):
    """A cache entry, or anything that looks like one."""

    @property
    def id(self) -> str:
        """SHA-256 over the bytes of the entry."""

    @property
    def key(self) -> str:
        """What the entry was made from, as a hash."""

    @property
    def features(self) -> NDArray[np.float32]:
        """float32 [N, F], row i known at the close of bar i."""

    @property
    def ts(self) -> NDArray[np.int64]:
        """int64 [N], the open of each bar in UTC nanoseconds."""

    @property
    def bars(self) -> Bars:
        """The bars that the features were computed from."""

    @property
    def manifest(self) -> TableManifest:
        """Where the features come from."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The samples that a table and a label offer.

    Attributes:
        table: features and bars.
        labels: the label of every row.
        horizon: how many bars a label looks ahead.
        seq_len: rows of a window; the sample `r` sees the rows `r - seq_len + 1 .. r`.
        sessions: int64 [N], the number of each row's session.
        rows: int64, the last rows of the usable windows, in time order.
        lost: rows that are not usable, by the first reason that applies; with `rows` they sum to N.
    """

    table: FeatureTable
    labels: LabelledRows
    horizon: int
    seq_len: int
    sessions: NDArray[np.int64]
    rows: Rows
    lost: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Split:
    """Samples for training, for choosing the epoch, and for the one honest look at the end.

    Attributes:
        train, validation, test: int64 row numbers, in time order.
    """

    train: Rows
    validation: Rows
    test: Rows

    def __iter__(self) -> Iterator[tuple[str, Rows]]:
        yield from (("train", self.train), ("validation", self.validation), ("test", self.test))


def make_dataset(
    table: FeatureTable, label: Label, *, seq_len: int = 1, windows_cross_sessions: bool = True
) -> Dataset:
    """Find the rows whose whole window is valid and whose label is known.

    Args:
        table: N rows of features with their bars.
        label: what to foresee.
        seq_len: rows of a window.
        windows_cross_sessions: whether a window may hold rows of two sessions.

    Raises:
        BadInput: no row is usable; the reasons are listed.
    """
    from sentio.bars import session_numbers

    count, manifest = len(table.ts), table.manifest
    sessions = session_numbers(table.ts, manifest.session_gap_ns)
    labels = label.make(table.bars, sessions)
    row = np.arange(count)
    window_start = row - (seq_len - 1)
    reasons = {"warm-up": window_start < manifest.first_valid_row}
    if not windows_cross_sessions:
        reasons["window crosses a session gap"] = sessions != sessions[np.maximum(window_start, 0)]
    reasons |= {name: labels.reason == code for code, name in enumerate(labels.reasons, 1)}
    usable = np.ones(count, dtype=np.bool_)
    lost = {}
    for name, unusable in reasons.items():
        lost[name] = int(np.count_nonzero(usable & unusable))
        usable &= ~unusable
    if not usable.any():
        raise BadInput(
            f"{manifest.symbol} {manifest.interval}",
            f"none of {count} rows can be used",
            problems=[f"{name}: {rows} rows" for name, rows in lost.items() if rows],
            hint="change what loses the most: import more bars, choose a shorter horizon or window, or leave "
            "out smaller moves alone",
        )
    return Dataset(table, labels, label.horizon, seq_len, sessions, np.flatnonzero(usable), lost)


def split_in_time(dataset: Dataset, *, train: float, validation: float, embargo: int = 0) -> Split:
    """Cut the samples into three spans in the order of time, purged by the label's horizon.

    A sample is purged where its label, which ends at row `r + horizon`, reaches the first row of the next
    span, or comes within `embargo` rows of it. Windows of features may overlap: that a later sample sees
    earlier bars is how it will be live, and tells it nothing of its label.

    Args:
        dataset: the samples.
        train, validation: their shares of the samples; the rest is the test span.
        embargo: further rows between the end of a label and the next span.

    Raises:
        BadInput: a span is empty.
    """
    rows = dataset.rows
    first_validation, first_test = (round(len(rows) * share) for share in (train, train + validation))
    spans = [rows[:first_validation], rows[first_validation:first_test], rows[first_test:]]
    reach = dataset.horizon + embargo
    split = Split(_before(spans[0], spans[1], reach), _before(spans[1], spans[2], reach), spans[2])
    empty = [name for name, span in split if not len(span)]
    if empty:
        raise BadInput(
            f"{dataset.table.manifest.symbol} {dataset.table.manifest.interval}",
            f"{len(rows)} usable rows leave nothing for {' and '.join(empty)}",
            hint="import more bars, or lower the warm-up, the horizon or the embargo",
        )
    return split


def _before(span: Rows, following: Rows, reach: int) -> Rows:
    """The samples of `span` whose row plus `reach` comes before the first row of the following span."""
    if not len(following):
        return span
    return span[: np.searchsorted(span, following[0] - reach)]
