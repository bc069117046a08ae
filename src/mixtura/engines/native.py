"""The native core: the engine of all rows in memory, and what others are compared with."""

from __future__ import annotations

from mixtura import _core
from mixtura.em import Expectation, SufficientStatistics
from mixtura.mixture import Mixture, arithmetic, native_mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.arrays import FloatArray


class Native:
    """The kernels of the best instruction set that the machine has (cpp/simd/).

    EM does not ask it here: `ArrayBlocks` gives its loop the rows themselves, so that nothing of an iteration
    passes through Python.
    """

    def accumulate(
        self, rows: Rows, mixture: Mixture, asked: Expectation, centres: FloatArray
    ) -> SufficientStatistics:
        """Return the sums of all rows under the mixture, about `centres`."""
        blocks = ArrayBlocks(rows)
        source = blocks.source(arithmetic(mixture, blocks.dtype))
        block = _core.accumulate(source, asked.native, native_mixture(mixture), centres, 1)
        return SufficientStatistics(mixture.structure, centres, block)


NATIVE = Native()

__all__ = ["NATIVE", "Native"]
