"""Partitions into every number of clusters at once: rows merged pair by pair."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import interruptible

# Rows that each cluster is thought to hold beside its own, as round as all rows together are: without
# them single rows and rows in a plane would have no volume.
_BESIDE = 10.0


def wards_partitions(X: FloatArray, weight: FloatArray | None, most: int) -> dict[int, Array]:
    """Labels for each number of clusters from 1 to `most`, distances as they are in X (Ward 1963).

    A row of weight w counts as w rows that are merged already.
    """
    merges = _core.merges_of(_core.Merge.ward, X, _counts(X, weight), 0.0)
    return _partitions(merges, len(X), most)


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
    n_rows, n_features = X.shape
    counts = _counts(X, weight)
    beside = _BESIDE * n_rows ** (-2 / n_features)
    merges = _core.merges_of(_core.Merge.gaussian, _sphered(X, counts), counts, beside)
    return _partitions(merges, n_rows, most)


def _counts(X: FloatArray, weight: FloatArray | None) -> FloatArray:
    return np.ones(len(X)) if weight is None else weight * (len(X) / weight.sum())


def _partitions(merges: list[list[int]], n_rows: int, most: int) -> dict[int, Array]:
    """Labels after all but the last merges: the second cluster of each joins the first."""
    labels = np.arange(n_rows)
    members = [[row] for row in range(n_rows)]
    found = {}
    for n_clusters in range(n_rows, 0, -1):
        if n_clusters <= most:
            _, found[n_clusters] = np.unique(labels, return_inverse=True)
        if n_clusters > 1:
            first, second = merges[n_rows - n_clusters]
            labels[members[second]] = first
            members[first] += members[second]
    return found


def _sphered(X: FloatArray, weight: FloatArray) -> FloatArray:
    """The rows in coordinates in which all together are round; directions without spread are left at 0."""
    total = weight.sum()
    centred = X - weight @ X / total
    scale = np.sqrt(weight @ centred**2 / total)
    centred = centred / np.where(scale > 0, scale, 1.0)
    scatter = centred.T @ (weight[:, np.newaxis] * centred)
    values, vectors = interruptible(np.linalg.eigh, scatter / total)
    kept = values > 1e-10 * max(values[-1], 0.0)
    return np.asarray(
        centred @ (vectors * np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0))
    )
