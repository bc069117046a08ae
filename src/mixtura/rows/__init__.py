"""Where rows lie: each place a small class with the same few methods."""

from mixtura.em import Responsibilities
from mixtura.rows.array import ArrayBlocks, in_memory
from mixtura.rows.blocks import Blocks, Randomness
from mixtura.rows.distinct import distinct_rows
from mixtura.rows.parts import PartitionedBlocks
from mixtura.rows.value import Rows

__all__ = [
    "ArrayBlocks",
    "Blocks",
    "PartitionedBlocks",
    "Randomness",
    "Responsibilities",
    "Rows",
    "distinct_rows",
    "in_memory",
]
