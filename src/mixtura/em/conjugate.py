"""Conjugate priors of variational Bayes, and what a posterior of theirs is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from scipy.special import gammaln

from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture, Predictive, predictive_of
from mixtura.support.arrays import Array, FloatArray

#: Structures whose posterior is of the prior's family: three letters.
CONJUGATE = frozenset({"EII", "VII", "EEI", "VVI", "EEE", "VVV"})

# Those with one precision for all components.
_COMMON = frozenset({"EII", "EEI", "EEE"})


@dataclass(frozen=True, eq=False)
class ConjugatePrior:
    """What is believed of a mixture before any row is seen (cpp/m_step/variational.hpp).

    Attributes
    ----------
    sticks : bool
        Whether the weights' prior is a Dirichlet process, by its sticks; else a Dirichlet distribution.
    by_size : bool
        Whether the sticks are those of the components in order of their rows, the most first, in which the
        bound is highest; else they have the components' order.
    concentration : float
        Of the process, or for each component of the distribution.
    mean : ndarray of shape (n_features,)
    mean_precision : float
        Rows that the mean counts as.
    degrees_of_freedom : float
        Rows that the scatter counts as.
    scatter : ndarray
        In the shape of one covariance.
    """

    sticks: bool
    by_size: bool
    concentration: float
    mean: FloatArray
    mean_precision: float
    degrees_of_freedom: float
    scatter: FloatArray

    def scatter_of(self, kind: CovarianceStructure, n_features: int) -> FloatArray:
        """The scatter, in the shape of one covariance of that structure."""
        one = kind.shape(1, n_features)
        return np.asarray(self.scatter, dtype=np.float64).reshape(one if kind.shared else one[1:])

    @staticmethod
    def is_common(kind: CovarianceStructure) -> bool:
        """Whether all components have one precision."""
        return kind.letters in _COMMON

    # The posterior, by the rows in each component.

    def mean_precisions(self, mixture: Mixture) -> FloatArray:
        """Rows that each posterior mean counts as: (n_components,)."""
        return self.mean_precision + _counts(mixture)

    def all_degrees_of_freedom(self, mixture: Mixture) -> FloatArray:
        """Rows that each posterior covariance counts as: (n_components,)."""
        counts = _counts(mixture)
        if self.is_common(mixture.structure):
            counts = np.full_like(counts, counts.sum())
        return self.degrees_of_freedom + counts

    def weight_concentrations(self, mixture: Mixture) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Of the posterior Dirichlet distribution; of sticks both parameters of each Beta distribution."""
        counts = _counts(mixture)
        if not self.sticks:
            return self.concentration + counts
        order = self.order_of_sticks(mixture)
        behind = np.empty_like(counts)
        behind[order] = counts[order][::-1].cumsum()[::-1] - counts[order]
        return 1 + counts, self.concentration + behind

    def order_of_sticks(self, mixture: Mixture) -> Array:
        """The components in the order of their sticks."""
        counts = _counts(mixture)
        return np.argsort(-counts, kind="stable") if self.by_size else np.arange(len(counts))

    def predictive(self, mixture: Mixture) -> Predictive:
        """The density of a further row."""
        of_means, of_covariances = (
            self.mean_precisions(mixture),
            self.all_degrees_of_freedom(mixture),
        )
        return predictive_of(mixture, of_means, of_covariances)

    def log_relabellings(self, mixture: Mixture) -> float:
        """Log of how many posteriors there are that differ from this one in their labels alone.

        A Dirichlet distribution tells no component from another: K! of them, fewer by those of components
        without rows, which are the same. The sticks are in an order.
        """
        if self.sticks:
            return 0.0
        n_empty = int((_counts(mixture) < _NO_ROWS).sum())
        return float(gammaln(mixture.n_components + 1) - gammaln(n_empty + 1))

    # In files

    def as_json(self) -> dict[str, Any]:
        """As lists and numbers, which `from_json` takes."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {"mean": self.mean.tolist(), "scatter": np.asarray(self.scatter).tolist()}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        arrays = {name: np.array(json[name], dtype=np.float64) for name in ("mean", "scatter")}
        return cls(**{**json, **arrays})


# Effective rows below which a component is the prior alone.
_NO_ROWS = 1e-3


def _counts(mixture: Mixture) -> FloatArray:
    assert mixture.posterior is not None
    return mixture.posterior.counts


__all__ = ["CONJUGATE", "ConjugatePrior"]
