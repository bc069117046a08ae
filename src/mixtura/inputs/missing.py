"""Tables in which NaN stands for what was not observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.support.arrays import Array, block_slices, native_blocks


def unmasked(X: Any, value: Any = np.nan) -> Any:
    """Write NaN, or another value, where a masked array masks numbers; return anything else as it is."""
    if not np.ma.is_masked(X) or X.dtype.kind not in "biuf":
        return X
    return X.astype(X.dtype if X.dtype.kind == "f" else np.float64).filled(value)


def has_missing(X: Array, n_threads: int = 1) -> bool:
    """Whether some value is no finite number."""
    return any(_core.find_nonfinite(block, n_threads)[0] > 0 for _, block in native_blocks(X))


def check_missing(
    X: Array,
    names: Sequence[str] | Array | None = None,
    n_threads: int = 1,
    estimator: str = "mixtura",
) -> None:
    """Raise where `X` holds infinity.

    Raises
    ------
    ValueError
        Names the first place.
    """
    place = first_infinite(X) if has_missing(X, n_threads) else None
    if place is not None:
        row, column = place
        raise ValueError(
            f"Input X contains infinity: {estimator} found it in {column_name(column, names)}, row {row}; "
            "only NaN means missing. Remove such rows, or make infinity NaN (X[np.isinf(X)] = np.nan)."
        )


def first_infinite(X: Array) -> tuple[int, int] | None:
    """Row and column of the first infinite value."""
    for rows in block_slices(*X.shape):
        infinite = np.isinf(X[rows])
        if infinite.any():
            row, column = np.argwhere(infinite)[0]
            return rows.start + int(row), int(column)
    return None


def check_observed(seen: Array, names: Sequence[str] | Array | None) -> None:
    """Raise where a feature is missing in every row.

    Raises
    ------
    ValueError
        Names the first.
    """
    if not seen.all():
        column = int(np.argmin(seen))
        raise ValueError(
            f"Every value of {column_name(column, names)} is missing, so that nothing can be learned of it: "
            "leave it out."
        )


def column_name(column: int, names: Sequence[str] | Array | None) -> str:
    """A column in words."""
    return f"column {column}" + ("" if names is None else f" ({names[column]!r})")


def are_observed(X: Array) -> Array:
    """Say for each row whether some feature of it is there."""
    observed: Array = np.empty(len(X), dtype=bool)
    for rows in block_slices(*X.shape):
        observed[rows] = ~np.isnan(X[rows]).all(axis=1)
    return observed
