"""A matrix for every component: VEE, EVE, VVE, EEV, VEV, EVV, and VVV, which is scikit-learn's 'full'.

S_k are the covariances that each component would have by itself, those of VVV; w_k the weights.
"""

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


class Full(CovarianceStructure):
    """A general matrix for every component: (n_components, n_features, n_features)."""

    kernel = _core.Structure.full
    has_matrices = True

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features, n_features)

    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return covariances

    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return np.diagonal(matrices, axis1=1, axis2=2)

    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        products: FloatArray = interruptible(gram, precisions_cholesky)
        return products

    def check_precisions(self, precisions: FloatArray) -> None:
        check_symmetric_positive_definite(precisions, self.name)

    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        return upper_factor(precisions)

    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        return inverse_of_factored(precisions)

    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        return covariances[:, features][:, :, features]

    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        gains, remaining = zip(*(regression(c, given, rest) for c in covariances), strict=True)
        return np.stack(gains), np.stack(remaining)

    def moments(self, covariances: FloatArray, counts: FloatArray, n_features: int) -> FloatArray:
        return np.asarray(counts[:, np.newaxis, np.newaxis] * covariances)


class VEE(Full):
    """lambda_k C: C ~ sum_k w_k S_k / lambda_k and lambda_k = tr(S_k inv(C)) / d, in turn."""

    model = _core.Model.VEE


class EVE(Full):
    """lambda D A_k D^T: D by rotations that lower a majoriser (Browne & McNicholas 2014).

    A_k ~ diag(D^T S_k D) and lambda = sum_k w_k |diag(D^T S_k D)|^(1/d).
    """

    model = _core.Model.EVE
    of_parts = "VVV"


class VVE(Full):
    """D Lambda_k D^T: Lambda_k = diag(D^T S_k D), common principal components (Flury 1984); D as in EVE."""

    model = _core.Model.VVE
    of_parts = "VVV"


class EEV(Full):
    """lambda D_k A D_k^T: S_k = D_k Omega_k D_k^T, lambda A = sum_k w_k Omega_k, eigenvalues descending."""

    model = _core.Model.EEV
    of_parts = "VVV"


class VEV(Full):
    """lambda_k D_k A D_k^T: S_k = D_k Omega_k D_k^T; lambda_k and A from Omega_k as in VEI from S_k."""

    model = _core.Model.VEV
    of_parts = "VVV"


class EVV(Full):
    """lambda C_k: C_k = S_k / |S_k|^(1/d), lambda = sum_k w_k |S_k|^(1/d)."""

    model = _core.Model.EVV
    of_parts = "VVV"


class VVV(Full):
    """Sigma_k = seconds_k / n_k - delta_k delta_k^T."""

    model = _core.Model.VVV
