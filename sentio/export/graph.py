"""What the backends share that come of torch.export: the module as it takes it, and quiet while it does."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sentio.models import ScaledModel

__all__ = ["Arithmetic", "quiet_export"]


class Arithmetic(nn.Module):
    """The module without its look at the input, which exported graphs drop: their runtimes take it."""

    def __init__(self, module: ScaledModel) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, F] to [B, C]."""
        return self.module.compute(x)


@contextmanager
def quiet_export(name: str) -> Iterator[None]:
    """Without gradients, torch's warnings of its own deprecations, and what that logger only warns of."""
    logger = logging.getLogger(name)
    level = logger.level
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of many kinds and texts, which change with torch's version
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
