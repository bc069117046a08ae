"""Equal rows taken together: repeated rows, and whole weights that say the same, are one table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from mixtura import _core
from mixtura.em.blocks import Blocks
from mixtura.rows.array import ArrayBlocks
from mixtura.support.arrays import Array, FloatArray, native_blocks


@dataclass(frozen=True, eq=False)
class DistinctRows:
    """Distinct rows of positive weight, in the order in which they first appear, and the weight of each."""

    rows: Array
    weight: FloatArray

    @classmethod
    def of(cls, rows: Array, weight: FloatArray | None, most: int) -> DistinctRows | None:
        """Take equal rows of an array together; None where more than `most` are left."""
        room = min(most, len(rows))
        first, weights = np.empty(room, dtype=np.int64), np.empty(room)
        n_distinct = _core.find_distinct(rows, weight, first, weights)
        if n_distinct > room:
            return None
        return cls(rows[first[:n_distinct]], weights[:n_distinct])


def distinct_rows(blocks: Blocks, most: int) -> DistinctRows | None:
    """Take equal rows together; None where more than `most` are left, which ends the pass."""
    found: DistinctRows | None = None
    for some in blocks.each(partial(_distinct_rows_of, most=most)):
        found = some if found is None else _together(found, some, most)
        if found is None:
            return None
    return found


def _distinct_rows_of(part: ArrayBlocks, _: int, most: int) -> DistinctRows | None:
    found: DistinctRows | None = DistinctRows(part.floats[:0], np.empty(0))
    for rows, X in native_blocks(part.rows, part.dtype):
        weight = None if part.sample_weight is None else part.sample_weight[rows]
        found = _together(found, DistinctRows.of(X, weight, most), most)
        if found is None:
            break
    return found


def _together(
    one: DistinctRows | None, other: DistinctRows | None, most: int
) -> DistinctRows | None:
    if one is None or other is None:
        return None
    if not len(one.rows):
        return other
    rows, weight = (
        np.concatenate([one.rows, other.rows]),
        np.concatenate([one.weight, other.weight]),
    )
    return DistinctRows.of(rows, weight, most)
