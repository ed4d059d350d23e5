"""The multilayer perceptron over a flattened window."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["MLP"]


class MLP(nn.Module):
    """T·F inputs, hidden layers with GELU, C outputs.

    Args:
        inputs: T times F.
        hidden: the width of each hidden layer.
        dropout: the share of hidden values dropped in training.
        outputs: C.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], dropout: float, outputs: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.GELU(), nn.Dropout(dropout)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, F] to [B, C]."""
        output: Tensor = self.layers(x.flatten(1))
        return output
