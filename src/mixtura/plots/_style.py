"""How the pictures look: colours, and the shades in which they say how certain a label is."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

# Okabe and Ito (2008): told apart with any of the common colour-vision deficiencies. Their yellow
# is left out, since it vanishes on white, and their black, since text and sums are drawn in it.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#6E6E6E")
LINE_STYLES = ("-", "--", ":", "-.")
INK = "#222222"
FAINT_INK = "#666666"

_MOST_TICKS = 12
_LONGEST_LINE = 14
_MOST_LINES = 3


def colour(component: int) -> str:
    return PALETTE[component % len(PALETTE)]


def line_style(component: int) -> str:
    # Components that share a colour differ in the line, as long as there are lines.
    return LINE_STYLES[component // len(PALETTE) % len(LINE_STYLES)]


def shades(labels: NDArray[Any], certainty: NDArray[Any], n_components: int) -> NDArray[np.float64]:
    """RGBA per row: the colour of its label, paler the nearer the label is to a guess."""
    rgb = np.array([to_rgb(colour(component)) for component in range(n_components)])
    guess = 1 / n_components
    above_guess = (certainty - guess) / (1 - guess) if n_components > 1 else np.ones(len(labels))
    opacity = (0.15 + 0.85 * np.clip(above_guess, 0, 1)) * _opacity_of_a_crowd(len(labels))
    return np.column_stack([rgb[labels], opacity])


def whole_ticks(axes: Any, numbers: Any) -> None:
    """Name each number on the x axis, or, where they are many, so many as have room."""
    if len(numbers) <= _MOST_TICKS:
        axes.set_xticks(numbers)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=True))


def broken(name: str) -> str:
    """A long name in lines, broken where its words end: a label beside others has little room."""
    lines = [""]
    for word in re.findall(r"[^\s_/.-]*[\s_/.-]*", name):
        if lines[-1] and len(lines[-1] + word.rstrip()) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += word
    lines = [part for line in lines for part in textwrap.wrap(line, _LONGEST_LINE)] or [name]
    return "\n".join(lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], "..."])


def marker_area(n_points: int) -> float:
    """Points squared: large dots for few rows, small ones for many."""
    return float(np.clip(6_000 / max(n_points, 1), 4, 28))


def _opacity_of_a_crowd(n_points: int) -> float:
    return float(np.clip(12 / np.sqrt(max(n_points, 1)), 0.3, 0.85))
