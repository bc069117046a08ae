"""Partitions to begin with, that no unit of measurement changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import STRUCTURES, CovarianceStructure
from mixtura.em import Monitor, SufficientStatistics, expectation_maximisation
from mixtura.mixture import Mixture

# k-means need not end: EM takes over.
_MAX_ITER = 10
_TOL = 1e-3


class HardRows:
    """Rows whose E-step gives each wholly to its likeliest component: with them the EM loop is k-means.

    Structure EEI measures distances in units of each feature's spread within clusters; EEE in the
    Mahalanobis metric of the clusters, which no linear map of the features changes.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.dtype: np.dtype[Any] = blocks.dtype
        self.n_threads = blocks.n_threads

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None
    ) -> SufficientStatistics:
        """Statistics of the partition that the mixture makes."""
        return self._blocks.accumulate(mixture, centres=centres, hard=True)


def partition(
    X: FloatArray,
    weight: FloatArray | None,
    blocks: Blocks,
    name: str,
    n_components: int,
    reg_covar: FloatArray,
    rng: RandomState,
) -> Array:
    """Labels by hard EM of structure `name` from k-means++ seeds in its metric."""
    kind = STRUCTURES[name]
    mean, factor, covariance = _metric(X, weight, kind, reg_covar)
    Z = (X - mean) @ factor if kind.has_matrices else (X - mean) * factor
    means = X[plus_plus_seeds(Z, weight, n_components, rng)]
    shape = kind.shape(n_components, X.shape[1])
    start = Mixture(
        kind,
        np.full(n_components, 1.0 / n_components),
        np.ascontiguousarray(means),
        np.ascontiguousarray(np.broadcast_to(covariance, shape)),
        np.ascontiguousarray(np.broadcast_to(factor, shape)),
    )
    mixture, _ = expectation_maximisation(
        start, HardRows(blocks), reg_covar, Monitor(_TOL, _MAX_ITER)
    )
    return mixture.labels(X, n_jobs=blocks.n_threads)


def _metric(
    X: FloatArray, weight: FloatArray | None, kind: CovarianceStructure, reg_covar: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, precision factor and covariance of all rows together."""
    mean = np.average(X, axis=0, weights=weight)
    centred = X - mean
    weighted = centred if weight is None else centred * weight[:, np.newaxis]
    total = len(X) if weight is None else weight.sum()
    if kind.has_matrices:
        covariance = centred.T @ weighted / total + np.diag(reg_covar)
    else:
        covariance = np.einsum("ij,ij->j", centred, weighted)[np.newaxis] / total + reg_covar
    return mean, kind.factor_covariances(covariance, 1, X.shape[1]), covariance


def plus_plus_seeds(
    Z: FloatArray, weight: FloatArray | None, n_components: int, rng: RandomState
) -> Array:
    """Rows far apart: greedy k-means++ (Arthur & Vassilvitskii 2007, section 7), distances as they are in Z."""
    n_trials = 2 + int(np.log(n_components))
    squares = np.einsum("ij,ij->i", Z, Z)
    chances = np.ones(len(Z)) if weight is None else weight
    chosen = [_draw(chances, 1, rng)[0]]
    nearest = _distances(Z, squares, chosen)[0]
    while len(chosen) < n_components:
        trials = _draw(nearest * chances, n_trials, rng)
        distances = np.minimum(nearest, _distances(Z, squares, trials))
        best = int(np.argmin(distances @ chances))
        chosen.append(trials[best])
        nearest = distances[best]
    return np.array(chosen)


def _draw(chances: FloatArray, size: int, rng: RandomState) -> Array:
    sums = np.cumsum(chances)
    return np.minimum(np.searchsorted(sums, rng.uniform(size=size) * sums[-1]), len(chances) - 1)


def _distances(Z: FloatArray, squares: FloatArray, rows: Any) -> FloatArray:
    distances = squares[rows][:, np.newaxis] - 2.0 * (Z[rows] @ Z.T) + squares
    return np.maximum(distances, 0.0, out=distances)
