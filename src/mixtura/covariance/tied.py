"""One covariance for all components: EEE, which is scikit-learn's 'tied'."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.covariance.base import (
    CovarianceStructure,
    check_symmetric_positive_definite,
    inverse_of_factored,
    regression,
    upper_factor,
)
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import gram, interruptible


class Tied(CovarianceStructure):
    """One general matrix: (n_features, n_features)."""

    kernel = _core.Structure.tied
    has_matrices = True
    shared = True

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_features, n_features)

    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return np.broadcast_to(covariances, (n_components, n_features, n_features))

    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return np.broadcast_to(np.diagonal(matrices), (n_components, n_features))

    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        product: FloatArray = interruptible(gram, precisions_cholesky)
        return product

    def check_precisions(self, precisions: FloatArray) -> None:
        check_symmetric_positive_definite(precisions, self.name)

    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        return upper_factor(precisions)

    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        return inverse_of_factored(precisions)

    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        return covariances[np.ix_(features, features)]

    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        gain, remaining = regression(covariances, given, rest)
        return gain[np.newaxis], remaining

    def moments(self, covariances: FloatArray, counts: FloatArray, n_features: int) -> FloatArray:
        return np.asarray(counts.sum() * covariances)

    def scatters(self, scatter: FloatArray, n_components: int) -> FloatArray:
        return scatter.copy()


class EEE(Tied):
    """Sigma = (seconds - sum_k n_k delta_k delta_k^T) / n, seconds pooled over the components."""

    model = _core.Model.EEE
