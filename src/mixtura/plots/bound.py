"""`plot_bound`: what EM raised, iteration by iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mixtura.drawing.colours import INK, PALETTE
from mixtura.plots.canvas import one_axes
from mixtura.plots.style import whole_ticks


def plot_bound(model: Any, ax: Any = None, *, figure: Any = None) -> Any:
    """Draw what EM raised in each iteration of the best start: it never falls.

    Of maximum likelihood that is the log-likelihood a row (with a prior, and the log prior's share), of a
    `BayesianGaussianMixture` the bound on the log evidence a row. The default start has raised most of it
    before: `starts_` lists the descents of its search. With ``init_params="kmeans"`` the whole way is there.

    Parameters
    ----------
    model : fitted GaussianMixture or BayesianGaussianMixture
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
    TypeError
        If `model` is no estimator, or none that EM fits.
    ValueError
        If `ax` is not one Axes, or `figure` is not empty.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    Examples
    --------
    >>> from mixtura import BayesianGaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_bound
    >>> model = BayesianGaussianMixture(10, init_params="kmeans", max_iter=500, random_state=0)
    >>> ax = plot_bound(model.fit(load_faithful().data))
    >>> ax.get_ylabel()
    'lower bound a row'
    """
    check_is_fitted(model)
    if not hasattr(model, "lower_bounds_"):
        raise TypeError(
            f"plot_bound draws what EM raised: give a GaussianMixture or BayesianGaussianMixture, not "
            f"{type(model).__name__}; of a search its best_estimator_."
        )
    bounds = np.asarray(model.lower_bounds_, dtype=float)
    axes = one_axes(ax, figure, (5.0, 3.2))
    iterations = np.arange(1, len(bounds) + 1)
    axes.plot(iterations, bounds, color=PALETTE[0], marker="o", ms=3, lw=1.2)
    axes.set_xlabel("iteration")
    is_bound = hasattr(model, "log_evidence_")
    axes.set_ylabel("lower bound a row" if is_bound else "log-likelihood a row")
    ended = "converged" if model.converged_ else "not converged"
    axes.set_title(f"{ended} after {model.n_iter_} iterations", loc="left", fontsize=9, color=INK)
    whole_ticks(axes, iterations)
    axes.grid(alpha=0.2)
    return axes
