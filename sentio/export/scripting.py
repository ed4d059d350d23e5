"""The trained module as TorchScript: scripted, or else its network traced; frozen, and compared."""

from __future__ import annotations

import copy
from functools import partial
from typing import Literal

import numpy as np
import torch

from sentio.bundle.folder import Goldens
from sentio.bundle.models import accepted_misfits
from sentio.bundle.module import forward, load_module, run_windows, save_module, torchscript
from sentio.errors import CheckFailed
from sentio.models import ScaledModel

__all__ = ["ScriptedBy", "script"]

ScriptedBy = Literal["script", "trace"]


def script(module: ScaledModel, goldens: Goldens) -> tuple[bytes, ScriptedBy]:
    """Turn a module into the bytes of model.pt, and compare what these bytes give with the goldens.

    Args:
        module: in evaluation mode, without gradients.
        goldens: what it answers.

    Returns:
        The bytes, and how they were made.

    Raises:
        CheckFailed: the network can be neither scripted nor traced, or the loaded bytes give other bits, or
            accept an input that they have to refuse.
    """
    scripted: torch.jit.ScriptModule
    scripted_by: ScriptedBy = "script"
    with torchscript():
        try:
            scripted = torch.jit.script(module)
        except (RuntimeError, torch.jit.frontend.FrontendError) as error:
            scripted, scripted_by = _trace(module, goldens, error), "trace"
        # Further passes (optimize_numerics) would change the last bits.
        data = save_module(torch.jit.freeze(scripted, optimize_numerics=False))
    _compare(load_module(data, "model.pt"), module, goldens)
    return data, scripted_by


def _trace(module: ScaledModel, goldens: Goldens, refusal: Exception) -> torch.jit.ScriptModule:
    """The network traced, but the module around it scripted: a trace alone would forget what it refuses."""
    traced = copy.deepcopy(module)
    example = torch.from_numpy(goldens.features[goldens.rows[:, None] + np.arange(1 - module.seq_len, 1)])
    try:
        traced.core = torch.jit.trace(module.core, module.scaler(example))
        return torch.jit.script(traced)
    except RuntimeError as error:
        reasons = [f"script: {str(refusal).strip()}", f"trace: {str(error).strip()}"]
        raise CheckFailed("model", "can be neither scripted nor traced", problems=reasons) from error


def _compare(loaded: torch.jit.ScriptModule, module: ScaledModel, goldens: Goldens) -> None:
    accepted, _ = accepted_misfits(partial(forward, loaded), module.seq_len, module.n_features)
    if accepted:
        raise CheckFailed(
            "model", f"accepts {', '.join(accepted)}: it must refuse every other rank, T, F and type"
        )
    for batch, golden in goldens.outputs.items():
        found = run_windows(loaded, goldens.features, goldens.rows, module.seq_len, batch, module.n_outputs)
        if not np.array_equal(found.view(np.uint32), golden.view(np.uint32)):
            largest = float(np.abs(found - golden).max())
            raise CheckFailed(
                "model", f"as TorchScript differs from the trained one by {largest:.3g} in batches of {batch}"
            )
