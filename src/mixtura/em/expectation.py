"""What an E-step is asked for, whoever computes it and wherever the rows lie."""

from __future__ import annotations

from dataclasses import dataclass

from mixtura import _core
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class TotalScatter:
    """Mean of all rows, and sum w (x - mean)(x - mean)^T."""

    weight: float
    mean: FloatArray
    scatter: FloatArray

    def as_tuple(self) -> tuple[float, FloatArray, FloatArray]:
        """As the core takes it."""
        return self.weight, self.mean, self.scatter


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
