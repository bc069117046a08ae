"""Rows that lie elsewhere than in an array and are read again at every iteration: files, batches."""

from mixtura.sources.batches import from_batches
from mixtura.sources.files import scan
from mixtura.sources.source import Piece, Source

__all__ = ["Piece", "Source", "from_batches", "scan"]
