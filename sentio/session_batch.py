"""Sessions of many symbols that take a bar at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from sentio.errors import UsageError
from sentio.extension import engine_errors, load_extension
from sentio.prediction import Outcome
from sentio.session import LiveBundle, Session, check_bar, outcome_of

__all__ = ["SessionBatch"]


class SessionBatch:
    """One call for the bars of many symbols; the bits are those of `Session.on_bar` for each.

    The backend `native` is asked once for all of them. Any other model is asked once for each, since its
    outputs may depend on what else is in the batch.

    Args:
        live: the bundle; a session of another one is asked alone.
        most: bars that there is room for in one call, 1 to 1,048,576.

    Raises:
        UsageError: `most` is not within its bounds.
    """

    def __init__(self, live: LiveBundle, most: int) -> None:
        with engine_errors("batch"):
            try:
                self._native = load_extension().SessionBatch(live._native, most)
            except TypeError:
                found = f"is a {type(most).__name__} that is no int64"
                raise UsageError("most", f"{found}; allowed is 1 to 1048576") from None

    def on_bars(
        self, sessions: Sequence[Session], bars: Sequence[tuple[int, float, float, float, float, float]]
    ) -> list[Outcome]:
        """Take the bars that have just closed, and predict: what `Session.on_bar` returns for each.

        Args:
            sessions: one for each bar; a session that comes twice takes its bars in order.
            bars: (ts, open, high, low, close, volume) as of `Session.on_bar`.

        Raises:
            UsageError: there are more bars than sessions or room, or fewer, or one holds what is no such
                number; nothing has changed.
        """
        with engine_errors("batch"):
            try:
                said = self._native.on_bars([session._native for session in sessions], bars)
            except TypeError:
                for bar in bars:
                    check_bar(bar)
                raise
        return [outcome_of(each, bar[0]) for each, bar in zip(said, bars, strict=True)]
