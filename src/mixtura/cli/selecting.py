"""`mixtura select`: read the grid, sweep and show how far it is, name what is written of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mixtura import GaussianMixtureSearch
from mixtura.cli.errors import CommandError, UsageError, reason, suggestion
from mixtura.cli.fitting import library_in_words
from mixtura.cli.outputs import Output
from mixtura.cli.progress import steps_shown
from mixtura.cli.rows import Given, Scanned
from mixtura.cli.screen import show
from mixtura.covariance import ONE_FEATURE, STRUCTURES
from mixtura.support.language import marked
from mixtura.support.language import translated as _

CRITERIA = ("bic", "aic", "icl")

# Of a model's way through the sweep, as they are shown.
_STEPS = (marked("first"), marked("exchanged"), marked("finished"))


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
) -> tuple[GaussianMixtureSearch, KeyboardInterrupt | OSError | None]:
    """Fit `GaussianMixtureSearch(**options)`; return with it what ended it early, if something was found.

    That is Ctrl-C, or a checkpoint that can be written no more.
    """
    search = GaussianMixtureSearch(**options)
    ended_by = None
    try:
        with library_in_words(rows.source, quiet=quiet), _steps(search, rows, quiet=quiet):
            search.fit(
                rows.X, sample_weight=rows.weight, labels=rows.label, error_std=rows.error_std
            )
    except (KeyboardInterrupt, OSError) as stop:
        if not hasattr(search, "best_estimator_"):
            raise
        ended_by = stop
    search.callback = None
    return search, ended_by


def ended(
    stop: KeyboardInterrupt | OSError, folder: str, checkpoint: str | None
) -> KeyboardInterrupt | CommandError:
    """What a sweep that ended early left, and how the next one can go on."""
    left = f"the best model by then is in {folder}"
    if isinstance(stop, OSError):
        return CommandError(f"cannot write {checkpoint}: {reason(stop)}; {left}")
    if checkpoint is None:
        return KeyboardInterrupt(
            left, "with --checkpoint FILE a sweep is kept, and --resume goes on"
        )
    return KeyboardInterrupt(left)


@contextmanager
def _steps(search: GaussianMixtureSearch, rows: Given, *, quiet: bool) -> Iterator[None]:
    """Show how many steps of the sweep are done, and at which model."""
    with steps_shown("models", quiet=quiet) as show:
        if show is None:
            yield
            return
        begun = False

        def advance(n_done: int, n_steps: int, row: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            what = f"{_(row['step'])}: {row['n_components']} {row['covariance_type']}"
            show(what, n_done, n_steps)

        def read(n_done: int) -> None:
            if not begun:
                show(_("models, {number} rows read").format(number=f"{n_done:,}"), 0, None)

        search.callback = advance
        if not isinstance(rows, Scanned):
            yield
            return
        rows.X.on_rows = read
        try:
            yield
        finally:
            rows.X.on_rows = None


def select_outputs(*, has_figures: bool) -> list[Output]:
    """What `select` may write beside the best model."""
    results = Output("results", "results.csv", lambda search, _, path: _write_results(search, path))
    return [results, *(_PICTURES if has_figures else ())]


def outputs_of(search: GaussianMixtureSearch, outputs: Sequence[Output]) -> list[Output]:
    """Those that there are: one feature has no plane, one component no entropy."""
    none = set()
    if search.n_features_in_ == 1:
        none.add("uncertainty")
    if search.best_estimator_.n_components == 1:
        none.add("entropy")
    return [output for output in outputs if output.what not in none]


def _draw_search(search: GaussianMixtureSearch, _: Given, path: Path) -> None:
    from mixtura.cli.figures import draw_search  # slow to import

    draw_search(search, path)


def _draw_best(name: str, search: GaussianMixtureSearch, rows: Given, path: Path) -> None:
    from mixtura.cli import figures  # slow to import

    getattr(figures, name)(search.best_estimator_, rows, path)


_PICTURES = (
    Output("criterion", "search.png", _draw_search, is_picture=True),
    Output("figure", "mixture.png", partial(_draw_best, "draw_mixture"), is_picture=True),
    Output(
        "uncertainty", "uncertainty.png", partial(_draw_best, "draw_uncertainty"), is_picture=True
    ),
    Output("entropy", "entropy.png", partial(_draw_best, "draw_entropy"), is_picture=True),
)


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
        failed = _(
            "{number} of {all} models failed, are degenerate or not finished: see results.csv"
        )
        print(failed.format(number=n_failed, all=n_cells))
