"""The feature engine for Python: bars in, features out, all at once, bar by bar or many symbols at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bars import Bars, require_bars
from sentio.errors import BarsError, UsageError
from sentio.extension import engine_errors, load_extension
from sentio.matrix_memory import new_matrix
from sentio.specs import FeatureSpec

__all__ = ["FeatureEngine", "Matrix", "Step", "compute_many", "error_scales"]

# float32 or float64, as the spec's dtype says.
Matrix = NDArray[np.floating[Any]]

# ts, open, high, low, close and volume to the bar's features.
Step = Callable[[int, float, float, float, float, float], Matrix]


class FeatureEngine:
    """One symbol's running features.

    It begins before the first bar, and every call goes on from where the one before has ended: how bars are
    split into calls does not change a bit. Several threads may use one engine; they wait for each other.

    Args:
        spec: what to compute.

    Raises:
        EnvironmentProblem: SENTIO_ISA names no instruction set of this machine.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._spec = spec
        extension = load_extension()
        with engine_errors("feature engine"):
            self._engine = extension.Engine(spec.plan)
        self._n_features = spec.n_features  # asked of the plan once: it describes all of them
        self._bound: tuple[Step, Matrix] | None = None  # the last row that was stepped into

    @property
    def spec(self) -> FeatureSpec:
        """What is computed."""
        return self._spec

    @property
    def bars_seen(self) -> int:
        """Bars since the beginning, those before a restored state included."""
        return int(self._engine.bars_seen)

    @property
    def last_ts(self) -> int | None:
        """The open of the last bar, UTC nanoseconds; None before the first."""
        last: int | None = self._engine.last_ts
        return last

    def compute(self, bars: Bars, out: Matrix | None = None) -> Matrix:
        """Go on with some bars.

        Args:
            bars: N bars, all later than those before.
            out: where to write, such as a memmap: [N, F] of the spec's dtype, C-contiguous; None: a new one,
                if large then in the memory of one that was released.

        Returns:
            `out`, the features [N, F]: row i is known at the close of bar i. Rows before the spec's
            `emit_from`, counted from the engine's beginning, hold its pad value.

        Raises:
            BarsError: a bar is not later than the one before; neither state nor `out` has changed.
            UsageError: `bars` are no `Bars`; `out` has another shape, dtype or order, or cannot be written.
            MemoryError: there is not as much memory.
        """
        require_bars(bars)
        if out is None:
            out = new_matrix((len(bars), self._n_features), self._spec.dtype)
        with engine_errors("features"):
            self._engine.compute(bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume, out)
        return out

    def step(
        self,
        ts: int,
        open: float,
        high: float,
        low: float,
        close: float,
        volume: float,
        out: Matrix | None = None,
    ) -> Matrix:
        """Go on with one bar.

        Args:
            ts: the bar's open, UTC nanoseconds.
            open, high, low, close: in the quote currency.
            volume: in units of the source.
            out: where to write, [F] of the spec's dtype, contiguous; None: a new one.

        Returns:
            `out`, the bar's features [F], known at its close.

        Raises:
            BarsError: the bar breaks its contract or is not later than the one before; nothing has changed.
            UsageError: `out` has another shape or dtype, or cannot be written.
        """
        if out is None:
            out = np.empty(self._n_features, self._spec.dtype)
        bound = self._bound  # one value: another thread may step into another row
        if bound is None or bound[1] is not out:
            bound = self._bound = self.stepper(out), out
        return bound[0](ts, open, high, low, close, volume)

    def stepper(self, out: Matrix) -> Step:
        """`step`, bound to one row: for a loop in which the cost of the call itself counts.

        Args:
            out: where every call writes, [F] of the spec's dtype, contiguous.

        Returns:
            A function of `step`'s six numbers, by their position alone. It goes on with one bar, returns
            `out`, and raises BarsError as `step` does. It may be mixed with every other call.

        Raises:
            UsageError: `out` has another shape or dtype, or cannot be written.
        """

        def refused(ts: int, why: str) -> BarsError:
            return BarsError(f"bar {ts}", why)

        with engine_errors("features"):
            step: Step = self._engine.stepper(out, refused)
        return step

    def state(self) -> bytes:
        """A snapshot, from which `restore` goes on to the bit (docs/reference/snapshot.md)."""
        return bytes(self._engine.state())

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot.

        Raises:
            CorruptStore: it is cut, damaged, of another format or of another spec; nothing has changed.
        """
        with engine_errors("engine state"):
            self._engine.restore(state)

    def reset(self) -> None:
        """Forget all bars."""
        self._engine.reset()


def compute_many(
    spec: FeatureSpec,
    bars: Mapping[str, Bars],
    *,
    threads: int | None = None,
    out: Mapping[str, Matrix] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Matrix]:
    """Compute many symbols' features at once, each from its own first bar.

    Args:
        spec: what to compute.
        bars: the bars of each symbol.
        threads: at most so many, which changes no bit; None: one for each core that this process may use.
        out: where to write each symbol's features; None: new ones; as in `FeatureEngine.compute`.
        progress: told each symbol that is done, on the calling thread; what it raises ends the work.

    Returns:
        The features [N, F] of each symbol, in the order of `bars`.

    Raises:
        UsageError: `threads` is no positive int; `out` lacks a symbol, has one of another shape or dtype, or
            the same memory for two.
    """
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise UsageError("threads", f"is {threads!r}; a whole number of at least 1 is needed")
    if out is None:
        shapes = {symbol: (len(given), spec.n_features) for symbol, given in bars.items()}
        out = {symbol: new_matrix(shape, spec.dtype) for symbol, shape in shapes.items()}
    if missing := sorted(bars.keys() - out.keys()):
        raise UsageError("out", f"has no matrix for {', '.join(missing)}")
    symbols = list(bars)
    runs = [
        (symbol, each.ts, each.open, each.high, each.low, each.close, each.volume, out[symbol])
        for symbol, each in bars.items()
    ]

    def finished(index: int) -> None:
        if progress is not None:
            progress(symbols[index])

    with engine_errors("features"):
        load_extension().compute_many(spec.plan, runs, min(threads, len(runs) or 1), finished)
    return {symbol: out[symbol] for symbol in symbols}


def error_scales(spec: FeatureSpec, bars: Bars) -> NDArray[np.float64]:
    """What an error of each feature is compared with at each bar: its op's declared scale.

    Args:
        spec: the features.
        bars: N bars; a series in a scale stands for its largest magnitude so far among them.

    Returns:
        float64 [N, F].
    """
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    with engine_errors("features"):
        scales: NDArray[np.float64] = load_extension().error_scales(spec.plan, *columns)
    return scales
