"""The rows of a report: a sample, where they stand along the axes, and what the mixture says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.browser.axes import Axes
from mixtura.browser.subject import Subject
from mixtura.drawing.rows import Sample, drawable, labels_of, sample
from mixtura.mixture import check_no_tails, responsibilities
from mixtura.support.arrays import Array, FloatArray

#: Of a larger number the page would be slow, and large.
MOST_ROWS = 3_000


@dataclass(frozen=True, eq=False)
class ReportedRows:
    """Some of the rows, each with what is shown of it.

    Attributes
    ----------
    values : ndarray of shape (n_drawn, n_axes)
        With what is expected where a feature is missing.
    missing : ndarray of shape (n_drawn, n_axes), bool
    labels : ndarray of shape (n_drawn,)
        -1: noise.
    responsibilities : ndarray of shape (n_drawn, n_components), or one column more with noise
    weight : ndarray of shape (n_drawn,) or None
    names : list of str or None
    places : ndarray of shape (n_drawn,) or None
        Their numbers.
    n_rows : int
        Of all.
    """

    values: FloatArray
    missing: Array
    labels: Array
    responsibilities: FloatArray
    weight: FloatArray | None
    names: list[str] | None
    places: Array | None
    n_rows: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def certainty(self) -> FloatArray:
        """The largest responsibility of each."""
        return np.asarray(self.responsibilities.max(axis=1))


def rows_of(subject: Subject, axes: Axes) -> ReportedRows | None:
    """Those that were given; None where none were."""
    if subject.rows is None:
        return None
    mixture, threads = subject.density, subject.n_threads
    some = sample(subject.rows, MOST_ROWS, threads)
    check_no_tails(mixture, some.error)
    missing = some.gaps
    has_gaps = bool(missing.any())
    shares = responsibilities(mixture, some.X, threads, missing=has_gaps, errors=some.error)
    completed = some.completed(subject.mixture, threads) if has_gaps else some.X
    names, places = subject.row_names, some.places
    if names is not None:
        _check_names(names, some)
    return ReportedRows(
        axes.values(drawable(completed)),
        axes.are_missing(missing),
        labels_of(shares, mixture.n_components),
        shares.astype(np.float64),
        some.weight,
        None if names is None else [str(names[i]) for i in np.asarray(places)],
        None if places is None else places + subject.first_row,
        some.n_rows,
    )


def _check_names(names: Sequence[Any], some: Sample) -> None:
    if some.places is None:
        raise ValueError(
            "row_names belong to rows that are here or in files; leave them out for Dask."
        )
    if len(names) != some.n_rows:
        raise ValueError(f"row_names has {len(names)} names, but X has {some.n_rows} rows.")
