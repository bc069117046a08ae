"""Colours of components and structures: whoever draws, the same thing has the same one."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mixtura.support.arrays import FloatArray

# Okabe and Ito (2008): told apart with any of the common colour-vision deficiencies. Their yellow
# is left out, since it vanishes on white, and their black, since text and sums are drawn in it.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#6E6E6E")
MOST_COLOURS = 60
#: Whole, dashed, dotted, both.
LINE_STYLES = ("-", "--", ":", "-.")
INK = "#222222"
WHITE = "#FFFFFF"

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


def opacity(certainty: FloatArray, n_components: int) -> FloatArray:
    """Of rows: the paler, the nearer the label is to a guess."""
    if n_components == 1:
        return np.ones(len(certainty))
    guess = 1 / n_components
    return 0.15 + 0.85 * np.clip((certainty - guess) / (1 - guess), 0, 1)


def rgb_of(name: str) -> NDArray[np.float64]:
    """Red, green and blue of '#RRGGBB', from 0 to 1."""
    return np.frombuffer(bytes.fromhex(name[1:]), dtype=np.uint8) / 255


def _hex_of(rgb: NDArray[np.float64]) -> str:
    return "#" + bytes(np.round(rgb * 255).astype(np.uint8)).hex()


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
    chosen = [rgb_of(name) for name in (*PALETTE, INK, WHITE)]
    first = len(chosen)
    while len(chosen) < first + MOST_COLOURS - len(PALETTE):
        for given in chosen if len(chosen) == first else chosen[-1:]:
            nearest = np.minimum(nearest, _distances(seen, _as_seen(given[np.newaxis])))
        chosen.append(candidates[np.argmax(nearest)])
    return tuple(map(_hex_of, chosen[first:]))


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
