"""Diagonal covariances: EEI, VEI, EVI, and VVI, which is scikit-learn's 'diag'.

S_k are the variances that each component would have by itself, those of VVI; w_k the weights.
"""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.covariance.base import CovarianceStructure, check_positive
from mixtura.support.arrays import FloatArray


class Diag(CovarianceStructure):
    """A variance for every component and feature: (n_components, n_features)."""

    kernel = _core.Structure.diag

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features)

    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return covariances[:, :, np.newaxis] * np.eye(n_features)

    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return matrices

    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        return precisions_cholesky**2

    def check_precisions(self, precisions: FloatArray) -> None:
        check_positive(precisions, self.name)

    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        return np.sqrt(precisions)

    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        return 1.0 / precisions

    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        return covariances[:, features]

    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        return np.zeros((1, len(rest), len(given))), covariances[:, rest]

    def moments(self, covariances: FloatArray, counts: FloatArray, n_features: int) -> FloatArray:
        return np.asarray(counts[:, np.newaxis] * covariances)

    def scatters(self, scatter: FloatArray, n_components: int) -> FloatArray:
        return np.tile(np.diag(scatter) / n_components, (n_components, 1))


class EEI(Diag):
    """Sigma = sum_k w_k S_k."""

    model = _core.Model.EEI


class VEI(Diag):
    """lambda_k A: A ~ sum_k w_k S_k / lambda_k and lambda_k = tr(S_k inv(A)) / d, in turn."""

    model = _core.Model.VEI


class EVI(Diag):
    """lambda A_k: A_k = S_k / |S_k|^(1/d), lambda = sum_k w_k |S_k|^(1/d)."""

    model = _core.Model.EVI
    of_parts = "VVI"


class VVI(Diag):
    """sigma^2_kj = seconds_kj / n_k - delta_kj^2."""

    model = _core.Model.VVI
