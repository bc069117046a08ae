"""What a place for rows fulfils, so that a fit runs on it unchanged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.covariance import STRUCTURES
from mixtura.em import EMBlocks, TotalScatter
from mixtura.inputs.scales import Extent
from mixtura.mixture import Mixture
from mixtura.rows.completing import Observed, normal_of
from mixtura.rows.facts import Counts
from mixtura.rows.value import Rows
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached

if TYPE_CHECKING:
    from mixtura.rows.array import ArrayBlocks

T = TypeVar("T")

#: A generator, or what makes one where random numbers are needed: to seed one takes longer than a small fit.
Randomness = RandomState | Callable[[], RandomState]


class Blocks(EMBlocks):
    """Rows that lie somewhere: beside what EM asks, what starts and checks need to know of them.

    A new place for rows says what its rows count, how they are read and drawn; what follows from that is
    here.
    """

    #: Whether something is known of which component rows belong to.
    has_labels: bool = False

    #: Columns of what is known of each component; 0: there are none.
    n_credible: int = 0

    @property
    @abstractmethod
    def extent(self) -> Extent:
        """The least and the most of each feature."""

    @abstractmethod
    def in_double(self) -> Self:
        """Return the same rows, computed with in float64 whatever they are."""

    @abstractmethod
    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on every part of the rows that lies in one array; yield its results in their order.

        task: called with the part and the number of rows before it. It must not keep the part. The
        rows are read as the results are asked for; an iterator that is closed reads no further.
        """

    @abstractmethod
    def sample(self, n_rows: int, rng: Randomness) -> Rows:
        """Return at most `n_rows` rows, with all that they bring; all of them if there are no more.

        A uniform sample without replacement, in the order of the rows, none of weight 0, in `dtype`. Where
        there are more rows, and whole weights, it is one of repeated rows, and has no weights. A generator
        that is yet to be made is made only where there are more.
        """

    @abstractmethod
    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights, in the order drawn."""

    @cached
    @abstractmethod
    def counts(self) -> Counts:
        """Rows and weights of all."""

    @cached
    @abstractmethod
    def preview(self) -> Array:
        """Some thousand of the rows that count, spread over all; all of them where there are no more."""

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
    @abstractmethod
    def observed(self) -> Observed:
        """What was observed of each feature, where some are missing."""

    @cached
    def normal(self) -> Mixture:
        """The likeliest Gaussian of a sample, where features are missing: it completes rows for starts."""
        return normal_of(self._some(), self.observed)

    @abstractmethod
    def _some(self) -> EMBlocks:
        """A sample for the Gaussian."""

    def complete_sample(self, n_rows: int, rng: Randomness) -> Rows:
        """As `sample`, as they were measured; what is missing is drawn from the Gaussian."""
        return self.completed(self.sample(n_rows, rng), rng)

    def completed(self, rows: Rows, rng: Randomness) -> Rows:
        """Some of these rows, as they were measured; what is missing is drawn from the Gaussian."""
        if rows.error is not None:
            rows = replace(rows.known(), error=None)
        return rows.completed(self.normal, made(rng), self.n_threads) if self.has_missing else rows

    @cached
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, its sums taken about the mean; of what was observed."""
        if self.has_missing:
            return self.observed.variances
        variances: FloatArray = self._spread_of_each[-1]
        return variances

    @cached
    def _spread_of_each(self) -> tuple[Any, ...]:
        """Of each feature, about the mean."""
        return self._spread_about("diag", self.mean)

    @cached
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, its sums taken about the mean."""
        return self.spread("full")

    def spread(self, structure: str) -> TotalScatter:
        """Mean and scatter of all rows, 'full' or its diagonal, 'diag'; its sums taken about the mean.

        Where features are missing those of the Gaussian.
        """
        if self.has_missing:
            scatter = self.weight * self.normal.covariance_matrices()[0]
            scatter = np.diag(scatter).copy() if structure == "diag" else scatter
            return TotalScatter(self.weight, self.normal.means[0], scatter)
        if structure == "diag":
            return TotalScatter(*self._spread_of_each[:-1])
        return TotalScatter(*self._spread_about(structure, self.mean)[:-1])

    def _spread_about(self, structure: str, centre: FloatArray) -> tuple[Any, ...]:
        """From sums about a point: weight, mean, scatter, what the mean was rounded by, variances."""
        rows = self.bringing(everything, 1)
        kernel = STRUCTURES[structure].kernel
        return _core.spread_about(rows, kernel, centre, self.n_threads)


def made(rng: Randomness) -> RandomState:
    """The generator."""
    return rng() if callable(rng) else rng


def everything(rows: slice) -> FloatArray:
    """Responsibility 1 for the only component."""
    return np.ones((rows.stop - rows.start, 1))
