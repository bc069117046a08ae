"""An engine in NumPy, as docs/architecture.md shows it: it answers `accumulate`, and all else runs on it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose

from mixtura.covariance import STRUCTURES, structure
from mixtura.em import (
    Expectation,
    MaximumLikelihood,
    Monitor,
    SufficientStatistics,
    expectation_maximisation,
)
from mixtura.engines import NATIVE, EngineBlocks
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import STARTS
from mixtura.testing.problems import likeliest, random_mixture, random_rows


class NumPyEngine:
    """Whole arrays of n_rows x n_components numbers: to be read, and for few rows."""

    def __init__(self):
        self.n_asked = 0

    def accumulate(self, rows, mixture, asked, centres):
        self.n_asked += 1
        w = np.ones(len(rows)) if rows.weight is None else rows.weight
        log_joint = np.stack([self.log_joint(mixture, k, rows.X) for k in range(len(centres))], 1)
        log_density = np.logaddexp.reduce(log_joint, axis=1)
        r = np.exp(log_joint - log_density[:, np.newaxis])
        certainty = np.log(r.max(axis=1))
        if asked.hard:
            r = np.eye(len(centres))[r.argmax(axis=1)]
        wr = w[:, np.newaxis] * r
        sums = {"counts": wr.sum(axis=0)} if asked.moments else {}
        if asked.moments:
            away = rows.X[:, np.newaxis] - centres
            sums["firsts"] = np.einsum("nk,nkd->kd", wr, away)
            sums["seconds"] = np.einsum(self.seconds_of(mixture), wr, away, away)
        return SufficientStatistics.of(
            mixture.structure,
            centres,
            weight=w.sum(),
            log_likelihood=w @ log_density,
            log_certainty=w @ certainty,
            **sums,
        )

    def log_joint(self, mixture, k, X):
        factors = mixture.precisions_cholesky
        factor = factors if mixture.structure.shared else factors[k]
        if not mixture.structure.has_matrices:
            factor = np.diag(np.broadcast_to(factor, X.shape[1:]))
        y = (X - mixture.means[k]) @ factor
        height = np.log(np.diagonal(factor)).sum() - X.shape[1] / 2 * np.log(2 * np.pi)
        return mixture.log_weights[k] + height - (y**2).sum(axis=1) / 2

    def seconds_of(self, mixture):
        kernel = mixture.structure.kernel.name
        of = {"full": "kij", "tied": "ij", "diag": "ki", "spherical": "k"}[kernel]
        return f"nk,nki,nkj->{of}" if kernel in ("full", "tied") else f"nk,nki,nki->{of}"


def problem(kind, seed=0):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(3, 2, kind, rng)
    X = random_rows(mixture, 400, rng)
    return mixture, Rows(X, rng.uniform(0, 2, len(X)))


@pytest.mark.parametrize("kind", STRUCTURES)
def test_em_on_it_ends_where_the_native_engine_does(kind):
    mixture, rows = problem(kind)
    engine = NumPyEngine()
    ends = []
    for blocks in (EngineBlocks(rows, engine), ArrayBlocks(rows)):
        monitor = Monitor(0.0, 5)
        ends.append(expectation_maximisation(mixture, blocks, likeliest(mixture, 1e-9), monitor))
    assert engine.n_asked >= 6
    (ours, our_sums), (theirs, their_sums) = ends
    assert_allclose(ours.means, theirs.means, rtol=1e-9, atol=1e-9)
    assert_allclose(ours.covariances, theirs.covariances, rtol=1e-8, atol=1e-9)
    assert_allclose(our_sums.log_likelihood, their_sums.log_likelihood, rtol=1e-11)


@pytest.mark.parametrize("name", STARTS)
def test_every_start_runs_on_it(name):
    _, rows = problem("full")
    found = []
    for blocks in (EngineBlocks(rows, NumPyEngine()), ArrayBlocks(rows)):
        m_step = MaximumLikelihood(structure("full"), 1e-9 * blocks.variances)
        found.append(STARTS[name](blocks, m_step, 3, RandomState(0)))
    assert_allclose(found[0].means, found[1].means, rtol=1e-9, atol=1e-9)


def test_the_native_one_answers_the_same_question():
    mixture, rows = problem("full")
    asked = Expectation()
    ours = NATIVE.accumulate(rows, mixture, asked, mixture.means + 0.1)
    theirs = NumPyEngine().accumulate(rows, mixture, asked, mixture.means + 0.1)
    assert_allclose(ours.block, theirs.block, rtol=1e-9, atol=1e-9)
