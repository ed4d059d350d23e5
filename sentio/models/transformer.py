"""The transformer encoder over a window, read at its last bar.

Vaswani et al. 2017, "Attention is all you need"; pre-norm: Xiong et al. 2020, "On layer normalization".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Transformer"]

_POSITION_SCALE = 0.02  # deviation of the initial positions, as in BERT and GPT-2


class Attention(nn.Module):
    """Multi-head attention of some positions over all positions.

    Its weights are not dropped out, for torch's fused kernel does not do that on a CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, asking: Tensor, window: Tensor) -> Tensor:
        """[B, Q, D] asking over [B, T, D] to [B, Q, D]."""
        mixed = F.scaled_dot_product_attention(
            self.split(self.query(asking)),
            self.split(self.key(window)),
            self.split(self.value(window)),
        )
        output: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return output

    def split(self, x: Tensor) -> Tensor:
        """[B, T, D] to [B, heads, T, D / heads]."""
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """One pre-norm layer: attention, then feed-forward, each added to what came in."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, feed_forward), nn.GELU(), nn.Dropout(dropout), nn.Linear(feed_forward, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, positions: int) -> Tensor:
        """[B, T, D] to [B, positions, D]: only the last `positions` are computed."""
        window = self.attention_norm(x)
        x = x[:, -positions:] + self.dropout(self.attention(window[:, -positions:], window))
        output: Tensor = x + self.dropout(self.feed(self.feed_norm(x)))
        return output


class Transformer(nn.Module):
    """Embedding with learned positions, blocks, and a linear read-out of the last bar's position.

    Attention is not masked: every bar of the window is past when the last one closes. Nothing reads the other
    positions of the last block, so it computes that one alone.

    Args:
        n_features: F.
        seq_len: T.
        d_model: width, a multiple of `heads`.
        heads: attention heads.
        layers: blocks, the last included.
        feed_forward: width inside a block's feed-forward half.
        dropout: the share of values dropped in training.
        outputs: C.
    """

    def __init__(
        self,
        n_features: int,
        seq_len: int,
        *,
        d_model: int,
        heads: int,
        layers: int,
        feed_forward: int,
        dropout: float,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(n_features, d_model)
        self.positions = nn.Parameter(torch.randn(seq_len, d_model) * _POSITION_SCALE)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(d_model, heads, feed_forward, dropout) for _ in range(layers - 1))
        self.last = Block(d_model, heads, feed_forward, dropout)
        self.norm = nn.LayerNorm(d_model)
        self.read = nn.Linear(d_model, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, F] to [B, C]."""
        x = self.dropout(self.embed(x) + self.positions)
        for block in self.blocks:
            x = block(x, x.size(1))
        output: Tensor = self.read(self.norm(self.last(x, 1)).squeeze(1))
        return output
