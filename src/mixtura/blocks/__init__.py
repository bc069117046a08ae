"""Where rows lie: each place a small class with the same few methods."""

from mixtura.blocks._distinct import DistinctRows, distinct_rows
from mixtura.blocks._protocol import Blocks, Randomness, Responsibilities
from mixtura.blocks.array import ArrayBlocks, in_memory
from mixtura.blocks.partitioned import PartitionedBlocks

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
