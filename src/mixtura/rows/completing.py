"""Rows with missing features: what was observed of all, and the Gaussian that completes some for a start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura import _core
from mixtura.covariance import STRUCTURES
from mixtura.em import EMBlocks, MaximumLikelihood, Monitor, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.rows.value import Rows
from mixtura.support.arrays import FloatArray, block_slices

#: Rows that the Gaussian is fitted to at most.
ROWS_OF_A_NORMAL = 10_000

# Rows a feature from which it has a covariance between features; below, each has its variance alone.
_ROWS_A_FEATURE = 5

# Of each feature's variance, added to it: features that depend on each other have a Gaussian too.
_SHARE = 1e-6

_TOL, _MAX_ITER = 1e-6, 200


@dataclass(frozen=True, eq=False)
class Observed:
    """Weight, mean and squares about it of what was observed of each feature. `+` is of the rows of both."""

    weight: FloatArray
    mean: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, rows: Rows) -> Observed:
        """Those of some rows."""
        found = cls(*np.zeros((3, rows.shape[1])))
        for some in block_slices(*rows.shape):
            X = np.asarray(rows.X[some], dtype=np.float64)
            weight = None if rows.weight is None else rows.weight[some]
            found = found + cls(*_core.observed(X, weight))
        return found

    def __add__(self, other: Observed) -> Observed:
        weight = self.weight + other.weight
        share = other.weight / np.where(weight > 0, weight, 1.0)
        step = np.where((self.weight > 0) & (other.weight > 0), other.mean - self.mean, 0.0)
        mean = np.where(self.weight > 0, self.mean + share * step, other.mean)
        return Observed(weight, mean, self.squares + other.squares + self.weight * share * step**2)

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature."""
        return self.squares / np.where(self.weight > 0, self.weight, 1.0)


def normal_of(blocks: EMBlocks, observed: Observed) -> Mixture:
    """The likeliest Gaussian of rows with missing features (Dempster, Laird & Rubin 1977).

    With few rows its features are independent.
    """
    variances = np.where(observed.variances > 0, observed.variances, 1.0)
    diagonal = _gaussian("diag", observed.mean, variances)
    n_rows, n_features = blocks.shape
    if n_features == 1 or n_rows < _ROWS_A_FEATURE * n_features:
        return diagonal
    m_step = MaximumLikelihood(STRUCTURES["full"], _SHARE * variances)
    start = _gaussian("full", observed.mean, np.diag(variances))
    try:
        mixture, _ = expectation_maximisation(
            start, blocks, m_step, Monitor(_TOL, _MAX_ITER), accelerate=True
        )
    except SingularCovarianceError:
        return diagonal
    return mixture


def _gaussian(name: str, mean: FloatArray, covariance: FloatArray) -> Mixture:
    return Mixture.from_parameters(
        [1.0], mean[np.newaxis], covariance[np.newaxis], covariance_type=name
    )


__all__ = ["ROWS_OF_A_NORMAL", "Observed", "normal_of"]
