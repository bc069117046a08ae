"""Rows drawn with replacement, and a fitted model fitted anew to them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState

from mixtura.em import Monitor, expectation_maximisation
from mixtura.em.regularisation import regularisation
from mixtura.estimators.state import facts_of
from mixtura.fitting.diagnosis import Grounds
from mixtura.inputs.missing import has_missing
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.arrays import Array, FloatArray

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
        blocks = ArrayBlocks(Rows(rows, weight, missing=has_missing(rows)))
        n_drawn = max(round(blocks.weight * blocks.rows_per_weight), 1)
        if n_drawn > _MOST_DRAWN:
            raise ValueError(
                f"sample_weight stands for {n_drawn:.3g} rows, as whole weights are repetitions, too many to "
                "draw: divide all weights by the largest."
            )
        return cls(rows, blocks.rows.weight, n_drawn, blocks.weight / n_drawn)

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return self.unit * self.n_drawn

    @property
    def shares(self) -> FloatArray:
        """How often each row is drawn."""
        w = np.ones(len(self.rows)) if self.weight is None else self.weight
        return np.asarray(w / w.sum())

    def rows_and_weights(self, rng: Generator | RandomState) -> tuple[Array, FloatArray]:
        """All rows with weights at random, whose sum is theirs: a row stands for as many of exponential ones.

        A sum of w exponential numbers is a Gamma number of shape w.
        """
        shares = self.shares
        drawn = rng.gamma(shares * self.n_drawn)
        kept = shares > 0
        return self.rows[kept], drawn[kept] * self.total / drawn[kept].sum()

    def rows_but_one(self) -> Iterator[tuple[Array, FloatArray, float]]:
        """All rows but one of those that a row stands for, row by row, and how many it stands for.

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
        for i in np.flatnonzero(weight):
            left = weight.copy()
            left[i] -= 1
            yield self.rows[left > 0], left[left > 0], float(weight[i])

    def rows_and_counts(self, rng: Generator | RandomState) -> tuple[Array, FloatArray]:
        """Rows drawn with replacement, each once, and how often."""
        counts = rng.multinomial(self.n_drawn, self.shares)
        return self.rows[counts > 0], counts[counts > 0].astype(np.float64)

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


def followed(model: Any, rows: Array, weight: FloatArray) -> Mixture:
    """Where EM leads from a fitted model on other rows: `refitted` without what a fit checks and judges.

    Raises
    ------
    SingularCovarianceError
        If a component collapses.
    """
    blocks = ArrayBlocks(Rows(rows.astype(np.float64), weight, missing=has_missing(rows)), 1)
    grounds = Grounds(regularisation(model._reg_covar, blocks), kind=model._kind(blocks))
    monitor = Monitor(float(model.tol), model.max_iter, accelerated=True)
    start: Mixture = model._density
    m_step = grounds.m_step(start.structure)
    mixture, _ = expectation_maximisation(start, blocks, m_step, monitor, accelerate=True)
    if monitor.failure is not None:
        raise monitor.failure
    return mixture


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


def are_own_rows(model: Any, X: Any, sample_weight: Any, total: float) -> bool:
    """Whether these are likely the rows that a model was fitted to: of their weight and likelihood."""
    facts = facts_of(model)
    if facts is None or not np.isclose(total, facts.weight, rtol=1e-6):
        return False
    with warnings.catch_warnings(action="ignore"):  # of names that an array has not
        away = model.score(X, sample_weight=sample_weight) - facts.mean_log_likelihood
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
    if not are_own_rows(model, rows, drawing.weight, drawing.total):
        raise ValueError(
            "parameters='bootstrap' draws from the rows that were fitted, and X is not them: give those with "
            "their sample_weight. Fits with labels or measurement errors have parameters='fitted' alone."
        )


__all__ = ["Drawing", "are_own_rows", "bootstrapped", "followed", "refitted"]
