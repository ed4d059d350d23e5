"""The drift of live features: the counters and the figures that a slow formula gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from bundles import make_bundle, make_source, walk

from sentio import LiveBundle, Session, load_bundle
from sentio.bundle import Bundle
from sentio.features import FeatureEngine

# Beside features of a return and of a level, one that is nearly always the same and one with few values.
SPEC = {
    "schema_version": "1.0",
    "features": [
        {"name": "ret_1", "op": "LOGRET", "window": 1},
        {"name": "ema_5", "op": "EMA", "source": "close", "window": 5},
        {"name": "turn", "op": "FRACTAL_HIGH", "left": 10, "right": 2},
        {"name": "aroon", "op": "AROON_UP", "window": 5},
    ],
}
LAST_TRAIN_ROW = 332  # as make_source splits 720 bars


def rows_of(bars):
    return [(ts, *row) for ts, row in zip(bars.ts.tolist(), bars.to_array().tolist(), strict=True)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return load_bundle(make_bundle(tmp_path_factory.mktemp("drift"), make_source(4, document=SPEC)))


@pytest.fixture(scope="module")
def live(bundle) -> LiveBundle:
    return LiveBundle(bundle)


def features_of(bundle, bars):
    return FeatureEngine(bundle.spec).compute(bars).astype(np.float32)


def slow_index(trained, live_values, deciles) -> float:
    """The definition, from the values: equal deciles are one bound, half a row is added to each bin."""
    bounds = [-np.inf, *sorted(set(deciles)), np.inf]
    bins = len(bounds) - 1
    psi = 0.0
    for low, high in pairwise(bounds):
        p, q = (
            (np.sum((low < values) & (values <= high)) + 0.5) / (len(values) + 0.5 * bins)
            for values in (trained, live_values)
        )
        psi += (q - p) * np.log(q / p)
    return psi


def trained_on(bundle):
    return features_of(bundle, walk())[bundle.spec.first_valid_row : LAST_TRAIN_ROW + 1]


def test_the_figures_are_those_of_the_definition(bundle, live):
    later = walk(sessions=5, first=12, seed=4)
    session = Session(live, interval="5m")
    for row in rows_of(later):
        session.on_bar(*row)
    counted = features_of(bundle, later)[bundle.spec.first_valid_row :]
    trained = trained_on(bundle)
    drift = session.drift
    assert drift.names == ("ret_1", "ema_5", "turn", "aroon")
    assert drift.rows == len(counted)
    assert drift.bins.shape == (4, 10)
    for column in range(4):
        values, before = counted[:, column], trained[:, column]
        deciles = bundle.manifest.drift[column].deciles
        edges = [-np.inf, *deciles, np.inf]
        assert drift.bins[column].tolist() == [
            int(((low < values) & (values <= high)).sum()) for low, high in pairwise(edges)
        ]
        assert drift.below_min[column] == (values < before.min()).sum()
        assert drift.above_max[column] == (values > before.max()).sum()
        outside = ((values < before.min()) | (values > before.max())).mean()
        assert drift.out_of_range[column] == outside
        # Sums of ten terms in another order.
        assert drift.psi[column] == pytest.approx(slow_index(before, values, deciles), rel=1e-12)
    deciles = bundle.manifest.drift[2].deciles
    assert deciles == [0.0] * 9, "the rare feature is to have but one bound"
    assert len(set(bundle.manifest.drift[3].deciles)) < 9
    assert drift.psi[1] > 0.25, "a level wanders off"
    assert max(drift.psi[[0, 2, 3]]) < 0.1


def test_the_training_rows_themselves_have_not_moved(bundle, live):
    bars = walk()
    session = Session(live, interval="5m")
    for row in rows_of(bars)[: LAST_TRAIN_ROW + 1]:
        session.observe(*row)
    drift = session.drift
    assert drift.rows == len(trained_on(bundle))
    assert drift.bins.tolist() == [entry.counts for entry in bundle.manifest.drift]
    assert drift.psi.tolist() == [0.0] * 4
    assert drift.out_of_range.tolist() == [0.0] * 4


def test_counters_outlive_a_restart_and_history_is_not_counted(live):
    rows = rows_of(walk(sessions=3))
    session = Session(live, interval="5m")
    session.warm_up(walk(sessions=1))
    assert session.drift.rows == 0
    assert np.isnan(session.drift.psi).all()
    assert np.isnan(session.drift.out_of_range).all()
    for row in rows[60:90]:
        session.on_bar(*row)
        session.peek(rows[90][0], *row[1:])
    restored = Session(live, interval="5m")
    restored.restore(session.state())
    clone = session.clone()
    for each in (session, restored, clone):
        assert each.drift.rows == 30
        each.on_bar(*rows[90])
        assert each.drift.rows == 31
        assert each.drift.bins.tolist() == session.drift.bins.tolist()
    session.reset_drift()
    assert session.drift.rows == 0
    assert restored.drift.rows == 31


def test_another_bundle_begins_anew(tmp_path, live):
    other = LiveBundle(load_bundle(make_bundle(tmp_path, make_source(4, document=SPEC), version="v2")))
    session = Session(live, interval="5m")
    for row in rows_of(walk(sessions=1)):
        session.on_bar(*row)
    restored = Session(other, interval="5m")
    restored.restore(session.state())
    assert (restored.bars_seen, restored.drift.rows) == (60, 0)
    session.swap(other)
    assert session.drift.rows == 0
