"""`plot_search`: the criterion of every model against its number of components."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mixtura import GaussianMixtureSearch
from mixtura.plots import _drawn as drawing
from mixtura.plots._plot_mixture import _new_figure, _one_axes
from mixtura.plots._style import FAINT_INK, INK, PALETTE, whole_ticks

NAMES = {"bic": "BIC", "aic": "AIC", "icl": "ICL"}

# Structures of one kind of matrix share a colour; markers tell them apart.
_KINDS = (
    ("EII", "VII", "E", "V", "spherical"),
    ("EEI", "VEI", "EVI", "VVI", "diag"),
    ("EEE", "VEE", "EVE", "VVE", "tied"),
    ("EEV", "VEV", "EVV", "VVV", "full"),
)
_MARKERS = ("o", "s", "^", "D", "v")

# The picture ends so many times as far from the best as the median is: hopeless models would flatten all
# others.
_SHOWN = 2.5


def plot_search(search: Any, criterion: str | None = None, ax: Any = None) -> Any:
    """Draw the criterion against the number of components, a line a structure, the best marked.

    Parameters
    ----------
    search : fitted GaussianMixtureSearch
    criterion : {'bic', 'aic', 'icl'}, optional
        The search's own by default. In the sign of its `results_`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If `search` is no GaussianMixtureSearch.
    ValueError
        If there is no such criterion, or `ax` is not one Axes.
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
    from mixtura.estimators._grid import check_criterion

    advice = "plot_mixture draws a single mixture."
    drawing.check_is(search, GaussianMixtureSearch, "plot_search", advice)
    check_is_fitted(search, "results_")
    rows = search.results_
    criterion = criterion or search.criterion
    check_criterion(criterion)
    axes = _one_axes(ax) if ax is not None else _new_figure(7.6, 5.2).subplots()
    usable = np.isfinite(search.delta_)
    for name in dict.fromkeys(rows["covariance_type"]):
        mine = (rows["covariance_type"] == name) & usable
        _draw_line(axes, name, rows["n_components"][mine], rows[criterion][mine])
    _mark_best(axes, rows, usable, criterion, search.sign)
    _finish(axes, rows[criterion][usable], search.sign, NAMES[criterion])
    whole_ticks(axes, np.unique(rows["n_components"]))
    return axes


def _draw_line(axes: Axes, name: str, k: NDArray[Any], values: NDArray[Any]) -> None:
    colour, marker, filled = _look(name)
    axes.plot(
        k,
        values,
        color=colour,
        marker=marker,
        ms=5,
        mfc=colour if filled else "white",
        lw=1.3,
        label=name,
    )


def _look(name: str) -> tuple[str, str, bool]:
    for number, kind in enumerate(_KINDS):
        if name in kind:
            place = kind.index(name)
            return PALETTE[(0, 1, 2, 4)[number]], _MARKERS[place], place % 2 == 0
    return FAINT_INK, "o", True


def _mark_best(
    axes: Axes, rows: dict[str, Any], usable: NDArray[Any], criterion: str, sign: str
) -> None:
    values = np.where(usable, rows[criterion] * (1 if sign == "sklearn" else -1), np.inf)
    best = int(np.argmin(values))
    k, name = rows["n_components"][best], rows["covariance_type"][best]
    axes.plot(k, rows[criterion][best], "o", ms=15, mfc="none", mec=INK, mew=1.6, zorder=5)
    text = f"best: {name}, {k} component{'s' if k > 1 else ''}"
    axes.set_title(text, loc="left", fontsize=10, color=INK)


def _finish(axes: Axes, values: NDArray[np.float64], sign: str, name: str) -> None:
    lower = sign == "sklearn"
    away = np.sort(values - values.min() if lower else values.max() - values)
    best, end = (values.min() if lower else values.max()), min(away[-1], _SHOWN * np.median(away))
    if end < away[-1]:
        n_outside = int((away > end).sum())
        axes.set_title(
            f"{n_outside} worse models lie below", loc="right", fontsize=8, color=FAINT_INK
        )
    margin = 0.06 * (end or abs(best) or 1.0)  # a single model has no distance
    # The best is on top in both signs, as in mclust's picture.
    down = 1 if lower else -1
    axes.set_ylim(best + down * (end + margin), best - down * margin)
    axes.set_xlabel("number of components")
    axes.set_ylabel(f"{name} ({'lower' if lower else 'higher'} is better)")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(alpha=0.2)
    axes.legend(
        fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="structure"
    )
