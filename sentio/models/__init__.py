"""The networks, and the module around them that is trained, saved and exported as one.

Every network takes standardised float32 [B, T, F] and gives [B, C]: a logit, a logit for each of C classes,
or a standardised value.
"""

from __future__ import annotations

from sentio.models.mlp import MLP
from sentio.models.scaled import FeatureScaler, ScaledModel, as_probability
from sentio.models.transformer import Transformer

__all__ = ["MLP", "FeatureScaler", "ScaledModel", "Transformer", "as_probability"]
