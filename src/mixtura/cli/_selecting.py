"""`mixtura select`: read the grid, sweep with a bar of progress, write what was found."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mixtura import GaussianMixtureSearch
from mixtura._files import replacing
from mixtura.cli._errors import UsageError, suggestion
from mixtura.cli._fitting import library_in_words
from mixtura.cli._outputs import make_folder, writing
from mixtura.cli._progress import progress_of_rows
from mixtura.cli._rows import Given, Scanned, reading
from mixtura.cli._screen import Screen, _table
from mixtura.covariance import STRUCTURES

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
        if name not in STRUCTURES:
            raise UsageError(
                f"unknown covariance {name!r}.{suggestion(name, [*STRUCTURES, 'all'])}"
            )
    return names


def check_criterion(criterion: str) -> None:
    """Refuse a criterion that does not exist."""
    if criterion not in CRITERIA:
        raise UsageError(f"unknown criterion {criterion!r}.{suggestion(criterion, CRITERIA)}")


def select(rows: Given, options: dict[str, Any], *, quiet: bool) -> GaussianMixtureSearch:
    """Fit `GaussianMixtureSearch(**options)` to the rows."""
    search = GaussianMixtureSearch(**options)
    with library_in_words(rows.source, quiet=quiet), _bar(search, rows, quiet=quiet):
        search.fit(rows.X, sample_weight=rows.weight)
    search.callback = None
    return search


@contextmanager
def _bar(search: GaussianMixtureSearch, rows: Given, *, quiet: bool) -> Iterator[None]:
    """Show how many models are fitted; only to somebody at a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal or console.is_dumb_terminal:
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

        def advance(n_done: int, n_cells: int, row: dict[str, Any]) -> None:
            what = f"{row['n_components']} {row['covariance_type']}"
            progress.update(task, completed=n_done, total=n_cells, description=what)

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
    """Write table, pictures and the best model into `folder`; return their paths."""
    from mixtura.cli._figures import draw_mixture, draw_search  # slow to import

    make_folder(folder)
    table, model = Path(folder, "results.csv"), Path(folder, "model.safetensors")
    sweep, picture = Path(folder, "search.png"), Path(folder, "mixture.png")
    with (
        reading(),
        writing(folder),
        replacing(model) as model_file,
        replacing(table) as table_file,
        replacing(sweep) as sweep_file,
        replacing(picture) as picture_file,
    ):
        search.best_estimator_.save(model_file)
        _write_results(search, table_file)
        draw_search(search, sweep_file)
        with progress_of_rows(rows, "drawing", quiet=quiet):
            draw_mixture(search.best_estimator_, rows, picture_file)
    return {
        "model": str(model),
        "results": str(table),
        "criterion": str(sweep),
        "figure": str(picture),
    }


def _write_results(search: GaussianMixtureSearch, path: Path) -> None:
    columns = search.results_ | {"delta": search.delta_}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def show_top(search: GaussianMixtureSearch, n: int) -> None:
    """Print the best models as a table, and how many could not be fitted."""
    header = ["K", "covariance", "log-lik.", "df", *map(str.upper, CRITERIA), "delta"]
    Screen(highlight=False).print(_table([header, *map(_cells, search.top(n))]))
    failed = sum(text != "" for text in search.results_["failure"])
    if failed:
        print(
            f"{failed} of {len(search.delta_)} models failed or are degenerate; results.csv says why"
        )


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        str(row["n_components"]),
        row["covariance_type"],
        f"{row['log_likelihood']:,.2f}",
        str(row["degrees_of_freedom"]),
        *(f"{row[name]:,.2f}" for name in CRITERIA),
        f"{row['delta']:.2f}",
    ]
