"""The default start where features are missing: searches beside rows that are completed."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import PCG64, RandomState

from mixtura.covariance import CovarianceStructure
from mixtura.em import MStep
from mixtura.errors import SingularCovarianceError
from mixtura.fitting.best_of_starts import Beginning, Fit, Options, best_fit, better
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.starts import StartRecord
from mixtura.starts.auto import SearchRows, rows_of_a_search, search_rows

# How often rows are completed and searched, and how far EM goes on a sample of the rows as they are.
_SEARCHES = 2
_TOL, _MAX_ITER = 1e-6, 300


def search_incomplete(
    blocks: Blocks,
    structure: CovarianceStructure,
    n_components: int,
    seed: int,
    options: Options,
) -> tuple[Mixture, list[StartRecord]]:
    """Return the best end of EM on rows with missing features, or a sample of them, and all records.

    Partitions and moves of the search for the best optimum need whole rows; its descents go by the rows as
    they are. For the former rows are completed by draws, first from one Gaussian, then from the best mixture
    so far, as in stochastic EM (Celeux & Diebolt 1985).

    Raises
    ------
    SingularCovarianceError
        If every search failed.
    """
    rng = RandomState(PCG64(seed))
    rows = blocks.sample(rows_of_a_search(n_components, blocks.shape[1]), rng)
    weight = blocks.weight if options.grounds.kind.has_pseudo_counts else None
    sample = ArrayBlocks(rows if weight is None else rows.weighing(weight), blocks.n_threads)
    m_step = options.m_step(structure)
    alone = options.of_a_start(_TOL, _MAX_ITER)
    best: Fit | None = None
    records: list[StartRecord] = []
    failure: SingularCovarianceError | None = None
    for own_seed in seeds_of(seed):
        mixture = None if best is None else best.mixture
        whole = ArrayBlocks(_supposed(rows, blocks, mixture, rng), blocks.n_threads)
        few = options.grounds.min_rows * len(rows) / blocks.n_present
        searched = SearchRows(whole, few, kind=structure, inexact=rows, weight=weight)
        make = partial(_searched, searched, m_step, n_components, own_seed, options)
        beginning = Beginning("auto", own_seed, make, accelerate=True, is_found=n_components > 1)
        try:
            fit, found = best_fit([beginning], sample, alone)
        except SingularCovarianceError as error:
            failure = failure or error
            continue
        best, records = better(fit, best), records + found
    if best is None:
        raise failure or SingularCovarianceError("no search has found a mixture")
    return best.mixture, records


def _supposed(rows: Rows, blocks: Blocks, mixture: Mixture | None, rng: RandomState) -> Rows:
    """The rows as they may be, without gaps and errors, by a mixture; None: by one Gaussian."""
    if mixture is None:
        return blocks.completed(rows, rng)
    if rows.error is not None:
        return rows.without_errors(mixture, rng, blocks.n_threads)
    return rows.completed(mixture, rng, blocks.n_threads)


def seeds_of(seed: int) -> list[int]:
    """One a search."""
    return [int(one) for one in np.random.SeedSequence(seed).generate_state(_SEARCHES)]


def _searched(
    rows: SearchRows,
    m_step: MStep,
    n_components: int,
    seed: int,
    options: Options,
    blocks: Blocks,
) -> tuple[Mixture, list[StartRecord]]:
    limits = options.deadline, options.stop, blocks.n_threads
    mixture, records, _ = search_rows(rows, m_step, n_components, seed, *limits)
    return mixture, records


__all__ = ["search_incomplete"]
