"""The rows of `classic`: against memset, other libraries, its own columns shuffled, and a second thread."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

import sentio
from benchmarks.classic_peers import PEERS, Peer, Stack, best_stack
from benchmarks.measure import AGREEMENT, CONVERGED, Figure, agreeing, ratios, skipped
from benchmarks.work import bars_for, narrowed, shuffled
from sentio.bars import Bars
from sentio.matrix_memory import new_matrix

__all__ = ["against_memset", "against_peers", "over_threads", "shuffled_columns"]

NEW_MEMORY = ", in memory new from the system"


def against_memset(bars: Bars, pairs: int) -> Iterator[Figure]:
    """Into a buffer that is used again, over memset of the same bytes; for each shipped spec.

    Also over memset of another byte than zero: some processors have a way of their own to write zeros, which
    no other store can take.
    """
    for name in ("classic", "tfa", "alpha158"):
        bound = {"must": "<= 6", "goal": "<= 4"} if name == "classic" else {}
        text = f"{name}, reused output, over memset of the same bytes"
        try:
            spec = sentio.FeatureSpec.load(name)
        except sentio.errors.UsageError:
            yield skipped(text, f"there is no spec {name}")
            continue
        some = bars[: len(bars) * 55 // max(55, spec.n_features)]  # as many bytes as classic's
        out = np.empty((len(some), spec.n_features), np.float32)
        for byte in (0, 1) if name == "classic" else (0,):
            fill = partial(ctypes.memset, out.ctypes.data, byte, out.nbytes)
            shown = text if byte == 0 else f"{text}, each 1 instead of 0"
            yield ratios(shown, compute_into(spec, some, out), fill, pairs, **bound)


def compute_into(spec: sentio.FeatureSpec, bars: Bars, out: np.ndarray | None = None) -> Callable[[], object]:
    """The engine's work from the first bar, a new matrix each time where none is given."""
    return lambda: sentio.FeatureEngine(spec).compute(bars, out)


def against_peers(bars: Bars, pairs: int) -> Iterator[Figure]:
    """Each library over ours, both into a new matrix each time, by the columns in which they agree.

    Once with matrices from `new_matrix` for both, which uses memory again, and columns that malloc keeps for
    the next run: nobody pays for zeros that the system writes into new memory. Then, where the columns are
    stacked here, with matrices for whose memory both ask the system, as for the first of a process.
    """
    spec = sentio.FeatureSpec.load("classic")
    ours = sentio.FeatureEngine(spec).compute(bars)
    bounds = {"TA-Lib": (">= 5", ">= 7"), "a numba loop": (">= 1.5", ">= 2")}
    for peer in PEERS:
        must, goal = bounds.get(peer.name, (">= 7", ">= 10"))
        text = f"classic, {peer.name} into a new matrix, over ours"
        if not peer.load():
            absent = f"{peer.module} is not installed"
            yield skipped(text, absent, must, goal)
            if not peer.stacks:
                yield skipped(f"{text}{NEW_MEMORY}", absent)
            continue
        columns = peer.compute(spec, bars)
        found = agreeing(ours, list(columns.T) if peer.stacks else columns, CONVERGED)
        note = f"{len(found)} of {spec.n_features} columns agree within {AGREEMENT:g}"
        counted = spec if len(found) == spec.n_features else narrowed(spec, found)
        if peer.stacks:
            alone = partial(peer.compute, counted, bars)
            yield ratios(text, alone, compute_into(counted, bars), pairs, must=must, goal=goal, note=note)
        else:
            yield from against_columns(peer, counted, bars, best_stack(columns), pairs, must, goal, note)


def against_columns(
    peer: Peer,
    spec: sentio.FeatureSpec,
    bars: Bars,
    stack: Stack,
    pairs: int,
    must: str,
    goal: str,
    note: str,
) -> Iterator[Figure]:
    """The same of a library whose columns are stacked here."""
    shape = len(bars), spec.n_features
    ours, alone = compute_into(spec, bars), partial(peer.compute, spec, bars)
    text = f"classic, {peer.name} into a new matrix, over ours"
    yield ratios(
        text,
        lambda: stack(alone(), new_matrix(shape, np.float32)),
        ours,
        pairs,
        must=must,
        goal=goal,
        note=note,
    )
    yield ratios(
        f"{text}{NEW_MEMORY}",
        lambda: stack(alone(), np.empty(shape, np.float32)),
        lambda: compute_into(spec, bars, np.empty(shape, np.float32))(),
        pairs,
        note=note,
    )
    if peer.name == "TA-Lib":
        text = "classic, TA-Lib's computation alone, its stacking not counted, over ours"
        yield ratios(text, alone, ours, pairs, must=">= 2", goal=">= 3", note=note)


def shuffled_columns(bars: Bars, pairs: int) -> Iterator[Figure]:
    """The same columns in a random order, over the spec's own."""
    spec = sentio.FeatureSpec.load("classic")
    out = np.empty((len(bars), spec.n_features), np.float32)
    yield ratios(
        "classic, columns in shuffled order, over the ordered cost",
        compute_into(shuffled(spec), bars, out),
        compute_into(spec, bars, out),
        pairs,
        must="<= 2",
        goal="<= 1.3",
    )


def over_threads(rows: int, pairs: int) -> Iterator[Figure]:
    """One thread over two, on eight symbols, by the clock on the wall."""
    spec = sentio.FeatureSpec.load("classic")
    symbols = {f"S{i}": bars_for(rows // 8, f"S{i}", seed=i) for i in range(8)}
    out = {symbol: np.empty((len(bars), spec.n_features), np.float32) for symbol, bars in symbols.items()}

    def wall(call: Callable[[], object]) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    yield ratios(
        "classic, 8 symbols, one thread over two, wall time",
        lambda: sentio.compute_many(spec, symbols, threads=1, out=out),
        lambda: sentio.compute_many(spec, symbols, threads=2, out=out),
        pairs,
        must=">= 1.8",
        clock=wall,
    )
