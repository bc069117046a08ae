"""Components into clusters: merge those whose labels are least clear (Baudry et al. 2010)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from scipy.special import xlogy

from mixtura.display.page import Page, Shown, Table, plural
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.rows import rows_to_evaluate
from mixtura.fitting.given_rows import NO_LABELS, Reading, RowsElsewhere, given_rows
from mixtura.inputs.checks import check_rows
from mixtura.inputs.row_errors import NO_ERRORS
from mixtura.mixture import Mixture, responsibilities
from mixtura.rows import ArrayBlocks
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads


@dataclass(frozen=True, eq=False, repr=False)
class Combination(Shown):
    """Clusters made of the components of a mixture, for every number from K down to 1.

    Attributes
    ----------
    mixture : Mixture
        As it was: its density does not change.
    n_clusters : ndarray of shape (K,)
        K, K - 1, ..., 1.
    entropy : ndarray of shape (K,)
        -sum_i w_i sum_j p_ij log p_ij of the clusters' probabilities p, for each number of clusters.
    merges : tuple of (int, int)
        The clusters merged at each step; the merged one has the lower of the two numbers, and later ones
        move up.
    combined_rows : ndarray of shape (K,)
        Expected rows in what was merged, cumulative; 0 first.
    elbow : int
        Number of clusters at which a broken line of two pieces fits the entropy best, against
        `combined_rows`; K where there are fewer than three numbers.
    """

    mixture: Mixture
    n_clusters: Array
    entropy: FloatArray
    merges: tuple[tuple[int, int], ...]
    combined_rows: FloatArray
    elbow: int

    def members(self, n_clusters: int | None = None) -> list[list[int]]:
        """Return the components of each cluster.

        Parameters
        ----------
        n_clusters : int, optional
            From 1 to K; the elbow by default.

        Returns
        -------
        list of list of int

        Raises
        ------
        ValueError
            If there is no such number of clusters.
        """
        wanted = self.elbow if n_clusters is None else n_clusters
        if not isinstance(wanted, Integral) or not 1 <= wanted <= self.mixture.n_components:
            raise ValueError(
                f"n_clusters must be a whole number in 1..{self.mixture.n_components}, got {n_clusters!r}."
            )
        clusters = [[k] for k in range(self.mixture.n_components)]
        for first, second in self.merges[: self.mixture.n_components - int(wanted)]:
            clusters[first] = sorted(clusters[first] + clusters.pop(second))
        return clusters

    def predict_proba(self, X: Any, n_clusters: int | None = None) -> Array:
        """Return the probability of each cluster given each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_clusters : int, optional
            The elbow by default.

        Returns
        -------
        ndarray of shape (n_rows, n_clusters)
        """
        shares = self.mixture.responsibilities(X)
        return np.stack([shares[:, own].sum(axis=1) for own in self.members(n_clusters)], axis=1)

    def predict(self, X: Any, n_clusters: int | None = None) -> Array:
        """Return the likeliest cluster of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_clusters : int, optional
            The elbow by default.

        Returns
        -------
        ndarray of shape (n_rows,), int64
        """
        return np.asarray(self.predict_proba(X, n_clusters).argmax(axis=1))

    def _page(self) -> Page:
        wanted = f"{plural(self.elbow, 'cluster')}: {_in_words(self.members())}"
        numbers = zip(self.n_clusters, self.entropy, self.combined_rows, strict=True)
        lines = [
            (str(n), f"{entropy:,.2f}", f"{rows:,.1f}", _in_words(self.members(int(n))))
            for n, entropy, rows in numbers
        ]
        header = ("clusters", "entropy", "combined rows", "components of each")
        table = Table((header, *lines), "step", len(lines), texts=frozenset(header[3:]))
        title = f"{plural(self.mixture.n_components, 'component')} combined into clusters"
        return Page(title, (("elbow", wanted),), table)

    def _columns(self) -> Mapping[str, Any]:
        return {
            "n_clusters": self.n_clusters,
            "entropy": self.entropy,
            "combined_rows": self.combined_rows,
            "members": [_in_words(self.members(int(n))) for n in self.n_clusters],
        }


def _in_words(clusters: Sequence[Sequence[int]]) -> str:
    return ", ".join("+".join(map(str, members)) for members in clusters)


def combine(model: Any, X: Any, sample_weight: Any = None) -> Combination:
    """Combine a mixture's components into clusters, from K down, by entropy.

    A mixture needs several components for one cluster that is not Gaussian. Each step merges the two
    clusters whose union makes the labels clearest; the density stays.

    Parameters
    ----------
    model : fitted GaussianMixture or GaussianMixtureSearch, or Mixture
    X : array-like of shape (n_rows, n_features), source or Dask collection
        The rows that it was fitted to. Of each row n_components numbers are held in memory.
    sample_weight : array-like of shape (n_rows,), default=None

    Returns
    -------
    Combination
        For every number of clusters; `elbow` says which deserves a look first.

    Raises
    ------
    TypeError
        If `model` is none of these, or X no array or data frame in memory.
    NotFittedError
        If `model` is not fitted.
    ValueError
        If X or a weight is not possible.

    See Also
    --------
    mixtura.plots.plot_entropy : the entropy against the number of clusters.

    References
    ----------
    Baudry, Raftery, Celeux, Lo & Gottardo 2010, Combining mixture components for clustering.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture
    >>> from mixtura.selection import combine
    >>> rng = np.random.default_rng(0)
    >>> cross = rng.normal(size=(200, 2)) * [[4, 0.3]]
    >>> X = np.concatenate([cross, cross[:, ::-1], rng.normal(size=(200, 2)) * 0.5 + [8, 8]])
    >>> found = combine(GaussianMixture(3, random_state=0).fit(X), X)
    >>> sorted(map(len, found.members(2)))
    [1, 2]
    """
    if not isinstance(model, Mixture | GaussianMixture | GaussianMixtureSearch):
        raise TypeError(
            "model must be a fitted GaussianMixture or GaussianMixtureSearch, or a Mixture, got "
            f"{type(model).__name__}."
        )
    mixture: Mixture = model if isinstance(model, Mixture) else model.mixture_
    shares, weight = _shares(model, mixture, X, sample_weight)
    entropies, merges, rows = [_entropy(shares, weight)], [], [0.0]
    while shares.shape[1] > 1:
        gain, first, second = _best_merge(shares, weight)
        united = shares[:, first] + shares[:, second]
        merges.append((first, second))
        rows.append(rows[-1] + float(weight @ united))
        shares = np.delete(shares, second, axis=1)
        shares[:, first] = united
        entropies.append(max(entropies[-1] - gain, 0.0))
    k = mixture.n_components
    return Combination(
        mixture,
        np.arange(k, 0, -1),
        np.array(entropies),
        tuple(merges),
        np.array(rows),
        _elbow(np.array(rows), np.array(entropies), k),
    )


def _shares(
    model: Any, mixture: Mixture, X: Any, sample_weight: Any
) -> tuple[FloatArray, FloatArray]:
    """Responsibilities and weights of all rows."""
    d = mixture.n_features
    if isinstance(model, Mixture):  # which knows no names of columns
        given = given_rows(
            X,
            sample_weight,
            NO_LABELS,
            NO_ERRORS,
            Reading(partial(check_rows, n_features=d), _is_checked, partial(_check_columns, d)),
        )
    else:
        given = rows_to_evaluate(model, d, X, sample_weight)
    parts = list(given.blocks(n_threads(None)).each(_SharesOf(mixture)))
    return np.concatenate([one for one, _ in parts]), np.concatenate([w for _, w in parts])


def _is_checked(_: Any) -> None:
    """`check_rows` has looked through it."""


def _check_columns(n_features: int, rows: RowsElsewhere) -> RowsElsewhere:
    if rows.n_features != n_features:
        raise ValueError(
            f"{rows} has {rows.n_features} features, but the mixture has {n_features}."
        )
    return rows


@dataclass(frozen=True)
class _SharesOf:
    """A task for each part of the rows."""

    mixture: Mixture

    def __call__(self, part: ArrayBlocks, _: int) -> tuple[FloatArray, FloatArray]:
        rows = part.rows
        shares = responsibilities(
            self.mixture, rows.X, part.n_threads, missing=rows.missing, errors=rows.error
        )
        weight = part.rows.weight
        ones = np.ones(len(shares)) if weight is None else weight.copy()  # the next part's memory
        return shares.astype(np.float64), ones


def _entropy(shares: FloatArray, weight: FloatArray) -> float:
    return float(-(weight @ xlogy(shares, shares)).sum())


def _best_merge(shares: FloatArray, weight: FloatArray) -> tuple[float, int, int]:
    """Gain in clearness, and the two clusters, of the best merge."""
    own = -(weight @ xlogy(shares, shares))
    best = (-np.inf, 0, 1)
    for first in range(shares.shape[1] - 1):
        unions = shares[:, first, np.newaxis] + shares[:, first + 1 :]
        gains = own[first] + own[first + 1 :] + weight @ xlogy(unions, unions)
        at = int(gains.argmax())
        if gains[at] > best[0]:
            best = (float(gains[at]), first, first + 1 + at)
    return best


def _elbow(rows: FloatArray, entropy: FloatArray, n_components: int) -> int:
    """Number of clusters where two straight lines, least squares, meet best."""
    if n_components < 3:
        return n_components
    errors = [
        _line_error(rows[: at + 1], entropy[: at + 1]) + _line_error(rows[at:], entropy[at:])
        for at in range(1, n_components - 1)
    ]
    return n_components - 1 - int(np.argmin(errors))


def _line_error(x: FloatArray, y: FloatArray) -> float:
    design = np.column_stack([np.ones(len(x)), x])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    return float(((y - design @ solution) ** 2).sum())
