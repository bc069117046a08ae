"""One column of a table: what its values are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura.support.arrays import Array, FloatArray
from mixtura.support.language import marked

# Values up to which a column has few.
_FEW = 10

# Numbers that stand for no number, where they lie at the end of a column's values.
_CODES = (-1.0, *(sign * (10.0**n - 1) for n in range(1, 7) for sign in (1, -1)))

# Values that an isolated group may have, and those that must be left beside it.
_MOST_CODES, _LEAST_VALUES = 3, 5


@dataclass(frozen=True)
class ColumnDescription:
    """One column of a table; of rows that hold a number in every column.

    Attributes
    ----------
    name : str
        Its number where the columns have no names.
    kind : str
        'continuous', 'recorded in steps of h', 'counts', 'two values', 'few values', 'constant', or 'no
        numbers', 'missing' of columns that cannot be features.
    step : float or None
        The h to which values were rounded; None: they lie on no grid.
    n_missing, n_infinite : int
        In all rows.
    n_distinct : int or None
        Values in the rows that were looked at.
    least, most, mean, spread : float or None
        The spread is the standard deviation.
    most_frequent : float or None
        The value that most rows share, where any do.
    share_of_most_frequent, share_of_zeros : float or None
    sentinels : tuple of float
        Values that lie apart and are repeated: they are likely to stand for none.
    n_far : int
        Values that lie more than 30 times the median distance from the median.
    reg_covar : float or None
        What `reg_covar='auto'` adds to its variance.
    """

    name: str
    kind: str
    n_missing: int
    n_infinite: int = 0
    step: float | None = None
    n_distinct: int | None = None
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    spread: float | None = None
    most_frequent: float | None = None
    share_of_most_frequent: float | None = None
    share_of_zeros: float | None = None
    sentinels: tuple[float, ...] = ()
    n_far: int = 0
    reg_covar: float | None = None


def kind_of(values: FloatArray, n_rows: int, step: float | None, is_constant: bool) -> str:
    """What kind of column it is, by its distinct values; step: to which they were rounded."""
    if is_constant:
        return marked("constant")
    if len(values) <= _FEW and 3 * len(values) <= n_rows:
        return marked("two values") if len(values) == 2 else marked("few values")
    if step is None:
        return marked("continuous")
    whole = np.array_equal(values, np.floor(values))
    if whole and step == 1 and values[0] in (0, 1):
        return marked("counts")
    return recorded_in_steps(step)


def recorded_in_steps(step: float) -> str:
    """The kind of a column whose values were rounded to a grid."""
    return f"recorded in steps of {step:g}"


def sentinels_of(values: FloatArray, counts: Array) -> list[float]:
    """Values at an end that are repeated and lie farther from the others than these from each other.

    Numbers that are often used for none, as -1 and 99, need only lie apart and be the most of their side.
    """
    found: list[float] = []
    while len(values) > _LEAST_VALUES:
        gaps = np.diff(values)
        gap = int(gaps.argmax())
        below, above = slice(0, gap + 1), slice(gap + 1, len(values))
        some, rest = (below, above) if 2 * (gap + 1) <= len(values) else (above, below)
        others = values[rest]
        is_apart = gaps[gap] > others[-1] - others[0]
        few = len(values[some]) <= _MOST_CODES and len(others) >= _LEAST_VALUES
        if not (is_apart and few and (counts[some] > 1).all()):
            break
        found += values[some].tolist()
        values, counts = others, counts[rest]
    for end, next_to_it in ((0, 1), (-1, -2)):
        if len(values) > _LEAST_VALUES and _is_code(values, counts, end, next_to_it):
            found.append(float(values[end]))
    return sorted(found)


def _is_code(values: FloatArray, counts: Array, end: int, next_to_it: int) -> bool:
    value = float(values[end])
    if value not in _CODES or counts[end] < 3 or counts[end] <= 2 * counts[next_to_it]:
        return False
    if value == -1:
        return bool(values[next_to_it] >= 0)
    return bool(abs(value - values[next_to_it]) > 3 * np.median(np.diff(values)))
