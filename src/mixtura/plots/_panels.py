"""One panel: the histogram of one feature, or the cloud of two, with the components over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from mixtura import Mixture
from mixtura.plots._drawn import DrawnRows
from mixtura.plots._style import FAINT_INK, INK, colour, line_style, marker_area, shades

SHARES = (0.5, 0.95)
MOST_BINS = 80
LONGEST_LEGEND = 10


def draw_histogram(ax: Axes, mixture: Mixture, values: NDArray[np.float64]) -> None:
    """Draw the values as a density, each component's part of the mixture's density, the sum."""
    ax.hist(values, bins=_n_bins(values), density=True, color="#DDDDDD", edgecolor="white", lw=0.4)
    grid = _grid(mixture, values)
    densities = weighted_densities(mixture, grid)
    for component, density in enumerate(densities):
        ax.fill_between(grid, density, color=colour(component), alpha=0.12, lw=0)
        ax.plot(grid, density, color=colour(component), ls=line_style(component), lw=1.8)
    if len(densities) > 1:
        # Under the components: it differs from them only where they overlap.
        ax.plot(grid, densities.sum(axis=0), color=INK, lw=1.2, zorder=1.5)
    ax.set_ylim(bottom=0)


def draw_cloud(
    ax: Axes, mixture: Mixture, rows: DrawnRows, points: NDArray[np.float64], *, small: bool
) -> None:
    """Draw two features of the rows, coloured by label, and the components over them."""
    x, y = points.T
    ax.scatter(
        x,
        y,
        c=shades(rows.labels, rows.certainty, mixture.n_components),
        s=marker_area(len(points)) * (0.4 if small else 1),
        linewidths=0,
        rasterized=True,  # ten thousand dots would make a vector file slow to open
    )
    for component in range(mixture.n_components):
        _draw_ellipses(ax, mixture, component, line_width=1.0 if small else 1.5)
    draw_centres = _draw_dots if small else _draw_numbers
    draw_centres(ax, mixture)
    ax.autoscale_view()


def ellipse_axes(covariance: NDArray[np.float64], share: float) -> tuple[float, float, float]:
    """Width, height and angle in degrees of the ellipse that holds `share` of a 2-D Gaussian."""
    variances, directions = np.linalg.eigh(covariance)
    # In two dimensions the squared Mahalanobis distance is exponential: the quantile is exact.
    radius = np.sqrt(-2 * np.log1p(-share))
    height, width = 2 * radius * np.sqrt(np.maximum(variances, 0))
    x, y = directions[:, 1]
    return float(width), float(height), float(np.degrees(np.arctan2(y, x)))


def weighted_densities(mixture: Mixture, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each component's weight times its density along one feature: a row a component."""
    spread = np.sqrt(mixture.covariance_matrices()[:, :, 0])
    heights = mixture.weights[:, None] / (spread * np.sqrt(2 * np.pi))
    densities: NDArray[np.float64] = heights * np.exp(-0.5 * ((grid - mixture.means) / spread) ** 2)
    return densities


def component_handles(mixture: Mixture) -> list[Line2D]:
    """Show the colour and weight of each component; of the first ones, where there are many."""
    shown = min(mixture.n_components, LONGEST_LEGEND)
    handles = [_component_handle(mixture, component) for component in range(shown)]
    if shown < mixture.n_components:
        handles.append(_handle(f"... and {mixture.n_components - shown} more", lw=0))
    return handles


def number_handles(mixture: Mixture) -> list[Line2D]:
    """As `component_handles`, where every centre carries its number: short for many components."""
    if mixture.n_components <= LONGEST_LEGEND:
        return component_handles(mixture)
    disc: dict[str, Any] = {"marker": "o", "mfc": "white", "mec": FAINT_INK, "mew": 1.4, "ms": 8}
    return [_handle(f"{mixture.n_components} components", lw=0, **disc)]


def sum_handles(mixture: Mixture) -> list[Line2D]:
    return [_handle("mixture", color=INK, lw=1.2)] if mixture.n_components > 1 else []


def cloud_handles(mixture: Mixture) -> list[Line2D]:
    """Say what ellipses and pale dots mean."""
    ellipses = _handle("ellipses: 50 %, 95 %", color=FAINT_INK, lw=1.2)
    pale = _handle("paler: less certain", color=INK, alpha=0.3, marker="o", ms=5, mew=0, lw=0)
    return [ellipses, pale] if mixture.n_components > 1 else [ellipses]


def _draw_ellipses(ax: Axes, mixture: Mixture, component: int, line_width: float) -> None:
    x, y = mixture.means[component]
    for share in SHARES:
        width, height, angle = ellipse_axes(mixture.covariance_matrices()[component], share)
        ellipse = Ellipse(
            (x, y),
            width,
            height,
            angle=angle,
            fill=False,
            edgecolor=colour(component),
            linestyle=line_style(component),
            linewidth=line_width,
            zorder=3,
        )
        ax.add_patch(ellipse)


def _draw_numbers(ax: Axes, mixture: Mixture) -> None:
    """Mark every centre with a disc that holds the component's number."""
    for component, (x, y) in enumerate(mixture.means):
        ax.plot(x, y, "o", ms=12, mfc="white", mec=colour(component), mew=1.6, zorder=4)
        ax.annotate(
            str(component),
            (x, y),
            ha="center",
            va="center_baseline",
            fontsize=7.5,
            color=INK,
            zorder=5,
        )


def _draw_dots(ax: Axes, mixture: Mixture) -> None:
    for component, (x, y) in enumerate(mixture.means):
        ax.plot(x, y, "o", ms=6.5, mfc=colour(component), mec=INK, mew=1.0, zorder=4)


def _component_handle(mixture: Mixture, component: int) -> Line2D:
    label = f"component {component} ({100 * mixture.weights[component]:.1f} %)"
    return _handle(label, color=colour(component), ls=line_style(component), lw=2.2)


def _handle(label: str, **style: Any) -> Line2D:
    return Line2D([], [], label=label, **style)


def _n_bins(values: NDArray[np.float64]) -> int:
    """Freedman and Diaconis (1981) or the root of n, capped: an outlier would ask for millions."""
    low, high = np.percentile(values, [25, 75])
    width = 2 * (high - low) / len(values) ** (1 / 3)
    wanted = np.ptp(values) / width if width > 0 else 0
    return int(np.clip(max(wanted, np.sqrt(len(values))), 10, MOST_BINS))


def _grid(mixture: Mixture, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Abscissas over the data and all components, dense where a component is narrow."""
    spread = np.sqrt(mixture.covariance_matrices()[:, 0, 0])
    around = mixture.means[:, :1] + spread[:, None] * np.linspace(-4, 4, 81)
    overall = np.linspace(min(values.min(), around.min()), max(values.max(), around.max()), 400)
    return np.unique(np.concatenate([overall, around.ravel()]))
