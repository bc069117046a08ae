"""One fit: several starts, each run by the one EM loop, side by side where that is quicker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from time import monotonic

import numpy as np

from mixtura._rows import FloatArray
from mixtura.blocks import Blocks
from mixtura.diagnosis import why_improper
from mixtura.em import Acceleration, Monitor, SufficientStatistics, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.starts import StartRecord

STOPPED_BY_CALLBACK = "stopped by the callback"

OnIteration = Callable[[int, int, float], None]
Callback = Callable[[int, Mixture, float], object]

# Rows (times what one of d features costs) between which starts run side by side. Below, Python's own lock
# leaves nothing to gain; beyond, an E-step is worth all threads, and Ctrl-C would wait for its end.
_SIDE_BY_SIDE = (1e4, 2e6)


@dataclass(frozen=True, eq=False)
class Fit:
    """A mixture that EM ended with, and its way there."""

    mixture: Mixture
    statistics: SufficientStatistics
    monitor: Monitor
    remaining_gain: float
    degenerate: str

    @property
    def failure(self) -> str:
        """Why EM stopped at this mixture for want of a next one, or ''."""
        return str(self.monitor.failure or "")


@dataclass(frozen=True)
class Beginning:
    """A start that is yet to be made."""

    kind: str
    seed: int | None
    make: Callable[[Blocks], tuple[Mixture, list[StartRecord]]]
    accelerate: bool = False
    #: Whether it may be made in another thread, before or after others.
    side_by_side: bool = True


@dataclass(frozen=True, eq=False)
class Options:
    """How EM runs from each start."""

    reg_covar: FloatArray
    tol: float
    max_iter: int
    deadline: float = np.inf
    callback: Callback | None = None
    on_iteration: OnIteration | None = None
    on_end: Callable[[int, Fit], None] | None = None


Outcome = tuple[Fit | None, list[StartRecord], SingularCovarianceError | None]


def best_fit(
    beginnings: Sequence[Beginning], blocks: Blocks, options: Options
) -> tuple[Fit, list[StartRecord]]:
    """Run EM from every beginning; return the fit of the highest likelihood and all records.

    A start that cannot be made is recorded and passed over. One that ends degenerate, a component on
    too few rows or held up by reg_covar, is taken only if no other start is proper: its likelihood is
    spurious.

    Raises
    ------
    SingularCovarianceError
        If every start failed: the first one's error.
    """
    outcomes = _outcomes(beginnings, blocks, options)
    records = [record for _, journal, _ in outcomes for record in journal]
    best: Fit | None = None
    for fit, _, _ in outcomes:
        if fit is not None and (best is None or _is_better(fit, best)):
            best = fit
    if best is None:
        raise next(error for _, _, error in outcomes if error is not None)
    return best, records


def _outcomes(beginnings: Sequence[Beginning], blocks: Blocks, options: Options) -> list[Outcome]:
    listens = options.callback or options.on_iteration or options.on_end
    n_workers = min(len(beginnings), blocks.n_threads)
    freely = all(beginning.side_by_side for beginning in beginnings)
    if n_workers < 2 or listens or not freely or not _fits_side_by_side(blocks):
        return [_outcome(*pair, blocks, options, None) for pair in enumerate(beginnings)]
    stopping = Event()
    alone = blocks.with_threads(1)
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            futures = [
                pool.submit(_outcome, index, beginning, alone, options, stopping)
                for index, beginning in enumerate(beginnings)
            ]
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C: the others end at their next iteration
            stopping.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fits_side_by_side(blocks: Blocks) -> bool:
    n_rows, n_features = blocks.shape
    least, most = _SIDE_BY_SIDE
    return least <= n_rows * (1 + n_features**2 / 16) <= most


def _outcome(
    index: int, beginning: Beginning, blocks: Blocks, options: Options, stopping: Event | None
) -> Outcome:
    journal: list[StartRecord] = []
    try:
        mixture, journal = beginning.make(blocks)
        fit = _run(index, mixture, beginning.accelerate, blocks, options, stopping)
    except SingularCovarianceError as error:
        failed = StartRecord(
            beginning.kind, beginning.seed, blocks.shape[0], 0, np.nan, False, str(error)
        )
        return None, [*journal, failed], error
    return fit, [*journal, _record(beginning, fit, blocks)], None


class _Listener(Monitor):
    """Tells the face and the user's callback of each iteration, and ends when one of them says so."""

    def __init__(
        self, index: int, accelerated: bool, options: Options, stopping: Event | None
    ) -> None:
        super().__init__(options.tol, options.max_iter, accelerated)
        self._index, self._options, self._stopping = index, options, stopping

    def goes_on(self, mean_log_likelihood: float, mixture: Mixture | None = None) -> bool:
        on = super().goes_on(mean_log_likelihood, mixture)
        options = self._options
        if self.n_iter > 0 and options.on_iteration is not None:
            options.on_iteration(self._index, self.n_iter, mean_log_likelihood)
        if self.n_iter > 0 and options.callback is not None and mixture is not None:
            stops = options.callback(self.n_iter, mixture, mean_log_likelihood)
            self.stopped = STOPPED_BY_CALLBACK if stops else ""
        if monotonic() > options.deadline:
            self.stopped = "max_time reached"
        if self._stopping is not None and self._stopping.is_set():
            self.stopped = "interrupted"
        return on and not self.stopped


def _run(
    index: int,
    start: Mixture,
    accelerate: bool,
    blocks: Blocks,
    options: Options,
    stopping: Event | None,
) -> Fit:
    monitor = _Listener(index, accelerate, options, stopping)
    acceleration = Acceleration(start) if accelerate else None
    mixture, statistics = expectation_maximisation(
        start, blocks, options.reg_covar, monitor, acceleration
    )
    predicted = np.nan if acceleration is None else acceleration.predicted_gain
    effective_rows = statistics.counts * blocks.rows_per_weight
    fit = Fit(
        mixture,
        statistics,
        monitor,
        remaining_gain=monitor.remaining_gain if np.isnan(predicted) else predicted,
        degenerate=why_improper(mixture, effective_rows, options.reg_covar, blocks),
    )
    if options.on_end is not None:
        options.on_end(index, fit)
    return fit


def _record(beginning: Beginning, fit: Fit, blocks: Blocks) -> StartRecord:
    monitor = fit.monitor
    return StartRecord(
        beginning.kind,
        beginning.seed,
        blocks.shape[0],
        monitor.n_iter,
        fit.statistics.mean_log_likelihood,
        monitor.converged,
        fit.failure or fit.degenerate or monitor.ended,
        monitor.n_passes,
    )


def _is_better(fit: Fit, best: Fit) -> bool:
    doubtful, theirs_doubtful = (
        bool(fit.failure or fit.degenerate),
        bool(best.failure or best.degenerate),
    )
    if doubtful != theirs_doubtful:
        return theirs_doubtful
    ours, theirs = fit.statistics.mean_log_likelihood, best.statistics.mean_log_likelihood
    # NaN never wins and is always replaced.
    return bool(ours > theirs or (np.isnan(theirs) and not np.isnan(ours)))
