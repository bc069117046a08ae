"""Fit as the options say, with a line of progress, and with the library's objections in words."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from numpy.typing import NDArray
from rich.console import Console

from mixtura import GaussianMixture
from mixtura.cli._errors import CommandError, UsageError, reason, suggestion
from mixtura.cli._tables import Rows
from mixtura.covariance import STRUCTURES

SECONDS_OF_PATIENCE = 0.5

Report = Callable[[int, int, float], None]


def check_options(n_components: int, covariance: str, jobs: int | None) -> None:
    """Refuse what no data could make right, before any file is read."""
    if n_components < 1:
        raise UsageError(f"-k is {n_components}, but a mixture needs at least one component")
    if jobs == 0:
        raise UsageError("--jobs is 0, but a fit needs at least one thread; -1 means all cores")
    if covariance not in STRUCTURES:
        raise UsageError(f"unknown covariance {covariance!r}.{suggestion(covariance, STRUCTURES)}")


def fit(
    rows: Rows, weight: NDArray[Any] | None, options: dict[str, Any], *, quiet: bool
) -> GaussianMixture:
    """Fit `GaussianMixture(**options)` to the rows."""
    _check_enough_rows(rows, options["n_components"])
    model = GaussianMixture(**options)
    with _library_in_words(rows.source, quiet=quiet), _progress(model, quiet=quiet):
        model.fit(rows.frame(), sample_weight=weight)
    return model


def _check_enough_rows(rows: Rows, n_components: int) -> None:
    if len(rows.data) < n_components:
        raise CommandError(
            f"{rows.source} has {len(rows.data)} rows, fewer than the {n_components} components; "
            "give more rows or a smaller -k"
        )


@contextmanager
def _library_in_words(source: str, *, quiet: bool) -> Iterator[None]:
    """Turn errors of the fit into a sentence and its warnings into notes on stderr."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except (ValueError, ArithmeticError) as error:
        raise CommandError(f"cannot fit {source}: {reason(error)}") from error
    for warning in () if quiet else caught:
        print(f"mixtura: note: {' '.join(str(warning.message).split())}", file=sys.stderr)


@contextmanager
def _progress(model: GaussianMixture, *, quiet: bool) -> Iterator[None]:
    """Show a line that follows a fit that takes its time; only to somebody at a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    status = console.status("fitting ...")
    timer = Timer(SECONDS_OF_PATIENCE, status.start)
    model._on_iteration = _reporter(status.update, model.n_init)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
        model._on_iteration = None


def _reporter(update: Callable[[str], None], n_starts: int) -> Report:
    def report(start: int, n_iter: int, mean_log_likelihood: float) -> None:
        update(
            f"fitting: start {start + 1} of {n_starts}, iteration {n_iter}, "
            f"log-likelihood per row {mean_log_likelihood:.6g}"
        )

    return report
