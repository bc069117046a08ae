"""How the pictures look: colours, and the shades in which they say how certain a label is."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

# Okabe and Ito (2008): told apart with any of the common colour-vision deficiencies. Their yellow
# is left out, since it vanishes on white, and their black, since text and sums are drawn in it.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#6E6E6E")
MOST_COLOURS = 60
LINE_STYLES = ("-", "--", ":", "-.")
INK = "#222222"
FAINT_INK = "#666666"

# Linear light as it reaches somebody without the red or the green cones (Machado et al. 2009, table 1).
_EYES = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ]
)
# A difference that those two see counts double: where hues are many, none is far from all others to them.
_COUNTS = np.array([1.0, 2.0, 2.0])

_MOST_TICKS = 12
_LONGEST_LINE = 14
_LONGEST_LABEL = 45
_LETTERS_AN_INCH = 17
_MOST_LINES = 3


#: The label of rows that belong to no component.
NOISE = -1
_COLOUR_OF_NOISE = "#9A9A9A"


def colour(component: int) -> str:
    """Return the colour of a component: no two of the first sixty share theirs; noise is grey."""
    if component == NOISE:
        return _COLOUR_OF_NOISE
    if component < len(PALETTE):
        return PALETTE[component]
    return _further_colours()[(component - len(PALETTE)) % (MOST_COLOURS - len(PALETTE))]


def line_style(component: int) -> str:
    """Return the dashes of a component's lines."""
    # Beyond the palette colours come near each other: there lines tell apart what the eye confuses.
    return LINE_STYLES[component // len(PALETTE) % len(LINE_STYLES)]


def shades(labels: NDArray[Any], certainty: NDArray[Any], n_components: int) -> NDArray[np.float64]:
    """RGBA per row: the colour of its label, paler the nearer the label is to a guess."""
    rgb = np.array([to_rgb(colour(component)) for component in (*range(n_components), NOISE)])
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


@cache
def _further_colours() -> tuple[str, ...]:
    """Colours after the palette's: each the one farthest from all before it, and from white and ink."""
    levels = np.linspace(0, 1, 11)
    candidates = np.array(list(product(levels, levels, levels)))
    seen = _as_seen(candidates)
    # Neither lost on white paper nor taken for the ink.
    candidates = candidates[(seen[:, 0, 0] > 0.42) & (seen[:, 0, 0] < 0.82)]
    seen = _as_seen(candidates)
    nearest = np.full(len(candidates), np.inf)
    chosen = [np.array(to_rgb(name)) for name in (*PALETTE, INK, "white")]
    first = len(chosen)
    while len(chosen) < first + MOST_COLOURS - len(PALETTE):
        for given in chosen if len(chosen) == first else chosen[-1:]:
            nearest = np.minimum(nearest, _distances(seen, _as_seen(given[np.newaxis])))
        chosen.append(candidates[np.argmax(nearest)])
    return tuple(to_hex((r, g, b)) for r, g, b in chosen[first:])


def _distances(seen: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    least: NDArray[np.float64] = (np.linalg.norm(seen - other, axis=2) * _COUNTS).min(axis=1)
    return least


def _as_seen(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Oklab coordinates (Ottosson 2020), in which distances are those the eye sees: one row an eye."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    light = np.clip(np.einsum("eij,nj->nei", _EYES, linear), 0, 1)
    cones = light @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    lab: NDArray[np.float64] = np.cbrt(cones) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
    return lab
