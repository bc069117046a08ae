"""Rows that come in parts, each part an array: from files, batches, the workers of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from operator import add
from typing import Any, Self

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.covariance import STRUCTURES, CovarianceStructure
from mixtura.em.blocks import Responsibilities, TotalScatter
from mixtura.em.statistics import SufficientStatistics
from mixtura.inputs.scales import Extent
from mixtura.mixture import Mixture
from mixtura.rows.array import ArrayBlocks, everything, usable_total
from mixtura.rows.blocks import Randomness, T
from mixtura.rows.drawing import (
    NO_ROWS,
    distinct,
    measurable,
    places_of_rows,
    places_of_sample,
    ranks_of_sample,
)
from mixtura.rows.value import Rows
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached

_DOUBLE = np.dtype(np.float64)


class PartitionedBlocks(ABC):
    """Rows in parts; what the whole is asked for is computed part by part.

    A subclass sets `shape`, `dtype` and `n_threads`, and says in `each` how a task runs on every part. What
    this class hands to `each` are small values that can be pickled, called with the part, which `n_threads`
    may work on, and the number of rows before it. They return statistics, a few numbers or a few rows.

    The results of an array are those of its parts to rounding, whatever the cut; samples are the same rows.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    n_threads: int

    @abstractmethod
    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on every part; yield its results in the order of the parts.

        It may be called from several threads at once. Parts without rows are left out.
        """

    def reduced(
        self, task: Callable[[ArrayBlocks, int], SufficientStatistics]
    ) -> SufficientStatistics:
        """Sum of the statistics of all parts, added in an order that only the cut decides."""
        return reduce(add, self.each(task))

    def native(
        self,
        _structure: CovarianceStructure,
        *,
        hard: bool = False,  # noqa: ARG002
    ) -> _core.RowSource | None:
        """None, unless all parts are in memory: the core cannot read them by itself."""
        return None

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""
        same = copy(self)  # with what is computed already
        same.n_threads = n_threads
        return same

    @abstractmethod
    def in_double(self) -> Self:
        """Return the same rows, computed with in float64 whatever they are."""

    # Statistics

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        The tied shortcut is linear in the scatter. So the parts take none for theirs, about the mean of all
        rows, and the scatter of all rows is added once, here: no part needs passes for a scatter of its own.
        """
        total = usable_total(mixture, self)
        if total is None:
            return self.reduced(_Expect(mixture, centres, hard))
        none = replace(total, weight=0.0, scatter=np.zeros_like(total.scatter))
        statistics = self.reduced(_Expect(mixture, centres, hard, total=none))
        return replace(statistics, seconds=statistics.seconds + total.scatter)

    def score(self, mixture: Mixture) -> SufficientStatistics:
        """Like accumulate, with the scalars only."""
        return self.reduced(_Expect(mixture, moments=False))

    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given, by their places among all rows."""
        return self.reduced(_Given(structure, responsibilities, centres))

    # Moments of all rows

    @cached
    def origin(self) -> FloatArray:
        """A row: sums about it lose few digits."""
        rows = self.each(_first_row)
        first = next(rows)
        _close(rows)
        return first

    @cached
    def mean(self) -> FloatArray:
        """Mean of all rows."""
        return np.asarray(self._about("diag", self.origin).means[0])

    @cached
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, its sums taken about the mean."""
        about = self._about("diag", self.mean)
        delta = about.means - about.centres
        return np.asarray(about.seconds[0] / about.weight - delta[0] ** 2)

    @cached
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, about the mean: no digit is lost."""
        about = self._about("full", self.mean)
        delta = about.means - about.centres
        scatter = about.seconds[0] - about.weight * delta.T @ delta
        return TotalScatter(about.weight, about.means[0], scatter)

    def _about(self, structure: str, centre: FloatArray) -> SufficientStatistics:
        return self.accumulate_given(STRUCTURES[structure], everything, centre[np.newaxis])

    # Weights

    @cached
    def parts(self) -> list[PartFacts]:
        """Rows and weights of each part. A subclass that knows them saves a pass."""
        return list(self.each(part_facts))

    @property
    def weight(self) -> float:
        """Sum of the weights: the number of rows where there are none."""
        return float(sum(part.weight for part in self.parts))

    @property
    def extent(self) -> Extent:
        """The least and the most of each feature."""
        extents = [part.extent for part in self.parts if part.extent is not None]
        least = np.min([extent.least for extent in extents], axis=0)
        most = np.max([extent.most for extent in extents], axis=0)
        return Extent(least, most, self.weight / max(self.n_present, 1))

    @property
    def n_present(self) -> int:
        """Number of rows of positive weight."""
        return sum(part.n_present for part in self.parts)

    @property
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""
        if self._counts_rows:
            return 1.0
        return self.weight / sum(part.squares for part in self.parts)

    @property
    def _counts_rows(self) -> bool:
        """Whether every weight is a whole number: a number of repetitions."""
        return all(part.is_whole for part in self.parts)

    # Rows

    def sample(self, n_rows: int, rng: Randomness) -> Rows:
        """Return at most `n_rows` rows, uniformly, in their order.

        The same rows as of an array that holds all of them.
        """
        if self._counts_rows and self.weight > self.n_present > n_rows:
            _, drawn = self._at(places_of_sample(self.weight, n_rows, rng), NO_ROWS)
            return replace(drawn.in_precision(self.dtype), weight=None)
        before = self._before([part.n_present for part in self.parts])
        ranks = ranks_of_sample(self.n_present, n_rows, rng)
        taken = Rows.concatenate(list(self.each(_RowsOfRanks(ranks, before))))
        return replace(taken, weight=measurable(taken.weight))

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights."""
        if self._counts_rows:
            _, drawn = self._at(places_of_rows(self.weight, n_rows, rng), NO_ROWS)
            return drawn.X
        picked = distinct(n_rows, self._drawn_at, self._weight_without, rng)
        return np.array(list(picked.values()))

    def _drawn_at(self, positions: FloatArray, without: Array) -> dict[int, FloatArray]:
        places, drawn = self._at(positions, without)
        return dict(zip(places.tolist(), drawn.X, strict=True))

    def _at(self, positions: FloatArray, without: Array) -> tuple[Array, Rows]:
        """Places and values of the rows in which the running sum of the weights reaches each position."""
        before = self._before(self._weights_without(without))
        found = list(self.each(_RowsAt(positions, before, without)))
        order = np.argsort(np.concatenate([mine for mine, _, _ in found]))
        places = np.concatenate([places for _, places, _ in found])
        return places[order], Rows.concatenate([rows for _, _, rows in found])[order]

    def _weight_without(self, rows: Array) -> float:
        return float(sum(self._weights_without(rows)))

    def _weights_without(self, rows: Array) -> list[float]:
        """Weight of each part, of which some rows are left out."""
        if not len(rows):
            return [part.weight for part in self.parts]
        return list(self.each(_WeightWithout(rows)))

    def _before(self, sizes: list[Any]) -> dict[int, tuple[Any, Any]]:
        """Of each part, by its first row: the sum of the sizes before it, and with it."""
        ends = list(accumulate(sizes))
        starts = [0, *ends[:-1]]
        # Positions that rounding carries beyond the last end are those of the last part that has a size.
        ends[max(i for i, size in enumerate(sizes) if size > 0)] = np.inf
        pairs = zip(starts, ends, strict=True)
        return {part.first_row: pair for part, pair in zip(self.parts, pairs, strict=True)}


@dataclass(frozen=True)
class PartFacts:
    """What is asked about a part: its weights (1 of rows without them), and how far its features reach."""

    first_row: int
    n_rows: int
    n_present: int
    weight: float
    squares: float
    is_whole: bool
    extent: Extent | None = None


def part_facts(part: ArrayBlocks, first_row: int) -> PartFacts:
    """Count a part's rows, add up its weights, and look how far its features reach."""
    n_rows, weight, extent = part.shape[0], part.rows.weight, part.extent
    if weight is None:
        return PartFacts(first_row, n_rows, n_rows, float(n_rows), float(n_rows), True, extent)
    return PartFacts(
        first_row,
        n_rows,
        part.n_present,
        part.weight,
        float(weight @ weight),
        part.has_integer_weights,
        extent,
    )


# Tasks: values that can be pickled, so that they can be sent to where the rows are.


@dataclass(frozen=True, eq=False)
class _Expect:
    mixture: Mixture
    centres: FloatArray | None = None
    hard: bool = False
    moments: bool = True
    total: TotalScatter | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Where it is sent nobody asks for the covariances, half of its bytes.
        mixture = replace(self.mixture, covariances=self.mixture.covariances[:0])
        return _Expect, (mixture, self.centres, self.hard, self.moments, self.total)

    def __call__(self, part: ArrayBlocks, _: int) -> SufficientStatistics:
        return part.expect(
            self.mixture, self.centres, hard=self.hard, moments=self.moments, total=self.total
        )


@dataclass(frozen=True, eq=False)
class _Given:
    structure: CovarianceStructure
    responsibilities: Responsibilities
    centres: FloatArray

    def __call__(self, part: ArrayBlocks, first_row: int) -> SufficientStatistics:
        given = _Shifted(self.responsibilities, first_row)
        return part.accumulate_given(self.structure, given, self.centres)


@dataclass(frozen=True, eq=False)
class _Shifted:
    responsibilities: Responsibilities
    by: int

    def __call__(self, rows: slice) -> FloatArray:
        return self.responsibilities(slice(rows.start + self.by, rows.stop + self.by))


@dataclass(frozen=True, eq=False)
class _RowsOfRanks:
    ranks: Array
    before: dict[int, tuple[int, int]]

    def __call__(self, part: ArrayBlocks, first_row: int) -> Rows:
        start, end = self.before[first_row]
        first, last = np.searchsorted(self.ranks, [start, end])
        return part.rows_of_ranks(self.ranks[first:last] - start)


@dataclass(frozen=True, eq=False)
class _RowsAt:
    positions: FloatArray
    before: dict[int, tuple[float, float]]
    without: Array

    def __call__(self, part: ArrayBlocks, first_row: int) -> tuple[Array, Array, Rows]:
        start, end = self.before[first_row]
        mine = np.flatnonzero((self.positions >= start) & (self.positions < end))
        places = part.rows_at(self.positions[mine] - start, _inside(self.without, part, first_row))
        return mine, first_row + places, part.rows[places].in_precision(_DOUBLE)


@dataclass(frozen=True, eq=False)
class _WeightWithout:
    rows: Array

    def __call__(self, part: ArrayBlocks, first_row: int) -> float:
        return part.weight_without(_inside(self.rows, part, first_row))


def _inside(rows: Array, part: ArrayBlocks, first_row: int) -> Array:
    """Those of some rows that are the part's, by their numbers there."""
    local = rows - first_row
    inside: Array = local[(local >= 0) & (local < part.shape[0])]
    return inside


def _first_row(part: ArrayBlocks, _: int) -> FloatArray:
    return np.array(part.rows.X[0], dtype=np.float64)


def _close(rows: Iterator[Any]) -> None:
    close = getattr(rows, "close", None)
    if close is not None:
        close()


__all__ = ["PartFacts", "PartitionedBlocks", "part_facts"]
