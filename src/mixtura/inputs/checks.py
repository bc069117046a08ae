"""Rows to fit or evaluate: a matrix of finite real numbers, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mixtura import _core
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured, clearer
from mixtura.inputs.missing import check_missing, unmasked
from mixtura.support.arrays import Array, native_blocks


def as_numeric(X: Any) -> Any:
    """Leave an array of real numbers as it is (no copy); let anything else be converted."""
    dtype = getattr(X, "dtype", None)
    if isinstance(X, np.ndarray) and dtype is not None and dtype.kind in "biuf":
        return None
    return [np.float64, np.float32]


def check_rows(X: Any, n_features: int, n_threads: int = 1, *, missing: bool = False) -> Array:
    """Return `X`, an array or a data frame, as a 2-D array of finite real numbers with `n_features` columns.

    missing: whether NaN may stand for what was not observed, and a mask lie on it.

    Raises
    ------
    ValueError
        If it is not that; the message names the first bad value's row and column.
    """
    frame = frame_of(X)
    names = None if frame is None else frame.columns
    X = X if frame is None else frame_values(frame)
    X = unmasked(X) if missing else X
    check_measured(X)
    try:
        checked: Array = check_array(X, dtype=as_numeric(X), ensure_all_finite=False)
    except (TypeError, ValueError) as error:
        raise clearer(error, X) from error
    check_n_features(checked.shape[1], n_features)
    if missing:
        check_missing(checked, names, n_threads)
    else:
        check_finite(checked, names, n_threads)
    return checked


def check_n_features(of_rows: int, of_mixture: int) -> None:
    """Raise ValueError where rows have another number of columns than a mixture has features."""
    if of_rows != of_mixture:
        raise ValueError(
            f"X has {of_rows} features, but the mixture has {of_mixture}: "
            "give the same columns in the same order."
        )


def check_finite(
    X: Array,
    feature_names: Sequence[str] | Array | None = None,
    n_threads: int = 1,
    estimator: str = "mixtura",
) -> None:
    """Raise where `X` holds NaN or infinity, naming the first place and how many there are.

    Raises
    ------
    ValueError
        The message says whether it is NaN or infinity, its column and row, and the count.
    """
    count, first = 0, None
    for rows, block in native_blocks(X):
        found, row, column = _core.find_nonfinite(block, n_threads)
        if found and first is None:
            first = (rows.start + row, column)
        count += found
    if first is not None:
        raise ValueError(_nonfinite_message(X, first, count, feature_names, estimator))


def _nonfinite_message(
    X: Array,
    first: tuple[int, int],
    count: int,
    feature_names: Sequence[str] | Array | None,
    estimator: str,
) -> str:
    row, column = first
    n_missing = sum(int(np.isnan(block).sum()) for _, block in native_blocks(X))
    kind, advice = (
        "NaN",
        "Remove such rows, fill them in (sklearn.impute.SimpleImputer), or fit with missing='mar'.",
    )
    if n_missing == 0:
        kind, advice = "infinity", "Remove such rows or put numbers in their place."
    elif n_missing < count:
        kind = "NaN and infinity"
        advice = (
            "Remove such rows, or make infinity NaN (X[np.isinf(X)] = np.nan) and fill in both "
            "(sklearn.impute.SimpleImputer)."
        )
    name = f"column {column}"
    if feature_names is not None:
        name += f" ({feature_names[column]!r})"
    values = "1 value that is" if count == 1 else f"{count} values that are"
    return (
        f"Input X contains {kind}: {estimator} found {values} not finite, the first in {name}, "
        f"row {row}. {advice}"
    )
