"""`plot_uncertainty`: which rows lie between components."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mixtura.plots import _drawn as drawing
from mixtura.plots._plot_mixture import MOST_POINTS, _add_notes, _name_axes, _one_axes
from mixtura.plots._style import INK, colour

# Largest area of a dot, in points squared.
_LARGEST = 90.0
_SMALLEST = 6.0


def plot_uncertainty(model: Any, X: ArrayLike, features: Any = None, ax: Any = None) -> Any:
    """Draw two features of the rows, coloured by label, the larger the less certain the label is.

    Parameters
    ----------
    model : fitted GaussianMixture or GaussianMixtureSearch, or Mixture
    X : array-like or data frame of shape (n_rows, n_features), or a source
        With every feature of the model. Of more than 10,000 rows a random sample is drawn, the same
        every time, and the picture says so.
    features : sequence of two int or str, optional
        The two in which the components lie furthest apart by default.
    ax : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `X` has not the model's features, or not two features are asked for.
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
    data = drawing.matrix(model, X, mixture.n_features)
    indexes = (
        drawing.telling_features(mixture, 2)
        if features is None
        else drawing.feature_indexes(features, names)
    )
    if len(indexes) != 2:
        raise ValueError(f"plot_uncertainty draws two features, but {len(indexes)} are asked for.")
    drawn = drawing.drawn_rows(mixture, data, indexes, MOST_POINTS)
    uncertainty = 1 - drawn.certainty
    most = 1 - 1 / mixture.n_components if mixture.n_components > 1 else 1.0
    axes = _one_axes(ax)
    order = np.argsort(uncertainty)  # the doubtful ones on top
    axes.scatter(
        drawn.points[order, 0],
        drawn.points[order, 1],
        s=_SMALLEST + (_LARGEST - _SMALLEST) * (uncertainty[order] / most),
        c=[colour(label) for label in drawn.labels[order]],
        alpha=0.6,
        linewidths=0.4,
        edgecolors="white",
    )
    _name_axes(axes, names[indexes[0]], names[indexes[1]])
    for share in (0.0, 0.5, 1.0):
        axes.scatter(
            [],
            [],
            s=_SMALLEST + (_LARGEST - _SMALLEST) * share,
            c=INK,
            label=f"{share * most:.2g}",
        )
    axes.legend(title="uncertainty", fontsize=8, title_fontsize=8, framealpha=0.85)
    _add_notes(axes, [drawn.note] if drawn.note else [])
    return axes
