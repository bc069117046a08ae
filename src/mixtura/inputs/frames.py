"""Data frames as arrays: pandas, polars, Arrow, whatever narwhals reads. The one place that converts them.

narwhals is imported when something comes that is no array: an array never pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from narwhals import Series
    from narwhals.stable.v2 import DataFrame

_NEVER_FRAMES = (np.ndarray, list, tuple)

_DATES = (date, datetime, np.datetime64)
_DURATIONS = (timedelta, np.timedelta64)


def is_dask(X: Any) -> bool:
    """Whether `X` is a Dask collection. By name, so that nothing of Dask is imported for other types."""
    return _is_of("dask", X)


def frame_of(X: Any) -> DataFrame[Any] | None:
    """`X` as narwhals sees it, or None where it is no data frame. An Arrow RecordBatch is one.

    Raises
    ------
    TypeError
        If it is a lazy frame or a Dask collection, whose rows are not there yet.
    ValueError
        If two columns have one name.
    """
    if isinstance(X, _NEVER_FRAMES):
        return None
    check_is_here(X)
    import narwhals.stable.v2 as nw

    try:
        frame = nw.from_native(_whole(X), pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"X: {' '.join(str(error).split())}. Rename one.") from error
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(
            f"X is a lazy frame ({type(X).__module__}.{type(X).__qualname__}), whose rows are not there yet: "
            "collect it first, or write it to a file and give that to mixtura.scan."
        )
    return frame if isinstance(frame, nw.DataFrame) else None


def check_is_here(X: Any) -> None:
    """Raise where `X` is a Dask collection: what works on rows in this process would bring all of them here.

    Raises
    ------
    TypeError
        Says how to take a sample.
    """
    if is_dask(X):
        sample = "X.sample(frac=0.001)" if hasattr(X, "columns") else "X[::1000]"
        raise TypeError(
            f"X is a Dask {type(X).__name__}, whose rows stay on the workers: give a sample of them that "
            f"fits in memory, such as {sample}.compute()."
        )


def _whole(X: Any) -> Any:
    """A RecordBatch, which narwhals does not know, as the table that it is a piece of."""
    if not (_is_of("pyarrow", X) and type(X).__name__ == "RecordBatch"):
        return X
    import pyarrow as pa

    return pa.Table.from_batches([X])


def _is_of(package: str, X: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == package for kind in type(X).__mro__)


def column_names(frame: DataFrame[Any]) -> tuple[str, ...] | None:
    """Names of the columns where all are text, as scikit-learn takes them, else None."""
    names = tuple(frame.columns)
    return names if all(isinstance(name, str) for name in names) else None


def row_labels(X: Any) -> list[Any] | None:
    """The index of a pandas frame, where it is more than the numbers of the rows; else None."""
    if isinstance(X, _NEVER_FRAMES) or not (_is_of("pandas", X) and hasattr(X, "index")):
        return None
    is_counted = type(X.index).__name__ == "RangeIndex" and X.index.start == 0 and X.index.step == 1
    return None if is_counted else list(X.index)


def frame_values(frame: DataFrame[Any]) -> NDArray[Any]:
    """The numbers of a frame: float32 where that holds every column exactly, else float64; null is NaN.

    A pandas frame of one type is read where it lies. Any other is copied once.

    Raises
    ------
    ValueError, TypeError
        If a column holds text that is no number, dates or anything else: names the first such cell.
    """
    kinds = (
        set(getattr(frame.to_native(), "dtypes", ())) if frame.implementation.is_pandas() else ()
    )
    if kinds == {np.dtype(np.float64)} or kinds == {np.dtype(np.float32)}:
        return frame.to_numpy()
    columns = [
        _numbers(column, f"X must hold numbers, but column {column.name!r}")
        for column in frame.iter_columns()
    ]
    if not columns:
        return np.empty(frame.shape)
    single = np.result_type(*columns) == np.float32
    return np.stack(columns, axis=1, dtype=np.float32 if single else np.float64)


def column_values(values: Any, name: str) -> Any:
    """A Series, an Arrow column or a frame of one as an array of numbers, null as NaN; else as it is."""
    if isinstance(values, _NEVER_FRAMES):
        return values
    import narwhals.stable.v2 as nw

    column = nw.from_native(values, pass_through=True, allow_series=True)
    if isinstance(column, nw.DataFrame) and column.shape[1] == 1:
        column = column.get_column(column.columns[0])
    if not isinstance(column, nw.Series):
        return values
    return _numbers(column, f"{name} must hold numbers, but it")


#: Libraries whose frames are made.
BACKENDS: tuple[Literal["pandas", "polars", "pyarrow"], ...] = ("pandas", "polars", "pyarrow")


def new_frame(columns: Mapping[str, Any], backend: str) -> Any:
    """A data frame of a library with these columns.

    Raises
    ------
    ValueError
        If there is no such library.
    ImportError
        If it is not installed.
    """
    known = next((name for name in BACKENDS if name == backend), None)
    if known is None:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}.")
    import narwhals.stable.v2 as nw

    try:
        return nw.from_dict(dict(columns), backend=known).to_native()
    except ModuleNotFoundError as error:
        raise ImportError(
            f"to_frame() makes a frame of {backend}, which is not installed here: install it (pip install "
            f"{backend}), or give backend='pandas', 'polars' or 'pyarrow', whichever you have."
        ) from error


def no_number(where: str, row: int, value: Any) -> ValueError | TypeError:
    """Say in a sentence which value is no number; `where` is its beginning, up to the column."""
    if isinstance(value, str):
        return ValueError(
            f"{where} has {value!r} in row {row}: could not convert string to float. Leave that column "
            "out or encode it."
        )
    if isinstance(value, _DATES):
        return TypeError(
            f"{where} has {value} in row {row}, a date: leave that column out, or make it a number, such as "
            "seconds since the first: (column - column.min()).dt.total_seconds()."
        )
    if isinstance(value, _DURATIONS):
        return TypeError(
            f"{where} has {value} in row {row}, a duration (timedelta): leave that column out, or make it a "
            "number, such as seconds: column.dt.total_seconds()."
        )
    return TypeError(
        f"{where} has an object of type {type(value).__name__} in row {row}: the argument must be a string "
        "or a real number. Leave that column out or convert it."
    )


def is_number(value: Any) -> bool:
    """Whether `value` is one, or text that reads as one."""
    if _is_list(value):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_list(value: Any) -> bool:
    """Whether `value` is an array of its own: NumPy before 2.4 reads one of one number as that number."""
    return isinstance(value, np.ndarray) and value.ndim > 0


def _numbers(column: Series[Any], where: str) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind in "mM" and len(values) > 0:  # NumPy would take nanoseconds for numbers
        raise no_number(where, 0, values[0])
    missing: NDArray[Any] = column.is_null().to_numpy().astype(bool)
    present = values[~missing].astype(object)
    numbers = np.full(len(values), np.nan)
    try:
        if any(map(_is_list, present)):
            raise TypeError("a list is no number")
        numbers[~missing] = present.astype(np.float64)
    except (TypeError, ValueError) as error:
        first = next((i for i, value in enumerate(present) if not is_number(value)), None)
        if first is None:
            raise
        raise no_number(where, int(np.flatnonzero(~missing)[first]), present[first]) from error
    return numbers
