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
from mixtura.em import GAUSSIAN, Kind, Tails
from mixtura.em.regularisation import regularisation
from mixtura.fitting.best_of_starts import Beginning, Options
from mixtura.fitting.diagnosis import Grounds, recording_of
from mixtura.fitting.noise import log_volume_of_rows
from mixtura.fitting.start_checks import (
    check_means_init,
    check_precisions_init,
    check_start_array,
    check_start_mixture,
    check_weights_init,
)
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.starts import (
    STARTS,
    ArrayResponsibilities,
    LabelResponsibilities,
    StartRecord,
    matched_to_labels,
    mixture_of,
    search,
)
from mixtura.support.arrays import Array, FloatArray

Started = tuple[Mixture, list[StartRecord]]


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
) -> Kind:
    """What a mixture has beside Gaussian components, from an estimator's arguments."""
    if distribution == "gaussian" and not noise:
        return GAUSSIAN
    tails = Tails.of(df) if distribution == "t" else None
    if not noise:
        return Kind(tails)
    log_volume = log_volume_of_rows(blocks) if noise_volume is None else np.log(noise_volume)
    return Kind(tails, -float(log_volume))


@dataclass(frozen=True, eq=False)
class StartRequest:
    """Where EM is to begin.

    Attributes
    ----------
    structure : CovarianceStructure
    n_components : int
    seeds : sequence of int
        One a start.
    init_params, weights_init, means_init, precisions_init, accelerate
        As in `GaussianMixture`.
    previous : Mixture or None
        Where a warm start goes on, whatever else is asked for.
    """

    structure: CovarianceStructure
    n_components: int
    seeds: Sequence[int]
    init_params: Any = "auto"
    weights_init: Any = None
    means_init: Any = None
    precisions_init: Any = None
    accelerate: bool | str = "auto"
    previous: Mixture | None = None

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
        given = self._given(blocks.shape[1])
        if given.are_all:
            start = partial(_unchanged, given.over(None))
            return [Beginning("given parameters", None, start, asked)]
        if callable(self.init_params):
            return self._from_callable(_Making(self, given, options), blocks, asked)
        if isinstance(self.init_params, str):
            return self._named(_Making(self, given, options))
        array = check_start_array(self.init_params, blocks.shape[0], self.n_components)
        make = partial(_Making(self, given, options).from_array, array)
        return [Beginning("given array", None, make, asked)]

    def _given(self, n_features: int) -> _GivenParameters:
        k, weights, means, precisions = self.n_components, None, None, None
        if self.weights_init is not None:
            weights = check_weights_init(self.weights_init, k)
        if self.means_init is not None:
            means = check_means_init(self.means_init, k, n_features)
        if self.precisions_init is not None:
            precisions = check_precisions_init(self.precisions_init, self.structure, k, n_features)
        return _GivenParameters(self.structure, weights, means, precisions)

    def _named(self, making: _Making) -> list[Beginning]:
        name = self.init_params
        # Where some parameters are given, a search for the others would not end at them.
        if name == "auto" and making.given.are_some:
            name = "kmeans"
        is_auto = name == "auto"
        accelerate = self.accelerate is True or (self.accelerate == "auto" and is_auto)
        return [
            Beginning(name, seed, partial(making.named, name, seed), accelerate, is_found=is_auto)
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
class _GivenParameters:
    """Parameters that the user gives, checked; None: those of the start."""

    structure: CovarianceStructure
    weights: FloatArray | None
    means: FloatArray | None
    precisions: FloatArray | None

    @property
    def are_all(self) -> bool:
        return self._n_given == 3

    @property
    def are_some(self) -> bool:
        return self._n_given > 0

    @property
    def _n_given(self) -> int:
        given = (self.weights, self.means, self.precisions)
        return sum(parameter is not None for parameter in given)

    def over(self, start: Mixture | None) -> Mixture:
        """The start with these in place of its own, as scikit-learn does; None where all are given."""
        if start is not None and not self.are_some:
            return start
        weights, means = self.weights, self.means
        if self.precisions is not None:
            covariances = self.structure.invert_precisions(self.precisions)
            factors = self.structure.factor_precisions(self.precisions)
        else:
            assert start is not None
            covariances, factors = start.covariances, start.precisions_cholesky
        if start is not None:
            weights = start.weights if weights is None else weights
            means = start.means if means is None else means
        assert weights is not None
        assert means is not None
        return Mixture(self.structure, weights, means, covariances, factors)


@dataclass(frozen=True, eq=False)
class _Making:
    """Makes starts, each when EM is to begin there."""

    request: StartRequest
    given: _GivenParameters
    options: Options

    def named(self, name: str, seed: int, blocks: Blocks) -> Started:
        kind, k, options = self.request.structure, self.request.n_components, self.options
        if name == "auto":
            min_rows = options.grounds.min_rows
            limits = options.deadline, options.stop
            return search(blocks, options.m_step(kind), k, seed, *limits, min_rows=min_rows)
        start = STARTS[name](blocks, options.m_step(kind), k, RandomState(seed))
        return self.given.over(matched_to_labels(start, blocks)), []

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
