"""The EM loop. The only one: restarts, sweeps and every source of rows call it."""

from __future__ import annotations

from mixtura._rows import FloatArray
from mixtura.blocks._protocol import Blocks
from mixtura.em.monitor import Monitor
from mixtura.em.statistics import SufficientStatistics
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture


def expectation_maximisation(
    mixture: Mixture, blocks: Blocks, reg_covar: float | FloatArray, monitor: Monitor
) -> tuple[Mixture, SufficientStatistics]:
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
        Told the log-likelihood of each mixture, the first and the last included.

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
    while monitor.goes_on(statistics.mean_log_likelihood):
        try:
            mixture = statistics.maximise(reg_covar, blocks.n_threads, mixture)
        except SingularCovarianceError as error:
            monitor.fail(error)
            break
        statistics = expect(mixture, blocks)
    return mixture, statistics


def expect(mixture: Mixture, blocks: Blocks) -> SufficientStatistics:
    """E-step over all rows.

    Where a component is about to jump far (a start at the wrong end of the data) sums about its
    old mean would cancel; then they are taken once more about the mean it jumps to.
    """
    statistics = blocks.accumulate(mixture)
    if statistics.cancels(blocks.dtype):
        statistics = blocks.accumulate(mixture, centres=statistics.means)
    return statistics
