"""The default start: a short search for the best optimum on a part of the rows.

The search itself is native (cpp/optimum/): a descent on a few hundred rows takes some ten microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from numpy.random import PCG64, RandomState
from scipy.stats import entropy

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em import MStep, TotalScatter
from mixtura.em.regularisation import regularisation
from mixtura.errors import SingularCovarianceError
from mixtura.inputs.scales import significant
from mixtura.mixture import Mixture, native_mixture, responsibilities
from mixtura.rows import ArrayBlocks, Blocks, Randomness, Rows, distinct_rows, in_memory
from mixtura.starts.given import LabelResponsibilities, mixture_of
from mixtura.starts.kmeans import clusters
from mixtura.starts.labelled import matched_to_labels
from mixtura.starts.records import StartRecord, Starts
from mixtura.support.arrays import Array, FloatArray

#: Name of a start, and its responsibilities.
Given = tuple[str, FloatArray]

# Rows that the search sees: enough for a component of weight 0.01 and for 25 rows a feature and component.
_ROWS = 10_000
_ROWS_PER_PARAMETER = 25

# More than the optima depend on, and fewer than rounding reaches.
_BITS_OF_PROPORTIONS = 36


# Entropy of the responsibilities, in nats a row, from which components overlap.
_OVERLAPPING = 0.1


class Searched(NamedTuple):
    """What a search ended with.

    mixture: the best on the rows that it saw. records: one of each descent. partition: the mixture of the
    clusters of k-means, where these rows are a sample and components overlap. Then the best is too much their
    own, and from clusters EM may lead further on all rows.
    """

    mixture: Mixture
    records: list[StartRecord]
    partition: Mixture | None = None


class SearchStopped(Exception):
    """Another thread has ended a search by its `Stop`: what it was at is lost."""


_Record = tuple[str, int, float, bool, str, int, int, float]
_Parameters = tuple[Any, ...]
_Found = tuple[_Parameters | None, list[_Record], list[_Parameters]]


class SearchRows:
    """The rows that searches see.

    Parameters
    ----------
    blocks : ArrayBlocks
    min_rows : float, default=0
        Effective rows of a component that are asked for beyond what its covariance needs.
    rows_per_weight : float or None, default=None
        Effective rows in a unit of weight; None: as `blocks` say. Of equal rows that were taken together
        it is that before, since their weights no longer tell how many they were.
    kind : CovarianceStructure or None, default=None
        The only structure that is searched; None: any.
    inexact : Rows or None, default=None
        The same rows as they are, of which features are missing or measured with errors: what descents go by,
        where partitions and moves go by `blocks`.
    weight : float or None, default=None
        What they weigh in all, where a prior's pseudo-counts are weighed against them; None: as `blocks` say.
    recording : Recording or None, default=None
        How their values were recorded; None: as they say themselves.
    """

    def __init__(
        self,
        blocks: ArrayBlocks,
        min_rows: float = 0.0,
        rows_per_weight: float | None = None,
        kind: CovarianceStructure | None = None,
        inexact: Rows | None = None,
        weight: float | None = None,
        recording: _core.Recording | None = None,
    ) -> None:
        if rows_per_weight is None:
            rows_per_weight = blocks.rows_per_weight
        if weight is not None and weight != blocks.weight:
            rows_per_weight *= blocks.weight / weight
            blocks = ArrayBlocks(blocks.rows.weighing(weight), blocks.n_threads)
            inexact = None if inexact is None else inexact.weighing(weight)
        rows = blocks.rows.in_precision(blocks.dtype)
        if recording is None and inexact is None and rows_per_weight == blocks.rows_per_weight:
            recording = blocks.recording  # of equal rows that were taken together it is another
        #: The rows as contiguous float64.
        self.X: FloatArray = np.ascontiguousarray(rows.X, dtype=np.float64)
        self.native = _core.SearchRows(
            rows.X,
            self.X,
            rows.weight,
            _total(blocks, kind).as_tuple(),
            rows_per_weight,
            min_rows,
            rows.label,
            rows.log_credible,
            None if inexact is None else _in_order(inexact).native(),
            None if inexact is None else _usual_error(inexact),
            recording,
        )
        #: The rows with their weights.
        self.blocks = blocks
        self._as_they_are = Rows(self.X) if inexact is None else inexact

    def responsibilities(self, mixture: Mixture, n_threads: int) -> Array:
        """Of the rows as they are."""
        rows = self._as_they_are
        return responsibilities(mixture, rows.X, n_threads, missing=rows.missing, errors=rows.error)

    def problem(
        self, m_step: MStep, n_components: int, seed: int, deadline: float
    ) -> _core.SearchProblem:
        """What is searched, as the core takes it."""
        metric, seconds = self._metric_reg_covar(m_step.reg_covar), deadline - monotonic()
        return _core.SearchProblem(self.native, m_step.native, n_components, metric, seed, seconds)

    def _metric_reg_covar(self, reg_covar: FloatArray) -> FloatArray:
        """What is added to the metric of a partition.

        Where reg_covar=0 leaves no metric, a fit of another structure may still be possible.
        """
        if reg_covar.all():
            return reg_covar
        return np.maximum(reg_covar, regularisation("auto", self.blocks))


def _in_order(rows: Rows) -> Rows:
    """The rows with their features as contiguous float64."""
    return replace(rows, X=np.ascontiguousarray(rows.X, dtype=np.float64))


def _usual_error(rows: Rows) -> FloatArray | None:
    """The median variance of the errors of each feature."""
    if rows.error is None:
        return None
    known = np.where(np.isinf(rows.error_variances), np.nan, rows.error_variances)
    usual = np.nanmedian(np.vstack([known, np.zeros(rows.shape[1])]), axis=0)
    return np.ascontiguousarray(usual)


def _total(blocks: ArrayBlocks, kind: CovarianceStructure | None) -> TotalScatter:
    """Mean and scatter of all rows; where a search asks for no more than its diagonal, that alone."""
    if kind is None or kind.has_matrices or blocks.shape[1] < _core.WIDE:
        return blocks.total
    spread = blocks.spread("diag")
    return replace(spread, scatter=np.diag(spread.scatter))


@dataclass(frozen=True)
class Budget:
    """E-steps that a search from given starts may take.

    moving: on moves from each optimum. own: on a search of its own.
    """

    moving: int
    own: int = 0


def rows_of_a_search(n_components: int, n_features: int) -> int:
    """Rows that tell the optima of so many components apart."""
    return max(_ROWS, _ROWS_PER_PARAMETER * n_components * (n_features + 1))


def searched(
    blocks: Blocks,
    most: int,
    rng: Randomness,
    min_rows: float = 0.0,
    kind: CovarianceStructure | None = None,
    stand_for_all: bool = False,
) -> SearchRows:
    """Rows that a search sees: the distinct ones, each with the weight of all that equal it.

    Of more than `most` those of a uniform sample. So a whole weight and as many repeated rows are the same
    table, searched in the same way. Where features are missing or measured with errors they stay as they
    are, beside rows that are completed by draws. min_rows: effective ones, of all rows, that a component
    needs at least; kind: the only structure that is searched; stand_for_all: whether they weigh what all
    rows do (see `Kind.has_pseudo_counts`), where else only proportions matter.
    """
    total = blocks.weight if stand_for_all else None
    if blocks.has_missing or blocks.has_errors:
        return _of_a_sample(blocks, most, rng, min_rows, kind, total)
    distinct, rows_per_weight, share = distinct_rows(blocks, most), blocks.rows_per_weight, 1.0
    if distinct is None:
        rows = blocks.sample(most, rng)
        distinct = rows.distinct(len(rows))
        rows_per_weight = ArrayBlocks(rows).rows_per_weight
        share = len(rows) / blocks.n_present
    if distinct is None or distinct.weight is None:
        raise RuntimeError("a sample has at most as many distinct rows as rows")
    few, weight = share * min_rows, distinct.weight
    if (weight == 1).all():
        alike = in_memory(blocks, replace(distinct, weight=None))
        return SearchRows(alike, few, rows_per_weight, kind, weight=total)
    if (weight == np.floor(weight)).all():
        whole = in_memory(blocks, distinct)
        return SearchRows(whole, few, rows_per_weight, kind, weight=total)
    # Only proportions of fractions matter: those of all their multiples are the same numbers.
    unit = float(weight.max())
    proportions = significant(weight / unit, _BITS_OF_PROPORTIONS)
    sample = ArrayBlocks(replace(distinct, weight=proportions), blocks.n_threads)
    return SearchRows(sample, few, rows_per_weight * unit, kind, weight=total)


def _of_a_sample(
    blocks: Blocks,
    n_rows: int,
    rng: Randomness,
    min_rows: float,
    kind: CovarianceStructure | None,
    weight: float | None,
    recording: _core.Recording | None = None,
) -> SearchRows:
    """Each of the rows by itself."""
    rows = blocks.sample(n_rows, rng)
    few = min_rows * len(rows) / blocks.n_present
    if not (blocks.has_missing or blocks.has_errors):
        alike = in_memory(blocks, rows)
        return SearchRows(alike, few, kind=kind, weight=weight, recording=recording)
    whole = ArrayBlocks(blocks.completed(rows, rng), blocks.n_threads)
    return SearchRows(whole, few, kind=kind, inexact=rows, weight=weight)


def search(
    blocks: Blocks,
    m_step: MStep,
    n_components: int,
    seed: int,
    deadline: float = np.inf,
    stop: _core.Stop | None = None,
    min_rows: float = 0.0,
) -> Searched:
    """Return the best mixture found on the distinct rows or those of a sample.

    Where features are missing, on rows that were completed once: `search_incomplete` goes on from there.

    min_rows: effective ones, of all rows, that a component needs at least. After `deadline`, in
    `time.monotonic`'s seconds, no descent begins but the first, and each ends where it is.

    Raises
    ------
    SingularCovarianceError
        If every descent failed.
    SearchStopped
        If `stop` was set.
    """
    # Ten times as quick to seed as the Mersenne twister that scikit-learn's starts draw from.
    most, rng = rows_of_a_search(n_components, blocks.shape[1]), RandomState(PCG64(seed))
    counted = m_step.kind.has_pseudo_counts
    rows = searched(blocks, most, rng, min_rows, m_step.structure, counted)
    found = search_rows(rows, m_step, n_components, seed, deadline, stop, blocks.n_threads)
    if blocks.n_present <= most or n_components == 1 or monotonic() > deadline:
        return found
    shared = entropy(rows.responsibilities(found.mixture, blocks.n_threads).T).mean()
    if shared < _OVERLAPPING:
        return found
    spread = rows.X.std(axis=0)
    standardised = rows.X / np.where(spread > 0, spread, 1.0)
    labels = clusters(standardised, rows.blocks.rows.weight, n_components, RandomState(PCG64(seed)))
    given = LabelResponsibilities(labels, n_components)
    try:
        partition = mixture_of(given, rows.blocks, m_step, n_components)
    except SingularCovarianceError:
        return found
    return found._replace(partition=matched_to_labels(partition, rows.blocks))


def search_rows(
    rows: SearchRows,
    m_step: MStep,
    n_components: int,
    seed: int,
    deadline: float = np.inf,
    stop: _core.Stop | None = None,
    n_threads: int = 1,
) -> Searched:
    """As `search`, on all of these rows."""
    problem = rows.problem(m_step, n_components, seed, deadline)
    found = _core.search(problem, stop, n_threads)
    return Searched(*_ended(found, m_step.structure, seed, len(rows.X)))


def better_end(
    starts: Sequence[tuple[str, Mixture]],
    blocks: Blocks,
    n_rows: int,
    m_step: MStep,
    seed: int,
    recording: _core.Recording | None,
    deadline: float = np.inf,
    stop: _core.Stop | None = None,
    min_rows: float = 0.0,
) -> tuple[Mixture | None, list[StartRecord]]:
    """Return the better end of EM from mixtures, each with its name, and what became of each.

    On so many of the rows at most. None: no end is proper. recording, min_rows: of all rows.

    Raises
    ------
    SearchStopped
        If `stop` was set.
    """
    total = blocks.weight if m_step.kind.has_pseudo_counts else None
    rng = RandomState(PCG64(seed))
    rows = _of_a_sample(blocks, n_rows, rng, min_rows, m_step.structure, total, recording)
    problem = rows.problem(m_step, starts[0][1].n_components, seed, deadline)
    native = [(kind, native_mixture(mixture)) for kind, mixture in starts]
    parameters, found, _ = _core.better_end(problem, native, stop, blocks.n_threads)
    if not found:
        raise SearchStopped
    mixture = None if parameters is None else Mixture(m_step.structure, *parameters)
    return mixture, records_of(found, m_step.structure, seed, len(rows.X))


def search_from(
    given: Sequence[Given],
    rows: SearchRows,
    m_step: MStep,
    n_components: int,
    seed: int,
    budget: Budget,
    deadline: float = np.inf,
    incumbent: Mixture | None = None,
    stop: _core.Stop | None = None,
    n_threads: int = 1,
) -> tuple[Mixture, list[Mixture]]:
    """Return the best mixture found, and other optima that are better than `incumbent`.

    EM runs to the end from each of the starts by itself, and merge-and-split moves from each end that is
    better than `incumbent`; what is found is at least as good. With a budget for it, it goes on as `search`.
    Unlike `search` it uses all rows, to which the responsibilities belong. Without a search of its own, more
    starts never find less.

    Raises
    ------
    SingularCovarianceError
        If every descent failed.
    SearchStopped
        If `stop` was set.
    """
    found = _core.search_from(
        rows.problem(m_step, n_components, seed, deadline),
        list(given),
        None if incumbent is None else native_mixture(incumbent),
        (budget.moving, budget.own),
        stop,
        n_threads,
    )
    mixture, _ = _ended(found, m_step.structure, seed, len(rows.X))
    return mixture, [Mixture(m_step.structure, *parameters) for parameters in found[2]]


def split(
    mixture: Mixture, given: FloatArray, rows: SearchRows, m_step: MStep
) -> FloatArray | None:
    """Responsibilities of one component more: that is cut whose best cut gains most; None: none can be."""
    return _core.split(rows.native, m_step.native, native_mixture(mixture), given)


def merged(mixture: Mixture, given: FloatArray) -> FloatArray:
    """Responsibilities of one component fewer: the two whose merge costs least are one."""
    return _core.merged(native_mixture(mixture), given)


def _ended(
    found: _Found, structure: CovarianceStructure, seed: int, n_rows: int
) -> tuple[Mixture, list[StartRecord]]:
    parameters, native, _ = found
    if parameters is None and not native:
        raise SearchStopped
    records = records_of(native, structure, seed, n_rows)
    if parameters is None:
        raise SingularCovarianceError(records[0].ended)
    return Mixture(structure, *parameters), records


@dataclass(frozen=True, eq=False)
class UnreadStarts:
    """What became of the descents of a search, as the core says it, and of what ran on from the best of them.

    Thousands of small fits are made for each whose starts anybody looks at.
    """

    native: Sequence[_Record]
    structure: CovarianceStructure
    seed: int
    n_rows: int
    last: StartRecord

    def read(self) -> Starts:
        """As a list of records."""
        return Starts([*records_of(self.native, self.structure, self.seed, self.n_rows), self.last])


def records_of(
    native: Sequence[_Record], structure: CovarianceStructure, seed: int, n_rows: int
) -> list[StartRecord]:
    """What became of the descents of a search, as the core says it."""
    return [_record(record, structure, seed, n_rows) for record in native]


def _record(record: _Record, structure: CovarianceStructure, seed: int, n_rows: int) -> StartRecord:
    kind, n_iter, log_likelihood, converged, ended, n_passes, failed, count = record
    if failed >= 0:
        ended = str(structure.singular(failed, count))
    return StartRecord(kind, seed, n_rows, n_iter, log_likelihood, converged, ended, n_passes)
