"""The rows of `alpha158`: against KunQuant's and pandas', by the columns in which they agree with ours."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sentio
from benchmarks.alpha158_peers import WINDOWS, KunQuant, by_pandas
from benchmarks.measure import Figure, agreeing, cpu, of, ratios, skipped
from benchmarks.work import bars_for, narrowed

__all__ = ["against_kunquant", "against_pandas"]

# pandas' rolling deviations lose digits on the way; KunQuant's in float32 lose more.
WITHIN = 1e-3
_SYMBOLS = 8


def _key(name: str) -> str:
    """A column's name as the formulas have it: ROC5."""
    return name.upper().replace("_", "")


def _agreeing(
    spec: sentio.FeatureSpec, ours: NDArray[np.float32], theirs: Mapping[str, NDArray[np.float64]]
) -> list[int]:
    places = [place for place, name in enumerate(spec.names) if _key(name) in theirs]
    columns = [theirs[_key(spec.names[place])] for place in places]
    found = agreeing(ours[:, places], columns, 2 * max(WINDOWS), WITHIN)
    return [places[column] for column in found]


def against_pandas(rows: int, pairs: int) -> Iterator[Figure]:
    """pandas' rolling windows over ours."""
    text = "alpha158, pandas' rolling windows, over ours"
    bounds = {"must": ">= 30", "goal": ">= 100"}
    spec, bars = sentio.FeatureSpec.load("alpha158"), bars_for(rows)
    found = _agreeing(spec, sentio.FeatureEngine(spec).compute(bars), by_pandas(bars))
    note = f"{len(found)} of {spec.n_features} columns agree within {WITHIN:g}"
    # pandas computes all of its columns: its time counts by the part that agrees.
    part = len(found) / spec.n_features
    counted = narrowed(spec, found)

    def ours() -> None:
        sentio.FeatureEngine(counted).compute(bars)

    by_pandas(bars), ours()
    ratio = [part * cpu(lambda: by_pandas(bars)) / cpu(ours) for _ in range(pairs)]
    yield of(ratio, text, note=note, **bounds)


def against_kunquant(rows: int, pairs: int, folder: Path) -> Iterator[Figure]:
    """KunQuant, in the better of its two precisions, over ours: both with memory that is used again."""
    text = "alpha158, KunQuant, 8 symbols, per row and feature, over ours"
    bounds = {"must": ">= 3", "goal": ">= 6"}
    spec = sentio.FeatureSpec.load("alpha158")
    if importlib.util.find_spec("KunQuant") is None:
        yield skipped(text, "KunQuant is not installed", **bounds)
        return
    symbols = {f"S{i}": bars_for(rows // _SYMBOLS, f"S{i}", seed=i) for i in range(_SYMBOLS)}
    names = [_key(name) for name in spec.names]
    found, rivals = {}, {}
    for dtype in ("float", "double"):
        rivals[dtype] = KunQuant(dtype, folder, symbols, names)
        theirs = {name: table[:, 0] for name, table in rivals[dtype]().items()}
        ours = sentio.FeatureEngine(spec).compute(symbols["S0"])
        found[dtype] = _agreeing(spec, ours, theirs)
    # Float32 differences of prices lose most digits: what is compared is the work, judged by double's values.
    counted = found["double"]
    asked = spec if len(counted) == spec.n_features else narrowed(spec, counted)
    if asked is not spec:
        rivals = {
            dtype: KunQuant(dtype, folder, symbols, [names[place] for place in counted]) for dtype in rivals
        }
    best = min(rivals, key=lambda dtype: min(cpu(rivals[dtype]) for _ in range(3)))
    out = {symbol: np.empty((len(bars), asked.n_features), np.float32) for symbol, bars in symbols.items()}
    agreed = ", ".join(f"{dtype} {len(places)}" for dtype, places in found.items())
    yield ratios(
        text,
        rivals[best],
        lambda: sentio.compute_many(asked, symbols, threads=1, out=out),
        pairs,
        note=f"in {best}; columns of {spec.n_features} within {WITHIN:g}: {agreed}; the latter are timed",
        **bounds,
    )
