"""What EM asks of the rows that it is run on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em.expectation import Expectation, TotalScatter
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture, arithmetic, native_mixture
from mixtura.support.arrays import FloatArray


class Responsibilities(Protocol):
    """Responsibilities that a start gives, asked for in order of the rows, from row 0 on."""

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows: (n_rows, n_components), contiguous or not."""


class EMBlocks(ABC):
    """What EM asks of rows, wherever they lie: sums over them. Never n_rows x n_components numbers."""

    #: Number of rows and of features.
    shape: tuple[int, int]
    #: Precision of the arithmetic: float32 or float64.
    dtype: np.dtype[Any]
    #: Threads that may be used.
    n_threads: int
    #: Whether a tied iteration may take its second moments from the scatter of all rows.
    uses_total: bool = True
    #: Whether features of some rows are missing (NaN): their second moments are those that are expected.
    has_missing: bool = False
    #: Whether rows were measured with errors: their second moments are those that are expected of the truth.
    has_errors: bool = False

    @property
    @abstractmethod
    def mean(self) -> FloatArray:
        """Mean of all rows, computed once."""

    @property
    @abstractmethod
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, computed once."""

    @property
    @abstractmethod
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, computed once."""

    @abstractmethod
    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them, computed with in that precision."""

    @abstractmethod
    def bringing(self, responsibilities: Responsibilities, n_components: int) -> _core.RowSource:
        """The same, each row with its responsibilities."""

    def expectation(self, structure: CovarianceStructure, *, hard: bool = False) -> Expectation:
        """What E-steps of such a structure are asked for."""
        is_exact = not (self.has_missing or self.has_errors)
        uses_total = structure.shared and self.uses_total and is_exact
        return Expectation(hard, total=self.total if uses_total else None)

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        centres: taken about these instead of the means. hard: each row belongs wholly to its
        likeliest component.
        """
        return self._expect(mixture, self.expectation(mixture.structure, hard=hard), centres)

    def score(self, mixture: Mixture) -> SufficientStatistics:
        """Like accumulate, with the scalars only."""
        return self._expect(mixture, Expectation(moments=False), None)

    def _expect(
        self, mixture: Mixture, asked: Expectation, centres: FloatArray | None
    ) -> SufficientStatistics:
        rows = self.source(arithmetic(mixture, self.dtype))
        block = _core.accumulate(
            rows, asked.native, native_mixture(mixture), centres, self.n_threads
        )
        about = mixture.means if centres is None else centres
        return SufficientStatistics(mixture.structure, about, block)

    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given; log_likelihood is 0."""
        rows = self.bringing(responsibilities, len(centres))
        block = _core.accumulate_given(rows, structure.kernel, centres, self.n_threads)
        return SufficientStatistics(structure, centres, block)
