"""What a person reads: the summary of a fit as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from mixtura import GaussianMixture
from mixtura._display import Shown


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
    show(model.summary())


def show(result: Shown) -> None:
    """Print a result as Python does, as wide as the screen is."""
    console = Screen(highlight=False)
    page = Text(result._page().text(console.width, everything="--json shows all"))
    page.stylize("bold", 0, page.plain.index("\n\n"))
    page.highlight_words(["not converged"], "yellow")
    console.print(page, soft_wrap=True)
    console.print()


def show_files(files: dict[str, str]) -> None:
    for what, path in files.items():
        print(f"{what}: {path}")
