"""All rows together, however they lie: how many they weigh, where they are, how they spread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import Self

import numpy as np

from mixtura.covariance import STRUCTURES, CovarianceStructure
from mixtura.em.blocks import Responsibilities, TotalScatter
from mixtura.em.statistics import SufficientStatistics
from mixtura.rows.facts import Counts
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached


class Whole(ABC):
    """What every place for rows has, from what its rows count and from sums over them."""

    n_threads: int

    @cached
    @abstractmethod
    def counts(self) -> Counts:
        """Rows and weights of all."""

    @cached
    @abstractmethod
    def glance(self) -> Array:
        """Some thousand of the rows that count, spread over all; all of them where there are no more."""

    @cached
    @abstractmethod
    def mean(self) -> FloatArray:
        """Mean of all rows."""

    @abstractmethod
    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given."""

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""
        same = copy(self)  # with what is computed already
        same.n_threads = n_threads
        return same

    @property
    def weight(self) -> float:
        """Sum of the weights: the number of rows where there are none."""
        return self.counts.weight

    @property
    def n_present(self) -> int:
        """Number of rows of positive weight."""
        return self.counts.n_present

    @property
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""
        return self.counts.rows_per_weight

    @cached
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, its sums taken about the mean."""
        about = self.about("diag", self.mean)
        delta = about.means - about.centres
        return np.asarray(about.seconds[0] / about.weight - delta[0] ** 2)

    @cached
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, its sums taken about the mean."""
        return self.spread("full")

    def spread(self, structure: str) -> TotalScatter:
        """Mean and scatter of all rows, 'full' or its diagonal, 'diag'; its sums taken about the mean."""
        about = self.about(structure, self.mean)
        mean, centre = about.means[0], about.centres[0]
        delta = mean - centre
        weighted = about.weight * delta
        between = weighted * delta if structure == "diag" else np.outer(weighted, delta)
        scatter = about.seconds[0] - between
        return TotalScatter(
            about.weight, mean, scatter, (centre - mean) + about.firsts[0] / about.weight
        )

    def about(self, structure: str, centre: FloatArray) -> SufficientStatistics:
        """Sums of all rows about a point, as of one component."""
        return self.accumulate_given(STRUCTURES[structure], everything, centre[np.newaxis])


def everything(rows: slice) -> FloatArray:
    """Responsibility 1 for the only component."""
    return np.ones((rows.stop - rows.start, 1))
