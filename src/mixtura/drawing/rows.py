"""The rows of a picture: a sample, their labels, and what lies too far away to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from mixtura.drawing.colours import NOISE
from mixtura.fitting.given_rows import GivenRows, RowsInMemory
from mixtura.inputs.row_errors import missing_values
from mixtura.mixture import (
    Mixture,
    check_no_tails,
    expected,
    expected_of_measured,
    responsibilities,
)
from mixtura.rows import Rows
from mixtura.sources import Source
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads

SAMPLE_SEED = 0
FAR = 20.0
WIDEST = 100.0
LARGEST = 1e300  # who draws takes differences

Range = tuple[float, float]


@dataclass(frozen=True)
class DrawnRows:
    """The rows that a picture shows, and what the whole mixture says of each."""

    points: NDArray[np.float64]  # only the chosen features
    gaps: NDArray[np.bool_]  # those of them that were missing, where points are what is expected
    labels: NDArray[Any]  # -1: noise
    certainty: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    n_rows: int  # of the data that they were sampled from

    @property
    def ranges(self) -> list[Range | None]:
        """For each feature, what `range_without_outliers` says."""
        return [range_without_outliers(values) for values in self.points.T]

    def completed(self, features: Sequence[int]) -> NDArray[np.bool_]:
        """Rows that lack one of these of the chosen features."""
        return np.asarray(self.gaps[:, features].any(axis=1))

    @property
    def note(self) -> str:
        """How many of how many rows, or nothing where it is all of them."""
        return sampled_in_words(len(self.points), self.n_rows)

    def outliers(self, mixture: Mixture) -> str:
        """What lies outside of the picture of the mixture of the features that are drawn, or nothing."""
        n_rows = int((~inside(self.points, self.ranges)).sum())
        if n_rows == 0:
            return ""
        plural, verb = ("s", "lie") if n_rows > 1 else ("", "lies")
        return f"{n_rows} row{plural} {verb} outside of the picture{_lost(mixture, self.ranges)}"


def range_without_outliers(values: NDArray[np.float64]) -> Range | None:
    """The range of a feature without rows so far away that the others would be a dot; None without such.

    They are at most one in 200 (or three), and lie more than twenty times the width of the middle 80 % away
    from these.
    """
    low, high = np.percentile(values, [10, 90], method="nearest")
    reach = FAR * (high - low)
    is_far = (values < low - reach) | (values > high + reach)
    if reach == 0 or not 0 < is_far.sum() <= max(3, len(values) // 200):
        return None
    near = values[~is_far]
    margin = 0.05 * np.ptp(near)
    return float(near.min() - margin), float(near.max() + margin)


def inside(points: NDArray[np.float64], ranges: Sequence[Range | None]) -> NDArray[np.bool_]:
    """Which points lie in the ranges that end somewhere."""
    found = np.ones(len(points), dtype=bool)
    for values, shown in zip(points.T, ranges, strict=True):
        if shown is not None:
            found &= (values >= shown[0]) & (values <= shown[1])
    return found


def components_inside(mixture: Mixture, ranges: Sequence[Range | None]) -> NDArray[np.bool_]:
    """Which components have their centre there, and are not so wide that nothing of them would be seen."""
    found = inside(mixture.means, ranges)
    for spread, shown in zip(mixture.spreads.T, ranges, strict=True):
        if shown is not None:
            found &= spread <= WIDEST * (shown[1] - shown[0])
    return found


def _lost(mixture: Mixture, ranges: Sequence[Range | None]) -> str:
    lost = np.flatnonzero(~components_inside(mixture, ranges)).tolist()
    if not lost:
        return ""
    plural = "s" if len(lost) > 1 else ""
    return f"; component{plural} {', '.join(map(str, lost))} outside of it or far wider"


@dataclass(frozen=True, eq=False)
class Sample:
    """Some of the rows that are given, or all of them.

    Attributes
    ----------
    X : ndarray of shape (n_sampled, n_features)
    weight : ndarray of shape (n_sampled,) or None
    error : ndarray or None
        Variances or covariances of the errors of each.
    places : ndarray of shape (n_sampled,) or None
        Their numbers, from 0; None: nobody counts them.
    n_rows : int
        Of the data that they were sampled from.
    """

    X: Array
    weight: FloatArray | None
    error: FloatArray | None
    places: Array | None
    n_rows: int

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Features of each row that were not observed."""
        return missing_values(self.X, self.error)

    def completed(self, mixture: Mixture, threads: int) -> Array:
        """Rows with what the mixture expects where features were not observed."""
        if self.error is None:
            return expected(mixture, self.X, threads)[0]
        return expected_of_measured(mixture, self.X, self.error, threads)[0]


def sample(given: GivenRows, limit: int, threads: int = 1) -> Sample:
    """At most so many rows; of a source as of an array, and the same ones every time."""
    if isinstance(given, RowsInMemory):
        return _of_array(given, limit)
    if isinstance(given, Source):
        n_rows = given.blocks().shape[0]
        return _at(given, _chosen(n_rows, limit), n_rows)
    blocks = given.blocks(threads)
    rows = blocks.sample(limit, lambda: RandomState(SAMPLE_SEED))
    return Sample(rows.X, rows.weight, rows.error, None, blocks.shape[0])


def drawn_rows(mixture: Mixture, given: GivenRows, indexes: Sequence[int], limit: int) -> DrawnRows:
    """Sample at most `limit` rows, and label them by all features."""
    some, threads = sample(given, limit), n_threads(None)
    check_no_tails(mixture, some.error)
    shares = responsibilities(mixture, some.X, threads, missing=True, errors=some.error)
    completed = some.completed(mixture, threads)
    return DrawnRows(
        points=drawable(completed[:, indexes]),
        gaps=some.gaps[:, indexes],
        labels=labels_of(shares, mixture.n_components),
        certainty=shares.max(axis=1),
        weight=some.weight,
        n_rows=some.n_rows,
    )


def drawable(values: Array) -> FloatArray:
    """Values of which differences can be taken."""
    return np.clip(values.astype(np.float64), -LARGEST, LARGEST)


def labels_of(responsibilities: Array, n_components: int) -> Array:
    """The likeliest component of each row; -1: noise."""
    likeliest = responsibilities.argmax(axis=1)
    return np.where(likeliest == n_components, NOISE, likeliest)


def sampled_in_words(n_drawn: int, n_rows: int) -> str:
    """How many of how many rows, or nothing where it is all of them."""
    if n_drawn == n_rows:
        return ""
    return f"{n_drawn:,} of {n_rows:,} rows drawn (random sample)"


def _of_array(given: RowsInMemory, limit: int) -> Sample:
    places = _chosen(len(given.rows), limit)
    weight, errors = given.sample_weight, given.errors
    return Sample(
        given.rows[places],
        None if weight is None else weight[places],
        None if errors is None else errors[places],
        places,
        len(given.rows),
    )


def _at(source: Source, places: NDArray[np.int64], n_rows: int) -> Sample:
    found: list[Rows] = []
    order = np.argsort(places, kind="stable")
    for part in source.parts():
        here = (places >= part.first_row) & (places < part.first_row + len(part.rows))
        # In their order, as the parts come.
        found.append(part.rows[np.sort(places[here]) - part.first_row])
    rows = Rows.concatenate(found)[np.argsort(order)]
    return Sample(rows.X, rows.weight, rows.error, places, n_rows)


def _chosen(n_rows: int, n: int) -> NDArray[np.int64]:
    # The same rows every time: a picture drawn again is the same picture.
    if n_rows <= n:
        return np.arange(n_rows)
    return np.random.default_rng(SAMPLE_SEED).choice(n_rows, size=n, replace=False, shuffle=False)
