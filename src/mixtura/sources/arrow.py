"""Columns of Parquet, Arrow and text files through pyarrow, a record batch at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from pyarrow import fs

from mixtura.errors import SourceError
from mixtura.inputs.labels import first_no_label, first_not_credible, logs_of
from mixtura.rows import Rows
from mixtura.sources.source import Piece, Source, rows_of_a_part
from mixtura.sources.text import COMPRESSED, Dialect, TextTable, extension
from mixtura.sources.text import EXTENSIONS as OF_TEXT
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached
from mixtura.support.names import listed, nearest
from mixtura.support.prefetch import Prefetched

EXTENSIONS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    **dict.fromkeys((*OF_TEXT, *(end + COMPRESSED for end in OF_TEXT)), "csv"),
}

# Beside files of other formats these are no data, but words about them.
_OFTEN_WORDS = (".txt", ".txt.gz")

# Bytes read at once of a column's pages: what reading holds beside its pieces.
_BUFFER = 1 << 18

# Errors of pyarrow's that say that a file cannot be read.
_FAULTS = (OSError, pa.ArrowException, UnicodeDecodeError)

_INDEX = re.compile(r"__index_level_\d+__")  # where pandas keeps an index without a name


#: Column of the numbers that rows had, where others are dropped.
ROW = "row"

# What to do about a missing value, and about one of a feature.
_OF_MISSING = "remove such rows, as with drop_missing=True, or fill them in"
_OF_FEATURE = "remove such rows, as with drop_missing=True, fill them in, or fit with missing='mar'"


def holds_lists(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists of numbers, such as embeddings."""
    types = pa.types
    checks = (types.is_fixed_size_list, types.is_list, types.is_large_list)
    return any(check(kind) for check in checks) and holds_numbers(kind.value_type)


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether a column of this type counts as one of numbers; one without any value does."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    checks = (
        types.is_integer,
        types.is_floating,
        types.is_decimal,
        types.is_boolean,
        types.is_null,
    )
    return any(check(kind) for check in checks)


class Beside(NamedTuple):
    """The columns of what rows bring beside their features, where they do."""

    weight: str | None = None
    label: str | None = None
    credible: tuple[str, ...] = ()
    error_std: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        numbers = (self.weight, self.label)
        given = (name for name in numbers if name is not None)
        return (*given, *self.credible, *self.error_std)


def arrow_source(
    paths: Sequence[str],
    columns: Sequence[str] | None,
    beside: Beside,
    format: str | None,  # noqa: A002
    filesystem: fs.FileSystem | None,
    max_memory: int | str | None,
    dialect: Dialect,
    drop_missing: bool,
) -> Source:
    """Find the files, and the columns in the first of them."""
    if format not in (None, "parquet", "arrow", "csv"):
        raise ValueError(
            f"format must be 'parquet', 'arrow' or 'csv', got {format!r}."
            f"{nearest(str(format), ['parquet', 'arrow', 'csv'])}"
        )
    files = [file for path in paths for file in _files(path, format, filesystem, dialect)]
    return _Files(", ".join(paths), files, columns, beside, max_memory, drop_missing)


@dataclass(frozen=True)
class _File:
    path: str
    filesystem: fs.FileSystem
    format: str
    keys: dict[str, float | str]
    dialect: Dialect

    @contextmanager
    def opened(self) -> Iterator[pa.NativeFile]:
        with self.reading(), self.filesystem.open_input_file(self.path) as file:
            yield file

    @property
    def text(self) -> TextTable:
        """The table of text that it holds."""
        return TextTable(self.path, self.opened, self.dialect)

    def where(self, row: int) -> str:
        """Its name; of text with the line that a row begins in, where that can be told."""
        return self.text.where(row) if self.format == "csv" else self.path

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What goes wrong within is an error that names the file."""
        try:
            yield
        except _FAULTS as error:
            raise SourceError(f"cannot read {self.path}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


# Which files


def _files(
    path: str,
    format: str | None,  # noqa: A002
    filesystem: fs.FileSystem | None,
    dialect: Dialect,
) -> list[_File]:
    try:
        where, inside = _located(path, filesystem)
        found, base = _listed(where, inside)
    except _FAULTS as error:
        raise SourceError(f"cannot read {path}: {_reason(error)}") from error
    if not found:
        is_folder = filesystem is None and Path(path).is_dir()
        raise SourceError(
            f"there is no file in the folder {path}." if is_folder else f"there is no file {path}."
        )
    chosen = [name for name in found if _format(name, format) is not None]
    if not chosen:
        raise SourceError(
            f"{path} has no file of rows: they end in {', '.join(EXTENSIONS)}; for other names give format=."
        )
    formats = {_format(name, format) for name in chosen}
    if len(formats) > 1:
        chosen = [name for name in chosen if extension(name) not in _OFTEN_WORDS]
        formats = {_format(name, format) for name in chosen}
    if len(formats) > 1:
        raise SourceError(
            f"{path} has files of several formats: name those of one, as with '*.parquet', or give format=."
        )
    return [
        _File(name, where, str(_format(name, format)), _keys(name, base), dialect)
        for name in sorted(chosen)
    ]


def _located(path: str, filesystem: fs.FileSystem | None) -> tuple[fs.FileSystem, str]:
    if filesystem is not None:
        return filesystem, path
    if "://" in path:
        place: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(path)
        return place
    return fs.LocalFileSystem(), str(Path(path).expanduser())


def _listed(filesystem: fs.FileSystem, path: str) -> tuple[list[str], str]:
    """Files that a path names, and the folder from which on other folders may be keys."""
    if any(sign in path for sign in "*?["):
        parts = path.split("/")
        n_plain = next(i for i, part in enumerate(parts) if any(sign in part for sign in "*?["))
        base = "/".join(parts[:n_plain]) or ("/" if path.startswith("/") else ".")
        files = _below(filesystem, base)
        pattern = [part for part in parts[n_plain:] if part]
        return [file for file in files if _matches(_relative(file, base).split("/"), pattern)], base
    info = filesystem.get_file_info(path)
    if info.type == fs.FileType.Directory:
        return _below(filesystem, path), path
    return ([path], path) if info.type == fs.FileType.File else ([], path)


def _below(filesystem: fs.FileSystem, folder: str) -> list[str]:
    selector = fs.FileSelector(folder, recursive=True, allow_not_found=True)
    files = (info.path for info in filesystem.get_file_info(selector) if info.is_file)
    return [file for file in files if not _is_hidden(_relative(file, folder))]


def _is_hidden(relative: str) -> bool:
    # A key's name may begin with '_'; a file's or another folder's says that it is no data.
    return any(part[0] in "._" and "=" not in part for part in relative.split("/") if part)


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path, or a folder above it, fits a pattern; '**' stands for any folders, none included."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(parts[i:], pattern[1:] or ["*"]) for i in range(len(parts)))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _relative(file: str, base: str) -> str:
    start = base.rstrip("/") + "/"
    return file[len(start) :] if file.startswith(start) else file


def _format(name: str, asked: str | None) -> str | None:
    return asked or EXTENSIONS.get(extension(name))


def _keys(file: str, base: str) -> dict[str, Any]:
    """Keys of the hive partition that a file lies in, numbers as numbers."""
    folders = _relative(file, base).split("/")[:-1]
    pairs = (unquote(folder).partition("=") for folder in folders if "=" in folder)
    return {name: _number(value) for name, _, value in pairs}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# What reads them


class _Files(Source):
    # Files keep columns together: so do the parts, which the core reads as fast and to the same bits.
    _order: Literal["C", "F"] = "F"

    feature_names: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        files: list[_File],
        columns: Sequence[str] | None,
        beside: Beside,
        max_memory: int | str | None,
        drop_missing: bool,
    ) -> None:
        super().__init__(max_memory)
        self._name, self._files, self._beside = name, files, beside
        self._weight, self._label, self._credible, self._error_std = weight, label, *_ = beside
        self._drops = drop_missing
        # Of each file that was read to its end: which rows were dropped, and how many it holds.
        self._dropped: dict[str, tuple[Array, int]] = {}
        self._missing: dict[str, dict[str, int]] = {}
        first = files[0]
        schema = _schema(first)
        # All columns of numbers are read, so that one that a later file has beside them is missed.
        self._takes_all = columns is None
        if columns is None:
            columns = _all_columns(first, schema, beside)
        self.columns = _with_lists(columns, files, schema)
        self._wanted = [*self.columns, *beside.names]
        self._types = {one: _type(first, schema, one) for one in self._wanted}
        if weight is not None and holds_lists(self._types[weight]):
            raise SourceError(
                f"{first.path} holds lists in column {weight!r}: a weight is a number."
            )
        if label is not None and holds_lists(self._types[label]):
            raise SourceError(
                f"{first.path} holds lists in column {label!r}: a label is the number of a component."
            )
        for name in beside.credible:
            if holds_lists(self._types[name]):
                raise SourceError(
                    f"{first.path} holds lists in column {name!r}: a confidence is a number."
                )
        for name in beside.error_std:
            if holds_lists(self._types[name]):
                raise SourceError(
                    f"{first.path} holds lists in column {name!r}: an error is a number."
                )
        self._widths = {
            one: _width(files, one, kind) for one, kind in self._types.items() if holds_lists(kind)
        }
        if self._widths:
            self._order = "C"  # a list keeps the features of its row together
        self.feature_names = tuple(name for one in self.columns for name in self._names_of(one))
        self._check_number_of_errors()
        for name in self.feature_names:
            if self._widths and self.feature_names.count(name) > 1:
                raise SourceError(f"columns= gives two features {name!r}: leave one out.")
        self._n_rows: dict[str, int] = {}

    def _check_number_of_errors(self) -> None:
        n, d = len(self._error_std), len(self.feature_names)
        if n not in (0, d):
            raise SourceError(
                f"error_std names {n} columns for the {d} features of {self} ({listed(self.feature_names)}): "
                "name one for each, in their order."
            )

    def _names_of(self, column: str) -> list[str]:
        """Features that a column gives: one, or a list's."""
        width = self._widths.get(column)
        return [column] if width is None else [f"{column}_{j}" for j in range(width)]

    def taking(self, features: Sequence[str]) -> Source:
        if not self._takes_all or self.feature_names == tuple(features):
            return self
        same = _Files(
            self._name, self._files, features, self._beside, self._max_memory, self._drops
        )
        same.on_rows = self.on_rows
        return same

    def dropping(self) -> Source:
        if self._drops:
            return self
        columns = None if self._takes_all else self.columns
        return _Files(self._name, self._files, columns, self._beside, self._max_memory, True)

    def __repr__(self) -> str:
        return f"scan({self._name!r})"

    def __str__(self) -> str:
        return self._name

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, in the order in which they are read."""
        return tuple(file.path for file in self._files)

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns of the first file, of numbers or not; faces ask which ones a fit leaves out."""
        names = _schema(self._files[0]).names
        return tuple(name for name in names if not _INDEX.fullmatch(name))

    @property
    def has_row_names(self) -> bool:
        """Whether the first file's first column is the rows' names, which are no feature."""
        first = self._files[0]
        return first.format == "csv" and first.text.has_row_names

    @property
    def n_features(self) -> int:
        return len(self.feature_names)

    @cached
    def dtype(self) -> np.dtype[Any]:
        """float32 where every column of features is that or narrower."""
        narrow = all(_is_narrow(self._types[name]) for name in self.columns)
        return np.dtype(np.float32 if narrow else np.float64)

    @property
    def is_weighted(self) -> bool:
        return self._weight is not None

    @property
    def is_labelled(self) -> bool:
        return self._label is not None

    @property
    def beside(self) -> dict[str, tuple[int, ...]]:
        credible = {"log_credible": (len(self._credible),)} if self._credible else {}
        errors = {"error": (len(self._error_std),)} if self._error_std else {}
        return super().beside | credible | errors

    def pieces(self, first_row: int) -> Iterator[Piece]:
        to_skip = first_row
        for file in self._files:
            known = self._n_rows.get(file.path)
            if known is not None and known <= to_skip:
                to_skip -= known
                continue
            n_rows = 0
            for piece in self._pieces_of(file, to_skip):
                n_rows = piece.first_row + piece.n_rows
                yield piece
            # Files are read whole or from further on; both end at their end.
            self._n_rows[file.path] = n_rows
            to_skip = 0

    def _pieces_of(self, file: _File, to_skip: int) -> Iterator[_Columns]:
        """The rows of a file from one on; where rows are dropped, counted without those."""
        if not self._drops:
            for start, batch in self._batches(file, to_skip):
                yield self._piece(file, start, batch)
            return
        n_before = 0
        for numbers, batch in self._whole(file):
            skipped = max(0, min(batch.num_rows, to_skip - n_before))
            n_before += batch.num_rows
            if skipped < batch.num_rows:
                first = n_before - batch.num_rows + skipped
                yield self._piece(file, first, batch.slice(skipped), numbers[skipped:])

    def _whole(
        self, file: _File, keep: Sequence[str] = ()
    ) -> Iterator[tuple[Array, pa.RecordBatch]]:
        """Rows of a file in which no cell that is read is missing, and their numbers in it."""
        dropped, n_rows = [np.empty(0, dtype=np.int64)], 0
        n_missing = dict.fromkeys(self._wanted, 0)
        for start, batch in self._batches(file, 0, keep):
            n_rows += batch.num_rows
            complete = np.ones(batch.num_rows, dtype=bool)
            for name in set(self._wanted) - {*file.keys, self._label}:
                missing = missing_in(batch.column(batch.schema.get_field_index(name)))
                n_missing[name] += int(missing.sum())
                complete &= ~missing
            dropped.append(start + np.flatnonzero(~complete))
            yield start + np.flatnonzero(complete), batch.filter(pa.array(complete))
        self._dropped[file.path] = np.concatenate(dropped), n_rows
        self._missing[file.path] = n_missing

    def dropped(self) -> list[tuple[str, Array]]:
        """The files read so far in which rows were dropped, and the numbers of these, from 0."""
        read = [file.path for file in self._files if file.path in self._dropped]
        return [(path, self._dropped[path][0]) for path in read if len(self._dropped[path][0])]

    def n_missing(self) -> dict[str, int]:
        """Missing cells of each column in the files read so far, where their rows are dropped."""
        each = self._missing.values()
        return {name: sum(of[name] for of in each) for name in self._wanted}

    def tables(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        if not keep and not self._drops:
            return super().tables(keep)
        if self._drops and ROW in keep:
            raise ValueError(
                f"keep names {ROW!r}, which is where drop_missing puts the numbers of the rows: rename it."
            )
        schema = _schema(self._files[0])
        for name in keep:
            if name not in schema.names and name not in self._files[0].keys:
                raise ValueError(
                    f"{self} has no column {name!r} to keep.{nearest(name, schema.names)}"
                )
        return self._tables(keep)

    def _tables(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        n_done = 0
        with Prefetched(self._decoded(keep)) as tables:
            for rows, kept in tables:
                yield rows, kept
                n_done += len(rows)
                self._tell(n_done)

    def _decoded(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        n_before = 0  # rows of the files before, with those that are dropped
        for file in self._files:
            for start, numbers, batch in self._numbered(file, keep):
                piece = self._piece(file, start, batch, numbers)
                kept = {name: _kept(file, name, batch) for name in keep}
                if numbers is not None:
                    kept[ROW] = pa.array(n_before + numbers)
                if batch.num_rows:
                    yield self.rows_of(piece), kept
            n_before += self._dropped[file.path][1] if self._drops else 0

    def _numbered(
        self, file: _File, keep: Sequence[str]
    ) -> Iterator[tuple[int, Array | None, pa.RecordBatch]]:
        if self._drops:
            return ((0, *numbered) for numbered in self._whole(file, keep))
        return ((start, None, batch) for start, batch in self._batches(file, 0, keep))

    def _batches(
        self, file: _File, to_skip: int, keep: Sequence[str] = ()
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches of a file with the row in it that each begins at, from row `to_skip` on."""
        numbers = [name for name in self._wanted if name not in file.keys]
        beside = [name for name in keep if name not in (*numbers, *file.keys)]
        read = _READERS[file.format]
        # Of few rows at a time pyarrow takes up to twice as long; of more they would not fit in a part.
        size = rows_of_a_part(self.n_features + len(beside))
        for start, batch in read(file, numbers, beside, to_skip, size, self._check_schema):
            skipped = max(0, min(batch.num_rows, to_skip - start))
            yield start + skipped, batch.slice(skipped)

    def _check_schema(self, file: _File, schema: pa.Schema) -> None:
        first = self._files[0].path
        for name in self._wanted:
            if name not in file.keys and schema.get_field_index(name) < 0:
                raise SourceError(
                    f"{file.path} has no column {name!r}, which {first} has: every file must hold the "
                    f"columns that are read.{nearest(name, schema.names)}"
                )
            kind = _type(file, schema, name)
            if holds_lists(kind) != (name in self._widths):
                raise SourceError(
                    f"{file.path} holds {kind} in column {name!r}, where {first} holds {self._types[name]}: "
                    "give all files lists, or none."
                )
            narrow = name not in self._beside.names and self.dtype == np.float32
            if narrow and not _is_narrow(kind):
                raise SourceError(
                    f"{file.path} holds {kind} in column {name!r}, where {first} holds {self._types[name]}: "
                    "give all files the same type."
                )
        if not self._takes_all:
            return
        for field in schema:
            known = field.name in self._wanted or _INDEX.fullmatch(field.name)
            if holds_numbers(field.type) and not known:
                raise SourceError(
                    f"{file.path} has a column of numbers {field.name!r}, which {first} has not: name those "
                    "to be read with columns=."
                )

    def _piece(
        self, file: _File, first: int, batch: pa.RecordBatch, numbers: Array | None = None
    ) -> _Columns:
        """Rows as numbers; `numbers` are their places in the file where rows are dropped."""
        rows = _Rows(file, first, numbers, self.allows_missing)
        columns = [
            _numbers(rows, name, batch, np.dtype(self.dtype), self._widths.get(name))
            for name in self.columns
        ]
        weight = None
        if self._weight is not None:
            whole = replace(rows, missing=False, of_features=False)
            weight = _numbers(whole, self._weight, batch, np.dtype(np.float64))
            weight = np.asarray(weight, dtype=np.float64)
        label = None if self._label is None else _labels(rows, self._label, batch)
        credible = _log_credible(rows, self._credible, batch) if self._credible else None
        error = _variances(rows, self._error_std, batch) if self._error_std else None
        return _Columns(
            rows, self.feature_names, self._weight, columns, weight, label, credible, error
        )


@dataclass(frozen=True)
class _Rows:
    """Which rows of a file some are."""

    file: _File
    first: int  # of those that are not dropped
    numbers: Array | None  # where rows are dropped
    missing: bool = False  # whether features may be
    of_features: bool = True  # or of what rows bring beside them

    def place(self, name: str, row: int) -> str:
        number = self.first + row if self.numbers is None else int(self.numbers[row])
        return f"{self.file.where(number)}: the value of column {name!r} in row {number}"


@dataclass(frozen=True)
class _Columns:
    rows: _Rows
    names: tuple[str, ...]
    weight_name: str | None
    columns: list[Array]  # of shape (n_rows,), or (n_rows, width) where it holds lists
    weight: FloatArray | None
    label: Array | None
    log_credible: FloatArray | None
    error: FloatArray | None

    @property
    def first_row(self) -> int:
        return self.rows.first

    @property
    def n_rows(self) -> int:
        return len(self.columns[0])

    def write(self, out: Rows, first: int) -> None:
        some, j = slice(first, first + len(out)), 0
        for column in self.columns:
            width = 1 if column.ndim == 1 else column.shape[1]
            out.X[:, j : j + width] = column[some].reshape(-1, width)
            j += width
        if out.weight is not None and self.weight is not None:
            out.weight[:] = self.weight[some]
        if out.label is not None and self.label is not None:
            out.label[:] = self.label[some]
        if out.log_credible is not None and self.log_credible is not None:
            out.log_credible[:] = self.log_credible[some]
        if out.error is not None and self.error is not None:
            out.error[:] = self.error[some]

    def place(self, row: int, column: int | None) -> str:
        name = self.weight_name if column is None else self.names[column]
        return self.rows.place(str(name), row)


def missing_in(column: pa.Array) -> Array:
    """Whether each value is missing: null or NaN, or a list that holds such."""
    missing: Array = np.array(column.is_null())
    if pa.types.is_floating(column.type):
        missing |= np.array(pc.is_nan(column).fill_null(True))
    elif holds_lists(column.type):
        values = column.flatten()
        of_rows = np.repeat(np.arange(len(column)), np.where(missing, 0, _lengths(column)))
        if len(of_rows) == len(values):
            missing[of_rows[missing_in(values)]] = True
    return missing


def _numbers(
    rows: _Rows,
    name: str,
    batch: pa.RecordBatch,
    dtype: np.dtype[Any],
    width: int | None = None,
) -> Array:
    """Return a column as an array of some type of numbers; lists as `width` of them a row."""
    file = rows.file
    if name in file.keys:
        return np.full(batch.num_rows, file.keys[name], dtype=dtype)
    column = batch.column(batch.schema.get_field_index(name))
    if column.null_count and (width is not None or not rows.missing):
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        advice = _OF_FEATURE if rows.of_features else _OF_MISSING
        raise SourceError(f"{rows.place(name, row)} is missing: {advice}.")
    if width is not None:
        return _lists(rows, name, column, width)
    with file.reading():
        return _as_numpy(column)


def _labels(rows: _Rows, name: str, batch: pa.RecordBatch) -> Array:
    """Numbers of components; -1 where a cell is missing."""
    column: Any = rows.file.keys.get(name)
    if column is None:
        found = batch.column(batch.schema.get_field_index(name))
        with rows.file.reading():
            column = _as_numpy(found.fill_null(-1) if found.null_count else found)
    numbers = np.broadcast_to(np.asarray(column, dtype=np.float64), batch.num_rows)
    numbers = np.where(np.isnan(numbers), -1.0, numbers)
    row = first_no_label(numbers)
    if row is not None:
        raise SourceError(
            f"{rows.place(name, row)} is {numbers[row]:g}: a label is the number of a component, or -1 or "
            "empty where none is known."
        )
    return numbers.astype(np.int32)


def _log_credible(rows: _Rows, names: Sequence[str], batch: pa.RecordBatch) -> FloatArray:
    """The logs of how credible each component is."""
    whole = replace(rows, missing=False, of_features=False)
    columns = [_numbers(whole, name, batch, np.dtype(np.float64)) for name in names]
    credible = np.stack(columns, axis=1).astype(np.float64)
    found = first_not_credible(credible)
    if found is not None:
        row, why = found
        raise SourceError(
            f"{rows.place(', '.join(names), row)} is {credible[row].tolist()}: labels {why}."
        )
    return logs_of(credible)


def _variances(rows: _Rows, names: Sequence[str], batch: pa.RecordBatch) -> FloatArray:
    """Of the errors of each row, from their standard deviations."""
    whole = replace(rows, missing=False, of_features=False)
    columns = [_numbers(whole, name, batch, np.dtype(np.float64)) for name in names]
    for name, column in zip(names, columns, strict=True):
        fits = column >= 0
        if not fits.all():
            row = int(np.argmin(fits))
            raise SourceError(
                f"{rows.place(name, row)} is {column[row]:g}: an error is 0 or more, infinite where a value "
                "is not known."
            )
    return np.stack(columns, axis=1).astype(np.float64) ** 2


def _as_numpy(column: pa.Array) -> Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type):
        column = column.cast(pa.float64())
    numbers: Array = column.to_numpy(zero_copy_only=False)
    return numbers


def _lists(rows: _Rows, name: str, column: pa.Array, width: int) -> Array:
    """Return lists as the rows of a matrix."""
    lengths = _lengths(column)
    if (lengths != width).any():
        row = int(np.argmax(lengths != width))
        raise SourceError(
            f"{rows.place(name, row)} is a list of {lengths[row]} values, where the first has "
            f"{width}: lists of one length are read, each value as a feature."
        )
    values = column.flatten()
    if values.null_count and not rows.missing:
        place = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
        raise SourceError(
            f"{rows.place(name, place // width)} is a list in which value {place % width} is missing: "
            f"{_OF_FEATURE}."
        )
    with rows.file.reading():
        return _as_numpy(values).reshape(-1, width)


def _lengths(column: pa.Array) -> Array:
    if pa.types.is_fixed_size_list(column.type):
        return np.full(len(column), column.type.list_size)
    lengths: Array = np.diff(column.offsets.to_numpy())
    return lengths


def _all_columns(file: _File, schema: pa.Schema, left_out: Beside) -> list[str]:
    """Columns that are features where none are named: those of numbers; where there are none, of lists."""
    beside = (field for field in schema if field.name not in left_out.names)
    fields = [field for field in beside if not _INDEX.fullmatch(field.name)]
    numbers = [field.name for field in fields if holds_numbers(field.type)]
    found = numbers or [field.name for field in fields if holds_lists(field.type)]
    if not found:
        raise SourceError(f"{file.path} has no column of numbers{_beginning(file, fields)}.")
    if "" in found:
        raise SourceError(
            f"{file.path}: column no. {schema.names.index('') + 1} has no name: name it, or name other "
            "columns with columns=."
        )
    return found


def _beginning(file: _File, fields: Sequence[pa.Field]) -> str:
    """What text has in place of numbers, to be put after a message, or ''."""
    if file.format != "csv" or not fields:
        return ""
    with file.reading():
        return file.text.beginning(fields[0].name)


def _with_lists(names: Sequence[str], files: list[_File], schema: pa.Schema) -> tuple[str, ...]:
    """Columns that `names` means: each its own, or several together the features of one of lists."""
    lists = {field.name: field.type for field in schema if holds_lists(field.type)}
    columns: list[str] = []
    rest = list(names)
    while rest:
        column = str(rest[0]).removesuffix("_0")
        if column == rest[0] or column not in lists:
            columns.append(rest.pop(0))
            continue
        width = _width(files, column, lists[column])
        n_asked = next((j for j, one in enumerate(rest) if one != f"{column}_{j}"), len(rest))
        if n_asked == width and not set(rest[:width]) <= set(schema.names):
            columns.append(column)
            rest = rest[width:]
        elif rest[0] in schema.names:
            columns.append(rest.pop(0))
        else:
            asked = "1 feature is" if n_asked == 1 else f"{n_asked} features are"
            raise SourceError(
                f"{files[0].path} holds lists of {width} values in column {column!r}, where {asked} asked "
                f"for, {column}_0 to {column}_{n_asked - 1}: give rows with lists of as many values."
            )
    return tuple(columns)


def _width(files: list[_File], name: str, kind: pa.DataType) -> int:
    """Length of the lists in a column: by its type, else of the first one."""
    if pa.types.is_fixed_size_list(kind):
        width = int(kind.list_size)
    else:
        batches = (
            batch.column(0)
            for file in files
            for _, batch in _READERS[file.format](file, [name], [], 0, 1, _check_nothing)
            if batch.num_rows > batch.column(0).null_count
        )
        with closing(batches):
            column = next(batches, None)
        if column is None:
            raise SourceError(
                f"{files[0].path} has no rows, and its lists in column {name!r} no length."
            )
        width = int(_lengths(column.drop_null())[0])
    if not width:
        raise SourceError(f"{files[0].path} holds lists without values in column {name!r}.")
    return width


def _check_nothing(_: _File, __: pa.Schema) -> None:
    """Of a file whose rows are not read yet."""


def _is_narrow(kind: pa.DataType) -> bool:
    """Whether float32 holds its numbers."""
    return (kind.value_type if holds_lists(kind) else kind) in (pa.float32(), pa.float16())


def _kept(file: _File, name: str, batch: pa.RecordBatch) -> pa.Array:
    if name in file.keys:
        return pa.array([file.keys[name]] * batch.num_rows)
    return batch.column(batch.schema.get_field_index(name))


def _type(file: _File, schema: pa.Schema, name: str) -> pa.DataType:
    if name in file.keys:
        if not isinstance(file.keys[name], float):
            raise SourceError(
                f"{file.path}: the key {name!r} of its folder is {file.keys[name]!r}, no number."
            )
        return pa.float64()
    index = schema.get_field_index(name)
    if index < 0:
        known = [*schema.names, *file.keys]
        if schema.names.count(name) > 1:
            raise SourceError(f"{file.path} has several columns {name!r}: give each its own name.")
        raise SourceError(f"{file.path} has no column {name!r}.{nearest(name, known)}")
    kind = schema.field(index).type
    if not holds_numbers(kind) and not holds_lists(kind):
        if file.format == "csv":  # reading it says which value is none, and where
            with file.reading(), closing(file.text.batches([name], [])) as batches:
                next(batches, None)
        raise SourceError(
            f"{file.path} holds {kind}, not numbers, in column {name!r}: correct it, or name other columns "
            "with columns=."
        )
    return kind


# Formats: each yields record batches, of columns of numbers and of others beside them, and the row of the
# file that they begin at, from row `to_skip` on or before; of `size` rows where the format leaves the choice.

_Check = Callable[[_File, pa.Schema], None]
_Batches = Generator[tuple[int, pa.RecordBatch], None, None]


def _schema(file: _File) -> pa.Schema:
    """Names and types of a file's columns, from its head."""
    if file.format == "csv":
        with file.reading():
            return file.text.schema
    with file.opened() as opened:
        if file.format == "parquet":
            return pyarrow.parquet.read_schema(opened)
        return _arrow_reader(opened).schema


def _parquet(
    file: _File, numbers: list[str], beside: list[str], to_skip: int, size: int, check: _Check
) -> _Batches:
    names = [*numbers, *beside]
    # Without pre-buffering a file is read page by page, not a whole group of rows at once; from afar
    # the many small requests would cost more than the memory.
    near = isinstance(file.filesystem, fs.LocalFileSystem)
    with file.opened() as opened:
        table = pyarrow.parquet.ParquetFile(
            opened, pre_buffer=not near, buffer_size=_BUFFER if near else 0
        )
        check(file, table.schema_arrow)
        groups = [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)]
        n_skipped, row = 0, 0
        while n_skipped < len(groups) and row + groups[n_skipped] <= to_skip:
            row += groups[n_skipped]
            n_skipped += 1
        if n_skipped == len(groups):
            return
        wanted = list(range(n_skipped, len(groups)))
        for batch in table.iter_batches(size, row_groups=wanted, columns=names, use_threads=True):
            yield row, batch
            row += batch.num_rows
    # pyarrow would keep the memory of pages that were decoded before. Asked after every few batches it takes
    # a third of the time that reading does.
    pa.default_memory_pool().release_unused()


def _arrow(
    file: _File, numbers: list[str], beside: list[str], _: int, __: int, check: _Check
) -> _Batches:
    row = 0
    with file.opened() as opened:
        reader = _arrow_reader(opened)
        check(file, reader.schema)
        n_batches = getattr(reader, "num_record_batches", None)
        batches = reader if n_batches is None else map(reader.get_batch, range(n_batches))
        for batch in batches:
            yield row, batch.select([*numbers, *beside])
            row += batch.num_rows


def _arrow_reader(opened: pa.NativeFile) -> Any:
    """Reader of the file format (Feather), else of the stream format."""
    if opened.read(6) == b"ARROW1":
        return pa.ipc.open_file(opened)
    opened.seek(0)
    return pa.ipc.open_stream(opened)


def _csv(
    file: _File, numbers: list[str], beside: list[str], _: int, __: int, check: _Check
) -> _Batches:
    row = 0
    table = file.text
    with file.reading():
        check(file, table.schema)
        for batch in table.batches(numbers, beside):
            yield row, batch
            row += batch.num_rows


_READERS: dict[str, Callable[[_File, list[str], list[str], int, int, _Check], _Batches]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
}
