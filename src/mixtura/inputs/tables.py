"""Many tables given at once: a stacked array, a list, or a data frame with a column that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.inputs.frames import check_is_here, column_values, frame_of
from mixtura.support.arrays import Array
from mixtura.support.names import listed


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables, each with a key.

    Attributes
    ----------
    keys : ndarray of shape (n_tables,)
        Values of the column that tells them apart, sorted; else 0, 1, ...
    X, weights : sequence
        Of each table its rows and their weights, or None.
    places : list of ndarray or None
        Where the rows of each table stand in the data frame that they come from.
    """

    keys: Array
    X: Sequence[Any]
    weights: Sequence[Any]
    places: list[Array] | None = None

    def __len__(self) -> int:
        return len(self.X)

    @classmethod
    def of(cls, X: Any, by: str | None = None, sample_weight: Any = None) -> Tables:
        """Take them apart.

        Parameters
        ----------
        X : array-like of shape (n_tables, n_rows, n_features), list of tables, or data frame
        by : str or None
            Of a data frame the column whose values tell the tables apart.
        sample_weight : None, array-like of shape (n_tables, n_rows), list, or one value a row of the frame

        Raises
        ------
        TypeError, ValueError
            If X is one table, or `by` no column of it.
        """
        check_is_here(X)
        frame = None if isinstance(X, list | tuple) else frame_of(X)
        if frame is not None:
            return _of_frame(frame, by, sample_weight)
        if by is not None:
            raise ValueError(
                f"by={by!r} names a column of a data frame, but X is of type {type(X).__name__}: leave it "
                "out."
            )
        if not isinstance(X, list | tuple):
            X = np.asarray(X)
            if X.ndim != 3:
                raise ValueError(_not_many(X))
        if len(X) == 0:
            raise ValueError("X holds no table: give one at least.")
        return cls(np.arange(len(X)), X, _weights_of(sample_weight, len(X)))


def _not_many(X: Array) -> str:
    return (
        f"X must hold many tables, but is an array of {X.ndim} dimensions: give one of shape (n_tables, "
        "n_rows, n_features), a list of tables, or a data frame with by=. GaussianMixture(...).fit(X) fits "
        "one table."
    )


def _weights_of(sample_weight: Any, n_tables: int) -> Sequence[Any]:
    if sample_weight is None:
        return [None] * n_tables
    if len(sample_weight) != n_tables:
        raise ValueError(
            f"sample_weight must have one array for each of the {n_tables} tables, but has "
            f"{len(sample_weight)}."
        )
    weights: Sequence[Any] = sample_weight
    return weights


def _of_frame(frame: Any, by: str | None, sample_weight: Any) -> Tables:
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
    if sample_weight is None:
        return Tables(keys, X, [None] * len(X), places)
    weight = np.asarray(column_values(sample_weight, "sample_weight"))
    if weight.shape != (len(column),):
        raise ValueError(
            f"sample_weight must have one value for each of the {len(column)} rows of X, but has shape "
            f"{weight.shape}."
        )
    return Tables(keys, X, [weight[rows] for rows in places], places)
