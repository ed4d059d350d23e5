"""Cache entries made of numpy arrays, with a signal of known strength, for the tests of all that learns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sentio.bars import Bars

MINUTE = 60 * 10**9
SESSION_GAP = 4 * 3600 * 10**9


@dataclass(frozen=True)
class FakeManifest:
    features: list[str]
    first_valid_row: int = 0
    symbol: str = "QQQ"
    interval: str = "5m"
    simulated: bool = True
    bars_hash: str = "b" * 64
    spec_name: str = "fake"
    spec_hash: str = "c" * 64
    engine: dict[str, str] = field(default_factory=lambda: {"sentio": "0"})
    session_gap_ns: int = SESSION_GAP


@dataclass(frozen=True)
class FakeTable:
    features: np.ndarray
    bars: Bars
    manifest: FakeManifest
    id: str = "d" * 64
    key: str = "e" * 64

    @property
    def ts(self) -> np.ndarray:
        return self.bars.ts


def session_times(sessions: int, bars_each: int) -> np.ndarray:
    """Open times of five-minute bars in sessions a day apart, int64 nanoseconds."""
    days = np.arange(sessions, dtype=np.int64) * 24 * 60 * MINUTE
    return (1_700_000_000 * 10**9 + days[:, None] + np.arange(bars_each) * 5 * MINUTE).ravel()


def bars_of_closes(close: np.ndarray, ts: np.ndarray) -> Bars:
    """Bars whose open, high and low are the close."""
    return Bars("QQQ", "5m", ts, close, close, close, close, np.ones(len(close)), simulated=True)


def make_table(
    sessions: int = 40,
    bars_each: int = 78,
    n_features: int = 6,
    strength: float = 0.3,
    first_valid_row: int = 20,
    seed: int = 0,
) -> FakeTable:
    """Feature 0 foretells the next bar's return with the correlation `strength`; the others are noise."""
    draws = np.random.default_rng(seed)
    count = sessions * bars_each
    features = draws.normal(size=(count, n_features)).astype(np.float32) * 5 + 3
    known = (features[:, 0] - 3) / 5
    noise = draws.normal(size=count)
    returns = np.zeros(count)
    returns[1:] = (strength * known + np.sqrt(1 - strength**2) * noise)[:-1] * 1e-3
    features[:first_valid_row] = np.nan
    features.flags.writeable = False
    bars = bars_of_closes(100 * np.exp(np.cumsum(returns)), session_times(sessions, bars_each))
    names = [f"feature_{number}" for number in range(n_features)]
    return FakeTable(features, bars, FakeManifest(names, first_valid_row))
