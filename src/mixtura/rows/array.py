"""Rows in an array: in memory or memory-mapped, any strides, any real type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.em import Responsibilities
from mixtura.inputs.scales import Extent
from mixtura.mixture import Mixture
from mixtura.rows.blocks import Blocks, Randomness, T
from mixtura.rows.completing import ROWS_OF_A_NORMAL, Observed
from mixtura.rows.drawing import (
    NO_ROWS,
    distinct,
    measurable,
    places_of_rows,
    places_of_sample,
    ranks_of_sample,
    rows_at,
    rows_of_ranks,
    weights_without,
)
from mixtura.rows.facts import Counts, Preview
from mixtura.rows.value import Rows
from mixtura.support.arrays import (
    Array,
    FloatArray,
    block_slices,
    fit_in_a_block,
    is_native,
    native_blocks,
    result_dtype,
)
from mixtura.support.cached import cached


class ArrayBlocks(Blocks):
    """Rows of which all are in arrays.

    Parameters
    ----------
    rows : Rows
        float32 and float64 features are read where they lie; other types a block at a time.
    n_threads : int, default=1
    dtype : dtype or None, default=None
        Precision of the arithmetic. None: float32 for float32 rows, else float64.
    """

    def __init__(self, rows: Rows, n_threads: int = 1, dtype: np.dtype[Any] | None = None) -> None:
        rows = rows.known()
        if rows.missing:
            rows = rows.weighing_observed()
        #: The rows as they were given; those without any value weigh nothing.
        self.rows = rows
        self._X, self._weight = rows.X, rows.weight
        self.n_threads = n_threads
        self.shape = rows.shape
        self.dtype = result_dtype(self._X) if dtype is None else dtype
        self.has_missing = rows.missing
        self.has_errors = rows.error is not None
        self.has_labels = rows.label is not None or rows.log_credible is not None
        self._is_native = is_native(self._X) and self._X.dtype == self.dtype
        # An array of another type is worked on in pieces, and its scatter belongs to all of them.
        self.uses_total = self._is_native

    def in_double(self) -> ArrayBlocks:
        """The same rows, computed with in float64 whatever they are."""
        return ArrayBlocks(self.rows, self.n_threads, np.dtype(np.float64))

    @property
    def extent(self) -> Extent:
        """The least and the most of each feature."""
        pairs = [_core.find_extent(X, self.n_threads) for _, X in native_blocks(self._X)]
        leasts, mosts = zip(*pairs, strict=True)
        weight = self.weight / max(self.n_present, 1)
        return Extent(reduce(np.minimum, leasts), reduce(np.maximum, mosts), weight)

    @cached
    def counts(self) -> Counts:
        """Rows and weights of all."""
        return Counts.of(self.rows)

    @cached
    def preview(self) -> Array:
        """Some thousand of the rows that count, spread over all."""
        return Preview.of(self.rows).X

    @cached
    def mean(self) -> FloatArray:
        """Mean of all rows, its sums taken about the first: that loses few digits; of what was observed."""
        if self.has_missing:
            return self.observed.mean
        first_row = np.asarray(self._X[0], dtype=np.float64)
        mean: FloatArray = self._spread_about("diag", first_row)[1]
        return mean

    @cached
    def recording(self) -> _core.Recording:
        """How the values of each column were recorded: to which step, and which are shared."""
        return self.rows.in_precision(self.dtype).recording(self.rows_per_weight)

    @cached
    def observed(self) -> Observed:
        """What was observed of each feature."""
        return Observed.of(self.rows)

    def _some(self) -> ArrayBlocks:
        rows = self.sample(ROWS_OF_A_NORMAL, lambda: RandomState(0))
        return ArrayBlocks(rows.alone(), self.n_threads)

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
        return _core.MemoryRows([self.rows.native()])

    def pieces(self, dtype: np.dtype[Any]) -> Iterator[_core.Rows]:
        """Yield the rows in that type: at once where they are of it, else some megabytes at a time."""
        for rows, X in native_blocks(self._X, dtype):
            yield replace(self.rows[rows], X=X).native()

    def bringing(
        self, responsibilities: Responsibilities, n_components: int, normal: Mixture | None = None
    ) -> _core.RowSource:
        """The same, each row with its responsibilities.

        normal: what completes rows where features are missing; None: their own Gaussian.
        """
        given = getattr(responsibilities, "in_float64", None)
        in_place = self._is_native and not self.has_missing
        if in_place and given is not None:
            return _core.MemoryRows([self.rows.native(given)])
        if in_place and fit_in_a_block(len(self._X), max(self.shape[1], n_components)):
            given = responsibilities(slice(0, len(self._X)))
            return _core.MemoryRows([self.rows.native(given)])
        pieces = partial(self.pieces_bringing, responsibilities, n_components, normal)
        return _core.StreamRows(pieces, self.dtype == np.float32)

    def pieces_bringing(
        self, responsibilities: Responsibilities, n_components: int, normal: Mixture | None = None
    ) -> Iterator[_core.Rows]:
        """Yield rows with the responsibilities that are asked for them, some megabytes at a time."""
        for some in block_slices(len(self._X), max(self.shape[1], n_components)):
            rows = self.rows[some].in_precision(self.dtype)
            if self.has_missing:
                rows = rows.expected(self.normal if normal is None else normal, self.n_threads)
            yield rows.native(responsibilities(some))

    def sample(self, n_rows: int, rng: Randomness) -> Rows:
        """Return at most `n_rows` rows as float, uniformly, in their order.

        Whole weights are repetitions, of which more than `n_rows` are drawn from as rows without weights.
        """
        n_present = self.n_present
        if n_present == len(self.rows) and n_present <= n_rows:
            return self.rows.in_precision(self.dtype)
        if self.counts.is_whole and self.weight > n_present > n_rows:
            drawn = self.rows[self.rows_at(places_of_sample(self.weight, n_rows, rng))]
            return replace(drawn.in_precision(self.dtype), weight=None)
        sampled = self.rows_of_ranks(ranks_of_sample(n_present, n_rows, rng))
        return replace(sampled, weight=measurable(sampled.weight))

    def rows_of_ranks(self, ranks: Array) -> Rows:
        """Rows, as float, that are the `ranks`-th (ascending) of those of positive weight."""
        some = ranks if self._weight is None else rows_of_ranks(self._weight, ranks)
        return self.rows[some].in_precision(self.dtype)

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights."""
        picked = self.rows[self._pick_indices(n_rows, rng)]
        if self.has_missing:
            picked = picked.expected(self.normal, self.n_threads)
        return np.asarray(picked.X, dtype=np.float64)

    def _pick_indices(self, n_rows: int, rng: RandomState) -> Array:
        # Without weights, and with whole ones w that stand for w rows, the choice is among rows.
        if self.counts.is_whole:
            return self.rows_at(places_of_rows(self.weight, n_rows, rng))
        return np.array(list(distinct(n_rows, self._drawn_at, self.weight_without, rng)))

    def _drawn_at(self, positions: FloatArray, without: Array) -> dict[int, None]:
        return dict.fromkeys(self.rows_at(positions, without).tolist())

    def rows_at(self, positions: FloatArray, without: Array = NO_ROWS) -> Array:
        """Rows in which the running sum of the weights, but for some rows', reaches each position."""
        if self._weight is None:
            return np.floor(positions).astype(np.int64)
        return rows_at(self._weight, positions, without)

    def weight_without(self, rows: Array) -> float:
        """Sum of the weights of all rows but some."""
        if self._weight is None:
            return float(len(self._X) - len(rows))
        if not len(rows):
            return self.weight
        return float(sum(weight.sum() for _, weight in weights_without(self._weight, rows)))


def in_memory(blocks: Blocks, rows: Rows) -> ArrayBlocks:
    """Blocks of a sample; where it is all of an array, that array's, with what they have computed."""
    if isinstance(blocks, ArrayBlocks) and len(rows) == blocks.shape[0]:
        return blocks
    return ArrayBlocks(rows, blocks.n_threads)
