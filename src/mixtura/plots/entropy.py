"""`plot_entropy`: how much less ambiguous each combination of components makes the labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.drawing.colours import INK, PALETTE
from mixtura.plots import drawn as drawing
from mixtura.plots.canvas import several_axes
from mixtura.plots.style import whole_ticks
from mixtura.selection import Combination


def plot_entropy(combination: Any, ax: Any = None, *, figure: Any = None) -> Any:
    """Draw the entropy against the number of clusters, and against the rows that were combined.

    Where the line has its elbow, further combining no longer makes labels clearer: that many clusters
    are apart (Baudry et al. 2010, section 4.2). A broken line of two pieces shows the elbow.

    Parameters
    ----------
    combination : Combination
        What `mixtura.selection.combine` returned.
    ax : sequence of two matplotlib Axes, optional
        Where to draw.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current figure or a new one, as
        `plot_mixture` says.

    Returns
    -------
    ndarray of two Axes

    Raises
    ------
    TypeError
        If `combination` is no Combination.
    ValueError
        If `ax` is not two Axes, or `figure` is not empty.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_entropy
    >>> from mixtura.selection import combine
    >>> X = load_faithful().data
    >>> left, right = plot_entropy(combine(GaussianMixture(4, random_state=0).fit(X), X))
    >>> left.get_xlabel()
    'number of clusters'
    """
    advice = "mixtura.selection.combine(model, X) gives one."
    drawing.check_is(combination, Combination, "plot_entropy", advice)
    axes = several_axes(ax, figure, (2,), (9.0, 4.0), "two Axes for this picture")
    left, right = axes
    clusters, entropy = combination.n_clusters, combination.entropy
    _draw(left, clusters, entropy, combination.elbow)
    whole_ticks(left, clusters)
    left.set_xlabel("number of clusters")
    left.set_ylabel("entropy (nats)")
    _draw(right, combination.combined_rows, entropy, None)
    right.set_xlabel("rows in what was combined (cumulative)")
    left.set_title(f"elbow: {combination.elbow} clusters", loc="left", fontsize=9, color=INK)
    return axes


def _draw(axes: Any, x: Any, entropy: Any, elbow: int | None) -> None:
    axes.plot(x, entropy, "o-", color=PALETTE[0], ms=5, lw=1.3)
    if elbow is not None:
        axes.plot(
            elbow,
            entropy[list(x).index(elbow)],
            "o",
            ms=13,
            mfc="none",
            mec=INK,
            mew=1.5,
        )
    axes.set_ylim(bottom=min(0.0, float(np.min(entropy))))
    axes.grid(alpha=0.2)
