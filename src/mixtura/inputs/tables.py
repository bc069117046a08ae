"""Many tables given at once: a stacked array, a list, or a data frame with a column that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.inputs.frames import check_is_here, column_values, frame_of, frame_values
from mixtura.inputs.missing import unmasked
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.support.arrays import Array
from mixtura.support.names import listed


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables, each with a key.

    Attributes
    ----------
    keys : ndarray of shape (n_tables,)
        Values of the column that tells them apart, sorted; else 0, 1, ...
    X, weights, labels, errors : sequence
        Of each table its rows, their weights, their labels, or None, and what is given of their errors.
    places : list of ndarray or None
        Where the rows of each table stand in the data frame that they come from.
    """

    keys: Array
    X: Sequence[Any]
    weights: Sequence[Any]
    labels: Sequence[Any]
    errors: Sequence[ErrorsGiven]
    places: list[Array] | None = None

    def __len__(self) -> int:
        return len(self.X)

    @classmethod
    def of(
        cls,
        X: Any,
        by: str | None = None,
        sample_weight: Any = None,
        labels: Any = None,
        errors: ErrorsGiven = NO_ERRORS,
    ) -> Tables:
        """Take them apart.

        Parameters
        ----------
        X : array-like of shape (n_tables, n_rows, n_features), list of tables, or data frame
        by : str or None
            Of a data frame the column whose values tell the tables apart.
        sample_weight, labels : None, array-like of shape (n_tables, n_rows), list, or one a row of the frame
        errors : ErrorsGiven
            In the same form.

        Raises
        ------
        TypeError, ValueError
            If X is one table, or `by` no column of it.
        """
        check_is_here(X)
        frame = None if isinstance(X, list | tuple) else frame_of(X)
        if frame is not None:
            return _of_frame(frame, by, sample_weight, labels, errors)
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
        known = _of_each("labels", labels, len(X))
        covariances = _of_each("error_covariances", errors.covariances, len(X))
        std = _of_each("error_std", errors.std, len(X))
        return cls(np.arange(len(X)), X, weights, known, _errors_of_each(covariances, std))


def _errors_of_each(covariances: Sequence[Any], std: Sequence[Any]) -> list[ErrorsGiven]:
    return [ErrorsGiven(*both) for both in zip(covariances, std, strict=True)]


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


def _of_frame(
    frame: Any, by: str | None, sample_weight: Any, labels: Any, errors: ErrorsGiven
) -> Tables:
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
    known = _of_rows("labels", labels, places, (1, 2))
    covariances = _of_rows("error_covariances", errors.covariances, places, (2, 3))
    std = _of_rows("error_std", errors.std, places, (1, 2))
    return Tables(keys, X, weights, known, _errors_of_each(covariances, std), places)


def _of_rows(
    name: str, given: Any, places: list[Array], dimensions: tuple[int, ...]
) -> Sequence[Any]:
    """What the rows of each table bring, of what all rows of the frame do."""
    if given is None:
        return [None] * len(places)
    column = column_values(given, name)
    several = frame_of(column)
    values = np.asarray(column if several is None else frame_values(several))
    n_rows = sum(map(len, places))
    if values.ndim not in dimensions or len(values) != n_rows:
        raise ValueError(
            f"{name} must have one value for each of the {n_rows} rows of X, but has shape {values.shape}."
        )
    return [values[rows] for rows in places]
