"""What a table holds, before it is fitted: its columns, what between them a fit warns of, what to mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mixtura.covariance import STRUCTURES
from mixtura.display.page import Page, Shown, Table
from mixtura.em.regularisation import regularisation
from mixtura.estimators import validation as checks
from mixtura.fitting.diagnosis import recorded_rows, recording_of
from mixtura.fitting.findings import FAR, column_name, distances_from_median, first_of
from mixtura.fitting.warnings import doubts_about_rows, too_many_parameters
from mixtura.inputs.checks import as_numeric
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured, clearer
from mixtura.inputs.scales import check_extent
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.sources import Source
from mixtura.support.arrays import Array, FloatArray

# Values up to which a column has few.
_FEW = 10

# Share of the rows with one value, and how many times that of any other, from which it stands out.
_STANDS_OUT, _TIMES_THE_NEXT = 0.2, 3.0

# Steps in a standard deviation below which a column is coarse.
_COARSE = 3.0

# Ratio of the columns' spreads from which it is worth a word.
_SCALES = 1e6

# Numbers that stand for no number, where they lie at the end of a column's values.
_CODES = (-1.0, *(sign * (10.0**n - 1) for n in range(1, 7) for sign in (1, -1)))

# Values that an isolated group may have, and those that must be left beside it.
_MOST_CODES, _LEAST_VALUES = 3, 5

_STRUCTURES = ("full", "tied", "diag", "spherical")


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


@dataclass(frozen=True, repr=False)
class Description(Shown):
    """What a table holds, and what to mind before a fit; print it, or take `to_dict()` or `to_frame()`.

    Attributes
    ----------
    n_rows : int
        All rows.
    n_complete : int
        Rows that hold a finite number in every feature: those that can be fitted.
    n_looked_at : int
        Rows of these whose values were compared with each other: all, or a sample of 10,000.
    n_distinct : int
        Distinct ones among those looked at.
    n_features : int
    dtype : str
        What a fit computes with.
    columns : tuple of ColumnDescription
    n_parameters : dict of str to int
        Free parameters of one component, by covariance_type.
    findings : tuple of str
        What a fit warns of before it begins, word for word.
    notes : tuple of str
        What else to mind, a sentence each.
    """

    n_rows: int
    n_complete: int
    n_looked_at: int
    n_distinct: int
    n_features: int
    dtype: str
    columns: tuple[ColumnDescription, ...]
    n_parameters: dict[str, int]
    findings: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        table = Table((_HEADER, *map(_cells, self.columns)), "column", len(self.columns), _WORDS)
        points = (*self.findings, *self.notes)
        note = "To mind:" if points else "Nothing was found that a fit should mind."
        return Page("What the table holds", tuple(_facts(self)), table, note, points)

    def _columns(self) -> dict[str, Any]:
        each = [asdict(column) for column in self.columns]
        columns = {name: [one[name] for one in each] for name in each[0]}
        return columns | {"sentinels": [list(found) for found in columns["sentinels"]]}


def describe(X: Any, sample_weight: Any = None) -> Description:
    """Say what a table holds and what to mind before it is fitted; cells may be missing.

    The findings are those that a fit warns of; how values were recorded, and what is added to variances, is
    found as a fit finds it.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), data frame or source
        Columns of a data frame that hold no numbers are listed. A source that `mixtura.scan` returns may have
        missing cells, too; it is read once.
    sample_weight : array-like of shape (n_samples,), default=None
        Rows of weight 0 do not count.

    Returns
    -------
    Description
        Print it.

    Raises
    ------
    ValueError, TypeError
        If X is no table of numbers, or a weight is not possible.

    Examples
    --------
    >>> import numpy as np, pandas as pd, mixtura
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"mass": rng.normal(60, 9, 500), "age": rng.integers(18, 80, 500)})
    >>> frame.loc[::25, "age"] = 999
    >>> description = mixtura.describe(frame)
    >>> print(description.columns[1].kind, description.columns[1].sentinels)
    recorded in steps of 1 (999.0,)
    >>> print(description.notes[0])
    Column 1 ('age') holds 999 in 20 rows, far from the others: where it stands for none, make it missing.
    """
    given = _of_source(X) if checks.elsewhere(X) is not None else _of_table(X, sample_weight)
    if given.blocks is None or given.blocks.shape[0] < 2:
        return _without_rows(given)
    return _described(given, given.blocks)


@dataclass(frozen=True)
class _Given:
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
        return None if self.names is None else np.array(self.names, dtype=object)

    def name(self, j: int) -> str:
        return column_name(j, self.array_of_names)


def _of_source(X: Any) -> _Given:
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
    return _Given(
        blocks.shape[0] + n_dropped, source.feature_names, blocks, n_missing, [0] * len(n_missing)
    )


def _of_table(X: Any, sample_weight: Any) -> _Given:
    rows, names, others, values = _numbers(X)
    weight = checks.check_sample_weight(sample_weight, len(rows))
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
    return _Given(
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
            others.append(ColumnDescription(str(name), "no numbers", int(cells.is_null().sum())))
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


def _without_rows(given: _Given) -> Description:
    """Of a table of which fewer than two rows can be fitted."""
    n_features = len(given.n_missing)
    columns = [
        ColumnDescription(_plain_name(given, j), "not looked at", n, given.n_infinite[j])
        for j, n in enumerate(given.n_missing)
    ]
    n_complete = 0 if given.blocks is None else given.blocks.shape[0]
    notes = (
        *_notes_of_cells(given, n_complete),
        "Fewer than two rows hold a number in every column, so that there is nothing to fit: leave out the "
        "columns with most missing cells.",
    )
    return Description(
        given.n_rows,
        n_complete,
        0,
        0,
        n_features,
        "float64",
        (*columns, *given.others),
        _n_parameters(n_features),
        (),
        notes,
    )


def _plain_name(given: _Given, j: int) -> str:
    return str(j) if given.names is None else given.names[j]


def _described(given: _Given, blocks: Blocks) -> Description:
    names = given.array_of_names
    range_notes = []
    if not blocks.extent.suits(blocks.dtype):  # as a fit does
        try:
            check_extent(blocks.extent, names)
        except ValueError as error:
            range_notes.append(str(error))
        blocks = blocks.in_double()
    with np.errstate(all="ignore"):  # numbers whose squares overflow were named
        sample = recorded_rows(blocks).X
        columns = _columns(given, blocks, sample.astype(np.float64))
        findings = tuple(words for _, words in doubts_about_rows(blocks, names, True, 1))
    n_distinct = len(np.unique(sample, axis=0))
    n_parameters = _n_parameters(blocks.shape[1])
    notes = [
        *_notes_of_cells(given, blocks.shape[0]),
        *range_notes,
        *_notes_of_columns(given, columns, sample),
        *_notes_of_scales(given, columns),
        *_notes_of_rows(len(sample), n_distinct, columns),
        *_notes_of_parameters(n_parameters, blocks.n_present),
    ]
    return Description(
        given.n_rows,
        blocks.shape[0],
        len(sample),
        n_distinct,
        blocks.shape[1],
        str(blocks.dtype),
        (*columns, *given.others),
        n_parameters,
        findings,
        tuple(notes),
    )


def _n_parameters(n_features: int) -> dict[str, int]:
    return {name: STRUCTURES[name].n_parameters(1, n_features) for name in _STRUCTURES}


def _columns(given: _Given, blocks: Blocks, sample: FloatArray) -> list[ColumnDescription]:
    rounding = recording_of(blocks).rounding
    reg_covar = regularisation("auto", blocks)
    extent, means, spreads = blocks.extent, blocks.mean, np.sqrt(blocks.variances)
    distances = distances_from_median(sample)
    found = []
    for j, column in enumerate(sample.T):
        values, counts = np.unique(column, return_counts=True)
        step = float(f"{np.sqrt(12 * rounding[j]):.6g}") or None
        sentinels = _sentinels(values, counts)
        most = int(counts.argmax())
        found.append(
            ColumnDescription(
                name=_plain_name(given, j),
                kind=_kind(values, len(column), step, extent.least[j] == extent.most[j]),
                n_missing=int(given.n_missing[j]),
                n_infinite=int(given.n_infinite[j]),
                step=step,
                n_distinct=len(values),
                least=float(extent.least[j]),
                most=float(extent.most[j]),
                mean=float(means[j]),
                spread=float(spreads[j]),
                most_frequent=float(values[most]) if counts[most] > 1 else None,
                share_of_most_frequent=float(counts[most] / len(column))
                if counts[most] > 1
                else None,
                share_of_zeros=float(np.mean(column == 0)),
                sentinels=tuple(sentinels),
                n_far=int(np.sum((distances[:, j] > FAR) & ~np.isin(column, sentinels))),
                reg_covar=float(reg_covar[j]),
            )
        )
    return found


def _kind(values: FloatArray, n_rows: int, step: float | None, is_constant: bool) -> str:
    if is_constant:
        return "constant"
    if len(values) <= _FEW and 3 * len(values) <= n_rows:
        return "two values" if len(values) == 2 else "few values"
    if step is None:
        return "continuous"
    whole = np.array_equal(values, np.floor(values))
    if whole and step == 1 and values[0] in (0, 1):
        return "counts"
    return f"recorded in steps of {step:g}"


def _sentinels(values: FloatArray, counts: Array) -> list[float]:
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


# Sentences


def _notes_of_cells(given: _Given, n_complete: int) -> Iterator[str]:
    with_gaps = [f"{n:,} in column {given.name(j)}" for j, n in enumerate(given.n_missing) if n]
    infinite = [f"{n:,} in column {given.name(j)}" for j, n in enumerate(given.n_infinite) if n]
    if with_gaps:
        n_dropped = given.n_rows - n_complete
        yield (
            f"Cells are missing, {', '.join(first_of(with_gaps))}: {n_dropped:,} of "
            f"{given.n_rows:,} rows cannot be fitted; leave them out, as with drop_missing=True, or fill "
            "them in."
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


def _notes_of_columns(
    given: _Given, columns: Sequence[ColumnDescription], sample: Array
) -> Iterator[str]:
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


def _notes_of_scales(given: _Given, columns: Sequence[ColumnDescription]) -> Iterator[str]:
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


def _notes_of_rows(
    n_rows: int, n_distinct: int, columns: Sequence[ColumnDescription]
) -> Iterator[str]:
    n_repeated = n_rows - n_distinct
    # Of values that were recorded in few steps rows are equal by chance.
    if n_repeated and any(column.kind == "continuous" for column in columns):
        yield (
            f"{_counted(n_repeated, 'row')} of {n_rows:,} repeat{'s' if n_repeated == 1 else ''} others in "
            "every column: where they are copies by mistake, leave them out."
        )


def _notes_of_parameters(n_parameters: dict[str, int], n_rows: int) -> Iterator[str]:
    many = [name for name, n in n_parameters.items() if too_many_parameters("", n, n_rows)]
    if many:
        yield too_many_parameters(
            f"One component with {many[0]} covariances", n_parameters[many[0]], n_rows
        )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# As text

_HEADER = (
    "column",
    "kind",
    "missing",
    "least",
    "most",
    "mean",
    "spread",
    "most frequent",
    "reg_covar",
)

_WORDS = frozenset({"column", "kind"})


def _cells(column: ColumnDescription) -> tuple[str, ...]:
    frequent = ""
    if column.most_frequent is not None:
        frequent = f"{column.most_frequent:g} ({column.share_of_most_frequent:.1%})"
    numbers = (column.least, column.most, column.mean, column.spread)
    return (
        column.name,
        column.kind,
        f"{column.n_missing:,}" if column.n_missing else "",
        *("" if number is None else f"{number:.5g}" for number in numbers),
        frequent,
        "" if column.reg_covar is None else f"{column.reg_covar:.1e}",
    )


def _facts(description: Description) -> list[tuple[str, str]]:
    d = description
    columns = f"{len(d.columns):,} column{'' if len(d.columns) == 1 else 's'}"
    distinct = f"{d.n_distinct:,} of {d.n_looked_at:,}"
    if d.n_looked_at < d.n_complete:
        distinct += " looked at, a sample"
    features = f"{d.n_features} feature{'' if d.n_features == 1 else 's'}"
    each = [f"{name} {d.n_complete / n:.3g}" for name, n in d.n_parameters.items()]
    return [
        ("table", f"{d.n_rows:,} rows x {columns}"),
        ("to be fitted", f"{d.n_complete:,} rows x {features}, in {d.dtype}"),
        ("distinct rows", distinct),
        ("rows/parameter", f"{', '.join(each)} (of one component)"),
    ]
