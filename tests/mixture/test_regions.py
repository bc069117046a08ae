"""Regions, quantiles, cuts, modes, slopes: against quadrature, differences and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import chi2, multivariate_normal, norm

from mixtura import GaussianMixture, Mixture
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.testing.problems import random_mixture

LETTERS = [name for name in STRUCTURES if len(name) == 3]

UNIVARIATE = {
    "two": Mixture.from_parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[2.0]]]),
    "far": Mixture.from_parameters([0.5, 0.5], [[1e6], [1e6 + 8]], [[[1.0]], [[0.01]]]),
    "nested": Mixture.from_parameters([0.6, 0.4], [[0.0], [0.2]], [[[9.0]], [[0.04]]]),
    "tails": Mixture.from_parameters([0.3, 0.7], [[0.0], [4.0]], [[[1.0]], [[2.0]]], df=[2.5, 9]),
    "five": Mixture.from_parameters(
        np.full(5, 0.2), np.arange(5.0)[:, None] * 3, np.linspace(0.2, 3, 5), covariance_type="VII"
    ),
}
each_curve = pytest.mark.parametrize("mixture", UNIVARIATE.values(), ids=UNIVARIATE)


def density(mixture, x):
    return np.exp(mixture.log_density(np.reshape(x, (-1, 1))))


@pytest.fixture(scope="module")
def waiting():
    return GaussianMixture(2, covariance_type="E", random_state=0).fit(load_faithful().data[:, 1:2])


# Distribution functions and quantiles


@each_curve
def test_cdf_is_the_integral_of_the_density_and_quantile_its_inverse(mixture):
    levels = np.array([0.001, 0.2, 0.5, 0.9, 0.999])
    x = mixture.quantile(levels)
    assert_allclose(mixture.cdf(x[:, None]), levels, rtol=1e-9)
    for (a, b), (low, high) in zip(itertools.pairwise(x), itertools.pairwise(levels), strict=True):
        breaks = mixture.means.ravel()
        area = quad(
            lambda x: density(mixture, x)[0],
            a,
            b,
            points=breaks[(breaks > a) & (breaks < b)],
            limit=500,
        )[0]
        assert area == pytest.approx(high - low, abs=1e-9)
    assert isinstance(mixture.quantile(0.5), float)


def test_cdf_of_several_features_is_scipys_within_its_error():
    mixture = random_mixture(3, 3, "full", np.random.default_rng(0))
    X = mixture.sample(8, random_state=1)[0]
    ours, errors = mixture.cdf(X, return_error=True)
    theirs = sum(
        w * multivariate_normal(m, c, maxpts=10**6, abseps=1e-7, releps=1e-7).cdf(X)
        for w, m, c in zip(*mixture.as_tuple()[:3], strict=True)
    )
    assert errors.max() < 1e-4
    assert np.all(np.abs(ours - theirs) < 5 * errors + 1e-6)


def test_cdf_of_t_components_is_the_share_of_their_draws():
    mixture = Mixture.from_parameters(
        [0.4, 0.6], [[0, 0], [2, 1]], [[[1, 0.7], [0.7, 1]], [[1, -0.4], [-0.4, 2]]], df=[3, 6]
    )
    drawn = mixture.sample(400_000, random_state=0)[0]
    X = [[0.5, 0.0], [2.0, 3.0], [-1.0, 1.0]]
    shares = [(drawn <= x).all(axis=1).mean() for x in X]
    assert_allclose(mixture.cdf(X), shares, atol=3e-3)


@pytest.mark.parametrize("name", ["VVI", "VII"])
def test_cdf_of_independent_features_is_exact(name):
    mixture = random_mixture(2, 4, name, np.random.default_rng(0))
    X = mixture.sample(5, random_state=1)[0]
    theirs = norm.cdf(X[:, None], mixture.means, mixture.spreads).prod(axis=2) @ mixture.weights
    ours, errors = mixture.cdf(X, return_error=True)
    assert_allclose(ours, theirs, rtol=1e-13)
    assert not errors.any()


# Regions of highest density


@each_curve
@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.95])
def test_what_lies_above_the_threshold_is_the_coverage(mixture, coverage):
    threshold = mixture.hdr_threshold(coverage)
    x = np.unique(
        np.concatenate(
            [
                m + s * np.sinh(np.linspace(-7, 7, 40_001))  # densest where there is most
                for m, s in zip(mixture.means[:, 0], mixture.spreads[:, 0], strict=True)
            ]
        )
    )
    heights = density(mixture, x)
    cells = np.diff(mixture.cdf(x[:, None]))
    inside = (heights[1:] >= threshold) & (heights[:-1] >= threshold)
    assert cells[inside].sum() == pytest.approx(coverage, abs=2e-3)
    assert mixture.hdr_threshold(coverage, return_error=True)[1] == 0


def test_the_threshold_of_old_faithful_is_the_published_one(waiting):
    assert waiting.mixture_.hdr_threshold(0.75) == pytest.approx(0.01710, abs=5e-6)


def test_the_threshold_of_one_gaussian_is_that_of_chi_squared():
    mixture = random_mixture(1, 3, "full", np.random.default_rng(0))
    distance = np.sqrt(chi2.ppf(0.8, 3))
    factor = np.linalg.cholesky(mixture.covariance_matrices()[0])
    edge = mixture.means[0] + distance * factor @ [1.0, 0.0, 0.0]
    threshold = mixture.hdr_threshold(0.8)
    assert threshold == pytest.approx(density_of(mixture, edge), rel=1e-12)


def density_of(mixture, row):
    return float(np.exp(mixture.log_density(row[None])[0]))


def test_the_threshold_of_several_features_has_the_error_that_it_states():
    mixture = random_mixture(3, 2, "full", np.random.default_rng(1))
    found = [mixture.hdr_threshold(0.6, n_samples=2000, random_state=seed) for seed in range(200)]
    best = mixture.hdr_threshold(0.6, n_samples=1_000_000)
    _, error = mixture.hdr_threshold(0.6, n_samples=2000, return_error=True)
    assert np.std(found) == pytest.approx(error, rel=0.25)
    assert np.mean(found) == pytest.approx(best, abs=0.4 * error)


def test_rows_in_the_region_are_its_coverage():
    mixture = random_mixture(3, 2, "full", np.random.default_rng(1))
    X = mixture.sample(50_000, random_state=5)[0]
    assert mixture.is_in_hdr(X, 0.6).mean() == pytest.approx(0.6, abs=0.01)


# Distances


@pytest.mark.parametrize("name", LETTERS)
def test_distances_are_mahalanobis(name):
    mixture = random_mixture(3, 3, name, np.random.default_rng(0))
    X = mixture.sample(10, random_state=1)[0]
    away = X[:, None] - mixture.means
    precisions = np.linalg.inv(mixture.covariance_matrices())
    theirs = np.sqrt(np.einsum("nki,kij,nkj->nk", away, precisions, away))
    assert_allclose(mixture.mahalanobis(X), theirs, rtol=1e-9)


def test_distances_of_what_was_observed_are_those_of_the_marginal():
    mixture = random_mixture(3, 3, "full", np.random.default_rng(0))
    X = mixture.sample(10, random_state=1)[0]
    ours = mixture.mahalanobis(np.where([True, False, True], X, np.nan), missing="mar")
    assert_allclose(ours, mixture.marginal([0, 2]).mahalanobis(X[:, [0, 2]]), rtol=1e-6)


# Cut points


@each_curve
def test_between_the_cuts_one_component_is_the_likeliest(mixture):
    points, labels = mixture.cut_points()
    assert np.all(np.diff(points) > 0)
    assert np.all(np.diff(labels) != 0)
    x = np.linspace(mixture.quantile(1e-7), mixture.quantile(1 - 1e-7), 20_001)
    near = np.abs(x[:, None] - points).min(axis=1) < 1e-9
    ours = labels[np.searchsorted(points, x)]
    assert_array_equal(ours[~near], mixture.labels(x[:, None])[~near])
    for cut, (left, right) in zip(points, itertools.pairwise(labels), strict=True):
        joint = mixture.log_joint([[cut]])[0]
        assert joint[left] == pytest.approx(joint[right], abs=1e-5)


def test_a_cut_of_equal_spreads_stands_where_the_equation_says(waiting):
    mixture = waiting.mixture_
    (w, v), (a, b), s2 = mixture.weights, mixture.means[:, 0], mixture.covariances[0]
    theirs = (a + b) / 2 + s2 * np.log(w / v) / (b - a)
    assert_allclose(mixture.cut_points().points, [theirs], rtol=1e-12)
    costs = [[0.0, 3.0], [1.0, 0.0]]
    dearer = (a + b) / 2 + s2 * np.log(3 * w / v) / (b - a)
    assert_allclose(mixture.cut_points(costs).points, [dearer], rtol=1e-12)


def expected_cost(mixture, points, labels, costs):
    order = np.concatenate([[-np.inf], points, [np.inf]])
    inside = np.diff(norm.cdf(order[:, None], mixture.means.T, mixture.spreads.T), axis=0)
    return (inside * mixture.weights * np.asarray(costs).T[labels]).sum()


@pytest.mark.parametrize("mixture", [UNIVARIATE["two"], UNIVARIATE["nested"], UNIVARIATE["five"]])
def test_no_monotone_rule_is_cheaper_than_the_one_found(mixture):
    K = mixture.n_components
    costs = 1.0 - np.eye(K)
    points, labels = mixture.cut_points(rule="monotone")
    assert np.all(np.diff(mixture.means[labels, 0]) > 0)
    ours = expected_cost(mixture, points, labels, costs)

    def cost(points):
        return expected_cost(mixture, np.sort(points), np.arange(K), costs)

    for seed in range(5):
        start = np.sort(mixture.sample(K - 1, random_state=seed)[0][:, 0])
        theirs = minimize(
            cost, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
        )
        assert ours <= theirs.fun + 1e-9
    assert expected_cost(mixture, *mixture.cut_points(), costs) <= ours + 1e-12


# Slopes and modes


@pytest.mark.parametrize("df", [None, [3.0, 8.0, 30.0]])
@pytest.mark.parametrize("name", LETTERS)
def test_slopes_are_the_differences_of_the_log_density(name, df):
    plain = random_mixture(3, 3, name, np.random.default_rng(0))
    mixture = Mixture.from_parameters(*plain.as_tuple()[:3], covariance_type=name, df=df)
    X = mixture.sample(6, random_state=1)[0]
    steps = 1e-5 * np.eye(3)

    def slopes(function):
        return np.stack([(function(X + h) - function(X - h)) / 2e-5 for h in steps], axis=-1)

    ours = mixture.log_density_gradient(X)
    assert_allclose(ours, slopes(mixture.log_density), rtol=1e-6, atol=1e-7)
    ours = mixture.log_density_hessian(X)
    assert_allclose(ours, slopes(mixture.log_density_gradient), rtol=1e-6, atol=1e-7)


def log_density_of(mixture):
    """Of complex rows, by plain NumPy: an imaginary step differentiates it to all digits."""

    def function(X):
        away = X[:, None] - mixture.means
        precisions = np.linalg.inv(mixture.covariance_matrices())
        squares = np.einsum("nki,kij,nkj->nk", away, precisions, away)
        heights = np.log(mixture.weights) + np.linalg.slogdet(precisions)[1] / 2
        if mixture.df is None:
            joint = heights - squares / 2
        else:
            df, d = mixture.df, mixture.n_features
            of_tails = gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * np.log(df / 2)
            joint = heights + of_tails - (df + d) / 2 * np.log(1 + squares / df)
        highest = joint.real.max(axis=1, keepdims=True)
        return np.log(np.exp(joint - highest).sum(axis=1)) + highest[:, 0]

    return function


def gradient_of(mixture):
    """Of complex rows, by plain NumPy: an imaginary step gives the Hessian."""
    precisions = np.linalg.inv(mixture.covariance_matrices())

    def function(X):
        away = X[:, None] - mixture.means
        squares = np.einsum("nki,kij,nkj->nk", away, precisions, away)
        heights = np.log(mixture.weights) + np.linalg.slogdet(precisions)[1] / 2
        scales = np.ones_like(squares)
        if mixture.df is not None:
            df, d = mixture.df, mixture.n_features
            heights = heights + gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * np.log(df / 2)
            scales = (df + d) / (df + squares)
            joint = heights - (df + d) / 2 * np.log(1 + squares / df)
        else:
            joint = heights - squares / 2
        shares = np.exp(joint - joint.real.max(axis=1, keepdims=True))
        shares = shares / shares.sum(axis=1, keepdims=True)
        return -np.einsum("nk,kij,nkj->ni", shares * scales, precisions, away)

    return function


def complex_step(function, X):
    steps = 1e-30j * np.eye(X.shape[1])
    return np.stack([function(X + h).imag / 1e-30 for h in steps], axis=-1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["Gaussian", "t"])
@pytest.mark.parametrize(("K", "d"), [(1, 1), (3, 2), (4, 7), (2, 16), (3, 17), (5, 21), (2, 40)])
@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_slopes_are_complex_steps_of_the_log_density_and_its_gradient(name, K, d, kind, dtype):
    plain = random_mixture(K, d, name, np.random.default_rng(0))
    df = np.linspace(2.5, 30, K) if kind == "t" else None
    mixture = Mixture.from_parameters(*plain.as_tuple()[:3], covariance_type=name, df=df)
    X = mixture.sample(67, random_state=1)[0].astype(dtype)
    theirs = complex_step(log_density_of(mixture), X.astype(np.float64))
    ours = mixture.log_density_gradient(X)
    assert ours.dtype == dtype
    digits = 1e-11 if dtype == np.float64 else 3e-5
    assert_allclose(ours, theirs, atol=digits * np.abs(theirs).max())
    theirs = complex_step(gradient_of(mixture), X.astype(np.float64))
    ours = mixture.log_density_hessian(X)
    assert ours.dtype == dtype
    assert_array_equal(ours, np.swapaxes(ours, 1, 2))
    assert_allclose(ours, theirs, atol=digits * np.abs(theirs).max())


def test_the_gradient_of_one_gaussian_is_that_of_scipys():
    mixture = random_mixture(1, 3, "full", np.random.default_rng(0))
    X = mixture.sample(5, random_state=1)[0]
    law = multivariate_normal(mixture.means[0], mixture.covariance_matrices()[0])
    steps = 1e-5 * np.eye(3)
    theirs = np.stack([(law.logpdf(X + h) - law.logpdf(X - h)) / 2e-5 for h in steps], axis=-1)
    assert_allclose(mixture.log_density_gradient(X), theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
@pytest.mark.parametrize("of", ["log_density_gradient", "log_density_hessian"])
def test_threads_parts_and_layout_change_no_bit_of_a_slope(name, of):
    mixture = random_mixture(3, 5, name, np.random.default_rng(0))
    X = mixture.sample(9000, random_state=1)[0]
    slopes = getattr(mixture, of)
    alone = slopes(X, n_jobs=1)
    assert_array_equal(slopes(X, n_jobs=3), alone)
    assert_array_equal(slopes(np.asfortranarray(X), n_jobs=1), alone)
    assert_allclose(slopes(X[5:70], n_jobs=1), alone[5:70], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_components_apart_and_rows_far_away_have_the_slope_of_the_nearest(name):
    plain = random_mixture(3, 2, name, np.random.default_rng(0))
    means = np.array([[0.0, 0.0], [1e3, 0.0], [0.0, 1e3]])
    mixture = Mixture.from_parameters(plain.weights, means, plain.covariances, covariance_type=name)
    X = np.array([[1.0, 2.0], [1001.0, 1.0], [3.0, 999.0], [-1e155, 0.0], [2e160, 1e160]])
    ours = mixture.log_density_gradient(X)
    nearest = mixture.labels(X)
    precisions = np.linalg.inv(mixture.covariance_matrices())
    theirs = np.einsum("nij,nj->ni", precisions[nearest], means[nearest] - X)
    assert_allclose(ours, theirs, rtol=1e-9)
    rows = np.vstack([X[:3], [[1e30, 2e30]]]).astype(np.float32)  # its squares leave float32
    assert np.isfinite(mixture.log_density_gradient(rows)).all()
    assert_allclose(mixture.log_density_gradient(rows)[:3], theirs[:3], rtol=1e-4)
    of_nearest = -precisions[nearest]
    assert_allclose(mixture.log_density_hessian(X), of_nearest, rtol=1e-9, atol=1e-12)
    of_float = mixture.log_density_hessian(rows)
    assert_allclose(of_float, of_nearest[[0, 1, 2, mixture.labels(rows)[3]]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["VVV", "VVI", "VII"])
def test_a_narrow_component_far_away_leaves_no_trace_beside_rows_that_are_its_own(name):
    # its whitened distance from the first row is infinite, and its share there 0
    variances = {"VVV": [np.eye(2), 1e-300 * np.eye(2)], "VVI": [[1, 1], 2 * [1e-300]]}
    covariances = np.array(variances.get(name, [1, 1e-300]))
    means = [[0.0, 0.0], [1.0, 1.0]]
    mixture = Mixture.from_parameters([0.5, 0.5], means, covariances, covariance_type=name)
    X = np.array([[1e160, 0.0], [1.0, 1.0], [3.0, 4.0]])
    assert_allclose(mixture.log_density_gradient(X), [[-1e160, 0], [0, 0], [-3, -4]])
    of_each = np.array([1.0, 1e300, 1.0])[:, None, None]
    assert_allclose(mixture.log_density_hessian(X), -of_each * np.eye(2))


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_far_out_the_log_density_of_t_components_is_flat(name):
    plain = random_mixture(3, 2, name, np.random.default_rng(0))
    parameters = plain.as_tuple()[:3]
    mixture = Mixture.from_parameters(*parameters, covariance_type=name, df=[3.0, 8.0, 30.0])
    X = np.array([[1e8, 0.0], [3e70, -2e70], [-1e155, 0.0], [2e160, 1e160]])
    assert_allclose(mixture.log_density_hessian(X), 0, atol=1e-13)


@pytest.mark.parametrize("df", [None, [3.0, 8.0, 30.0]])
@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_squared_slopes_and_curvature_of_the_log_density_cancel_over_all_rows(name, df):
    # the integral of all second derivatives of a density, p (H + s s^T), is 0
    plain = random_mixture(3, 2, name, np.random.default_rng(0))
    mixture = Mixture.from_parameters(*plain.as_tuple()[:3], covariance_type=name, df=df)
    t = np.linspace(-1, 1, 401)[1:-1]
    x = 3 * t / (1 - t**2)  # all of the line, in a variable without ends
    rows = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = np.outer(*2 * [3 * (1 + t**2) / (1 - t**2) ** 2]).ravel() * (t[1] - t[0]) ** 2
    shares = cells * np.exp(mixture.log_density(rows))
    assert_allclose(shares.sum(), 1, atol=1e-4)
    slopes = mixture.log_density_gradient(rows)
    squares = np.einsum("n,ni,nj->ij", shares, slopes, slopes)
    bends = np.einsum("n,nij->ij", shares, mixture.log_density_hessian(rows))
    assert_allclose(bends, -squares, atol=1e-4 * np.trace(squares))


def test_many_components_of_many_features_are_differentiated_without_room_for_all_distances():
    mixture = random_mixture(70, 130, "full", np.random.default_rng(0))
    X = mixture.sample(70, random_state=1)[0]
    away = mixture.means - X[:, np.newaxis]
    precisions = np.linalg.inv(mixture.covariance_matrices())
    slopes = [away[:, k] @ precision for k, precision in enumerate(precisions)]
    theirs = np.einsum("nk,knd->nd", mixture.responsibilities(X), slopes)
    assert_allclose(mixture.log_density_gradient(X), theirs, atol=1e-10 * np.abs(theirs).max())


@each_curve
def test_modes_of_one_feature_are_the_maxima_of_a_fine_grid(mixture):
    x = np.linspace(mixture.quantile(1e-4), mixture.quantile(1 - 1e-4), 200_001)
    heights = mixture.log_density(x[:, None])
    is_top = (heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])
    theirs = x[1:-1][is_top]
    modes = mixture.modes()
    assert_allclose(np.sort(modes.points[:, 0]), theirs, atol=2 * (x[1] - x[0]))
    assert_array_equal(np.sort(modes.log_density)[::-1], modes.log_density)


def test_modes_of_several_features_are_where_an_optimiser_ends():
    mixture = random_mixture(4, 2, "full", np.random.default_rng(3))
    modes = mixture.modes()
    for mean, number in zip(mixture.means, modes.of_component, strict=True):
        theirs = minimize(
            lambda x: -mixture.log_density(x[None])[0],
            mean,
            jac=lambda x: -mixture.log_density_gradient(x[None])[0],
            options={"gtol": 1e-10},
        )
        assert mixture.log_density(theirs.x[None])[0] <= modes.log_density[number] + 1e-9
    assert_allclose(mixture.log_density_gradient(modes.points), 0, atol=1e-9)
    assert np.all(np.linalg.eigvalsh(mixture.log_density_hessian(modes.points)) < 0)


def test_a_mean_on_a_saddle_is_left_for_a_mode():
    mixture = Mixture.from_parameters(
        [0.45, 0.1, 0.45], [[-3.0, 0], [0, 0], [3.0, 0]], [1.0, 400.0, 1.0], covariance_type="VII"
    )
    modes = mixture.modes()
    assert len(modes.points) == 2
    assert np.all(np.abs(modes.points[:, 0]) > 2.9)


# What cannot be asked


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, np.nan, "half", None, True])
def test_levels_lie_within_0_and_1(waiting, level):
    mixture = waiting.mixture_
    for ask in (mixture.quantile, mixture.hdr_threshold, lambda c: mixture.is_in_hdr([[50.0]], c)):
        with pytest.raises(ValueError, match="between 0 and 1, both excluded"):
            ask(level)


def test_what_is_of_one_feature_says_so():
    mixture = random_mixture(2, 3, "full", np.random.default_rng(0))
    with pytest.raises(
        ValueError, match=r"quantile needs .* one feature, but this one has 3: take mar"
    ):
        mixture.quantile(0.5)
    with pytest.raises(ValueError, match=r"cut_points needs .* one feature, but this one has 3"):
        mixture.cut_points()


def test_costs_and_rules_that_are_none(waiting):
    mixture = waiting.mixture_
    with pytest.raises(ValueError, match=r"costs must have shape \(2, 2\)"):
        mixture.cut_points([1, 2])
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        mixture.cut_points([[0, -1], [1, 0]])
    with pytest.raises(ValueError, match="rule must be one of"):
        mixture.cut_points(rule="best")


@pytest.mark.parametrize(
    "ask", ["cdf", "mahalanobis", "log_density_gradient", "log_density_hessian"]
)
def test_rows_are_checked(waiting, ask):
    with pytest.raises(ValueError, match="NaN"):
        getattr(waiting.mixture_, ask)([[np.nan]])
    with pytest.raises(ValueError, match="features"):
        getattr(waiting.mixture_, ask)([[1.0, 2.0]])


def test_noise_has_no_part_in_regions():
    X = load_faithful().data
    stray = np.random.default_rng(0).uniform([1, 20], [6, 120], (40, 2))
    gm = GaussianMixture(2, noise=True, random_state=0).fit(np.concatenate([X, stray]))
    ours, theirs = gm._density, gm.mixture_
    assert ours.noise is not None
    assert_allclose(ours.cdf(X), theirs.cdf(X))
    assert ours.hdr_threshold(0.5) == theirs.hdr_threshold(0.5)
    assert_allclose(ours.log_density_gradient(X), theirs.log_density_gradient(X))
