"""Partitions into every number of clusters at once: rows merged pair by pair."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage

from mixtura._rows import Array, FloatArray

# Rows that each cluster is thought to hold beside its own, as round as all rows together are: without
# them single rows and rows in a plane would have no volume.
_BESIDE = 10.0


def wards_partitions(X: FloatArray, most: int) -> dict[int, Array]:
    """Labels for each number of clusters from 1 to `most`, distances as they are in X (Ward 1963)."""
    tree = linkage(X, "ward")
    labels = cut_tree(tree, range(1, most + 1))
    return {k + 1: np.ascontiguousarray(labels[:, k], dtype=np.int64) for k in range(most)}


def merged_partitions(X: FloatArray, weight: FloatArray | None, most: int) -> dict[int, Array]:
    """Labels of the rows for each number of clusters from 1 to `most` (Fraley 1998).

    Each merge is the one that raises sum_k n_k log|S_k| least, S_k the covariance of cluster k: the
    classification likelihood of Gaussians of any volume, shape and orientation. No linear map of the
    features changes it.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        A few hundred rows: memory and time grow with the square of their number.
    weight : ndarray of shape (n_rows,) or None
    most : int
    """
    return _Merging(X, weight).down_from(most)


class _Merging:
    def __init__(self, X: FloatArray, weight: FloatArray | None) -> None:
        n_rows, n_features = X.shape
        self._counts = np.ones(n_rows) if weight is None else weight * (n_rows / weight.sum())
        self._means = _sphered(X, self._counts)
        self._scatters = np.zeros((n_rows, n_features, n_features))
        self._beside = _BESIDE * n_rows ** (-2 / n_features) * np.eye(n_features)
        self._values = self._value(self._counts, self._scatters)
        self._labels = np.arange(n_rows)
        self._alive = np.ones(n_rows, dtype=bool)
        self._costs = np.full((n_rows, n_rows), np.inf)
        for first in range(n_rows - 1):
            self._costs[first, first + 1 :] = self._cost(first, np.arange(first + 1, n_rows))

    def down_from(self, most: int) -> dict[int, Array]:
        found = {}
        for n_clusters in range(len(self._labels), 0, -1):
            if n_clusters <= most:
                _, found[n_clusters] = np.unique(self._labels, return_inverse=True)
            if n_clusters > 1:
                self._merge(*divmod(int(self._costs.argmin()), len(self._labels)))
        return found

    def _merge(self, first: int, second: int) -> None:
        counts, means, scatters = self._merged(first, np.array([second]))
        self._counts[first], self._means[first], self._scatters[first] = (
            counts[0],
            means[0],
            scatters[0],
        )
        self._values[first] = self._value(counts, scatters)[0]
        self._alive[second] = False
        self._labels[self._labels == second] = first
        self._costs[second] = self._costs[:, second] = np.inf
        others = np.flatnonzero(self._alive)
        others = others[others != first]
        costs = self._cost(first, others)
        self._costs[np.minimum(first, others), np.maximum(first, others)] = costs

    def _cost(self, first: int, others: Array) -> FloatArray:
        counts, _, scatters = self._merged(first, others)
        value = self._value(counts, scatters)
        return np.asarray(value - self._values[first] - self._values[others])

    def _merged(self, first: int, others: Array) -> tuple[FloatArray, FloatArray, FloatArray]:
        counts = self._counts[first] + self._counts[others]
        share = (self._counts[others] / counts)[:, np.newaxis]
        apart = self._means[others] - self._means[first]
        means = self._means[first] + share * apart
        between = (self._counts[first] * share)[:, :, np.newaxis] * (
            apart[:, :, np.newaxis] * apart[:, np.newaxis]
        )
        return counts, means, self._scatters[first] + self._scatters[others] + between

    def _value(self, counts: FloatArray, scatters: FloatArray) -> FloatArray:
        rows = counts[:, np.newaxis, np.newaxis]
        return np.asarray(counts * np.linalg.slogdet((scatters + self._beside) / rows)[1])


def _sphered(X: FloatArray, weight: FloatArray) -> FloatArray:
    """The rows in coordinates in which all together are round; directions without spread are left at 0."""
    total = weight.sum()
    centred = X - weight @ X / total
    scale = np.sqrt(weight @ centred**2 / total)
    centred = centred / np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(centred.T @ (weight[:, np.newaxis] * centred) / total)
    kept = values > 1e-10 * max(values[-1], 0.0)
    return np.asarray(
        centred @ (vectors * np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0))
    )
