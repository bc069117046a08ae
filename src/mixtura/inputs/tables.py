"""Many tables given at once: a stacked array, a list, or a data frame with a column that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.inputs.frames import check_is_here, column_values, frame_of
from mixtura.inputs.missing import unmasked
from mixtura.support.arrays import Array
from mixtura.support.names import listed


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables, each with a key.

    Attributes
    ----------
    keys : ndarray of shape (n_tables,)
        Values of the column that tells them apart, sorted; else 0, 1, ...
    X, weights, labels : sequence
        Of each table its rows, their weights and their labels, or None.
    places : list of ndarray or None
        Where the rows of each table stand in the data frame that they come from.
    """

    keys: Array
    X: Sequence[Any]
    weights: Sequence[Any]
    labels: Sequence[Any]
    places: list[Array] | None = None

    def __len__(self) -> int:
        return len(self.X)

    @classmethod
    def of(
        cls, X: Any, by: str | None = None, sample_weight: Any = None, labels: Any = None
    ) -> Tables:
        """Take them apart.

        Parameters
        ----------
        X : array-like of shape (n_tables, n_rows, n_features), list of tables, or data frame
        by : str or None
            Of a data frame the column whose values tell the tables apart.
        sample_weight, labels : None, array-like of shape (n_tables, n_rows), list, or one a row of the frame

        Raises
        ------
        TypeError, ValueError
            If X is one table, or `by` no column of it.
        """
        check_is_here(X)
        frame = None if isinstance(X, list | tuple) else frame_of(X)
        if frame is not None:
            return _of_frame(frame, by, sample_weight, labels)
        if by is not None:
            raise ValueError(
                f"by={by!r} names a column of a data frame, but X is of type {type(X).__name__}: leave it "
                "out."
            )
        if not isinstance(X, list | tuple):
            X = np.asarray(unmasked(X))
            if X.ndim != 3:
                raise ValueError(_not_many(X))
        if len(X) == 0:
            raise ValueError("X holds no table: give one at least.")
        weights = _of_each("sample_weight", sample_weight, len(X))
        return cls(np.arange(len(X)), X, weights, _of_each("labels", labels, len(X)))


def _not_many(X: Array) -> str:
    return (
        f"X must hold many tables, but is an array of {X.ndim} dimensions: give one of shape (n_tables, "
        "n_rows, n_features), a list of tables, or a data frame with by=. GaussianMixture(...).fit(X) fits "
        "one table."
    )


def _of_each(name: str, given: Any, n_tables: int) -> Sequence[Any]:
    if given is None:
        return [None] * n_tables
    if len(given) != n_tables:
        raise ValueError(
            f"{name} must have one array for each of the {n_tables} tables, but has {len(given)}."
        )
    found: Sequence[Any] = given
    return found


def _of_frame(frame: Any, by: str | None, sample_weight: Any, labels: Any) -> Tables:
    if by is None:
        raise ValueError(
            "X is one data frame: name the column that tells its tables apart with by=, or give a list of "
            "frames."
        )
    if by not in frame.columns:
        raise ValueError(f"by={by!r} is no column of X: it has {listed(frame.columns)}.")
    column = frame.get_column(by)
    if len(column) == 0:
        raise ValueError("X has no rows.")
    values = column.to_numpy()
    missing = int(column.null_count()) or (
        int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    )
    if missing:
        raise ValueError(
            f"The column {by!r} is missing in {missing} rows, which belong to no table: drop or fill them."
        )
    keys, table, counts = np.unique(values, return_inverse=True, return_counts=True)
    places = np.split(np.argsort(table, kind="stable"), np.cumsum(counts)[:-1])
    features = frame.drop(by)
    X = [features[rows.tolist()].to_native() for rows in places]
    weights = _of_rows("sample_weight", sample_weight, places, (1,))
    return Tables(keys, X, weights, _of_rows("labels", labels, places, (1, 2)), places)


def _of_rows(
    name: str, given: Any, places: list[Array], dimensions: tuple[int, ...]
) -> Sequence[Any]:
    """What the rows of each table bring, of what all rows of the frame do."""
    if given is None:
        return [None] * len(places)
    values, n_rows = np.asarray(column_values(given, name)), sum(map(len, places))
    if values.ndim not in dimensions or len(values) != n_rows:
        raise ValueError(
            f"{name} must have one value for each of the {n_rows} rows of X, but has shape {values.shape}."
        )
    return [values[rows] for rows in places]
