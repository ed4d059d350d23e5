"""The multilayer perceptron over a flattened window."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["MLP"]


class MLP(nn.Module):
    """T·F inputs, hidden layers with GELU, one output.

    Args:
        inputs: T times F.
        hidden: the width of each hidden layer.
        dropout: the share of hidden values dropped in training.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.GELU(), nn.Dropout(dropout)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, F] to [B, 1]."""
        output: Tensor = self.layers(x.flatten(1))
        return output
