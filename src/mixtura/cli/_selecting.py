"""`mixtura select`: read the grid, sweep with a bar of progress, write what was found."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mixtura import GaussianMixtureSearch
from mixtura._files import replacing
from mixtura.cli._errors import UsageError, suggestion
from mixtura.cli._fitting import library_in_words
from mixtura.cli._outputs import make_folder, writing
from mixtura.cli._progress import is_watched, progress_of_rows
from mixtura.cli._rows import Given, Scanned, reading
from mixtura.cli._screen import show
from mixtura.covariance import ONE_FEATURE, STRUCTURES

CRITERIA = ("bic", "aic", "icl")


def numbers(text: str) -> list[int]:
    """Return the numbers that '1:9', '3' or '1,2,5:7' means, ends included."""
    found: list[int] = []
    for part in text.split(","):
        first, colon, last = part.partition(":")
        try:
            low = int(first)
            high = int(last) if colon else low
        except ValueError:
            raise UsageError(f"-k is {text!r}; write it like 1:9, or 1,2,5") from None
        if low < 1 or high < low:
            raise UsageError(f"-k is {text!r}, but numbers of components begin at 1 and ascend")
        found += range(low, high + 1)
    return found


def structures(text: str) -> str | list[str]:
    """Return 'all', or the names between commas."""
    if text == "all":
        return "all"
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name == "all":
            raise UsageError(
                f"--covariance is {text!r}, but all stands alone: it has every structure"
            )
        if name not in STRUCTURES and name not in ONE_FEATURE:
            raise UsageError(
                f"unknown covariance {name!r}.{suggestion(name, [*STRUCTURES, 'all'])}"
            )
    return names


def check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a criterion, or a sign, that does not exist."""
    if value not in choices:
        raise UsageError(f"unknown {what} {value!r}.{suggestion(value, choices)}")


def select(
    rows: Given, options: dict[str, Any], *, quiet: bool
) -> tuple[GaussianMixtureSearch, bool]:
    """Fit `GaussianMixtureSearch(**options)`; say whether Ctrl-C ended it, with something found."""
    search = GaussianMixtureSearch(**options)
    resume = options["resume"]
    is_interrupted = False
    try:
        with (
            library_in_words(rows.source, quiet=quiet),
            nullcontext() if resume is None else writing(resume),
            _bar(search, rows, quiet=quiet),
        ):
            search.fit(rows.X, sample_weight=rows.weight)
    except KeyboardInterrupt:
        if not hasattr(search, "best_estimator_"):
            raise
        is_interrupted = True
    search.callback = None
    return search, is_interrupted


def interruption(folder: str, resume: str | None) -> KeyboardInterrupt:
    """What Ctrl-C left, and how the sweep goes on."""
    how = "with --resume FILE a sweep is kept, and goes on"
    if resume is not None:
        how = f"the sweep so far is kept in {resume}, and the same command goes on from it"
    return KeyboardInterrupt(f"the best model by then is in {folder}; {how}")


@contextmanager
def _bar(search: GaussianMixtureSearch, rows: Given, *, quiet: bool) -> Iterator[None]:
    """Show how many steps of the sweep are done, and at which model; only to somebody at a terminal."""
    console = Console(stderr=True)
    if quiet or not is_watched(console):
        yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("models", total=None)

        def advance(n_done: int, n_steps: int, row: dict[str, Any]) -> None:
            what = f"{row['step']}: {row['n_components']} {row['covariance_type']}"
            progress.update(task, completed=n_done, total=n_steps, description=what)

        def read(n_done: int) -> None:
            if not progress.tasks[task].completed:
                progress.update(task, description=f"models, {n_done:,} rows read")

        search.callback = advance
        if not isinstance(rows, Scanned):
            yield
            return
        rows.X.on_rows = read
        try:
            yield
        finally:
            rows.X.on_rows = None


def write_selection(
    search: GaussianMixtureSearch, rows: Given, folder: str, *, quiet: bool
) -> dict[str, str]:
    """Write table, pictures and the best model into `folder`; return their paths.

    All are complete before the first takes its place, and the model does so last. Pictures of an earlier
    selection that this one has not are removed.
    """
    from mixtura.cli import _figures as figures  # slow to import

    make_folder(folder)
    best = search.best_estimator_
    pictures: dict[str, tuple[str, Callable[[Path], None]]] = {
        "criterion": ("search.png", partial(figures.draw_search, search)),
        "figure": ("mixture.png", partial(figures.draw_mixture, best, rows)),
    }
    if search.n_features_in_ > 1:
        pictures["uncertainty"] = (
            "uncertainty.png",
            partial(figures.draw_uncertainty, best, rows),
        )
    if best.n_components > 1:
        pictures["entropy"] = ("entropy.png", partial(figures.draw_entropy, best, rows))
    names = {"model": "model.safetensors", "results": "results.csv"}
    names |= {what: name for what, (name, _) in pictures.items()}
    paths = {what: Path(folder, name) for what, name in names.items()}
    with reading(), writing(folder), ExitStack() as stack:
        files = {what: stack.enter_context(replacing(path)) for what, path in paths.items()}
        best.save(files["model"])
        _write_results(search, files["results"])
        with (
            library_in_words(rows.source, quiet=quiet),
            progress_of_rows(rows, "drawing", quiet=quiet),
        ):
            for what, (_, draw_to) in pictures.items():
                draw_to(files[what])
    for name in {"uncertainty.png", "entropy.png"} - set(names.values()):
        Path(folder, name).unlink(missing_ok=True)
    return {what: str(path) for what, path in paths.items()}


def _write_results(search: GaussianMixtureSearch, path: Path) -> None:
    columns = search.results_ | {"delta": search.delta_}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def show_top(search: GaussianMixtureSearch, n: int) -> None:
    """Print the best models as a table, and how many could not be fitted."""
    show(search.top(n))
    failures = search.results_["failure"]
    n_failed, n_cells = sum(failures != ""), len(failures)
    if n_failed:
        print(
            f"{n_failed} of {n_cells} models failed, are degenerate or not finished: see results.csv"
        )
