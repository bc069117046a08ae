"""Where rows lie: each place a small class with the same few methods."""

from mixtura.blocks._protocol import Blocks, Responsibilities
from mixtura.blocks.array import ArrayBlocks, in_memory
from mixtura.blocks.partitioned import PartitionedBlocks

__all__ = ["ArrayBlocks", "Blocks", "PartitionedBlocks", "Responsibilities", "in_memory"]
