"""M-steps with priors, fixed and bounded parameters: each gives the maximum of what it is to maximise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import dirichlet, invgamma, invwishart, multivariate_normal

from mixtura.covariance import STRUCTURES, structure
from mixtura.em import Bounds, Fixed, Kind, Knowledge, MaximumLikelihood, Prior
from mixtura.mixture import Mixture, native_mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.oracle import stored
from mixtura.testing.problems import random_mixture

FOURTEEN = [name for name in STRUCTURES if name.isupper()]
COMMON = ("EII", "EEI", "EEE")
K, D = 3, 3

each_model = pytest.mark.parametrize("name", FOURTEEN)


def some_rows(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, 150)
    return rng.normal(size=(150, D)) * [1.0, 0.5, 2.0] + labels[:, np.newaxis] * [2.0, 1.0, 0.0]


def one_scatter(name, rng):
    """A scale matrix in the shape of one covariance."""
    kernel = structure(name).kernel.name
    if kernel == "spherical":
        return np.asarray(rng.uniform(1, 20))
    if kernel == "diag":
        return rng.uniform(1, 20, D)
    factor = rng.normal(size=(D, D + 2))
    return 5 * factor @ factor.T


def some_prior(name, rng, of_each):
    """A strong one, of each component or the same for all."""
    if not of_each:
        return Prior(
            concentration=4.0,
            mean=rng.normal(size=D),
            mean_count=7.0,
            degrees_of_freedom=9.0,
            scatter=one_scatter(name, rng),
        )
    is_common = name in COMMON
    scatters = one_scatter(name, rng) if is_common else [one_scatter(name, rng) for _ in range(K)]
    return Prior(
        concentration=rng.uniform(1, 9, K),
        mean=rng.normal(size=(K, D)),
        mean_count=rng.uniform(0, 20, K),
        degrees_of_freedom=9.0 if is_common else rng.uniform(5, 30, K),
        scatter=scatters,
    )


@dataclass
class Penalised:
    """What an M-step maximises, by the equations, of given responsibilities."""

    name: str
    X: Any
    given: Any
    prior: Prior | None = None

    def __call__(self, weights, means, matrices):
        differences = self.X[:, np.newaxis] - means
        squares = np.einsum("nki,kij,nkj->nk", differences, np.linalg.inv(matrices), differences)
        logs = np.linalg.slogdet(matrices)[1]
        expected = (self.given * (np.log(weights) - (logs + squares) / 2)).sum()
        return expected + (0 if self.prior is None else self.bound(weights, means, matrices))

    def bound(self, weights, means, matrices):
        """The log prior, as the M-step has it, which is a test of its own."""
        step = MaximumLikelihood(
            structure(self.name), np.zeros(D), Kind(known=Knowledge(self.prior))
        )
        covariances = stored(structure(self.name), matrices)
        factors = structure(self.name).factor_covariances(covariances, K, D)
        mixture = Mixture(structure(self.name), weights, means, covariances, factors)
        return step.native.bound(native_mixture(mixture))

    def log_prior(self, weights, means, matrices):
        """By scipy's densities."""
        prior = self.prior
        found = dirichlet.logpdf(weights, np.broadcast_to(prior.concentration, K))
        kappas = np.broadcast_to(prior.mean_count, K)
        places = np.broadcast_to(prior.mean, (K, D))
        for k in np.flatnonzero(kappas > 0):
            found += multivariate_normal(places[k], matrices[k] / kappas[k]).logpdf(means[k])
        dof = np.broadcast_to(prior.degrees_of_freedom, K)
        size = np.shape(one_scatter(self.name, np.random.default_rng(0)))
        scatters = np.broadcast_to(prior.scatter, (K, *size))
        for k in range(1 if self.name in COMMON else K):
            found += self.log_prior_of_covariance(matrices[k], dof[k], scatters[k])
        return found

    def log_prior_of_covariance(self, matrix, dof, scatter):
        kernel = structure(self.name).kernel.name
        if kernel == "spherical":
            return invgamma(dof / 2, scale=scatter / 2).logpdf(matrix[0, 0])
        if kernel == "diag":
            return invgamma(dof / 2, scale=scatter / 2).logpdf(np.diag(matrix)).sum()
        return invwishart(dof, scatter).logpdf(matrix)


def turned(rng, size, d):
    """A small rotation."""
    skew = rng.normal(size=(d, d)) * size
    return np.linalg.qr(np.eye(d) + (skew - skew.T) / 2)[0]


def neighbour(name, matrices, rng, size):
    """Other covariances of the structure, near these."""
    volume, shape, orientation = name
    if orientation == "E":
        shares = (
            rng.uniform(0.5, 1.5, (K, 1, 1)) / np.trace(matrices, axis1=1, axis2=2)[:, None, None]
        )
        axes = np.tile(np.linalg.eigh((shares * matrices).sum(axis=0))[1], (K, 1, 1))
    elif orientation == "V":
        axes = np.linalg.eigh(matrices)[1]
    else:
        axes = np.tile(np.eye(D), (K, 1, 1))
    logs = np.log(np.einsum("kji,kjl,kli->ki", axes, matrices, axes))
    step = size * rng.normal(size=(1 if volume == "E" else K, 1))
    turn = size * rng.normal(size=(1 if shape == "E" else K, D))
    logs = logs + step + (0 if shape == "I" else turn - turn.mean(axis=1, keepdims=True))
    if orientation != "I":
        rotations = [turned(rng, size, D) for _ in range(1 if orientation == "E" else K)]
        axes = np.array([(rotations * K)[k] @ axes[k] for k in range(K)])
    return np.einsum("kij,kj,klj->kil", axes, np.exp(logs), axes)


def perturbed(weights, rng, size, is_free):
    """Other weights near these: those that are free change, and what they sum to does not."""
    other = weights * np.where(is_free, np.exp(size * rng.normal(size=K)), 1.0)
    other[is_free] *= weights[is_free].sum() / other[is_free].sum()
    return other


def after(name, X, given, known, before=None):
    """The mixture that the M-step makes of responsibilities."""
    blocks = ArrayBlocks(Rows(X))
    centres = np.tile(X.mean(axis=0), (K, 1))
    sums = blocks.accumulate_given(structure(name), lambda rows: given[rows], centres)
    step = MaximumLikelihood(structure(name), np.zeros(D), Kind(known=known))
    return step.maximise(sums, before=before)


def problem(name, seed):
    rng = np.random.default_rng(seed)
    X = some_rows(seed)
    return rng, X, rng.dirichlet(np.full(K, 0.7), len(X))


def check_best(
    name, objective, mixture, rng, *, free_means=None, free_weights=None, is_allowed=None
):
    """No neighbour that is allowed has a higher objective."""
    weights, means, matrices = mixture.weights, mixture.means, mixture.covariance_matrices()
    best = objective(weights, means, matrices)
    free_means = np.ones(K, dtype=bool) if free_means is None else free_means
    free_weights = np.ones(K, dtype=bool) if free_weights is None else free_weights
    n_tried = 0
    for trial in range(60):
        size = 10.0 ** -(1 + trial % 4)
        other_weights = perturbed(weights, rng, size, free_weights)
        other_means = means + size * rng.normal(size=means.shape) * free_means[:, np.newaxis]
        other_matrices = neighbour(name, matrices, rng, size)
        if is_allowed is not None and not is_allowed(other_weights, other_matrices):
            continue
        n_tried += 1
        assert objective(other_weights, means, matrices) <= best + 1e-9
        assert objective(weights, other_means, matrices) <= best + 1e-9
        assert objective(weights, means, other_matrices) <= best + 1e-9
        assert objective(other_weights, other_means, other_matrices) <= best + 1e-9
    assert n_tried > 20


@each_model
@pytest.mark.parametrize("of_each", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_an_m_step_with_a_prior_gives_the_maximum_a_posteriori(name, of_each, seed):
    rng, X, given = problem(name, seed)
    prior = some_prior(name, rng, of_each)
    mixture = after(name, X, given, Knowledge(prior))
    check_best(name, Penalised(name, X, given, prior), mixture, rng)


@each_model
def test_the_bound_is_the_log_density_of_the_prior_but_for_a_constant(name):
    rng = np.random.default_rng(5)
    prior = some_prior(name, rng, of_each=True)
    step = MaximumLikelihood(structure(name), np.zeros(D), Kind(known=Knowledge(prior)))
    objective = Penalised(name, None, None, prior)
    gaps = []
    for seed in range(4):
        mixture = random_mixture(K, D, name, np.random.default_rng(seed))
        theirs = objective.log_prior(mixture.weights, mixture.means, mixture.covariance_matrices())
        gaps.append(step.native.bound(native_mixture(mixture)) - theirs)
    assert_allclose(gaps, gaps[0], rtol=0, atol=1e-9)


@each_model
def test_a_prior_that_counts_nothing_is_none(name):
    _, X, given = problem(name, 0)
    with_prior, without = (
        after(name, X, given, known) for known in (Knowledge(Prior()), Knowledge())
    )
    for ours, theirs in zip(with_prior.as_tuple(), without.as_tuple(), strict=True):
        assert np.array_equal(ours, theirs)


@each_model
def test_a_prior_of_means_alone_leaves_the_counts_of_covariances(name):
    """One at the average moves nothing: it has no volume of its own that would shrink covariances."""
    _, X, given = problem(name, 1)
    plain = after(name, X, given, Knowledge())
    pulled = after(name, X, given, Knowledge(Prior(mean=plain.means, mean_count=30.0)))
    assert_allclose(pulled.means, plain.means, rtol=1e-13)
    # Common axes are found by rotations until the objective, a square of their error, settles.
    atol = 1e-6 if name in ("EVE", "VVE") else 1e-9
    assert_allclose(pulled.covariances, plain.covariances, rtol=0, atol=atol)


@each_model
@pytest.mark.parametrize("has_prior", [False, True])
def test_fixed_weights_and_means_stay_and_the_others_are_the_best_beside_them(name, has_prior):
    rng, X, given = problem(name, 2)
    nan = np.nan
    means = np.array([[nan] * D, [1.0, 0.0, -1.0], [nan] * D])
    fixed = Fixed(np.array([nan, nan, 0.5]), means)
    prior = some_prior(name, rng, of_each=True) if has_prior else None
    mixture = after(name, X, given, Knowledge(prior, fixed))
    assert mixture.weights[2] == 0.5
    assert np.array_equal(mixture.means[1], means[1])
    is_free = {
        "free_means": np.array([True, False, True]),
        "free_weights": np.array([True, True, False]),
    }
    check_best(name, Penalised(name, X, given, prior), mixture, rng, **is_free)


@each_model
def test_fixed_covariances_stay(name):
    rng, X, given = problem(name, 3)
    own = random_mixture(K, D, name, rng)
    mixture = after(name, X, given, Knowledge(fixed=Fixed(covariances=own.covariances)))
    assert np.array_equal(mixture.covariances, own.covariances)
    assert_allclose(mixture.precisions_cholesky, own.precisions_cholesky, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["VVV", "VVI", "VII"])
def test_one_fixed_covariance_leaves_the_others_as_they_are(name):
    rng, X, given = problem(name, 4)
    own = random_mixture(K, D, name, rng).covariances.copy()
    own[[0, 2]] = np.nan
    mixture = after(name, X, given, Knowledge(fixed=Fixed(covariances=own)))
    free = after(name, X, given, Knowledge())
    assert np.array_equal(mixture.covariances[1], own[1])
    assert_allclose(mixture.covariances[[0, 2]], free.covariances[[0, 2]], rtol=1e-12)


def eigenvalues(name, matrices, spreads):
    if structure(name).kernel.name == "spherical":
        return matrices[:, 0, 0]
    return np.linalg.eigvalsh(matrices / spreads[:, np.newaxis] / spreads)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "EEI", "VII"])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("has_prior", [False, True])
def test_eigenvalues_within_a_ratio_are_the_best_within_it(name, ratio, has_prior):
    rng, X, given = problem(name, 6)
    X = X * [1.0, 3.0, 30.0]
    spreads = np.array([1.0, 3.0, 30.0])
    prior = some_prior(name, rng, of_each=False) if has_prior else None
    mixture = after(name, X, given, Knowledge(prior, bounds=Bounds(False, 0.0, ratio, spreads)))
    found = eigenvalues(name, mixture.covariance_matrices(), spreads)
    assert found.max() <= ratio * found.min() * (1 + 1e-9)
    objective = Penalised(name, X, given, prior)
    weights, means, matrices = mixture.weights, mixture.means, mixture.covariance_matrices()
    best = objective(weights, means, matrices)
    # Neighbours of which what is out of the ratio is put back within it, about some level.
    for trial in range(100):
        other = neighbour(name, matrices, rng, 10.0 ** -(1 + trial % 4))
        scaled = other
        if structure(name).kernel.name != "spherical":
            scaled = other / spreads[:, np.newaxis] / spreads
        values, axes = np.linalg.eigh(scaled)
        least = found.min() * np.exp(rng.normal() * 10.0 ** -(1 + trial % 4))
        values = np.clip(values, least, ratio * least)
        other = np.einsum("kij,kj,klj->kil", axes, values, axes)
        if structure(name).kernel.name != "spherical":
            other = other * spreads[:, np.newaxis] * spreads
        assert objective(weights, means, other) <= best + 1e-9


def test_a_ratio_that_nothing_exceeds_changes_no_bit():
    for name in ("VVV", "EEE", "VVI", "EEI", "VII"):
        _, X, given = problem(name, 7)
        free = after(name, X, given, Knowledge())
        bounded = after(name, X, given, Knowledge(bounds=Bounds(max_eigenvalue_ratio=1e12)))
        assert_allclose(bounded.covariances, free.covariances, rtol=1e-14)


@pytest.mark.parametrize("least", [0.05, 0.3, 1 / 3])
def test_weights_above_a_bound_are_the_best_above_it(least):
    rng, X, given = problem("VVV", 8)
    given = given * [1.0, 0.2, 0.05]
    given /= given.sum(axis=1, keepdims=True)
    mixture = after("VVV", X, given, Knowledge(bounds=Bounds(min_weight=least)))
    counts = given.sum(axis=0)
    assert mixture.weights.sum() == pytest.approx(1, abs=1e-14)
    assert mixture.weights.min() >= least - 1e-15
    best = counts @ np.log(mixture.weights)
    for _ in range(500):
        shares = rng.dirichlet(np.ones(K))
        other = least + (1 - K * least) * shares
        assert counts @ np.log(other) <= best + 1e-12


def test_equal_weights_are_equal():
    _, X, given = problem("VVV", 9)
    mixture = after("VVV", X, given, Knowledge(bounds=Bounds(equal_weights=True)))
    assert_allclose(mixture.weights, 1 / 3, rtol=1e-15)


@each_model
def test_the_oracle_of_neighbours_stays_in_the_structure(name):
    rng = np.random.default_rng(10)
    mixture = random_mixture(K, D, name, rng)
    other = neighbour(name, mixture.covariance_matrices(), rng, 0.1)
    again = Mixture.from_parameters(
        mixture.weights, mixture.means, stored(mixture.structure, other), covariance_type=name
    )
    assert_allclose(again.covariance_matrices(), other, rtol=1e-9, atol=1e-12)
