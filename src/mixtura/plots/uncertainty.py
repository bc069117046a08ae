"""`plot_uncertainty`: which rows lie between components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mixtura.drawing.colours import INK, colour
from mixtura.drawing.features import choice
from mixtura.drawing.rows import DrawnRows, components_inside, drawn_rows, inside
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.plots import drawn as drawing
from mixtura.plots.canvas import one_axes
from mixtura.plots.mixture import (
    MOST_POINTS,
    ONE_PANEL,
    emptiest_corner,
    notes_of,
)
from mixtura.plots.panels import completed_handles, draw_numbers, hollow, show_ranges
from mixtura.plots.style import add_notes, name_axes

# Largest area of a dot, in points squared.
_LARGEST = 90.0
_SMALLEST = 6.0


def plot_uncertainty(
    model: Any,
    X: ArrayLike,
    features: int | str | Sequence[int | str] | None = None,
    ax: Any = None,
    *,
    figure: Any = None,
    error_covariances: ArrayLike | None = None,
    error_std: ArrayLike | None = None,
) -> Any:
    """Draw two features of the rows, coloured by label, the larger the less certain the label is.

    Of one feature the uncertainty is drawn against it. Rows that lack a value of what is drawn stand where
    the mixture expects them, hollow.

    Parameters
    ----------
    model : fitted GaussianMixture or GaussianMixtureSearch, or Mixture
        What to draw. Labels and uncertainty come from all its features.
    X : array-like or data frame of shape (n_rows, n_features), or a source
        With every feature of the model. Of more than 10,000 rows a random sample is drawn, the same
        every time, and the picture says so.
    features : int, str, or sequence of one or two of them, optional
        The two in each of which the components overlap least by default, as `plot_mixture` measures it.
    ax : matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current axes or a new figure, as
        `plot_mixture` says.
    error_covariances, error_std : array-like, optional
        With what errors `X` was measured, as for `GaussianMixture.fit`: labels and certainty go by them. Rows
        stand where they were measured, and those with an infinite error in what is drawn where they are
        expected.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `X` has not the model's features, more than two features are asked for, `ax` is not one
        Axes, or `figure` is not empty.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    Notes
    -----
    The uncertainty of a row is 1 - max_k r_k, r the responsibilities; from 0 to 1 - 1 / n_components.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_uncertainty
    >>> X = load_faithful().data
    >>> ax = plot_uncertainty(GaussianMixture(2, random_state=0).fit(X), X)
    >>> ax.get_xlabel()
    'x0'
    """
    mixture = drawing.mixture_of(model)
    names = drawing.feature_names(model, X, mixture.n_features)
    rows = drawing.matrix(model, X, mixture.n_features)
    chosen = choice(mixture, features, names, 2)
    indexes = list(chosen.drawn)
    if len(indexes) > 2:
        raise ValueError(
            f"plot_uncertainty draws one or two features, but {len(indexes)} are asked for."
        )
    errors = ErrorsGiven(error_covariances, error_std)
    drawn = drawn_rows(mixture, drawing.with_all(rows, errors=errors), indexes, MOST_POINTS)
    marginal = mixture.marginal(indexes)
    axes = one_axes(ax, figure, ONE_PANEL)
    uncertainty = 1 - drawn.certainty
    heights = drawn.points[:, 1] if len(indexes) == 2 else uncertainty
    points = np.column_stack([drawn.points[:, 0], heights])
    most = 1 - 1 / mixture.n_components if mixture.n_components > 1 else 1.0
    order = np.argsort(uncertainty, kind="stable")  # the doubtful ones on top
    order = order[inside(drawn.points[order], drawn.ranges)]
    completed = drawn.completed(range(len(indexes)))[order]
    for some, look in ((order[~completed], _filled), (order[completed], hollow)):
        if not len(some):
            continue
        colours = [colour(label) for label in drawn.labels[some]]
        size = _area(uncertainty[some] / most)
        x, y = points[some].T
        axes.scatter(x, y, s=size, alpha=0.6, **look(colours))
    if len(indexes) == 2:
        show_ranges(axes, drawn.ranges)
        seen = np.flatnonzero(components_inside(marginal, drawn.ranges)).tolist()
        draw_numbers(axes, marginal, seen)
    else:
        show_ranges(axes, [*drawn.ranges, None])
    name_axes(axes, *[names[j] for j in indexes], *["uncertainty"][: 2 - len(indexes)])
    _add_legend(axes, drawn, points, most, mixture.n_components)
    add_notes(axes, notes_of(chosen, drawn, marginal))
    return axes


def _area(share: Any) -> Any:
    return _SMALLEST + (_LARGEST - _SMALLEST) * share


def _filled(colours: Any) -> dict[str, Any]:
    return {"c": colours, "linewidths": 0.4, "edgecolors": "white"}


def _add_legend(axes: Any, drawn: DrawnRows, points: Any, most: float, n_components: int) -> None:
    handles = completed_handles(drawn.gaps)
    if n_components > 1:  # else nothing is uncertain
        sizes = (0.0, 0.5, 1.0)
        dots = [axes.scatter([], [], s=_area(share), c=INK) for share in sizes]
        for share, dot in zip(sizes, dots, strict=True):
            dot.set_label(f"{share * most:.2g}")
        handles = [*dots, *handles]
    if not handles:
        return
    axes.legend(
        handles=handles,
        title="uncertainty" if n_components > 1 else None,
        loc=emptiest_corner(axes, points),
        fontsize=8,
        title_fontsize=8,
        framealpha=0.85,
    )
