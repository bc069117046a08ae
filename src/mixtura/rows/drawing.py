"""Drawing rows: uniformly, or with chances as their weights, the same ones however the rows are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import RandomState

from mixtura.inputs.weights import LEAST_WEIGHT
from mixtura.rows.blocks import Randomness, T, made
from mixtura.support.arrays import Array, FloatArray, block_slices

# Up to here rows are picked by numpy's permutation, as scikit-learn does; beyond, without N numbers.
_PERMUTATION_ROWS = 1 << 20

# Up to here a double holds the middle of every row.
_COUNTABLE = 1 << 52

# Draws in vain before the rows that were drawn are taken out; ordinary weights never make so many.
_MOST_IN_VAIN = 20

# Power of two of the largest weight of a sample that has only smaller ones: a number, and not a whole one.
_LIFTED = -300

NO_ROWS: Array = np.empty(0, dtype=np.int64)


def ranks_of_sample(n_present: int, n_rows: int, rng: Randomness) -> Array:
    """Places, ascending, of a uniform sample without replacement; of all, where there are no more."""
    if n_present <= n_rows:
        return np.arange(n_present)
    return np.sort(_drawn(n_present, n_rows, made(rng)))


def places_of_sample(weight: float, n_rows: int, rng: Randomness) -> FloatArray:
    """Middles, ascending, of a uniform sample of repeated rows; of more than can be counted, any places."""
    if weight > _COUNTABLE:
        return np.sort(made(rng).uniform(size=n_rows) * weight)
    return ranks_of_sample(round(weight), n_rows, rng) + 0.5


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


def rows_at(weight: FloatArray, positions: FloatArray, without: Array) -> Array:
    """Rows in which the running sum of the weights reaches each position; block by block."""
    found = np.full(len(positions), -1)
    before, last = 0.0, -1
    for start, block in weights_without(weight, without):
        sums = before + np.cumsum(block)
        inside = (positions >= before) & (positions < sums[-1])
        found[inside] = start + np.searchsorted(sums, positions[inside], side="right")
        before = float(sums[-1])
        there = np.flatnonzero(block)
        last = start + int(there[-1]) if len(there) else last
    # Positions that rounding carries beyond the last sum are the last row's that has a weight.
    return np.where(found < 0, last, found)


def weights_without(weight: FloatArray, rows: Array) -> Iterator[tuple[int, FloatArray]]:
    """Blocks of the weights, each with its first row; those of some rows are 0."""
    for some in block_slices(len(weight), 1):
        block = weight[some]
        inside = rows[(rows >= some.start) & (rows < some.stop)]
        if len(inside):
            block = block.copy()
            block[inside - some.start] = 0.0
        yield some.start, block


def rows_of_ranks(weight: FloatArray, ranks: Array) -> Array:
    """Rows that are the `ranks`-th (ascending) among those of positive weight; block by block."""
    found = []
    before = 0
    for rows in block_slices(len(weight), 1):
        present = np.flatnonzero(weight[rows])
        first, last = np.searchsorted(ranks, [before, before + len(present)])
        found.append(rows.start + present[ranks[first:last] - before])
        before += len(present)
    return np.concatenate(found)
