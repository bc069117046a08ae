"""Rows that come in parts, each part an array: from files, batches, the workers of a cluster."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import accumulate
from operator import add
from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.em import Responsibilities, TotalScatter
from mixtura.inputs.scales import Extent
from mixtura.mixture import expected
from mixtura.rows.array import ArrayBlocks
from mixtura.rows.blocks import Blocks, Randomness, T
from mixtura.rows.completing import ROWS_OF_A_NORMAL, Observed
from mixtura.rows.drawing import (
    NO_ROWS,
    distinct,
    measurable,
    places_of_rows,
    places_of_sample,
    ranks_of_sample,
)
from mixtura.rows.facts import Counts, Facts, Overview, PartFacts, Preview
from mixtura.rows.value import Rows
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached

_DOUBLE = np.dtype(np.float64)

# Features beyond which the scatter of rows costs more than reading them; few structures ask for it.
_WIDE = 64


class PartitionedBlocks(Blocks):
    """Rows in parts; what the whole is asked for is computed part by part.

    A subclass sets `shape`, `dtype` and `n_threads`, and says in `each` how a task runs on every part. What
    this class hands to `each` are small values that can be pickled, called with the part, which `n_threads`
    may work on, and the number of rows before it. They return statistics, a few numbers or a few rows.

    The results of an array are those of its parts to rounding, whatever the cut; samples are the same rows.
    """

    @abstractmethod
    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on every part; yield its results in the order of the parts.

        It may be called from several threads at once. Parts without rows are left out.
        """

    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them: part by part."""
        return _core.StreamRows(partial(self.pieces, dtype), dtype == np.float32)

    def pieces(self, dtype: np.dtype[Any]) -> Iterator[_core.Rows]:
        """Yield the rows in that type."""
        for part, _ in self.each(_itself):
            yield from part.pieces(dtype)

    def bringing(self, responsibilities: Responsibilities, n_components: int) -> _core.RowSource:
        """The same, each row with its responsibilities, by their places among all rows."""
        pieces = partial(self._pieces_bringing, responsibilities, n_components)
        return _core.StreamRows(pieces, self.dtype == np.float32)

    def _pieces_bringing(
        self, responsibilities: Responsibilities, n_components: int
    ) -> Iterator[_core.Rows]:
        normal = self.normal if self.has_missing else None
        for part, first_row in self.each(_itself):
            own = Shifted(responsibilities, first_row)
            yield from part.pieces_bringing(own, n_components, normal)

    # All rows together

    @cached
    def facts(self) -> Facts:
        """What one reading finds. A subclass that knows it saves a pass."""
        found = list(self.each(first_look))
        return Facts([part for part, _ in found], reduce(add, (seen for _, seen in found)))

    @property
    def parts(self) -> list[PartFacts]:
        """What is known of each part."""
        return self.facts.parts

    @cached
    def counts(self) -> Counts:
        """Rows and weights of all."""
        return reduce(add, (part.counts for part in self.parts))

    @property
    def extent(self) -> Extent:
        """The least and the most of each feature."""
        least = np.min([part.extent.least for part in self.parts], axis=0)
        most = np.max([part.extent.most for part in self.parts], axis=0)
        return Extent(least, most, self.weight / max(self.n_present, 1))

    @property
    def preview(self) -> Array:
        """Some thousand of the rows that count, spread over all."""
        return self.facts.overview.preview.X

    @property
    def mean(self) -> FloatArray:
        """Mean of all rows; of what was observed."""
        if self.has_missing:
            return self.observed.mean
        return self.facts.overview.spread.mean

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows; of what was observed."""
        if self.has_missing:
            return self.observed.variances
        return self.facts.overview.spread.variances

    @cached
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows; of wide ones a pass of its own, where it is asked for."""
        spread = self.facts.overview.spread
        return spread if spread.scatter.ndim == 2 and not self.has_missing else super().total

    @cached
    def observed(self) -> Observed:
        """What was observed of each feature: a pass of its own."""
        return reduce(add, self.each(_observed_in))

    def _some(self) -> ArrayBlocks:
        rows = self.sample(ROWS_OF_A_NORMAL, lambda: RandomState(0))
        return ArrayBlocks(rows.alone(), self.n_threads)

    # Rows

    def sample(self, n_rows: int, rng: Randomness) -> Rows:
        """Return at most `n_rows` rows, uniformly, in their order.

        The same rows as of an array that holds all of them.
        """
        if self.counts.is_whole and self.weight > self.n_present > n_rows:
            _, drawn = self._at(places_of_sample(self.weight, n_rows, rng), NO_ROWS)
            return replace(drawn.in_precision(self.dtype), weight=None)
        before = self._before([part.counts.n_present for part in self.parts])
        ranks = ranks_of_sample(self.n_present, n_rows, rng)
        taken = Rows.concatenate(list(self.each(_RowsOfRanks(ranks, before))))
        return replace(taken, weight=measurable(taken.weight))

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights."""
        if self.counts.is_whole:
            _, drawn = self._at(places_of_rows(self.weight, n_rows, rng), NO_ROWS)
            return self._whole(drawn.X)
        picked = distinct(n_rows, self._drawn_at, self._weight_without, rng)
        return self._whole(np.array(list(picked.values())))

    def _whole(self, X: FloatArray) -> FloatArray:
        """Rows with what the Gaussian expects where features are missing."""
        return expected(self.normal, X, self.n_threads)[0] if self.has_missing else X

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
            return [part.counts.weight for part in self.parts]
        return list(self.each(_WeightWithout(rows)))

    def _before(self, sizes: list[Any]) -> dict[int, tuple[Any, Any]]:
        """Of each part, by its first row: the sum of the sizes before it, and with it."""
        ends = list(accumulate(sizes))
        starts = [0, *ends[:-1]]
        # Positions that rounding carries beyond the last end are those of the last part that has a size.
        ends[max(i for i, size in enumerate(sizes) if size > 0)] = np.inf
        pairs = zip(starts, ends, strict=True)
        return {part.first_row: pair for part, pair in zip(self.parts, pairs, strict=True)}


def first_look(part: ArrayBlocks, first_row: int) -> tuple[PartFacts, Overview]:
    """What a fit asks of each part before it draws rows and iterates."""
    return part_facts(part, first_row), overview_of(part)


def part_facts(part: ArrayBlocks, first_row: int) -> PartFacts:
    """Count a part's rows, add up its weights, and look how far its features reach."""
    return PartFacts(first_row, part.counts, part.extent, part.has_missing)


def overview_of(part: ArrayBlocks) -> Overview:
    """Preview at a part, and find how its rows spread."""
    return Overview(Preview.of(part.rows), _spread_of(part.in_double()))


@np.errstate(all="ignore")  # of numbers that no fit takes
def _spread_of(part: ArrayBlocks) -> TotalScatter:
    """Mean and scatter of a part; of wide rows the diagonal alone, for whoever asks for more to look again.

    In float64, so that it serves both precisions.
    """
    if part.has_missing:  # what is known of all then is not the sum of this
        observed = part.observed
        return TotalScatter(part.weight, observed.mean, observed.squares)
    return part.spread("full" if part.shape[1] <= _WIDE else "diag")


# Tasks: values that can be pickled, so that they can be sent to where the rows are.


@dataclass(frozen=True, eq=False)
class Shifted:
    """Responsibilities of a part's rows, which some rows stand before."""

    responsibilities: Responsibilities
    by: int

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows."""
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


def _observed_in(part: ArrayBlocks, _: int) -> Observed:
    return part.observed


def _itself(part: ArrayBlocks, first_row: int) -> tuple[ArrayBlocks, int]:
    return part, first_row


def _inside(rows: Array, part: ArrayBlocks, first_row: int) -> Array:
    """Those of some rows that are the part's, by their numbers there."""
    local = rows - first_row
    inside: Array = local[(local >= 0) & (local < part.shape[0])]
    return inside


__all__ = ["PartitionedBlocks", "Shifted", "first_look", "overview_of", "part_facts"]
