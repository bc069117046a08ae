"""M-steps: what makes a mixture from sums. The arithmetic is native (cpp/m_step/)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em.conjugate import ConjugatePrior
from mixtura.em.kind import GAUSSIAN, Kind
from mixtura.em.knowledge import NOTHING
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture, native_mixture
from mixtura.support.arrays import FloatArray


class MStep(ABC):
    """How a mixture is made from the sums over the rows.

    A new one is a class here and its native part, which says what the objective has beside the
    log-likelihood (cpp/m_step/m_step.hpp). Starts, EM, the search for the best optimum and online EM take it
    as it is.

    Attributes
    ----------
    structure : CovarianceStructure
    reg_covar : ndarray of shape (n_features,)
        What is added to the variance of each feature.
    kind : Kind
        What the mixture has beside Gaussian components.
    """

    structure: CovarianceStructure
    reg_covar: FloatArray
    kind: Kind

    @property
    @abstractmethod
    def native(self) -> _core.MStep:
        """As the core takes it."""

    @property
    def of_a_point(self) -> MStep:
        """The same of sums that are no rows, but stand for a mixture."""
        return self

    def maximise(
        self, statistics: SufficientStatistics, n_threads: int = 1, before: Mixture | None = None
    ) -> Mixture:
        """Return the mixture that raises the objective most, for these sums.

        before: the mixture that they were taken under, from which an iterative M-step goes on.

        Raises
        ------
        SingularCovarianceError
            If a covariance is not positive definite.
        """
        found: Any = _core.maximise(
            self.native,
            statistics.centres,
            statistics.block,
            None if before is None else native_mixture(before),
            n_threads,
        )
        if isinstance(found, int):
            raise self.structure.singular(found, statistics.counts[found])
        return self.mixture_of(found)

    def mixture_of(self, parameters: tuple[Any, ...]) -> Mixture:
        """The mixture that the core has made by this M-step; where the box of noise lies is known here."""
        mixture = Mixture(self.structure, *parameters)
        if mixture.noise is None:
            return mixture
        return replace(mixture, noise=mixture.noise._replace(box=self.kind.noise_box))


@dataclass(frozen=True, eq=False)
class MaximumLikelihood(MStep):
    """The likeliest mixture of a structure (Celeux & Govaert 1995), or the one of the maximum a posteriori.

    Parameters
    ----------
    structure : CovarianceStructure
    reg_covar : ndarray of shape (n_features,)
        Added to the diagonal of every covariance, its mean to a spherical variance, before anything is
        shared.
    kind : Kind, default=GAUSSIAN
        What the mixture has beside Gaussian components, and what is known of it.
    """

    structure: CovarianceStructure
    reg_covar: FloatArray
    kind: Kind = GAUSSIAN

    @classmethod
    def plain(cls, structure: CovarianceStructure, n_features: int, reg_covar: float = 0.0) -> Any:
        """Return the one that adds the same number, or none, to every feature."""
        return cls(structure, np.full(n_features, reg_covar, dtype=np.float64))

    @property
    def native(self) -> _core.MaximumLikelihood:
        """As the core takes it."""
        tails, noise = self.kind.tails, self.kind.noise_log_density
        pair = None if tails is None else (tails.shared, tails.df)
        known = None
        if self.kind.known is not NOTHING:
            known = self.kind.known.native(self.structure, len(self.reg_covar))
        return _core.MaximumLikelihood(
            self.structure.model, self.reg_covar, pair, noise, known, self.kind.noise_log_sides
        )


# Of the prior's scatter.
_LITTLE = 1e-10


@dataclass(frozen=True, eq=False)
class Variational(MStep):
    """The posterior of variational Bayes, as a mixture of its expectations (cpp/m_step/variational.hpp).

    Parameters
    ----------
    structure : CovarianceStructure
    reg_covar : ndarray of shape (n_features,)
        Added to the diagonal of the covariance of each component's rows, as scikit-learn does.
    kind : Kind
        With a conjugate prior; beside the components there may be noise.
    """

    structure: CovarianceStructure
    reg_covar: FloatArray
    kind: Kind

    @property
    def prior(self) -> ConjugatePrior:
        """What is believed before any row is seen."""
        assert self.kind.conjugate is not None
        return self.kind.conjugate

    @property
    def native(self) -> _core.Variational:
        """As the core takes it."""
        prior, kind = self.prior, self.kind
        return _core.Variational(
            self.structure.model,
            self.reg_covar,
            prior.sticks,
            prior.by_size,
            prior.native,
            kind.noise_log_density,
            kind.noise_log_sides,
            prior.noise_counts,
        )

    @property
    def of_a_point(self) -> MStep:
        """The likeliest mixture, which is no posterior; a little of the prior's scatter is added."""
        scatter = self.prior.scatter_of(self.structure, len(self.reg_covar))
        one = self.structure.shape(1, len(self.reg_covar))
        scatter = scatter.reshape(-1, *(one if self.structure.shared else one[1:])).min(axis=0)
        variances = np.diag(scatter) if self.structure.has_matrices else scatter
        added = self.reg_covar + _LITTLE * variances
        return MaximumLikelihood(self.structure, added, replace(self.kind, conjugate=None))


__all__ = ["MStep", "MaximumLikelihood", "Variational"]
