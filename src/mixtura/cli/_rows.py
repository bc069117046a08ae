"""Which rows a command reads: one small file whole, everything else a part at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from mixtura import GaussianMixture, scan
from mixtura._rows import block_slices
from mixtura.cli._errors import CommandError, UsageError, in_our_words, reason
from mixtura.cli._tables import EXTENSIONS, check_all_named, check_header, has_lists, read_table
from mixtura.sources import Source
from mixtura.sources._arrow import EXTENSIONS as SCANNED
from mixtura.sources._memory import n_bytes

# Bytes of a single file up to which it is read whole: its errors then tell more, and nothing is read twice.
SMALL = 32_000_000

Part = tuple[NDArray[Any], dict[str, Any]]


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

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        """Rows, a part after another, each with the columns of theirs that `keep` names."""


@dataclass(frozen=True)
class Scanned:
    """Rows of files that are read a part at a time."""

    X: Source
    files: tuple[str, ...]  # as they were given
    weight: None = None

    @property
    def source(self) -> str:
        first, *others = self.files
        return ", ".join(self.files) if len(others) < 3 else f"{first} and {len(others)} others"

    @property
    def names(self) -> tuple[str, ...]:
        return self.X.feature_names or ()

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        return self.X.tables(keep)


@dataclass(frozen=True)
class Mapped:
    """Rows of an array in a .npy file, read where they lie."""

    X: NDArray[Any]
    source: str
    weight: None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{j}" for j in range(self.X.shape[1]))

    def parts(self, keep: Sequence[str] = ()) -> Iterator[Part]:
        if keep:
            raise CommandError(f"{self.source} holds an array, which has no columns to keep")
        return ((self.X[rows], {}) for rows in block_slices(*self.X.shape))


def rows_to_fit(
    files: Sequence[str], columns: str | None, weight: str | None, max_memory: str | None
) -> Given:
    """Find the rows of a fit, with their weights; read those of a small file."""
    names = None if columns is None else split(columns)
    _check_max_memory(max_memory)
    if names is not None and weight in names:
        raise UsageError(f"--weight {weight} is among --columns, too; a weight is no feature")
    if _is_array(files):
        return _mapped(files, columns, weight)
    if _is_whole(files, max_memory, names):
        table = read_table(files[0])
        weights = None if weight is None else table.weights(weight)
        return table.rows(names or table.feature_names(weight), weights)
    return _scanned(files, names, weight, max_memory)


def rows_to_predict(
    model: GaussianMixture, files: Sequence[str], columns: str | None, keep: Sequence[str]
) -> Given:
    """Find the model's features by name; by position only where it knows no names."""
    names = split(columns) if columns is not None else list(getattr(model, "feature_names_in_", ()))
    rows: Given
    if _is_array(files):
        rows = _mapped(files, columns)
    elif _is_whole(files, None, names):
        table = read_table(files[0])
        table.check_names(keep)
        rows = table.rows(names or table.feature_names(None))
    else:
        rows = _scanned(files, names or None, None, "0")  # they are read once
    if len(rows.names) != model.n_features_in_:
        raise CommandError(
            f"the model has {model.n_features_in_} features and {rows.source} gives "
            f"{len(rows.names)}; choose as many columns with --columns"
        )
    return rows


def check_not_within(output: str, files: Sequence[str]) -> None:
    """Refuse to write into a folder that is read: the next command would take the output for data."""
    for file in files:
        if Path(file).is_dir() and Path(output).resolve().is_relative_to(Path(file).resolve()):
            raise CommandError(
                f"{output} lies in the folder {file}, whose files are read; "
                f"choose another with -o, or give a pattern such as '{Path(file) / '*.parquet'}'"
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


def _mapped(files: Sequence[str], columns: str | None, weight: str | None = None) -> Mapped:
    if len(files) > 1:
        raise UsageError("a .npy file stands alone; give it no other file")
    for option, given in (("--columns", columns), ("--weight", weight)):
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
    """Whether it is one small .csv or .parquet file, or standard input."""
    if "-" in files:
        _check_standard_input(files, max_memory)
        return True
    path = Path(files[0])
    if len(files) > 1 or path.is_dir() or _is_pattern(files[0]) or "://" in files[0]:
        return False
    if not path.exists():  # reading it says so
        return True
    extension = path.suffix.lower()
    if extension not in SCANNED:
        raise CommandError(f"{path} must end in {', '.join([*SCANNED, '.npy'])}")
    if extension not in EXTENSIONS or max_memory is not None or path.stat().st_size > SMALL:
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
    files: Sequence[str], names: list[str] | None, weight: str | None, max_memory: str | None
) -> Scanned:
    with reading():
        source = scan(files, names, weight, max_memory=max_memory)
        assert isinstance(source, Source)
        if names is None:
            _check_takes_all(source, weight)
    return Scanned(source, tuple(files))


def _check_takes_all(source: Any, weight: str | None) -> None:
    """See that no column was passed over that is not one of numbers: as in a file that is read whole."""
    first = source.paths[0]
    names = [name for name in source.column_names if name != weight]
    if first.lower().endswith(".csv"):
        check_header(names, first)
    check_all_named(names, first)
    for name in names:
        if name not in source.columns:
            raise CommandError(
                f"{first}: column {name!r} is not one of numbers; choose the columns of numbers with "
                f"--columns {','.join(source.feature_names)}"
            )
