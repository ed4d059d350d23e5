"""The feature engine for Python: bars in, features out, all at once or bar by bar, the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bars import Bars
from sentio.extension import engine_errors, load_extension
from sentio.specs import FeatureSpec

__all__ = ["FeatureEngine", "Matrix"]

# float32 or float64, as the spec's dtype says.
Matrix = NDArray[np.floating[Any]]


class FeatureEngine:
    """One symbol's running features.

    It begins before the first bar, and every call goes on from where the one before has ended: how bars are
    split into calls does not change a bit. Several threads may use one engine; they wait for each other.

    Args:
        spec: what to compute.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._spec = spec
        self._engine = load_extension().Engine(spec.plan)

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
            out: where to write, such as a memmap: [N, F] of the spec's dtype, C-contiguous; None: a new one.

        Returns:
            `out`, the features [N, F]: row i is known at the close of bar i. Rows before the spec's
            `emit_from`, counted from the engine's beginning, hold its pad value.

        Raises:
            BarsError: a bar is not later than the one before; neither state nor `out` has changed.
            UsageError: `out` has another shape, dtype or order, or cannot be written.
        """
        if out is None:
            out = np.empty((len(bars), self._spec.n_features), self._spec.dtype)
        with engine_errors("features"):
            self._engine.compute(bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume, out)
        return out

    def step(self, ts: int, open: float, high: float, low: float, close: float, volume: float) -> Matrix:
        """Go on with one bar.

        Args:
            ts: the bar's open, UTC nanoseconds.
            open, high, low, close: in the quote currency.
            volume: in units of the source.

        Returns:
            Its features [F], known at its close.

        Raises:
            BarsError: the bar breaks its contract or is not later than the one before; nothing has changed.
        """
        with engine_errors(f"bar {ts}"):
            features: Matrix = self._engine.step(ts, open, high, low, close, volume)
        return features

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
