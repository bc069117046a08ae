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
    """Mean of all rows, and sum w (x - mean)(x - mean)^T."""

    weight: float
    mean: FloatArray
    scatter: FloatArray

    def as_tuple(self) -> tuple[float, FloatArray, FloatArray]:
        """As the core takes it."""
        return self.weight, self.mean, self.scatter


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
