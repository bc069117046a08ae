"""`plot_reduction`: the rows and components in the plane in which the components differ most."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from mixtura.inference import Directions
from mixtura.plots.drawn import check_is
from mixtura.plots.mixture import plot_mixture
from mixtura.plots.style import name_axes


def plot_reduction(
    directions: Directions, X: ArrayLike, ax: Any = None, *, figure: Any = None
) -> Any:
    """Draw the rows and the components in the two directions in which components differ most.

    Where there is one direction alone, a histogram along it.

    Parameters
    ----------
    directions : Directions
        What `GaussianMixture.reduction` returns.
    X : array-like or data frame of shape (n_rows, n_features)
    ax : matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current axes or a new figure, as
        `plot_mixture` says.

    Returns
    -------
    matplotlib Axes
        Labels are those of the components in these directions alone: few rows may have others than by all
        features.

    Raises
    ------
    TypeError
        If `directions` are none.
    ValueError
        If `X` has other features.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mixtura import GaussianMixture
    >>> from mixtura.plots import plot_reduction
    >>> X = load_iris().data
    >>> gm = GaussianMixture(3, covariance_type="VEV", random_state=0).fit(X)
    >>> ax = plot_reduction(gm.reduction(X), X)
    >>> ax.get_xlabel()
    'direction 0 (96 %)'
    """
    check_is(directions, Directions, "plot_reduction", "give what gm.reduction(X) returns")
    shares = 100 * directions.eigenvalues / directions.eigenvalues.sum()
    drawn = list(range(min(2, len(shares))))
    mixture, rows = directions.mixture.marginal(drawn), directions.transform(X)[:, drawn]
    axes = plot_mixture(mixture, rows, ax=ax, figure=figure)
    labels = [f"direction {j} ({shares[j]:.0f} %)" for j in drawn]
    name_axes(axes, *labels, *["density"][: 2 - len(drawn)])
    return axes


__all__ = ["plot_reduction"]
