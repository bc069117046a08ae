"""The components of a start in the order that known labels give them."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from scipy.optimize import linear_sum_assignment

from mixtura.mixture import Mixture, labels
from mixtura.rows import Blocks, Rows
from mixtura.support.arrays import FloatArray

# Of which the components' overlaps with the labels are taken.
_ROWS = 10_000


def matched_to_labels(start: Mixture, blocks: Blocks) -> Mixture:
    """Number the components as the labels of most of their rows; as they are where nothing is known."""
    if not blocks.has_labels:
        return start
    rows = blocks.sample(_ROWS, RandomState(0))
    K = start.n_components
    nearest = labels(start, rows.X, blocks.n_threads, missing=rows.missing, errors=rows.error)
    overlap = np.zeros((K, K))
    np.add.at(overlap.T, nearest[nearest >= 0], _credible(rows, K)[nearest >= 0])
    _, order = linear_sum_assignment(-overlap)
    return start.permuted(order)


def _credible(rows: Rows, n_components: int) -> FloatArray:
    """How credible it is that each row is of each component, times its weight: (n_rows, n_components)."""
    credible = np.ones((len(rows), n_components))
    if rows.log_credible is not None:
        credible = np.exp(rows.log_credible[:, :n_components])
    if rows.label is not None:
        known = rows.label[:, np.newaxis]
        credible = np.where((known < 0) | (known == np.arange(n_components)), credible, 0.0)
    weight = 1.0 if rows.weight is None else rows.weight[:, np.newaxis]
    return credible * weight


__all__ = ["matched_to_labels"]
