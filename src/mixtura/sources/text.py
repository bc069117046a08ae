"""Tables of text: how one is written is said by its user or found from its beginning; pyarrow reads it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.csv

from mixtura.errors import SourceError
from mixtura.support.cached import cached
from mixtura.support.names import nearest

EXTENSIONS = (".csv", ".tsv", ".txt")
COMPRESSED = ".gz"

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"

#: Stands for runs of spaces and tabs.
SPACES = " "
_DELIMITERS = ("\t", ";", ",", "|", SPACES)

# Bytes that tell how a table is written, and bytes in which its first lines must end.
_HEAD = 1 << 16
_LONGEST_HEAD = 1 << 26
_BLOCK = 1 << 22
_ROWS_AT_A_GLANCE = 50

# Rows read again to find the line that one stands in.
_MOST_COUNTED = 1_000_000

MISSING = [*pa.csv.ConvertOptions().null_values, *(" " * n for n in range(1, 17))]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_SPACES = re.compile(rb"[ \t]+")
_AT_ENDS = re.compile(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)")
_SPACES_OR_QUOTED = re.compile(rb'("(?:[^"]|"")*")|[ \t]+')
_NOT_CONVERTED = re.compile(
    r"CSV column #(?P<column>\d+): (?:Row #(?P<row>\d+): )?.*?invalid value '(?P<value>.*)'",
    re.DOTALL,
)

_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NO_TEXT = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: save it as CSV",
    b"PAR1": "a Parquet file: give it a name that ends in .parquet",
    b"ARROW1": "an Arrow file: give it a name that ends in .arrow",
    b"BZh": "compressed by bzip2: decompress it, or compress it by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard: decompress it, or compress it by gzip",
}

Opened = Callable[[], AbstractContextManager[pa.NativeFile]]


@dataclass(frozen=True)
class Dialect:
    """How tables of text are written, as far as their user says; None: as their beginning shows."""

    delimiter: str | None = None
    decimal: str = "."
    skip: int = 0
    comment: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        delimiter, comment = self.delimiter, self.comment
        if delimiter is not None and (
            not isinstance(delimiter, str)
            or len(delimiter) != 1
            or not delimiter.isascii()
            or delimiter in "\"'\r\n"
        ):
            raise ValueError(
                "delimiter must be one character, such as ';', '\\t', or ' ' for runs of spaces, got "
                f"{delimiter!r}."
            )
        if self.decimal not in (".", ","):
            raise ValueError(f"decimal must be '.' or ',', got {self.decimal!r}.")
        if delimiter == self.decimal:
            raise ValueError(
                f"delimiter and decimal are both {delimiter!r}: cells and decimals need different ones."
            )
        if isinstance(self.skip, bool) or not isinstance(self.skip, int) or self.skip < 0:
            raise ValueError(
                f"skip must be a whole number of lines, none at least, got {self.skip!r}."
            )
        if comment is not None and (not isinstance(comment, str) or not comment.strip()):
            raise ValueError(
                f"comment must be what lines begin with, such as '#', got {comment!r}."
            )
        if self.encoding is not None:
            _check_encoding(self.encoding)


def _check_encoding(encoding: Any) -> None:
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        raise ValueError(
            f"encoding must be a name that Python knows, such as 'latin-1', 'cp1252' or 'utf-16', got "
            f"{encoding!r}."
        ) from None


def is_text(name: str) -> bool:
    """Whether a file of that name holds a table of text."""
    return name.lower().removesuffix(COMPRESSED).endswith(EXTENSIONS)


def extension(name: str) -> str:
    """The end of a file's name that says what it holds: '.csv.gz' is one."""
    path = Path(name.lower())
    if path.suffix == COMPRESSED and Path(path.stem).suffix in EXTENSIONS:
        return Path(path.stem).suffix + COMPRESSED
    return path.suffix


@dataclass(frozen=True)
class _Layout:
    """How a table is written, as found."""

    names: tuple[str, ...]  # of all columns; '' of the rows' names
    delimiter: str
    others: tuple[str, ...]  # delimiters that the beginning of the table allows as well
    n_skipped: int  # lines before the first row
    has_row_names: bool
    has_rows: bool
    longest: int  # characters of a line at the beginning


class TextTable:
    """A table of text: the names of its columns, and its rows.

    Parameters
    ----------
    name : str
        What messages call it.
    opened : callable
        Opens it anew.
    dialect : Dialect
    """

    def __init__(self, name: str, opened: Opened, dialect: Dialect) -> None:
        self.name = name
        self._opened = opened
        self._dialect = dialect
        self._ragged_row: Any = None  # the one that pyarrow refused

    @property
    def has_row_names(self) -> bool:
        """Whether the first column names the rows, as R's and pandas' index without a name does."""
        return self._layout.has_row_names

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, the rows' names not among them."""
        layout = self._layout
        return layout.names[1:] if layout.has_row_names else layout.names

    @property
    def guess(self) -> str:
        """What to add to a message about cells where the delimiter is a guess of several, or ''."""
        layout = self._layout
        if not layout.others:
            return ""
        others = " and ".join(map(repr, layout.others))
        return (
            f" The delimiter was taken to be {layout.delimiter!r}, but {others} would do as well: say which "
            f"with delimiter={layout.others[0]!r}."
        )

    @cached
    def schema(self) -> pa.Schema:
        """Names of the columns, with types as the first rows have them."""
        if not self._layout.has_rows:
            return pa.schema([(name, pa.null()) for name in self.names])
        with self._lines() as lines, self._saying():
            schema = self._reader(lines, pa.csv.ConvertOptions(**self._conversion)).schema
        return schema.remove(0) if self.has_row_names else schema

    def table(self) -> pa.Table:
        """The whole table, each column of the type that all of its values have."""
        if not self._layout.has_rows:
            return self.schema.empty_table()
        convert = pa.csv.ConvertOptions(**self._conversion)
        with self._lines() as lines, self._saying():
            read, parse = self._options()
            table = pa.csv.read_csv(lines, read, parse, convert)
        return table.remove_column(0) if self.has_row_names else table

    def batches(
        self, numbers: Sequence[str], beside: Sequence[str]
    ) -> Generator[pa.RecordBatch, None, None]:
        """Read columns of numbers, and others beside them, a block at a time."""
        for name in (*numbers, *beside):
            if name not in self.names:
                raise SourceError(f"{self.name} has no column {name!r}.{nearest(name, self.names)}")
        if not self._layout.has_rows:
            return
        convert = pa.csv.ConvertOptions(
            **self._conversion,
            include_columns=[*numbers, *beside],
            column_types={name: self._type_of(name) for name in numbers},
        )
        with self._lines() as lines, self._saying(numbers):
            yield from self._reader(lines, convert)

    def _type_of(self, name: str) -> pa.DataType:
        kind = self.schema.field(name).type
        return kind if pa.types.is_boolean(kind) else pa.float64()

    def beginning(self, name: str) -> str:
        """What a column without numbers begins with, and what helps, to be put after a message."""
        with closing(self.batches([], [name])) as batches:
            batch = next(batches, None)
        value = "" if batch is None else batch.column(0)[0].as_py()
        why = f"{self.why_no_number(value)}.{self.guess}".removesuffix(".")
        return f": column {name!r} begins with {_short(value)}{why}"

    def where(self, row: int) -> str:
        """The table's name, and the line in which a row begins where that can be told."""
        line = self._line_of(row)
        return self.name if line is None else f"{self.name}, line {line}"

    # How it is written

    @cached
    def _compressed(self) -> bool:
        with self._opened() as file:
            head = bytes(file.read(8))
        for sign, what in _NO_TEXT.items():
            if head.startswith(sign):
                raise SourceError(f"{self.name} is {what}.")
        return head.startswith(b"\x1f\x8b")

    @contextmanager
    def _bytes(self) -> Iterator[pa.NativeFile]:
        compressed = self._compressed
        with self._opened() as file:
            yield pa.CompressedInputStream(file, "gzip") if compressed else file

    @cached
    def _encoding(self) -> str:
        with self._bytes() as stream, self._saying():
            beginning = bytes(stream.read(4096))
        if self._dialect.encoding is not None:
            return self._dialect.encoding
        found = next((name for mark, name in _MARKS.items() if beginning.startswith(mark)), None)
        if found is None and b"\0" in beginning:
            raise SourceError(
                f"{self.name} holds NUL bytes, as no text in UTF-8 does: where it is UTF-16 without a mark, "
                "give encoding='utf-16-le'; else save it as CSV in UTF-8."
            )
        return found or "utf-8"

    @contextmanager
    def _stream(self) -> Iterator[pa.NativeFile]:
        """The text, in UTF-8."""
        encoding = self._encoding
        with self._bytes() as stream:
            plain = codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig")
            yield stream if plain else pa.transcoding_input_stream(stream, encoding, "utf8")

    @cached
    def _layout(self) -> _Layout:
        with self._stream() as stream, self._saying():
            head = bytes(stream.read(_HEAD))
            if not head:
                raise SourceError(
                    f"{self.name} is empty; it needs a line of column names, then the rows."
                )
            # Lines as long as that, of a table with many columns, are read on to the end of the second row.
            while len(head.splitlines()) < 3 + self._dialect.skip and len(head) < _LONGEST_HEAD:
                more = bytes(stream.read(len(head)))
                if not more:
                    break
                head += more
            is_whole = not stream.read(1)
        try:
            # What was cut may be cut within a character.
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=is_whole)
        except UnicodeDecodeError as error:
            self._raise_not_utf8(head, error)
        return self._found(_LINE.findall(text.removeprefix("\ufeff")), is_whole)

    def _raise_not_utf8(self, head: bytes, error: UnicodeDecodeError) -> NoReturn:
        line = head[: error.start].count(b"\n") + 1
        raise SourceError(
            f"{self.name}, line {line}: the text is not in UTF-8; where it is in Latin-1 or Windows-1252, "
            "give encoding='latin-1' or encoding='cp1252', else save it in UTF-8."
        ) from error

    def _found(self, lines: list[str], is_whole: bool) -> _Layout:
        dialect = self._dialect
        first, comments = dialect.skip, []
        sign = dialect.comment or "#"
        while first < len(lines) and (not lines[first].strip() or _begins(lines[first], sign)):
            comments += [lines[first]] if lines[first].strip() else []
            first += 1
        if first >= len(lines):
            skipped = f" after the {dialect.skip} lines that are skipped" if dialect.skip else ""
            raise SourceError(
                f"{self.name} holds no table{skipped}; it needs a line of column names, then the rows."
            )
        rows = [line for line in lines[first:] if not _begins(line, dialect.comment)]
        delimiter, others = self._delimiter(rows if is_whole else rows[:-1] or rows)
        header, n_lines = self._header(rows, delimiter)
        above = _cells([comments[-1].strip().lstrip(sign)], delimiter) if comments else []
        if above and len(above[0]) == len(header) and self._holds_number(header):
            header, n_lines = above[0], 0  # as numpy.savetxt writes it
        self._check_header(header)
        beginning = rows[n_lines : n_lines + _ROWS_AT_A_GLANCE]
        cells = [row for row in _cells(beginning, delimiter) if row]
        names_rows = header[0] == "" and len(header) > 1
        if cells and all(len(row) == len(header) + 1 and row[-1] for row in cells):
            self._check_no_decimals(cells, delimiter)
            header, names_rows = ["", *header], True  # as R's write.table writes it
        return _Layout(
            tuple(header),
            delimiter,
            others,
            first + n_lines,
            names_rows,
            any(line.strip() for line in rows[n_lines:]),
            max(map(len, lines)),
        )

    def _delimiter(self, lines: list[str]) -> tuple[str, tuple[str, ...]]:
        """The delimiter, and others of which the first lines give as much of a table."""
        if self._dialect.delimiter is not None:
            return self._dialect.delimiter, ()
        decimal = self._dialect.decimal
        lines = lines[: _ROWS_AT_A_GLANCE + 1]
        possible = [one for one in _DELIMITERS if one != decimal]
        ratings = {one: self._rating(lines, one) for one in possible}
        best = max(ratings.values())
        if best[0] == 0:  # not a table by any: the names say the most
            counts = {one: lines[0].count(one) for one in possible if one != SPACES}
            most = max(counts, key=lambda one: counts[one])
            return (most if counts[most] else ";" if decimal == "," else ","), ()
        # Spaces are found within names and texts, too.
        fitting = [one for one in possible if ratings[one] == best]
        return fitting[0], tuple(one for one in fitting[1:] if one != SPACES)

    def _rating(self, lines: list[str], delimiter: str) -> tuple[float, float]:
        """Share of the rows with as many cells as there are names, and of the cells that are numbers."""
        header, *rows = [row for row in _cells(lines, delimiter) if row]
        if not rows:
            return (1.0, 0.0) if len(header) > 1 and delimiter != SPACES else (0.0, 0.0)
        sizes = {len(header), len(header) + 1}
        n_fitting = sum(len(row) in sizes and len(row) > 1 for row in rows)
        cells = [cell for row in rows for cell in row]
        return n_fitting / len(rows), sum(map(self._seems_number, cells)) / max(len(cells), 1)

    def _is_number(self, cell: str) -> bool:
        return re.match(NUMBER, cell.replace(self._dialect.decimal, ".", 1)) is not None

    @staticmethod
    def _seems_number(cell: str) -> bool:
        return re.match(NUMBER, cell.replace(",", ".", 1)) is not None

    def _holds_number(self, cells: Sequence[str]) -> bool:
        return any(self._is_number(cell) for cell in cells)

    def _header(self, lines: list[str], delimiter: str) -> tuple[list[str], int]:
        """The names of the columns, and the lines on which they stand: a name in quotes may have several."""
        reader = _reader_of(lines, delimiter)
        try:
            header = next(reader)
        except csv.Error:
            raise SourceError(
                f"{self.name}: a quote in the line of column names is not closed: close or remove it."
            ) from None
        return [cell.strip(' "\r\n') for cell in header], reader.line_num

    def _check_header(self, cells: Sequence[str]) -> None:
        """Refuse numbers where the names of the columns should stand."""
        # A file without a header would lose its first row unseen. "0,1,2" is how pandas names columns.
        named = cells[1:] if len(cells) > 1 and cells[0] == "" else cells
        if list(named) == [str(j) for j in range(len(named))]:
            return
        if all(self._is_number(cell) for cell in named):
            raise SourceError(
                f"{self.name}: the first line holds numbers ({', '.join(named[:3])}), not column names; put "
                "a line of names above it."
            )

    def _check_no_decimals(self, cells: list[list[str]], delimiter: str) -> None:
        """Refuse rows of '1,5' below one name where nobody says whether the comma is a decimal one."""
        if delimiter != "," or self._dialect.delimiter is not None or len(cells[0]) > 2:
            return
        if all(re.fullmatch(r"[+-]?\d+", a) and re.fullmatch(r"\d+", b) for a, b in cells):
            raise SourceError(
                f"{self.name}: its rows, such as {','.join(cells[0])}, may be numbers with a decimal comma, "
                "or the name of a row and a number: give decimal=',' or delimiter=','."
            )

    # Reading

    @property
    def _conversion(self) -> dict[str, Any]:
        return {"decimal_point": self._dialect.decimal, "null_values": MISSING}

    @property
    def _is_rewritten(self) -> bool:
        layout = self._layout
        return (
            len(layout.names) == 1
            or layout.delimiter == SPACES
            or self._dialect.comment is not None
        )

    @contextmanager
    def _lines(self) -> Iterator[Any]:
        """The text as pyarrow can read it."""
        layout, dialect = self._layout, self._dialect
        with self._stream() as stream:
            if not self._is_rewritten:
                yield stream
                return
            lines = _Rewritten(
                stream,
                layout.n_skipped,
                dialect.comment,
                layout.delimiter == SPACES,
                len(layout.names) == 1,
            )
            yield pa.PythonFile(lines, mode="r")

    def _options(self) -> tuple[Any, Any]:
        layout = self._layout
        read = pa.csv.ReadOptions(
            # One thread: only then does an error tell the number of the row.
            use_threads=False,
            block_size=max(_BLOCK, 4 * layout.longest),
            column_names=layout.names,
            skip_rows=0 if self._is_rewritten else layout.n_skipped,
        )
        parse = pa.csv.ParseOptions(
            delimiter="\t" if layout.delimiter == SPACES else layout.delimiter,
            newlines_in_values=True,
            # In a table of one column a blank line is a value that is missing.
            ignore_empty_lines=len(layout.names) > 1,
            invalid_row_handler=self._note_ragged,
        )
        return read, parse

    def _reader(self, lines: Any, convert: Any) -> Any:
        read, parse = self._options()
        return pa.csv.open_csv(lines, read, parse, convert)

    # What is wrong with it

    def _note_ragged(self, row: Any) -> str:
        self._ragged_row = row
        return "error"

    @contextmanager
    def _saying(self, numbers: Sequence[str] = ()) -> Iterator[None]:
        """Say what is wrong with the text in a sentence."""
        try:
            yield
        except pa.ArrowInvalid as error:
            ragged = self._ragged_row
            what = self._ragged(ragged) if ragged else self._not_converted(str(error), numbers)
            raise SourceError(what) from error
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{self.name} is not text in {self._dialect.encoding or error.encoding}, as a byte "
                f"{error.object[error.start : error.start + 1]!r} shows: give another encoding=."
            ) from error
        except EOFError as error:
            raise SourceError(self._damaged()) from error
        except OSError as error:
            if error.errno is not None or not self._compressed:
                raise  # of who opens it
            raise SourceError(self._damaged()) from error

    def _damaged(self) -> str:
        return f"{self.name} is cut short or damaged: it does not decompress; compress it by gzip anew."

    def _row(self, number: int) -> int:
        """Which row, from 0, pyarrow's number means: it counts what is skipped, but no blank lines."""
        return number - 1 - (0 if self._is_rewritten else self._layout.n_skipped)

    def _ragged(self, ragged: Any) -> str:
        n_cells, n_wanted, decimals = ragged.actual_columns, ragged.expected_columns, ""
        if self._layout.delimiter == "," and n_cells == 2 * n_wanted:
            decimals = " Numbers with decimal commas need another delimiter, such as ';'."
        where, which = self.name, "a row"
        if ragged.number is not None:
            row = self._row(ragged.number)
            where, which = self.where(row), f"row {row}"
        return (
            f"{where}: {which} has {n_cells} cell{'' if n_cells == 1 else 's'} instead of {n_wanted}: "
            f"correct it, or say what stands between cells with delimiter=.{decimals}{self.guess}"
        )

    def _not_converted(self, text: str, numbers: Sequence[str]) -> str:
        found = _NOT_CONVERTED.search(text)
        if found is None:
            return (
                f"{self.name} has a row of more than {_BLOCK >> 20} MB, as where a quote is not closed: "
                "close or remove it."
                if "straddl" in text or "sync" in text
                else f"{self.name} is not read as a table of text: check its quotes and its delimiter."
            )
        value, column = found["value"], int(found["column"])
        row = None if found["row"] is None else self._row(int(found["row"]))
        where = self.name if row is None else self.where(row)
        place = "" if row is None else f" in row {row}"
        name = self._layout.names[column]
        if name not in numbers:
            return (
                f"{where}: the value of column {name!r}{place} is {_short(value)}, where those before are "
                f"{self.schema.field(name).type}: keep other columns, or make the values of one kind."
            )
        return (
            f"{where}: the value of column {name!r}{place} is {_short(value)}, not a number"
            f"{self.why_no_number(value)}: correct it, or name other columns with columns=.{self.guess}"
        )

    def why_no_number(self, value: Any) -> str:
        """What a value is that is no number, and what helps, to be put after it; or ''."""
        return why_no_number(value, self._dialect.decimal)

    def _line_of(self, row: int) -> int | None:
        if row > _MOST_COUNTED:
            return None
        layout, dialect = self._layout, self._dialect
        is_column = len(layout.names) == 1
        with self._stream() as stream:
            buffered = io.BufferedReader(_Readable(stream))
            text = io.TextIOWrapper(buffered, "utf-8", errors="replace", newline="")
            lines = (
                (number, line)
                for number, line in islice(enumerate(text, 1), layout.n_skipped, None)
                if not _begins(line, dialect.comment) and (is_column or line.strip())
            )
            try:
                # The reader takes the lines of one row at a time: the next one is that of the row asked for.
                for _ in islice(_reader_of((line for _, line in lines), layout.delimiter), row):
                    pass
                return next((number for number, _ in lines), None)
            except csv.Error:
                return None


def why_no_number(value: Any, decimal: str) -> str:
    """What a value is that is no number, and what helps, to be put after it; or ''."""
    if isinstance(value, bytes) or "\ufffd" in str(value):
        return " (nor text in UTF-8: give encoding='latin-1' or another)"
    text = str(value)
    if "\n" in text or "\r" in text:
        return " (a quote before it is not closed)"
    if "\0" in text:
        return " (a NUL byte stands in it, so that the file may be damaged)"
    other = "," if decimal == "." else "."
    if other in text and re.match(NUMBER, text.replace(other, ".", 1)):
        if decimal == ".":
            return " (a decimal comma: give decimal=',' if all numbers have one)"
        return " (a decimal point, where decimal=',' was given)"
    if re.match(r"^\s*#", text):
        return " (lines that are comments: give comment='#')"
    return ""


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= 42 else f"{text[:38]}...{text[-1]}"


def _begins(line: str, sign: str | None) -> bool:
    return sign is not None and line.lstrip(" \t").startswith(sign)


def _reader_of(lines: Any, delimiter: str) -> Any:
    if delimiter == SPACES:
        lines = (_single_spaced(line.strip("\r\n").encode()).decode() for line in lines)
        delimiter = "\t"
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return [[cell.strip() for cell in row] for row in _reader_of(lines, delimiter)]
    except csv.Error:  # a quote that is not closed takes in too much
        return [line.strip().split(delimiter) for line in lines]


def _single_spaced(lines: bytes) -> bytes:
    """Whole lines with one tab for each run of spaces and tabs between cells."""
    if b'"' in lines:
        lines = _SPACES_OR_QUOTED.sub(lambda run: run[1] or b"\t", lines)
    else:
        lines = _SPACES.sub(b"\t", lines)
    # Several times as fast as one expression for the ends of lines.
    return lines.strip(b"\t").replace(b"\n\t", b"\n").replace(b"\t\n", b"\n")


class _Readable(io.RawIOBase):
    """A stream of pyarrow's as Python reads text from."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._stream.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


class _Rewritten:
    """Whole lines of a stream, rewritten a block at a time as they are read."""

    closed = False

    def __init__(
        self,
        stream: pa.NativeFile,
        n_skipped: int,
        comment: str | None,
        is_spaced: bool,
        is_column: bool,
    ) -> None:
        self._stream = stream
        self._n_skipped = n_skipped
        sign = None if comment is None else re.escape(comment.encode())
        self._comments = (
            None if sign is None else re.compile(rb"(?m)^[ \t]*" + sign + rb".*(?:\n|\Z)")
        )
        self._is_spaced, self._is_column = is_spaced, is_column
        self._rest = b""  # of a line that is not whole yet
        self._blank = b""  # lines at the end: no rows, unless others follow
        self._ready = b""
        self._is_at_end = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """The stream is closed by who opened it."""

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, all where it is below 0; none at the end only."""
        while not self._is_at_end and (size < 0 or not self._ready):
            self._ready += self._next_lines()
        given = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(given) :]
        return given

    def _next_lines(self) -> bytes:
        block = bytes(self._stream.read(_BLOCK))
        self._is_at_end = not block
        text = self._rest + block
        # A line feed may follow in the next block.
        n_whole = len(text) - (text.endswith(b"\r") and not self._is_at_end)
        text, after = text[:n_whole], text[n_whole:]
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = len(text) if self._is_at_end else text.rfind(b"\n") + 1
        lines, self._rest = text[:end], text[end:] + after
        while self._n_skipped and lines:
            _, _, lines = lines.partition(b"\n")
            self._n_skipped -= 1
        if self._comments is not None:
            lines = self._comments.sub(b"", lines)
        if self._is_spaced:
            lines = _single_spaced(lines)
        return self._without_blank_end(lines) if self._is_column else lines

    def _without_blank_end(self, lines: bytes) -> bytes:
        lines = self._blank + _AT_ENDS.sub(b"", lines)
        there = lines.rstrip(b"\n")
        # The end of the last line that is not blank stays.
        n_kept = len(there) + 1 if there else 0
        self._blank = lines[n_kept:]
        return lines[:n_kept]
