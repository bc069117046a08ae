"""What a person reads: the summary of a fit as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mixtura import GaussianMixture, Summary
from mixtura.summary import ComponentSummary


class Screen(Console):
    """A console that leaves a closed pipe to the caller, as print() does, and ends no line with blanks."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, which fills every line of a table to its width."""
        with self.capture() as captured:
            super().print(*objects, **options)
        lines = captured.get().split("\n")
        print("\n".join(line.rstrip() for line in lines), end="", file=self.file)

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the BrokenPipeError


def show_summary(model: GaussianMixture) -> None:
    """Print the fit's figures, and its components as wide as the screen allows."""
    summary = model.summary()
    console = Screen(highlight=False)
    console.print(f"[bold]{escape(summary.model)}[/bold]")
    console.print(_figures(summary))
    for part in _components(summary, console.width):
        console.print(part)


def show_files(files: dict[str, str]) -> None:
    for what, path in files.items():
        print(f"{what}: {path}")


def _figures(summary: Summary) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    for name, value in _facts(summary):
        grid.add_row(name, value)
    return grid


def _facts(summary: Summary) -> list[tuple[str, str]]:
    ended = "converged" if summary.converged else "[yellow]not converged[/yellow]"
    plural = "" if summary.n_features == 1 else "s"
    rows = f"{summary.n_rows:,} x {summary.n_features} feature{plural}"
    if summary.weight != summary.n_rows:
        rows += f", total weight {summary.weight:,.6g}"
    iterations = "iteration" if summary.n_iter == 1 else "iterations"
    return [
        ("rows", rows),
        (
            "log-likelihood",
            f"{summary.log_likelihood:,.3f} ({summary.mean_log_likelihood:.6g} a row)",
        ),
        ("parameters", f"{summary.degrees_of_freedom:,}"),
        ("BIC, AIC, ICL", f"{summary.bic:,.2f}, {summary.aic:,.2f}, {summary.icl:,.2f}"),
        ("EM", f"{ended} after {summary.n_iter} {iterations}"),
    ]


def _components(summary: Summary, width: int) -> Iterator[Table | str]:
    """Give each component a line, or, where the features would not fit across, a column."""
    lines = [["component", "weight", "rows", *map(escape, summary.feature_names)]]
    lines += [_cells(k, component) for k, component in enumerate(summary.components)]
    if _n_fitting(list(zip(*lines, strict=True)), width) == len(lines[0]):
        yield _table(lines)
        return
    shown = max(_n_fitting(lines, width), 2)
    yield _table(list(zip(*lines[:shown], strict=True)))
    if shown < len(lines):
        yield f"... and {len(lines) - shown} more; --json shows all\n"


def _n_fitting(columns: Sequence[Sequence[str]], width: int) -> int:
    """Count the columns that have room beside each other, each with a margin of three."""
    widths = accumulate(max(map(len, column)) + 3 for column in columns)
    return sum(used <= width for used in widths)


def _cells(number: int, component: ComponentSummary) -> list[str]:
    return [
        str(number),
        f"{component.weight:.4f}",
        f"{component.expected_rows:,.1f}",
        *map(_place, component.mean, component.spread),
    ]


def _place(mean: float, spread: float) -> str:
    """Mean and spread, both to the decimals in which the spread has three digits."""
    text = f"{spread:#.3g}".rstrip(".")
    if "e" in text:
        return f"{mean:.4g} ± {text}"
    return f"{mean:.{len(text.partition('.')[2])}f} ± {text}"


def _table(lines: Sequence[Sequence[str]]) -> Table:
    header, *rest = lines
    table = Table(box=box.SIMPLE_HEAD)
    for name in header:
        table.add_column(name, justify="right", overflow="fold")
    for line in rest:
        table.add_row(*line)
    return table
