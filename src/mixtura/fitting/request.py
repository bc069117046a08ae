"""What a fit is asked for: where its starts begin, and how EM runs from each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.utils import check_random_state

from mixtura._core import Stop
from mixtura.covariance import CovarianceStructure
from mixtura.em import GAUSSIAN, NOTHING, Kind, Knowledge, Tails
from mixtura.em.regularisation import regularisation
from mixtura.fitting.best_of_starts import Beginning, Options, best_fit
from mixtura.fitting.conjugate import expected_mixture
from mixtura.fitting.diagnosis import Grounds, recording_of
from mixtura.fitting.given_parameters import GivenParameters, in_places
from mixtura.fitting.incomplete import search_incomplete
from mixtura.fitting.noise import box_of_rows
from mixtura.fitting.start_checks import check_start_array, check_start_mixture
from mixtura.mixture import NO_ERRORS_OF_T, Mixture
from mixtura.rows import ArrayBlocks, Blocks, in_memory
from mixtura.starts import (
    STARTS,
    ArrayResponsibilities,
    LabelResponsibilities,
    Searched,
    StartRecord,
    beside,
    better_end,
    have_rows,
    matched_to_labels,
    mixture_at,
    mixture_of,
    rows_of_a_search,
    search,
)
from mixtura.support.arrays import Array, FloatArray

Started = tuple[Mixture, list[StartRecord]]

# Starts where it is known which component is which, and EM from each of them.
_SEVERAL = ("kmeans", *["beside"] * 9)
_TOL, _MAX_ITER = 2e-6, 150

# Rows on which what a search on a sample has found is compared with a partition, as a multiple of those that
# it saw, and the values in them.
_TIMES_MORE, _MOST_VALUES = 10, 20_000_000


def seeds_of(random_state: Any, n_init: int = 1) -> list[int]:
    """One seed a start: the first is random_state itself, so that it is scikit-learn's start."""
    if isinstance(random_state, Integral):
        first = int(random_state)
    else:
        first = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    if n_init == 1:
        return [first]
    others = np.random.SeedSequence(first).generate_state(n_init - 1)
    return [first, *(int(seed) for seed in others)]


def options_of(
    blocks: Blocks,
    *,
    reg_covar: float | str,
    tol: float,
    max_iter: int,
    max_time: float | None,
    min_component_rows: float,
    names: Array | None,
    kind: Kind = GAUSSIAN,
    began: float | None = None,
    **more: Any,
) -> Options:
    """How EM runs on these rows, from an estimator's arguments.

    names: of the columns, where they have any. kind: what the mixture has beside Gaussian components. began:
    when max_time did, by `time.monotonic`; None: now. more: other fields of `Options`.
    """
    began = monotonic() if began is None else began
    return Options(
        grounds=Grounds(
            regularisation(reg_covar, blocks),
            recording_of(blocks),
            float(min_component_rows),
            [str(name) for name in (() if names is None else names)],
            kind,
        ),
        tol=float(tol),
        max_iter=max_iter,
        deadline=np.inf if max_time is None else began + max_time,
        stop=Stop(),
        **more,
    )


def kind_of(
    blocks: Blocks,
    *,
    distribution: str,
    df: float | str | None,
    noise: bool,
    noise_volume: float | None,
    known: Knowledge = NOTHING,
) -> Kind:
    """What a mixture has beside Gaussian components, from an estimator's arguments.

    known: of its parameters.
    """
    if distribution == "t" and blocks.has_errors:
        raise ValueError(NO_ERRORS_OF_T)
    if distribution == "gaussian" and not noise and known is NOTHING:
        return GAUSSIAN
    tails = Tails.of(df) if distribution == "t" else None
    if not noise:
        return Kind(tails, known=known)
    if noise_volume is not None:
        if blocks.has_missing:
            raise ValueError(
                "noise_volume is that of whole rows, and features of some are missing: leave it None, so "
                "that noise is uniform in a box whose sides are known."
            )
        return Kind(tails, -float(np.log(noise_volume)), known)
    found = box_of_rows(blocks)
    return Kind(tails, -found.log_volume, known, found.log_sides, found.corners)


@dataclass(frozen=True, eq=False)
class StartRequest:
    """Where EM is to begin.

    Attributes
    ----------
    structure : CovarianceStructure
    n_components : int
    seeds : sequence of int
        One a start.
    init_params, weights_init, means_init, precisions_init, covariances_init, accelerate
        As in `GaussianMixture`.
    previous : Mixture or None
        Where a warm start goes on, whatever else is asked for.
    searched : Searched or None
        What the search with the first seed has found, where it has been made.
    """

    structure: CovarianceStructure
    n_components: int
    seeds: Sequence[int]
    init_params: Any = "auto"
    weights_init: Any = None
    means_init: Any = None
    precisions_init: Any = None
    covariances_init: Any = None
    accelerate: bool | str = "auto"
    previous: Mixture | None = None
    searched: Searched | None = None

    def beginnings(self, blocks: Blocks, options: Options) -> list[Beginning]:
        """The starts, yet to be made.

        Raises
        ------
        ValueError
            If one that is given is not possible.
        """
        asked = self.accelerate is True
        if self.previous is not None:
            return [Beginning("warm start", None, partial(_unchanged, self.previous), asked)]
        kind = options.grounds.kind
        given = self._given(blocks.shape[1], kind.noise_log_density is not None)
        if given.are_all:
            start = partial(_unchanged, given.whole())
            return [Beginning("given parameters", None, start, asked)]
        conjugate = kind.conjugate
        if conjugate is not None and conjugate.is_of_each and self.init_params == "auto":
            expected = expected_mixture(conjugate, self.structure, self.n_components)
            start = partial(_unchanged, expected)
            return [
                Beginning("mixture of the prior", None, start, self.accelerate in (True, "auto"))
            ]
        prior = kind.known.prior
        if prior is not None and prior.mixture is not None and self.init_params == "auto":
            start = partial(_unchanged, given.over(prior.mixture))
            return [
                Beginning("mixture of the prior", None, start, self.accelerate in (True, "auto"))
            ]
        if callable(self.init_params):
            return self._from_callable(_Making(self, given, options), blocks, asked)
        if isinstance(self.init_params, str):
            return self._named(_Making(self, given, options))
        array = check_start_array(self.init_params, blocks.shape[0], self.n_components)
        make = partial(_Making(self, given, options).from_array, array)
        return [Beginning("given array", None, make, asked)]

    def _given(self, n_features: int, has_noise: bool) -> GivenParameters:
        return GivenParameters.of(
            self.structure,
            self.n_components,
            n_features,
            weights_init=self.weights_init,
            means_init=self.means_init,
            precisions_init=self.precisions_init,
            covariances_init=self.covariances_init,
            has_noise=has_noise,
        )

    def _named(self, making: _Making) -> list[Beginning]:
        name = self.init_params
        # Where some parameters are given, a search for the others would not end at them.
        if name == "auto" and making.given.are_some and not making.is_of_each:
            if making.given.has_all_means:  # nothing is left to chance
                return [Beginning("given means", None, making.at_means, self.accelerate is True)]
            name = "kmeans"
        is_auto = name == "auto"
        accelerate = self.accelerate is True or (self.accelerate == "auto" and is_auto)
        return [
            Beginning(
                name,
                seed,
                partial(making.named, name, seed),
                accelerate,
                is_found=is_auto and not making.is_of_each,
            )
            for seed in self.seeds
        ]

    def _from_callable(self, making: _Making, blocks: Blocks, asked: bool) -> list[Beginning]:
        if not isinstance(blocks, ArrayBlocks):
            raise ValueError(
                "init_params as a callable gets all rows as an array, which a source and a Dask "
                "collection are not: give the name of a start, or an array of labels."
            )
        make = partial(making.called, blocks.rows.X)
        return [
            Beginning("callable", seed, partial(make, seed), asked, side_by_side=False)
            for seed in self.seeds
        ]


@dataclass(frozen=True, eq=False)
class _Making:
    """Makes starts, each when EM is to begin there."""

    request: StartRequest
    given: GivenParameters
    options: Options

    @property
    def is_of_each(self) -> bool:
        """Whether it is known which component is which."""
        grounds, kind = self.options.grounds, self.options.grounds.kind
        if kind.conjugate is not None:
            return kind.conjugate.is_of_each
        return kind.known.is_of_each(self.request.structure, len(grounds.reg_covar))

    def named(self, name: str, seed: int, blocks: Blocks) -> Started:
        kind, k, options = self.request.structure, self.request.n_components, self.options
        if name == "auto" and self.is_of_each:
            return self._best_of_several(seed, blocks)
        if name == "auto" and blocks.has_missing:
            return search_incomplete(blocks, kind, k, seed, options)
        if name == "auto":
            return self._on_more_rows(self._searched(seed, blocks), seed, blocks)
        return self._in_places(name, RandomState(seed), blocks), []

    def _searched(self, seed: int, blocks: Blocks) -> Searched:
        if self.request.searched is not None and seed == self.request.seeds[0]:
            return self.request.searched
        kind, k, options = self.request.structure, self.request.n_components, self.options
        limits = options.deadline, options.stop
        min_rows = options.grounds.min_rows
        return search(blocks, options.m_step(kind), k, seed, *limits, min_rows=min_rows)

    def _on_more_rows(self, found: Searched, seed: int, blocks: Blocks) -> Started:
        """The better end of EM from what a search has found, on more rows than it saw."""
        if found.partition is None:
            return found.mixture, found.records
        n_features, options = blocks.shape[1], self.options
        seen = rows_of_a_search(self.request.n_components, n_features)
        more = max(min(_TIMES_MORE * seen, _MOST_VALUES // n_features), seen)
        mixture, records = better_end(
            [("search", found.mixture), ("partition", found.partition)],
            blocks,
            more,
            options.m_step(self.request.structure),
            seed,
            options.grounds.recording,
            options.deadline,
            options.stop,
            options.grounds.min_rows,
        )
        return mixture or found.mixture, [*found.records, *records]

    def _sample(self, n_rows: int, rng: RandomState, blocks: Blocks) -> ArrayBlocks:
        rows = blocks.sample(n_rows, rng)
        if self.options.grounds.kind.has_pseudo_counts:
            rows = rows.weighing(blocks.weight)
        return in_memory(blocks, rows)

    # The native search merges and cuts components, whatever is known of them.
    def _best_of_several(self, seed: int, blocks: Blocks) -> Started:
        """The best end of EM, on a part of the rows, from some starts."""
        rng, k = RandomState(seed), self.request.n_components
        sample = self._sample(rows_of_a_search(k, blocks.shape[1]), rng, blocks)
        options = self.options.of_a_start(_TOL, _MAX_ITER)
        beginnings = [
            Beginning(name, start_seed, partial(self._start, name, start_seed), accelerate=True)
            for name, start_seed in zip(_SEVERAL, seeds_of(seed, len(_SEVERAL)), strict=True)
        ]
        fit, records = best_fit(beginnings, sample, options)
        return fit.mixture, records

    def at_means(self, blocks: Blocks) -> Started:
        """The means that are given, and what is not given as the rows around the nearest of them say."""
        assert self.given.means is not None
        m_step = self.options.grounds.m_step_of_any(self.request.structure)
        if not have_rows(self.given.means, blocks, m_step.reg_covar):
            return self.named("kmeans", self.request.seeds[0], blocks)
        return self.given.over(mixture_at(self.given.means, blocks, m_step)), []

    def _start(self, name: str, seed: int, blocks: Blocks) -> Started:
        rng = RandomState(seed)
        if name in STARTS:
            return self._in_places(name, rng, blocks), []
        m_step = self.options.grounds.m_step_of_any(self.request.structure)
        start = beside(self._targets, blocks, m_step, self.request.n_components, rng)
        return self.given.over(matched_to_labels(start, blocks)), []

    def _in_places(self, name: str, rng: RandomState, blocks: Blocks) -> Mixture:
        m_step = self.options.grounds.m_step_of_any(self.request.structure)
        start = STARTS[name](blocks, m_step, self.request.n_components, rng)
        if self.is_of_each or self.given.has_gaps:
            start = in_places(start, self._targets)
        return self.given.over(matched_to_labels(start, blocks))

    @property
    def _targets(self) -> FloatArray | None:
        """Where components lie of which that is known."""
        if self.given.means is not None:
            return self.given.means
        kind = self.options.grounds.kind
        if kind.conjugate is not None and kind.conjugate.is_of_each:
            return kind.conjugate.mean
        prior = kind.known.prior
        is_of_each = prior is not None and prior.mean is not None and prior.mean.ndim == 2
        return prior.mean if is_of_each and prior is not None else None

    def called(self, rows: Array, seed: int, blocks: Blocks) -> Started:
        kind, k = self.request.structure, self.request.n_components
        result = self.request.init_params(rows, k, RandomState(seed))
        if isinstance(result, Mixture):
            start = check_start_mixture(result, kind, k, rows.shape[1])
            return self.given.over(start), []
        return self.from_array(check_start_array(result, len(rows), k), blocks)

    def from_array(self, array: Array, blocks: Blocks) -> Started:
        kind, k = self.request.structure, self.request.n_components
        responsibilities = (
            LabelResponsibilities(array, k) if array.ndim == 1 else ArrayResponsibilities(array)
        )
        start = mixture_of(responsibilities, blocks, self.options.m_step(kind), k)
        return self.given.over(start), []


def _unchanged(mixture: Mixture, _: Blocks) -> Started:
    return mixture, []


def _at(mixture: Mixture, _: Blocks) -> Started:
    return mixture, []
