"""Directions in which the components of a mixture differ most (Scrucca 2010)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh

from mixtura.display.page import Page, Shown, Table
from mixtura.inputs.checks import check_rows
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

# Share of the largest eigenvalue below which there is nothing to see in a direction.
_NOTHING = 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class Directions(Shown):
    """Directions in which components differ, the most telling first.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_directions,)
        How much they differ there. Of means alone at most 2, as far as the mixture's covariance is the rows'.
    directions : ndarray of shape (n_features, n_directions)
        Projections on them have variance 1 and are not correlated, over all rows.
    centre : ndarray of shape (n_features,)
        The mean of the mixture, which lies at 0.
    mixture : Mixture
        The components in these directions, with full covariances.
    names : tuple of str
        Of the features.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> X = load_faithful().data
    >>> directions = GaussianMixture(2, random_state=0).fit(X).reduction(X)
    >>> directions.directions.shape, round(float(directions.transform(X).std()), 6)
    ((2, 1), 1.0)
    """

    eigenvalues: FloatArray
    directions: FloatArray
    centre: FloatArray
    mixture: Mixture
    names: tuple[str, ...]

    def transform(self, X: Any) -> FloatArray:
        """Project rows on the directions.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_directions)

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.
        """
        rows = check_rows(X, len(self.centre))
        return np.asarray((rows - self.centre) @ self.directions)

    def _page(self) -> Page:
        n = len(self.eigenvalues)
        title = "Directions in which the components differ"
        header = ("direction", "eigenvalue", "share", *self.names)
        shares = self.eigenvalues / self.eigenvalues.sum()
        lines = [
            (
                str(j),
                f"{self.eigenvalues[j]:.4f}",
                f"{100 * shares[j]:.1f} %",
                *(f"{part:.4g}" for part in self.directions[:, j]),
            )
            for j in range(n)
        ]
        table = Table((header, *lines), "direction", n, n_fixed=3, n_features=len(self.names))
        return Page(title, (), table, "(coefficients of the features)")

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = {"direction": range(len(self.eigenvalues))}
        columns["eigenvalue"] = self.eigenvalues
        return columns | dict(zip(self.names, self.directions, strict=True))


def directions_of(
    mixture: Mixture, covariance: FloatArray, names: tuple[str, ...], share_of_means: float
) -> Directions:
    """Directions b of most b^T M b under b^T S b = 1, S the covariance of all rows.

    M = 2 a B inv(S) B + 2 (1 - a) sum_k w_k (S_k - W) inv(S) (S_k - W), with B and W the covariance between
    and within components, and a the share of means: 1/2 is the kernel of Scrucca 2010, others Scrucca 2014.

    Raises
    ------
    ValueError
        If the components do not differ, or the covariance is singular.
    """
    weights, spreads = mixture.weights, np.sqrt(np.diag(covariance))
    squares = spreads[:, np.newaxis] * spreads
    centre = weights @ mixture.means
    away, matrices = (mixture.means - centre) / spreads, mixture.covariance_matrices() / squares
    try:
        kernel = _kernel(weights, away, matrices, covariance / squares, share_of_means)
        values, vectors = eigh(kernel, covariance / squares)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "The covariance of X is singular: leave out features that others determine."
        ) from error
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > _NOTHING * max(float(values[0]), _NOTHING)
    if not kept.any():
        raise ValueError("The components do not differ in any direction: there is nothing to see.")
    values, vectors = values[kept], vectors[:, kept]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])
    projected = Mixture.from_parameters(
        weights / weights.sum(), away @ vectors, vectors.T @ matrices @ vectors, df=mixture.df
    )
    return Directions(values, vectors / spreads[:, np.newaxis], centre, projected, names)


def _kernel(
    weights: FloatArray,
    away: FloatArray,
    matrices: FloatArray,
    covariance: FloatArray,
    share_of_means: float,
) -> FloatArray:
    inverse = np.linalg.inv(covariance)
    between = (weights * away.T) @ away
    apart = matrices - np.tensordot(weights, matrices, axes=1)
    of_covariances = np.tensordot(weights, apart @ inverse @ apart, axes=1)
    a = share_of_means
    found = 2 * a * between @ inverse @ between + 2 * (1 - a) * of_covariances
    return np.asarray((found + found.T) / 2)


__all__ = ["Directions", "directions_of"]
