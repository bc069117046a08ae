"""Starting parameters that the user gives, all or some of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from mixtura.covariance import CovarianceStructure
from mixtura.em import put
from mixtura.em.knowledge import given_components
from mixtura.fitting.start_checks import (
    check_covariances_init,
    check_means_init,
    check_precisions_init,
    check_weights_init,
)
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class GivenParameters:
    """Parameters that the user gives, checked; None, and NaN in one of them: those of the start."""

    structure: CovarianceStructure
    weights: FloatArray | None = None
    means: FloatArray | None = None
    precisions: FloatArray | None = None
    covariances_init: FloatArray | None = None

    @classmethod
    def of(
        cls,
        structure: CovarianceStructure,
        n_components: int,
        n_features: int,
        *,
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        covariances_init: Any = None,
        has_noise: bool = False,
    ) -> GivenParameters:
        """From an estimator's arguments.

        Raises
        ------
        ValueError
            If one is not possible.
        """
        k, d = n_components, n_features
        weights = means = precisions = covariances = None
        if precisions_init is not None and covariances_init is not None:
            raise ValueError(
                "precisions_init and covariances_init are one thing twice: give one of them."
            )
        if weights_init is not None:
            weights = check_weights_init(weights_init, k, has_noise)
        if means_init is not None:
            means = check_means_init(means_init, k, d)
        if precisions_init is not None:
            precisions = check_precisions_init(precisions_init, structure, k, d)
        if covariances_init is not None:
            covariances = check_covariances_init(covariances_init, structure, k, d)
        return cls(structure, weights, means, precisions, covariances)

    @cached_property
    def covariances(self) -> FloatArray | None:
        """Those that are given, or whose inverses are."""
        if self.precisions is None:
            return self.covariances_init
        return self.structure.invert_precisions(self.precisions)

    @property
    def are_all(self) -> bool:
        """Whether nothing is left to a start."""
        given = (self.weights, self.means, self.covariances)
        return all(array is not None and not np.isnan(array).any() for array in given)

    @property
    def are_some(self) -> bool:
        """Whether something is given."""
        return not (self.weights is self.means is self.covariances is None)

    @property
    def has_all_means(self) -> bool:
        """Whether the means of all components are given."""
        return self.means is not None and not np.isnan(self.means).any()

    @property
    def has_gaps(self) -> bool:
        """Whether something is given of some components alone."""
        given = (self.weights, self.means, self.covariances)
        return any(array is not None and bool(np.isnan(array).any()) for array in given)

    def whole(self) -> Mixture:
        """The mixture, where all are given."""
        weights, means, covariances = self.weights, self.means, self.covariances
        assert weights is not None
        assert means is not None
        assert covariances is not None
        return Mixture(
            self.structure, weights, means, covariances, self._factors(len(means), means.shape[1])
        )

    def over(self, start: Mixture) -> Mixture:
        """The start with these in place of its own, as scikit-learn does."""
        if not self.are_some:
            return start
        filled = put(start.without_noise(), self.weights, self.means)
        if self.precisions is None:
            return put(filled, covariances=self.covariances_init)
        factors, covariances = self._factors(*start.means.shape), self.covariances
        assert covariances is not None
        return replace(filled, covariances=covariances, precisions_cholesky=factors)

    def _factors(self, k: int, d: int) -> FloatArray:
        if self.precisions is not None:
            return self.structure.factor_precisions(self.precisions)
        assert self.covariances_init is not None
        return self.structure.factor_covariances(self.covariances_init, k, d)


def in_places(start: Mixture, targets: FloatArray | None) -> Mixture:
    """The start with the components that are nearest to some means (those without NaN) in their places."""
    if targets is None:
        return start
    known = np.flatnonzero(given_components(targets))
    # In units of the components' own spreads.
    spread = np.sqrt((start.spreads**2).mean(axis=0))
    gaps = (targets[known][:, np.newaxis] - start.means) / spread
    rows, nearest = linear_sum_assignment((gaps**2).sum(axis=2))
    order = np.full(start.n_components, -1)
    order[known[rows]] = nearest
    order[order < 0] = np.setdiff1d(np.arange(start.n_components), nearest)
    return start.permuted(order)


__all__ = ["GivenParameters", "in_places"]
