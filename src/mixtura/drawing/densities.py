"""A feature by itself: the bars of its histogram, the densities of components; how far an ellipse reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from mixtura.drawing.rows import Range
from mixtura.mixture import Mixture

#: Shares of a component that its two ellipses hold.
SHARES = (0.5, 0.95)

MOST_BINS = 80
MOST_BARS_HIGH = 4

# Of the numbers' size: who draws widens an axis of less, and bars would not be seen.
NARROWEST = 1e-13


@dataclass(frozen=True)
class Histogram:
    """The values of a feature as a density, and the parts of a mixture's density.

    Attributes
    ----------
    edges : ndarray of shape (n_bars + 1,)
    heights : ndarray of shape (n_bars,)
    grid : ndarray of shape (n_points,)
    densities : ndarray of shape (n_components, n_points)
        Of each component, times its weight.
    top : float
        Where a picture ends: a component on next to nothing has no bound to its density; it leaves at the
        top, and bars are seen.
    """

    edges: NDArray[np.float64]
    heights: NDArray[np.float64]
    grid: NDArray[np.float64]
    densities: NDArray[np.float64]
    top: float


def histogram(
    mixture: Mixture,
    values: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    shown: Range | None = None,
) -> Histogram:
    """Of the values of one feature, beside a mixture of it."""
    edges = _edges(mixture, values, shown)
    counts, _ = np.histogram(values, edges, weights=weight)
    heights = counts / (len(values) if weight is None else weight.sum()) / np.diff(edges)
    grid = _grid(mixture, edges, shown)
    densities = weighted_densities(mixture, grid)
    tallest = np.max(heights)
    top = max(tallest, min(densities.sum(axis=0).max(), MOST_BARS_HIGH * tallest))
    return Histogram(edges, heights, grid, np.minimum(densities, 10 * top), float(top))


def radius(share: float, df: float = np.inf) -> float:
    """Mahalanobis distance within which a share of a 2-D Gaussian, or a t, lies."""
    # In two dimensions quantiles of the squared distance are exact: it is exponential, of a t half of it has
    # the distribution F(2, df).
    log_rest = np.log1p(-share)
    square = -2 * log_rest if np.isinf(df) else df * np.expm1(-2 * log_rest / df)
    return float(np.sqrt(square))


def weighted_densities(mixture: Mixture, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each component's weight times its density along one feature: a row a component."""
    spread = mixture.spreads
    if mixture.df is not None:
        away, df = (grid - mixture.means) / spread, mixture.df[:, None]
        heavy: NDArray[np.float64] = mixture.weights[:, None] * student.pdf(away, df) / spread
        return heavy
    heights = mixture.weights[:, None] / (spread * np.sqrt(2 * np.pi))
    with np.errstate(over="ignore"):  # far from a narrow component nothing is left
        densities: NDArray[np.float64] = heights * np.exp(
            -0.5 * ((grid - mixture.means) / spread) ** 2
        )
    return densities


def _edges(
    mixture: Mixture, values: NDArray[np.float64], shown: Range | None
) -> NDArray[np.float64]:
    """Edges of the bars, over all values that are shown; where they are one value, around it."""
    if shown is not None:
        values = values[(values >= shown[0]) & (values <= shown[1])]
    low, high = float(values.min()), float(values.max())
    size, n_bins = max(abs(low), abs(high)), _n_bins(values)
    if high - low <= NARROWEST * size or high == low:
        centre = low + (high - low) / 2
        half = max(10 * NARROWEST * size, float(mixture.weights @ mixture.spreads[:, 0]))
        low, high, n_bins = centre - half, centre + half, n_bins | 1  # one bar is in the middle
    return np.linspace(low, high, n_bins + 1)


def _n_bins(values: NDArray[np.float64]) -> int:
    """Freedman and Diaconis (1981) or the root of n, capped."""
    low, high = np.percentile(values, [25, 75])
    width = 2 * (high - low) / len(values) ** (1 / 3)
    wanted = min(np.ptp(values) / width, MOST_BINS) if width > 0 else 0
    return int(np.clip(max(wanted, np.sqrt(len(values))), 10, MOST_BINS))


def _grid(mixture: Mixture, edges: NDArray[np.float64], shown: Range | None) -> NDArray[np.float64]:
    """Abscissas over the data and all components, dense where a component is narrow."""
    around = mixture.means + mixture.spreads * np.linspace(-4, 4, 81)
    low, high = shown or (min(edges[0], around.min()), max(edges[-1], around.max()))
    grid = np.concatenate([np.linspace(low, high, 400), around.ravel()])
    return np.unique(grid[(grid >= low) & (grid <= high)])
