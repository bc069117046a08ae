"""Start from scikit-learn's k-means partition."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from sklearn.cluster import (
    KMeans,  # not at a first fit: a child forked then could import it no more
)

from mixtura.em import MStep
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.starts.given import LabelResponsibilities, mixture_of
from mixtura.support.arrays import Array, FloatArray

# Bytes of rows and of k-means' own temporaries (about 8 numbers a row); beyond, a uniform sample is
# clustered, since k-means copies its rows and the memory of a fit must not grow with them.
_BUDGET = 24 << 20


def kmeans(
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    rng: RandomState,
) -> Mixture:
    """Return one M-step from the labels of KMeans(n_init=1), as scikit-learn does."""
    rows = blocks.complete_sample(rows_of_a_start(blocks.shape[1], n_components), rng)
    labels = clusters(rows.X, rows.weight, n_components, rng)
    given = LabelResponsibilities(labels, n_components)
    sample = ArrayBlocks(rows, blocks.n_threads)
    return mixture_of(given, sample, m_step, n_components)


def rows_of_a_start(n_features: int, n_components: int) -> int:
    """Rows of a sample that a start may copy."""
    return max(_BUDGET // (8 * (n_features + 8)), 16 * n_components)


def clusters(X: Array, weight: FloatArray | None, n_components: int, rng: RandomState) -> Array:
    """Labels of the rows by KMeans(n_init=1)."""
    # KMeans scales its tolerance by the unweighted variance; w must count as w repetitions here too.
    tol = 1e-4 if weight is None else 1e-4 * _variance_ratio(X, weight)
    model = KMeans(n_components, n_init=1, random_state=rng, tol=tol)
    labels: Array = model.fit(X, sample_weight=weight).labels_
    return labels


def _variance_ratio(X: Array, weight: FloatArray) -> float:
    plain = float(np.mean(np.var(X, axis=0)))
    mean = np.average(X, axis=0, weights=weight)
    weighted = float(np.mean(np.average((X - mean) ** 2, axis=0, weights=weight)))
    return weighted / plain if plain > 0 else 1.0
