"""What `verbose` prints: scikit-learn's lines, and of rows that are read from elsewhere how many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from mixtura.fitting.best_of_starts import Fit
from mixtura.fitting.lines import lines_of_progress
from mixtura.sources import Source

# Seconds without a line after which the rows done are told: a pass that takes longer than this is a long one.
_PATIENCE = 10.0


class Printer:
    """Prints each start and every so many iterations; on the way through many rows, how many are done."""

    def __init__(self, verbose: int, interval: int) -> None:
        self._verbose = verbose
        self._interval = interval
        self._start = -1
        self._n_iter = 0
        self._began = self._last = self._printed = perf_counter()
        self._previous = np.nan
        self._lines = lines_of_progress()

    @contextmanager
    def following(self, X: Any) -> Iterator[None]:
        """Print for a while; also the rows read of a source, unless it has another callback."""
        follows = isinstance(X, Source) and X.on_rows is None
        if follows:
            X.on_rows = partial(self._rows, X)
        try:
            yield
        finally:
            if follows:
                X.on_rows = None
            self._lines.end()

    def _rows(self, source: Source, n_done: int) -> None:
        if perf_counter() < self._printed + _PATIENCE:
            return
        what = f"  Iteration {self._n_iter + 1}: " if self._n_iter else ""
        rows = "rows read" if source.n_rows is None else f"of {source.n_rows:,} rows"
        self._print(f"{what}{n_done:,} {rows}")

    def iteration(self, start: int, n_iter: int, log_likelihood: float) -> None:
        """An iteration is done."""
        if start != self._start:
            self._start, self._previous = start, np.nan
            self._began = self._last = perf_counter()
            self._print(f"Initialization {start}")
        if n_iter % self._interval == 0:
            self._print(f"  Iteration {n_iter}{self._details(log_likelihood)}")
        self._previous, self._n_iter = log_likelihood, n_iter

    def _details(self, log_likelihood: float) -> str:
        if self._verbose < 2:
            return ""
        now = perf_counter()
        elapsed, self._last = now - self._last, now
        return f"\t time lapse {elapsed:.5f}s\t ll change {log_likelihood - self._previous:.5f}"

    def end(self, start: int, fit: Fit) -> None:
        """A start is done."""
        state = "converged." if fit.monitor.converged else "did not converge."
        details = ""
        if self._verbose > 1:
            seconds = perf_counter() - self._began
            details = f"\t time lapse {seconds:.5f}s\t lower bound {fit.monitor.history[-1]:.5f}"
        self._print(f"Initialization {start} {state}{details}")
        self._n_iter = 0

    def _print(self, line: str) -> None:
        self._lines.say(line)
        self._printed = perf_counter()
