"""`plot_weights`: which components hold the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.drawing.colours import INK, PALETTE
from mixtura.plots import drawn as drawing
from mixtura.plots.canvas import one_axes
from mixtura.plots.style import whole_ticks

# Of components without rows.
_EMPTY = "#cccccc"

# Weight below which a component is drawn as empty, where nothing says how many rows it holds.
_LEAST = 1e-3


def plot_weights(model: Any, ax: Any = None, *, figure: Any = None) -> Any:
    """Draw the weights of the components, the largest first, and those without rows in grey.

    Parameters
    ----------
    model : fitted BayesianGaussianMixture or GaussianMixture, or Mixture
        Of a `BayesianGaussianMixture` components hold rows from one effective row on, as `n_components_`
        counts them; of another from a weight of 0.001 on.
    ax : matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current axes or a new figure, as
        `plot_mixture` says.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `ax` is not one Axes, or `figure` is not empty.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    Examples
    --------
    >>> from mixtura import BayesianGaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_weights
    >>> ax = plot_weights(BayesianGaussianMixture(10, random_state=0).fit(load_faithful().data))
    >>> ax.get_title(loc="left")
    '2 of 10 components hold rows'
    """
    drawing.mixture_of(model)  # raises where it is none
    mixture = getattr(model, "mixture_", model)
    weights = np.sort(mixture.weights)[::-1]
    n_held = getattr(model, "n_components_", int((weights >= _LEAST).sum()))
    axes = one_axes(ax, figure, (5.0, 3.2))
    places = np.arange(len(weights))
    colours = np.where(places < n_held, PALETTE[0], _EMPTY)
    axes.bar(places, weights, color=colours, width=0.8)
    axes.plot(places[n_held:], weights[n_held:], "_", color="#888888", ms=8)
    axes.set_xlabel("component, the largest first")
    axes.set_ylabel("weight")
    axes.set_title(
        f"{n_held} of {len(weights)} components hold rows", loc="left", fontsize=9, color=INK
    )
    whole_ticks(axes, places)
    axes.grid(axis="y", alpha=0.2)
    return axes
