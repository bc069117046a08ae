"""The EM loop. The only one: restarts, sweeps and every source of rows call it."""

from __future__ import annotations

from mixtura._rows import FloatArray
from mixtura.blocks._protocol import Blocks
from mixtura.em.acceleration import Acceleration
from mixtura.em.monitor import Monitor
from mixtura.em.statistics import SufficientStatistics
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture

Point = tuple[Mixture, SufficientStatistics]


def expectation_maximisation(
    mixture: Mixture,
    blocks: Blocks,
    reg_covar: float | FloatArray,
    monitor: Monitor,
    acceleration: Acceleration | None = None,
) -> Point:
    """Iterate E- and M-steps until `monitor` says stop (Dempster, Laird & Rubin 1977).

    Parameters
    ----------
    mixture : Mixture
        Where to begin.
    blocks : Blocks
        Where the rows lie.
    reg_covar : float or ndarray of shape (n_features,)
        Added to the diagonal of every covariance.
    monitor : Monitor
        Told each mixture and its log-likelihood, the first and the last included.
    acceleration : Acceleration, optional
        Proposes longer steps; those that lower the likelihood are not taken.

    Returns
    -------
    mixture : Mixture
        The last one.
    statistics : SufficientStatistics
        Of that mixture.

    Notes
    -----
    A component that collapses ends the loop at the mixture before; `monitor.failure` says why.
    """
    statistics = expect(mixture, blocks)
    while monitor.goes_on(statistics.mean_log_likelihood, mixture):
        leap = None
        if acceleration is not None:
            leap = _leap(mixture, statistics, blocks, reg_covar, monitor, acceleration)
        try:
            mixture, statistics = leap or _step(statistics, blocks, reg_covar, mixture)
        except SingularCovarianceError as error:
            monitor.fail(error)
            break
        if acceleration is not None and leap is None:
            acceleration.step()
    return mixture, statistics


def _step(
    statistics: SufficientStatistics,
    blocks: Blocks,
    reg_covar: float | FloatArray,
    previous: Mixture,
) -> Point:
    mixture = statistics.maximise(reg_covar, blocks.n_threads, previous)
    return mixture, expect(mixture, blocks)


def _leap(
    mixture: Mixture,
    statistics: SufficientStatistics,
    blocks: Blocks,
    reg_covar: float | FloatArray,
    monitor: Monitor,
    acceleration: Acceleration,
) -> Point | None:
    """The proposed point, or None where there is none or the likelihood is lower there."""
    proposal = acceleration.propose(mixture, statistics)
    if proposal is None:
        return None
    try:
        point = _step(proposal, blocks, reg_covar, mixture)
    except SingularCovarianceError:
        acceleration.shorten()
        return None
    if point[1].mean_log_likelihood >= statistics.mean_log_likelihood:
        acceleration.accept()
        return point
    monitor.n_refused += 1
    acceleration.refuse(point[1])
    return None


def expect(mixture: Mixture, blocks: Blocks) -> SufficientStatistics:
    """E-step over all rows.

    Where a component is about to jump far (a start at the wrong end of the data) sums about its
    old mean would cancel; then they are taken once more about the mean it jumps to.
    """
    statistics = blocks.accumulate(mixture)
    if statistics.cancels(blocks.dtype):
        statistics = blocks.accumulate(mixture, centres=statistics.means)
    return statistics
