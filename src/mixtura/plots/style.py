"""How the pictures look: colours, and the shades in which they say how certain a label is."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mixtura.drawing.colours import NOISE, colour, opacity, rgb_of

FAINT_INK = "#666666"

_MOST_TICKS = 12
_LONGEST_LINE = 14
_LONGEST_LABEL = 45
_LETTERS_AN_INCH = 17
_MOST_LINES = 3


def shades(labels: NDArray[Any], certainty: NDArray[Any], n_components: int) -> NDArray[np.float64]:
    """RGBA per row: the colour of its label, paler the nearer the label is to a guess."""
    rgb = np.array([rgb_of(colour(component)) for component in (*range(n_components), NOISE)])
    pale = opacity(certainty, n_components) * _opacity_of_a_crowd(len(labels))
    return np.column_stack([rgb[labels], pale])


def whole_ticks(axes: Any, numbers: Any) -> None:
    """Name each number on the x axis, or, where they are many, so many as have room."""
    if len(numbers) <= _MOST_TICKS:
        axes.set_xticks(numbers)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=True))


def broken(name: str, longest: int = _LONGEST_LINE) -> str:
    """A long name in lines, broken where its words end: a label beside others has little room."""
    lines = [""]
    for word in re.findall(r"[^\s_/.-]*[\s_/.-]*", " ".join(name.split())):
        if lines[-1] and len(lines[-1] + word.rstrip()) > longest:
            lines.append("")
        lines[-1] += word
    lines = [part for line in lines for part in textwrap.wrap(line, longest)] or [name]
    return "\n".join(lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], "..."])


def name_axes(axes: Any, x: str, y: str) -> None:
    """Write what is along the axes; a column named "$a$" is no formula."""
    axes.set_xlabel(broken(x, _LONGEST_LABEL), parse_math=False)
    axes.set_ylabel(broken(y, _LONGEST_LABEL), parse_math=False)


def add_notes(axes: Any, notes: list[str], share: float = 1.0, loc: str = "left") -> None:
    """Write above the axes, in lines of a share of their width, what the picture has to admit."""
    inches = share * axes.get_window_extent().width / axes.figure.dpi
    width = max(20, int(inches * _LETTERS_AN_INCH))
    lines = [line for note in notes for line in textwrap.wrap(note, width)]
    if lines:
        axes.set_title("\n".join(lines), loc=loc, fontsize=8, color=FAINT_INK, parse_math=False)


def marker_area(n_points: int) -> float:
    """Points squared: large dots for few rows, small ones for many."""
    return float(np.clip(6_000 / max(n_points, 1), 4, 28))


def _opacity_of_a_crowd(n_points: int) -> float:
    return float(np.clip(12 / np.sqrt(max(n_points, 1)), 0.3, 0.85))
