"""What rows are known to be: labels, masks of components, or confidences in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.inputs.frames import column_values
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False)
class KnownLabels:
    """What is known of which component each row belongs to.

    Attributes
    ----------
    label : ndarray of shape (n_rows,) or None
        The component; -1 where it is not known.
    log_credible : ndarray of shape (n_rows, n_densities) or None
        The log of how credible each component is, and noise in the last column where there is any.
    """

    label: Array | None = None
    log_credible: FloatArray | None = None


UNKNOWN = KnownLabels()

#: Beyond it no label is the number of a component.
MOST_COMPONENTS = 2**31 - 1


def check_labels(labels: Any, n_rows: int, n_components: int, *, noise: bool) -> KnownLabels:
    """Return what an argument `labels` says; nothing where it leaves everything open.

    Raises
    ------
    ValueError
        If the shape is not that of the rows, a label is no component, or a row could belong to none.
    """
    if labels is None:
        return UNKNOWN
    values = np.asarray(column_values(labels, "labels"))
    if values.ndim == 1:
        return _of_numbers(values, n_rows, n_components)
    return _of_each(values, n_rows, n_components, noise=noise)


def check_numbers_alone(n_dimensions: int) -> None:
    """Raise where labels of a search have a column for each component, of which it has several numbers."""
    if n_dimensions != 1:
        raise ValueError(
            "labels of a search are one number a row, -1 where none is known: a mask or confidences have a "
            "column for each component, whose number differs from cell to cell."
        )


def first_no_label(numbers: FloatArray) -> int | None:
    """Return the place of the first that is neither -1 nor can be the number of a component."""
    fits = (numbers == np.floor(numbers)) & (numbers >= -1) & (numbers < MOST_COMPONENTS)
    return None if fits.all() else int(np.argmin(fits))


def _of_numbers(values: Array, n_rows: int, n_components: int) -> KnownLabels:
    if values.shape != (n_rows,):
        raise ValueError(
            f"labels must be one for each of the {n_rows} rows of X, got {len(values)}."
        )
    if values.dtype.kind not in "iu":
        raise ValueError(
            "labels must be whole numbers of components, -1 where a row's is not known, but are of type "
            f"{values.dtype}."
        )
    row = int(np.argmax((values < -1) | (values >= n_components)))
    if not -1 <= values[row] < n_components:
        raise ValueError(out_of_range(f"row {row} has {values[row]}", n_components))
    return UNKNOWN if (values == -1).all() else KnownLabels(values.astype(np.int32))


def out_of_range(what: str, n_components: int) -> str:
    """What is wrong where a label is no component."""
    return (
        f"labels must be from 0 to {n_components - 1}, or -1 where a row's is not known, but {what}: "
        f"n_components is {n_components}."
    )


def _of_each(values: Array, n_rows: int, n_components: int, *, noise: bool) -> KnownLabels:
    if len(values) != n_rows or values.ndim != 2:
        raise ValueError(
            f"labels as a mask or confidences must have a row for each of the {n_rows} rows of X, got shape "
            f"{values.shape}."
        )
    check_n_columns(values.shape[1], n_components, noise=noise)
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"labels must be True and False, or confidences, but are of type {values.dtype}."
        )
    found = first_not_credible(values)
    if found is not None:
        row, why = found
        raise ValueError(f"labels {why}: row {row} has {values[row].tolist()}.")
    return UNKNOWN if (values == 1).all() else KnownLabels(log_credible=logs_of(values))


def check_n_columns(n_columns: int, n_components: int, *, noise: bool) -> None:
    """Raise where a mask or confidences have not a column for each density."""
    if n_columns != n_components + noise:
        what = "component and one for noise, the last" if noise else "component"
        raise ValueError(
            f"labels as a mask or confidences must have a column for each {what}, that is "
            f"{n_components + noise}, got {n_columns}."
        )


def first_not_credible(values: Array) -> tuple[int, str] | None:
    """Return the first row of confidences that cannot be, and what is wrong with it."""
    fits = (np.isfinite(values) & (values >= 0)).all(axis=1)
    if not fits.all():
        return int(np.argmin(fits)), "as confidences must be numbers of 0 or more"
    possible = values.any(axis=1)
    if not possible.all():
        return int(np.argmin(possible)), "must leave one component at least to each row"
    return None


def logs_of(credible: Array) -> FloatArray:
    """Logarithms of confidences: -inf where a component is excluded, NaN where they cannot be."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.ascontiguousarray(np.log(credible.astype(np.float64)))


__all__ = [
    "MOST_COMPONENTS",
    "UNKNOWN",
    "KnownLabels",
    "check_labels",
    "check_n_columns",
    "check_numbers_alone",
    "first_no_label",
    "first_not_credible",
    "logs_of",
    "out_of_range",
]
