"""The goldens: windows of the untouched test span, and what the trained eager module answers to them."""

from __future__ import annotations

import copy

import numpy as np
import torch

from sentio.bars import Bars
from sentio.bundle.folder import Goldens
from sentio.bundle.manifest import BATCHES, WINDOWS, InputLayout
from sentio.bundle.module import run_windows
from sentio.bundle.windows import window_rows
from sentio.errors import BadInput, CheckFailed
from sentio.features import FeatureEngine
from sentio.models import ScaledModel
from sentio.specs import FeatureSpec

__all__ = ["make_goldens", "tolerance"]

# Another machine adds the same terms in another order: its error is of the size that float32 has here, but
# not the same, and the largest of these 256 windows there need not be the largest here.
SAFETY = 8
# Where float32 happens to agree with float64, as in a tiny network, a few units in the last place remain.
FLOOR_ULP = 4


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
        The goldens, which begin with as many bars before the first window as a cold engine needs.

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
    start = int(ends[0]) - (spec.first_valid_row + layout.seq_len - 1)
    golden_bars = bars[start : int(ends[-1]) + 1]
    features = FeatureEngine(spec).compute(golden_bars).astype(np.float32, copy=False)
    rows = ends - start
    logits = {batch: run_windows(module, features, rows, layout.seq_len, batch) for batch in BATCHES}
    if not all(np.isfinite(values).all() for values in logits.values()):
        raise CheckFailed("model", "gives outputs that are not finite in the test span")
    return Goldens(golden_bars.ts, golden_bars.to_array(), features, rows, logits)


def tolerance(module: ScaledModel, goldens: Goldens) -> float:
    """How far outputs may be from the goldens on another machine, in the outputs' own unit.

    Returns:
        `SAFETY` times the largest deviation of the goldens from the same module in float64, at least
        `FLOOR_ULP` units in the last place of the largest golden.
    """
    window = np.arange(1 - module.seq_len, 1)
    windows = torch.from_numpy(goldens.features[goldens.rows[:, None] + window]).double()
    with torch.inference_mode():
        exact = copy.deepcopy(module).double().compute(windows).numpy()
    deviation = max(float(np.abs(values - exact).max()) for values in goldens.logits.values())
    ulp = float(np.spacing(np.float32(np.abs(exact).max())))
    return max(SAFETY * deviation, FLOOR_ULP * ulp)
