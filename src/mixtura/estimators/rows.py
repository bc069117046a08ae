"""The rows that an estimator is given, in the columns that it has or is to have."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from mixtura.fitting.given_rows import (
    NO_LABELS,
    GivenRows,
    LabelsGiven,
    Reading,
    RowsElsewhere,
    given_rows,
    in_range,
    rows_elsewhere,
)
from mixtura.inputs.checks import as_numeric, check_finite, check_n_features
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured, clearer
from mixtura.inputs.missing import check_missing, check_observed, unmasked
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.rows import Blocks
from mixtura.support.arrays import Array, is_native
from mixtura.support.names import listed
from mixtura.support.threads import n_threads


def feature_names(model: Any) -> Array | None:
    """The names of the columns that a model was fitted to, where they have any."""
    names: Array | None = getattr(model, "feature_names_in_", None)
    return names


def allows_missing(model: Any) -> bool:
    """Whether NaN stands for features that were not observed: its `estimator` says, where it has one."""
    told = getattr(model, "estimator", None)
    told = told if isinstance(told, BaseEstimator) else model
    return bool(getattr(told, "missing", "error") == "mar")


# To fit


def rows_to_fit(
    model: Any,
    X: Any,
    sample_weight: Any,
    labels: LabelsGiven = NO_LABELS,
    errors: ErrorsGiven = NO_ERRORS,
) -> GivenRows:
    """Rows to fit, where they lie. The model learns their columns.

    Raises
    ------
    ValueError
        If X or a weight is not possible.
    """
    return given_rows(
        X,
        sample_weight,
        labels,
        errors,
        Reading(
            partial(_rows_to_fit, model),
            partial(_check_finite, model),
            partial(_elsewhere_to_fit, model),
            allows_missing(model),
        ),
    )


def blocks_to_fit(model: Any, given: GivenRows) -> Blocks:
    """Those rows as EM reads them, in a precision that holds their squares.

    Raises
    ------
    ValueError
        If there is one row only, or no precision holds them.
    """
    blocks = given.blocks(n_threads(model.n_jobs))
    if blocks.has_missing:
        check_observed(blocks.observed.weight > 0, feature_names(model))
    if blocks.shape[0] < 2:
        raise ValueError(f"Found {given} with 1 row (sample) while a minimum of 2 is required.")
    return in_range(blocks, feature_names(model))


def _rows_to_fit(model: Any, X: Any) -> Array:
    if type(X) is np.ndarray and X.ndim == 2 and is_native(X) and len(X) > 1 and X.shape[1] > 0:
        # All that validate_data would do, at a tenth of its time.
        model.n_features_in_ = X.shape[1]
        model.__dict__.pop("feature_names_in_", None)
        return X
    X = unmasked(X) if allows_missing(model) else X
    return _validated(model, X, reset=True, least_rows=2)


def _elsewhere_to_fit(model: Any, rows: RowsElsewhere) -> RowsElsewhere:
    rows = rows.with_missing() if allows_missing(model) else rows
    learn_columns(model, rows.feature_names, rows.n_features)
    return rows


def learn_columns(model: Any, names: Sequence[str] | None, n_features: int) -> None:
    """Let a model know the columns that it is fitted to."""
    model.n_features_in_ = n_features
    model.__dict__.pop("feature_names_in_", None)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)


# To evaluate


def rows_to_evaluate(
    model: Any,
    n_features: int,
    X: Any,
    sample_weight: Any = None,
    labels: LabelsGiven = NO_LABELS,
    errors: ErrorsGiven = NO_ERRORS,
) -> GivenRows:
    """Rows to evaluate with a model of so many features, in the columns that it was fitted to.

    Raises
    ------
    ValueError
        If X has other columns, or X or a weight is not possible.
    """
    return given_rows(
        X,
        sample_weight,
        labels,
        errors,
        Reading(
            partial(_rows_to_evaluate, model, n_features),
            partial(_check_finite, model),
            partial(_elsewhere_to_evaluate, model, n_features),
            allows_missing(model),
        ),
    )


def rows_to_impute(model: Any, n_features: int, X: Any) -> Array:
    """Rows in memory of which values are missing.

    Raises
    ------
    ValueError
        If X has other columns, or is not possible.
    """
    rows = rows_in_memory(model, X, "impute", reset=False, missing=True)
    check_n_features(rows.shape[1], n_features)
    return rows


def rows_in_memory(
    model: Any, X: Any, what: str, *, reset: bool, missing: bool, least_rows: int = 1
) -> Array:
    """An array or a data frame, checked. With reset the model learns its columns.

    Raises
    ------
    ValueError
        If X is a source or a Dask collection, which `what` does not take, has other columns, or is not
        possible.
    """
    if rows_elsewhere(X) is not None:
        raise ValueError(
            f"{what} takes an array or a data frame: of a source or a Dask collection give it piece by piece."
        )
    rows = _validated(model, unmasked(X) if missing else X, reset=reset, least_rows=least_rows)
    _check_finite(model, rows, missing=missing)
    return rows


def _rows_to_evaluate(model: Any, n_features: int, X: Any) -> Array:
    X = unmasked(X) if allows_missing(model) else X
    rows = _validated(model, X, reset=False)
    check_n_features(rows.shape[1], n_features)
    return rows


def _elsewhere_to_evaluate(model: Any, n_features: int, rows: RowsElsewhere) -> RowsElsewhere:
    names = feature_names(model)
    if names is not None:
        rows = rows.taking(tuple(names))
    _check_columns(rows, names, n_features, type(model).__name__)
    return rows.with_missing() if allows_missing(model) else rows


def _check_columns(
    source: RowsElsewhere, names: Array | None, n_features: int, estimator: str
) -> None:
    """Raise, or warn as scikit-learn does, where a source has other columns than were fitted."""
    fitted = None if names is None else tuple(names)
    if source.feature_names is None or fitted is None:
        if source.n_features != n_features:
            raise ValueError(
                f"{source} has {source.n_features} features, but {estimator} is expecting {n_features} "
                "features as input."
            )
        if source.feature_names is not None:
            warnings.warn(
                f"X has feature names, but {estimator} was fitted without feature names",
                stacklevel=_USER,
            )
        elif fitted is not None:
            warnings.warn(
                f"X does not have valid feature names, but {estimator} was fitted with feature names",
                stacklevel=_USER,
            )
    elif source.feature_names != fitted:
        raise ValueError(
            f"{source} has the columns {listed(source.feature_names)}, but {estimator} was fitted with "
            f"{listed(fitted)}: give those with columns=, in that order."
        )


# Where a warning of `_check_columns` points: at who called `predict`.
_USER = 7


# Arrays and data frames


def _validated(model: Any, X: Any, *, reset: bool, least_rows: int = 1) -> Array:
    frame = frame_of(X)
    options: dict[str, Any] = {"ensure_all_finite": False, "ensure_min_samples": least_rows}
    rows: Array
    if frame is not None:
        validate_data(model, frame.to_native(), reset=reset, skip_check_array=True)  # its names
        rows = check_array(frame_values(frame), estimator=model, **options)
    else:
        check_measured(X)
        try:
            rows = validate_data(model, X, reset=reset, dtype=as_numeric(X), **options)
        except (TypeError, ValueError) as error:
            raise clearer(error, X) from error
    return rows


def _check_finite(model: Any, rows: Array, *, missing: bool = False) -> None:
    about = feature_names(model), n_threads(model.n_jobs), type(model).__name__
    if missing or allows_missing(model):
        check_missing(rows, *about)
    else:
        check_finite(rows, *about)
