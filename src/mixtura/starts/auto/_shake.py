"""Ways out of a local optimum: responsibilities made anew in part, or without each row's own pull."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from mixtura._rows import FloatArray
from mixtura.mixture import Mixture

# Largest share of a row in a component that leaving it out may take, so that what is left stays regular.
_MOST = 0.5
_MOST_LEVERAGE = 0.95


def perturbed(responsibilities: FloatArray, share: float, rng: RandomState) -> FloatArray:
    """Give a random `share` of the rows wholly to components drawn by weight."""
    n_rows, n_components = responsibilities.shape
    picked = rng.uniform(size=n_rows) < share
    weights = responsibilities.mean(axis=0)
    drawn = rng.choice(n_components, size=int(picked.sum()), p=weights / weights.sum())
    shaken = responsibilities.copy()
    shaken[picked] = np.eye(n_components)[drawn]
    return shaken


def leave_one_out(
    mixture: Mixture,
    responsibilities: FloatArray,
    X: FloatArray,
    weight: FloatArray | None,
) -> FloatArray:
    """Responsibilities of each row under the mixture that EM would have made without that row.

    Where components have few rows a feature, a row pulls the component that it was given to so close that
    it never leaves: EM keeps nearly any partition. Without its own share h = r / n_k in it, its whitened
    square distance D and the determinant become (Sherman & Morrison 1950), with g = r / m and m the rows
    that the covariance was made of:

        D' = (1 - g) D / (1 - h)^2 / (1 - q),   log|S'| = log|S| + log(1 - q) - d log(1 - g),
        q = D g / (1 - h)
    """
    k, d = mixture.means.shape
    weighted = responsibilities if weight is None else responsibilities * weight[:, np.newaxis]
    counts = np.maximum(weighted.sum(axis=0), np.finfo(float).tiny)
    factors = np.broadcast_to(mixture.precisions_cholesky, (k, d, d))
    logs = np.empty_like(responsibilities)
    for j in range(k):
        whitened = (X - mixture.means[j]) @ factors[j]
        distance = np.einsum("ij,ij->i", whitened, whitened)
        h = np.minimum(responsibilities[:, j] / counts[j], _MOST)  # one row of weight 1 leaves
        g = h * (counts[j] / counts.sum()) if mixture.structure.shared else h
        q = np.minimum(distance * g / (1 - h), _MOST_LEVERAGE)
        left_out = (1 - g) * distance / (1 - h) ** 2 / (1 - q)
        log_determinant = np.log1p(-q) - d * np.log1p(-g)
        logs[:, j] = (
            np.log(max(mixture.weights[j], np.finfo(float).tiny))
            + np.log(np.diag(factors[j])).sum()
            - 0.5 * (log_determinant + left_out)
        )
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs
