"""Which rows a command reads: one small file whole, everything else a part at a time."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow.compute as pc
from numpy.typing import NDArray

from mixtura import GaussianMixture, scan
from mixtura.cli.errors import CommandError, UsageError, in_our_words, reason, suggestion
from mixtura.cli.tables import between_commas, check_all_named, has_lists, read_table
from mixtura.rows import Rows
from mixtura.sources import Source
from mixtura.sources.arrow import EXTENSIONS as SCANNED
from mixtura.sources.arrow import ROW
from mixtura.sources.memory import n_bytes
from mixtura.sources.text import COMPRESSED, Dialect, extension
from mixtura.support.arrays import block_slices

# Bytes of a single file up to which it is read whole: its errors then tell more, and nothing is read twice.
SMALL = 32_000_000

# By how much text shrinks, about, that is compressed.
_COMPRESSION = 5

# Files and rows that a note about dropped rows names.
_FILES_NAMED, _ROWS_NAMED = 3, 5

# What the columns of an option hold.
_A_KIND = {"weight": "a weight", "label": "a label", "error-std": "an error"}

Part = tuple[Rows, dict[str, Any]]


@dataclass(frozen=True)
class Reading:
    """How files are read, as the options say."""

    dialect: Dialect = Dialect()  # noqa: RUF009 - frozen
    drop_missing: bool = False
    missing: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `mixtura.scan`."""
        return asdict(self.dialect) | {"drop_missing": self.drop_missing}


def reading_of(
    delimiter: str | None,
    decimal: str,
    skip: int,
    comment: str | None,
    encoding: str | None,
    drop_missing: bool,
    missing: str = "error",
) -> Reading:
    """How files are read, or what no file could make right."""
    sign = {"\\t": "\t"}.get(delimiter, delimiter) if delimiter else delimiter
    try:
        dialect = Dialect(sign, decimal, skip, comment, encoding)
    except ValueError as error:
        raise UsageError(f"--{reason(error)}") from None
    if drop_missing and missing == "mar":
        raise UsageError(
            "--drop-missing leaves rows out that --missing mar would fit; give one of them"
        )
    return Reading(dialect, drop_missing, missing == "mar")


class Beside(NamedTuple):
    """The columns of what rows bring beside their features: weights, and labels, in one or several."""

    weight: str | None = None
    labels: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, weight: str | None = None, label: str | None = None, error_std: str | None = None
    ) -> Beside:
        """Those that the options --weight, --label and --error-std name."""
        labels = () if label is None else tuple(split(label, "--label"))
        return cls(
            weight, labels, () if error_std is None else tuple(split(error_std, "--error-std"))
        )

    @property
    def named(self) -> list[tuple[str, str]]:
        """Those that there are, each behind the name of its option."""
        weights = [] if self.weight is None else [("weight", self.weight)]
        labels = (("label", name) for name in self.labels)
        return [*weights, *labels, *(("error-std", name) for name in self.errors)]

    @property
    def names(self) -> list[str]:
        """Those that there are."""
        return [name for _, name in self.named]

    def check(self) -> None:
        """Refuse a column that is named by two options."""
        taken: dict[str, str] = {}
        for option, name in self.named:
            if taken.get(name, option) != option:
                raise UsageError(
                    f"--{taken[name]} and --{option} are both {name}; name two columns"
                )
            taken[name] = option

    def check_number(self, features: Sequence[str]) -> None:
        """Refuse errors that are not one for each feature."""
        n, d = len(self.errors), len(features)
        if n not in (0, d):
            raise UsageError(
                f"--error-std names {n} columns for {d} features ({', '.join(features)}); name one for each, "
                "in their order"
            )

    @property
    def label(self) -> str | tuple[str, ...] | None:
        """The labels' as `mixtura.scan` takes them."""
        return self.labels[0] if len(self.labels) == 1 else self.labels or None


class Given(Protocol):
    """Rows that a user gave to a command, in memory or not."""

    @property
    def source(self) -> str:
        """Where they come from, in words."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""

    @property
    def X(self) -> Any:
        """What an estimator takes."""

    @property
    def weight(self) -> NDArray[Any] | None:
        """Weights to be given beside X."""

    @property
    def label(self) -> NDArray[Any] | None:
        """Known labels to be given beside X."""

    @property
    def error_std(self) -> NDArray[Any] | None:
        """Standard deviations of errors to be given beside X."""

    @property
    def has_row_names(self) -> bool:
        """Whether a first column was taken for the rows' names."""

    @property
    def dropped(self) -> Sequence[tuple[str, NDArray[Any]]]:
        """Files in which rows were left out, and the numbers of these, from 0; known once all are read."""

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        """Rows, a part after another, each with the columns of theirs that `keep` names."""


@dataclass(frozen=True)
class Scanned:
    """Rows of files that are read a part at a time."""

    X: Source
    files: tuple[str, ...]  # as they were given
    drop_missing: bool = False
    weight: None = None
    label: None = None
    error_std: None = None

    @property
    def source(self) -> str:
        first, *others = self.files
        return ", ".join(self.files) if len(others) < 3 else f"{first} and {len(others)} others"

    @property
    def names(self) -> tuple[str, ...]:
        return self.X.feature_names or ()

    @property
    def has_row_names(self) -> bool:
        return bool(getattr(self.X, "has_row_names", False))

    @property
    def dropped(self) -> Sequence[tuple[str, NDArray[Any]]]:
        found: Sequence[tuple[str, NDArray[Any]]] = getattr(self.X, "dropped", tuple)()
        return found

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        tables = self.X.tables(keep)
        return map(_counted_from_one, tables) if self.drop_missing else tables


@dataclass(frozen=True)
class Mapped:
    """Rows of an array in a .npy file, read where they lie."""

    X: NDArray[Any]
    source: str
    weight: None = None
    label: None = None
    error_std: None = None
    has_row_names: bool = False
    dropped: Sequence[tuple[str, NDArray[Any]]] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{j}" for j in range(self.X.shape[1]))

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        if keep:
            raise CommandError(f"{self.source} holds an array, which has no columns to keep")
        return ((Rows(self.X[rows]), {}) for rows in block_slices(*self.X.shape))


def _counted_from_one(part: Part) -> Part:
    rows, kept = part
    return rows, kept | {ROW: pc.add(kept[ROW], 1)}


def rows_to_fit(
    files: Sequence[str],
    columns: str | None,
    beside: Beside,
    max_memory: str | None,
    how: Reading,
    by: str | None = None,
) -> Given:
    """Find the rows of a fit, with their weights and labels; read those of a small file.

    by: the column that names the group of each row; no feature.
    """
    names = None if columns is None else split(columns)
    _check_max_memory(max_memory)
    for what, name in beside.named:
        if names is not None and name in names:
            raise UsageError(
                f"--{what} {name} is among --columns, too; {_A_KIND[what]} is no feature"
            )
    beside.check()
    if _is_array(files):
        return _mapped(files, how, columns, beside, by)
    if _is_whole(files, max_memory, names):
        table = read_table(files[0], how.dialect)
        table.check_names([] if by is None else [by])
        features = names or table.feature_names([*beside.names, by])
        beside.check_number(features)
        return table.rows(features, *beside, drop_missing=how.drop_missing, missing=how.missing)
    if names is None and by is not None:
        names = _features_beside(files, by, beside, how)
    return _scanned(files, names, beside, max_memory, how)


def rows_to_predict(
    model: GaussianMixture,
    files: Sequence[str],
    columns: str | None,
    keep: Sequence[str],
    how: Reading,
    beside: Beside = Beside(),  # noqa: B008 - frozen
) -> Given:
    """Find the model's features by name; by position only where it knows no names."""
    names = split(columns) if columns is not None else list(getattr(model, "feature_names_in_", ()))
    if how.drop_missing and ROW in keep:
        raise UsageError(
            f"--keep names {ROW!r}, which is where --drop-missing puts the numbers of the rows; rename it"
        )
    rows: Given
    if _is_array(files):
        rows = _mapped(files, how, columns, beside)
    elif _is_whole(files, None, names):
        table = read_table(files[0], how.dialect)
        table.check_names(keep)
        features = names or table.feature_names(beside.names)
        beside.check_number(features)
        rows = table.rows(features, *beside, drop_missing=how.drop_missing, missing=how.missing)
    else:
        rows = _scanned(files, names or None, beside, "0", how)  # they are read once
    if len(rows.names) != model.n_features_in_:
        raise CommandError(
            f"the model has {model.n_features_in_} features and {rows.source} gives "
            f"{len(rows.names)}; choose as many columns with --columns"
        )
    return rows


def rows_to_describe(files: Sequence[str], columns: str | None, how: Reading) -> tuple[Any, bool]:
    """What `mixtura.describe` takes, with cells that may be missing; whether rows' names were left out."""
    names = None if columns is None else split(columns)
    if _is_array(files):
        return _mapped(files, how, columns).X, False
    if _is_whole(files, None, names):
        table = read_table(files[0], how.dialect)
        chosen = table.names if names is None else names
        table.check_names(chosen)
        if names is None:
            check_all_named(chosen, table.source, table.has_row_names)
        return table.columns.select(chosen), table.has_row_names
    with reading():
        source = scan(files, names, **how.options)
    return source, bool(getattr(source, "has_row_names", False))


def say_how_read(rows: Given, *, quiet: bool) -> None:
    """Say on stderr what was not taken as it stands: rows' names, rows that were left out. All are read."""
    if quiet:
        return
    notes = []
    if rows.has_row_names:
        notes.append(said_of_row_names(rows.source))
    if rows.dropped:
        notes.append(_said_of_dropped(rows.dropped))
    for note in notes:
        print(f"mixtura: note: {note}", file=sys.stderr)


def said_of_row_names(source: str) -> str:
    """A note on a first column without a name."""
    return f"the first column of {source} has no name and is taken for the rows' names"


def _said_of_dropped(dropped: Sequence[tuple[str, NDArray[Any]]]) -> str:
    n_rows = sum(len(rows) for _, rows in dropped)
    places = []
    for file, rows in dropped[:_FILES_NAMED]:
        numbers = ", ".join(str(row + 1) for row in rows[:_ROWS_NAMED])
        more = f" and {len(rows) - _ROWS_NAMED:,} more" if len(rows) > _ROWS_NAMED else ""
        places.append(f"data row{'' if len(rows) == 1 else 's'} {numbers}{more} of {file}")
    if len(dropped) > _FILES_NAMED:
        places.append(f"and {len(dropped) - _FILES_NAMED} more files")
    what = (
        "1 row has a missing cell and is"
        if n_rows == 1
        else f"{n_rows:,} rows have missing cells and are"
    )
    return f"{what} left out: {'; '.join(places)}"


def check_not_within(output: str, files: Sequence[str], option: str = "-o") -> None:
    """Refuse to write into a folder that is read: the next command would take the output for data."""
    for file in files:
        if Path(file).is_dir() and Path(output).resolve().is_relative_to(Path(file).resolve()):
            raise CommandError(
                f"{output} lies in the folder {file}, whose files are read; "
                f"choose another with {option}, or give a pattern such as '{Path(file) / '*.parquet'}'"
            )


def split(columns: str, option: str = "--columns") -> list[str]:
    """Names between commas; a name that holds a comma stands in quotes."""
    names = [name.strip() for name in next(csv.reader([columns], skipinitialspace=True), [])]
    if not all(names) or not names:
        raise UsageError(f"{option} has an empty name; give names between commas")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{option} names {name!r} twice")
    return names


@contextmanager
def reading() -> Iterator[None]:
    """Say what is wrong with scanned files as the rest of the command line does."""
    try:
        yield
    except ValueError as error:
        raise CommandError(in_our_words(reason(error))) from error


def _is_array(files: Sequence[str]) -> bool:
    return any(file.lower().endswith(".npy") for file in files)


def _mapped(
    files: Sequence[str],
    how: Reading,
    columns: str | None,
    beside: Beside | None = None,
    by: str | None = None,
) -> Mapped:
    if len(files) > 1:
        raise UsageError("a .npy file stands alone; give it no other file")
    if how.drop_missing:
        raise UsageError(
            f"{files[0]} holds an array, which is read where it lies; --drop-missing is for tables"
        )
    named = [] if beside is None else beside.named
    others = [(f"--{what}", name) for what, name in named]
    for option, given in (("--columns", columns), *others, ("--by", by)):
        if given is not None:
            raise UsageError(
                f"{files[0]} holds an array, whose columns have no names for {option}; "
                "write its rows to a .csv or .parquet file with names"
            )
    with reading():
        X = scan(files[0])
    assert not isinstance(X, Source)
    return Mapped(X, files[0])


def _is_whole(files: Sequence[str], max_memory: str | None, names: Sequence[str] | None) -> bool:
    """Whether it is one small file of text or Parquet, or standard input."""
    if "-" in files:
        _check_standard_input(files, max_memory)
        return True
    path = Path(files[0])
    if len(files) > 1 or path.is_dir() or _is_pattern(files[0]) or "://" in files[0]:
        return False
    if not path.exists():  # reading it says so
        return True
    end = extension(path.name)
    if end not in SCANNED:
        raise CommandError(f"{path} must end in {', '.join([*SCANNED, '.npy'])}")
    size = path.stat().st_size * (_COMPRESSION if end.endswith(COMPRESSED) else 1)
    if SCANNED[end] == "arrow" or end == ".pq" or max_memory is not None or size > SMALL:
        return False
    return not names or not has_lists(path, names)


def _check_standard_input(files: Sequence[str], max_memory: str | None) -> None:
    if len(files) > 1:
        raise UsageError("- is standard input and stands alone; give it no other file")
    if max_memory is not None:
        raise UsageError("- is read whole; --max-memory is for files")


def _check_max_memory(max_memory: str | None) -> None:
    try:
        n_bytes(max_memory)
    except ValueError:
        raise UsageError(f"--max-memory is {max_memory!r}; write it like 200MB or 1.5GiB") from None


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[") and not Path(path).exists()


def _scanned(
    files: Sequence[str],
    names: list[str] | None,
    beside: Beside,
    max_memory: str | None,
    how: Reading,
) -> Scanned:
    with reading():
        source = scan(
            *(files, names, beside.weight, beside.label),
            error_std=beside.errors or None,
            max_memory=max_memory,
            **how.options,
        )
        assert isinstance(source, Source)
        if names is None:
            _check_takes_all(source, beside)
        source = source.with_missing() if how.missing else source
    return Scanned(source, tuple(files), how.drop_missing)


def _features_beside(files: Sequence[str], by: str, beside: Beside, how: Reading) -> list[str]:
    """All columns of files but that of the groups, which may be the key of folders, weights and labels."""
    with reading():
        source: Any = scan(files, **how.options)
        names: Sequence[str] = source.column_names
        if by not in names and not any(f"{by}=" in path for path in source.paths):
            raise CommandError(f"{source} has no column {by!r}.{suggestion(by, names)}")
    return [name for name in names if name not in (by, *beside.names)]


def _check_takes_all(source: Any, beside: Beside) -> None:
    """See that no column was passed over that is not one of numbers: as in a file that is read whole."""
    first = source.paths[0]
    names = [name for name in source.column_names if name not in beside.names]
    check_all_named(names, first, source.has_row_names)
    for name in names:
        if name not in source.columns:
            raise CommandError(
                f"{first}: column {name!r} is not one of numbers; choose the columns of numbers with "
                f"--columns {between_commas(source.feature_names)}"
            )
