"""The EM loop, as Python calls it. The only one: restarts, sweeps and every source of rows do."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.em.blocks import EMBlocks
from mixtura.em.monitor import Monitor
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture, arithmetic
from mixtura.support.arrays import FloatArray

Point = tuple[Mixture, SufficientStatistics]


def expectation_maximisation(
    mixture: Mixture,
    blocks: EMBlocks,
    reg_covar: float | FloatArray,
    monitor: Monitor,
    accelerate: bool = False,
) -> Point:
    """Iterate E- and M-steps until `monitor` says stop (Dempster, Laird & Rubin 1977).

    Parameters
    ----------
    mixture : Mixture
        Where to begin.
    blocks : EMBlocks
        Where the rows lie.
    reg_covar : float or ndarray of shape (n_features,)
        Added to the diagonal of every covariance.
    monitor : Monitor
        Told each mixture's log-likelihood, the first and the last included.
    accelerate : bool, default=False
        Try quasi-Newton steps that lower the likelihood no more than EM may (cpp/em/acceleration.hpp:
        L-BFGS in the space of the sufficient statistics).

    Returns
    -------
    mixture : Mixture
        The last one.
    statistics : SufficientStatistics
        Of that mixture.

    Notes
    -----
    The iterations are native (cpp/em/loop.cpp). A component that collapses ends them at the mixture before;
    `monitor.failure` says why.
    """
    structure = mixture.structure
    if not isinstance(reg_covar, np.ndarray):
        reg_covar = np.full(mixture.n_features, reg_covar, dtype=np.float64)
    acceleration = None
    if accelerate:
        acceleration = _core.Acceleration(structure.kernel, *mixture.means.shape)
    monitor.begin(acceleration)
    is_in_range = arithmetic(mixture, blocks.dtype) == blocks.dtype
    native = blocks.native(structure) if is_in_range else None
    rows: _core.RowSource = native or _called(mixture, blocks)
    parameters, sums = _core.expectation_maximisation(
        structure.model,
        rows,
        mixture.weights,
        mixture.means,
        mixture.covariances,
        mixture.precisions_cholesky,
        reg_covar,
        monitor,
        acceleration,
        *monitor.outside(structure),
        blocks.n_threads,
    )
    if monitor.failed >= 0:
        monitor.failure = structure.singular(monitor.failed, monitor.failed_count)
    return Mixture(structure, *parameters), SufficientStatistics(structure, *sums)


def expect(mixture: Mixture, blocks: EMBlocks) -> SufficientStatistics:
    """E-step over all rows: the loop without an iteration.

    Where a component is about to jump far (a start at the wrong end of the data) sums about its
    old mean would cancel; then they are taken about the mean it jumps to.
    """
    return expectation_maximisation(mixture, blocks, 0.0, Monitor(0.0, 0))[1]


def _called(mixture: Mixture, blocks: EMBlocks) -> _core.RowSource:
    """Rows that the core cannot read by itself."""
    structure = mixture.structure

    def accumulate(parameters: tuple[FloatArray, ...], centres: FloatArray) -> tuple[object, ...]:
        sums = blocks.accumulate(Mixture(structure, *parameters), centres=centres)
        return (
            sums.weight,
            sums.log_likelihood,
            sums.log_certainty,
            sums.counts,
            sums.firsts,
            sums.seconds,
        )

    return _core.CalledRows(accumulate, blocks.dtype == np.float32)
