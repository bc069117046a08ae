"""Fewer iterations to the same optimum: a quasi-Newton step instead of the EM step, where it is better."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.em.statistics import SufficientStatistics
from mixtura.mixture import Mixture


class Acceleration:
    """Proposes statistics to maximise instead of those of the last E-step.

    L-BFGS in the space of the sufficient statistics, in the metric of the complete data's Fisher
    information (cpp/acceleration.hpp): there the EM step is steepest ascent, and whatever point is
    proposed, the M-step makes a mixture of the right structure of it. The loop refuses proposals that
    are worse than the point before, so the likelihood never falls.

    References
    ----------
    Jamshidian & Jennrich 1997, Acceleration of the EM algorithm by using quasi-Newton methods.
    Nocedal 1980, Updating quasi-Newton matrices with limited storage.
    """

    def __init__(self, mixture: Mixture) -> None:
        self._native = _core.Acceleration(mixture.structure.kernel, *mixture.means.shape)

    def propose(
        self, mixture: Mixture, statistics: SufficientStatistics
    ) -> SufficientStatistics | None:
        """Return statistics whose M-step is worth an E-step; None: the EM step is all there is.

        Parameters
        ----------
        mixture : Mixture
            The current one.
        statistics : SufficientStatistics
            Of the E-step there.
        """
        proposal = SufficientStatistics(
            statistics.structure,
            np.empty_like(statistics.centres),
            statistics.weight,
            0.0,
            0.0,
            np.empty_like(statistics.counts),
            np.empty_like(statistics.firsts),
            np.empty_like(statistics.seconds),
        )
        worth_trying = self._native.propose(
            statistics.counts,
            statistics.firsts,
            statistics.seconds,
            statistics.centres,
            mixture.weights,
            mixture.precisions_cholesky,
            proposal.counts,
            proposal.firsts,
            proposal.seconds,
            proposal.centres,
        )
        return proposal if worth_trying else None

    def accept(self) -> None:
        """The proposal was better: EM goes on from there."""
        self._native.accept()

    def refuse(self, statistics: SufficientStatistics) -> None:
        """The proposal was worse; the E-step there still tells of the curvature."""
        self._native.refuse(
            statistics.counts, statistics.firsts, statistics.seconds, statistics.centres
        )

    def shorten(self) -> None:
        """The proposal is no mixture: propose less."""
        self._native.shorten()

    def step(self) -> None:
        """EM goes on with its own step."""
        self._native.step()

    @property
    def predicted_gain(self) -> float:
        """Mean log-likelihood still to gain, by the quadratic model; NaN before there is one."""
        return float(self._native.predicted_gain)
