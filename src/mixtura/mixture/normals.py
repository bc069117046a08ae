"""Components as normal distributions: how far each is from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import interruptible, log_determinants

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture


# What is added is as many times what rounding leaves.
_ABOVE = 64


class Normals:
    """The components of a mixture, each with the log-determinant of its covariance."""

    def __init__(self, means: FloatArray, covariances: FloatArray) -> None:
        self.means = means
        self.covariances = covariances
        self.logs = interruptible(log_determinants, covariances)

    @classmethod
    def of(cls, mixture: Mixture) -> Normals:
        """Those of a mixture."""
        return cls(mixture.means, mixture.covariance_matrices())

    def widened(self) -> Normals:
        """The same with variances larger by a rounding error, so that no covariance is singular."""
        added = np.eye(self.means.shape[1]) * self._rounding
        return Normals(self.means, self.covariances + self._variances[:, np.newaxis] * added)

    @property
    def _variances(self) -> FloatArray:
        return np.diagonal(self.covariances, axis1=1, axis2=2)

    @property
    def _rounding(self) -> float:
        """Share of a variance that rounding can make of none, and well above it."""
        return float(_ABOVE * self.means.shape[1] * np.finfo(float).eps)

    def _may_be_singular(self, which: slice | NDArray[np.intp]) -> bool:
        """Whether rounding leaves as much of 0 as the determinant of some correlations, or there is none."""
        with np.errstate(divide="ignore"):
            of_variances = np.log(self._variances[which]).sum(axis=-1)
        return not bool(np.all(self.logs[which] - of_variances > np.log(self._rounding)))

    def distances(self, i: int, others: Normals, which: slice | NDArray[np.intp]) -> FloatArray:
        """Bhattacharyya distances of component i to some of the others.

        (m_i - m_j)^T inv(S) (m_i - m_j) / 8 + log(|S| / sqrt(|S_i| |S_j|)) / 2 with S = (S_i + S_j) / 2.
        Of singular covariances those of wider ones: means that are apart where no component has a variance
        are far from each other.
        """
        # Rounding may also leave a positive determinant, which says nothing.
        if self._may_be_singular(np.array([i])) or others._may_be_singular(which):
            return self.widened()._distances(i, others.widened(), which)
        return self._distances(i, others, which)

    def _distances(self, i: int, others: Normals, which: slice | NDArray[np.intp]) -> FloatArray:
        pooled = (self.covariances[i] + others.covariances[which]) / 2
        between = (others.means[which] - self.means[i])[:, :, np.newaxis]
        solved = interruptible(np.linalg.solve, pooled, between)
        squares = np.einsum("kij,kij->k", between, solved)
        spread = interruptible(log_determinants, pooled) - (self.logs[i] + others.logs[which]) / 2
        distances: FloatArray = np.maximum(squares / 8 + spread / 2, 0.0)
        return distances


def bhattacharyya(ours: Mixture, theirs: Mixture) -> FloatArray:
    """Bhattacharyya distance of every component of one mixture to every one of another."""
    first, second = Normals.of(ours), Normals.of(theirs)
    return np.array([first.distances(i, second, slice(None)) for i in range(ours.n_components)])


__all__ = ["Normals", "bhattacharyya"]
