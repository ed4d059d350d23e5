"""Which rows may be used and how they are split, against loops written from the rules."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from feature_tables import FakeTable, make_table

from sentio.dataset import make_dataset, split_in_time
from sentio.errors import BadInput
from sentio.labels import Direction, LogretFwd


@pytest.fixture(scope="module")
def table() -> FakeTable:
    return make_table(sessions=8, bars_each=20, first_valid_row=13)


@pytest.mark.parametrize("seq_len", [1, 5, 20, 21])
@pytest.mark.parametrize("cross_sessions", [False, True])
@pytest.mark.parametrize("windows_cross_sessions", [False, True])
def test_rows_are_those_with_a_whole_window_and_a_label(
    table, seq_len, cross_sessions, windows_cross_sessions
):
    label = LogretFwd(horizon=3, cross_sessions=cross_sessions)
    expected = []
    for row in range(len(table.ts)):
        start, end = row - seq_len + 1, row + 3
        usable = start >= 13 and end < len(table.ts)
        usable &= cross_sessions or row // 20 == end // 20
        usable &= windows_cross_sessions or start // 20 == row // 20
        if usable:
            expected.append(row)
    if not expected:
        with pytest.raises(BadInput, match="window crosses a session gap"):
            make_dataset(table, label, seq_len=seq_len, windows_cross_sessions=windows_cross_sessions)
        return
    dataset = make_dataset(table, label, seq_len=seq_len, windows_cross_sessions=windows_cross_sessions)
    assert dataset.rows.tolist() == expected
    assert sum(dataset.lost.values()) + len(dataset.rows) == len(table.ts)


def test_every_window_holds_valid_features_alone(table):
    dataset = make_dataset(table, Direction(), seq_len=7)
    for row in dataset.rows:
        assert np.isfinite(table.features[row - 6 : row + 1]).all()


@pytest.mark.parametrize(("horizon", "embargo"), [(1, 0), (5, 0), (5, 7), (19, 30)])
def test_no_label_reaches_the_next_span(horizon, embargo):
    table = make_table(sessions=20, bars_each=20, first_valid_row=13)
    dataset = make_dataset(table, LogretFwd(horizon=horizon, cross_sessions=True))
    split = split_in_time(dataset, train=0.6, validation=0.2, embargo=embargo)
    for earlier, later in ((split.train, split.validation), (split.validation, split.test)):
        assert earlier[-1] + horizon + embargo < later[0]
        # And no more than that is given up: the next usable row would reach.
        dropped = dataset.rows[(dataset.rows > earlier[-1]) & (dataset.rows < later[0])]
        assert len(dropped) > 0
        assert all(row + horizon + embargo >= later[0] for row in dropped)


def test_spans_follow_each_other_and_have_their_shares(table):
    dataset = make_dataset(table, LogretFwd())
    split = split_in_time(dataset, train=0.5, validation=0.25)
    joined = np.concatenate([rows for _, rows in split])
    assert (np.diff(joined) > 0).all()
    assert split.test[0] == dataset.rows[round(0.75 * len(dataset.rows))]
    assert split.test[-1] == dataset.rows[-1]


def test_spans_are_views_not_copies(table):
    dataset = make_dataset(table, LogretFwd())
    split = split_in_time(dataset, train=0.6, validation=0.2)
    assert all(np.shares_memory(rows, dataset.rows) for _, rows in split)


def test_a_span_without_rows_is_refused_by_name(table):
    dataset = make_dataset(table, LogretFwd())
    with pytest.raises(BadInput, match="leave nothing for train"):
        split_in_time(dataset, train=0.1, validation=0.2, embargo=1000)


def test_a_table_that_never_warms_up_says_why(table):
    manifest = dataclasses.replace(table.manifest, first_valid_row=10_000)
    with pytest.raises(BadInput, match="warm-up: 160 rows"):
        make_dataset(dataclasses.replace(table, manifest=manifest), Direction())
