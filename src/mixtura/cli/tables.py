"""Read a small file as rows of numbers, or say what in it is not a number, and where."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from mixtura.cli.errors import CommandError, in_our_words, reason, suggestion
from mixtura.errors import SourceError
from mixtura.inputs.labels import first_no_label
from mixtura.inputs.missing import has_missing
from mixtura.rows import Rows as RowValues
from mixtura.sources.arrow import ROW, holds_lists, holds_numbers, missing_in
from mixtura.sources.text import MISSING, NUMBER, Dialect, TextTable, is_text

# Files that are written.
EXTENSIONS = (".csv", ".parquet")


@dataclass(frozen=True)
class Rows:
    """Columns of a file as one matrix."""

    source: str
    names: tuple[str, ...]
    data: NDArray[np.float64]
    weight: NDArray[np.float64] | None = None
    label: NDArray[Any] | None = None
    error_std: NDArray[np.float64] | None = None
    columns: pa.Table | None = None  # all that the file holds
    has_row_names: bool = False
    numbers: NDArray[np.int64] | None = None  # of the rows in the file, where others are dropped
    dropped: Sequence[tuple[str, NDArray[np.int64]]] = ()

    @property
    def X(self) -> pa.Table:
        """The rows with their names, which an estimator learns from a data frame."""
        return pa.table({name: self.data[:, j] for j, name in enumerate(self.names)})

    def parts(self, keep: Sequence[str] = ()) -> Iterator[tuple[RowValues, dict[str, Any]]]:
        """All rows at once, with the columns of the file that `keep` names."""
        columns = self.columns
        kept = {} if columns is None else {name: columns[name].combine_chunks() for name in keep}
        if self.numbers is not None:
            kept[ROW] = pa.array(self.numbers + 1)  # as in messages
        variances = None if self.error_std is None else self.error_std**2
        rows = RowValues(self.data, self.weight, error=variances, missing=has_missing(self.data))
        yield rows, kept


@dataclass(frozen=True)
class Table:
    """A file as it was read, before its columns have to be numbers."""

    source: str
    columns: pa.Table
    names: list[str]
    text: TextTable | None = None  # what it was read from
    numbers: NDArray[np.int64] | None = None  # of the rows in the file, where others are dropped

    @property
    def has_row_names(self) -> bool:
        """Whether there was a column of the rows' names beside these."""
        return self.text is not None and self.text.has_row_names

    @property
    def guess(self) -> str:
        """What to add to a message about cells, or ''."""
        return "" if self.text is None else in_our_words(self.text.guess).rstrip(".")

    def place(self, name: str, row: int, what: str = "") -> str:
        """Where a value stands, with the line where that can be told."""
        number = row if self.numbers is None else int(self.numbers[row])
        where = self.source if self.text is None else self.text.where(number)
        return f"{where}: {what}column {name!r}, data row {number + 1},"

    def why_no_number(self, value: Any) -> str:
        """What a value is that is no number, and what helps, to be put after it; or ''."""
        return "" if self.text is None else in_our_words(self.text.why_no_number(value))

    @property
    def numeric(self) -> list[str]:
        """The names of the columns that hold numbers."""
        types = zip(self.names, self.columns.schema.types, strict=True)
        return [name for name, kind in types if holds_numbers(kind)]

    def rows(
        self,
        names: Sequence[str],
        weight: str | None = None,
        labels: Sequence[str] = (),
        errors: Sequence[str] = (),
        *,
        drop_missing: bool = False,
        missing: bool = False,
    ) -> Rows:
        """Return the columns `names` and the weights, finite numbers in each row, and the known labels."""
        read = [*names, *([] if weight is None else [weight]), *errors]
        self.check_names([*read, *labels])
        wanted = [*read, *labels] if len(labels) > 1 else read  # one of numbers may have gaps
        table = self._complete(wanted) if drop_missing else self
        data = np.empty((table.columns.num_rows, len(names)), order="F")
        with _reading(self.source):
            for j, name in enumerate(names):
                data[:, j] = _finite_numbers(table, name, missing=missing)
        weights = None if weight is None else table.weights(weight)
        known = table.known(labels) if labels else None
        std = table.errors(errors) if errors else None
        found = (data, weights, known, std, table.columns, self.has_row_names)
        rows = Rows(self.source, tuple(names), *found)
        if table.numbers is None:
            return rows
        dropped = np.setdiff1d(np.arange(self.columns.num_rows), table.numbers)
        return replace(
            rows,
            numbers=table.numbers,
            dropped=[(self.source, dropped)] if len(dropped) else (),
        )

    def _complete(self, names: Sequence[str]) -> Table:
        """The rows in which no cell of these columns is missing."""
        complete = np.ones(self.columns.num_rows, dtype=bool)
        for name in names:
            complete &= ~missing_in(self.columns[name].combine_chunks())
        if not complete.any():
            raise CommandError(
                f"{self.source}: every row has a missing cell; choose other columns with --columns"
            )
        columns = self.columns.filter(pa.array(complete))
        return replace(self, columns=columns, numbers=np.flatnonzero(complete))

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse names of columns that are not there, or there more than once."""
        missing = [name for name in names if name not in self.names]
        if len(missing) == 1:
            advice = suggestion(missing[0], self.names)
            raise CommandError(f"{self.source} has no column {missing[0]!r}.{advice}")
        if missing:
            raise CommandError(
                f"{self.source} has no columns {', '.join(map(repr, missing))}; "
                f"choose from {', '.join(self.names)}"
            )
        for name in names:
            if self.names.count(name) > 1:
                raise CommandError(
                    f"{self.source} has {self.names.count(name)} columns {name!r}; "
                    "give each a name of its own"
                )

    def feature_names(self, others: Collection[str | None] = ()) -> list[str]:
        """All columns but `others`, such as the weights, for a user who names none."""
        names = [name for name in self.names if name not in others]
        if not set(names) & set(self.numeric):
            first = (names or self.names)[0]
            value = self.columns[first][0].as_py()
            raise CommandError(
                f"{self.source} has no column of numbers: column {first!r} begins with "
                f"{_shown(value)}{self.why_no_number(value)}{self.guess}"
            )
        check_all_named(self.names, self.source, self.has_row_names)
        return names

    def weights(self, name: str) -> NDArray[np.float64]:
        weights = _finite_numbers(self, name, feature=False)
        if weights.min() < 0:
            row = int(np.argmax(weights < 0))
            raise CommandError(
                f"{self.place(name, row)} holds the weight {weights[row]:g}; weights are zero or more"
            )
        if not weights.any():
            raise CommandError(f"{self.source}: every weight in column {name!r} is zero")
        return weights

    def known(self, names: Sequence[str]) -> NDArray[Any]:
        """Labels in one column, or confidences in one a component."""
        if len(names) == 1:
            return self.labels(names[0])
        return np.stack([_finite_numbers(self, name, feature=False) for name in names], axis=1)

    def errors(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Standard deviations of the errors of each feature."""
        columns = [_finite_numbers(self, name, infinite=True, feature=False) for name in names]
        for name, column in zip(names, columns, strict=True):
            if column.min() < 0:
                row = int(np.argmax(column < 0))
                raise CommandError(
                    f"{self.place(name, row)} holds the error {column[row]:g}; errors are zero or more"
                )
        return np.stack(columns, axis=1)

    def labels(self, name: str) -> NDArray[np.int32]:
        """Numbers of components; -1 where a cell is missing."""
        column = self.columns[name].combine_chunks()
        known = ~missing_in(column)
        numbers = np.full(len(column), -1.0)
        if known.any():
            some = replace(self, columns=self.columns.filter(pa.array(known)))
            numbers[known] = _finite_numbers(some, name)
        row = first_no_label(numbers)
        if row is not None:
            raise CommandError(
                f"{self.place(name, row)} holds the label {numbers[row]:g}; labels are the numbers of "
                "components, from 0, and -1 or empty where none is known"
            )
        return numbers.astype(np.int32)


def read_table(source: str, dialect: Dialect) -> Table:
    """Read the file at `source`, or text from standard input where that is ``-``."""
    name = "standard input" if source == "-" else source
    with _reading(name):
        table = _read_text(source, name, dialect) if _is_text(source) else _read_parquet(source)
    if table.columns.num_rows == 0:
        raise CommandError(f"{name} has column names but no rows")
    return table


def _is_text(source: str) -> bool:
    return source == "-" or is_text(source)


def has_lists(path: Path, names: Sequence[str]) -> bool:
    """Whether a column of lists, of which only `mixtura.scan` makes features, is named, or its features."""
    if path.suffix.lower() != ".parquet" or path.stat().st_size == 0:
        return False
    with _reading(str(path)):
        schema = pyarrow.parquet.read_schema(path)
    lists = (field.name for field in schema if holds_lists(field.type))
    return any(name in names or f"{name}_0" in names for name in lists)


def check_extension(path: str) -> None:
    """Raise where a table would be written in a form that is not known."""
    if Path(path).suffix.lower() not in EXTENSIONS:
        raise CommandError(f"{path} must end in {' or '.join(EXTENSIONS)}")


@contextmanager
def _reading(source: str) -> Iterator[None]:
    try:
        yield
    except SourceError as error:
        raise CommandError(in_our_words(reason(error))) from error
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {source}: {reason(error)}") from error


def _check_there(source: str) -> Path:
    path = Path(source)
    if not path.exists():
        raise CommandError(f"there is no file {source}.{_neighbour(path)}")
    return path


def _neighbour(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], 1, 0.8)
    return f" Did you mean {near[0]!r}?" if near else ""


def _read_parquet(source: str) -> Table:
    path = _check_there(source)
    if path.stat().st_size == 0:
        raise CommandError(f"{source} is empty; it needs a line of column names, then the rows")
    with path.open("rb") as file:
        table = pyarrow.parquet.ParquetFile(file).read()
    # pandas stores an index without a name under such a name; it is no measurement.
    index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    columns = table.drop_columns(index)
    return Table(source, columns, list(columns.column_names))


def _read_text(source: str, name: str, dialect: Dialect) -> Table:
    if source == "-":
        given = sys.stdin.buffer.read()
        text = TextTable(name, lambda: closing(pa.BufferReader(given)), dialect)
    else:
        path = _check_there(source)
        text = TextTable(name, lambda: pa.OSFile(str(path)), dialect)
    columns = text.table()
    return Table(name, columns, list(columns.column_names), text)


def between_commas(names: Sequence[str]) -> str:
    """As a shell takes them for --columns, so that they can be pasted."""
    return shlex.quote(",".join(f'"{name}"' if "," in name else name for name in names))


def check_all_named(names: Sequence[str], source: str, has_row_names: bool) -> None:
    """Refuse a column without a name that is not the first one, of rows' names."""
    if "" in names:
        raise CommandError(
            f"{source}: column {list(names).index('') + 1 + has_row_names} has no name; "
            "name it, or choose the others with --columns"
        )


def _finite_numbers(
    table: Table, name: str, *, missing: bool = False, infinite: bool = False, feature: bool = True
) -> NDArray[np.float64]:
    """A column of numbers; missing, infinite: whether cells may be; feature: whether it is one."""
    column = table.columns[name]
    if not holds_numbers(column.type):
        raise CommandError(_text_found(table, name))
    numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    fits = np.isfinite(numbers) | (np.isnan(numbers) if missing else False)
    if infinite:
        fits |= np.isinf(numbers)
    if not fits.all():
        row = int(np.argmin(fits))
        what = "is infinite" if np.isinf(numbers[row]) else "is missing"
        drop = ""
        if np.isnan(numbers[row]):
            observed = "fit what is observed with --missing mar, " if feature else ""
            drop = f"leave such rows out with --drop-missing, {observed}"
        raise CommandError(
            f"{table.place(name, row, 'the value in ')} {what}; {drop}fill or remove such rows first, or "
            "choose other columns with --columns"
        )
    return numbers


def _text_found(table: Table, name: str) -> str:
    if holds_lists(table.columns[name].type):
        return (
            f"{table.source}: column {name!r} holds lists, whose values are features only where it is named; "
            f"choose columns with --columns, such as --columns {name}"
        )
    row = _first_text(table.columns[name])
    value = table.columns[name][row].as_py()
    advice = f"the columns of numbers with --columns {between_commas(table.numeric)}"
    what = ", a date" if isinstance(value, date) else table.why_no_number(value)
    return (
        f"{table.place(name, row)} holds {_shown(value)}, not a number{what}; "
        f"correct it, or choose {advice if table.numeric else 'another file'}{table.guess}"
    )


def _shown(value: Any) -> str:
    return textwrap.shorten(repr(value) if isinstance(value, str) else str(value), 40)


def _first_text(column: pa.ChunkedArray) -> int:
    """Find the row that makes a column text: not a number, nor one of CSV's empty values."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return 0
    harmless = pc.or_(
        pc.match_substring_regex(column, NUMBER),
        pc.is_in(column, pa.array(MISSING)),
    )
    return max(int(pc.index(harmless, False).as_py()), 0)
