"""One fit: several starts, each run by the one EM loop, side by side where that is quicker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from math import isclose, isfinite
from time import monotonic

import numpy as np

from mixtura import _core
from mixtura._core import Acceleration, Stop
from mixtura.covariance import CovarianceStructure
from mixtura.em import (
    GAUSSIAN,
    Monitor,
    MStep,
    SufficientStatistics,
    expect,
    expectation_maximisation,
)
from mixtura.errors import SingularCovarianceError
from mixtura.fitting.checkpoint import Checkpoint, End, Progress
from mixtura.fitting.diagnosis import (
    Doubt,
    Grounds,
    as_measured,
    doubts_about,
    rows_needed,
    total_covariance,
    verdicts_of,
)
from mixtura.fitting.facts import FitFacts
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.starts import StartRecord
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import result_of

STOPPED_BY_CALLBACK = "stopped by the callback"

# Relative difference of mean log-likelihoods that may be rounding: one optimum, its components in any order,
# its sums on another instruction set. The start that came first is kept then.
_ROUNDING = 1e-12

OnIteration = Callable[[int, int, float], None]
Callback = Callable[[int, Mixture, float], object]

# Rows (times what one of d features costs) from which starts run side by side: below, threads cost what they
# bring. Beyond the most an E-step is worth all threads, and Ctrl-C would wait for its end.
_LEAST_SIDE_BY_SIDE, _MOST_SIDE_BY_SIDE = 1e4, 2e6


@dataclass(frozen=True, eq=False)
class Fit:
    """A mixture that EM ended with, and its way there."""

    mixture: Mixture
    statistics: SufficientStatistics
    monitor: _core.Monitor
    remaining_gain: float
    effective_rows: FloatArray
    doubts: tuple[Doubt, ...]
    #: Log density of the parameters under their prior, but for a constant.
    log_prior: float = 0.0
    #: Free parameters, and how many of them a prior holds; None: as many as the mixture has, and none.
    n_parameters: int | None = None
    n_held: int = 0
    #: What EM leads to from here, where this is no optimum but the last stop before a degenerate end; or ''.
    leads_to: str = ""
    #: Why EM stopped at this mixture for want of a next one, or ''.
    failure: str = ""

    @property
    def objective(self) -> float:
        """What EM raises, in nats a row: the mean log-likelihood, and the log prior's share."""
        return self.statistics.mean_log_likelihood + self.log_prior / self.statistics.weight

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One on each component."""
        return verdicts_of(self.effective_rows, self.doubts)

    @property
    def is_degenerate(self) -> bool:
        """Whether the likelihood is spurious."""
        return bool(self.doubts) and self.doubts[0].is_degenerate

    @property
    def doubt(self) -> str:
        """Why it is not as good as any other fit of its likelihood, or ''."""
        if self.failure or self.doubts:
            return self.failure or self.doubts[0].words
        return f"EM leads on to a degenerate end ({self.leads_to})" if self.leads_to else ""

    @property
    def rank(self) -> int:
        """Lower wins, whatever the likelihood.

        0: an optimum, 1: a stop before a degenerate end, 2: components coincide, 3: a degenerate end.
        """
        if self.failure or self.is_degenerate:
            return 3
        return 2 if self.doubts else int(bool(self.leads_to))

    def permuted(self, order: Array) -> Fit:
        """The same with the components in another order; its doubts call them by their numbers before."""
        return replace(
            self,
            mixture=self.mixture.permuted(order),
            statistics=self.statistics.permuted(order),
            effective_rows=self.effective_rows[order],
        )

    def facts(self, n_rows: int, options: Options, n_starts: int | None = None) -> FitFacts:
        """What is known of it, on so many rows."""
        n_parameters = options.grounds.n_parameters(self.mixture)
        own = None if n_parameters == self.mixture.n_parameters else n_parameters
        facts = self.facts_beside(n_rows, options.reg_covar, n_starts, own)
        return replace(facts, conjugate=options.grounds.kind.conjugate)

    def facts_beside(
        self,
        n_rows: int,
        reg_covar: FloatArray,
        n_starts: int | None,
        n_parameters: int | None = None,
    ) -> FitFacts:
        """The same with what was added to the covariances; n_parameters None: as many as the mixture has."""
        sums, monitor = self.statistics, self.monitor
        return FitFacts(
            n_rows=n_rows,
            weight=sums.weight,
            log_likelihood=sums.log_likelihood,
            log_certainty=sums.log_certainty,
            n_iter=monitor.n_iter,
            converged=monitor.converged,
            lower_bounds=tuple(monitor.history[1:]),
            remaining_gain=self.remaining_gain,
            effective_rows=self.effective_rows,
            reg_covar=reg_covar,
            verdicts=self.verdicts,
            n_starts=n_starts,
            n_parameters=n_parameters,
            log_prior=self.log_prior,
            statistics=sums,
        )


@dataclass(frozen=True)
class Beginning:
    """A start that is yet to be made."""

    kind: str
    seed: int | None
    make: Callable[[Blocks], tuple[Mixture, list[StartRecord]]]
    accelerate: bool = False
    #: Whether a search has ended with it: it stands where EM leads on from it to a degenerate end.
    is_found: bool = False
    #: Whether it may be made in another thread, before or after others.
    side_by_side: bool = True


@dataclass(frozen=True, eq=False)
class Options:
    """How EM runs from each start."""

    grounds: Grounds
    tol: float
    max_iter: int
    deadline: float = np.inf
    stop: Stop | None = None
    callback: Callback | None = None
    on_iteration: OnIteration | None = None
    on_end: Callable[[int, Fit], None] | None = None
    checkpoint: Checkpoint | None = None

    @property
    def reg_covar(self) -> FloatArray:
        """Added to the diagonals of covariances."""
        return self.grounds.reg_covar

    def m_step(self, structure: CovarianceStructure) -> MStep:
        """The M-step of such covariances."""
        return self.grounds.m_step(structure)

    def of_a_start(self, tol: float, max_iter: int) -> Options:
        """How EM runs where a start is chosen: nobody is told."""
        return replace(
            self,
            tol=tol,
            max_iter=max_iter,
            callback=None,
            on_iteration=None,
            on_end=None,
            checkpoint=None,
        )


Outcome = tuple[Fit | None, list[StartRecord], SingularCovarianceError | None]


def best_fit(
    beginnings: Sequence[Beginning], blocks: Blocks, options: Options
) -> tuple[Fit, list[StartRecord]]:
    """Run EM from every beginning; return the fit of the highest likelihood and all records.

    A start that cannot be made is recorded and passed over. Ends are ranked by `Fit.rank`: a degenerate one
    (see `Diagnosis`) is taken only if no other start is proper, since its likelihood is spurious. Of
    likelihoods that are equal to rounding the first is kept. Once there is a fit, no start begins after the
    deadline or where the callback ended one; those are recorded with 0 iterations.

    Raises
    ------
    SingularCovarianceError
        If every start failed: the first one's error.
    """
    with _core.Recycling():
        if options.checkpoint is None:
            outcomes = _outcomes(beginnings, blocks, options)
        else:
            outcomes = _outcomes_with_checkpoint(beginnings, blocks, options, options.checkpoint)
    records = [record for _, journal, _ in outcomes for record in journal]
    best: Fit | None = None
    for fit, _, _ in outcomes:
        best = better(fit, best)
    if best is None:
        raise next(error for _, _, error in outcomes if error is not None)
    return best, records


def _outcomes(beginnings: Sequence[Beginning], blocks: Blocks, options: Options) -> list[Outcome]:
    reports = options.callback or options.on_iteration or options.on_end
    n_workers = min(len(beginnings), blocks.n_threads)
    freely = all(beginning.side_by_side for beginning in beginnings)
    worthwhile = fits_side_by_side(blocks, _LEAST_SIDE_BY_SIDE)
    ended: list[Fit] = []
    if n_workers < 2 or reports or not freely or not worthwhile:
        return [
            _outcome(*pair, blocks, options, ended, options.stop) for pair in enumerate(beginnings)
        ]
    stopping = options.stop or Stop()
    alone = blocks.with_threads(1)
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            futures = [
                pool.submit(_outcome, index, beginning, alone, options, ended, stopping)
                for index, beginning in enumerate(beginnings)
            ]
            return [result_of(future) for future in futures]
        except (
            BaseException
        ):  # Ctrl-C: the others end within their search, or at their next iteration
            stopping.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _outcomes_with_checkpoint(
    beginnings: Sequence[Beginning], blocks: Blocks, options: Options, checkpoint: Checkpoint
) -> list[Outcome]:
    """One after another, each end written to a file; those that are there already are not run again."""
    best, error = None, None
    if checkpoint.best is not None:
        best = _restored(checkpoint.best, blocks, options)
    elif checkpoint.error:
        error = SingularCovarianceError(checkpoint.error)
    ended: list[Fit] = [] if best is None else [best]
    records = list(checkpoint.records)
    is_whole = True  # no start was cut short or left out, so that the next one may be entered
    for index in range(checkpoint.n_done, len(beginnings)):
        fit, journal, failed = _outcome(index, beginnings[index], blocks, options, ended)
        records = [*records, *journal]
        error = error or failed
        is_whole = is_whole and not _goes_on_later(fit, failed, len(beginnings))
        end = checkpoint.best
        if fit is not None and better(fit, best) is fit:
            best, end = fit, _end(index, fit)
        if is_whole:
            checkpoint.finish(records, end, None if error is None else str(error))
    if not is_whole:
        checkpoint.write()  # as it is, so that a longer max_iter or max_time goes on from here
    return [(best, records, error)]


def _goes_on_later(
    fit: Fit | None, failed: SingularCovarianceError | None, n_beginnings: int
) -> bool:
    """Whether a start that was resumed would go on: it was cut short from outside, or never began."""
    if fit is None:
        return failed is None
    cut_short = bool(fit.monitor.stopped) or n_beginnings == 1
    return cut_short and not fit.monitor.converged and not fit.failure


def _end(index: int, fit: Fit) -> Progress:
    monitor = fit.monitor
    end = End(monitor.stopped, fit.failure, fit.leads_to, fit.remaining_gain, monitor.accelerated)
    return Progress(index, fit.mixture, monitor.history, monitor.n_refused, None, [], end)


def _restored(progress: Progress, blocks: Blocks, options: Options) -> Fit:
    end = progress.end
    assert end is not None
    monitor = Monitor(options.tol, options.max_iter, end.accelerated)
    _replay(monitor, progress)
    monitor.stopped = end.stopped
    if end.failure:
        monitor.failure = SingularCovarianceError(end.failure)
    mixture, gain = progress.mixture, end.remaining_gain
    fit = _fit_of(mixture, expect(mixture, blocks), monitor, gain, blocks, options)
    return replace(fit, leads_to=end.leads_to)


def _replay(monitor: Monitor, progress: Progress) -> None:
    """Take up what was observed before the interruption."""
    for log_likelihood in progress.history:
        monitor.goes_on(log_likelihood)
    monitor.n_refused = progress.n_refused


def fits_side_by_side(blocks: Blocks, least: float = 0.0) -> bool:
    """Whether threads are better spent on fits of their own than on the E-steps of one."""
    n_rows, n_features = blocks.shape
    return least <= n_rows * (1 + n_features**2 / 16) <= _MOST_SIDE_BY_SIDE


def _outcome(
    index: int,
    beginning: Beginning,
    blocks: Blocks,
    options: Options,
    ended: list[Fit],
    stopping: Stop | None = None,
) -> Outcome:
    """What became of a start; a fit is added to those that `ended`, which say whether it begins at all."""
    why_not = _why_no_more(ended, options)
    if why_not:
        unbegun = StartRecord(beginning.kind, beginning.seed, 0, 0, np.nan, False, why_not)
        return None, [unbegun], None
    journal: list[StartRecord] = []
    progress = None if options.checkpoint is None else options.checkpoint.current
    try:
        if progress is None:
            mixture, journal = beginning.make(blocks)
            mixture = _as_posterior(mixture, blocks, options)
            progress = Progress(index, mixture, [], 0, None, journal)
        journal = progress.journal
        fit = _run(progress, beginning, blocks, options, stopping)
    except SingularCovarianceError as error:
        failed = StartRecord(
            beginning.kind, beginning.seed, blocks.shape[0], 0, np.nan, False, str(error)
        )
        return None, [*journal, failed], error
    ended.append(fit)
    return fit, [*journal, _record(beginning, fit, blocks)], None


def _as_posterior(mixture: Mixture, blocks: Blocks, options: Options) -> Mixture:
    """The posterior, where one is asked for, given the responsibilities of a mixture that is none."""
    if options.grounds.kind.conjugate is None or mixture.posterior is not None:
        return mixture
    return options.m_step(mixture.structure).maximise(expect(mixture, blocks), blocks.n_threads)


def _why_no_more(ended: list[Fit], options: Options) -> str:
    """Why no further start begins, or ''."""
    if any(fit.monitor.stopped == STOPPED_BY_CALLBACK for fit in ended):
        return f"not begun: {STOPPED_BY_CALLBACK}"
    if ended and monotonic() > options.deadline:
        return "not begun: max_time reached"
    return ""


class _ReportingMonitor(Monitor):
    """Calls the callbacks, writes the checkpoint, and ends where the user's callback says so."""

    def __init__(
        self, progress: Progress, accelerated: bool, options: Options, stopping: Stop | None
    ) -> None:
        super().__init__(options.tol, options.max_iter, accelerated, options.deadline, stopping)
        self._progress, self._options = progress, options
        if options.on_iteration or options.callback or options.checkpoint:
            self.called = (0, 1)

    def begin(self, acceleration: Acceleration | None) -> None:
        self._acceleration = acceleration
        _replay(self, self._progress)
        state = self._progress.acceleration
        if acceleration is not None and state is not None:
            acceleration.restore(state)

    def callback(self, mixture: Mixture) -> str:
        options, last = self._options, self.history[-1]
        if options.checkpoint is not None:
            options.checkpoint.note(self._reached(mixture))
        if self.n_iter == 0:
            return ""
        if options.on_iteration is not None:
            options.on_iteration(self._progress.index, self.n_iter, last)
        stops = options.callback is not None and options.callback(self.n_iter, mixture, last)
        return STOPPED_BY_CALLBACK if stops else ""

    def _reached(self, mixture: Mixture) -> Progress:
        state: FloatArray | None = None
        if self._acceleration is not None:
            state = np.asarray(self._acceleration.state())
        before = self.history[:-1]  # the E-step at this mixture is made again
        return replace(
            self._progress,
            mixture=mixture,
            history=before,
            n_refused=self.n_refused,
            acceleration=state,
        )


def _run(
    progress: Progress,
    beginning: Beginning,
    blocks: Blocks,
    options: Options,
    stopping: Stop | None,
) -> Fit:
    monitor = _ReportingMonitor(progress, beginning.accelerate, options, stopping)
    try:
        mixture, statistics = expectation_maximisation(
            progress.mixture,
            blocks,
            options.m_step(progress.mixture.structure),
            monitor,
            beginning.accelerate,
        )
    except BaseException:  # Ctrl-C above all
        if options.checkpoint is not None:
            options.checkpoint.write()
        raise
    fit = _fit_of(mixture, statistics, monitor, gain_left(monitor), blocks, options)
    if beginning.is_found:
        fit = _or_where_it_began(fit, progress.mixture, monitor, blocks, options)
    if options.on_end is not None:
        options.on_end(progress.index, fit)
    return fit


def gain_left(monitor: _core.Monitor) -> float:
    """Mean log-likelihood that is still to gain: by the acceleration's model, where there is one."""
    predicted = monitor.predicted_gain
    return monitor.remaining_gain if np.isnan(predicted) else predicted


def _fit_of(
    mixture: Mixture,
    statistics: SufficientStatistics,
    monitor: Monitor,
    remaining_gain: float,
    blocks: Blocks,
    options: Options,
) -> Fit:
    _check_numbers(mixture, statistics)
    effective_rows = statistics.counts * blocks.rows_per_weight
    doubts = _judged(mixture, effective_rows, blocks, options)
    log_prior = options.grounds.log_prior(mixture)
    return Fit(
        mixture,
        statistics,
        monitor,
        remaining_gain,
        effective_rows,
        doubts,
        log_prior,
        options.grounds.n_parameters(mixture),
        options.grounds.n_held(mixture),
        failure=str(monitor.failure or ""),
    )


def _judged(
    mixture: Mixture, effective_rows: FloatArray, blocks: Blocks, options: Options
) -> tuple[Doubt, ...]:
    total = partial(total_covariance, blocks, mixture.structure)
    if blocks.has_errors:
        mixture = as_measured(mixture, blocks)
    return doubts_about(mixture, effective_rows, options.grounds, total)


def ordered(fit: Fit, by: str | None, blocks: Blocks, options: Options) -> Fit:
    """The same with the components by 'weight' or 'mean', by whose numbers the doubts call them."""
    if by is None:
        return fit
    sorted_ = fit.permuted(order_of(fit.mixture, by))
    if not fit.doubts:
        return sorted_
    doubts = _judged(sorted_.mixture, sorted_.effective_rows, blocks, options)
    return replace(sorted_, doubts=doubts)


def order_of(mixture: Mixture, by: str) -> Array:
    """Of the components, by 'weight' or by 'mean'."""
    if by == "weight":
        return np.argsort(-mixture.weights, kind="stable")
    return np.lexsort(mixture.means.T[::-1])


def _or_where_it_began(
    fit: Fit, began: Mixture, monitor: Monitor, blocks: Blocks, options: Options
) -> Fit:
    """The fit; of a degenerate one the mixture that a search had ended with, if that was better."""
    if fit.rank < 3 or monitor.n_iter == 0 or _have_hardly_rows(began, blocks, options):
        return fit
    before = Monitor(options.tol, options.max_iter, monitor.accelerated)
    stop = _fit_of(began, expect(began, blocks), before, np.nan, blocks, options)
    if stop.doubts:
        return fit
    before.goes_on(stop.objective)
    return replace(stop, leads_to=fit.failure or fit.doubts[0].label)


def _have_hardly_rows(mixture: Mixture, blocks: Blocks, options: Options) -> bool:
    """Whether rows are so few that of Gaussian components, wherever they lie, one has fewer than it needs."""
    if options.grounds.kind is not GAUSSIAN:
        return False
    needed = rows_needed(mixture.structure, mixture.n_features)
    return blocks.weight * blocks.rows_per_weight < 0.99 * needed * mixture.n_components


def _check_numbers(mixture: Mixture, statistics: SufficientStatistics) -> None:
    """Raise where EM has left the range of the arithmetic, so that no fit holds NaN or infinity."""
    with np.errstate(all="ignore"):
        arrays = [*mixture.as_tuple(), statistics.counts]
        if not np.abs(mixture.precisions_cholesky).max() <= _core.MOST_OF_A_FACTOR:
            arrays.append(mixture.precisions)
    sums = statistics.log_likelihood, statistics.log_certainty
    if not (all(map(isfinite, sums)) and all(np.isfinite(array).all() for array in arrays)):
        raise SingularCovarianceError(
            "Fitting the mixture model failed because its numbers left the range of float64: bring the "
            "features near 1 in size (sklearn.preprocessing.StandardScaler), decrease the number of "
            "components, or increase reg_covar."
        )


def _record(beginning: Beginning, fit: Fit, blocks: Blocks) -> StartRecord:
    return record_of(beginning.kind, beginning.seed, fit, blocks.shape[0])


def record_of(kind: str, seed: int | None, fit: Fit, n_rows: int) -> StartRecord:
    """What became of a start that ended as this fit."""
    monitor = fit.monitor
    return StartRecord(
        kind,
        seed,
        n_rows,
        monitor.n_iter,
        fit.objective,
        monitor.converged,
        fit.doubt or monitor.ended,
        monitor.n_passes,
    )


def better(fit: Fit | None, best: Fit | None) -> Fit | None:
    """The better one of two ends; the second where they are alike."""
    if fit is None or best is None:
        return fit or best
    return fit if _is_better(fit, best) else best


def _is_better(fit: Fit, best: Fit) -> bool:
    if fit.rank != best.rank:
        return fit.rank < best.rank
    ours, theirs = fit.objective, best.objective
    # NaN never wins and is always replaced.
    if np.isnan(theirs):
        return not np.isnan(ours)
    return ours > theirs and not isclose(ours, theirs, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
