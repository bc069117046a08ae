"""One line on stderr that follows long work; only for somebody at a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mixtura import GaussianMixture
from mixtura.cli._rows import Given, Scanned
from mixtura.sources import Source

SECONDS_OF_PATIENCE = 0.5
LEAST_BAR, MOST_BAR = 8, 30
SPINNER = 2  # columns


@dataclass
class Line:
    """What is being done, how many of how many rows are, and what came of it, in the room there is."""

    what: str
    n_done: int = 0
    n_rows: int | None = None
    result: str = ""
    short_result: str = ""

    def __post_init__(self) -> None:
        self._spinner = Spinner("dots")

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - SPINNER
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row(self._spinner, *self._fitting(width))
        yield line

    def _fitting(self, width: int) -> list[ProgressBar | Text]:
        """The fullest of several wordings that has room."""
        if not self._has_bar:
            texts = [f"{self._beginning}{result}" for result in (self.result, self.short_result)]
            return [_plain(next((text for text in texts if len(text) < width), texts[-1]))]
        before = f"{self.what}:"
        after = [self._share + result for result in (self.result, self.short_result)]
        for text in after:
            room = width - len(before) - len(text) - 3
            if room >= LEAST_BAR:
                return [_plain(before), self._bar(min(room, MOST_BAR)), _plain(text)]
        return [_plain(f"{before} {after[-1]}")]

    @property
    def _has_bar(self) -> bool:
        # At the end of a pass that is no iteration comes something else: a search, a picture.
        return self.n_rows is not None and (self.n_done < self.n_rows or bool(self.result))

    @property
    def _beginning(self) -> str:
        is_open = self.n_rows is None and self.n_done
        return f"{self.what} {self.n_done:,} rows" if is_open else self.what

    @property
    def _share(self) -> str:
        assert self.n_rows is not None
        return f"{100 * self.n_done // self.n_rows} % of {self.n_rows:,} rows"

    def _bar(self, width: int) -> ProgressBar:
        return ProgressBar(total=self.n_rows, completed=self.n_done, width=width)


def _plain(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="crop", end="")


@contextmanager
def progress_of_fit(model: GaussianMixture, rows: Given, *, quiet: bool) -> Iterator[None]:
    """Follow a fit: by iterations, and by rows where these are read a part at a time."""
    source = rows.X if isinstance(rows, Scanned) else None
    with _shown("fitting" if source is None else "reading", quiet=quiet) as line:
        if line is None:
            yield
            return

        def tell(start: int, n_iter: int, mean_log_likelihood: float) -> None:
            # Of rows that are read, one sees the next iteration on its way.
            number = n_iter if source is None else n_iter + 1
            of_starts = f"start {start + 1} of {model.n_init}, " if model.n_init > 1 else ""
            line.what = f"{of_starts}iteration {number}"
            line.result = f", log-likelihood per row {mean_log_likelihood:.6g}"
            line.short_result = f", {mean_log_likelihood:.6g} per row"

        model._on_iteration = tell
        try:
            with _following(source, line, then="looking for a start"):
                yield
        finally:
            model._on_iteration = None


@contextmanager
def progress_of_rows(rows: Given, what: str, *, quiet: bool) -> Iterator[None]:
    """Follow what takes a pass over the rows."""
    source = rows.X if isinstance(rows, Scanned) else None
    with _shown(what, quiet=quiet) as line:
        if line is None:
            yield
            return
        with _following(source, line, then=what):
            yield


@contextmanager
def _following(source: Source | None, line: Line, then: str) -> Iterator[None]:
    """Tell the line of the rows done; after the first reading it is about what comes `then`."""
    if source is None:
        yield
        return
    first = line.what

    def tell(n_done: int) -> None:
        line.n_done, line.n_rows = n_done, source.n_rows
        if line.n_rows is not None and line.what == first:
            line.what = then

    source.on_rows = tell
    try:
        yield
    finally:
        source.on_rows = None


def is_watched(console: Console) -> bool:
    """Whether what is drawn over and over is seen as such: at a terminal, and in no cell of a notebook.

    Jupyter gives commands a terminal that keeps all that is drawn, one beside the other.
    """
    is_terminal = console.is_terminal and not console.is_dumb_terminal
    return is_terminal and "JPY_PARENT_PID" not in os.environ


@contextmanager
def _shown(what: str, *, quiet: bool) -> Iterator[Line | None]:
    """Show a line once the work has taken its time; None where nobody looks."""
    console = Console(stderr=True)
    if quiet or not is_watched(console):
        yield None
        return
    line = Line(what)
    live = Live(line, console=console, transient=True, refresh_per_second=10)
    timer = Timer(SECONDS_OF_PATIENCE, live.start)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        timer.join()
        live.stop()
