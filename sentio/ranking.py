"""Scores by their order: ranks with ties, and the area under the curve that they give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["TieGroups", "area_under_curve"]

Floats = NDArray[np.float64]


class TieGroups:
    """The order of some scores, and where in it each group of equal scores begins.

    Args:
        scores: [n], one at least.
    """

    def __init__(self, scores: Floats) -> None:
        self.order = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        self.starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))

    def mean_ranks(self) -> Floats:
        """The rank of each score, [n] from 0, equal ones sharing their mean rank."""
        sizes = np.diff(self.starts, append=len(self.order))
        ranks = np.empty(len(self.order))
        ranks[self.order] = np.repeat(self.starts + (sizes - 1) / 2, sizes)
        return ranks


def area_under_curve(labels: Floats, groups: TieGroups, weights: Floats) -> float | None:
    """The chance that a positive row stands above a negative one (Mann and Whitney's U, scaled).

    Args:
        labels: 0 and 1, [n].
        groups: the rows' scores.
        weights: how many times each row counts, [n].

    Returns:
        None where rows of one class alone count.
    """
    weights, labels = weights[groups.order], labels[groups.order]
    positive = np.add.reduceat(weights * labels, groups.starts)
    negative = np.add.reduceat(weights * (1.0 - labels), groups.starts)
    pairs = positive.sum() * negative.sum()
    if pairs == 0.0:
        return None
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs)
