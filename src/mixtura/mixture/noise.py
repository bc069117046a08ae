"""A background of constant density beside the components of a mixture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixtura.support.arrays import FloatArray


class Noise(NamedTuple):
    """Rows that belong to no component (Fraley & Raftery 1998).

    Attributes
    ----------
    weight : float
        Share of the rows.
    log_density : float
        Minus the logarithm of the volume. The density is taken to be this everywhere: it is a device that
        tells rows apart, and has no integral.
    log_sides : ndarray of shape (n_features,) or None
        Logarithms of the sides of the box along the features in which it is uniform: of a row with missing
        features the density is 1 over the sides of those that it has. None: not known, since only a volume
        was given.
    """

    weight: float
    log_density: float
    log_sides: FloatArray | None = None

    @property
    def as_array(self) -> FloatArray:
        """All its numbers, one after another."""
        sides = () if self.log_sides is None else self.log_sides
        return np.array([self.weight, self.log_density, *sides])

    @classmethod
    def from_array(cls, numbers: FloatArray) -> Noise:
        """That of which these are all."""
        weight, log_density, *sides = numbers.tolist()
        return cls(weight, log_density, np.array(sides) if sides else None)

    @property
    def log_joint(self) -> float:
        """Log of weight times density."""
        return float(np.log(self.weight) + self.log_density) if self.weight > 0 else -np.inf
