"""What to mind before a table is fitted, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from mixtura.fitting.findings import FAR, first_of
from mixtura.fitting.warnings import too_many_parameters
from mixtura.report.columns import ColumnDescription
from mixtura.report.table import GivenTable
from mixtura.support.arrays import Array

# Share of the rows with one value, and how many times that of any other, from which it stands out.
_STANDS_OUT, _TIMES_THE_NEXT = 0.2, 3.0

# Steps in a standard deviation below which a column is coarse.
_COARSE = 3.0

# Ratio of the columns' spreads from which it is worth a word.
_SCALES = 1e6


def notes_of_cells(given: GivenTable, n_complete: int) -> Iterator[str]:
    """Of cells that are no numbers, and columns without any."""
    with_gaps = [f"{n:,} in column {given.name(j)}" for j, n in enumerate(given.n_missing) if n]
    infinite = [f"{n:,} in column {given.name(j)}" for j, n in enumerate(given.n_infinite) if n]
    if with_gaps:
        n_dropped = given.n_rows - n_complete
        yield (
            f"Cells are missing, {', '.join(first_of(with_gaps))}: {n_dropped:,} of "
            f"{given.n_rows:,} rows have gaps; fit what was observed with missing='mar', leave them out, as "
            "with drop_missing=True, or fill them in."
        )
    if infinite:
        yield (
            f"Cells are infinite, {', '.join(first_of(infinite))}: leave such rows out, or "
            "put numbers in their place."
        )
    values = iter(given.first_values)
    for column in given.others:
        if column.kind == "missing":
            yield f"Column {column.name!r} is missing in every row: leave it out."
        else:
            value = next(values, "")
            holds = f"holds {value}, no number" if value else "holds no numbers"
            yield f"Column {column.name!r} {holds}: leave it out, or make it one."


def notes_of_columns(
    given: GivenTable, columns: Sequence[ColumnDescription], sample: Array
) -> Iterator[str]:
    """Of each column, by its own values."""
    for j, column in enumerate(columns):
        notes = partial(_notes_of_column, f"Column {given.name(j)}", column, sample[:, j])
        yield from notes()


def _notes_of_column(name: str, column: ColumnDescription, values: Array) -> Iterator[str]:
    if column.kind == "constant":  # a fit's own findings name it
        return
    for value in column.sentinels:
        yield (
            f"{name} holds {value:g} in {int((values == value).sum()):,} rows, far from the others: "
            "where it stands for none, make it missing."
        )
    if len(values) > 2 and (np.diff(values) == 1).all():
        yield f"{name} numbers the rows: leave it out."
        return
    if column.kind in ("two values", "few values"):
        listed = ", ".join(f"{value:g}" for value in np.unique(values))
        yield (
            f"{name} has {column.n_distinct} values only ({listed}): a Gaussian component on one of them has "
            "no spread; leave it out, or fit the rows of each value apart."
        )
    elif _stands_out(column, values):
        yield (
            f"{name} is {column.most_frequent:g} in {column.share_of_most_frequent:.0%} of the rows: a "
            "component there is a point mass, whose likelihood has no bound; model such rows apart."
        )
    elif _is_coarse(column):
        yield (
            f"{name} is recorded in steps of {column.step:g}, where its spread is {column.spread:.3g}: "
            "components thinner than the step fit the rounding."
        )
    if column.n_far:
        farthest = values[np.argmax(np.abs(values - np.median(values)))]
        if column.sentinels:
            beside = values[~np.isin(values, column.sentinels)]
            farthest = beside[np.argmax(np.abs(beside - np.median(beside)))]
        yield (
            f"{name} has {_counted(column.n_far, 'value')} more than {FAR:g} times as far from the median as "
            f"half of the others, such as {farthest:g}: see whether they are right; where the tail is long, "
            "take logarithms."
        )


def _is_coarse(column: ColumnDescription) -> bool:
    """Whether values were rounded to few steps of the spread; counts are not rounded."""
    if column.kind == "counts" or not column.step or not column.spread:
        return False
    return column.spread < _COARSE * column.step


def _stands_out(column: ColumnDescription, values: Array) -> bool:
    """Whether one value has far more rows than any other: zeros of what is not always there."""
    share = column.share_of_most_frequent
    if share is None or share < _STANDS_OUT or column.most_frequent in column.sentinels:
        return False
    counts = np.sort(np.unique(values, return_counts=True)[1])
    return bool(counts[-1] >= _TIMES_THE_NEXT * counts[-2])


def notes_of_scales(given: GivenTable, columns: Sequence[ColumnDescription]) -> Iterator[str]:
    """Of spreads that differ by far."""
    spreads = {j: column.spread for j, column in enumerate(columns) if column.kind != "constant"}
    positive = {j: spread for j, spread in spreads.items() if spread}
    if not positive:
        return
    least, most = min(positive, key=positive.__getitem__), max(positive, key=positive.__getitem__)
    if positive[most] >= _SCALES * positive[least]:
        yield (
            f"Spreads range from {positive[least]:.3g} in column {given.name(least)} to {positive[most]:.3g} "
            f"in column {given.name(most)}: full, tied and diag covariances do not mind, but spherical ones "
            "see the widest column only; bring columns to one scale for those."
        )


def notes_of_rows(
    n_rows: int, n_distinct: int, columns: Sequence[ColumnDescription]
) -> Iterator[str]:
    """Of rows that repeat others."""
    n_repeated = n_rows - n_distinct
    # Of values that were recorded in few steps rows are equal by chance.
    if n_repeated and any(column.kind == "continuous" for column in columns):
        yield (
            f"{_counted(n_repeated, 'row')} of {n_rows:,} repeat{'s' if n_repeated == 1 else ''} others in "
            "every column: where they are copies by mistake, leave them out."
        )


def notes_of_parameters(n_parameters: dict[str, int], n_rows: int) -> Iterator[str]:
    """Of structures with as many parameters as there are rows."""
    many = [name for name, n in n_parameters.items() if too_many_parameters("", n, n_rows)]
    if many:
        yield too_many_parameters(
            f"One component with {many[0]} covariances", n_parameters[many[0]], n_rows
        )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
