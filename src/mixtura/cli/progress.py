"""How far work is, on stderr: a line that follows it at a terminal, elsewhere a plain one now and then."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread, Timer

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mixtura import GaussianMixture
from mixtura.cli.rows import Given, Scanned
from mixtura.sources import Source
from mixtura.support.language import translated as _

SECONDS_OF_PATIENCE = 0.5
SECONDS_TO_FIRST_LINE = 30.0
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
    def words(self) -> str:
        """All of it, without a bar."""
        return (
            f"{self.what}: {self._share}{self.result}"
            if self._has_bar
            else f"{self._beginning}{self.result}"
        )

    @property
    def _has_bar(self) -> bool:
        # At the end of a pass that is no iteration comes something else: a search, a picture.
        return self.n_rows is not None and (self.n_done < self.n_rows or bool(self.result))

    @property
    def _beginning(self) -> str:
        is_open = self.n_rows is None and self.n_done
        if not is_open:
            return self.what
        return _("{what} {number} rows").format(what=self.what, number=f"{self.n_done:,}")

    @property
    def _share(self) -> str:
        assert self.n_rows is not None
        share, of_all = 100 * self.n_done // self.n_rows, f"{self.n_rows:,}"
        return _("{share} % of {all} rows").format(share=share, all=of_all)

    def _bar(self, width: int) -> ProgressBar:
        return ProgressBar(total=self.n_rows, completed=self.n_done, width=width)


def _plain(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="crop", end="")


@contextmanager
def progress_of_fit(model: GaussianMixture, rows: Given, *, quiet: bool) -> Iterator[None]:
    """Follow a fit: by iterations, and by rows where these are read a part at a time."""
    source = rows.X if isinstance(rows, Scanned) else None
    with _shown(_("fitting") if source is None else _("reading"), quiet=quiet) as line:
        if line is None:
            yield
            return

        def tell(start: int, n_iter: int, mean_log_likelihood: float) -> None:
            # Of rows that are read, one sees the next iteration on its way.
            number = n_iter if source is None else n_iter + 1
            line.what = _("iteration {number}").format(number=number)
            if model.n_init > 1:
                of_starts = _("start {number} of {all}").format(number=start + 1, all=model.n_init)
                line.what = f"{of_starts}, {line.what}"
            value = f"{mean_log_likelihood:.6g}"
            line.result = _(", log-likelihood per row {value}").format(value=value)
            line.short_result = _(", {value} per row").format(value=value)

        # Starts whose iterations are told of run one after the other: a log is not worth that.
        if source is not None or model.n_init == 1 or is_watched(Console(stderr=True)):
            model._on_iteration = tell
        try:
            with _following(source, line, then=_("looking for a start")):
                yield
        finally:
            model._on_iteration = None


@contextmanager
def progress_of_rows(rows: Given, what: str, *, quiet: bool) -> Iterator[None]:
    """Follow what takes a pass over the rows."""
    source, words = rows.X if isinstance(rows, Scanned) else None, _(what)
    with _shown(words, quiet=quiet) as line:
        if line is None:
            yield
            return
        with _following(source, line, then=words):
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


@contextmanager
def _shown(what: str, *, quiet: bool) -> Iterator[Line | None]:
    """Follow a line once the work has taken its time; None where nobody wants it."""
    if quiet:
        yield None
        return
    line, console = Line(what), Console(stderr=True)
    if not is_watched(console):
        with _told(lambda: line.words):
            yield line
        return
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


@contextmanager
def steps_shown(
    what: str, *, quiet: bool
) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Show how many of how many steps are done; gives what takes a description, and both numbers."""
    if quiet:
        yield None
        return
    console, words = Console(stderr=True), [_(what)]

    def tell(text: str, n_done: int, n_steps: int | None) -> None:
        words[0] = text
        if n_steps is not None:
            of_steps = _("{number} of {all} steps")
            words[0] += f", {of_steps.format(number=f'{n_done:,}', all=f'{n_steps:,}')}"

    if not is_watched(console):
        with _told(lambda: words[0]):
            yield tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(words[0], total=None)

        def show(text: str, n_done: int, n_steps: int | None) -> None:
            progress.update(task, description=text, completed=n_done, total=n_steps)

        yield show


def is_watched(console: Console) -> bool:
    """Whether what is drawn over and over is seen as such: at a terminal, and in no cell of a notebook.

    Jupyter gives commands a terminal that keeps all that is drawn, one beside the other.
    """
    is_terminal = console.is_terminal and not console.is_dumb_terminal
    return is_terminal and "JPY_PARENT_PID" not in os.environ


@contextmanager
def _told(words: Callable[[], str]) -> Iterator[None]:
    """Print plain lines for a log: the first after a while, each after twice the time of the one before."""
    ended = Event()

    def tell() -> None:
        wait = SECONDS_TO_FIRST_LINE
        while not ended.wait(wait):
            with suppress(OSError, ValueError):  # nobody reads any more
                print(f"mixtura: {words()}", file=sys.stderr, flush=True)
            wait *= 2

    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
