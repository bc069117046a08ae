"""What an engine answers."""

from __future__ import annotations

from typing import Protocol

from mixtura.em import Expectation, SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.rows import Rows
from mixtura.support.arrays import FloatArray


class Engine(Protocol):
    """Who computes the E-step over rows that it can reach.

    The loop, the M-step and all that is around them ask no more of it. A new engine is a class with this one
    method, in a file of this room; the rows that it gets bring whatever it needs of them.
    """

    def accumulate(
        self, rows: Rows, mixture: Mixture, asked: Expectation, centres: FloatArray
    ) -> SufficientStatistics:
        """Return the sums of all rows under the mixture, about `centres`.

        The scalars are asked for in any case; `asked.total` is never there.
        """


__all__ = ["Engine"]
