"""Partitions to begin with, that no unit of measurement changes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura._regularisation import regularisation
from mixtura._rows import Array, FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import STRUCTURES, CovarianceStructure
from mixtura.em import Monitor, SufficientStatistics, expectation_maximisation
from mixtura.mixture import Mixture, labels

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

    def native(self, structure: CovarianceStructure) -> _core.RowSource | None:
        """The rows as the native loop reads them itself."""
        return self._blocks.native(structure, hard=True)

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
    max_iter: int,
    n_components: int,
    reg_covar: FloatArray,
    rng: RandomState,
) -> Array:
    """Labels by at most `max_iter` of hard EM of structure `name` from k-means++ seeds in its metric.

    X, weight: the rows of `blocks` as contiguous float64, and their weights.
    """
    kind = STRUCTURES[name]
    # Where reg_covar=0 leaves no metric, a fit of another structure may still be possible.
    if not reg_covar.all():
        reg_covar = np.maximum(reg_covar, regularisation("auto", blocks))
    factor, covariance = _metric(blocks, kind, reg_covar)
    Z = (X - blocks.mean) @ factor if kind.has_matrices else (X - blocks.mean) * factor
    means = X[plus_plus_seeds(Z, weight, n_components, rng)]
    shape = kind.shape(n_components, X.shape[1])
    start = Mixture(
        kind,
        np.full(n_components, 1.0 / n_components),
        means,
        np.resize(covariance, shape),
        np.resize(factor, shape),
    )
    mixture, _ = expectation_maximisation(
        start, cast(Blocks, HardRows(blocks)), reg_covar, Monitor(_TOL, max_iter)
    )
    return labels(mixture, X, blocks.n_threads)


def _metric(
    blocks: Blocks, kind: CovarianceStructure, reg_covar: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Precision factor and covariance of all rows together."""
    if kind.has_matrices:
        covariance = blocks.total.scatter / blocks.total.weight + np.diag(reg_covar)
    else:
        covariance = (blocks.variances + reg_covar)[np.newaxis]
    return kind.factor_covariances(covariance, 1, blocks.shape[1]), covariance


def plus_plus_seeds(
    Z: FloatArray, weight: FloatArray | None, n_components: int, rng: RandomState
) -> Array:
    """Rows far apart: greedy k-means++, distances as they are in Z."""
    uniforms = rng.uniform(size=(n_components, 2 + int(np.log(n_components))))
    seeds = np.empty(n_components, dtype=np.int64)
    _core.plus_plus(np.ascontiguousarray(Z), weight, uniforms, seeds)
    return seeds
