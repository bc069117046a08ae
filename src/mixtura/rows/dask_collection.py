"""What a Dask collection holds, and its partitions as arrays of floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.errors import SourceError
from mixtura.inputs.labels import first_not_credible, logs_of
from mixtura.inputs.missing import first_infinite
from mixtura.inputs.row_errors import ErrorsGiven, check_errors, unread
from mixtura.rows.value import BESIDE, Rows
from mixtura.support.arrays import Array, FloatArray, contiguous

try:
    import dask as dask
    import dask.array
    from dask import delayed as delayed
except ImportError as error:
    raise ImportError(
        "Rows on Dask need dask; install it with: pip install 'mixtura[dask]'"
    ) from error

Names = Sequence[str] | None


# What is known of a collection without computing it


def is_frame(X: Any) -> bool:
    """Whether a Dask collection has columns with names and types of their own."""
    return hasattr(type(X), "columns") and X.ndim == 2


def feature_names(X: Any) -> tuple[str, ...] | None:
    """Names of the columns, where they have any and all are text."""
    if not is_frame(X):
        return None
    names = tuple(X.columns)
    return names if all(isinstance(name, str) for name in names) else None


def dtype_of(X: Any) -> np.dtype[Any]:
    """float32 where all columns are, else float64.

    Raises
    ------
    SourceError
        If X is no table of numbers.
    """
    if is_frame(X):
        kinds = {_number_kind(name, kind) for name, kind in X.dtypes.items()}
    else:
        _check_array(X)
        kinds = {X.dtype}
    if X.shape[1] == 0:
        raise SourceError("X has no columns.")
    return np.dtype(np.float32 if kinds == {np.dtype(np.float32)} else np.float64)


def _number_kind(name: Any, kind: Any) -> np.dtype[Any]:
    plain = getattr(kind, "numpy_dtype", kind)  # pandas' types that know missing values
    if not isinstance(plain, np.dtype) or plain.kind not in "biuf":
        raise SourceError(
            f"Column {name!r} of X holds {kind}, no numbers: choose columns, as in X[['a', 'b']]."
        )
    return plain


def _check_array(X: Any) -> None:
    if not isinstance(X, dask.array.Array):
        raise SourceError(f"X must be a Dask array or a Dask DataFrame, got {type(X).__name__}.")
    if X.ndim != 2 or np.isnan(X.shape[1]):
        raise SourceError(
            f"X must be a 2-D Dask array with a known number of columns, got the shape {X.shape}."
        )
    if X.dtype.kind not in "biuf" or not isinstance(X._meta, np.ndarray):
        raise SourceError(
            f"X must hold real numbers in NumPy arrays, got {X.dtype} in {type(X._meta).__name__}."
        )
    if isinstance(X._meta, np.ma.MaskedArray):
        raise SourceError(
            "X holds masked arrays, and only when they are computed it shows what they mask: give "
            "dask.array.ma.filled(X, numpy.nan), and missing='mar'."
        )


# Partitions, not yet computed


def with_whole_rows(X: Any) -> Any:
    """Return the array with all columns in every chunk; a frame as it is."""
    return X if is_frame(X) or X.numblocks[1] == 1 else X.rechunk({1: -1})


def partitions(X: Any, dtype: np.dtype[Any]) -> list[Any]:
    """Partitions as arrays of floats. Chunks of an array of floats are taken as they are, not copied."""
    blocks = list(np.ravel(with_whole_rows(X).to_delayed()))
    if not is_frame(X) and X.dtype == dtype and X.dtype.isnative:
        return blocks
    convert = delayed(floats, pure=False)
    return [convert(block, dtype.str, number) for number, block in enumerate(blocks)]


def beside(X: Any, values: Any, what: Field[Any]) -> list[Any]:
    """Of each partition of X what its rows bring beside their features: that field of `Rows`.

    Raises
    ------
    SourceError
        If it is no Dask collection, or not cut as X is.
    """
    name, dtype = what.metadata["argument"], np.dtype(what.metadata["dtype"])
    n_partitions = len(X.chunks[0]) if hasattr(X, "chunks") else X.npartitions
    if what.name == "error" and isinstance(values, np.ndarray):  # of all rows alike
        return [delayed(values, pure=False)] * n_partitions
    if (
        not dask.is_dask_collection(values)
        or getattr(values, "ndim", 0) not in what.metadata["ndim"]
    ):
        kind = " or ".join(f"{n}-D" for n in what.metadata["ndim"])
        raise SourceError(
            f"{name} must be a {kind} Dask array or a Dask Series, as X is a Dask collection, got "
            f"{type(values).__name__}."
        )
    if _are_arrays(X, values) and X.shape[0] == values.shape[0]:
        values = values.rechunk({0: X.chunks[0]} | dict.fromkeys(range(1, values.ndim), -1))
    blocks = list(np.ravel(values.to_delayed()))
    if len(blocks) != n_partitions:
        raise SourceError(
            f"{name} has {len(blocks)} partitions and X {n_partitions}: both must be cut alike."
        )
    convert = delayed(floats, pure=False)
    return [convert(block, dtype.str, number, name) for number, block in enumerate(blocks)]


def known_labels(labels: Any) -> dict[str, Any]:
    """Labels, or the logs of confidences, as fields of `Rows`; nothing where there are none."""
    if labels is None:
        return {}
    if getattr(labels, "ndim", 1) == 1:
        return {"label": labels}
    if not hasattr(labels, "chunks"):
        raise SourceError(
            "labels of a Dask collection must be a Dask array, or a Dask Series of numbers of components."
        )
    return {"log_credible": labels.map_blocks(logs_of, dtype=np.float64)}


def known_errors(errors: ErrorsGiven, n_features: int) -> dict[str, Any]:
    """Variances or covariances as a field of `Rows`; nothing where there are none.

    Raises
    ------
    SourceError, ValueError
        If they are neither a Dask array nor those of all rows alike.
    """
    if not errors.are_there:
        return {}
    given = errors.covariances if errors.std is None else errors.std
    if not hasattr(given, "chunks"):
        name = "error_covariances" if errors.std is None else "error_std"
        of_each = np.ndim(given) > 1 and len(given) > 1
        if dask.is_dask_collection(given) or of_each:
            raise SourceError(
                f"{name} of a Dask collection must be a Dask array, cut as X is, or those of all rows alike, "
                f"of shape ({n_features},) or (1, ...), got {type(given).__name__}."
            )
        own = errors.checked(1, n_features)
        return {} if own is None else {"error": own}
    if errors.std is not None and errors.covariances is not None:
        raise ValueError("Give error_covariances or error_std: each says the whole error.")
    return {"error": given if errors.std is None else given**2}


def _are_arrays(*collections: Any) -> bool:
    return all(hasattr(one, "chunks") for one in collections)


# What runs on the workers


def floats(block: Any, dtype: str, number: int, name: str = "X") -> Array:
    """Return a partition as a contiguous array of that type.

    Raises
    ------
    SourceError
        If it holds something else than numbers: names the partition and the column.
    """
    try:
        if hasattr(block, "iloc"):
            block = block.to_numpy(dtype=np.dtype(dtype), na_value=np.nan)
        return contiguous(block, np.dtype(dtype))
    except (TypeError, ValueError) as error:
        for column in getattr(block, "columns", ()):
            floats(block[column], dtype, number, f"column {column!r}")
        raise SourceError(f"Partition {number}: {name} holds no numbers ({error}).") from None


def check(rows: Rows, names: Names, number: int, *, missing: bool = False) -> bool:
    """Look for what is no finite number, and for impossible weights; whether features are missing.

    missing: whether they may be.

    Raises
    ------
    SourceError
        Names the partition, the row in it, and the column.
    """
    hidden = unread(rows.error)
    X = rows.X if hidden is None else np.where(hidden, 0.0, rows.X)
    count, row, column = _core.find_nonfinite(X, 1)
    infinite = first_infinite(X) if count and missing else (row, column)
    if count and infinite is not None:
        row, column = infinite
        kind = "NaN" if np.isnan(X[row, column]) else "infinity"
        name = f"column {column}" + ("" if names is None else f" ({names[column]!r})")
        advice = " or fill them in"
        if kind == "NaN":
            advice = ", fill them in, or fit with missing='mar'"
        raise SourceError(
            f"Input X contains {kind}: partition {number} has {count} values that are not finite, the first "
            f"in {name}, row {row} of the partition. Remove such rows{advice}."
        )
    for what in BESIDE:
        values = rows.values.get(what.name)
        if values is not None and len(values) != len(rows):
            raise SourceError(
                f"{what.metadata['argument']} must be cut as X is: partition {number} has {len(values)} "
                f"{what.metadata['plural']} and {len(rows)} rows."
            )
    if rows.weight is not None:
        _check_weight(rows.weight, number)
    if rows.log_credible is not None:
        _check_credible(np.exp(rows.log_credible), number)
    if rows.error is not None:
        _check_errors(rows, number)
    return bool(count) or hidden is not None


def _check_errors(rows: Rows, number: int) -> None:
    d = rows.shape[1]
    if rows.error is None or rows.error.shape[1:] not in ((d,), (d, d)):
        shape = None if rows.error is None else rows.error.shape[1:]
        raise SourceError(f"the errors of a row must have shape ({d},) or ({d}, {d}), got {shape}.")
    try:
        check_errors(rows.error)
    except ValueError as error:
        raise SourceError(f"In partition {number}: {error}") from None


def _check_credible(credible: FloatArray, number: int) -> None:
    found = first_not_credible(credible)
    if found is not None:
        row, why = found
        raise SourceError(
            f"labels {why}: row {row} of partition {number} has {credible[row].tolist()}."
        )


def _check_weight(weight: FloatArray, number: int) -> None:
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SourceError(
            f"sample_weight must be finite and not negative (0 leaves a row out): it is {weight[row]:g} in "
            f"row {row} of partition {number}."
        )
