"""Rows that lie elsewhere than in an array and are read again at every iteration: files, batches."""

from mixtura.sources._batches import from_batches
from mixtura.sources._scan import scan
from mixtura.sources._source import Source

__all__ = ["Source", "from_batches", "scan"]
