"""What one more batch of a stream makes of a fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mixtura.em import MStep, SufficientStatistics, online_step
from mixtura.fitting.facts import FitFacts
from mixtura.mixture import Mixture
from mixtura.rows import Blocks

# Weight of the rows outside a batch, over its own, where it holds all of them.
_LEAST_REST = 1e-12


def learn(
    mixture: Mixture,
    facts: FitFacts | None,
    batch: Blocks,
    step_of: Callable[[float], float],
    m_step: MStep,
    total: float | None = None,
) -> tuple[Mixture, FitFacts]:
    """Learn from a batch by one step of online EM (`mixtura.em.online`).

    Parameters
    ----------
    mixture : Mixture
        As it is before the batch.
    facts : FitFacts or None
        Of what was fitted and learned before; None where the parameters were set by hand: they stand for
        one batch like this one.
    batch : Blocks
    step_of : callable
        The step, by how many such batches were seen before.
    m_step : MStep
    total : float or None, default=None
        Weight that all rows, seen or not, are taken to have: where a prior counts as rows, as of a posterior.
        None: that of the rows so far.

    Returns
    -------
    mixture : Mixture
    facts : FitFacts
        Of all rows so far; of iterations, this one alone.
    """
    before = _statistics_to_go_on(mixture, facts, batch)
    weight = batch.weight
    step = step_of(_batches_before(before, facts, batch, total))
    if total is not None:
        rest = max(
            total - weight, _LEAST_REST * weight
        )  # the step mixes them; their weights add up
        before = before.scaled(rest / before.weight)
    learned, statistics = online_step(mixture, before, batch, m_step, step)
    if facts is None:  # what stood for the parameters set by hand was no rows
        statistics = statistics.scaled(weight / statistics.weight)
    # Effective rows of a mean with these shares (Kish 1965).
    n_batch = weight * batch.rows_per_weight
    n_before = n_batch if facts is None else facts.effective_rows.sum()
    n_rows = 1 / ((1 - step) ** 2 / n_before + step**2 / n_batch)
    return learned, FitFacts(
        n_rows=batch.shape[0] + (0 if facts is None else facts.n_rows),
        weight=statistics.weight,
        log_likelihood=statistics.log_likelihood,
        log_certainty=statistics.log_certainty,
        n_iter=1,
        converged=False,
        lower_bounds=(statistics.mean_log_likelihood,),
        remaining_gain=np.nan,
        effective_rows=statistics.counts * (n_rows / statistics.weight),
        reg_covar=m_step.reg_covar,
        conjugate=None if facts is None else facts.conjugate,
        n_starts=None if facts is None else facts.n_starts,
        n_batches=1 + (0 if facts is None else facts.n_batches),
        statistics=statistics,
    )


def _batches_before(
    before: SufficientStatistics, facts: FitFacts | None, batch: Blocks, total: float | None
) -> float:
    """How many batches like this one were seen."""
    if total is not None and facts is not None:
        return facts.n_rows / batch.shape[0]
    return before.weight / batch.weight


def _statistics_to_go_on(
    mixture: Mixture, facts: FitFacts | None, batch: Blocks
) -> SufficientStatistics:
    """Those so far; where they are not known, those that the mixture implies."""
    if facts is not None and facts.statistics is not None:
        return facts.statistics
    known = batch.score(mixture) if facts is None else facts
    sums = (known.weight, known.log_likelihood, known.log_certainty)
    return SufficientStatistics.implied_by(mixture, *sums)
