"""Start from random responsibilities, as scikit-learn draws them, but not alike."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from mixtura._rows import FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import CovarianceStructure
from mixtura.em import SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.starts._given import statistics_of

# Draws for one row at most: the mean of more hardly differs.
_MOST_REPETITIONS = 64


def random(
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
    reg_covar: float,
    rng: RandomState,
) -> Mixture:
    """Uniform random responsibilities; the means they imply, spread to the data's own scale.

    Means of n rows with random weights all lie within 1 / sqrt(n) of the centre: EM begins at a
    saddle, and its first step changes so little that it stops there. The same directions,
    stretched until the means lie one total covariance apart, begin outside it. Nothing changes
    with the units or a rotation of the features.
    """
    responsibilities = RandomResponsibilities(blocks, n_components, rng)
    statistics = statistics_of(responsibilities, blocks, structure, n_components)
    mixture = statistics.maximise(reg_covar, blocks.n_threads)
    means = _spread(statistics, blocks)
    return Mixture(
        structure, mixture.weights, means, mixture.covariances, mixture.precisions_cholesky
    )


def _spread(statistics: SufficientStatistics, blocks: Blocks) -> FloatArray:
    deviations = statistics.means - blocks.total.mean
    n_components, n_features = deviations.shape
    covariance = blocks.total.scatter / blocks.total.weight
    size = np.einsum(
        "ki,ij,kj->", deviations, np.linalg.pinv(covariance, hermitian=True), deviations
    )
    stretch = np.sqrt(n_components * n_features / size) if size > 0 else 1.0
    return blocks.total.mean + stretch * deviations


class RandomResponsibilities:
    """Uniform numbers, normalised row by row; the same ones again whenever row 0 is asked for.

    Rows of a whole weight w get the mean of w draws, so that w repetitions are the same start.
    """

    def __init__(self, blocks: Blocks, n_components: int, rng: RandomState) -> None:
        self._n_components = n_components
        self._first_state = rng.get_state()
        self._rng = rng
        self._repetitions = blocks.sample_weight if blocks.has_integer_weights else None

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of the next rows."""
        if rows.start == 0:
            self._rng.set_state(self._first_state)
        if self._repetitions is None:
            return self._draw(rows.stop - rows.start)
        repetitions = np.minimum(self._repetitions[rows], _MOST_REPETITIONS).astype(int)
        means = np.zeros((len(repetitions), self._n_components))
        drawn = self._draw(int(repetitions.sum()))
        np.add.at(means, np.repeat(np.arange(len(repetitions)), repetitions), drawn)
        means /= np.maximum(repetitions, 1)[:, np.newaxis]
        return means

    def _draw(self, n_rows: int) -> FloatArray:
        uniform: FloatArray = self._rng.uniform(size=(n_rows, self._n_components))
        uniform /= uniform.sum(axis=1, keepdims=True)
        return uniform
