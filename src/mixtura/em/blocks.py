"""What a place for rows fulfils, so that EM runs on it unchanged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em.expectation import Expectation, TotalScatter
from mixtura.em.statistics import SufficientStatistics
from mixtura.inputs.scales import Extent
from mixtura.mixture import Mixture, arithmetic
from mixtura.support.arrays import Array, FloatArray

T = TypeVar("T")

#: A generator, or what makes one where random numbers are needed: to seed one takes longer than a small fit.
Randomness = RandomState | Callable[[], RandomState]


class Responsibilities(Protocol):
    """Responsibilities that a start gives, asked for in order of the rows, from row 0 on."""

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows: (n_rows, n_components), contiguous or not."""


class Blocks(ABC):
    """Rows that lie somewhere. Nothing here returns n_rows x n_components numbers to the EM loop."""

    #: Number of rows and of features.
    shape: tuple[int, int]
    #: Precision of the arithmetic: float32 or float64.
    dtype: np.dtype[Any]
    #: Threads that may be used.
    n_threads: int
    #: Whether a tied iteration may take its second moments from the scatter of all rows.
    uses_total: bool = True

    @property
    @abstractmethod
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, computed once."""

    @property
    @abstractmethod
    def mean(self) -> FloatArray:
        """Mean of all rows, computed once."""

    @property
    @abstractmethod
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, computed once."""

    @property
    @abstractmethod
    def weight(self) -> float:
        """Sum of the weights: the number of rows where there are none."""

    @property
    @abstractmethod
    def n_present(self) -> int:
        """Number of rows of positive weight."""

    @property
    @abstractmethod
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""

    @property
    @abstractmethod
    def extent(self) -> Extent:
        """The least and the most of each feature."""

    @abstractmethod
    def in_double(self) -> Self:
        """Return the same rows, computed with in float64 whatever they are."""

    @abstractmethod
    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them, computed with in that precision."""

    @abstractmethod
    def bringing(self, responsibilities: Responsibilities, n_components: int) -> _core.RowSource:
        """The same, each row with its responsibilities."""

    @abstractmethod
    def each(self, task: Callable[[Any, int], T]) -> Iterator[T]:
        """Run a task on every part of the rows that lies in one array; yield its results in their order.

        task: called with the part (ArrayBlocks) and the number of rows before it. It must not keep the part.
        The rows are read as the results are asked for; an iterator that is closed reads no further.
        """

    @abstractmethod
    def sample(self, n_rows: int, rng: Randomness) -> tuple[Array, FloatArray | None]:
        """Return at most `n_rows` rows (all of them if there are no more) and their weights.

        A uniform sample without replacement, in the order of the rows, none of weight 0, in `dtype`. Where
        there are more rows, and whole weights, it is one of repeated rows, and has no weights. A generator
        that is yet to be made is made only where there are more.
        """

    @abstractmethod
    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights, in the order drawn."""

    # What follows from these

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""
        same = copy(self)  # with what is computed already
        same.n_threads = n_threads
        return same

    def expectation(self, structure: CovarianceStructure, *, hard: bool = False) -> Expectation:
        """What E-steps of such a structure are asked for."""
        return Expectation(hard, total=self.total if structure.shared and self.uses_total else None)

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        centres: taken about these instead of the means. hard: each row belongs wholly to its
        likeliest component.
        """
        return self._expect(mixture, self.expectation(mixture.structure, hard=hard), centres)

    def score(self, mixture: Mixture) -> SufficientStatistics:
        """Like accumulate, with the scalars only."""
        return self._expect(mixture, Expectation(moments=False), None)

    def _expect(
        self, mixture: Mixture, asked: Expectation, centres: FloatArray | None
    ) -> SufficientStatistics:
        rows = self.source(arithmetic(mixture, self.dtype))
        block = _core.accumulate(rows, asked.native, mixture.native, centres, self.n_threads)
        about = mixture.means if centres is None else centres
        return SufficientStatistics(mixture.structure, about, block)

    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given; log_likelihood is 0."""
        rows = self.bringing(responsibilities, len(centres))
        block = _core.accumulate_given(rows, structure.kernel, centres, self.n_threads)
        return SufficientStatistics(structure, centres, block)
