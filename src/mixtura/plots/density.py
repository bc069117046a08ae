"""`plot_density`: the whole density of a mixture, not its components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from mixtura import Mixture
from mixtura.drawing.colours import INK, PALETTE
from mixtura.drawing.features import choice
from mixtura.drawing.rows import DrawnRows, drawn_rows, inside
from mixtura.mixture.univariate import checked_levels
from mixtura.plots import drawn as drawing
from mixtura.plots import panels
from mixtura.plots.canvas import one_axes
from mixtura.plots.mixture import MOST_POINTS, ONE_PANEL, emptiest_corner, notes_of
from mixtura.plots.style import add_notes, marker_area, name_axes

# Points of the grid along each axis, and how far beyond the rows it goes, in their range.
_FINE = 240
_MARGIN = 0.15


def plot_density(
    model: Any,
    X: ArrayLike,
    features: int | str | Sequence[int | str] | None = None,
    ax: Any = None,
    *,
    figure: Any = None,
    coverages: Sequence[float] = (0.5, 0.75, 0.95),
    sample_weight: ArrayLike | None = None,
) -> Any:
    """Draw the density over the rows: where which share of it lies, or where it is cut.

    Two features: the regions of highest density that hold each coverage, the darker the denser. One: a
    histogram, the components and their sum, with a line where the likeliest component changes and, below, the
    same regions as bars.

    Parameters
    ----------
    model : fitted GaussianMixture or GaussianMixtureSearch, or Mixture
        Of more features than are drawn, their marginal distribution.
    X : array-like or data frame of shape (n_rows, n_features), or a source
        With every feature of the model. Of more than 10,000 rows a random sample is drawn, the same every
        time, and the picture says so.
    features : int, str, or sequence of one or two of them, optional
        The two in each of which the components overlap least by default.
    ax : matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current axes or a new figure, as
        `plot_mixture` says.
    coverages : sequence of float, default=(0.5, 0.75, 0.95)
        Shares that regions hold, each within (0, 1).
    sample_weight : array-like of shape (n_rows,), optional
        The weights that the model was fitted with, for the histogram.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `X` has not the model's features, more than two features are asked for, a coverage is not within
        (0, 1), `ax` is not one Axes, or `figure` is not empty.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    See Also
    --------
    mixtura.Mixture.hdr_threshold, mixtura.Mixture.cut_points

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_density
    >>> X = load_faithful().data
    >>> ax = plot_density(GaussianMixture(2, random_state=0).fit(X), X)
    >>> ax.get_xlabel()
    'x0'
    """
    mixture = drawing.mixture_of(model)
    names = drawing.feature_names(model, X, mixture.n_features)
    shares = sorted(np.atleast_1d(checked_levels(coverages, "coverages")).tolist())
    data = drawing.matrix(model, X, mixture.n_features)
    chosen = choice(mixture, features, names, 2)
    indexes = list(chosen.drawn)
    if len(indexes) > 2:
        raise ValueError(
            f"plot_density draws one or two features, but {len(indexes)} are asked for."
        )
    given = drawing.with_all(data, sample_weight)
    drawn = drawn_rows(mixture, given, indexes, MOST_POINTS)
    marginal = mixture.without_noise().marginal(indexes)
    axes = one_axes(ax, figure, ONE_PANEL)
    named = [names[j] for j in indexes]
    (_draw_curve if len(indexes) == 1 else _draw_regions)(axes, marginal, drawn, shares)
    name_axes(axes, *named, *["density"][: 2 - len(named)])
    add_notes(axes, notes_of(chosen, drawn, marginal))
    return axes


def _draw_curve(axes: Any, mixture: Mixture, drawn: DrawnRows, shares: Sequence[float]) -> None:
    panels.draw_histogram(axes, mixture, drawn, 0, drawn.ranges[0])
    low, high = axes.get_xlim()
    top = axes.get_ylim()[1]
    cuts = [cut for cut in mixture.cut_points().points if low < cut < high]
    for cut in cuts:
        axes.axvline(cut, color=INK, ls="--", lw=1.2)
        axes.annotate(
            f"{cut:.4g}",
            (cut, 0.985 * top),
            ha="right",
            va="top",
            rotation=90,
            fontsize=8,
            color=INK,
        )
    x = np.linspace(low, high, 4000)
    heights = mixture.log_density(x[:, np.newaxis])
    for place, share in enumerate(shares):
        held = heights >= np.log(mixture.hdr_threshold(share))
        # Under the axis of 0, a row of bars for each share.
        level = -0.03 * top * (place + 1)
        axes.plot(x, np.where(held, level, np.nan), color=_shade(place, len(shares)), lw=4)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.03 * top * (len(shares) + 1), top)
    handles = panels.component_handles(mixture) + panels.sum_handles(mixture)
    handles += _handles(shares) + panels.completed_handles(drawn.gaps)
    if cuts:
        handles.append(Line2D([], [], color=INK, ls="--", lw=1.2, label="cut points"))
    axes.legend(handles=handles, loc="best", fontsize=8, framealpha=0.85)


def _draw_regions(axes: Any, mixture: Mixture, drawn: DrawnRows, shares: Sequence[float]) -> None:
    seen = inside(drawn.points, drawn.ranges)
    points = drawn.points[seen]
    x, y = (_reach(values) for values in points.T)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    heights = mixture.log_density(grid).reshape(_FINE, _FINE)
    levels = [np.log(mixture.hdr_threshold(share)) for share in reversed(shares)]
    bands = [*levels, max(float(heights.max()), levels[-1]) + 1.0]
    colours = [_shade(place, len(shares)) for place in reversed(range(len(shares)))]
    axes.contourf(x, y, heights, levels=bands, colors=colours, alpha=0.75)
    axes.contour(x, y, heights, levels=levels, colors=[INK], linestyles="solid", linewidths=0.7)
    completed = drawn.completed([0, 1])[seen]
    dots = {"s": 0.5 * marker_area(len(points)), "alpha": 0.45, "rasterized": True}
    axes.scatter(*points[~completed].T, color=INK, linewidths=0, **dots)
    if completed.any():
        axes.scatter(
            *points[completed].T, facecolors="none", edgecolors=INK, linewidths=0.6, **dots
        )
    handles = _handles(shares) + panels.completed_handles(drawn.gaps)
    axes.legend(handles=handles, loc=emptiest_corner(axes, points), fontsize=8, framealpha=0.85)


def _reach(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) if high > low else 1.0
    return np.linspace(low - margin, high + margin, _FINE)


def _shade(place: int, n: int) -> Any:
    """The palette's blue, paler the more a region holds."""
    strength = 0.85 - 0.65 * place / max(n - 1, 1)
    return tuple(1 - strength * (1 - part) for part in to_rgb(PALETTE[0]))


def _handles(shares: Sequence[float]) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=_shade(place, len(shares)),
            lw=5,
            label=f"holds {100 * share:g} %",
        )
        for place, share in enumerate(shares)
    ]


__all__ = ["plot_density"]
