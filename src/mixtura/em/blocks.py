"""What a place for rows fulfils, so that EM runs on it unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.inputs.scales import Extent
from mixtura.support.arrays import Array, FloatArray

if TYPE_CHECKING:
    from mixtura.covariance import CovarianceStructure
    from mixtura.em.statistics import SufficientStatistics
    from mixtura.mixture import Mixture
    from mixtura.rows.array import ArrayBlocks


T = TypeVar("T")

#: A generator, or what makes one where random numbers are needed: to seed one takes longer than a small fit.
Randomness = RandomState | Callable[[], RandomState]


@dataclass(frozen=True, eq=False)
class TotalScatter:
    """Mean of all rows, and sum w (x - mean)(x - mean)^T."""

    weight: float
    mean: FloatArray
    scatter: FloatArray

    def as_tuple(self) -> tuple[float, FloatArray, FloatArray]:
        """As the core takes it."""
        return self.weight, self.mean, self.scatter


class Responsibilities(Protocol):
    """Responsibilities that a start gives, asked for in order of the rows, from row 0 on."""

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows: (n_rows, n_components), contiguous or not."""


class Blocks(Protocol):
    """Rows that lie somewhere. Nothing here returns n_rows x n_components numbers to the EM loop."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of features."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the arithmetic: float32 or float64."""

    @property
    def n_threads(self) -> int:
        """Threads that may be used."""

    @property
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, computed once."""

    @property
    def mean(self) -> FloatArray:
        """Mean of all rows, computed once."""

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, computed once."""

    @property
    def weight(self) -> float:
        """Sum of the weights: the number of rows where there are none."""

    @property
    def n_present(self) -> int:
        """Number of rows of positive weight."""

    @property
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""

    @property
    def extent(self) -> Extent:
        """The least and the most of each feature."""

    def in_double(self) -> Self:
        """Return the same rows, computed with in float64 whatever they are."""

    def native(
        self, structure: CovarianceStructure, *, hard: bool = False
    ) -> _core.RowSource | None:
        """The rows as the native loop reads them itself; None: it calls `accumulate`."""

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""

    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on every part of the rows that lies in one array; yield its results in their order.

        task: called with the part and the number of rows before it. It must not keep the part. The
        rows are read as the results are asked for; an iterator that is closed reads no further.
        """

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        centres: taken about these instead of the means. hard: each row belongs wholly to its
        likeliest component.
        """

    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given; log_likelihood is 0."""

    def score(self, mixture: Mixture) -> SufficientStatistics:
        """Like accumulate, with the scalars only."""

    def sample(self, n_rows: int, rng: Randomness) -> tuple[Array, FloatArray | None]:
        """Return at most `n_rows` rows (all of them if there are no more) and their weights.

        A uniform sample without replacement, in the order of the rows, none of weight 0, in `dtype`. Where
        there are more rows, and whole weights, it is one of repeated rows, and has no weights. A generator
        that is yet to be made is made only where there are more.
        """

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights, in the order drawn."""
