"""`plot_search`: the criterion of every model against its number of components."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from sklearn.utils.validation import check_is_fitted

from mixtura import GaussianMixtureSearch
from mixtura.drawing.colours import INK
from mixtura.drawing.criteria import (
    NAMES,
    Models,
    look_of_structure,
    models_of,
    names_of_models,
)
from mixtura.plots import drawn as drawing
from mixtura.plots.canvas import one_axes
from mixtura.plots.style import FAINT_INK, whole_ticks
from mixtura.support.arrays import Array
from mixtura.sweep.names import has_noise, has_tails

_MARKERS = ("o", "s", "^", "D", "v")

_WIDTH_BESIDE = 1.8  # inches
_ONE_COLUMN = 7


def plot_search(
    search: Any, criterion: str | None = None, ax: Any = None, *, figure: Any = None
) -> Any:
    """Draw the criterion against the number of components, a line a structure, the best marked.

    Beside it, the eight best models with how far each is from the best: what the lines cannot tell apart.

    Parameters
    ----------
    search : fitted GaussianMixtureSearch
        Its models are drawn.
    criterion : {'bic', 'aic', 'icl'}, optional
        The search's own by default. In the sign of its `results_`: the best is lowest in scikit-learn's
        sign, highest in mclust's.
    ax : matplotlib Axes, optional
        Where to draw. The legend and the differences stand right of it.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either: pyplot's current axes or a new figure, as
        `plot_mixture` says.

    Returns
    -------
    matplotlib Axes
        That of the criterion; the differences are in its ``child_axes``.

    Raises
    ------
    TypeError
        If `search` is no GaussianMixtureSearch.
    ValueError
        If there is no such criterion, `ax` is not one Axes, or `figure` is not empty.
    sklearn.exceptions.NotFittedError
        If `search` was not fitted.

    Notes
    -----
    Models that failed, are degenerate or were not finished (unless none was) have no point. Those more than
    two and a half times as far from the best as the median is lie outside the picture, which says so.

    Examples
    --------
    >>> from mixtura import GaussianMixtureSearch
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_search
    >>> search = GaussianMixtureSearch(range(1, 4), ["EEE", "VVV"], random_state=0)
    >>> ax = plot_search(search.fit(load_faithful().data))
    >>> ax.get_ylabel()
    'BIC (lower is better)'
    """
    from mixtura.sweep.grid import check_criterion

    advice = "plot_mixture draws a single mixture."
    drawing.check_is(search, GaussianMixtureSearch, "plot_search", advice)
    check_is_fitted(search, "results_")
    criterion = criterion or search.criterion
    check_criterion(criterion)
    models = models_of(search.results_, search.delta_, criterion, search.sign)
    axes = one_axes(ax, figure, (9.4, 5.2))
    _make_room(axes)
    for name in dict.fromkeys(names_of_models(search.results_)):
        mine = models.names == name
        _draw_line(axes, name, models.n_components[mine], models.values[mine])
    _finish(axes, models, NAMES[criterion])
    if len(models.values) > 1:
        _draw_differences(_axes_beside(axes), models, NAMES[criterion])
    _mark_best(axes, models)
    whole_ticks(axes, np.unique(search.results_["n_components"]))
    return axes


def _axes_beside(axes: Axes) -> Axes:
    """Axes right of these, at the bottom; of a width in inches, or layouts would chase it as they go."""

    def box(*_: Any) -> Bbox:
        dpi, figure = axes.figure.dpi, axes.figure
        width = min(_WIDTH_BESIDE * dpi, 0.55 * axes.bbox.width)
        pixels = Bbox.from_bounds(
            axes.bbox.x1 + 0.15 * dpi, axes.bbox.y0, width, 0.54 * axes.bbox.height
        )
        return pixels.transformed(figure.transSubfigure.inverted())

    beside = axes.inset_axes((1.0, 0.0, 0.3, 0.5))
    beside.set_axes_locator(box)
    return beside


def _make_room(axes: Axes) -> None:
    """Narrow axes of a figure without layout: what stands right of them would be cut off."""
    if axes.figure.get_layout_engine() is None:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, 0.6 * box.width, box.height))


def _draw_line(axes: Axes, name: str, k: Array, values: Array) -> None:
    colour, marker, filled = _look(name)
    axes.plot(
        k,
        values,
        color=colour,
        marker=marker,
        ms=5,
        mfc=colour if filled else "white",
        lw=1.3,
        ls=_DASHES[has_tails(name), has_noise(name)],
        label=name,
    )


# By whether components are of Student's t, and whether there is noise.
_DASHES = {(False, False): "-", (False, True): "--", (True, False): ":", (True, True): "-."}


def _look(name: str) -> tuple[str, str, bool]:
    colour, place = look_of_structure(name)
    return colour, _MARKERS[place], place % 2 == 0


def _mark_best(axes: Axes, models: Models) -> None:
    best = models.best
    k, name = models.n_components[best], models.names[best]
    axes.plot(k, models.values[best], "o", ms=15, mfc="none", mec=INK, mew=1.6, zorder=5)
    text = f"best: {name}, {k} component{'s' if k > 1 else ''}"
    axes.set_title(text, loc="left", fontsize=10, color=INK)


def _finish(axes: Axes, models: Models, name: str) -> None:
    down = 1 if models.lower else -1
    best, end = models.values[models.best], models.end
    n_outside = int((models.away > end).sum())
    if n_outside:
        where = "above" if models.lower else "below"
        text = f"{n_outside} worse {where}"
        axes.set_title(text, loc="right", fontsize=8, color=FAINT_INK)
    margin = 0.06 * (end or abs(best) or 1.0)  # a single model has no distance
    low, high = sorted((best - down * margin, best + down * (end + margin)))
    axes.set_ylim(low, high)
    axes.set_xlabel("number of components")
    axes.set_ylabel(f"{name} ({'lower' if models.lower else 'higher'} is better)")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(alpha=0.2)
    axes.legend(
        fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.01),
        borderaxespad=0,
        frameon=False,
        title="structure",
        ncols=1 if len(axes.get_lines()) < _ONE_COLUMN else 2,
    )


def _draw_differences(axes: Axes, models: Models, name: str) -> None:
    """Draw how far the best models lie from the best, the best on top."""
    order = models.nearest
    for place, j in enumerate(order):
        colour, marker, filled = _look(models.names[j])
        axes.plot([0, models.away[j]], [place, place], color=colour, lw=1.3)
        face = colour if filled else "white"
        axes.plot(models.away[j], place, color=colour, marker=marker, ms=5, mfc=face)
        axes.annotate(
            f"{models.names[j]}, {models.n_components[j]}",
            (models.away[j], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks([])
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(0, 1.9 * models.away[order[-1]] or 1.0)  # with room for the names
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=8)
    axes.set_xlabel(f"{name}, from the best", fontsize=8)
    axes.grid(axis="x", alpha=0.2)
    axes.patch.set_alpha(0)
    for mark in axes.get_lines():
        mark.set_clip_on(False)
