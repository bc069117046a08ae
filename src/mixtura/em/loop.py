"""The EM loop, as Python calls it. The only one: restarts, sweeps and every source of rows do."""

from __future__ import annotations

from mixtura import _core
from mixtura.em.blocks import EMBlocks
from mixtura.em.m_step import MaximumLikelihood, MStep
from mixtura.em.monitor import Monitor
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture, arithmetic, native_mixture

Point = tuple[Mixture, SufficientStatistics]


def expectation_maximisation(
    mixture: Mixture,
    blocks: EMBlocks,
    m_step: MStep,
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
    m_step : MStep
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
    acceleration = None
    if accelerate:
        K, d = mixture.means.shape
        acceleration = _core.Acceleration(structure.kernel, K, d, m_step.kind.tails is not None)
    monitor.begin(acceleration)
    parameters, sums = _core.expectation_maximisation(
        task_of(blocks, mixture, m_step),
        native_mixture(mixture),
        monitor,
        acceleration,
        monitor.options(structure),
        blocks.n_threads,
    )
    if monitor.failed >= 0:
        monitor.failure = structure.singular(monitor.failed, monitor.failed_count)
    return m_step.mixture_of(parameters), SufficientStatistics(structure, *sums)


def task_of(blocks: EMBlocks, mixture: Mixture, m_step: MStep) -> _core.Task:
    """What EM works with, in the precision that holds the mixture."""
    rows = blocks.source(arithmetic(mixture, blocks.dtype))
    return _core.Task(rows, m_step.native, blocks.expectation(mixture.structure).native)


def expect(mixture: Mixture, blocks: EMBlocks) -> SufficientStatistics:
    """E-step over all rows: the loop without an iteration.

    Where a component is about to jump far (a start at the wrong end of the data) sums about its
    old mean would cancel; then they are taken about the mean it jumps to.
    """
    m_step = MaximumLikelihood.plain(mixture.structure, mixture.n_features)
    return expectation_maximisation(mixture, blocks, m_step, Monitor(0.0, 0))[1]
