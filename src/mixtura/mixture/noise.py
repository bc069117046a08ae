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
    box : ndarray of shape (2, n_features) or None
        Where that box begins and ends: the core knows nothing of it, and draws come from there. Sides are
        kept beside it, since far from the origin its corners have not their digits.
    """

    weight: float
    log_density: float
    log_sides: FloatArray | None = None
    box: FloatArray | None = None

    @property
    def native(self) -> tuple[float, float, FloatArray | None]:
        """As the core takes it."""
        return self.weight, self.log_density, self.log_sides

    @property
    def as_array(self) -> FloatArray:
        """All its numbers, one after another."""
        sides = () if self.log_sides is None else self.log_sides
        corners = () if self.box is None else self.box.ravel()
        return np.array([self.weight, self.log_density, *sides, *corners])

    @classmethod
    def from_array(cls, numbers: FloatArray, n_features: int) -> Noise:
        """That of which these are all.

        Raises
        ------
        ValueError
            If they are more or fewer.
        """
        (weight, log_density), sides, corners = np.split(numbers, [2, 2 + n_features])
        box = corners.reshape(2, n_features) if len(corners) else None
        if len(sides) not in (0, n_features):
            raise ValueError(f"noise in {n_features} features cannot have {len(sides)} sides")
        return cls(float(weight), float(log_density), sides if len(sides) else None, box)

    @classmethod
    def in_box(cls, weight: float, log_density: float, box: FloatArray) -> Noise:
        """That in a box, whose sides of no length, of features that do not vary, do not count."""
        sides = box[1] - box[0]
        return cls(weight, log_density, np.log(np.where(sides > 0, sides, 1.0)), box)

    @property
    def log_joint(self) -> float:
        """Log of weight times density."""
        return float(np.log(self.weight) + self.log_density) if self.weight > 0 else -np.inf
