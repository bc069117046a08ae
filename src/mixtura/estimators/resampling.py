"""Rows drawn with replacement, and a fitted model fitted anew to them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState

from mixtura import _core
from mixtura.em.regularisation import BITS, regularisation
from mixtura.estimators.state import facts_of
from mixtura.fitting.diagnosis import Grounds
from mixtura.inference import Refits
from mixtura.inputs.missing import has_missing
from mixtura.inputs.scales import DOUBLE
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture, Noise, native_mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached

# Rows of a replicate: beyond, a double does not count them.
_MOST_DRAWN = 1 << 53

# Nats a row by which the log-likelihood of a fit and that of its own rows may differ: float32 rounds.
_ROUNDING = 1e-3

# What is other in a fit that goes on from another one: it begins there, and shows and writes nothing.
_ANEW = {
    "warm_start": True,
    "accelerate": True,
    "sort_components": None,
    "verbose": 0,
    "callback": None,
    "max_time": None,
    "checkpoint": None,
    "resume": False,
    "_on_iteration": None,
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """Rows as a population to draw from: how many, in which proportions, and what one counts for."""

    rows: Array
    weight: FloatArray | None
    n_drawn: int
    unit: float

    @classmethod
    def of(cls, rows: Array, sample_weight: Any) -> Drawing:
        """Rows with their weights; those without any value weigh nothing."""
        weight = check_sample_weight(sample_weight, len(rows))
        return cls.from_blocks(ArrayBlocks(Rows(rows, weight, missing=has_missing(rows))))

    @classmethod
    def from_blocks(cls, blocks: ArrayBlocks) -> Drawing:
        """Rows in memory, of which those without any value weigh nothing."""
        n_drawn = max(round(blocks.weight * blocks.rows_per_weight), 1)
        if n_drawn > _MOST_DRAWN:
            raise ValueError(
                f"sample_weight stands for {n_drawn:.3g} rows, as whole weights are repetitions, too many to "
                "draw: divide all weights by the largest."
            )
        rows = blocks.rows
        return cls(rows.X, rows.weight, n_drawn, blocks.weight / n_drawn)

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return self.unit * self.n_drawn

    @property
    def shares(self) -> FloatArray:
        """How often each row is drawn."""
        w = np.ones(len(self.rows)) if self.weight is None else self.weight
        return np.asarray(w / w.sum())

    def counts(self, seeds: Sequence[int]) -> FloatArray:
        """How often each row is drawn with replacement, one row of counts a seed."""
        if self.n_drawn > _core.MOST_DRAWS_A_ROW * len(self.rows):
            return np.stack([self._multinomial(np.random.default_rng(seed)) for seed in seeds])
        return _core.drawn_counts(self.weight, len(self.rows), self.n_drawn, seeds)

    def exponential(self, seeds: Sequence[int]) -> FloatArray:
        """Weights at random of all rows, whose sum is theirs: a row stands for as many of exponential ones.

        A sum of w exponential numbers is a Gamma number of shape w.
        """
        shapes = self.shares * self.n_drawn
        drawn = np.stack([np.random.default_rng(seed).gamma(shapes) for seed in seeds])
        return np.asarray(drawn * (self.total / drawn.sum(axis=1, keepdims=True)))

    def whole_weight(self) -> FloatArray:
        """How many rows each row stands for.

        Raises
        ------
        ValueError
            If a weight is not whole.
        """
        weight = np.ones(len(self.rows)) if self.weight is None else self.weight
        if not np.array_equal(weight, np.round(weight)):
            raise ValueError(
                "kind='jackknife' leaves out one row at a time, and rows of weights that are not whole are "
                "not so many rows: take kind='weighted bootstrap'."
            )
        return weight

    def without_one(self, places: Sequence[int]) -> FloatArray:
        """Weights of all rows but one of those that a row stands for, for each of such rows."""
        left = np.repeat(self.whole_weight()[np.newaxis], len(places), axis=0)
        left[np.arange(len(places)), places] -= 1
        return left

    def rows_and_counts(self, rng: Generator | RandomState) -> tuple[Array, FloatArray]:
        """Rows drawn with replacement, each once, and how often."""
        counts = self._multinomial(rng)
        return self.rows[counts > 0], counts[counts > 0]

    def _multinomial(self, rng: Generator | RandomState) -> FloatArray:
        """How often each row is drawn, by a binomial number for each.

        NumPy gives the last one what is left over, by rounding too: never a row of weight 0.
        """
        shares = self.shares
        counts = np.zeros(len(shares))
        counts[shares > 0] = rng.multinomial(self.n_drawn, shares[shares > 0])
        return counts

    def with_gaps(self, drawn: FloatArray, rng: Generator) -> FloatArray:
        """As many other rows with the gaps of these, or with those of rows drawn from them."""
        gaps = np.isnan(self.rows)
        if not gaps.any():
            return drawn
        if self.n_drawn != len(self.rows):
            gaps = gaps[rng.choice(len(self.rows), self.n_drawn, p=self.shares)]
        return np.where(gaps, np.nan, drawn)


def refitted(
    model: Any, rows: Array, weight: FloatArray | None = None, *, n_jobs: int | None = 1
) -> Any:
    """The same model fitted to other rows, from where it is, by the fewest iterations."""
    again = copy(model)  # a subclass may have another constructor
    vars(again).update(_ANEW, n_jobs=n_jobs)
    return again.fit(rows, sample_weight=weight)


@dataclass(frozen=True, eq=False)
class Following:
    """Where EM leads from a fitted model on its rows with other weights.

    What `refitted` finds, without what a fit checks and judges: all fits are one call of the core
    (cpp/fitting/refits.hpp), which takes from the rows of each what the model takes from its own.

    Attributes
    ----------
    model : GaussianMixture
    rows : Rows
        In memory.
    n_threads : int
    """

    model: Any
    rows: Rows
    n_threads: int = 1

    def fits(self, weights: FloatArray) -> tuple[Refits | None, Array]:
        """Those to each row of weights that did not fail, and which did: one component collapsed."""
        model, start = self.model, self.model._density
        weights_found, means, covariances, factors, df, noise, failures = _core.refits(
            self._rows.native(),
            np.ascontiguousarray(weights),
            native_mixture(start),
            self._m_steps(weights),
            self._rows.missing,
            BITS[DOUBLE] if model._reg_covar == "auto" else 0,
            model.noise and model.noise_volume is None,
            self._has_default_prior and not self._is_completed,
            float(model.tol),
            model.max_iter,
            self.n_threads,
        )
        failed = np.array([component >= 0 for component, _ in failures])
        of_noise = _noise(noise, len(failed))
        found = Refits(start.structure, weights_found, means, covariances, factors, df, of_noise)
        if not failed.any():
            return found, failed
        return (None if failed.all() else found.some(~failed)), failed

    @cached
    def _rows(self) -> Rows:
        return self.rows.in_precision(DOUBLE)

    @cached
    def _has_default_prior(self) -> bool:
        return isinstance(self.model.prior, str)

    @cached
    def _is_completed(self) -> bool:
        """Whether the prior is of a covariance that EM finds of rows with gaps, for each fit anew."""
        has_matrices = self.model._density.structure.has_matrices
        return self._has_default_prior and self._rows.missing and has_matrices

    def _m_steps(self, weights: FloatArray) -> list[_core.MStep]:
        """One for all, or one of each fit."""
        if not self._is_completed:
            return [self._m_step(self._rows)]
        kept = (replace(self._rows[w > 0], weight=w[w > 0]) for w in weights)
        return [self._m_step(rows) for rows in kept]

    def _m_step(self, rows: Rows) -> _core.MStep:
        blocks = ArrayBlocks(rows, 1)
        added = regularisation(self.model._reg_covar, blocks)
        grounds = Grounds(added, kind=self.model._kind(blocks))
        return grounds.m_step(self.model._density.structure).native


def _noise(noise: Any, n: int) -> list[Noise] | None:
    """That of each fit, as the core gives that of all."""
    if noise is None:
        return None
    weights, log_densities, *box = noise
    log_sides, corners = ([None] * n if part is None else part for part in box)
    values = zip(weights.tolist(), log_densities.tolist(), log_sides, corners, strict=True)
    return [Noise(*one) for one in values]


def bootstrapped(
    model: Any, rows: Array, sample_weight: Any, rng: Generator | RandomState
) -> Iterator[Mixture]:
    """Mixtures without end, each fitted to a bootstrap sample of the rows that a model was fitted to.

    Raises
    ------
    ValueError
        If they are other rows, or a sample cannot be fitted.
    """
    drawing = Drawing.of(rows, sample_weight)
    _check_drawn_rows(model, rows, drawing)
    while True:
        drawn, counts = drawing.rows_and_counts(rng)
        try:
            with warnings.catch_warnings(
                action="ignore"
            ):  # of samples: they say nothing of the model
                again = refitted(model, drawn, counts, n_jobs=model.n_jobs)
        except ValueError as error:
            raise ValueError(
                f"A bootstrap sample of X could not be fitted ({error}): take fewer components, or "
                "parameters='fitted'."
            ) from error
        yield again._density


def are_own_rows(model: Any, X: Any, total: float, **beside: Any) -> bool:
    """Whether these are likely the rows that a model was fitted to: of their weight and likelihood.

    beside: what the rows bring, as `model.score` takes it.
    """
    facts = facts_of(model)
    if facts is None or not np.isclose(total, facts.weight, rtol=1e-6):
        return False
    with warnings.catch_warnings(action="ignore"):  # of names that an array has not
        away = model.score(X, **beside) - facts.mean_log_likelihood
    return bool(abs(away) <= _ROUNDING)


def _check_drawn_rows(model: Any, rows: Array, drawing: Drawing) -> None:
    if model._density.posterior is not None:
        raise ValueError(
            "parameters='bootstrap' stands for a posterior where there is none: fit a GaussianMixture."
        )
    if facts_of(model) is None:
        raise ValueError(
            "parameters='bootstrap' fits the mixture anew, and its parameters were set by hand: fit it to X."
        )
    if not are_own_rows(model, rows, drawing.total, sample_weight=drawing.weight):
        raise ValueError(
            "parameters='bootstrap' draws from the rows that were fitted, and X is not them: give those with "
            "their sample_weight. Fits with labels or measurement errors have parameters='fitted' alone."
        )


__all__ = ["Drawing", "Following", "are_own_rows", "bootstrapped", "refitted"]
