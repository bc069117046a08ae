"""Read a small CSV or Parquet file as rows of numbers, or say what in it is not a number, and where."""

from __future__ import annotations

import io
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from mixtura.cli._errors import CommandError, reason, suggestion
from mixtura.sources._arrow import holds_lists, holds_numbers

EXTENSIONS = (".csv", ".parquet")
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


@dataclass(frozen=True)
class Rows:
    """Columns of a file as one matrix."""

    source: str
    names: tuple[str, ...]
    data: NDArray[np.float64]
    weight: NDArray[np.float64] | None = None
    columns: pa.Table | None = None  # all that the file holds

    @property
    def X(self) -> pa.Table:
        """The rows with their names, which an estimator learns from a data frame."""
        return pa.table({name: self.data[:, j] for j, name in enumerate(self.names)})

    def parts(
        self, keep: Sequence[str] = ()
    ) -> Iterator[tuple[NDArray[np.float64], dict[str, Any]]]:
        """All rows at once, with the columns of the file that `keep` names."""
        columns = self.columns
        yield (
            self.data,
            {name: columns[name].combine_chunks() for name in keep} if columns is not None else {},
        )


@dataclass(frozen=True)
class Table:
    """A file as it was read, before its columns have to be numbers."""

    source: str
    columns: pa.Table
    names: list[str]

    @property
    def numeric(self) -> list[str]:
        """The names of the columns that hold numbers."""
        types = zip(self.names, self.columns.schema.types, strict=True)
        return [name for name, kind in types if holds_numbers(kind)]

    def rows(self, names: Sequence[str], weight: NDArray[np.float64] | None = None) -> Rows:
        """Return the columns `names`, each of which must hold a finite number in every row."""
        self.check_names(names)
        data = np.empty((self.columns.num_rows, len(names)), order="F")
        with _reading(self.source):
            for j, name in enumerate(names):
                data[:, j] = _finite_numbers(self, name)
        return Rows(self.source, tuple(names), data, weight, self.columns)

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

    def feature_names(self, weight: str | None) -> list[str]:
        """All columns but the weights, for a user who names none."""
        names = [name for name in self.names if name != weight]
        if not set(names) & set(self.numeric):
            first = (names or self.names)[0]
            value = str(self.columns[first][0].as_py())
            raise CommandError(
                f"{self.source} has no column of numbers: column {first!r} begins with "
                f"{textwrap.shorten(value, 40)!r}{_decimal_commas(value)}"
            )
        check_all_named(self.names, self.source)
        return names

    def weights(self, name: str) -> NDArray[np.float64]:
        weights = self.rows([name]).data[:, 0]
        if weights.min() < 0:
            row = int(np.argmax(weights < 0))
            raise CommandError(
                f"{self.source}: the weight {weights[row]:g} in {_place(name, row)} is negative; "
                "weights are zero or more"
            )
        if not weights.any():
            raise CommandError(f"{self.source}: every weight in column {name!r} is zero")
        return weights


def read_table(source: str) -> Table:
    """Read the file at `source`, or CSV from standard input where that is ``-``."""
    name = "standard input" if source == "-" else source
    with _reading(name):
        columns = _read_standard_input(name) if source == "-" else _read_file(source)
        table = Table(name, columns, list(columns.column_names))
    if columns.num_rows == 0:
        raise CommandError(f"{name} has column names but no rows")
    return table


def has_lists(path: Path, names: Sequence[str]) -> bool:
    """Whether a column of lists, of which only `mixtura.scan` makes features, is named, or its features."""
    if path.suffix.lower() != ".parquet" or path.stat().st_size == 0:
        return False
    with _reading(str(path)):
        schema = pyarrow.parquet.read_schema(path)
    lists = (field.name for field in schema if holds_lists(field.type))
    return any(name in names or f"{name}_0" in names for name in lists)


def check_extension(path: str) -> None:
    if Path(path).suffix.lower() not in EXTENSIONS:
        raise CommandError(f"{path} must end in {' or '.join(EXTENSIONS)}")


@contextmanager
def _reading(source: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {source}: {reason(error)}") from error


def _read_standard_input(name: str) -> pa.Table:
    return _read_csv(io.BytesIO(sys.stdin.buffer.read()), name)


def _read_file(source: str) -> pa.Table:
    path = Path(source)
    if not path.exists():
        raise CommandError(f"there is no file {source}.{_neighbour(path)}")
    with path.open("rb") as file:
        read = _read_csv if path.suffix.lower() == ".csv" else _read_parquet
        return read(file, source)


def _neighbour(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], 1, 0.8)
    return f" Did you mean {near[0]!r}?" if near else ""


def _read_parquet(file: BinaryIO, source: str) -> pa.Table:
    _check_not_empty(file, source)
    table = pyarrow.parquet.ParquetFile(file).read()
    # pandas stores an index without a name under such a name; it is no measurement.
    index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    return table.drop_columns(index)


def _read_csv(file: BinaryIO, source: str) -> pa.Table:
    _check_not_empty(file, source)
    header = _first_line(file, source)
    delimiter = max(",;\t", key=header.count)
    check_header([cell.strip(' "') for cell in header.split(delimiter)], source)
    return pyarrow.csv.read_csv(
        file,
        # One thread: only then does an error tell the number of the line.
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )


def _check_not_empty(file: BinaryIO, source: str) -> None:
    if not file.read(1):
        raise CommandError(f"{source} is empty; it needs a line of column names, then the rows")
    file.seek(0)


def _first_line(file: BinaryIO, source: str) -> str:
    line = file.readline()
    file.seek(0)
    try:
        return line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise CommandError(f"{source} is not text in UTF-8; save it as CSV in UTF-8") from error


def check_all_named(names: Sequence[str], source: str) -> None:
    """Refuse a column without a name: an index that was written beside the measurements."""
    if "" in names:
        raise CommandError(
            f"{source}: column {names.index('') + 1} has no name; "
            "name it, or choose the others with --columns"
        )


def check_header(cells: list[str], source: str) -> None:
    """Refuse numbers where the names of the columns should stand."""
    # A file without a header would lose its first row unseen. "0,1,2" is how pandas names columns.
    if cells == [str(j) for j in range(len(cells))]:
        return
    if all(re.match(NUMBER, cell) for cell in cells):
        raise CommandError(
            f"{source}: the first line holds numbers ({', '.join(cells[:3])}), not column names; "
            "put a line of names above it"
        )


def _finite_numbers(table: Table, name: str) -> NDArray[np.float64]:
    column = table.columns[name]
    if not holds_numbers(column.type):
        raise CommandError(_text_found(table, name))
    numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        what = "is infinite" if np.isinf(numbers[row]) else "is missing"
        raise CommandError(
            f"{table.source}: the value in {_place(name, row)} {what}; "
            "fill or remove such rows first, or choose other columns with --columns"
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
    text = repr(value) if isinstance(value, str) else str(value)
    advice = f"the columns of numbers with --columns {','.join(table.numeric)}"
    commas = _decimal_commas(value)
    return (
        f"{table.source}: {_place(name, row)} holds {textwrap.shorten(text, 40)}, not a number{commas}; "
        f"correct it, or choose {advice if table.numeric else 'another file'}"
    )


def _decimal_commas(value: Any) -> str:
    """Return what to do where a number has a comma for its point, or nothing."""
    is_one = (
        isinstance(value, str) and "," in value and re.match(NUMBER, value.replace(",", ".", 1))
    )
    return ", a decimal comma: write points" if is_one else ""


def _first_text(column: pa.ChunkedArray) -> int:
    """Find the row that makes a column text: not a number, nor one of CSV's empty values."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return 0
    harmless = pc.or_(
        pc.match_substring_regex(column, NUMBER),
        pc.is_in(column, pa.array(pyarrow.csv.ConvertOptions().null_values)),
    )
    return max(int(pc.index(harmless, False).as_py()), 0)


def _place(name: str, row: int) -> str:
    return f"column {name!r}, data row {row + 1},"
