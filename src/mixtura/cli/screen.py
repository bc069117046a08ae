"""What a person reads: the summary of a fit as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.text import Text

from mixtura import GaussianMixture
from mixtura.display.page import Shown
from mixtura.support.language import translated as _


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


def show(
    result: Shown,
    in_words: Callable[[str], str] = str,
    everything: str | None = None,
) -> None:
    """Print a result as Python does, as wide as the screen is.

    in_words: what becomes of its sentences; everything: where what is left out is, if not in --json.
    """
    console, page = Screen(highlight=False), result._page()
    page = replace(page, points=tuple(map(in_words, page.points)))
    text = Text(page.text(console.width, everything or _("--json shows all")))
    text.stylize("bold", 0, text.plain.index("\n\n"))
    text.highlight_words([_("not converged")], "yellow")
    console.print(text, soft_wrap=True)
    console.print()


def show_files(files: dict[str, str]) -> None:
    """Say what was written, and where."""
    for what, path in files.items():
        print(f"{_(what)}: {path}")
