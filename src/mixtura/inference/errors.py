"""Standard errors of a mixture's parameters, and intervals of any function of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.display.component_table import numbered
from mixtura.display.page import Page, Shown, Table
from mixtura.inference.information import Information
from mixtura.inference.intervals import (
    Function,
    Interval,
    ParameterErrors,
    Spread,
    around,
    value_of,
)
from mixtura.inference.parameters import FreeParameters
from mixtura.inference.replicates import Replicates
from mixtura.mixture import Mixture
from mixtura.mixture.univariate import checked_levels
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import interruptible
from mixtura.support.language import marked
from mixtura.support.language import translated as _
from mixtura.support.names import ERROR_KINDS

#: How standard errors are found.
KINDS = ERROR_KINDS

# As they are shown.
_WORDS = (
    *(marked("information"), marked("sandwich"), marked("bootstrap")),
    *(marked("weighted bootstrap"), marked("jackknife")),
)

#: Those from derivatives; the others fit the model anew.
FROM_DERIVATIVES = KINDS[:2]

# Of a slope, in the coordinates of `FreeParameters`: the step, and a shorter one that shows a kink.
_STEP = 1e-4
_SHORTER = _STEP / 8

# Shares of the largest slope beyond which one that depends on its step, or on its side, is none; and of the
# function's size, what rounding makes of it.
_UNEVEN = 0.02
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False, repr=False)
class StandardErrors(Shown):
    """Standard errors of a fit's parameters: what `GaussianMixture.standard_errors` returns.

    Attributes
    ----------
    kind : str
        How they were found.
    mixture : Mixture
        What they are errors of.
    weights : ndarray of shape (n_components,)
    means : ndarray of shape (n_components, n_features)
        In the features' units.
    covariances : ndarray
        In the structure's shape, in the features' units squared. Of t components those of the scale matrices.
    noise_weight : float or None
        Where there is noise.
    df : ndarray of shape (n_components,) or None
        Of t components; NaN where a number was given, or where the fit stands at the least or the most that
        `GaussianMixture` allows and has no derivatives.
    n_replicates : int or None
        Fits that they come from, where they do.
    n_failed : int
        Fits of a bootstrap in which a component collapsed, which are left out.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> X = load_faithful().data
    >>> errors = GaussianMixture(2, random_state=0).fit(X).standard_errors(X, kind="sandwich")
    >>> errors.weights.round(4)
    array([0.0291, 0.0291])
    """

    kind: str
    mixture: Mixture
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    noise_weight: float | None
    df: FloatArray | None
    n_replicates: int | None
    n_failed: int
    spread: Spread
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, kind: str, mixture: Mixture, spread: Spread, names: Sequence[str] | None = None
    ) -> StandardErrors:
        """Those of what stands for the distribution of estimates."""
        n, n_failed = None, 0
        if isinstance(spread, Replicates):
            n, n_failed = len(spread.mixtures), spread.n_failed
        names = numbered(mixture.n_features) if names is None else tuple(names)
        return cls(kind, mixture, *spread.of_parameters(), n, n_failed, spread, names)

    def interval(self, function: Function, level: float = 0.95) -> Interval:
        """Where a function of the mixture lies, with some confidence.

        Parameters
        ----------
        function : callable
            Called as function(mixture) with a `Mixture`; returns a number or an array of numbers. For kinds
            'information' and 'sandwich' it must be smooth where the fit stands, as weights, means, densities,
            quantiles and conditional means are.
        level : float, default=0.95
            The interval's confidence, within (0, 1).

        Returns
        -------
        Interval
            `estimate`, `low`, `high` and `std`. Of 'information', 'sandwich' and 'jackknife' the estimate
            plus and minus quantiles of the normal distribution (delta method); of the bootstraps quantiles of
            the replicates.

        Raises
        ------
        ValueError
            If level is not within (0, 1), or the function is not smooth there or no finite number.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> X = load_faithful().data
        >>> gm = GaussianMixture(2, sort_components="mean", random_state=0).fit(X)
        >>> share = gm.standard_errors(X).interval(lambda mixture: mixture.weights[0])
        >>> round(share.low, 3), round(share.estimate, 3), round(share.high, 3)
        (0.299, 0.356, 0.413)
        """
        checked_levels(level, "level")
        found = self.spread.interval(function, self.mixture, float(level))
        if np.ndim(found.estimate) == 0:
            return Interval(*(float(part) for part in found))
        return found

    def _page(self) -> Page:
        title = _("Standard errors by {kind}").format(kind=_(self.kind))
        if self.n_replicates is not None:
            title += _(" of {number} fits").format(number=f"{self.n_replicates:,}")
        if self.n_failed:
            title += _(", {number} more failed").format(number=f"{self.n_failed:,}")
        return Page(title, (), self._table(), _("(estimate ± standard error)"))

    def _table(self) -> Table:
        header = (_("component"), _("weight"), *self.names)
        lines = [
            (
                str(k),
                _with_error(self.mixture.weights[k], self.weights[k]),
                *map(_with_error, self.mixture.means[k], self.means[k]),
            )
            for k in range(self.mixture.n_components)
        ]
        return Table(
            (header, *lines), "component", len(lines), n_fixed=2, n_features=len(self.names)
        )

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = {
            "component": np.arange(self.mixture.n_components),
            "weight": self.mixture.weights,
            "weight_se": self.weights,
        }
        for j, name in enumerate(self.names):
            columns |= {
                f"mean_{name}": self.mixture.means[:, j],
                f"mean_{name}_se": self.means[:, j],
            }
        return columns


@dataclass(frozen=True, eq=False)
class Delta:
    """A normal distribution of the free parameters, and slopes of what is asked (delta method)."""

    parameters: FreeParameters
    covariance: FloatArray

    @classmethod
    def of(cls, parameters: FreeParameters, information: Information, kind: str) -> Delta:
        """By the observed information, or the sandwich of scores in it (White 1982).

        Raises
        ------
        ValueError
            If the information is not positive definite.
        """
        try:
            interruptible(np.linalg.cholesky, information.observed)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                "The information of the parameters is not positive definite: the fit stands at no maximum of "
                "the likelihood within its structure. Fit with a smaller tol and reg_covar='auto', with "
                "fewer components, or take kind='bootstrap'."
            ) from error
        inverse = np.linalg.inv(information.observed)
        covariance = inverse if kind == "information" else inverse @ information.outer @ inverse
        return cls(parameters, np.asarray(covariance, np.float64))

    def interval(self, function: Function, mixture: Mixture, level: float) -> Interval:
        value = value_of(function, mixture)
        slopes = self._slopes(function, value)
        std = np.sqrt(np.einsum("i...,ij,j...->...", slopes, self.covariance, slopes))
        return around(value, std, level)

    def _slopes(self, function: Function, value: FloatArray) -> FloatArray:
        """Derivatives in the free parameters: (n, ...), by differences.

        Raises
        ------
        ValueError
            Where those to both sides, or of two steps, are not the same.
        """
        n = self.parameters.n
        sides = np.empty((n, 2, 2, *value.shape))  # parameters, steps, sides
        for i, direction in enumerate(np.eye(n)):
            for j, step in enumerate((_STEP, _SHORTER)):
                for k, side in enumerate((1.0, -1.0)):
                    moved = self.parameters.at(side * step * direction)
                    sides[i, j, k] = (value_of(function, moved) - value) / (side * step)
        slopes, gaps = sides.mean(axis=2), np.abs(np.diff(sides, axis=2)[:, :, 0])
        largest = np.abs(sides).max(axis=(0, 1, 2))
        least = _UNEVEN * largest + _ROUNDING * np.abs(value) / _SHORTER
        kinks = (gaps[:, 1] > 0.5 * gaps[:, 0]) & (gaps[:, 1] > least)
        jumps = np.abs(slopes[:, 1] - slopes[:, 0]) > least
        if (kinks | jumps).any():
            raise ValueError(
                "The function is not smooth where the fit stands, so that slopes say nothing of its error: "
                "take kind='bootstrap'."
            )
        return np.asarray(slopes[:, 0])

    def of_parameters(self) -> ParameterErrors:
        """Standard errors of what a mixture consists of."""
        of, V = self.parameters, self.covariance
        mixture, p = of.mixture, of.shares
        K = mixture.n_components
        of_shares = (np.diag(p) - np.outer(p, p))[:, : of.n_shares]
        shares = _spreads(of_shares, V[: of.n_shares, : of.n_shares])
        means = [_spreads(_matrix(of.frames[k]), V[of.means(k), of.means(k)]) for k in range(K)]
        covariances = [
            _spreads(
                _products(of.frames[k], *of.pairs) @ of.to_entries[k],
                V[np.ix_(of.columns[k], of.columns[k])],
            )
            for k in range(K)
        ]
        in_shape = _in_shape(mixture, np.stack(covariances))
        noise = None if mixture.noise is None else float(shares[-1])
        df = None
        if mixture.df is not None:
            own = np.sqrt(np.diag(V))
            known = [own[of.df(k)] if own[of.df(k)].size else [np.nan] for k in range(K)]
            df = mixture.df * np.concatenate(known)
        return ParameterErrors(shares[:K], np.stack(means), in_shape, noise, df)


def _spreads(slopes: FloatArray, covariance: FloatArray) -> FloatArray:
    """Standard deviations of linear functions, of which each row has the slopes."""
    return np.asarray(np.sqrt(((slopes @ covariance) * slopes).sum(axis=1)))


def _matrix(frame: FloatArray) -> FloatArray:
    return np.diag(frame) if frame.ndim == 1 else frame


def _products(frame: FloatArray, a: Array, b: Array) -> FloatArray:
    """Slopes of the covariance F e^T F^T in the entries of T at the pairs: (d, or d x d entries, pairs)."""
    if frame.ndim == 1:
        return np.diag(frame**2)
    left, right = frame[:, a], frame[:, b]
    both = left[:, np.newaxis] * right + right[:, np.newaxis] * left
    return np.asarray((both * np.where(a == b, 0.5, 1.0)).reshape(-1, len(a)))


def _in_shape(mixture: Mixture, each: FloatArray) -> FloatArray:
    """Of the entries of each component's covariance those that its structure keeps, in their shape."""
    shape = mixture.covariances.shape
    if mixture.structure.shared:
        return np.asarray(each[0].reshape(shape))
    return np.asarray((each[:, 0] if len(shape) == 1 else each).reshape(shape))


def _with_error(estimate: float, error: float) -> str:
    return f"{estimate:.4g} ± {error:.2g}"


__all__ = ["FROM_DERIVATIVES", "KINDS", "Delta", "Interval", "Replicates", "StandardErrors"]
