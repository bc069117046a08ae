"""What a place for rows fulfils, so that a fit runs on it unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from numpy.random import RandomState

from mixtura.covariance import CovarianceStructure
from mixtura.em.blocks import EMBlocks, Responsibilities, TotalScatter
from mixtura.em.statistics import SufficientStatistics
from mixtura.inputs.scales import Extent
from mixtura.mixture import Mixture
from mixtura.rows.value import Rows
from mixtura.support.arrays import Array, FloatArray

if TYPE_CHECKING:
    from mixtura.rows.array import ArrayBlocks

T = TypeVar("T")

#: A generator, or what makes one where random numbers are needed: to seed one takes longer than a small fit.
Randomness = RandomState | Callable[[], RandomState]


class Blocks(EMBlocks, Protocol):
    """Rows that lie somewhere: beside what EM asks, what starts and checks need to know of them."""

    @property
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, computed once."""

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

    @property
    def glance(self) -> Array:
        """Some thousand of the rows that count, spread over all; all of them where there are no more."""

    def in_double(self) -> Self:
        """Return the same rows, computed with in float64 whatever they are."""

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""

    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on every part of the rows that lies in one array; yield its results in their order.

        task: called with the part and the number of rows before it. It must not keep the part. The
        rows are read as the results are asked for; an iterator that is closed reads no further.
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

    def sample(self, n_rows: int, rng: Randomness) -> Rows:
        """Return at most `n_rows` rows, with all that they bring; all of them if there are no more.

        A uniform sample without replacement, in the order of the rows, none of weight 0, in `dtype`. Where
        there are more rows, and whole weights, it is one of repeated rows, and has no weights. A generator
        that is yet to be made is made only where there are more.
        """

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights, in the order drawn."""
