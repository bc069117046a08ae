"""What is known of a mixture's parameters beside the rows: a prior, fixed values, bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em.prior import Prior
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False)
class Fixed:
    """Values of parameters that EM leaves as they are, NaN where they are free; None: all are free.

    Attributes
    ----------
    weights : ndarray of shape (n_components,) or None
    means : ndarray of shape (n_components, n_features) or None
    covariances : ndarray in the structure's shape or None
    """

    weights: FloatArray | None = None
    means: FloatArray | None = None
    covariances: FloatArray | None = None

    @property
    def is_there(self) -> bool:
        """Whether something is fixed."""
        return not (self.weights is self.means is self.covariances is None)

    def n_parameters(self, kind: CovarianceStructure, k: int, d: int, n_weights: int) -> int:
        """By how many there are fewer free ones; n_weights: free weights where none is fixed."""
        of_weights = min(_n_given(self.weights), n_weights)
        of_covariances = 0
        if self.covariances is not None:
            share = 1.0 if kind.shared else _n_given(self.covariances) / k
            of_covariances = round(share * kind.n_covariance_parameters(k, d))
        return of_weights + _n_given(self.means) * d + of_covariances


@dataclass(frozen=True, eq=False)
class Bounds:
    """Of weights, and of the eigenvalues of covariances.

    Attributes
    ----------
    equal_weights : bool
    min_weight : float
    max_eigenvalue_ratio : float
        Of any two eigenvalues of all covariances.
    spreads : ndarray of shape (n_features,) or None
        By which columns are divided before; None: by nothing.
    """

    equal_weights: bool = False
    min_weight: float = 0.0
    max_eigenvalue_ratio: float = np.inf
    spreads: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Knowledge:
    """All that is known of parameters.

    Attributes
    ----------
    prior : Prior or None
    fixed : Fixed
    bounds : Bounds
    """

    prior: Prior | None = None
    fixed: Fixed = Fixed()
    bounds: Bounds = Bounds()

    @property
    def has_covariances(self) -> bool:
        """Whether a prior gives covariances a volume, however few rows there are."""
        return self.prior is not None and self.prior.scatter is not None

    def is_of_each(self, kind: CovarianceStructure, n_features: int) -> bool:
        """Whether it is known of which component: they cannot change their places then."""
        of_prior = self.prior is not None and self.prior.n_components_of(kind, n_features) > 0
        return of_prior or self.fixed.is_there

    def of_any(self, kind: CovarianceStructure, n_features: int) -> Knowledge:
        """Without what is known of single components."""
        if not self.is_of_each(kind, n_features):
            return self
        return replace(self, prior=None, fixed=Fixed())

    def native(self, kind: CovarianceStructure, n_features: int) -> _core.Knowledge:
        """As the core takes it."""
        k = self._n_components(kind, n_features)
        prior = None if self.prior is None else self.prior.native(kind, k, n_features)
        fixed, bounds = self.fixed, self.bounds
        return _core.Knowledge(
            kind.model,
            k,
            n_features,
            prior,
            (fixed.weights, fixed.means, fixed.covariances),
            (
                bounds.equal_weights,
                bounds.min_weight,
                bounds.max_eigenvalue_ratio,
                bounds.spreads,
            ),
        )

    def _n_components(self, kind: CovarianceStructure, n_features: int) -> int:
        for values in (self.fixed.weights, self.fixed.means):
            if values is not None:
                return len(values)
        if self.fixed.covariances is not None and not kind.shared:
            return len(self.fixed.covariances)
        return 0 if self.prior is None else self.prior.n_components_of(kind, n_features)

    def n_parameters(self, kind: CovarianceStructure, k: int, d: int, has_noise: bool) -> int:
        """By how many free parameters there are fewer."""
        if self.bounds.equal_weights:
            return k - 1 + self.fixed.n_parameters(kind, k, d, 0)
        return self.fixed.n_parameters(kind, k, d, k - 1 + has_noise)

    def n_held(self, kind: CovarianceStructure, k: int, d: int) -> int:
        """How many of the free parameters a prior holds, however few rows there are.

        It does where it is worth a row or more, and covariances where it has one of them.
        """
        if self.prior is None:
            return 0
        is_held = np.broadcast_to(self.prior.mean_count >= 1, k)
        if self.fixed.means is not None:
            is_held = is_held & ~given_components(self.fixed.means)
        of_means = d * int(is_held.sum())
        if not self.has_covariances:
            return of_means
        fixed = Fixed(covariances=self.fixed.covariances).n_parameters(kind, k, d, 0)
        return of_means + kind.n_covariance_parameters(k, d) - fixed


def put(
    mixture: Mixture,
    weights: FloatArray | None = None,
    means: FloatArray | None = None,
    covariances: FloatArray | None = None,
) -> Mixture:
    """The mixture with these values in place of its own, which stay where they are NaN.

    Weights that stay share what the others leave, as they shared all.
    """
    kind = mixture.structure
    if weights is not None:
        mixture = replace(mixture, weights=_shared_out(mixture.weights, weights))
    if means is not None:
        mixture = replace(mixture, means=_filled(mixture.means, means))
    if covariances is not None:
        filled = _filled(mixture.covariances, covariances)
        factors = kind.factor_covariances(filled, *mixture.means.shape)
        mixture = replace(mixture, covariances=filled, precisions_cholesky=factors)
    return mixture


def _filled(own: FloatArray, given: FloatArray) -> FloatArray:
    return np.where(np.isnan(given), own, given)


def _shared_out(own: FloatArray, given: FloatArray) -> FloatArray:
    is_free = np.isnan(given)
    if not is_free.any():
        return given
    all_free = own[is_free].sum()
    shares = own[is_free] / all_free if all_free > 0 else np.full(is_free.sum(), 1 / is_free.sum())
    filled = given.copy()
    filled[is_free] = shares * max(own.sum() - given[~is_free].sum(), 0.0)
    return filled


def given_components(values: FloatArray) -> Array:
    """Which entries along the first axis have no NaN."""
    return np.asarray(~np.isnan(values.reshape(len(values), -1)).any(axis=1))


def _n_given(values: FloatArray | None) -> int:
    return 0 if values is None else int(given_components(values).sum())


NOTHING = Knowledge()

__all__ = ["NOTHING", "Bounds", "Fixed", "Knowledge", "given_components", "put"]
