"""Rows in an array: in memory or memory-mapped, any strides, any real type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.covariance import STRUCTURES
from mixtura.em import TotalScatter
from mixtura.em.blocks import Blocks, Randomness, Responsibilities, T
from mixtura.inputs.scales import Extent
from mixtura.support.arrays import (
    Array,
    FloatArray,
    block_slices,
    contiguous,
    is_native,
    native_blocks,
    result_dtype,
)
from mixtura.support.cached import cached

# Up to here rows are picked by numpy's permutation, as scikit-learn does; beyond, without N numbers.
_PERMUTATION_ROWS = 1 << 20

# Up to here a double holds the middle of every row.
_COUNTABLE = 1 << 52

# Draws in vain before the rows that were drawn are taken out; ordinary weights never make so many.
_MOST_IN_VAIN = 20

#: Between it and its inverse the squares of weights, summed over any number of rows, are numbers.
LEAST_WEIGHT = 1e-100

# Power of two of the largest weight of a sample that has only smaller ones: a number, and not a whole one.
_LIFTED = -300

NO_ROWS: Array = np.empty(0, dtype=np.int64)


class ArrayBlocks(Blocks):
    """Rows of a 2-D array with optional weights.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        float32 and float64 are read where they lie; other types a block at a time.
    sample_weight : ndarray of shape (n_rows,) or None
        Non-negative.
    n_threads : int, default=1
    dtype : dtype or None, default=None
        Precision of the arithmetic. None: float32 for float32 rows, else float64.
    """

    def __init__(
        self,
        X: Array,
        sample_weight: Array | None = None,
        n_threads: int = 1,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self._X = np.asarray(X)
        self._weight: FloatArray | None = None
        if sample_weight is not None:
            self._weight = contiguous(sample_weight, np.float64)
        self.n_threads = n_threads
        self.shape = self._X.shape
        self.dtype = result_dtype(self._X) if dtype is None else dtype
        self._is_native = is_native(self._X) and self._X.dtype == self.dtype
        # An array of another type is worked on in pieces, and its scatter belongs to all of them.
        self.uses_total = self._is_native

    def in_double(self) -> ArrayBlocks:
        """The same rows, computed with in float64 whatever they are."""
        return ArrayBlocks(self._X, self._weight, self.n_threads, np.dtype(np.float64))

    @property
    def extent(self) -> Extent:
        """The least and the most of each feature."""
        pairs = [_core.find_extent(X, self.n_threads) for _, X in native_blocks(self._X)]
        leasts, mosts = zip(*pairs, strict=True)
        weight = self.weight / max(self.n_present, 1)
        return Extent(reduce(np.minimum, leasts), reduce(np.maximum, mosts), weight)

    @property
    def rows(self) -> Array:
        """The rows as they were given."""
        return self._X

    @property
    def sample_weight(self) -> FloatArray | None:
        """The weights, or None where every row weighs 1."""
        return self._weight

    @property
    def weight(self) -> float:
        """Sum of the weights: the number of rows where there are none."""
        return float(len(self._X) if self._weight is None else self._weight.sum())

    @property
    def n_present(self) -> int:
        """Number of rows of positive weight."""
        return len(self._X) if self._weight is None else int(np.count_nonzero(self._weight))

    @property
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""
        if self._weight is None or self.has_integer_weights:
            return 1.0
        return float(self._weight.sum() / (self._weight @ self._weight))

    @property
    def floats(self) -> Array:
        """The rows as float32 or float64."""
        return self._floats(self._X)

    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on the only part: all rows."""
        yield task(self, 0)

    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them: where they lie, or else in pieces of that type."""
        if is_native(self._X) and self._X.dtype == dtype:
            return self._in_place
        return _core.StreamRows(partial(self.pieces, dtype), dtype == np.float32)

    @cached
    def _in_place(self) -> _core.RowSource:
        return _core.MemoryRows([_core.Rows(self._X, self._weight)])

    def pieces(self, dtype: np.dtype[Any]) -> Iterator[_core.Rows]:
        """Yield the rows in that type: at once where they are of it, else some megabytes at a time."""
        for rows, X in native_blocks(self._X, dtype):
            yield _core.Rows(X, self._weight_of(rows))

    def bringing(self, responsibilities: Responsibilities, n_components: int) -> _core.RowSource:
        """The same, each row with its responsibilities."""
        given = getattr(responsibilities, "in_float64", None)
        if self._is_native and given is not None:
            return _core.MemoryRows([_core.Rows(self._X, self._weight, given)])
        pieces = partial(self.pieces_bringing, responsibilities, n_components)
        return _core.StreamRows(pieces, self.dtype == np.float32)

    def pieces_bringing(
        self, responsibilities: Responsibilities, n_components: int
    ) -> Iterator[_core.Rows]:
        """Yield rows with the responsibilities that are asked for them, some megabytes at a time."""
        for rows in block_slices(len(self._X), max(self.shape[1], n_components)):
            given = responsibilities(rows)
            yield _core.Rows(self._floats(self._X[rows]), self._weight_of(rows), given)

    def _weight_of(self, rows: slice) -> FloatArray | None:
        return None if self._weight is None else self._weight[rows]

    def sample(self, n_rows: int, rng: Randomness) -> tuple[Array, FloatArray | None]:
        """Return at most `n_rows` rows as float, uniformly, in their order, and their weights.

        Whole weights are repetitions, of which more than `n_rows` are drawn from as rows without weights.
        """
        n_present = self.n_present
        if n_present == len(self._X) and n_present <= n_rows:
            return self.floats, self._weight
        if self.has_integer_weights and self.weight > n_present > n_rows:
            drawn = self.rows_at(places_of_sample(self.weight, n_rows, rng))
            return self._floats(self._X[drawn]), None
        sampled, weight = self.rows_of_ranks(ranks_of_sample(n_present, n_rows, rng))
        return sampled, measurable(weight)

    def rows_of_ranks(self, ranks: Array) -> tuple[Array, FloatArray | None]:
        """Rows, as float, that are the `ranks`-th (ascending) of those of positive weight; their weights."""
        if self._weight is None:
            return self._floats(self._X[ranks]), None
        rows = _rows_of_ranks(self._weight, ranks)
        return self._floats(self._X[rows]), self._weight[rows]

    def _floats(self, X: Array) -> Array:
        return X if self._is_native else X.astype(self.dtype)

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights."""
        return np.asarray(self._X[self._pick_indices(n_rows, rng)], dtype=np.float64)

    def _pick_indices(self, n_rows: int, rng: RandomState) -> Array:
        # Without weights, and with whole ones w that stand for w rows, the choice is among rows.
        if self._weight is None or self.has_integer_weights:
            return self.rows_at(places_of_rows(self.weight, n_rows, rng))
        return np.array(list(distinct(n_rows, self._drawn_at, self.weight_without, rng)))

    def _drawn_at(self, positions: FloatArray, without: Array) -> dict[int, None]:
        return dict.fromkeys(self.rows_at(positions, without).tolist())

    def rows_at(self, positions: FloatArray, without: Array = NO_ROWS) -> Array:
        """Rows in which the running sum of the weights, but for some rows', reaches each position."""
        if self._weight is None:
            return np.floor(positions).astype(np.int64)
        return _rows_at(self._weight, positions, without)

    def weight_without(self, rows: Array) -> float:
        """Sum of the weights of all rows but some."""
        if self._weight is None:
            return float(len(self._X) - len(rows))
        if not len(rows):
            return self.weight
        return float(sum(weight.sum() for _, weight in _weights_without(self._weight, rows)))

    @cached
    def has_integer_weights(self) -> bool:
        """Whether every weight is a whole number (and so a number of repetitions)."""
        if self._weight is None:
            return False
        blocks = (self._weight[rows] for rows in block_slices(len(self._weight), 1))
        return all(bool(np.all(block == np.floor(block))) for block in blocks)

    @cached
    def mean(self) -> FloatArray:
        """Mean of all rows."""
        first_row = np.asarray(self._X[:1], dtype=np.float64)
        means = self.accumulate_given(STRUCTURES["diag"], everything, first_row).means
        return np.asarray(means[0])

    @cached
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, its sums taken about the mean."""
        about = self.accumulate_given(STRUCTURES["diag"], everything, self.mean[np.newaxis])
        delta = about.means - about.centres
        return np.asarray(about.seconds[0] / about.weight - delta[0] ** 2)

    @cached
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows. Two passes, the second about the mean: no digit is lost."""
        about = self.accumulate_given(STRUCTURES["full"], everything, self.mean[np.newaxis])
        means = about.means
        delta = means - about.centres
        scatter = about.seconds[0] - about.weight * delta.T @ delta
        return TotalScatter(about.weight, means[0], scatter)


def in_memory(blocks: Blocks, rows: Array, weight: FloatArray | None) -> ArrayBlocks:
    """Blocks of a sample; where it is all of an array, that array's, with what they have computed."""
    if isinstance(blocks, ArrayBlocks) and len(rows) == blocks.shape[0]:
        return blocks
    return ArrayBlocks(rows, weight, blocks.n_threads)


def everything(rows: slice) -> FloatArray:
    """Responsibility 1 for the only component."""
    return np.ones((rows.stop - rows.start, 1))


def ranks_of_sample(n_present: int, n_rows: int, rng: Randomness) -> Array:
    """Places, ascending, of a uniform sample without replacement; of all, where there are no more."""
    if n_present <= n_rows:
        return np.arange(n_present)
    return np.sort(_drawn(n_present, n_rows, _made(rng)))


def places_of_sample(weight: float, n_rows: int, rng: Randomness) -> FloatArray:
    """Middles, ascending, of a uniform sample of repeated rows; of more than can be counted, any places."""
    if weight > _COUNTABLE:
        return np.sort(_made(rng).uniform(size=n_rows) * weight)
    return ranks_of_sample(round(weight), n_rows, rng) + 0.5


def _made(rng: Randomness) -> RandomState:
    return rng() if callable(rng) else rng


def measurable(weight: FloatArray | None) -> FloatArray | None:
    """Weights of a sample without the heavy rows: where none can be squared, times a power of two."""
    largest = np.inf if weight is None else weight.max(initial=0.0)
    if weight is None or largest >= LEAST_WEIGHT:
        return weight
    return np.ldexp(weight, _LIFTED - int(np.frexp(largest)[1]))


def choose(n_rows: int, n_chosen: int, rng: RandomState) -> Array:
    """Numbers below `n_rows`, drawn without replacement, in the order drawn."""
    if n_rows <= _PERMUTATION_ROWS:
        return rng.choice(n_rows, size=n_chosen, replace=False)
    return _drawn(n_rows, n_chosen, rng, shuffle=True)


def places_of_rows(n_rows: float, n_chosen: int, rng: RandomState) -> FloatArray:
    """Middles of rows that are drawn without replacement; of more than can be counted, any places."""
    if n_rows > _COUNTABLE:
        return rng.uniform(size=n_chosen) * n_rows
    return choose(round(n_rows), n_chosen, rng) + 0.5


def distinct(
    n_rows: int,
    rows_at: Callable[[FloatArray, Array], dict[int, T]],
    weight_without: Callable[[Array], float],
    rng: RandomState,
) -> dict[int, T]:
    """Draw rows with chances as their weights, until so many are distinct; in the order drawn.

    rows_at: by their numbers the rows at positions in the running sum of the weights, in which some rows
    count nothing. weight_without: the last of those sums.
    """
    picked: dict[int, T] = {}
    without, n_in_vain = NO_ROWS, 0
    weight = weight_without(without)
    while len(picked) < n_rows:
        n_before = len(picked)
        picked |= rows_at(rng.uniform(size=n_rows - n_before) * weight, without)
        n_in_vain = n_in_vain + 1 if len(picked) == n_before else 0
        if n_in_vain == _MOST_IN_VAIN or len(without):
            # They have nearly all the weight: the others are drawn without them.
            without = np.sort(list(picked))
            weight = weight_without(without)
    return picked


def _drawn(n: int, n_drawn: int, rng: RandomState, *, shuffle: bool = False) -> Array:
    """Some of n numbers. A Generator's choice needs no memory for all of them (Floyd's method).

    scikit-learn's reservoir asks for a random number a row: seconds for some million rows.
    """
    generator = np.random.Generator(rng._bit_generator)  # the same stream
    return generator.choice(n, n_drawn, replace=False, shuffle=shuffle)


def _rows_at(weight: FloatArray, positions: FloatArray, without: Array) -> Array:
    """Rows in which the running sum of the weights reaches each position; block by block."""
    found = np.full(len(positions), -1)
    before, last = 0.0, -1
    for start, block in _weights_without(weight, without):
        sums = before + np.cumsum(block)
        inside = (positions >= before) & (positions < sums[-1])
        found[inside] = start + np.searchsorted(sums, positions[inside], side="right")
        before = float(sums[-1])
        there = np.flatnonzero(block)
        last = start + int(there[-1]) if len(there) else last
    # Positions that rounding carries beyond the last sum are the last row's that has a weight.
    return np.where(found < 0, last, found)


def _weights_without(weight: FloatArray, rows: Array) -> Iterator[tuple[int, FloatArray]]:
    """Blocks of the weights, each with its first row; those of some rows are 0."""
    for some in block_slices(len(weight), 1):
        block = weight[some]
        inside = rows[(rows >= some.start) & (rows < some.stop)]
        if len(inside):
            block = block.copy()
            block[inside - some.start] = 0.0
        yield some.start, block


def _rows_of_ranks(weight: FloatArray, ranks: Array) -> Array:
    """Rows that are the `ranks`-th (ascending) among those of positive weight; block by block."""
    found = []
    before = 0
    for rows in block_slices(len(weight), 1):
        present = np.flatnonzero(weight[rows])
        first, last = np.searchsorted(ranks, [before, before + len(present)])
        found.append(rows.start + present[ranks[first:last] - before])
        before += len(present)
    return np.concatenate(found)
