"""What was given for X and is no matrix of real numbers: one sentence that says what to give instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np

from mixtura.inputs.frames import is_number, no_number

# What has none of them has no rows.
_OF_TABLES = ("__len__", "__array__", "shape")


def check_measured(values: Any, name: str = "X") -> None:
    """Raise where NumPy would take for measurements what is none: numbers under a mask, dates, durations.

    Raises
    ------
    ValueError
        If some values are masked: says how many, and where the first is.
    TypeError
        If they are dates or durations.
    """
    if not isinstance(values, np.ndarray):
        return
    if values.dtype.kind in "mM":
        kind, advice = (
            ("dates", "(values - values.min()) / np.timedelta64(1, 's')")
            if values.dtype.kind == "M"
            else ("durations", "values / np.timedelta64(1, 's')")
        )
        raise TypeError(
            f"{name} must hold numbers, but it holds {kind}: make them seconds, {advice}."
        )
    if np.ma.is_masked(values):
        masked = np.ma.getmaskarray(values)
        first = tuple(int(i) for i in np.unravel_index(int(masked.argmax()), masked.shape))
        place = f"column {first[1]}, row {first[0]}" if len(first) == 2 else f"row {first[0]}"
        raise ValueError(
            f"{name} is a masked array, and {int(masked.sum())} of its values are masked, the first in "
            f"{place}: leave such rows out, or give a number for each with {name}.filled(...)"
            + (
                ", or fit with missing='mar', for which they were not observed."
                if name == "X"
                else "."
            )
        )


def clearer(error: ValueError | TypeError, X: Any) -> ValueError | TypeError:
    """The error, or one that says in a sentence what was given, or which column is to blame."""
    message = str(error)
    another = _another_kind(X)
    if another:
        return type(error)(another)
    if "Complex data not supported" in message:
        dtype = getattr(X, "dtype", "complex")
        return ValueError(
            f"Complex data not supported: X is {dtype}. Give its real part, or real and imaginary "
            "parts as two columns."
        )
    if "Expected 2D array, got 1D array" in message:
        return ValueError(
            f"Expected 2D array, got 1D array instead: X has shape {np.shape(X)}. Reshape your data "
            "with X.reshape(-1, 1) if it is one feature, or X.reshape(1, -1) if it is one row."
        )
    if "inhomogeneous" in message or "setting an array element" in message:
        return _uneven(error, X)
    if "could not convert" in message:
        return _name_cell(error, X, lambda value: isinstance(value, str))
    if isinstance(error, TypeError) and ("argument must be" in message or "DType" in message):
        return _name_cell(error, X, lambda value: not isinstance(value, str))
    return error


def _another_kind(X: Any) -> str:
    """A sentence where `X` is nothing that has rows, or ''."""
    if isinstance(X, str | os.PathLike):
        path = os.fspath(X)
        return f"X is text, {path!r}: give the rows, or where it is a file, mixtura.scan({path!r})."
    if isinstance(X, Mapping | Set) and not hasattr(X, "shape"):
        return f"X is a {type(X).__name__}: give a data frame, such as pandas.DataFrame(X), or an array."
    if isinstance(X, np.generic) or not any(hasattr(X, name) for name in _OF_TABLES):
        what = repr(X) if X is None or is_number(X) else f"of type {type(X).__name__}"
        return (
            f"Expected 2D array, got scalar array instead: X is {what}. Give an array or a data frame of "
            "shape (n_rows, n_features)."
        )
    return ""


def _uneven(error: ValueError | TypeError, X: Any) -> ValueError | TypeError:
    lengths = [np.size(row) for row in X]
    for row, length in enumerate(lengths):
        if length != lengths[0]:
            return type(error)(
                f"X must have rows of one length, but row 0 has {lengths[0]} and row {row} has {length}."
            )
    return error


def _name_cell(
    error: ValueError | TypeError, X: Any, is_of_kind: Callable[[Any], bool]
) -> ValueError | TypeError:
    place = _first_bad(X, is_of_kind)
    if place is None:
        return error
    row, column, value = place
    return no_number(f"X must hold numbers, but column {column}", row, value)


def _first_bad(X: Any, is_of_kind: Callable[[Any], bool]) -> tuple[int, int, Any] | None:
    """Row, column and value of the first cell of that kind that is no number."""
    cells = np.asarray(X, dtype=object)
    if cells.ndim != 2:
        return None
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            if is_of_kind(value) and not is_number(value):
                return row, column, value
    return None
