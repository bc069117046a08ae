"""What EM asks of the rows that it is run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture
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
        square = step**2 if self.scatter.ndim == 1 else np.outer(step, step)
        scatter = self.scatter + other.scatter + self.weight * share * square
        moved = self.rest + share * step
        mean = self.mean + moved
        return TotalScatter(weight, mean, scatter, (self.mean - mean) + moved)


class Responsibilities(Protocol):
    """Responsibilities that a start gives, asked for in order of the rows, from row 0 on."""

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows: (n_rows, n_components), contiguous or not."""


class EMBlocks(Protocol):
    """What EM asks of rows, wherever they lie: sums over them. Never n_rows x n_components numbers."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of features."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the arithmetic: float32 or float64."""

    @property
    def n_threads(self) -> int:
        """Threads that may be used."""

    @property
    def mean(self) -> FloatArray:
        """Mean of all rows, computed once."""

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, computed once."""

    def native(
        self, structure: CovarianceStructure, *, hard: bool = False
    ) -> _core.RowSource | None:
        """The rows as the native loop reads them itself; None: it calls `accumulate`."""

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        centres: taken about these instead of the means. hard: each row belongs wholly to its
        likeliest component.
        """
