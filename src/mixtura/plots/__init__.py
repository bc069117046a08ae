"""Pictures of fitted mixtures; needs matplotlib (`pip install 'mixtura[plot]'`)."""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "mixtura.plots needs matplotlib; install it with: pip install 'mixtura[plot]'"
    ) from error

from mixtura.plots.bound import plot_bound
from mixtura.plots.boundary import plot_boundary
from mixtura.plots.density import plot_density
from mixtura.plots.entropy import plot_entropy
from mixtura.plots.mixture import plot_mixture
from mixtura.plots.reduction import plot_reduction
from mixtura.plots.search import plot_search
from mixtura.plots.uncertainty import plot_uncertainty
from mixtura.plots.weights import plot_weights

__all__ = [
    "plot_bound",
    "plot_boundary",
    "plot_density",
    "plot_entropy",
    "plot_mixture",
    "plot_reduction",
    "plot_search",
    "plot_uncertainty",
    "plot_weights",
]
