"""A background of constant density beside the components of a mixture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Noise(NamedTuple):
    """Rows that belong to no component (Fraley & Raftery 1998).

    Attributes
    ----------
    weight : float
        Share of the rows.
    log_density : float
        Minus the logarithm of the volume. The density is taken to be this everywhere: it is a device that
        tells rows apart, and has no integral.
    """

    weight: float
    log_density: float

    @property
    def log_joint(self) -> float:
        """Log of weight times density."""
        return float(np.log(self.weight) + self.log_density) if self.weight > 0 else -np.inf
