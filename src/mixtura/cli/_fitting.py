"""Fit as the options say, with the library's objections in words; a fit that is stopped is kept."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mixtura import GaussianMixture
from mixtura.cli._errors import CommandError, UsageError, in_our_words, reason, suggestion
from mixtura.cli._outputs import writing
from mixtura.cli._progress import progress_of_fit
from mixtura.cli._rows import Given
from mixtura.cli._tables import Rows
from mixtura.covariance import ONE_FEATURE, STRUCTURES
from mixtura.errors import SourceError


def check_options(n_components: int, covariance: str, jobs: int | None) -> None:
    """Refuse what no data could make right, before any file is read."""
    if n_components < 1:
        raise UsageError(f"-k is {n_components}, but a mixture needs at least one component")
    if jobs == 0:
        raise UsageError("--jobs is 0, but a fit needs at least one thread; -1 means all cores")
    if covariance not in STRUCTURES and covariance not in ONE_FEATURE:
        raise UsageError(f"unknown covariance {covariance!r}.{suggestion(covariance, STRUCTURES)}")


def check_checkpoint(checkpoint: str | None, resume: bool) -> None:
    """See that the state of a fit can be written, before there is one."""
    if checkpoint is None:
        if resume:
            raise UsageError("--resume goes on from a file; name it with --checkpoint")
        return
    check_kept(checkpoint, "--checkpoint")


def check_kept(path: str, option: str) -> None:
    """See that a file can be written, before there is anything to write."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise CommandError(f"cannot write {path}: the folder {folder} does not exist")
    if Path(path).is_dir():
        raise CommandError(f"{path} is a folder; {option} needs a file")


def fit(rows: Given, options: dict[str, Any], *, quiet: bool) -> GaussianMixture:
    """Fit `GaussianMixture(**options)` to the rows."""
    _check_enough_rows(rows, options["n_components"])
    model = GaussianMixture(**options)
    with library_in_words(rows.source, quiet=quiet), progress_of_fit(model, rows, quiet=quiet):
        model.fit(rows.X, sample_weight=rows.weight)
    return model


def _check_enough_rows(rows: Given, n_components: int) -> None:
    if isinstance(rows, Rows) and len(rows.data) < n_components:
        raise CommandError(
            f"{rows.source} has {len(rows.data)} rows, fewer than the {n_components} components; "
            "give more rows or a smaller -k"
        )


@contextmanager
def keeping(checkpoint: str | None, resume: bool) -> Iterator[None]:
    """Say at Ctrl-C how a fit that is kept goes on; name the file where it cannot be written."""
    if checkpoint is None:
        yield
        return
    before = _written_at(checkpoint)
    try:
        with writing(checkpoint):
            yield
    except KeyboardInterrupt:
        now = _written_at(checkpoint)
        if now is None or (now == before and not resume):  # of another fit, or nothing yet
            raise
        raise KeyboardInterrupt(
            f"the fit so far is kept in {checkpoint}, and the same command with --resume goes on from it"
        ) from None


def _written_at(path: str) -> int | None:
    file = Path(path)
    return file.stat().st_mtime_ns if file.exists() else None


@contextmanager
def library_in_words(source: str, *, quiet: bool) -> Iterator[None]:
    """Turn errors of the fit into a sentence and its warnings into notes on stderr."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except SourceError as error:  # it names the file
        raise CommandError(in_our_words(reason(error))) from error
    except (ValueError, ArithmeticError) as error:
        raise CommandError(f"cannot fit {source}: {in_our_words(reason(error))}") from error
    for warning in () if quiet else caught:
        words = in_our_words(" ".join(str(warning.message).split()))
        print(f"mixtura: note: {words}", file=sys.stderr)
