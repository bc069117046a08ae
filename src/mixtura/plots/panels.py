"""One panel: the histogram of one feature, or the cloud of two, with the components over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from mixtura import Mixture
from mixtura.drawing.colours import INK, NOISE, colour, line_style
from mixtura.drawing.densities import SHARES, histogram, radius
from mixtura.drawing.rows import DrawnRows, Range, components_inside, inside
from mixtura.plots.style import (
    FAINT_INK,
    marker_area,
    shades,
)

MOST_LARGE_NUMBERS = 15
LONGEST_LEGEND = 10
BARS, HOLLOW_BARS = "#DDDDDD", "#999999"


def draw_histogram(
    ax: Axes, mixture: Mixture, rows: DrawnRows, feature: int, shown: Range | None = None
) -> None:
    """Draw one feature as a density, each component's part of the mixture's density, the sum.

    Of rows that lack it the expected values stand on top, as hollow bars.
    """
    values, completed = rows.points[:, feature], rows.completed([feature])
    weight = np.ones(len(values)) if rows.weight is None else rows.weight
    drawn = histogram(mixture, values, weight, shown)
    edges, width = drawn.edges, np.diff(drawn.edges)
    observed, _ = np.histogram(values[~completed], edges, weights=weight[~completed])
    observed = observed / weight.sum() / width
    bars: dict[str, Any] = {"width": width, "align": "edge"}
    ax.bar(edges[:-1], observed, color=BARS, edgecolor="white", lw=0.4, **bars)
    if completed.any():
        top = drawn.heights - observed
        ax.bar(edges[:-1], top, bottom=observed, fill=False, edgecolor=HOLLOW_BARS, lw=0.6, **bars)
    grid, densities = drawn.grid, drawn.densities
    for component, density in enumerate(densities):
        ax.fill_between(grid, density, color=colour(component), alpha=0.12, lw=0)
        ax.plot(grid, density, color=colour(component), ls=line_style(component), lw=1.8)
    if len(densities) > 1:
        # Under the components: it differs from them only where they overlap.
        ax.plot(grid, densities.sum(axis=0), color=INK, lw=1.2, zorder=1.5)
    ax.set_ylim(0, 1.05 * drawn.top)
    if shown is not None:
        ax.set_xlim(shown)


def draw_cloud(
    ax: Axes,
    mixture: Mixture,
    rows: DrawnRows,
    features: Sequence[int],
    shown: Sequence[Range | None],
    *,
    small: bool,
) -> None:
    """Draw two features of the rows, coloured by label, and the components over them."""
    points, completed = rows.points[:, features], rows.completed(features)
    # What lies far outside is not drawn at all: such coordinates are too many pixels away for matplotlib.
    seen = inside(points, shown)
    colours = shades(rows.labels, rows.certainty, mixture.n_components)
    area = marker_area(len(points)) * (0.4 if small else 1)
    for some, look in ((seen & ~completed, filled), (seen & completed, hollow)):
        if some.any():  # ten thousand dots would make a vector file slow to open
            x, y = points[some].T
            ax.scatter(x, y, s=area, rasterized=True, **look(colours[some]))
    components = np.flatnonzero(components_inside(mixture, shown)).tolist()
    covariances = mixture.covariance_matrices()
    for component in components:
        centre, line_width = mixture.means[component], 1.0 if small else 1.5
        df = np.inf if mixture.df is None else float(mixture.df[component])
        _draw_ellipses(ax, component, centre, covariances[component], df, line_width)
    (_draw_dots if small else draw_numbers)(ax, mixture, components)
    ax.autoscale_view()
    show_ranges(ax, shown)


def filled(colours: Any) -> dict[str, Any]:
    """How dots of rows that have what is drawn look."""
    return {"c": colours, "linewidths": 0}


def hollow(colours: Any) -> dict[str, Any]:
    """How dots of rows look that lack some of what is drawn, and stand where they are expected."""
    return {"facecolors": "none", "edgecolors": colours, "linewidths": 0.8}


def completed_handles(gaps: NDArray[np.bool_]) -> list[Line2D]:
    """Say what hollow dots and bars mean, where there are some."""
    if not gaps.any():
        return []
    ring: dict[str, Any] = {"marker": "o", "mfc": "none", "mec": INK, "mew": 0.8, "ms": 5}
    return [_handle("hollow: completed", lw=0, **ring)]


def show_ranges(ax: Axes, shown: Sequence[Range | None]) -> None:
    """End the axes where outliers are left out."""
    x, y = shown
    if x is not None:
        ax.set_xlim(x)
    if y is not None:
        ax.set_ylim(y)


def ellipse_axes(
    covariance: NDArray[np.float64], share: float, df: float = np.inf
) -> tuple[float, float, float]:
    """Width, height and angle in degrees of the ellipse that holds `share` of a 2-D Gaussian, or a t."""
    variances, directions = np.linalg.eigh(covariance)
    height, width = 2 * radius(share, df) * np.sqrt(np.maximum(variances, 0))
    x, y = directions[:, 1]
    return float(width), float(height), float(np.degrees(np.arctan2(y, x)))


def draw_numbers(ax: Axes, mixture: Mixture, components: Sequence[int]) -> None:
    """Mark every centre with a disc that holds the component's number."""
    few = mixture.n_components <= MOST_LARGE_NUMBERS
    for component in components:
        x, y = mixture.means[component]
        width = 1.6 if few else 1.2
        ax.plot(
            *(x, y, "o"),
            ms=12 if few else 9.5,
            mfc="white",
            mec=colour(component),
            mew=width,
            zorder=4,
        )
        ax.annotate(
            str(component),
            (x, y),
            ha="center",
            va="center_baseline",
            fontsize=7.5 if few else 6,
            color=INK,
            zorder=5,
        )


def component_handles(mixture: Mixture) -> list[Line2D]:
    """Show the colour and weight of each component; of the first ones, where there are many."""
    shown = min(mixture.n_components, LONGEST_LEGEND)
    handles = [_component_handle(mixture, component) for component in range(shown)]
    if shown < mixture.n_components:
        handles.append(_handle(f"... and {mixture.n_components - shown} more", lw=0))
    return handles + _noise_handles(mixture)


def _noise_handles(mixture: Mixture) -> list[Line2D]:
    if mixture.noise is None:
        return []
    label = f"noise ({100 * mixture.noise.weight:.1f} %)"
    return [_handle(label, color=colour(NOISE), marker="o", ms=5, mew=0, lw=0)]


def number_handles(mixture: Mixture) -> list[Line2D]:
    """As `component_handles`, where every centre carries its number: short for many components."""
    if mixture.n_components <= LONGEST_LEGEND:
        return component_handles(mixture)
    disc: dict[str, Any] = {"marker": "o", "mfc": "white", "mec": FAINT_INK, "mew": 1.4, "ms": 8}
    numbered = _handle(f"{mixture.n_components} components", lw=0, **disc)
    return [numbered, *_noise_handles(mixture)]


def sum_handles(mixture: Mixture) -> list[Line2D]:
    """Return what the legend says of the whole density, where it is not one component's."""
    return [_handle("mixture", color=INK, lw=1.2)] if mixture.n_components > 1 else []


def cloud_handles(mixture: Mixture) -> list[Line2D]:
    """Say what ellipses and pale dots mean."""
    ellipses = _handle("ellipses: 50 %, 95 %", color=FAINT_INK, lw=1.2)
    pale = _handle("paler: less certain", color=INK, alpha=0.3, marker="o", ms=5, mew=0, lw=0)
    return [ellipses, pale] if mixture.n_components > 1 else [ellipses]


def _draw_ellipses(
    ax: Axes,
    component: int,
    centre: NDArray[np.float64],
    covariance: NDArray[np.float64],
    df: float,
    line_width: float,
) -> None:
    for share in SHARES:
        width, height, angle = ellipse_axes(covariance, share, df)
        ellipse = Ellipse(
            (centre[0], centre[1]),
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


def _draw_dots(ax: Axes, mixture: Mixture, components: Sequence[int]) -> None:
    for component in components:
        x, y = mixture.means[component]
        ax.plot(x, y, "o", ms=6.5, mfc=colour(component), mec=INK, mew=1.0, zorder=4)


def _component_handle(mixture: Mixture, component: int) -> Line2D:
    label = f"component {component} ({100 * mixture.weights[component]:.1f} %)"
    return _handle(label, color=colour(component), ls=line_style(component), lw=2.2)


def _handle(label: str, **style: Any) -> Line2D:
    return Line2D([], [], label=label, **style)
