"""`plot_boundary`: where a classifier changes its mind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike, NDArray

from mixtura import GaussianMixtureClassifier, Mixture
from mixtura.drawing.colours import INK, colour
from mixtura.drawing.features import choice
from mixtura.mixture import expected, log_sum_exp
from mixtura.plots import drawn as drawing
from mixtura.plots.canvas import one_axes
from mixtura.plots.mixture import ONE_PANEL, emptiest_corner
from mixtura.plots.panels import completed_handles, hollow
from mixtura.plots.style import add_notes, marker_area, name_axes

# Points of the grid along each axis.
_FINE = 300
_MOST_POINTS = 10_000


def plot_boundary(
    classifier: GaussianMixtureClassifier,
    X: ArrayLike,
    y: ArrayLike | None = None,
    features: Sequence[int | str] | None = None,
    ax: Any = None,
    *,
    figure: Any = None,
) -> Any:
    """Draw the classes in the plane of two features: the paler, the less certain; lines where they meet.

    Of more features the regions are those of rows of which only these two are known. Rows that lack one of
    them stand where the mixture of all classes expects them, hollow.

    Parameters
    ----------
    classifier : fitted GaussianMixtureClassifier
    X : array-like or data frame of shape (n_rows, n_features)
        Rows to be drawn, with every feature of the classifier. Of more than 10,000 the first are.
    y : array-like of shape (n_rows,), optional
        Their classes, by which they are coloured; what is no class of the fit is grey. None: those that are
        predicted.
    features : sequence of two int or str, optional
        The two in each of which the components overlap least by default.
    ax : matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If `classifier` is none.
    ValueError
        If X has other columns than were fitted, or not two features are asked for.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mixtura import GaussianMixtureClassifier
    >>> from mixtura.plots import plot_boundary
    >>> X, y = load_iris(return_X_y=True)
    >>> ax = plot_boundary(GaussianMixtureClassifier().fit(X, y), X, y)
    >>> ax.get_xlabel()
    'x2'
    """
    advice = "fit one, or draw a mixture with plot_mixture"
    drawing.check_is(classifier, GaussianMixtureClassifier, "plot_boundary", advice)
    mixture = classifier.mixture_
    names = drawing.feature_names(classifier, X, mixture.n_features)
    chosen = choice(mixture, features, names, 2)
    indexes = list(chosen.drawn)
    if len(indexes) != 2:
        raise ValueError(f"plot_boundary draws two features, but there are {len(indexes)}.")
    codes = _codes(classifier, X, y)[:_MOST_POINTS]
    rows = np.asarray(drawing.matrix(classifier, X, mixture.n_features))
    shown = rows[:_MOST_POINTS]
    points = expected(mixture, shown, 1)[0][:, indexes].astype(np.float64)
    gaps = np.isnan(shown[:, indexes]).any(axis=1)
    axes = one_axes(ax, figure, ONE_PANEL)
    _draw_regions(axes, classifier, indexes, points)
    dots: dict[str, Any] = {"s": marker_area(len(points)), "zorder": 3}
    edge: dict[str, Any] = {"edgecolors": INK, "linewidths": 0.3}
    for c, name in [*enumerate(classifier.classes_), (-1, "no class")]:
        mine = codes == c
        if mine.any():
            first, second = points[mine & ~gaps].T
            axes.scatter(first, second, color=colour(c), label=str(name), **edge, **dots)
        if (mine & gaps).any():
            first, second = points[mine & gaps].T
            axes.scatter(first, second, **hollow(colour(c)), **dots)
    name_axes(axes, *[names[j] for j in indexes])
    handles = [*axes.get_legend_handles_labels()[0], *completed_handles(gaps)]
    corner = emptiest_corner(axes, points)
    axes.legend(handles=handles, loc=corner, fontsize=8, framealpha=0.85)
    add_notes(axes, [chosen.note] if chosen.note else [])
    return axes


def _codes(classifier: GaussianMixtureClassifier, X: Any, y: Any) -> NDArray[np.intp]:
    """The number of each row's class; -1 of what is none."""
    labels = classifier.predict(X)
    values = labels if y is None else np.asarray(y)
    if len(values) != len(labels):
        raise ValueError(f"y has {len(values)} classes, but X has {len(labels)} rows.")
    found = np.full(len(values), -1, dtype=np.intp)
    for c, name in enumerate(classifier.classes_):
        found[values == name] = c
    return found


def _draw_regions(
    axes: Any,
    classifier: GaussianMixtureClassifier,
    indexes: list[int],
    points: NDArray[np.float64],
) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(a, b, _FINE) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    r = _probabilities(classifier.mixtures_, classifier.class_prior_, indexes, grid)
    best = r.argmax(axis=1)
    colours = np.array([to_rgb(colour(c)) for c in range(r.shape[1])])
    opacity = 0.38 * (r.max(axis=1) - 1 / r.shape[1]) / (1 - 1 / r.shape[1])
    image = 1 - opacity[:, np.newaxis] * (1 - colours[best])
    box = (x[0], x[-1], y[0], y[-1])
    axes.imshow(
        image.reshape(_FINE, _FINE, 3),
        origin="lower",
        extent=box,
        aspect="auto",
        interpolation="bilinear",
    )
    for c in range(r.shape[1]):
        others = np.delete(r, c, axis=1).max(axis=1)
        lead = (r[:, c] - others).reshape(_FINE, _FINE)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead, levels=[0.0], colors=INK, linewidths=0.9)


def _probabilities(
    mixtures: list[Mixture], priors: Any, indexes: list[int], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        joint = np.column_stack(
            [
                np.log(prior) + mixture.marginal(indexes).log_density(grid)
                for prior, mixture in zip(priors, mixtures, strict=True)
            ]
        )
    return np.asarray(np.exp(joint - log_sum_exp(joint)[:, np.newaxis]))
