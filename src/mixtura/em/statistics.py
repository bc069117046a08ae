"""The sufficient statistics of an EM iteration: all that the M-step knows about the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class SufficientStatistics:
    """Sums over rows, about fixed centres c. A monoid: `+` adds field by field, zeros are its identity.

    The centres are the means that the responsibilities r were computed with, so firsts / counts
    tends to 0 as EM converges and nothing cancels, wherever the origin lies.

    Attributes
    ----------
    structure : CovarianceStructure
    centres : ndarray of shape (n_components, n_features)
    weight : float
        Sum of w.
    log_likelihood : float
        Sum of w log p(x), of the mixture that the responsibilities come from.
    log_certainty : float
        Sum of w log max_k r_k(x): the entropy term of ICL.
    counts : ndarray of shape (n_components,)
        Sums of w r.
    firsts : ndarray of shape (n_components, n_features)
        Sums of w r (x - c).
    seconds : ndarray in the structure's shape
        Sums of w r (x - c)(x - c)^T, or what the structure keeps of them.
    """

    structure: CovarianceStructure
    centres: FloatArray
    weight: float
    log_likelihood: float
    log_certainty: float
    counts: FloatArray
    firsts: FloatArray
    seconds: FloatArray

    @classmethod
    def zeros(cls, structure: CovarianceStructure, centres: FloatArray) -> SufficientStatistics:
        """Return the identity: the statistics of no rows."""
        k, d = centres.shape
        seconds = np.zeros(structure.shape(k, d))
        return cls(structure, centres, 0.0, 0.0, 0.0, np.zeros(k), np.zeros((k, d)), seconds)

    @classmethod
    def implied_by(
        cls, mixture: Mixture, weight: float, log_likelihood: float, log_certainty: float
    ) -> SufficientStatistics:
        """Return statistics whose M-step, with reg_covar 0, gives `mixture` back."""
        counts = weight * mixture.weights
        seconds = mixture.structure.moments(mixture.covariances, counts, mixture.n_features)
        firsts = np.zeros_like(mixture.means)
        sums = (weight, log_likelihood, log_certainty)
        return cls(mixture.structure, mixture.means, *sums, counts, firsts, seconds)

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        same_centres = self.centres is other.centres or np.array_equal(self.centres, other.centres)
        if self.structure != other.structure or not same_centres:
            raise ValueError(
                "Only statistics of the same structure about the same centres can be added."
            )
        return SufficientStatistics(
            self.structure,
            self.centres,
            self.weight + other.weight,
            self.log_likelihood + other.log_likelihood,
            self.log_certainty + other.log_certainty,
            self.counts + other.counts,
            self.firsts + other.firsts,
            self.seconds + other.seconds,
        )

    def scaled(self, factor: float) -> SufficientStatistics:
        """Return the statistics of the same rows at `factor` times their weights."""
        return replace(
            self,
            weight=factor * self.weight,
            log_likelihood=factor * self.log_likelihood,
            log_certainty=factor * self.log_certainty,
            counts=factor * self.counts,
            firsts=factor * self.firsts,
            seconds=factor * self.seconds,
        )

    def about(self, centres: FloatArray) -> SufficientStatistics:
        """Return the same sums about other centres, by algebra alone.

        Exact but for rounding: like the M-step it loses digits where the new centres lie many spreads away.
        """
        firsts, seconds = self.firsts.copy(), self.seconds.copy()
        _core.move_centres(
            self.structure.kernel, self.counts, firsts, seconds, self.centres, centres
        )
        return replace(self, centres=centres, firsts=firsts, seconds=seconds)

    def permuted(self, order: Array) -> SufficientStatistics:
        """Return the same sums with the components in another order, as `Mixture.permuted`."""
        return replace(
            self,
            centres=self.centres[order],
            counts=self.counts[order],
            firsts=self.firsts[order],
            seconds=self.seconds if self.structure.shared else self.seconds[order],
        )

    @property
    def mean_log_likelihood(self) -> float:
        """Log-likelihood a row (per unit of weight)."""
        return self.log_likelihood / self.weight

    @property
    def means(self) -> FloatArray:
        """The means that these statistics imply; a component without rows stays at its centre."""
        counts = np.where(self.counts > 0, self.counts, 1.0)
        return self.centres + self.firsts / counts[:, np.newaxis]

    def cancels(self, dtype: np.dtype[Any]) -> bool:
        """Whether the centres lie too far from the implied means for sums of precision `dtype`."""
        return _core.cancels(
            self.structure.kernel,
            self.counts,
            self.firsts,
            self.seconds,
            self.centres,
            dtype == np.float32,
        )

    def maximise(
        self, reg_covar: float | FloatArray, n_threads: int = 1, previous: Mixture | None = None
    ) -> Mixture:
        """M-step: the mixture that maximises the expected log-likelihood of these statistics.

        reg_covar: added to the diagonal of every covariance, one number or one a feature. previous: the
        mixture before, of the same structure, from which an iterative M-step goes on.

        Raises
        ------
        SingularCovarianceError
            If a covariance plus reg_covar on its diagonal is not positive definite.
        """
        parameters = self.structure.maximise(
            self.counts,
            self.firsts,
            self.seconds,
            self.centres,
            reg_covar,
            n_threads,
            None if previous is None else previous.covariances,
        )
        return Mixture(self.structure, *parameters)
