"""A bundle as it behaves live: the C++ runtime's own session, bar in, prediction out."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentio.bars import Bars
from sentio.bars.contract import COLUMNS
from sentio.bars.interval import Interval
from sentio.bundle import Bundle, load_bundle
from sentio.errors import CorruptStore, ResourceError, UsageError, refused
from sentio.extension import engine_errors, load_extension
from sentio.prediction import Outcome, Prediction, Status

__all__ = ["Drift", "LiveBundle", "Session", "check_bar", "outcome_of"]


@dataclass(frozen=True, slots=True)
class Drift:
    """How live features lie against the rows that the model was trained on, feature by feature.

    Attributes:
        names: the features' names, F of them.
        rows: valid rows counted; the figures of no row are NaN.
        bins: rows in each tenth of the training rows, bounded by the manifest's deciles, int64 [F, 10].
        below_min, above_max: rows outside of the training rows' range, int64 [F]; the first and the last bin
            hold these, too.
        out_of_range: both as a share of the rows, float64 [F].
        psi: population stability index, float64 [F]: the sum over the bins of (q - p) log(q / p), with p the
            bin's share of the training rows and q that of these; equal deciles bound one bin, and half a row
            is added to each, so that an empty one is no infinity. Above 0.1 it has moved, above 0.25 far
            (Siddiqi, Credit Risk Scorecards, 2006); chance alone gives about 9 / rows (Yurdakul, Statistical
            Properties of Population Stability Index, 2018).
    """

    names: tuple[str, ...]
    rows: int
    bins: NDArray[np.int64]
    below_min: NDArray[np.int64]
    above_max: NDArray[np.int64]
    out_of_range: NDArray[np.float64]
    psi: NDArray[np.float64]


class LiveBundle:
    """A bundle as the C++ runtime has loaded it; one serves any number of sessions, in any thread.

    The runtime checks hashes, spec and goldens by itself. It runs the backend `native` itself, too; any other
    model is the one that Python has loaded, on one thread, those of torch by turns. The bits are those of
    `Bundle.predict` at batch size 1.

    Args:
        bundle: one that is loaded; its folder is read again.

    Raises:
        CorruptStore: the folder does not hold that bundle any more, or the runtime refuses it.
        ResourceError: its model has not enough memory.
    """

    def __init__(self, bundle: Bundle) -> None:
        runner = None
        if bundle.backend != "native":
            from sentio.bundle.runner import ModelRunner

            layout = bundle.manifest.input
            runner = ModelRunner(bundle.model, layout.seq_len, layout.n_features)
        with engine_errors(str(bundle.path)):
            try:
                self._native = load_extension().Bundle(os.fsencode(bundle.path), bundle.backend, runner)
            except MemoryError as error:
                raise ResourceError(str(bundle.path), "cannot allocate memory") from error
        if self._native.id != bundle.id:
            raise CorruptStore(str(bundle.path), f"holds bundle {self._native.id} by now, not {bundle.id}")
        self._bundle = bundle

    @property
    def bundle(self) -> Bundle:
        """What it was made of."""
        return self._bundle


class Session:
    """One symbol's features, window and predictions. Several threads may use one; they wait for each other.

    A bar is taken or refused whole. Where Ctrl-C ends a model that Python runs, KeyboardInterrupt is raised
    once the bar has been taken, as one whose model failed; `last_ts` tells which is the last.

    Args:
        live: the bundle.
        interval: the length of the feed's bars, such as "5m"; it must be the bundle's.
        record: a new file to write every bar, its features and its prediction to (docs/reference/record.md).

    Raises:
        UsageError: the interval is not the bundle's, or the file to record in is there already, or its
            name cannot be a file's.
        ResourceError: it cannot be made.
    """

    def __init__(
        self, live: LiveBundle, *, interval: str, record: str | os.PathLike[str] | None = None
    ) -> None:
        path = b"" if record is None else _record_path(record)
        with engine_errors("session"):
            try:
                self._native = load_extension().Session(live, live._native, Interval.parse(interval).ns, path)
            except OSError as error:
                raise refused(error, os.fsdecode(path)) from error

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        interval: str,
        record: str | os.PathLike[str] | None = None,
        backend: str | None = None,
        trust: str | os.PathLike[str] | None = None,
    ) -> Session:
        """A session on a bundle of its own; `backend` and `trust` are those of `load_bundle`.

        Raises:
            SentioError: as `load_bundle`, `LiveBundle` and the constructor.
        """
        live = LiveBundle(load_bundle(folder, backend=backend, trust=trust))
        return cls(live, interval=interval, record=record)

    def warm_up(self, bars: Bars) -> None:
        """Take past bars without asking the model.

        Raises:
            BadInput: the bars have another interval; nothing has changed.
            BarsError: one is refused; nothing has changed.
        """
        self.live.bundle.check_interval(bars)
        with engine_errors("history"):
            self._native.warm_up(bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)

    def on_bar(self, ts: int, open: float, high: float, low: float, close: float, volume: float) -> Outcome:
        """Take the bar that has just closed, and predict.

        Args:
            ts: the bar's open, UTC nanoseconds.
            open, high, low, close: in the quote currency.
            volume: in units of the source.

        Raises:
            UsageError: one of them is no such number; nothing has changed.
        """
        bar = (ts, open, high, low, close, volume)
        return outcome_of(_given(self._native.on_bar, bar), ts)

    def peek(self, ts: int, open: float, high: float, low: float, close: float, volume: float) -> Outcome:
        """What `on_bar` would return if the bar closed as it is now; nothing is committed."""
        bar = (ts, open, high, low, close, volume)
        return outcome_of(_given(self._native.peek, bar), ts)

    def observe(self, ts: int, open: float, high: float, low: float, close: float, volume: float) -> Status:
        """Take a bar without asking the model; `PREDICTED` then means that it could have been asked."""
        bar = (ts, open, high, low, close, volume)
        return Status(_given(self._native.observe, bar))

    def state(self) -> bytes:
        """All that predictions depend on but the bundle, and the drift (docs/reference/session_state.md)."""
        return bytes(self._native.state())

    def restore(self, state: bytes) -> None:
        """Go on from such a state, or from an engine's snapshot: then the window has yet to fill.

        Raises:
            CorruptStore: it is damaged, or of another interval, spec or window; nothing has changed. A
                snapshot does not tell its interval.
        """
        with engine_errors("session state"):
            self._native.restore(state)

    def clone(self) -> Session:
        """Another session that goes on from here by itself, and records nothing."""
        clone = object.__new__(Session)
        clone._native = self._native.clone()
        return clone

    def swap(self, other: LiveBundle | Session) -> LiveBundle:
        """Go on with another bundle, from the next bar on.

        Args:
            other: a bundle of the same input: interval, spec, window. Where the input is another, a session
                of that bundle which has taken the same last bar; it is copied, and left as it is.

        Returns:
            The bundle before.

        Raises:
            UsageError: the inputs differ, or the last bars, or it is neither; nothing has changed.
        """
        if not isinstance(other, LiveBundle | Session):
            raise UsageError("swap", f"takes a LiveBundle or a Session, not a {type(other).__name__}")
        with engine_errors("session"):
            before: LiveBundle = (
                self._native.swap_warmed(other._native)
                if isinstance(other, Session)
                else self._native.swap(other, other._native)
            )
        return before

    @property
    def live(self) -> LiveBundle:
        """The bundle."""
        live: LiveBundle = self._native.live()
        return live

    @property
    def features(self) -> NDArray[np.float32]:
        """The last bar's features, float32 [F]; meaningless before the first bar."""
        values: NDArray[np.float32] = self._native.features()
        return values

    @property
    def drift(self) -> Drift:
        """How the bars that `on_bar` and `observe` took lie against training; `warm_up` is not counted.

        The counters are part of the state. They begin anew with another bundle.
        """
        live, *figures = self._native.drift()
        return Drift(tuple(live.bundle.spec.names), *figures)

    def reset_drift(self) -> None:
        """Count anew from the next bar on."""
        self._native.reset_drift()

    @property
    def bars_seen(self) -> int:
        """Bars since the beginning, those before a restored state included."""
        return int(self._native.bars_seen)

    @property
    def bars_missing(self) -> int | None:
        """Bars that did not come though their neighbours did, in units of the interval.

        Without a calendar, a gap as long as the spec's `session_gap` (4 hours by default) cannot be told from
        a closed market, and counts none. None where one missing bar makes such a gap, which is where the
        interval is at least half of it: bars of 2 hours and more, by the default.
        """
        missing = self._native.bars_missing
        return None if missing is None else int(missing)

    @property
    def last_ts(self) -> int | None:
        """The open of the last bar, UTC nanoseconds; None before the first."""
        last: int | None = self._native.last_ts
        return last

    @property
    def failure(self) -> str | None:
        """Why the model failed, after `Status.MODEL_FAILED`, where it said so."""
        text: str | None = self._native.failure
        return text

    @property
    def recording_error(self) -> str | None:
        """Why recording has ended early, where it has."""
        text: str | None = self._native.recording_error
        return text


def outcome_of(said: tuple[str, list[float], LiveBundle], ts: int) -> Outcome:
    """What the extension has said of the bar at `ts`: status, raw outputs, whose."""
    status, values, live = said
    if not values:
        return Outcome(Status(status))
    bundle = live.bundle
    manifest = bundle.manifest
    prediction = Prediction(
        values=tuple(values),
        kind=manifest.output.kind,
        horizon=manifest.label.horizon,
        bar_ts=ts,
        model_id=manifest.model_id,
        version=manifest.version,
        bundle_id=bundle.id,
        classes=tuple(manifest.output.classes),
    )
    return Outcome(Status(status), prediction)


def check_bar(bar: Sequence[Any]) -> None:
    """Say what the extension could not take of (ts, open, high, low, close, volume).

    Raises:
        UsageError: there are not six, or one is no such number.
    """
    if len(bar) != 1 + len(COLUMNS):
        raise UsageError("bar", f"has {len(bar)} values; allowed is ts, {', '.join(COLUMNS)}")
    ts, *figures = bar
    try:
        number = operator.index(ts)
    except TypeError:
        kind = type(ts).__name__
        raise UsageError("ts", f"is a {kind}; allowed is a whole number of UTC nanoseconds") from None
    if not -(2**63) <= number < 2**63:
        raise UsageError("ts", "is beyond int64; allowed is a whole number of UTC nanoseconds")
    for name, figure in zip(COLUMNS, figures, strict=True):
        try:
            math.isnan(figure)
        except (TypeError, OverflowError):
            raise UsageError(name, f"is a {type(figure).__name__} that is no float64") from None


def _record_path(path: str | os.PathLike[str]) -> bytes:
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise UsageError("record", f"is {path!r}, which cannot name a file here") from error
    if not encoded:
        raise UsageError("record", "is an empty path", hint="None records nothing")
    if b"\0" in encoded:
        raise UsageError("record", f"is {path!r}; no path holds a zero character")
    return encoded


def _given(take: Callable[..., Any], bar: tuple[Any, ...]) -> Any:
    """Hand a bar to the extension, or say what of it is no number."""
    try:
        return take(*bar)
    except TypeError:
        check_bar(bar)
        raise
