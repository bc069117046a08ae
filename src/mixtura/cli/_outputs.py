"""Write what a command found: tables block by block, every file whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from safetensors import SafetensorError

from mixtura import GaussianMixture, Mixture
from mixtura._files import replacing
from mixtura._predictions import OUTPUTS
from mixtura._predictions import predictions as columns_of
from mixtura._threads import n_threads
from mixtura.cli._errors import CommandError, UsageError, reason
from mixtura.cli._progress import progress_of_rows
from mixtura.cli._rows import Given, reading
from mixtura.estimators import _validation as checks

# Rows, and responsibilities, that are written at a time.
BLOCK = 65_536
MOST_NUMBERS = 1 << 20


def check_keep(keep: Sequence[str]) -> None:
    """Refuse to copy a column under the name of one that is written."""
    try:
        checks.check_keep(keep, OUTPUTS)
    except ValueError as error:
        raise UsageError(f"--{reason(error)}") from None


def predictions(
    mixture: Mixture, rows: Given, keep: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Label, certainty, log density and responsibilities of every row, a block at a time."""
    threads = n_threads(None)
    size = max(1, min(BLOCK, MOST_NUMBERS // mixture.n_components))
    for part, kept in rows.parts(keep):
        for start in range(0, len(part), size):
            some = slice(start, start + size)
            beside = {name: column[some] for name, column in kept.items()}
            found = columns_of(mixture, np.ascontiguousarray(part[some]), OUTPUTS, threads)
            yield pa.RecordBatch.from_pydict(beside | found)


def write_table(batches: Iterable[pa.RecordBatch], path: str | None) -> int:
    """Write a table to `path`, as its extension says, or as CSV to standard output; count its rows."""
    if path is None:
        return _write_csv(batches, sys.stdout.buffer)
    with writing(path), replacing(path) as temporary:
        return _write_to(batches, temporary)


def write_fit(
    model: GaussianMixture, rows: Given, folder: str, extension: str, *, quiet: bool
) -> dict[str, str]:
    """Write model, responsibilities and figure into `folder`; return their paths.

    All three are complete before the first takes its place, and the model does so last: no full
    disk leaves a folder with the files of two fits.
    """
    from mixtura.cli._figures import draw_mixture  # slow to import
    from mixtura.cli._fitting import library_in_words

    make_folder(folder)
    model_path = Path(folder, "model.safetensors")
    table_path = Path(folder, f"responsibilities.{extension}")
    figure_path = Path(folder, "mixture.png")
    with (
        reading(),
        writing(folder),
        replacing(model_path) as model_file,
        replacing(table_path) as table_file,
        replacing(figure_path) as figure_file,
    ):
        model.save(model_file)
        with progress_of_rows(rows, "writing", quiet=quiet):
            _write_to(predictions(model.mixture_, rows), table_file)
        with (
            library_in_words(rows.source, quiet=quiet),
            progress_of_rows(rows, "drawing", quiet=quiet),
        ):
            draw_mixture(model, rows, figure_file)
    paths = {"model": model_path, "responsibilities": table_path, "figure": figure_path}
    return {what: str(path) for what, path in paths.items()}


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name `path` in the error when it, or a file in it, cannot be written."""
    try:
        yield
    except (OSError, pa.ArrowException, SafetensorError) as error:
        what = reason(error)
        sentence = what if what.startswith("cannot write") else f"cannot write {path}: {what}"
        raise CommandError(sentence) from error


def check_folder(path: str) -> None:
    """See that files can be put into a folder, which need not exist yet: before any long work."""
    there = next(part for part in (Path(path), *Path(path).absolute().parents) if part.exists())
    if not there.is_dir():
        raise CommandError(f"{there} is a file; -o needs a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise CommandError(f"cannot write {path}: no permission to write in {there}")


def make_folder(path: str) -> None:
    """Make the folder, and those above it, unless it is there."""
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)


def _write_to(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    if path.suffix.lower() == ".parquet":
        return _write_parquet(batches, path)
    with path.open("wb") as file:
        return _write_csv(batches, file)


def _write_parquet(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    batches = iter(batches)
    first = next(batches)
    n_rows = 0
    with pyarrow.parquet.ParquetWriter(path, first.schema) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch)
            n_rows += batch.num_rows
    return n_rows


def _write_csv(batches: Iterable[pa.RecordBatch], file: BinaryIO) -> int:
    # The header is ours: pyarrow's puts every name in quotes.
    options = pyarrow.csv.WriteOptions(include_header=False)
    n_rows = 0
    for batch in batches:
        if n_rows == 0:
            file.write(_header(batch.schema.names))
        pyarrow.csv.write_csv(batch, file, options)
        n_rows += batch.num_rows
    return n_rows


def _header(names: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()
