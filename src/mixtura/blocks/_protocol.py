"""What a place for rows fulfils, so that EM runs on it unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura._rows import Array, FloatArray

if TYPE_CHECKING:
    from mixtura.covariance import CovarianceStructure
    from mixtura.em.statistics import SufficientStatistics
    from mixtura.mixture import Mixture


@dataclass(frozen=True, eq=False)
class TotalScatter:
    """Mean of all rows, and sum w (x - mean)(x - mean)^T."""

    weight: float
    mean: FloatArray
    scatter: FloatArray


class Responsibilities(Protocol):
    """Responsibilities that a start gives, asked for in order of the rows, from row 0 on."""

    def __call__(self, rows: slice) -> FloatArray:
        """Return the responsibilities of those rows: (n_rows, n_components), contiguous or not."""


class Blocks(Protocol):
    """Rows that lie somewhere. Nothing here returns n_rows x n_components numbers to the EM loop."""

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
    def total(self) -> TotalScatter:
        """Mean and scatter of all rows, computed once."""

    @property
    def mean(self) -> FloatArray:
        """Mean of all rows, computed once."""

    @property
    def variances(self) -> FloatArray:
        """Variance of each feature over all rows, computed once."""

    @property
    def sample_weight(self) -> FloatArray | None:
        """The weights, or None where every row weighs 1."""

    @property
    def has_integer_weights(self) -> bool:
        """Whether there are weights and every one is a whole number: a number of repetitions."""

    def native(
        self, structure: CovarianceStructure, *, hard: bool = False
    ) -> _core.ArrayRows | None:
        """The rows as the native loop reads them itself; None: it calls `accumulate`."""

    def with_threads(self, n_threads: int) -> Self:
        """Return the same rows, to be worked on by so many threads."""

    def accumulate(
        self, mixture: Mixture, *, centres: FloatArray | None = None, hard: bool = False
    ) -> SufficientStatistics:
        """E-step: the statistics of all rows under `mixture`.

        centres: taken about these instead of the means. hard: each row belongs wholly to its
        likeliest component.
        """

    def accumulate_given(
        self,
        structure: CovarianceStructure,
        responsibilities: Responsibilities,
        centres: FloatArray,
    ) -> SufficientStatistics:
        """Statistics of all rows under responsibilities that are given; log_likelihood is 0."""

    def score(self, mixture: Mixture) -> SufficientStatistics:
        """Like accumulate, with the scalars only."""

    def sample(self, n_rows: int, rng: RandomState) -> tuple[Array, FloatArray | None]:
        """Return at most `n_rows` rows (all of them if there are no more) and their weights.

        A uniform sample without replacement, in the order of the rows, none of weight 0, in `dtype`.
        """

    def pick(self, n_rows: int, rng: RandomState) -> FloatArray:
        """Return rows drawn without replacement, with chances as their weights, in the order drawn."""
