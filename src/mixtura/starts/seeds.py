"""Start with means at rows of the data: chosen at random, or far apart by k-means++."""

from __future__ import annotations

from functools import partial, reduce
from operator import add

import numpy as np
from numpy.random import RandomState
from sklearn.cluster import (
    kmeans_plusplus,  # not at a first fit: a child forked then could import it no more
)

from mixtura.covariance import STRUCTURES
from mixtura.em import MStep, SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.starts.kmeans import rows_of_a_start
from mixtura.support.arrays import FloatArray


def random_from_data(
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    rng: RandomState,
) -> Mixture:
    """Means at rows drawn without replacement."""
    means = blocks.pick(n_components, rng)
    return mixture_at(means, blocks, m_step)


def plus_plus(
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    rng: RandomState,
) -> Mixture:
    """Means at the seeds of k-means++."""
    rows = blocks.complete_sample(rows_of_a_start(blocks.shape[1], n_components), rng)
    X = rows.X
    # Its distances are x^2 - 2 x y + y^2, which cancels far from the origin.
    centred = (X - X.mean(axis=0, dtype=np.float64)).astype(X.dtype, copy=False)
    _, chosen = kmeans_plusplus(centred, n_components, sample_weight=rows.weight, random_state=rng)
    return mixture_at(X[chosen].astype(np.float64), blocks, m_step)


def beside(
    known: FloatArray | None,
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    rng: RandomState,
) -> Mixture:
    """Some means as they are known, the others (NaN) at rows far from them and from each other.

    Drawn as by k-means++ (Arthur & Vassilvitskii 2007), with features divided by their spreads.
    """
    rows = blocks.complete_sample(rows_of_a_start(blocks.shape[1], n_components), rng)
    spreads = np.sqrt(blocks.variances)
    X = (rows.X - blocks.mean) / np.where(spreads > 0, spreads, 1.0)
    means = np.full((n_components, X.shape[1]), np.nan) if known is None else known.copy()
    weight = np.ones(len(X)) if rows.weight is None else rows.weight
    nearest = np.full(len(X), np.inf)
    for mean in means[~np.isnan(means[:, 0])]:
        place = (mean - blocks.mean) / np.where(spreads > 0, spreads, 1.0)
        nearest = np.minimum(nearest, ((X - place) ** 2).sum(axis=1))
    for k in np.flatnonzero(np.isnan(means[:, 0])):
        chances = weight * np.where(np.isfinite(nearest), nearest, 1.0)
        chances = chances if chances.sum() > 0 else weight
        chosen = rng.choice(len(X), p=chances / chances.sum())
        means[k] = rows.X[chosen]
        nearest = np.minimum(nearest, ((X - X[chosen]) ** 2).sum(axis=1))
    return mixture_at(means, blocks, m_step)


def mixture_at(means: FloatArray, blocks: Blocks, m_step: MStep) -> Mixture:
    """Mixture with these means, equal weights and one covariance: the scatter around the nearest mean.

    scikit-learn's start gives each component the covariance of its single row, reg_covar I, and
    weights that sum to n_components / n_rows: a mixture that says nothing about the data's scale.
    """
    n_components = len(means)
    weights = np.full(n_components, 1.0 / n_components)
    scatter = _scatter_around_nearest(means, weights, blocks, m_step.reg_covar)
    seconds = m_step.structure.scatters(scatter, n_components)
    statistics = SufficientStatistics.of(
        m_step.structure, means, weight=1.0, counts=weights, seconds=seconds
    )
    return m_step.of_a_point.maximise(statistics)


def _scatter_around_nearest(
    means: FloatArray, weights: FloatArray, blocks: Blocks, reg_covar: FloatArray
) -> FloatArray:
    hard = _sums_of_nearest(means, weights, blocks, reg_covar)
    return hard.seconds / hard.weight


def have_rows(means: FloatArray, blocks: Blocks, reg_covar: FloatArray) -> bool:
    """Whether each of these means is the nearest one of some row."""
    weights = np.full(len(means), 1.0 / len(means))
    return bool((_sums_of_nearest(means, weights, blocks, reg_covar).counts > 0).all())


def _sums_of_nearest(
    means: FloatArray, weights: FloatArray, blocks: Blocks, reg_covar: FloatArray
) -> SufficientStatistics:
    # Nearest in units of each feature's own spread, so that units do not matter.
    total = blocks.total
    spread = np.diag(total.scatter) / total.weight + reg_covar
    spread = np.where(spread > 0, spread, 1.0)
    tied = STRUCTURES["tied"]
    covariance = np.diag(spread)
    factor = np.diag(1.0 / np.sqrt(spread))
    nearest = partial(_nearest_in, Mixture(tied, weights, means, covariance, factor))
    return reduce(add, blocks.each(nearest)) if blocks.has_labels else nearest(blocks, 0)


def _nearest_in(mixture: Mixture, rows: Blocks, _: int) -> SufficientStatistics:
    """Sums of rows under the nearest means, whatever labels say: these means have no numbers yet."""
    if isinstance(rows, ArrayBlocks) and rows.has_labels:
        rows = ArrayBlocks(rows.rows.alone(), rows.n_threads, rows.dtype)
    return rows.accumulate(mixture, hard=True)
