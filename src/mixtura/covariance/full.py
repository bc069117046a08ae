"""full: each component has its own general covariance matrix (VVV)."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura._rows import FloatArray
from mixtura.covariance._structure import (
    CovarianceStructure,
    check_symmetric_positive_definite,
    regression,
    upper_factor,
)


class Full(CovarianceStructure):
    """Sigma_k = seconds_k / n_k - delta_k delta_k^T."""

    name = "full"
    kernel = _core.Structure.full
    has_matrices = True

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features, n_features)

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2

    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return covariances

    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return np.diagonal(matrices, axis1=1, axis2=2)

    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        return precisions_cholesky @ precisions_cholesky.transpose(0, 2, 1)

    def check_precisions(self, precisions: FloatArray) -> None:
        for precision in precisions:
            check_symmetric_positive_definite(precision, self.name)

    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        return np.stack([upper_factor(precision) for precision in precisions])

    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.inv(precisions), dtype=np.float64)

    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        return covariances[:, features][:, :, features]

    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        gains, remaining = zip(*(regression(c, given, rest) for c in covariances), strict=True)
        return np.stack(gains), np.stack(remaining)
