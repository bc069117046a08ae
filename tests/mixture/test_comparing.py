"""Divergences, transport, overlaps and reduction, against quadrature, closed forms and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.linalg import sqrtm
from sklearn.mixture import GaussianMixture as Theirs

from mixtura import GaussianMixture, Mixture
from mixtura.datasets import load_faithful
from mixtura.mixture import covariance_of
from mixtura.testing.problems import random_mixture

TWO = Mixture.from_parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[2.0]]])
THREE = Mixture.from_parameters([0.2, 0.5, 0.3], [[0.5], [3.0], [7.0]], [[[1.5]], [[1.0]], [[2.0]]])


def mixture(K=3, d=2, name="full", seed=0):
    return random_mixture(K, d, name, np.random.default_rng(seed))


def integral(function):
    return quad(function, -25, 35, limit=500, points=[0, 3, 4, 7])[0]


def log(mixture, x):
    return mixture.log_density([[x]])[0]


# Divergences


def test_divergences_are_those_of_quadrature():
    exact = integral(lambda x: np.exp(log(TWO, x)) * (log(TWO, x) - log(THREE, x)))
    found = TWO.kl_divergence(THREE)
    assert abs(found.value - exact) < 4 * found.std_error
    assert found.std_error < 0.01
    assert found.lower < exact < found.upper

    def middle(x):
        return np.logaddexp(log(TWO, x), log(THREE, x)) - np.log(2)

    halves = [
        integral(lambda x, one=one: np.exp(log(one, x)) * (log(one, x) - middle(x)))
        for one in (TWO, THREE)
    ]
    ours = TWO.jensen_shannon(THREE)
    assert abs(ours.value - sum(halves) / 2) < 4 * ours.std_error
    assert THREE.jensen_shannon(TWO, random_state=5).value == pytest.approx(ours.value, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_the_value(seed):
    p, q = mixture(3, 2, seed=seed), mixture(2, 2, seed=seed + 50)
    found = p.kl_divergence(q)
    assert found.lower - 4 * found.std_error <= found.value <= found.upper + 4 * found.std_error


def test_of_one_gaussian_the_bounds_are_the_value():
    p, q = mixture(1, 3), mixture(1, 3, seed=1)
    S, T = p.covariance_matrices()[0], q.covariance_matrices()[0]
    away = q.means[0] - p.means[0]
    exact = (
        np.trace(np.linalg.solve(T, S))
        - 3
        + away @ np.linalg.solve(T, away)
        + np.linalg.slogdet(T)[1]
        - np.linalg.slogdet(S)[1]
    ) / 2
    found = p.kl_divergence(q)
    assert found.upper == pytest.approx(exact, rel=1e-9)
    assert abs(found.value - exact) < 4 * found.std_error


def test_a_mixture_is_at_no_distance_from_itself():
    p = mixture()
    assert p.kl_divergence(p) == pytest.approx((0, 0, 0, 0), abs=1e-9)
    assert p.jensen_shannon(p).value == pytest.approx(0, abs=1e-12)
    assert p.wasserstein(p) == pytest.approx(0, abs=1e-6)
    assert p.wasserstein(p.permuted([2, 0, 1])) == pytest.approx(0, abs=1e-6)


def test_the_error_that_is_stated_is_that_of_other_draws():
    values = [TWO.kl_divergence(THREE, n_samples=500, random_state=seed) for seed in range(200)]
    assert np.std([one.value for one in values]) == pytest.approx(values[0].std_error, rel=0.25)


def test_t_components_have_no_bounds():
    tails = Mixture.from_parameters(*TWO.as_tuple()[:3], df=4)
    exact = integral(lambda x: np.exp(log(TWO, x)) * (log(TWO, x) - log(tails, x)))
    found = TWO.kl_divergence(tails)
    assert abs(found.value - exact) < 4 * found.std_error
    assert (found.lower, found.upper) == (0, np.inf)
    for ask in (TWO.wasserstein, tails.wasserstein):
        with pytest.raises(ValueError, match="of Gaussian components"):
            ask(tails)
    with pytest.raises(ValueError, match="of Gaussian components"):
        tails.reduce(1)


# Transport and overlap


def test_transport_of_gaussians_has_its_closed_form():
    p, q = mixture(1, 3), mixture(1, 3, seed=1)
    S, T = p.covariance_matrices()[0], q.covariance_matrices()[0]
    root = sqrtm(S)
    squared = ((p.means - q.means) ** 2).sum() + np.trace(S + T - 2 * sqrtm(root @ T @ root).real)
    assert p.wasserstein(q) == pytest.approx(np.sqrt(squared), rel=1e-9)


def test_transport_of_even_components_is_the_best_pairing():
    def even(seed):
        one = mixture(4, 2, "VII", seed)
        return Mixture.from_parameters(
            np.full(4, 0.25), one.means, one.covariances, covariance_type="VII"
        )

    p, q = even(0), even(1)
    roots = np.sqrt(p.covariances)[:, None] - np.sqrt(q.covariances)
    costs = ((p.means[:, None] - q.means) ** 2).sum(axis=2) + 2 * roots**2
    best = min(costs[range(4), list(order)].mean() for order in itertools.permutations(range(4)))
    assert p.wasserstein(q) == pytest.approx(np.sqrt(best), rel=1e-9)
    assert p.wasserstein(q) == pytest.approx(q.wasserstein(p), rel=1e-9)


def test_overlap_is_the_integral_of_the_roots():
    ours = THREE.overlap()
    for a, b in itertools.combinations(range(3), 2):
        x = np.linspace(-30, 40, 70_001)
        log_joint = THREE.log_joint(x[:, None]) - np.log(THREE.weights)
        theirs = np.trapezoid(np.exp((log_joint[:, a] + log_joint[:, b]) / 2), x)
        assert ours[a, b] == pytest.approx(theirs, rel=1e-6)
    assert_allclose(ours, ours.T)
    assert_allclose(np.diag(ours), 1)


# Fewer components


@pytest.mark.parametrize("name", ["full", "VVI", "VII", "tied"])
def test_what_is_reduced_keeps_its_mean_and_pays_at_most_its_bound(name):
    whole = mixture(6, 3, name)
    paid = -1.0
    for n in range(6, 0, -1):
        less, bound, labels = whole.reduce(n)
        assert less.n_components == n == len(np.unique(labels))
        assert_allclose(less.weights @ less.means, whole.weights @ whole.means, rtol=1e-9)
        ours, theirs = covariance_of(less), covariance_of(whole)
        if name in ("full", "tied"):
            assert_allclose(ours, theirs, rtol=1e-9)
        assert np.trace(ours) == pytest.approx(np.trace(theirs))
        weights = np.bincount(labels, whole.weights)
        assert_allclose(less.weights, weights)
        found = whole.kl_divergence(less, n_samples=20_000)
        assert found.value <= bound + 4 * found.std_error
        assert paid <= bound
        paid = bound
    assert whole.reduce(6).kl_bound == 0
    assert_allclose(whole.reduce(6).mixture.means, whole.means)


def test_the_first_merger_is_the_cheapest_of_all_pairs():
    whole = mixture(5, 2)
    w, m, S = whole.weights, whole.means, whole.covariance_matrices()

    def cost(a, b):
        both = w[a] + w[b]
        away = m[a] - m[b]
        pooled = (w[a] * S[a] + w[b] * S[b]) / both + w[a] * w[b] / both**2 * np.outer(away, away)
        logs = [np.linalg.slogdet(one)[1] for one in (pooled, S[a], S[b])]
        return (both * logs[0] - w[a] * logs[1] - w[b] * logs[2]) / 2

    costs = {pair: cost(*pair) for pair in itertools.combinations(range(5), 2)}
    best = min(costs, key=costs.get)
    _, bound, labels = whole.reduce(4)
    assert labels[best[0]] == labels[best[1]]
    assert bound == pytest.approx(costs[best], rel=1e-9)


# What cannot be compared


def test_other_models_and_what_is_none():
    X = load_faithful().data
    ours = GaussianMixture(2, random_state=0).fit(X)
    other = GaussianMixture(3, random_state=0).fit(X)
    whole = ours.mixture_.kl_divergence(other, n_samples=1000)
    assert_array_equal(whole, ours.mixture_.kl_divergence(other.mixture_, n_samples=1000))
    with pytest.raises(TypeError, match="other must be a Mixture or a fitted model, got Gaussian"):
        ours.mixture_.wasserstein(Theirs(2))
    with pytest.raises(ValueError, match="other has 1 features, and this mixture 2"):
        ours.mixture_.jensen_shannon(TWO)
    with pytest.raises(ValueError, match="more than there are, 2"):
        ours.mixture_.reduce(3)
    with pytest.raises(ValueError, match="n_components must be a whole number of at least 1"):
        ours.mixture_.reduce(0)
