"""The goldens: windows of the untouched test span, and what the trained eager module answers to them."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch

from sentio.bars import Bars, session_starts
from sentio.bundle.folder import Floats, Goldens
from sentio.bundle.manifest import BATCHES, STRESS, WINDOWS, InputLayout
from sentio.bundle.module import run_windows
from sentio.bundle.windows import window_rows
from sentio.errors import BadInput, CheckFailed
from sentio.features import FeatureEngine
from sentio.models import ScaledModel
from sentio.specs import FeatureSpec

__all__ = ["check_tolerance", "make_goldens", "tolerance"]

# Another machine adds the same terms in another order: its error is of the size that float32 has here, but
# not the same, and the largest of these 256 windows there need not be the largest here.
SAFETY = 8
# Where float32 happens to agree with float64, as in a tiny network, a few units in the last place remain.
FLOOR_ULP = 4
# Beyond the clip to 5 that some feature pipelines hide.
STRESS_DEVIATIONS = 8.0


def make_goldens(
    module: ScaledModel, spec: FeatureSpec, bars: Bars, test: tuple[int, int], layout: InputLayout
) -> Goldens:
    """Run the trained module over the last 256 windows of the test span, by features of a cold engine.

    Args:
        module: in evaluation mode, without gradients.
        spec: what it takes.
        bars: all bars of the training data.
        test: the first and last row of the test span.
        layout: how windows are cut.

    Returns:
        The goldens, which begin with as many bars before the first window as a cold engine needs to settle,
        or, where there are not so many, to fill that window.

    Raises:
        BadInput: the test span ends fewer windows.
        CheckFailed: an output is not finite.
    """
    first, last = test
    ends = window_rows(bars.ts, spec.first_valid_row, layout, spec.session_gap)
    ends = ends[(ends >= first) & (ends <= last)][-WINDOWS:]
    if len(ends) < WINDOWS:
        raise BadInput(
            f"test span of {bars.symbol} {bars.interval}",
            f"its rows {first} to {last} end {len(ends)} full windows of {layout.seq_len} bars; "
            f"the goldens need {WINDOWS}",
            hint="train on more bars, or leave a larger test span",
        )
    start = _first_bar(spec, bars, layout, int(ends[0]))
    golden_bars = bars[start : int(ends[-1]) + 1]
    features = FeatureEngine(spec).compute(golden_bars).astype(np.float32, copy=False)
    rows = ends - start
    long_run = FeatureEngine(spec)
    if start:
        long_run.compute(bars[:start])
    before = long_run.state()
    goldens = Goldens(
        golden_bars.ts,
        golden_bars.to_array(),
        features,
        before,
        long_run.compute(golden_bars).astype(np.float32, copy=False),
        rows,
        {
            batch: run_windows(module, features, rows, layout.seq_len, batch, module.n_outputs)
            for batch in BATCHES
        },
        stress := _stress_windows(module),
        np.empty((len(stress), module.n_outputs), np.float32),
    )
    goldens = replace(
        goldens,
        stress_outputs=run_windows(
            module, *goldens.stress_rows(), layout.seq_len, batch_size=1, n_outputs=module.n_outputs
        ),
    )
    if not all(np.isfinite(values).all() for values in [*goldens.outputs.values(), goldens.stress_outputs]):
        raise CheckFailed("model", "gives outputs that are not finite in the test span or far outside of it")
    return goldens


def _first_bar(spec: FeatureSpec, bars: Bars, layout: InputLayout, end: int) -> int:
    """Where the golden bars begin, the first golden window ending at row `end`."""
    latest = end - (spec.first_valid_row + layout.seq_len - 1)
    if spec.settle is None:
        return latest
    settled = end - max(spec.settle, spec.first_valid_row)
    if spec.reads_sessions and settled > 0:
        # Two bars before a session's start: from there on a cold engine knows one when it sees it.
        opens = session_starts(bars.ts[: settled + 1], spec.session_gap)
        starts = np.flatnonzero(opens[2:] & ~opens[1:-1]) + 2
        settled = int(starts[-1]) - 2 if len(starts) else 0
    return min(latest, settled) if settled > 0 else latest  # 0: there would be no longer run to agree with


def _stress_windows(module: ScaledModel) -> Floats:
    """Windows whose every value lies up to `STRESS_DEVIATIONS` from its mean in the training rows.

    Whatever is clipped, swapped or scaled otherwise shows in them, though the market was calm.
    """
    shape = (STRESS, module.seq_len, module.n_features)
    draws = np.random.default_rng(0).uniform(-STRESS_DEVIATIONS, STRESS_DEVIATIONS, shape)
    # Each value comes to both ends.
    draws[0] = np.copysign(STRESS_DEVIATIONS, draws[0])
    draws[1] = -draws[0]
    mean, inverse = (t.double().numpy() for t in (module.scaler.mean, module.scaler.inverse_deviation))
    windows: Floats = (mean + draws / inverse).astype(np.float32)
    return windows


def tolerance(module: ScaledModel, goldens: Goldens) -> float:
    """How far outputs may be from the goldens on another machine, in the outputs' own unit.

    Returns:
        `SAFETY` times the largest deviation of the goldens from the same module in float64, at least
        `FLOOR_ULP` units in the last place of the largest golden.
    """
    window = np.arange(1 - module.seq_len, 1)
    stress, ends = goldens.stress_rows()
    windows = [goldens.features[goldens.rows[:, None] + window], stress[ends[:, None] + window]]
    with torch.inference_mode():
        wide = copy.deepcopy(module).double()
        exact, far = (wide.compute(torch.from_numpy(part).double()).numpy() for part in windows)
    deviation = max(float(np.abs(values - exact).max()) for values in goldens.outputs.values())
    deviation = max(deviation, float(np.abs(goldens.stress_outputs - far).max()))
    ulp = float(np.spacing(np.float32(max(np.abs(exact).max(), np.abs(far).max()))))
    return max(SAFETY * deviation, FLOOR_ULP * ulp)


def check_tolerance(allowed: float, goldens: Goldens) -> None:
    """The tolerance is one that readers take.

    Raises:
        CheckFailed: it is so large beside the spread of the outputs that another model might pass for this.
    """
    most = goldens.largest_tolerance()
    if allowed > most:
        raise CheckFailed(
            "model",
            f"needs a tolerance of {allowed:.3g} for the rounding of float32; the spread of its outputs "
            f"allows {most:.3g}",
            hint="its outputs are small differences of large numbers: train it again, to other weights",
        )
