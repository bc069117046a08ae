"""Mixtures of one feature: distribution function, quantiles, regions of highest density, cut points."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from mixtura.mixture import univariate
from mixtura.mixture.evaluation import log_density, responsibilities
from mixtura.support.arrays import Array, FloatArray

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture

# Points of a component at which its curve is looked at, a twentieth of a scale apart where it is Gaussian;
# beyond the last ones lies 1e-12 of it.
_PLACES = ndtr(np.linspace(-7, 7, 281))

# A bracket of a twentieth of a scale becomes one of 1e-18.
_HALVINGS = 56

#: How `cut_points` divides the line.
RULES = ("likeliest", "monotone")


class CutPoints(NamedTuple):
    """Where a line of values is cut, and what is decided between the cuts.

    Attributes
    ----------
    points : ndarray of shape (n_cuts,)
        Ascending, in the feature's units.
    labels : ndarray of shape (n_cuts + 1,), int64
        The component that is decided for: below the first cut, between the first and the second, and so on.
    """

    points: FloatArray
    labels: Array


def check_one_feature(mixture: Mixture, what: str, instead: str) -> None:
    """Raise ValueError unless there is one feature."""
    if mixture.n_features != 1:
        raise ValueError(
            f"{what} needs a mixture of one feature, but this one has {mixture.n_features}: {instead}."
        )


def cdf(mixture: Mixture, x: FloatArray) -> FloatArray:
    """Probability of at most so much."""
    return univariate.cdf(x, *_parameters(mixture))


def quantile(mixture: Mixture, levels: FloatArray) -> FloatArray:
    """Values that are exceeded with probability 1 - level."""
    shape = (len(levels), mixture.n_components)
    return univariate.quantile(
        levels, *(np.broadcast_to(one, shape) for one in _parameters(mixture))
    )


def log_threshold(mixture: Mixture, coverage: float) -> float:
    """Log of the density above which lies a share of the distribution."""
    x = _grid(mixture)
    x = np.sort(np.concatenate([x, turning_points(mixture, x)]))
    heights = _log_density(mixture, x)

    def excess(threshold: float) -> float:
        return _mass_above(mixture, x, heights, threshold) - coverage

    return float(brentq(excess, heights.min(), heights.max(), xtol=1e-13))


def turning_points(mixture: Mixture, x: FloatArray) -> FloatArray:
    """Maxima and minima of the density, between neighbours on a grid."""
    weights, means, scales, df = _parameters(mixture)

    def slope(x: FloatArray) -> FloatArray:
        z = (x[:, np.newaxis] - means) / scales
        u = 1.0 if mixture.df is None else (df + 1) / (df + z**2)
        return np.asarray(
            -(weights * univariate.standard_density(z, df) * u * z / scales**2).sum(axis=1)
        )

    return _changes(slope, x)


def cut_points(mixture: Mixture, costs: FloatArray, rule: str) -> CutPoints:
    """Where the decision of least expected cost changes; 'monotone': where it changes in the order of means.

    Decisions change only where the risks of two of them are equal. Between such places each decision has
    one expected cost, and the monotone rule of least cost is a path through them (dynamic programming).
    """
    x = _grid(mixture)
    pairs = np.array(list(combinations(range(mixture.n_components), 2)), dtype=np.intp)

    def risks(x: FloatArray) -> FloatArray:
        return responsibilities(mixture, x[:, np.newaxis], 1) @ costs

    at_grid = risks(x)
    places = [_equal_risks(risks, x, at_grid, a, b) for a, b in pairs]
    edges = np.unique(np.concatenate([*places, x[:1], x[-1:]]))
    middles = (edges[1:] + edges[:-1]) / 2
    is_free = rule == "likeliest"
    labels = risks(middles).argmin(axis=1) if is_free else _monotone(mixture, edges, costs)
    changes = np.flatnonzero(np.diff(labels))
    kept = np.append(changes, len(labels) - 1)
    return CutPoints(edges[1:-1][changes], labels[kept].astype(np.int64))


def checked_costs(costs: Any, n_components: int) -> FloatArray:
    """What it costs to decide for the second of two components where the first is true.

    Raises
    ------
    ValueError
        If they are no such matrix of finite numbers that are not negative.
    """
    if costs is None:
        return 1.0 - np.eye(n_components)
    found = np.asarray(costs, dtype=np.float64)
    if found.shape != (n_components, n_components):
        raise ValueError(
            f"costs must have shape ({n_components}, {n_components}), true components by decided ones, got "
            f"{found.shape}."
        )
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ValueError("costs must be finite numbers of at least 0.")
    return found


def _parameters(mixture: Mixture) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Weights, means, scales and degrees of freedom: (1, n_components) each."""
    mixture = mixture.without_noise()
    df = np.full(mixture.n_components, np.inf) if mixture.df is None else mixture.df
    return mixture.weights[None], mixture.means.T, mixture.spreads.T, df[None]


def _grid(mixture: Mixture) -> FloatArray:
    weights, means, scales, df = _parameters(mixture)
    of_each = means + scales * univariate.standard_quantile(_PLACES[:, np.newaxis], df)
    return np.unique(of_each[:, weights[0] > 0])


def _log_density(mixture: Mixture, x: FloatArray) -> FloatArray:
    return log_density(mixture, x[:, np.newaxis], 1)


def _mass_above(mixture: Mixture, x: FloatArray, heights: FloatArray, threshold: float) -> float:
    """Probability of a density of at least the threshold, monotone between neighbours on a grid."""
    is_above = heights >= threshold
    here = np.flatnonzero(np.diff(is_above))
    ends = _bisected(lambda at: _log_density(mixture, at) - threshold, x[here], x[here + 1])
    below = cdf(mixture, ends)
    return float(np.where(is_above[here], below, -below).sum() + is_above[-1])


def _changes(function: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    """Where a function changes its sign, between neighbours on a grid."""
    is_above = function(x) > 0
    here = np.flatnonzero(np.diff(is_above))
    return _bisected(function, x[here], x[here + 1])


def _equal_risks(
    risks: Callable[[FloatArray], FloatArray], x: FloatArray, at_grid: FloatArray, a: int, b: int
) -> FloatArray:
    """Where two risks are equal."""
    here = np.flatnonzero(np.diff(at_grid[:, a] > at_grid[:, b]))

    def difference(x: FloatArray) -> FloatArray:
        at = risks(x)
        return at[:, a] - at[:, b]

    return _bisected(difference, x[here], x[here + 1])


def _bisected(
    function: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where it changes its sign between each low and its high."""
    if not len(low):
        return low
    is_above = function(low) > 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_same = (function(middle) > 0) == is_above
        low, high = np.where(is_same, middle, low), np.where(is_same, high, middle)
    return (low + high) / 2


def _monotone(mixture: Mixture, edges: FloatArray, costs: FloatArray) -> Array:
    """Decisions between the edges, in the order of the means, of least expected cost in all."""
    weights, means, scales, df = _parameters(mixture)
    z = (edges[1:-1, np.newaxis] - means) / scales
    below = np.pad(univariate.standard_cdf(z, df), [(1, 1), (0, 0)])
    below[-1] = 1.0
    order = np.argsort(means[0], kind="stable")
    of_cells = ((np.diff(below, axis=0) * weights) @ costs)[:, order]
    least = np.zeros(len(order))  # of all cells so far that end with this decision
    came_from = np.empty(of_cells.shape, dtype=np.intp)
    for cell, own in enumerate(of_cells):
        best = np.minimum.accumulate(least)
        came_from[cell] = np.maximum.accumulate(np.where(least == best, np.arange(len(least)), 0))
        least = best + own
    path = np.empty(len(of_cells), dtype=np.intp)
    last = int(least.argmin())
    for cell in range(len(of_cells) - 1, -1, -1):
        path[cell] = last
        last = came_from[cell, last]
    return order[path]


__all__ = ["RULES", "CutPoints", "check_one_feature", "checked_costs", "cut_points"]
