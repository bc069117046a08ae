"""`plot_mixture`: see what a mixture found in the data."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from mixtura import Mixture
from mixtura.plots import _drawn as drawing
from mixtura.plots import _panels as panels
from mixtura.plots._style import FAINT_INK, broken

Corner = Literal["upper right", "upper left", "lower right", "lower left", "best"]
CORNERS: dict[Corner, tuple[int, int]] = {
    "upper right": (1, 1),
    "upper left": (0, 1),
    "lower right": (1, 0),
    "lower left": (0, 0),
}
MOST_POINTS = 10_000
MOST_POINTS_OF_PAIRS = 3_000
MOST_PAIRED = 8
BACKENDS_THAT_ONLY_WRITE_FILES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def plot_mixture(
    model: Any,
    X: ArrayLike,
    features: int | str | Sequence[int | str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw the rows of `X` and the components that `model` sees in them.

    One feature: a histogram with every component's weighted density and their sum. Two: the
    rows coloured by label, the paler the less certain, with each component's centre and the
    ellipses that hold 50 % and 95 % of it. More: a triangle of all pairs.

    Parameters
    ----------
    model : fitted GaussianMixture, or Mixture
        What to draw. Labels and certainty come from all its features, also where few are drawn.
    X : array-like or data frame of shape (n_rows, n_features), or a source
        The rows, with every feature of the model. Of more than 10,000 rows (3,000 for pairs) a
        random sample is drawn, the same every time, and the picture says so.
    features : int, str, or sequence of them, optional
        The features to draw, by number or by name. All by default; of more than eight, the
        eight in which the components lie furthest apart, and the picture says so.
    ax : matplotlib Axes, optional
        Where to draw; for k > 2 features a k x k array of Axes. A new figure by default.

    Returns
    -------
    matplotlib Axes, or ndarray of Axes
        The Axes for one or two features; for k > 2 the k x k array of them, whose upper
        triangle is empty. The figure is ``ax.figure``, or ``axes[0, 0].figure``.

    Raises
    ------
    ValueError
        If `X` has not the model's features, `features` names one that does not exist, or `ax`
        has the wrong shape.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    Notes
    -----
    A new figure belongs to pyplot where pyplot can show it, in a window or a notebook. Elsewhere
    it is a plain `matplotlib.figure.Figure`, which is freed with the last reference to it.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_mixture
    >>> X = load_faithful().data
    >>> gm = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> ax = plot_mixture(gm, X)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x0', 'x1')
    >>> ax.figure.savefig("faithful.png")  # doctest: +SKIP
    """
    mixture = drawing.mixture_of(model)
    names = drawing.feature_names(model, X, mixture.n_features)
    data = drawing.matrix(model, X, mixture.n_features)
    indexes, note = _chosen_features(mixture, features, names)
    limit = MOST_POINTS if len(indexes) <= 2 else MOST_POINTS_OF_PAIRS
    drawn = drawing.drawn_rows(mixture, data, indexes, limit)
    draw = (_draw_one, _draw_two, _draw_pairs)[min(len(indexes), 3) - 1]
    notes = [part for part in (note, drawn.note) if part]
    return draw(mixture.marginal(indexes), drawn, [names[j] for j in indexes], notes, ax)


def _chosen_features(
    mixture: Mixture, features: Any, names: Sequence[str]
) -> tuple[list[int], str]:
    if features is not None:
        return drawing.feature_indexes(features, names), ""
    if mixture.n_features <= MOST_PAIRED:
        return list(range(mixture.n_features)), ""
    note = f"{MOST_PAIRED} of {mixture.n_features} features drawn (components furthest apart)"
    return drawing.telling_features(mixture, MOST_PAIRED), note


def _draw_one(
    mixture: Mixture, drawn: drawing.DrawnRows, names: list[str], notes: list[str], ax: Any
) -> Axes:
    axes = _one_axes(ax)
    panels.draw_histogram(axes, mixture, drawn.points[:, 0])
    _name_axes(axes, names[0], "density")
    _add_legend(axes, panels.component_handles(mixture) + panels.sum_handles(mixture), "best")
    _add_notes(axes, notes)
    return axes


def _draw_two(
    mixture: Mixture, drawn: drawing.DrawnRows, names: list[str], notes: list[str], ax: Any
) -> Axes:
    axes = _one_axes(ax)
    panels.draw_cloud(axes, mixture, drawn, drawn.points, small=False)
    _name_axes(axes, *names)
    handles = panels.number_handles(mixture) + panels.cloud_handles(mixture)
    _add_legend(axes, handles, _emptiest_corner(axes, drawn.points))
    _add_notes(axes, notes)
    return axes


def _draw_pairs(
    mixture: Mixture, drawn: drawing.DrawnRows, names: list[str], notes: list[str], ax: Any
) -> NDArray[Any]:
    grid = _grid_of_axes(ax, len(names))
    for (row, column), axes in np.ndenumerate(grid):
        if row < column:
            axes.set_axis_off()
        elif row == column:
            panels.draw_histogram(axes, mixture.marginal([row]), drawn.points[:, row])
        else:
            pair = [column, row]
            panels.draw_cloud(
                axes, mixture.marginal(pair), drawn, drawn.points[:, pair], small=True
            )
    _align(grid, names)
    handles = panels.component_handles(mixture) + panels.sum_handles(mixture)
    _add_legend(grid[0, -1], handles + panels.cloud_handles(mixture), "upper right")
    _add_notes(grid[0, 0], notes)
    return grid


def _one_axes(ax: Any) -> Axes:
    if ax is None:
        return _new_figure(6.4, 5.2).subplots()
    if not isinstance(ax, Axes):
        raise ValueError(
            f"ax must be one matplotlib Axes for this picture, got {type(ax).__name__}"
        )
    return ax


def _grid_of_axes(ax: Any, n: int) -> NDArray[Any]:
    if ax is None:
        side = 1.6 + 1.7 * n
        return np.asarray(_new_figure(side, side).subplots(n, n))
    if np.shape(ax) != (n, n):
        raise ValueError(
            f"ax must be a {n} x {n} array of Axes for {n} features, got {type(ax).__name__}"
        )
    return np.asarray(ax)


def _new_figure(width: float, height: float) -> Figure:
    size = (width, height)
    if _pyplot_can_show():
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, layout="constrained")
    return Figure(figsize=size, layout="constrained")


def _pyplot_can_show() -> bool:
    # pyplot keeps every figure until it is closed, so it gets only those that somebody can close.
    # Notebooks set the variable; without it nobody who has not imported pyplot will call show().
    if "matplotlib.pyplot" not in sys.modules and "MPLBACKEND" not in os.environ:
        return False
    return matplotlib.get_backend().lower() not in BACKENDS_THAT_ONLY_WRITE_FILES


def _align(grid: NDArray[Any], names: list[str]) -> None:
    """Give a column one x axis and a row one y axis, and write them at the edge only."""
    last = len(names) - 1
    limits = [_limits(grid, j) for j in range(len(names))]
    for (row, column), axes in np.ndenumerate(grid):
        axes.set_xlim(limits[column])
        axes.tick_params(labelbottom=row == last, labelleft=column == 0 < row, labelsize=8)
        if row == last:
            axes.set_xlabel(broken(names[column]), parse_math=False)
        if row == column:
            axes.set_yticks([])
        elif row > column:
            axes.set_ylim(limits[row])
        if column == 0 < row:
            axes.set_ylabel(broken(names[row]), parse_math=False)
    grid[0, 0].figure.align_labels()


def _limits(grid: NDArray[Any], feature: int) -> tuple[float, float]:
    """Return the range of a feature over all pairs that show it, ellipses included."""
    as_x = [grid[row, feature].get_xlim() for row in range(feature + 1, len(grid))]
    as_y = [grid[feature, column].get_ylim() for column in range(feature)]
    lows, highs = zip(*(as_x + as_y), strict=True)
    return min(lows), max(highs)


def _name_axes(axes: Axes, x: str, y: str) -> None:
    # A column named "$a$" is no formula.
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)


def _add_legend(axes: Axes, handles: list[Line2D], loc: Corner) -> None:
    axes.legend(handles=handles, loc=loc, fontsize=8, framealpha=0.85)


def _add_notes(axes: Axes, notes: list[str]) -> None:
    if notes:
        axes.set_title("\n".join(notes), loc="left", fontsize=8, color=FAINT_INK)


def _emptiest_corner(axes: Axes, points: NDArray[np.float64]) -> Corner:
    # matplotlib's own "best" looks at every dot and takes seconds.
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(points)).T

    def crowd(corner: Corner) -> int:
        u, v = CORNERS[corner]
        return int(np.sum((abs(x - u) < 0.35) & (abs(y - v) < 0.35)))

    return min(CORNERS, key=crowd)
