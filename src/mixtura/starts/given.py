"""From responsibilities to a mixture: one M-step, the sums taken about the right means."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em import MStep, SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.rows import Blocks, Responsibilities
from mixtura.support.arrays import Array, FloatArray, is_native

# Numbers that are made at once, rather than a block at a time.
_FEW = 1 << 16


def statistics_of(
    responsibilities: Responsibilities,
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
) -> SufficientStatistics:
    """Statistics of given responsibilities. Two passes: the second about the means of the first.

    A component without rows is taken to lie where all rows do, not at the origin.
    """
    rows = blocks.bringing(responsibilities, n_components)
    n_features = blocks.shape[1]
    sums: Any = _core.expect_given(
        rows, structure.kernel, n_components, n_features, blocks.n_threads
    )
    if sums is None:
        raise ValueError(
            "The weights are so small that their products with responsibilities are 0: multiply all of "
            "them by one number that brings the largest near 1."
        )
    centres, block = sums
    return SufficientStatistics(structure, centres, block)


def mixture_of(
    responsibilities: Responsibilities,
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
) -> Mixture:
    """Mixture that the responsibilities imply, as scikit-learn starts from them."""
    statistics = statistics_of(responsibilities, blocks, m_step.structure, n_components)
    return m_step.maximise(statistics, blocks.n_threads)


class LabelResponsibilities:
    """Responsibility 1 for the component that a row's label names."""

    def __init__(self, labels: Array, n_components: int) -> None:
        self._labels = labels
        self._n_components = n_components

    @property
    def in_float64(self) -> FloatArray | None:
        """All of them, where they are few."""
        few = len(self._labels) * self._n_components <= _FEW
        return self(slice(None)) if few else None

    def __call__(self, rows: slice) -> FloatArray:
        """Return the one-hot rows."""
        labels = self._labels[rows]
        one_hot = np.zeros((len(labels), self._n_components))
        one_hot[np.arange(len(labels)), labels] = 1.0
        return one_hot


class ArrayResponsibilities:
    """Responsibilities that stand in an array."""

    def __init__(self, responsibilities: Array) -> None:
        self._responsibilities = responsibilities
        is_read = is_native(responsibilities) and responsibilities.dtype == np.float64
        #: All of them, where that is no copy.
        self.in_float64: FloatArray | None = responsibilities if is_read else None

    def __call__(self, rows: slice) -> FloatArray:
        """Return those rows as float64."""
        if self.in_float64 is not None:
            return self.in_float64[rows]
        return np.array(self._responsibilities[rows], dtype=np.float64)
