"""The distributions of some features given the others, of many rows at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, RandomState

from mixtura.covariance import structure
from mixtura.display.page import plural
from mixtura.mixture.completing import drawn, expected, one_component, square_distances
from mixtura.mixture.evaluation import (
    log_density,
    log_joint,
    random_generator,
    responsibilities,
)
from mixtura.mixture.univariate import checked_levels, quantile
from mixtura.support.arrays import Array, FloatArray, block_slices, result_dtype
from mixtura.support.cached import cached
from mixtura.support.interruptible import log_determinants

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture


class Conditionals:
    """For each row the distribution of its free features given what is known of it: a mixture.

    With w, m and C the weights, means and covariances of what a row leaves free, its weights are the
    responsibilities of what is known, and within each component (Bishop 2006, eqs. 2.81, 2.82)

        m = mu_f + S_fg inv(S_gg) (x_g - mu_g),    C = S_ff - S_fg inv(S_gg) S_gf.

    Components of Student's t become wider where x_g is far, and gain as many degrees of freedom as features
    are known (Ding 2016). Noise has no part in it.

    `Mixture.condition` makes it of a matrix of rows. Methods return arrays of which the first axis is the
    row, and the last the free features in their order; float32 for float32 rows.

    Attributes
    ----------
    free : tuple of int
        The features that are not given.
    """

    def __init__(self, mixture: Mixture, given: list[int], known: Array, threads: int) -> None:
        """Known: checked values of the given features, NaN where one is not known of a row."""
        self.free = tuple(j for j in range(mixture.n_features) if j not in given)
        self._mixture = mixture.without_noise()
        self._given, self._known = given, known
        self._threads = threads

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Conditionals({plural(len(self), 'row')}, {plural(len(self.free), 'free feature')})"

    def mean(self) -> Array:
        """Expected values.

        Returns
        -------
        ndarray of shape (n_rows, n_free)
        """
        return self._expected(with_std=False)[0]

    def mean_and_std(self) -> tuple[Array, Array]:
        """Expected values and standard deviations.

        Returns
        -------
        mean, std : ndarray of shape (n_rows, n_free)
            The deviation is infinite where a t component has none.
        """
        mean, std = self._expected(with_std=True)
        assert std is not None
        return mean, std

    def _expected(self, *, with_std: bool) -> tuple[Array, Array | None]:
        """Some rows at a time, in memory that is used again: pages that are new take as long as the sums."""
        shape, dtype = (len(self), len(self.free)), result_dtype(self._known)
        mean, std = np.empty(shape, dtype), np.empty(shape, dtype) if with_std else None
        for some in self._pieces():
            rows = self._with_gaps(self._known[some])
            completed, spread = expected(self._mixture, rows, self._threads, with_std=with_std)
            mean[some] = self._free_part(completed)
            if std is not None and spread is not None:
                std[some] = self._free_part(spread)
        return mean, std

    def _pieces(self) -> Iterator[slice]:
        """A quarter of a block for each thread; all where rows lack this and that: alike ones go together."""
        if np.isnan(self._known).any():
            return iter([slice(0, len(self))])
        return block_slices(len(self), 4 * self._mixture.n_features // self._threads)

    @cached
    def _rows(self) -> Array:
        return self._with_gaps(self._known)

    def _with_gaps(self, known: Array) -> Array:
        """Rows of all features, NaN where they are free."""
        rows = np.full((len(known), self._mixture.n_features), np.nan, result_dtype(known))
        rows[:, self._given] = known
        return rows

    def weights(self) -> Array:
        """Probabilities of the components given what is known of each row.

        Returns
        -------
        ndarray of shape (n_rows, n_components)
        """
        return responsibilities(self._mixture, self._rows, self._threads, missing=True)

    def covariance(self) -> Array:
        """Covariances of the free features.

        Returns
        -------
        ndarray of shape (n_rows, n_free, n_free)
            Infinite on the diagonal where a t component has none.
        """
        r, means = self.weights(), self._means_and_scales()[0]
        df, widths = self._tails()
        with np.errstate(divide="ignore", invalid="ignore"):
            widening = np.where(df > 2, df / (df - 2), np.inf) if self._has_tails else 1.0
        shares = r * np.where(r > 0, widths**2 * widening, 0.0)
        away = means - np.einsum("nk,nkf->nf", r, means)[:, np.newaxis]
        between = np.einsum("nk,nkf,nkg->nfg", r, away, away)
        return self._like_rows(between + self._within(shares))

    def _within(self, shares: FloatArray) -> FloatArray:
        """Sum over the components of the shares times their C: one C for all rows that lack the same."""
        n_free = len(self.free)
        within = np.empty((len(self), n_free, n_free))
        patterns, of_row = np.unique(np.isnan(self._rows), axis=0, return_inverse=True)
        for i, lacks in enumerate(patterns):
            mine, missing = of_row.reshape(-1) == i, np.flatnonzero(lacks)
            own = np.searchsorted(missing, self.free)
            left = conditional_matrices(self._mixture, lacks)[:, own][:, :, own]
            within[mine] = np.einsum("nk,kfg->nfg", shares[mine], left)
        return within

    def log_density(self, values: Any) -> Array:
        """Log of the density of each row's free features at these values.

        Parameters
        ----------
        values : array-like of shape (n_rows, n_free)

        Returns
        -------
        ndarray of shape (n_rows,)
            log p(x_f, x_g) - log p(x_g).

        Raises
        ------
        ValueError
            If the shape is not that, or a value is NaN or infinite.
        """
        whole = self._rows.copy()
        values = np.asarray(values, dtype=result_dtype(whole))
        if values.shape != (len(self), len(self.free)):
            raise ValueError(
                f"values must have shape ({len(self)}, {len(self.free)}), got {values.shape}."
            )
        if not np.isfinite(values).all():
            raise ValueError("values must be finite, but some are NaN or infinite.")
        whole[:, list(self.free)] = values
        joint, known = (
            log_density(self._mixture, rows, self._threads, missing=True)
            for rows in (whole, self._rows)
        )
        return joint - known

    def quantiles(self, levels: Any) -> Array:
        """Quantiles of each free feature by itself.

        Parameters
        ----------
        levels : array-like of shape (n_levels,)
            Within (0, 1).

        Returns
        -------
        ndarray of shape (n_rows, n_free, n_levels)

        Raises
        ------
        ValueError
            If a level is not within (0, 1), or they are no row of numbers.
        """
        levels = np.atleast_1d(checked_levels(levels))
        weights = self.weights()
        means, scales = self._means_and_scales()
        df, widths = self._tails()
        scales = scales * widths[:, :, np.newaxis]
        found = np.empty((*means.shape[::2], len(levels)))
        for rows in block_slices(len(means), means[0].size * len(levels)):
            for i, level in enumerate(levels):
                found[rows, :, i] = quantile(
                    level,
                    weights[rows, :, np.newaxis],
                    means[rows],
                    scales[rows],
                    df[rows, :, np.newaxis],
                )
        return self._like_rows(found)

    def sample(
        self, n_samples: int = 1, random_state: int | RandomState | Generator | None = None
    ) -> Array:
        """Draws, those of a row's free features together.

        Parameters
        ----------
        n_samples : int, default=1
            Of each row.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_free)
        """
        rng = random_generator(random_state)
        draws = [drawn(self._mixture, self._rows, rng, self._threads) for _ in range(n_samples)]
        whole = np.array(draws).reshape(n_samples, *self._rows.shape)
        return self._like_rows(whole[:, :, list(self.free)])

    @property
    def _has_tails(self) -> bool:
        return self._mixture.df is not None

    def _means_and_scales(self) -> tuple[FloatArray, FloatArray]:
        """Of each component given what is known: (n_rows, n_components, n_free); tails do not widen it."""
        shape = len(self), self._mixture.n_components, len(self.free)
        means, scales = np.empty(shape), np.empty(shape)
        for k in range(shape[1]):
            of_one = Conditionals(self._gaussian(k), self._given, self._known, self._threads)
            means[:, k], scales[:, k] = of_one.mean_and_std()
        return means, scales

    def _tails(self) -> tuple[FloatArray, FloatArray]:
        """Degrees of freedom, and how much wider the scales are, of each row and component."""
        shape = len(self), self._mixture.n_components
        if self._mixture.df is None:
            return np.full(shape, np.inf), np.ones(shape)
        df = self._mixture.df + (~np.isnan(self._rows)).sum(axis=1)[:, np.newaxis]
        distances = [
            square_distances(self._gaussian(k), self._rows, self._threads) for k in range(shape[1])
        ]
        return df, np.sqrt((self._mixture.df + np.column_stack(distances)) / df)

    def _gaussian(self, k: int) -> Mixture:
        return one_component(self._mixture, k, tails=False)

    def _free_part(self, rows: Array) -> Array:
        return np.ascontiguousarray(rows[:, list(self.free)])

    def _like_rows(self, values: Array) -> Array:
        return values.astype(result_dtype(self._known), copy=False)


def conditional_matrices(mixture: Mixture, lacks: Array) -> FloatArray:
    """Covariances that are left of the features of a mask, given the others: (n_components, m, m)."""
    missing, known = np.flatnonzero(lacks).tolist(), np.flatnonzero(~lacks).tolist()
    if not known:
        return mixture.covariance_matrices()
    kind = mixture.structure
    _, left = kind.condition(mixture.covariances, known, missing)
    parts = structure(kind.of_parts or kind.name)
    return parts.matrices(left, mixture.n_components, len(missing))


def comparable_log_density(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Log density of rows some of whose features are missing, comparable between rows and in any units.

    Each component's density counts exp(-h) times, h = m/2 log(2 pi e) + 1/2 log |C| the entropy of what it
    leaves open: a missing feature costs what it costs on average where it is observed.

    Raises
    ------
    ValueError
        If rows were measured with errors.
    """
    if errors is not None:
        raise ValueError(
            "Errors of measurement are for GaussianMixture: rows of different errors have densities that do "
            "not compare. Give rows without them."
        )
    if not missing:
        return log_density(mixture, X, threads)
    gaps = np.isnan(X)
    terms = log_joint(mixture, X, threads, missing=True)
    patterns, of_row = np.unique(gaps, axis=0, return_inverse=True)
    for i, lacks in enumerate(patterns):
        if lacks.any():
            matrices = conditional_matrices(mixture, lacks)
            entropies = (log_determinants(matrices) + lacks.sum() * np.log(2 * np.pi * np.e)) / 2
            terms[of_row.reshape(-1) == i] -= entropies
    return log_sum_exp(terms)


def log_sum_exp(terms: Array) -> Array:
    """Log of the sum of the exponentials of each row; -inf where all are."""
    most = np.max(terms, axis=1, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore"):
        found: Array = most[:, 0] + np.log(np.exp(terms - most).sum(axis=1))
    return found


__all__ = ["Conditionals", "comparable_log_density", "log_sum_exp"]
