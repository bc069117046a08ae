"""What reg_covar R lets the likelihood do: at every step of EM, and of accelerated EM, it rises by at least

    1/2 sum_k w_k tr(R (inv(Sigma_k after) - inv(Sigma_k before))),    w the weights after,

since the M-step raises the expected log-likelihood less 1/2 sum_k w_k tr(R inv(Sigma_k)), and the E-step
knows no R. Without R it never falls. On tables that make most M-steps degenerate.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES, structure
from mixtura.em import Monitor, expect, expectation_maximisation
from mixtura.em.regularisation import regularisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.problems import likeliest, maximised

FOURTEEN = [name for name in STRUCTURES if name.isupper()]
PASSES = 60

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::mixtura.DataWarning",
    "ignore::mixtura.DegenerateComponentWarning",
)
each_model = pytest.mark.parametrize("name", FOURTEEN)


def degenerate_table(rng):
    """Few rows: with ties, equal columns, copies of few rows, zeros, or none of these."""
    n_rows, n_features = int(rng.integers(4, 40)), int(rng.integers(2, 6))
    X = rng.normal(size=(n_rows, n_features))
    kind = rng.integers(6)
    if kind == 1:
        X = np.round(X)
    if kind == 2:
        X = np.round(X, 1)
    if kind == 3:
        X[:, -1] = X[:, 0]
    if kind == 4:
        X = X[rng.integers(0, max(2, n_rows // 3), n_rows)]
    if kind == 5:
        X[: n_rows // 2] = X[0]
    if rng.uniform() < 0.2:
        X[:, 0] = np.where(rng.uniform(size=n_rows) < 0.7, 0.0, X[:, 0])
    if rng.uniform() < 0.3:
        X = X * 10.0 ** rng.integers(-3, 4, n_features)
    return X


def beginning(name, rng):
    """Rows, what is added, and a mixture to begin from; None where there is none."""
    X = degenerate_table(rng)
    n_components = int(rng.integers(2, max(3, min(len(X), 7))))
    blocks = ArrayBlocks(Rows(X, None if rng.uniform() < 0.6 else rng.uniform(0.1, 3, len(X))))
    reg_covar = regularisation([0.0, 1e-6, "auto"][rng.integers(3)], blocks)
    given = rng.dirichlet(np.full(n_components, 10 ** rng.uniform(-1, 0.5)), len(X))
    centres = np.tile(blocks.mean, (n_components, 1))
    sums = blocks.accumulate_given(structure(name), lambda rows: given[rows], centres)
    try:
        return blocks, reg_covar, maximised(sums, reg_covar)
    except SingularCovarianceError:
        return None


def precisions(mixture):
    """Diagonals of the inverse covariances: (n_components, n_features)."""
    kind = mixture.structure
    return kind.diagonals(kind.precisions(mixture.precisions_cholesky), *mixture.means.shape)


def inflation(mixture):
    """By how much a variance beside the other features is smaller than alone, at most: digits lost."""
    variances = mixture.structure.diagonals(mixture.covariances, *mixture.means.shape)
    return float((variances * precisions(mixture)).max())


def missing(before, after, reg_covar):
    """By how much the likelihood rises less than it has to, beside what rounding may take."""
    (mixture, log_likelihood), (next_mixture, next_log_likelihood) = before, after
    due = next_mixture.weights @ (precisions(next_mixture) - precisions(mixture)) @ reg_covar / 2
    size = max(1.0, abs(log_likelihood), abs(next_log_likelihood), abs(due))
    rounding = 1e-14 * max(size, inflation(mixture), inflation(next_mixture)) * mixture.n_features
    return due - (next_log_likelihood - log_likelihood) - 100 * rounding


def steps(name, rng, accelerate):
    """Mixtures on the way of a loop, with their likelihoods."""
    found = beginning(name, rng)
    if found is None:
        return [], np.zeros(1)
    blocks, reg_covar, mixture = found
    way: list[tuple[Mixture, float]] = []

    class Listening(Monitor):
        def callback(self, mixture):
            way.append((mixture, self.history[-1]))
            return ""

    monitor = Listening(1e-12, PASSES, accelerate)
    monitor.called = (0, 1)
    expectation_maximisation(mixture, blocks, likeliest(mixture, reg_covar), monitor, accelerate)
    return way, reg_covar


@each_model
@pytest.mark.parametrize("accelerate", [False, True])
def test_no_step_lowers_the_likelihood_but_for_reg_covar(name, accelerate):
    n_steps, left_aside = 0, 1e-8 if accelerate else 0.0  # of what R does
    for seed in range(60):
        way, reg_covar = steps(name, np.random.default_rng(seed), accelerate)
        for before, after in itertools.pairwise(way):
            with np.errstate(over="ignore", invalid="ignore"):
                gap = missing(before, after, reg_covar)
            assert not gap > left_aside, (seed, gap, before[1], after[1])
            n_steps += 1
    assert n_steps > 500


def two_clouds(seed, n_features=3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 200)
    return rng.normal(size=(200, n_features)) + 3 * labels[:, np.newaxis] * [1, 0.3, 0.0]


@each_model
@pytest.mark.parametrize("reg_covar", [1e-3, 0.1])
def test_accelerated_em_ends_where_em_does_whatever_reg_covar(name, reg_covar):
    """At a mixture that no iteration of EM changes: with so much added not the likeliest on the way."""
    for seed in range(3):
        X = two_clouds(seed)
        params = {"reg_covar": reg_covar, "init_params": "k-means++", "random_state": seed}
        params |= {"covariance_type": name, "tol": 1e-11, "max_iter": 5000, "accelerate": True}
        fitted = GaussianMixture(3, **params).fit(X)
        assert fitted.converged_
        mixture, blocks = fitted.mixture_, ArrayBlocks(Rows(X))
        after = maximised(expect(mixture, blocks), reg_covar, mixture)
        assert_allclose(after.weights, mixture.weights, rtol=0, atol=1e-4)
        assert_allclose(after.means, mixture.means, rtol=0, atol=1e-3)
        assert_allclose(after.covariances, mixture.covariances, rtol=0, atol=1e-3)
