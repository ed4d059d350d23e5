"""What is computed: bars of a random walk, and specs of any width or order."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import sentio
from sentio.bars import Bars

__all__ = ["bars_for", "later", "narrowed", "shuffled", "widened"]

_MINUTE = 60_000_000_000


def bars_for(rows: int, symbol: str = "BENCH", seed: int = 1) -> Bars:
    """`rows` one-minute bars of a random walk, without gaps."""
    random = np.random.default_rng(seed)
    close = 400.0 * np.exp(np.cumsum(random.normal(0.0, 5e-4, rows)))
    open_ = np.concatenate(([400.0], close[:-1]))
    reach = np.abs(random.normal(0.0, 3e-4, (2, rows))) * close
    return Bars(
        symbol=symbol,
        interval="1m",
        ts=np.arange(rows, dtype=np.int64) * _MINUTE,
        open=open_,
        high=np.maximum(open_, close) + reach[0],
        low=np.minimum(open_, close) - reach[1],
        close=close,
        volume=random.integers(100, 10_000, rows).astype(np.float64),
        simulated=True,
    )


def later(bars: Bars, times: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The times of the same bars, so many lengths of the whole later."""
    return bars.ts + times * len(bars) * _MINUTE


def shuffled(spec: sentio.FeatureSpec) -> sentio.FeatureSpec:
    """The same columns in a random order; none may be another's source."""
    document = json.loads(spec.json)
    np.random.default_rng(7).shuffle(document["features"])
    return sentio.FeatureSpec.from_document(document)


def narrowed(spec: sentio.FeatureSpec, columns: list[int]) -> sentio.FeatureSpec:
    """The columns at these places alone; the others are hidden where one of these needs them."""
    document = json.loads(spec.json)
    shown = [feature for feature in document["features"] if not feature.get("hidden")]
    for place, feature in enumerate(shown):
        feature["hidden"] = place not in columns
    return sentio.FeatureSpec.from_document(document)


def widened(spec: sentio.FeatureSpec, width: int) -> sentio.FeatureSpec:
    """`width` columns of the spec's ops in their proportion, each with a window of its own."""
    document = json.loads(spec.json)
    given = document["features"]
    features: list[dict[str, Any]] = []
    for place in range(width):
        feature = {**given[place * len(given) // width % len(given)], "name": f"f{place}"}
        if "window" in feature:
            feature["window"] = 2 + sum(other["op"] == feature["op"] for other in features)
        features.append(feature)
    document["features"] = features
    return sentio.FeatureSpec.from_document(document)
