"""Spherical covariances, one variance a component: EII, and VII, which is scikit-learn's 'spherical'."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.covariance.base import CovarianceStructure, check_positive
from mixtura.support.arrays import FloatArray


class Spherical(CovarianceStructure):
    """One variance a component, the same for every feature; (n_components,) of them."""

    kernel = _core.Structure.spherical

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components,)

    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return covariances[:, np.newaxis, np.newaxis] * np.eye(n_features)

    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        return np.broadcast_to(matrices[:, np.newaxis], (n_components, n_features))

    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        return precisions_cholesky**2

    def check_precisions(self, precisions: FloatArray) -> None:
        check_positive(precisions, self.name)

    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        return np.sqrt(precisions)

    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        return 1.0 / precisions

    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        return covariances

    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        return np.zeros((1, len(rest), len(given))), covariances

    def moments(self, covariances: FloatArray, counts: FloatArray, n_features: int) -> FloatArray:
        return np.asarray(n_features * counts * covariances)

    def scatters(self, scatter: FloatArray, n_components: int) -> FloatArray:
        return np.full(n_components, np.trace(scatter) / n_components)


class EII(Spherical):
    """sigma^2 = sum_k w_k s_k with s_k = tr(S_k) / d."""

    model = _core.Model.EII


class VII(Spherical):
    """sigma^2_k = (seconds_k / n_k - |delta_k|^2) / d."""

    model = _core.Model.VII
