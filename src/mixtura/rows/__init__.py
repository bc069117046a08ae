"""Where rows lie: each place a small class with the same few methods."""

from mixtura.em import Blocks, Randomness, Responsibilities
from mixtura.rows.array import ArrayBlocks, in_memory
from mixtura.rows.distinct import DistinctRows, distinct_rows
from mixtura.rows.parts import PartitionedBlocks

__all__ = [
    "ArrayBlocks",
    "Blocks",
    "DistinctRows",
    "PartitionedBlocks",
    "Randomness",
    "Responsibilities",
    "distinct_rows",
    "in_memory",
]
