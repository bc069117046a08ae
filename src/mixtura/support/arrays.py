"""Arrays as the native core takes them: float32 or float64, any strides; other types a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FloatArray = NDArray[np.float64]

# Numbers in one block that is copied to change its type: 2 MB of float64.
_BLOCK_NUMBERS = 1 << 18


_NATIVE = (np.float32, np.float64)


def is_native(X: Array) -> bool:
    """Whether the core reads `X` where it lies.

    Not a field of packed records, whose numbers stand at addresses that are no multiples of their size.
    """
    size = X.dtype.itemsize
    whole = X.flags.aligned and all(stride % size == 0 for stride in X.strides)
    return whole and X.dtype.type in _NATIVE and X.dtype.isnative


def contiguous(values: Any, dtype: Any) -> Array:
    """Return an array as the core takes it: in the order of rows and aligned; a copy only where it is not."""
    return np.require(values, dtype, ["C", "ALIGNED", "ENSUREARRAY"])


def contiguous_rows(values: Any, dtype: Any) -> Array:
    """The same of each row; what one has for all of them is not repeated in memory."""
    array = np.asarray(values)
    if array.ndim > 1 and len(array) > 1 and array.strides[0] == 0:
        return np.broadcast_to(contiguous(array[:1], dtype), array.shape)
    return contiguous(array, dtype)


def result_dtype(X: Array) -> np.dtype[Any]:
    """Give the precision of what is computed from `X`: float32 stays, all else is float64."""
    return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)


def block_slices(n_rows: int, width: int) -> Iterator[slice]:
    """Cut `n_rows` into blocks of about 2 MB of float64 at `width` numbers a row."""
    size = max(1, _BLOCK_NUMBERS // max(width, 1))
    for start in range(0, n_rows, size):
        yield slice(start, min(n_rows, start + size))


def fit_in_a_block(n_rows: int, width: int) -> bool:
    """Whether `block_slices` leaves so many rows together."""
    return n_rows <= _BLOCK_NUMBERS // max(width, 1)


def native_blocks(X: Array, dtype: np.dtype[Any] | None = None) -> Iterator[tuple[slice, Array]]:
    """Yield `X` whole where the core can read it, else block by block as float: in `dtype`, or its own."""
    dtype = result_dtype(X) if dtype is None else dtype
    if is_native(X) and X.dtype == dtype:
        yield slice(0, len(X)), X
        return
    for rows in block_slices(*X.shape):
        yield rows, np.array(X[rows], dtype=dtype)
