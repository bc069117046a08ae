"""Fits to other rows of the same distribution: many mixtures of one structure, and how they spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

import numpy as np
from scipy.optimize import linear_sum_assignment

from mixtura.covariance import CovarianceStructure
from mixtura.inference.intervals import Function, Interval, ParameterErrors, around, value_of
from mixtura.mixture import Mixture, Noise, Normals
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False)
class Refits(Sequence[Mixture]):
    """Mixtures of one structure and as many components, as arrays: a mixture is made when it is looked at.

    Attributes
    ----------
    structure : CovarianceStructure
    weights, means, covariances, precisions_cholesky : ndarray
        Those of all mixtures, along the first axis.
    df : ndarray of shape (n_mixtures, n_components) or None
        Of t components.
    noise : list of Noise or None
        Of each mixture, where there is noise.
    """

    structure: CovarianceStructure
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    precisions_cholesky: FloatArray
    df: FloatArray | None = None
    noise: list[Noise] | None = None

    @classmethod
    def of(cls, mixtures: Sequence[Mixture]) -> Self:
        """Those that are there as values."""
        columns = zip(*(one.as_tuple() for one in mixtures), strict=True)
        weights, means, covariances, factors = map(np.stack, columns)
        df = [one.df for one in mixtures if one.df is not None]
        noise = [one.noise for one in mixtures if one.noise is not None]
        kind, all_df = mixtures[0].structure, np.stack(df) if df else None
        return cls(kind, weights, means, covariances, factors, all_df, noise or None)

    @classmethod
    def concatenated(cls, parts: Iterable[Refits]) -> Self:
        """One after another."""
        several = list(parts)
        columns = zip(*(part._at(slice(None)) for part in several), strict=True)
        joined: list[Any] = [None if one[0] is None else np.concatenate(one) for one in columns]
        weights, means, covariances, factors, df = joined
        noise = [values for part in several for values in part.noise or ()]
        return cls(several[0].structure, weights, means, covariances, factors, df, noise or None)

    def _at(self, which: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Weights, means, covariances, their factors and df of some mixtures."""
        matrices = self.covariances[which], self.precisions_cholesky[which]
        df = None if self.df is None else self.df[which]
        return self.weights[which], self.means[which], *matrices, df

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, i: int) -> Mixture: ...
    @overload
    def __getitem__(self, i: slice) -> Refits: ...
    def __getitem__(self, i: int | slice) -> Mixture | Refits:
        noise: Any = None if self.noise is None else self.noise[i]
        if isinstance(i, slice):
            return Refits(self.structure, *self._at(i), noise)
        return Mixture(self.structure, *self._at(i), noise)

    def some(self, which: Array) -> Refits:
        """Those where a mask is true."""
        noise = None
        if self.noise is not None:
            noise = [one for one, is_one in zip(self.noise, which, strict=True) if is_one]
        return Refits(self.structure, *self._at(which), noise)

    def matched(self, mixture: Mixture) -> Refits:
        """The same with the components of each in the order in which they are most like a mixture's.

        The assignment of the least sum of Bhattacharyya distances. Where each of the mixture's components is
        nearest to another one, it is that.
        """
        B, K = self.weights.shape
        own, others = Normals.of(mixture), Normals(self.means.reshape(B * K, -1), self._matrices)
        if not np.isfinite(others.logs).all():  # nearly singular
            others = others.widened()
        costs = np.stack([own.distances(k, others, slice(None)) for k in range(K)])
        costs = costs.reshape(K, B, K).swapaxes(0, 1)
        order = costs.argmin(axis=2)
        for i in np.flatnonzero((np.sort(order) != np.arange(K)).any(axis=1)):
            order[i] = linear_sum_assignment(costs[i])[1]
        if (order == np.arange(K)).all():
            return self
        row = np.arange(B)[:, np.newaxis]
        df = None if self.df is None else self.df[row, order]
        covariances, factors = self.covariances, self.precisions_cholesky
        if not self.structure.shared:
            covariances, factors = covariances[row, order], factors[row, order]
        weights, means = self.weights[row, order], self.means[row, order]
        return Refits(self.structure, weights, means, covariances, factors, df, self.noise)

    @property
    def _matrices(self) -> FloatArray:
        """Covariances of all components, one after another."""
        B, K, d = self.means.shape
        if self.structure.has_matrices:
            own = self.covariances[:, np.newaxis] if self.structure.shared else self.covariances
            return np.broadcast_to(own, (B, K, d, d)).reshape(B * K, d, d)
        variances = self.covariances.reshape(B * K, *self.covariances.shape[2:])
        return self.structure.matrices(variances, B * K, d)


@dataclass(frozen=True, eq=False)
class Replicates:
    """How fits to other rows of the same distribution spread, or fits to all rows but one.

    Attributes
    ----------
    mixtures : Refits
        Components in the order of the fit's.
    weight : ndarray or None
        Of the jackknife: how many rows each leaves one of out. None: they are draws.
    n_failed : int
        Fits in which a component collapsed, which are left out.
    """

    mixtures: Refits
    weight: FloatArray | None = None
    n_failed: int = 0

    def interval(self, function: Function, mixture: Mixture, level: float) -> Interval:
        """Of a function: quantiles of what it gives for the draws; of the jackknife a normal one."""
        value = value_of(function, mixture)
        values = np.stack([value_of(function, one) for one in self.mixtures])
        std = self._std(values)
        if self.weight is not None:
            return around(value, std, level)
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return Interval(value, low, high, std)

    def of_parameters(self) -> ParameterErrors:
        """Standard errors of what a mixture consists of."""
        found = self.mixtures
        weights, means, covariances = map(
            self._std, (found.weights, found.means, found.covariances)
        )
        noise = None
        if found.noise is not None:
            noise = float(self._std(np.array([one.weight for one in found.noise])))
        df = None if found.df is None else self._std(found.df)
        return ParameterErrors(weights, means, covariances, noise, df)

    def _std(self, values: FloatArray) -> FloatArray:
        if self.weight is None:
            return np.asarray(values.std(axis=0, ddof=1))
        n, each = self.weight.sum(), self.weight / self.weight.sum()
        away = values - np.tensordot(each, values, axes=1)
        return np.asarray(np.sqrt((n - 1) * np.tensordot(each, away**2, axes=1)))


__all__ = ["Refits", "Replicates"]
