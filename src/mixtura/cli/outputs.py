"""Write what a command found: the model first, tables block by block, every file whole or not at all."""

from __future__ import annotations

import csv
import io
import logging
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from safetensors import SafetensorError

from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.cli import tables
from mixtura.cli.errors import CommandError, UsageError, in_our_words, note, notes, reason
from mixtura.cli.progress import progress_of_rows
from mixtura.cli.rows import Given, check_not_within, reading
from mixtura.cli.tables import check_extension
from mixtura.estimators.resampling import bootstrapped
from mixtura.files.output import check_target, replacing
from mixtura.files.predictions import OUTPUTS
from mixtura.files.predictions import predictions as columns_of
from mixtura.files.predictions import write_batches as write_parquet
from mixtura.fitting import given_rows as checks
from mixtura.mixture import drawn, expected
from mixtura.support.interruptible import result_of
from mixtura.support.language import marked
from mixtura.support.language import translated as _
from mixtura.support.threads import n_threads

# Rows, and responsibilities, that are written at a time.
BLOCK = 65_536
MOST_NUMBERS = 1 << 20

MODEL = "model.safetensors"
MODELS = "models.safetensors"  # of groups of rows
LABEL = ("label",)

# Extensions of a report.
_PAGES = (".html", ".htm")

# Beside another model than theirs these would be false.
_MODELS = {MODEL, MODELS}
FITS = "fits.csv"
_OF_A_MODEL = (
    FITS,
    *("responsibilities.parquet", "responsibilities.csv"),
    *("mixture-labels.parquet", "mixture-labels.csv"),
    *("mixture.png", "search.png", "uncertainty.png", "entropy.png"),
)


class Model(Protocol):
    """What is saved to a file: a model, or those of groups."""

    def save(self, path: Path, /) -> None:
        """Write it."""


@dataclass(frozen=True)
class Output:
    """A file beside the model: its name, and what writes it of a fit (or a search) and its rows."""

    what: str
    name: str
    write: Callable[[Any, Given, Path], object]
    is_picture: bool = False


def columns(*, labels_only: bool) -> Sequence[str]:
    """The columns of a table of predictions."""
    return LABEL if labels_only else OUTPUTS


def fit_outputs(
    extension: str, *, labels_only: bool, no_responsibilities: bool, no_figure: bool
) -> list[Output]:
    """What `fit` writes beside the model."""
    outputs = []
    if labels_only or not no_responsibilities:
        write = partial(_write_predictions, columns(labels_only=labels_only))
        outputs.append(table_of_rows(write, extension, labels_only=labels_only))
    if not no_figure:
        outputs.append(Output("figure", "mixture.png", _draw_mixture, is_picture=True))
    return outputs


def table_of_rows(
    write: Callable[[Any, Given, Path], object], extension: str, *, labels_only: bool
) -> Output:
    """The table of what is predicted of the rows."""
    name = f"{'mixture-labels' if labels_only else 'responsibilities'}.{extension}"
    if labels_only:
        return Output("labels", name, write)
    return Output("responsibilities", name, write)


def _write_predictions(
    what: Sequence[str], model: GaussianMixture, rows: Given, path: Path
) -> None:
    write_batches(predictions(model, rows, what, single=is_parquet(path)), path)


def _draw_mixture(model: GaussianMixture, rows: Given, path: Path) -> None:
    from mixtura.cli.figures import draw_mixture  # slow to import

    draw_mixture(model, rows, path)


def check_keep(keep: Sequence[str]) -> None:
    """Refuse to copy a column under the name of one that is written."""
    try:
        checks.check_keep(keep, OUTPUTS)
    except ValueError as error:
        raise UsageError(f"--{reason(error)}") from None


def predictions(
    model: GaussianMixture,
    rows: Given,
    what: Sequence[str] = OUTPUTS,
    keep: Sequence[str] = (),
    *,
    single: bool,
) -> Iterator[pa.RecordBatch]:
    """Label, certainty, log density and responsibilities (or some) of every row, a block at a time."""
    threads, mixture, predictive = n_threads(None), model._density, model._predictive
    size = max(1, min(BLOCK, MOST_NUMBERS // mixture.n_components))
    for part, kept in rows.parts(keep):
        for start in range(0, len(part), size):
            some = slice(start, start + size)
            beside = {name: column[some] for name, column in kept.items()}
            found = columns_of(
                mixture,
                np.ascontiguousarray(part.X[some]),
                what,
                threads,
                predictive,
                single=single,
                missing=part.missing,
                errors=None if part.error is None else part.error[some],
            )
            yield pa.RecordBatch.from_pydict(beside | found)


def check_beside(keep: Sequence[str], features: Sequence[str]) -> None:
    """Refuse to copy a column that is a feature."""
    both = [name for name in keep if name in features]
    if both:
        raise UsageError(f"--keep names {both[0]!r}, which is a feature and stands there anyway")


def imputed(
    mixture: Mixture,
    rows: Given,
    keep: Sequence[str],
    *,
    std: bool,
    draws: int | None,
    seed: int,
) -> Iterator[pa.RecordBatch]:
    """Rows with what the mixture expects, or draws, where cells are missing; a block at a time."""
    threads, rng = n_threads(None), np.random.default_rng(seed)
    for part, kept in rows.parts(keep):
        for start in range(0, len(part), BLOCK):
            some = slice(start, start + BLOCK)
            beside = {name: column[some] for name, column in kept.items()}
            X = np.ascontiguousarray(part.X[some])
            if draws is None:
                filled, spreads = expected(mixture, X, threads, with_std=std)
                found = dict(zip(rows.names, filled.T, strict=True))
                if spreads is not None:
                    found |= {
                        f"{name}_std": column
                        for name, column in zip(rows.names, spreads.T, strict=True)
                    }
                yield pa.RecordBatch.from_pydict(beside | _arrays(found))
                continue
            for number in range(draws):
                yield _draw(number, drawn(mixture, X, rng, threads), rows.names, beside)


def imputed_anew(
    model: GaussianMixture, rows: Given, keep: Sequence[str], *, draws: int, seed: int
) -> Iterator[pa.RecordBatch]:
    """All rows with draws where cells are missing, of each fit to a bootstrap sample of them; in memory."""
    threads, rng = n_threads(None), np.random.default_rng(seed)
    parts = list(rows.parts(keep))
    X = np.concatenate([part.X for part, _ in parts])
    weights = [part.weight for part, _ in parts if part.weight is not None]
    weight = np.concatenate(weights) if weights else rows.weight
    kept = {name: pa.concat_arrays([columns[name] for _, columns in parts]) for name in parts[0][1]}
    for number, mixture in enumerate(islice(bootstrapped(model, X, weight, rng), draws)):
        yield _draw(number, drawn(mixture, X, rng, threads), rows.names, kept)


def _draw(
    number: int, filled: NDArray[np.float64], names: Sequence[str], beside: dict[str, pa.Array]
) -> pa.RecordBatch:
    found = {"draw": np.full(len(filled), number)} | dict(zip(names, filled.T, strict=True))
    return pa.RecordBatch.from_pydict(beside | _arrays(found))


def _arrays(columns: dict[str, Any]) -> dict[str, pa.Array]:
    return {name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()}


def write_table(batches: Iterable[pa.RecordBatch], path: str | None) -> int:
    """Write a table to `path`, as its extension says, or as CSV to standard output; count its rows."""
    if path is None:
        return _write_csv(batches, sys.stdout.buffer)
    with writing(path), replacing(path) as temporary:
        return write_batches(batches, temporary)


def write_found(
    model: Model,
    found: Any,
    rows: Given,
    outputs: Sequence[Output],
    folder: str,
    *,
    quiet: bool,
    model_name: str = MODEL,
) -> dict[str, str]:
    """Write the model, then what is `found` beside it, into `folder`; return the paths of what is there.

    The model is in its place, whole, before anything else begins: nothing that fails after it loses the fit.
    What lies there of an older model goes just before, so that no folder holds files of two fits. A picture
    that cannot be drawn is a note.
    """
    written: dict[str, str] = {}
    names = [output.name for output in outputs]
    with _telling_what_is_written(folder, names, written), writing(folder):
        make_folder(folder)
        with replacing(Path(folder, model_name)) as file:
            model.save(file)
            _remove_older(folder, [*names, *_MODELS - {model_name}])
        written[Path(model_name).stem] = str(Path(folder, model_name))
        for output in outputs:
            path = Path(folder, output.name)
            write = partial(output.write, found, rows)
            if output.is_picture:
                is_there = _is_drawn(write, rows, path, quiet=quiet)
            else:
                is_there = _is_written(write, rows, path, quiet=quiet)
            if is_there:
                written[output.what] = str(path)
    return written


def _remove_older(folder: str, names: Sequence[str]) -> None:
    for path in (Path(folder, name) for name in {*_OF_A_MODEL, *names}):
        if path.is_file() or path.is_symlink():
            path.unlink()


def _is_written(write: Callable[[Path], object], rows: Given, path: Path, *, quiet: bool) -> bool:
    with reading(), progress_of_rows(rows, "writing", quiet=quiet), replacing(path) as file:
        write(file)
    return True


def _is_drawn(write: Callable[[Path], object], rows: Given, path: Path, *, quiet: bool) -> bool:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of its fonts and caches
    try:
        with (
            notes(quiet=quiet),
            progress_of_rows(rows, "drawing", quiet=quiet),
            replacing(path) as file,
        ):
            write(file)
    except OSError:  # it is drawn, and the disk is full
        raise
    except Exception as error:
        why = in_our_words(reason(error).partition(". ")[0])
        note(
            f"{path.name} could not be drawn ({why}); the fit is not affected",
            quiet=quiet,
        )
        return False
    return True


@contextmanager
def _telling_what_is_written(
    folder: str, names: Sequence[str], written: dict[str, str]
) -> Iterator[None]:
    """Say at an error, or Ctrl-C, which files are there all the same."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_account(folder, names, written)) from None
    except CommandError as error:
        raise CommandError(f"{error}; {_account(folder, names, written)}") from error


def _account(folder: str, names: Sequence[str], written: dict[str, str]) -> str:
    if not written:
        return f"nothing was written to {folder}"
    there = [Path(path).name for path in written.values()]
    missing = [name for name in names if name not in there]
    but = f", but not {', '.join(missing)}" if missing else ""
    return f"{folder} holds {', '.join(there)}{but}"


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name `path` in the error when it, or a file in it, cannot be written."""
    try:
        yield
    except (OSError, pa.ArrowException, SafetensorError) as error:
        what = reason(error)
        sentence = what if what.startswith("cannot write") else f"cannot write {path}: {what}"
        raise CommandError(sentence) from error


def check_folder(path: str, names: Sequence[str] = (), read: Sequence[str] = ()) -> None:
    """See that these files, none of which is `read`, can be put into a folder: before any long work.

    The folder need not exist yet.
    """
    if not path:
        raise UsageError("-o is empty; name a folder")
    with writing(path):
        there = next(part for part in (Path(path), *Path(path).absolute().parents) if part.exists())
        if not there.is_dir():
            raise CommandError(f"{there} is a file; -o needs a folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise CommandError(f"cannot write {path}: no permission to write in {there}")
        _try_to_write(Path(path).absolute())
        for name in names if Path(path).is_dir() else ():
            check_target(Path(path, name))
            _check_not_read(str(Path(path, name)), read)


def _try_to_write(folder: Path) -> None:
    """Put a file there and take it away again: some file systems refuse what permissions allow."""
    missing = [part for part in (folder, *folder.parents) if not os.path.lexists(part)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    finally:
        for part in missing:
            with suppress(OSError):
                part.rmdir()


def check_table(path: str | None, read: Sequence[str] = ()) -> None:
    """See that a table can be written there, and that it is none of those that are `read`."""
    if path is None:
        return
    check_extension(path)
    with writing(path):
        check_target(path)
    check_not_within(path, read)
    _check_not_read(path, read)


def check_report(path: str | None, read: Sequence[str], folder: str) -> None:
    """See that a report can be written there, and that it is none of the files that are `read`.

    folder: that of the other files, which may not be there yet.
    """
    if path is None:
        return
    if Path(path).suffix.lower() not in _PAGES:
        raise UsageError(f"--report {path} must end in {' or '.join(_PAGES)}")
    if Path(folder).is_dir() or Path(path).absolute().parent != Path(folder).absolute():
        with writing(path):
            check_target(path)
    check_not_within(path, read, "--report")
    _check_not_read(path, read, "--report")


def write_report(
    model: GaussianMixture | GaussianMixtureSearch, rows: Given, path: str | None, *, quiet: bool
) -> dict[str, str]:
    """Write the report of a fit, or of a search, where one is asked for; return its path."""
    if path is None:
        return {}
    with writing(path), reading(), progress_of_rows(rows, "reporting", quiet=quiet):
        model._write_report(
            path,
            rows.X,
            sample_weight=rows.weight,
            error_std=rows.error_std,
            row_names=_names_of_rows(rows),
            first_row=1,
        )
    return {marked("report"): path}


def _names_of_rows(rows: Given) -> list[str] | None:
    """Their numbers in the file, where others are left out."""
    numbers = rows.numbers if isinstance(rows, tables.Rows) else None
    row = _("row")
    return None if numbers is None else [f"{row} {number + 1:,}" for number in numbers]


def _check_not_read(path: str, read: Sequence[str], option: str = "-o") -> None:
    for file in read:
        if Path(path).exists() and Path(file).exists() and Path(path).samefile(file):
            raise CommandError(
                f"{path} is read, and would be replaced; choose another place with {option}"
            )


def make_folder(path: str) -> None:
    """Make the folder, and those above it, unless it is there."""
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)


def write_batches(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    """Write a table as the extension says; count its rows."""
    if is_parquet(path):
        return write_parquet(iter(batches), path)
    with path.open("wb") as file:
        return _write_csv(batches, file)


def is_parquet(path: str | Path) -> bool:
    """Whether a table is written as Parquet."""
    return Path(path).suffix.lower() == ".parquet"


def _write_csv(batches: Iterable[pa.RecordBatch], file: BinaryIO) -> int:
    n_rows = 0
    with closing(_as_csv(batches)) as texts:
        for batch, text in texts:
            if n_rows == 0:
                file.write(_header(batch.schema.names))
            file.write(text)
            n_rows += batch.num_rows
    return n_rows


def _as_csv(
    batches: Iterable[pa.RecordBatch],
) -> Generator[tuple[pa.RecordBatch, pa.Buffer], None, None]:
    """Batches with their text, which threads make while the next batches are."""
    threads = n_threads(None)
    pending: deque[tuple[pa.RecordBatch, Future[pa.Buffer]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            pending.append((batch, pool.submit(_csv_of, batch)))
            if len(pending) > threads:
                first, text = pending.popleft()
                yield first, result_of(text)
        for first, text in pending:
            yield first, result_of(text)


def _csv_of(batch: pa.RecordBatch) -> pa.Buffer:
    # The header is ours: pyarrow's puts every name in quotes.
    options = pyarrow.csv.WriteOptions(include_header=False)
    text = pa.BufferOutputStream()
    pyarrow.csv.write_csv(batch, text, options)
    return text.getvalue()


def _header(names: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()
