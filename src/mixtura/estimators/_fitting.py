"""One search for the best mixture: several starts, each run by the one EM loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from mixtura._rows import FloatArray
from mixtura.blocks import Blocks
from mixtura.em import Monitor, SufficientStatistics, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture

OnIteration = Callable[[int, int, float], None]


@dataclass(frozen=True)
class StartRecord:
    """What became of one start.

    Attributes
    ----------
    kind : str
        Name of the start.
    seed : int or None
        `random_state=seed, n_init=1` repeats this start alone; None where nothing was random.
    n_iter : int
        EM iterations made.
    log_likelihood : float
        Mean log-likelihood of its last mixture; NaN if it failed.
    converged : bool
    failure : str
        Why it ended without a mixture, or ''.
    """

    kind: str
    seed: int | None
    n_iter: int
    log_likelihood: float
    converged: bool
    failure: str = ""


@dataclass(frozen=True, eq=False)
class Fit:
    """A mixture that EM ended with, and its way there."""

    mixture: Mixture
    statistics: SufficientStatistics
    monitor: Monitor

    @property
    def failure(self) -> str:
        """Why EM stopped at this mixture for want of a next one, or ''."""
        return str(self.monitor.failure or "")


@dataclass(frozen=True)
class Beginning:
    """A start that is yet to be made."""

    kind: str
    seed: int | None
    make: Callable[[], Mixture]


@dataclass(frozen=True)
class Options:
    """How EM runs from each start."""

    reg_covar: float | FloatArray
    tol: float
    max_iter: int
    on_iteration: OnIteration | None = None
    on_end: Callable[[int, Fit], None] | None = None


def best_fit(
    beginnings: Iterable[Beginning], blocks: Blocks, options: Options
) -> tuple[Fit, list[StartRecord]]:
    """Run EM from every beginning; return the fit of the highest likelihood and all records.

    A start that cannot be made is recorded and passed over. One that collapses on the way, a
    component shrinking onto a few rows, ends at the mixture before and is taken only if no other
    start is proper: its high likelihood is spurious.

    Raises
    ------
    SingularCovarianceError
        If every start failed: the first one's error.
    """
    best: Fit | None = None
    records: list[StartRecord] = []
    first_error: SingularCovarianceError | None = None
    for index, beginning in enumerate(beginnings):
        try:
            fit = _run(index, beginning, blocks, options)
        except SingularCovarianceError as error:
            first_error = first_error or error
            records.append(
                StartRecord(beginning.kind, beginning.seed, 0, np.nan, False, failure=str(error))
            )
            continue
        records.append(_record(beginning, fit))
        if best is None or _is_better(fit, best):
            best = fit
    if best is None:
        assert first_error is not None
        raise first_error
    return best, records


def _run(index: int, beginning: Beginning, blocks: Blocks, options: Options) -> Fit:
    def tell(n_iter: int, log_likelihood: float) -> None:
        if options.on_iteration is not None:
            options.on_iteration(index, n_iter, log_likelihood)

    listener = None if options.on_iteration is None else tell
    monitor = Monitor(options.tol, options.max_iter, listener)
    mixture, statistics = expectation_maximisation(
        beginning.make(), blocks, options.reg_covar, monitor
    )
    fit = Fit(mixture, statistics, monitor)
    if options.on_end is not None:
        options.on_end(index, fit)
    return fit


def _record(beginning: Beginning, fit: Fit) -> StartRecord:
    return StartRecord(
        beginning.kind,
        beginning.seed,
        fit.monitor.n_iter,
        fit.statistics.mean_log_likelihood,
        fit.monitor.converged,
        fit.failure,
    )


def _is_better(fit: Fit, best: Fit) -> bool:
    if bool(fit.failure) != bool(best.failure):
        return bool(best.failure)
    ours, theirs = fit.statistics.mean_log_likelihood, best.statistics.mean_log_likelihood
    # NaN never wins and is always replaced.
    return bool(ours > theirs or (np.isnan(theirs) and not np.isnan(ours)))
