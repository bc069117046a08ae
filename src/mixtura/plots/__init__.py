"""Pictures of fitted mixtures; needs matplotlib (`pip install 'mixtura[plot]'`)."""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "mixtura.plots needs matplotlib; install it with: pip install 'mixtura[plot]'"
    ) from error

from mixtura.plots._plot_mixture import plot_mixture

__all__ = ["plot_mixture"]
