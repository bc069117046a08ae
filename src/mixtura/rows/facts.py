"""What is known of some rows without looking at them again, and how it adds up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura.em import TotalScatter
from mixtura.inputs.scales import Extent
from mixtura.rows.value import Rows
from mixtura.support.arrays import Array, block_slices

#: Rows of a preview at most.
MOST_IN_A_PREVIEW = 4_000


@dataclass(frozen=True)
class Counts:
    """How many rows there are, and their weights (1 of rows without them). `+` is of them together.

    is_whole: whether every weight is a whole number, and so a number of repetitions.
    """

    n_rows: int
    n_present: int
    weight: float
    squares: float
    is_whole: bool

    @classmethod
    def of(cls, rows: Rows) -> Counts:
        """Count some rows."""
        n_rows, weight = len(rows), rows.weight
        if weight is None:
            return cls(n_rows, n_rows, float(n_rows), float(n_rows), True)
        blocks = (weight[some] for some in block_slices(n_rows, 1))
        is_whole = all(bool(np.all(block == np.floor(block))) for block in blocks)
        n_present = int(np.count_nonzero(weight))
        return cls(n_rows, n_present, float(weight.sum()), float(weight @ weight), is_whole)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.n_rows + other.n_rows,
            self.n_present + other.n_present,
            self.weight + other.weight,
            self.squares + other.squares,
            self.is_whole and other.is_whole,
        )

    @property
    def rows_per_weight(self) -> float:
        """Effective rows in a unit of weight (Kish 1965); whole weights count as repetitions."""
        return 1.0 if self.is_whole else self.weight / self.squares


@dataclass(frozen=True, eq=False)
class Preview:
    """Every so many-th of the rows that count. `+` is of rows one after another."""

    X: Array
    step: int

    @classmethod
    def of(cls, rows: Rows) -> Preview:
        """Preview at some rows."""
        counting = None if rows.weight is None else np.flatnonzero(rows.weight)
        step = _step(len(rows) if counting is None else len(counting))
        return cls(np.array(rows.X[::step] if counting is None else rows.X[counting[::step]]), step)

    def __add__(self, other: Preview) -> Preview:
        step = max(self.step, other.step)
        X = np.concatenate([one.X[:: step // one.step] for one in (self, other)])
        further = _step(len(X))
        return Preview(X[::further], step * further)


def _step(n_rows: int) -> int:
    """The least power of two that leaves no more rows than a preview has."""
    return 1 << max(0, -(-n_rows // MOST_IN_A_PREVIEW) - 1).bit_length()


@dataclass(frozen=True, eq=False)
class Overview:
    """Of some rows what adds up: a preview of them, their mean and scatter. `+` is of rows one after another.

    spread: of wide rows the diagonal of the scatter alone.
    """

    preview: Preview
    spread: TotalScatter

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return self.spread.weight

    def __add__(self, other: Overview) -> Overview:
        return Overview(self.preview + other.preview, self.spread + other.spread)


@dataclass(frozen=True, eq=False)
class PartFacts:
    """Of one part: rows before it, what it counts, how far its features reach, whether some are missing."""

    first_row: int
    counts: Counts
    extent: Extent
    has_missing: bool = False


@dataclass(frozen=True, eq=False)
class Facts:
    """What one reading of rows in parts finds: of each part, and of all together."""

    parts: list[PartFacts]
    overview: Overview
