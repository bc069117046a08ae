"""From an optimum of K components to starts of K + 1 and of K - 1."""

from __future__ import annotations

import numpy as np

from mixtura._rows import FloatArray
from mixtura.mixture import Mixture
from mixtura.starts.auto._moves import cuts, merge_losses


def merged(mixture: Mixture, responsibilities: FloatArray) -> FloatArray:
    """Responsibilities of one component fewer: the two whose merge costs least are one."""
    losses = merge_losses(mixture)
    first, second = np.unravel_index(int(losses.argmin()), losses.shape)
    fewer = np.delete(responsibilities, second, axis=1)
    fewer[:, first] += responsibilities[:, second]
    return np.ascontiguousarray(fewer)


def split(
    mixture: Mixture,
    responsibilities: FloatArray,
    X: FloatArray,
    weight: FloatArray | None,
    reg_covar: FloatArray,
    rows_needed: float,
) -> FloatArray | None:
    """Responsibilities of one component more: that is cut whose best cut gains most; None: none can be."""
    each: list[tuple[int, ...]] = [(k,) for k in range(mixture.n_components)]
    gains, sides = cuts(mixture, responsibilities, each, X, weight, reg_covar, rows_needed)
    k = int(gains.argmax())
    if gains[k] == -np.inf:
        return None
    more = np.column_stack([responsibilities, np.zeros(len(X))])
    more[:, -1] = np.where(sides[k] == 1, responsibilities[:, k], 0.0)
    more[:, k] = np.where(sides[k] == 1, 0.0, responsibilities[:, k])
    return more
