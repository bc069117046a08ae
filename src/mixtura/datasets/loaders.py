"""The loaders of `mixtura.datasets`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_blobs

from mixtura.display.page import Page, Shown, Table, plural

# Rows of a data set that a page shows.
_FIRST = 5


@dataclass(frozen=True, repr=False)
class Dataset(Shown):
    """Rows with the names of their columns.

    Attributes
    ----------
    data : ndarray of shape (n_rows, n_features)
        The rows, float64.
    feature_names : tuple of str
        One name a column.
    labels : ndarray of shape (n_rows,) or None
        The group that each row was drawn from, where that is known.
    """

    data: NDArray[np.float64]
    feature_names: tuple[str, ...]
    labels: NDArray[np.int64] | None = None

    def _page(self) -> Page:
        n_rows, n_features = self.data.shape
        cells = [[f"{value:.6g}" for value in row] for row in self.data[:_FIRST]]
        header = self.feature_names
        if self.labels is not None:
            header = (*header, "label")
            cells = [[*row, str(label)] for row, label in zip(cells, self.labels, strict=False)]
        table = Table((header, *map(tuple, cells)), "row", n_rows)
        return Page(f"{plural(n_rows, 'row')} of {plural(n_features, 'feature')}", (), table)

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = dict(zip(self.feature_names, self.data.T, strict=True))
        return columns if self.labels is None else columns | {"label": self.labels}


def load_faithful() -> Dataset:
    """Eruptions of the Old Faithful geyser: 272 rows, two clear groups.

    Each row is one eruption: how long it lasted and how long the wait for the next one was, both
    in minutes (Azzalini and Bowman, *A look at some data on the Old Faithful geyser*, 1990).

    Returns
    -------
    Dataset
        `data` of shape (272, 2) with the columns `eruptions` and `waiting`.

    Examples
    --------
    >>> from mixtura.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> faithful.data.shape
    (272, 2)
    >>> faithful.feature_names
    ('eruptions', 'waiting')
    """
    text = resources.files("mixtura.datasets").joinpath("faithful.csv").read_text(encoding="utf-8")
    header, *lines = text.splitlines()
    return Dataset(np.loadtxt(lines, delimiter=","), tuple(header.split(",")))


def make_three_blobs(n_rows: int = 600, random_state: Any = 7) -> Dataset:
    """Draw round groups of points in the plane, of unequal width: one tight, one wide, one between.

    Parameters
    ----------
    n_rows : int, default=600
        The number of points, shared equally between the three groups.
    random_state : int, RandomState instance or None, default=7
        The seed; the same seed gives the same points.

    Returns
    -------
    Dataset
        `data` of shape (n_rows, 2), and in `labels` the group that each point was drawn from.

    Examples
    --------
    >>> from mixtura.datasets import make_three_blobs
    >>> blobs = make_three_blobs()
    >>> blobs.data.shape
    (600, 2)
    """
    data, labels = make_blobs(
        n_samples=n_rows, centers=3, cluster_std=(1.0, 1.4, 0.8), random_state=random_state
    )
    return Dataset(data, ("feature 1", "feature 2"), labels)
