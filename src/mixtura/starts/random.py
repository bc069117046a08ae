"""Start from random responsibilities, as scikit-learn draws them, but not alike."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import RandomState

from mixtura.em import MStep, SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks, in_memory
from mixtura.starts.given import statistics_of
from mixtura.starts.kmeans import rows_of_a_start
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import interruptible

# Weights up to this sum are drawn as the rows that they stand for; larger sums one draw a row.
_MOST_DRAWS = 100_000_000

# Draws made at once.
_DRAWS = 1 << 15


def random(
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    rng: RandomState,
) -> Mixture:
    """Uniform random responsibilities; the means they imply, spread to the data's own scale.

    Means of n rows with random weights all lie within 1 / sqrt(n) of the centre: EM begins at a
    saddle, and its first step changes so little that it stops there. The same directions,
    stretched until the means lie one total covariance apart, begin outside it. Nothing changes
    with the units or a rotation of the features.

    Of many rows a uniform sample is taken: that their number does not matter is what the stretch is for.
    """
    rows = blocks.complete_sample(rows_of_a_start(blocks.shape[1], n_components), rng)
    sample = in_memory(blocks, rows)
    responsibilities = RandomResponsibilities(sample, n_components, rng)
    statistics = statistics_of(responsibilities, sample, m_step.structure, n_components)
    mixture = m_step.maximise(statistics, blocks.n_threads)
    return replace(mixture, means=_spread(statistics, sample))


def _spread(statistics: SufficientStatistics, blocks: Blocks) -> FloatArray:
    deviations = statistics.means - blocks.total.mean
    n_components, n_features = deviations.shape
    covariance = blocks.total.scatter / blocks.total.weight
    inverse = interruptible(partial(np.linalg.pinv, hermitian=True), covariance)
    size = np.einsum("ki,ij,kj->", deviations, inverse, deviations)
    stretch = np.sqrt(n_components * n_features / size) if size > 0 else 1.0
    return blocks.total.mean + stretch * deviations


class RandomResponsibilities:
    """Uniform numbers, normalised row by row; the same ones again whenever row 0 is asked for.

    Rows of a whole weight w get the mean of w draws, so that w repetitions are the same start.
    """

    def __init__(self, blocks: ArrayBlocks, n_components: int, rng: RandomState) -> None:
        self._n_components = n_components
        self._first_state = rng.get_state()
        self._rng = rng
        weight = blocks.rows.weight
        whole = weight is not None and blocks.counts.is_whole and weight.sum() <= _MOST_DRAWS
        self._repetitions = weight if whole else None

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of the next rows."""
        if rows.start == 0:
            self._rng.set_state(self._first_state)
        if self._repetitions is None:
            return self._draw(rows.stop - rows.start)
        return self._mean_draws(self._repetitions[rows].astype(np.int64))

    def _mean_draws(self, repetitions: Array) -> FloatArray:
        ends = np.cumsum(repetitions)
        sums = np.zeros((len(repetitions), self._n_components))
        for first in range(0, int(ends[-1]), _DRAWS):
            places = np.arange(first, min(first + _DRAWS, int(ends[-1])))
            of_row = np.searchsorted(ends, places, side="right")
            np.add.at(sums, of_row, self._draw(len(places)))
        sums /= np.maximum(repetitions, 1)[:, np.newaxis]
        return sums

    def _draw(self, n_rows: int) -> FloatArray:
        uniform: FloatArray = self._rng.uniform(size=(n_rows, self._n_components))
        uniform /= uniform.sum(axis=1, keepdims=True)
        return uniform
