"""diag: each component has its own variance for every feature (VVI)."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura._rows import FloatArray
from mixtura.covariance._structure import CovarianceStructure, check_positive


class Diag(CovarianceStructure):
    """sigma^2_kj = seconds_kj / n_k - delta_kj^2."""

    name = "diag"
    kernel = _core.Structure.diag

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features)

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

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

    def scatters(self, scatter: FloatArray, n_components: int) -> FloatArray:
        return np.tile(np.diag(scatter) / n_components, (n_components, 1))
