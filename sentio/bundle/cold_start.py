"""Whether an engine that starts cold at the first golden bar agrees with the long run once it has settled."""

from __future__ import annotations

import numpy as np

from sentio.bars import Bars, session_starts
from sentio.bundle.folder import Goldens
from sentio.bundle.manifest import Manifest
from sentio.errors import CheckFailed
from sentio.features import FeatureEngine, error_scales
from sentio.specs import FeatureSpec

__all__ = ["check_cold_start", "cold_start_obstacle"]

SETTLE_PRICE_FACTOR = 16  # `settle` is declared for prices that stay within it of each other
# It is declared for moves, ranges and volumes that recur, for averages that are divided by must not fade: at
# least this share of the largest, within this part of `settle`, in which the slowest average loses three of
# its 48 bits. What a faster one loses in a rest, it had settled before.
MOVE_SHARE = 1 / 64
SETTLE_RESTS = 16


def cold_start_obstacle(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str | None:
    """Why the goldens cannot tell what a cold start is like once it has settled; None where they can.

    Where bars rest, they can as long as it agrees.
    """
    if manifest.settle is None:
        never = [feature["name"] for feature in spec.plan.features if feature["settle"] is None]
        return f"settle is null: there is none for {', '.join(never)}"
    engine = FeatureEngine(spec)
    engine.restore(goldens.before)
    if engine.bars_seen == 0:
        return "no bar comes before the golden ones, so there is no longer run"
    bars = goldens.to_bars(manifest)
    top, bottom = bars.high.max(), bars.low.min()
    if top == bottom or top > SETTLE_PRICE_FACTOR * bottom:
        return (
            f"the golden prices are flat or not within a factor of {SETTLE_PRICE_FACTOR}, for which settle "
            "is declared"
        )
    if _settled_row(spec, bars, manifest) >= len(bars):
        since = " from a session's start on" if spec.reads_sessions else ""
        return f"settle is {manifest.settle}{since}, there are {len(bars)} golden bars"
    rest = _longest_rest(spec, bars)
    if rest > (spec.settle or 0) // SETTLE_RESTS and (found := _cold_difference(spec, goldens, manifest)):
        return (
            f"{found}; but a price, the range or the volume rests for {rest} golden bars, and settle is "
            "declared for those that recur"
        )
    return None


def check_cold_start(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str:
    """After the manifest's `settle` bars a cold start agrees with the long run.

    That is, by one float32 unit in the last place of the value, or of its op's declared scale.

    Raises:
        CheckFailed: they differ by more; the first difference is named.
    """
    if difference := _cold_difference(spec, goldens, manifest):
        raise CheckFailed("golden/features.npy", difference)
    first, count = _settled_row(spec, goldens.to_bars(manifest), manifest), len(goldens.ts)
    return f"{count - first} bars from row {first} on, within one unit in the last place of the long run"


def _settled_row(spec: FeatureSpec, bars: Bars, manifest: Manifest) -> int:
    """The first golden row at which a cold start has settled; beyond the last one where none has."""
    needed = max(manifest.settle or 0, manifest.first_valid_row)
    if not spec.reads_sessions:
        return needed
    # The first bar of all opens a session for a cold engine alone.
    starts = np.flatnonzero(session_starts(bars.ts, manifest.session_gap_ns))[1:]
    return needed + (int(starts[0]) if len(starts) else len(bars))


def _cold_difference(spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> str | None:
    """The first value of which a settled cold start differs from the long run by more than it may."""
    bars = goldens.to_bars(manifest)
    first = _settled_row(spec, bars, manifest)
    scale = error_scales(spec, bars)[first:]
    cold, warm = (values[first:].astype(np.float64) for values in (goldens.features, goldens.warm_features))
    size = np.minimum(np.maximum(np.abs(warm), scale), np.finfo(np.float32).max)
    # Of the double, which as a float might be rounded up to the next power of two.
    exponent = np.where(size == 0, -126, np.frexp(size)[1] - 1)
    allowed = np.ldexp(1.0, np.maximum(exponent, -126) - 23)
    agrees = np.abs(cold - warm) <= allowed  # NaN does not
    if agrees.all():
        return None
    row, column = (int(place) for place in np.argwhere(~agrees)[0])
    return (
        f"row {first + row} of {spec.names[column]!r} is {cold[row, column]:.9g} after a cold start, "
        f"{warm[row, column]:.9g} in the long run; allowed is {allowed[row, column]:.9g}"
    )


def _longest_rest(spec: FeatureSpec, bars: Bars) -> int:
    """The longest stretch of bars over which a price, the range or the volume that is read all but rests."""
    nodes = spec.plan.nodes
    read = {nodes[place]["kernel"] for node in nodes for place, _output in node["inputs"]}
    sizes = [
        np.abs(np.diff(getattr(bars, name), prepend=getattr(bars, name)[0]))
        for name in ("high", "low", "close")
        if name in read
    ]
    sizes += [bars.high - bars.low] if "high" in read else []
    sizes += [bars.volume] if "volume" in read else []
    longest = 0
    for size in sizes:
        awake = np.flatnonzero((size > 0) & (size >= MOVE_SHARE * size.max()))
        rests = np.diff(awake, prepend=-1, append=len(bars)) - 1
        longest = max(longest, int(rests.max()))
    return longest
