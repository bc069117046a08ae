"""The figures that commands write; apart from the rest because matplotlib is slow to import."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.random import RandomState
from numpy.typing import NDArray

from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.cli import tables
from mixtura.cli.rows import Given, Scanned
from mixtura.drawing.colours import colour
from mixtura.inputs.missing import has_missing
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.mixture import expected
from mixtura.plots import plot_entropy, plot_search, plot_uncertainty
from mixtura.plots.canvas import OWN
from mixtura.plots.mixture import MOST_POINTS, picture_of_mixture
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.selection import combine

DPI = 150


def draw_mixture(model: GaussianMixture, rows: Given, path: Path) -> None:
    """Draw the rows and the components of a fit; warn of what is not drawn, which the picture says too."""
    picture = picture_of_mixture(
        model, rows.X, figure=OWN, sample_weight=rows.weight, errors=ErrorsGiven(std=rows.error_std)
    )
    _save(np.ravel(picture.axes)[0].figure, path)
    if picture.notes:
        how = "plot_mixture of mixtura.plots draws others with features="
        what = "; ".join(picture.notes).replace("features= draws others", how)
        warnings.warn(f"in the figure: {what}", stacklevel=2)


def draw_search(search: GaussianMixtureSearch, path: Path) -> None:
    """Draw the criterion of every model of a search."""
    _save(plot_search(search, figure=OWN).figure, path)


def draw_uncertainty(model: GaussianMixture, rows: Given, path: Path) -> None:
    """Draw two features of the rows, the larger the less certain their label is."""
    _save(plot_uncertainty(model, rows.X, figure=OWN).figure, path)


def draw_entropy(model: GaussianMixture, rows: Given, path: Path) -> None:
    """Draw the entropy of the components combined into clusters; of many rows, of a random sample."""
    blocks = _blocks(rows)
    sample = blocks.sample(MOST_POINTS, RandomState(0))
    X = sample.X
    if has_missing(X):
        X, _ = expected(model._density, X, 1)
    left, _ = plot_entropy(combine(model.mixture_, X, sample.weight), figure=OWN)
    if len(sample) < blocks.shape[0]:
        note = f"{len(sample):,} of {blocks.shape[0]:,} rows (random sample)"
        left.figure.suptitle(note, x=0.01, ha="left", fontsize=8)
    _save(left.figure, path)


def _blocks(rows: Given) -> Blocks:
    if isinstance(rows, Scanned):
        return rows.X.blocks()
    X = rows.data if isinstance(rows, tables.Rows) else rows.X
    return ArrayBlocks(Rows(X, rows.weight))


def draw_labels(model: GaussianMixture, data: NDArray[np.float64], path: Path) -> None:
    """Draw points in the plane coloured by label, and the centres as red crosses."""
    figure = Figure(figsize=(6.2, 5.2), layout="constrained")
    axes = figure.subplots()
    _draw_points(axes, model, data)
    axes.set_title("Clustering with a Gaussian mixture")
    axes.set(xlabel="x0", ylabel="x1")
    axes.grid(alpha=0.2)
    axes.legend(loc="upper right", fontsize=8, framealpha=0.85)
    _save(figure, path)


def _draw_points(axes: Axes, model: GaussianMixture, data: NDArray[np.float64]) -> None:
    labels = model.predict(data)
    for label in range(model.n_components):
        points = data[labels == label]
        style: dict[str, Any] = {"s": 30, "edgecolor": "white", "linewidth": 0.2, "alpha": 0.85}
        axes.scatter(
            points[:, 0], points[:, 1], color=colour(label), label=f"component {label}", **style
        )
    x, y = model.means_.T
    axes.scatter(x, y, marker="x", c="red", s=140, linewidth=2, label="centre")


def _save(figure: Figure, path: Path) -> None:
    with warnings.catch_warnings():
        # A column name in a script that the font lacks is drawn as boxes; the fit is no worse.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(path, dpi=DPI)
