"""A table as it was given: the rows that can be fitted, and what keeps others from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mixtura.fitting.findings import column_name
from mixtura.inputs.checks import as_numeric
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured, clearer
from mixtura.inputs.missing import unmasked
from mixtura.inputs.weights import check_sample_weight
from mixtura.report.columns import ColumnDescription
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.sources import Source
from mixtura.support.arrays import Array
from mixtura.support.language import marked


@dataclass(frozen=True)
class GivenTable:
    """A table as it was given: the rows that can be fitted, and what keeps others from it."""

    n_rows: int
    names: tuple[str, ...] | None  # of the columns of numbers
    blocks: Blocks | None  # the complete rows
    n_missing: Sequence[int]
    n_infinite: Sequence[int]
    others: tuple[ColumnDescription, ...] = ()  # columns that are no features
    first_values: tuple[str, ...] = ()  # of those without numbers

    @property
    def array_of_names(self) -> Array | None:
        """The names as a fit takes them."""
        return None if self.names is None else np.array(self.names, dtype=object)

    def name(self, j: int) -> str:
        """A column as a sentence calls it."""
        return column_name(j, self.array_of_names)

    def plain_name(self, j: int) -> str:
        """A column's own name, or its number."""
        return str(j) if self.names is None else self.names[j]


def of_source(X: Any) -> GivenTable:
    """A source, read once."""
    if not isinstance(X, Source):
        frame_of(X)  # a Dask collection: says what to do
    source = X.dropping()
    blocks = source.blocks()
    columns = getattr(source, "columns", None)
    n_missing = [0] * source.n_features
    n_dropped = 0
    if columns is not None and len(columns) == source.n_features:
        of_each = source.n_missing()
        n_missing = [of_each[name] for name in columns]
    if columns is not None:
        n_dropped = sum(len(rows) for _, rows in source.dropped())
    return GivenTable(
        blocks.shape[0] + n_dropped, source.feature_names, blocks, n_missing, [0] * len(n_missing)
    )


def of_table(X: Any, sample_weight: Any) -> GivenTable:
    """An array or a data frame."""
    rows, names, others, values = _numbers(X)
    weight = check_sample_weight(sample_weight, len(rows))
    missing, infinite = np.isnan(rows), np.isinf(rows)
    empty = missing.all(axis=0) if len(rows) else np.zeros(rows.shape[1], dtype=bool)
    if empty.any():
        called = [str(j) if names is None else names[j] for j in np.flatnonzero(empty)]
        others = [*others, *(ColumnDescription(name, "missing", len(rows)) for name in called)]
        rows, missing, infinite = rows[:, ~empty], missing[:, ~empty], infinite[:, ~empty]
        kept = np.flatnonzero(~empty)
        names = tuple(str(j) if names is None else names[j] for j in kept)
    complete = ~(missing | infinite).any(axis=1)
    blocks = None
    if complete.any() and rows.shape[1]:
        whole = complete.all()
        some = None if weight is None else weight[complete]
        blocks = ArrayBlocks(Rows(rows if whole else rows[complete], some))
    return GivenTable(
        len(rows),
        names,
        blocks,
        missing.sum(axis=0).tolist(),
        infinite.sum(axis=0).tolist(),
        tuple(others),
        values,
    )


def _numbers(
    X: Any,
) -> tuple[Array, tuple[str, ...] | None, list[ColumnDescription], tuple[str, ...]]:
    """The columns of numbers, and those of a data frame that hold none with a value of each."""
    frame = frame_of(X)
    if frame is None:
        X = unmasked(X)
        check_measured(X)
        try:
            rows: Array = check_array(X, dtype=as_numeric(X), ensure_all_finite=False)
        except (TypeError, ValueError) as error:
            raise clearer(error, X) from error
        return rows, None, [], ()
    numeric, others, values = [], [], []
    for name in frame.columns:
        column = frame.select(name)
        try:
            frame_values(column)
            numeric.append(name)
        except (TypeError, ValueError):
            cells = column.get_column(name)
            n_missing = int(cells.is_null().sum())
            others.append(ColumnDescription(str(name), marked("no numbers"), n_missing))
            present = cells.drop_nulls()
            values.append(_first_text(present.to_list()))
    if not numeric:
        raise ValueError("X has no column of numbers: give features that are, or encode them.")
    return frame_values(frame.select(numeric)), tuple(map(str, numeric)), others, tuple(values)


def _first_text(cells: Sequence[Any]) -> str:
    """The first cell that is no number, else the first."""
    others = (cell for cell in cells if not _reads_as_number(cell))
    return repr(next(others, cells[0])) if cells else ""


def _reads_as_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True
