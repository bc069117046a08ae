"""What a mixture says of missing features, given those that were observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, RandomState

from mixtura.mixture.evaluation import arithmetic, log_density, responsibilities, write
from mixtura.support.arrays import Array, FloatArray, result_dtype

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture


def expected(
    mixture: Mixture, X: Array, threads: int, *, with_std: bool = False
) -> tuple[Array, Array | None]:
    """Rows with conditional means in place of NaN, and the standard deviations there (0 where observed).

    Over the components, by their responsibilities; noise has no part in it.
    """
    dtype = arithmetic(mixture, result_dtype(X))
    completed = np.array(X, dtype=dtype, order="C")
    variances = np.zeros_like(completed) if with_std else None
    write(mixture, X, dtype, threads, missing=True, expected=completed, variances=variances)
    into = result_dtype(X)
    std = None if variances is None else np.sqrt(variances).astype(into, copy=False)
    return completed.astype(into, copy=False), std


def drawn(mixture: Mixture, X: Array, rng: Generator | RandomState, threads: int) -> FloatArray:
    """Rows with draws from the conditional distribution in place of NaN; float64.

    A component is drawn by the responsibilities, then x_m = E[x_m | x_o] + (z_m - E[z_m | z_o]) with z drawn
    from that component (Hoffman & Ribak 1991): the difference has the covariance of x_m given x_o, whatever
    z_o is. Of a t component it is widened as its scale, given x_o, varies.
    """
    values = np.array(X, dtype=np.float64)
    holes = np.isnan(values)
    rows = np.flatnonzero(holes.any(axis=1))
    if not len(rows):
        return values
    of_components = mixture.without_noise()
    shares = responsibilities(of_components, values[rows], threads, missing=True)
    chosen = chosen_components(shares, rng)
    for k in np.unique(chosen):
        mine = rows[chosen == k]
        alone = one_component(of_components, int(k))
        values[mine] = _drawn_from_one(alone, values[mine], rng, threads)
    return values


def chosen_components(shares: Array, rng: Generator | RandomState) -> Array:
    """For each row a component, drawn by its responsibilities."""
    chosen = (shares.cumsum(axis=1) < rng.uniform(size=(len(shares), 1))).sum(axis=1)
    return np.asarray(np.minimum(chosen, shares.shape[1] - 1))


def one_component(mixture: Mixture, k: int, *, tails: bool = True) -> Mixture:
    """The distribution of one component; tails=False: the Gaussian of its mean and scale matrix."""
    alone = some_components(mixture, [k])
    return alone if tails else replace(alone, df=None)


def some_components(mixture: Mixture, which: Sequence[int] | Array) -> Mixture:
    """The distribution of the rows of some components."""
    own = np.asarray(which, dtype=np.intp)
    matrices = mixture.covariances, mixture.precisions_cholesky
    covariances, factors = matrices if mixture.structure.shared else (one[own] for one in matrices)
    weights, share = mixture.weights[own], mixture.weights[own].sum()
    return replace(
        mixture,
        weights=weights / share if share > 0 else np.full(len(own), 1 / len(own)),
        means=mixture.means[own],
        covariances=covariances,
        precisions_cholesky=factors,
        df=None if mixture.df is None else mixture.df[own],
        noise=None,
        posterior=None,
    )


def _drawn_from_one(
    alone: Mixture, X: FloatArray, rng: Generator | RandomState, threads: int
) -> FloatArray:
    normal = replace(alone, df=None)
    factor = np.linalg.cholesky(normal.covariance_matrices()[0])
    z = normal.means[0] + rng.standard_normal(X.shape) @ factor.T
    gaps = np.isnan(X)
    away = z - expected(normal, np.where(gaps, np.nan, z), threads)[0]
    if alone.df is not None:
        away *= _scale(normal, alone.df[0], X, rng, threads)[:, np.newaxis]
    completed, _ = expected(normal, X, threads)
    return np.where(gaps, completed + away, X)


def _scale(
    normal: Mixture, df: float, X: FloatArray, rng: Generator | RandomState, threads: int
) -> FloatArray:
    """Draws of the root of 1 / u given what is observed, u ~ Gamma((df + o) / 2, (df + delta) / 2)."""
    draws = rng.chisquare(df + (~np.isnan(X)).sum(axis=1))
    return np.asarray(np.sqrt((df + square_distances(normal, X, threads)) / draws))


def square_distances(normal: Mixture, X: Array, threads: int) -> FloatArray:
    """How far the observed features of rows are from one Gaussian's mean, in units of its covariance."""
    at_mean = np.where(np.isnan(X), np.nan, normal.means[0])
    highest = log_density(normal, at_mean, threads, missing=True)
    distances = 2 * (highest - log_density(normal, X, threads, missing=True))
    return np.asarray(np.maximum(distances, 0.0))


__all__ = [
    "chosen_components",
    "drawn",
    "expected",
    "one_component",
    "some_components",
    "square_distances",
]
