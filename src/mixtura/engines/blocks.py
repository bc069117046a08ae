"""Rows whose E-step an engine computes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.covariance import structure
from mixtura.em import Expectation
from mixtura.engines.protocol import Engine
from mixtura.mixture import Mixture, Noise, Posterior
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.arrays import FloatArray

# Weights, means, precisions_cholesky, df, noise and log weights or None.
_Parameters = tuple[
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray | None,
    tuple[float, float, FloatArray | None] | None,
    FloatArray | None,
]


class EngineBlocks(ArrayBlocks):
    """Rows in memory, as `ArrayBlocks`, but for the E-step of EM.

    What starts, checks and samples ask is still answered here.

    Parameters
    ----------
    rows : Rows
    engine : Engine
    n_threads : int, default=1
        Of the M-step.
    """

    def __init__(
        self,
        rows: Rows,
        engine: Engine,
        n_threads: int = 1,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        super().__init__(rows, n_threads, dtype)
        self.engine = engine
        self.uses_total = False  # an engine sums second moments itself

    def in_double(self) -> EngineBlocks:
        """The same rows, computed with in float64 whatever they are."""
        return EngineBlocks(self.rows, self.engine, self.n_threads, np.dtype(np.float64))

    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them: by way of the engine."""
        rows = self.rows.in_precision(dtype)
        return _core.CalledRows(partial(self._accumulated, rows), dtype == np.float32)

    def _accumulated(
        self,
        rows: Rows,
        asked: tuple[Any, ...],
        kernel: _core.Structure,
        parameters: _Parameters,
        centres: FloatArray,
    ) -> FloatArray:
        hard, moments, _ = asked
        # No E-step reads covariances: the factors are there in their place.
        weights, means, factors, df, noise, log_weights = parameters
        posterior = (
            None
            if log_weights is None
            else Posterior(np.full_like(log_weights, np.nan), log_weights)
        )
        mixture = Mixture(
            structure(kernel.name),
            weights,
            means,
            factors,
            factors,
            df,
            noise and Noise(*noise),
            posterior,
        )
        return self.engine.accumulate(rows, mixture, Expectation(hard, moments), centres).block


__all__ = ["EngineBlocks"]
