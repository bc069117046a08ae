"""Small data sets that come with the package, for examples and tests without a download."""

from __future__ import annotations

from mixtura.datasets.loaders import Dataset, load_faithful, make_three_blobs

__all__ = ["Dataset", "load_faithful", "make_three_blobs"]
