"""Equal rows taken together: repeated rows, and whole weights that say the same, are one table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mixtura.rows.array import ArrayBlocks
from mixtura.rows.blocks import Blocks
from mixtura.rows.value import Rows
from mixtura.support.arrays import native_blocks


def distinct_rows(blocks: Blocks, most: int) -> Rows | None:
    """Distinct rows of positive weight, in the order in which they first appear, and the weight of each.

    None where more than `most` are left, which ends the pass.
    """
    found: Rows | None = None
    for some in blocks.each(partial(_distinct_rows_of, most=most)):
        found = some if found is None else _together(found, some, most)
        if found is None:
            return None
    return found


def _distinct_rows_of(part: ArrayBlocks, _: int, most: int) -> Rows | None:
    rows = part.rows
    found: Rows | None = replace(rows[:0].in_precision(part.dtype), weight=np.empty(0))
    for some, X in native_blocks(rows.X, part.dtype):
        found = _together(found, replace(rows[some], X=X).distinct(most), most)
        if found is None:
            break
    return found


def _together(one: Rows | None, other: Rows | None, most: int) -> Rows | None:
    if one is None or other is None:
        return None
    return Rows.concatenate([one, other]).distinct(most) if len(one) else other
