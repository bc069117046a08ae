"""What an E-step is asked for, whoever computes it and wherever the rows lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura import _core
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class TotalScatter:
    """Weight and mean of some rows, and their scatter, sum w (x - mean)(x - mean)^T; or its diagonal.

    `+` is of the rows of both, about the mean of both (Chan, Golub & LeVeque 1983). Far from the origin the
    distance of two means has fewer digits than they; so each goes with `rest`, by which it was rounded.
    """

    weight: float
    mean: FloatArray
    scatter: FloatArray
    rest: FloatArray | float = 0.0

    def as_tuple(self) -> tuple[float, FloatArray, FloatArray]:
        """As the core takes it."""
        return self.weight, self.mean, self.scatter

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature."""
        squares = self.scatter if self.scatter.ndim == 1 else np.diag(self.scatter)
        return squares / self.weight

    def __add__(self, other: TotalScatter) -> TotalScatter:
        if not (self.weight and other.weight):
            return self if self.weight else other
        weight = self.weight + other.weight
        step = (other.mean - self.mean) + (other.rest - self.rest)
        share = other.weight / weight
        with np.errstate(over="ignore"):  # of values that no fit takes: they are refused by name
            square = step**2 if self.scatter.ndim == 1 else np.outer(step, step)
            scatter = self.scatter + other.scatter + self.weight * share * square
        moved = self.rest + share * step
        mean = self.mean + moved
        return TotalScatter(weight, mean, scatter, (self.mean - mean) + moved)


@dataclass(frozen=True, eq=False)
class Expectation:
    """What an E-step is asked for. It can be pickled, so that it can be sent to where the rows are.

    Attributes
    ----------
    hard : bool
        Whether a row belongs wholly to its likeliest component.
    moments : bool
        False: only the scalars.
    total : TotalScatter or None
        Of all rows. A tied iteration then takes its second moments from it, where that loses no digits.
    """

    hard: bool = False
    moments: bool = True
    total: TotalScatter | None = None

    @property
    def native(self) -> _core.Expectation:
        """As the core takes it."""
        total = None if self.total is None else self.total.as_tuple()
        return _core.Expectation(self.hard, self.moments, total)


__all__ = ["Expectation", "TotalScatter"]
