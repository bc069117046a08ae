"""GaussianMixtureRegressor and `Mixture.condition` of a matrix, against row by row, quadrature and peers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import kstest, multivariate_normal, norm
from scipy.stats import t as student
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixtura import (
    Conditionals,
    GaussianMixture,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
)
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful

ERUPTION, WAITING = load_faithful().data.T
EXACT = GaussianMixture(reg_covar=0.0, tol=0.0)


def too_few_rows(_):
    return {
        "check_sample_weight_equivalence_on_dense_data": "fifteen rows in eleven columns, some of weight 0: "
        "the covariance is singular"
    }


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        GaussianMixtureRegressor(random_state=0),
        GaussianMixtureRegressor(2, missing="mar", random_state=0),
        GaussianMixtureRegressor(distribution="t", random_state=0),
    ],
    expected_failed_checks=too_few_rows,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def random_mixture(name, df=None, n_features=5, n_components=3, seed=0):
    """Far from the origin, and with components that overlap."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(400, n_features)) @ rng.normal(size=(n_features, n_features))
    rows += 100 + 3 * rng.integers(0, n_components, (400, 1))
    mixture = GaussianMixture(n_components, covariance_type=name, random_state=0, max_iter=20)
    with np.errstate(all="ignore"):
        fitted = mixture.fit(rows).mixture_
    return Mixture.from_parameters(
        fitted.weights, fitted.means, fitted.covariances, covariance_type=name, df=df
    ), rows


MIXTURES = [(name, None) for name in STRUCTURES]
MIXTURES += [(name, [1.5, 4.0, 30.0]) for name in ("full", "tied", "diag", "spherical", "VEV")]


# `Mixture.condition` of a matrix is that of each row


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "df"), MIXTURES)
def test_each_row_is_the_conditional_of_that_row(name, df):
    mixture, rows = random_mixture(name, df)
    given, free = [3, 0, 4], [1, 2]
    X = rows[:60, given]
    found = mixture.condition(given, X, n_jobs=1)
    assert isinstance(found, Conditionals)
    assert len(found) == 60
    assert found.free == (1, 2)
    mean, std = found.mean_and_std()
    covariance, quantiles = found.covariance(), found.quantiles([0.1, 0.5, 0.99])
    density = found.log_density(rows[:60, free])
    for i in range(0, 60, 7):
        one = mixture.condition(given, X[i])
        assert_allclose(mean[i], one.weights @ one.means, rtol=1e-9)
        within = one.covariance_matrices()
        if df is not None:
            widening = np.where(one.df > 2, one.df / (one.df - 2), np.inf)
            within = within * widening[:, np.newaxis, np.newaxis]
        away = one.means - one.weights @ one.means
        second = np.einsum("k,kij->ij", one.weights, within)
        second += np.einsum("k,ki,kj->ij", one.weights, away, away)
        assert_allclose(covariance[i], second, rtol=1e-7, atol=1e-9)
        assert_allclose(std[i], np.sqrt(np.diag(second)), rtol=1e-7)
        assert_allclose(density[i], one.log_density(rows[i : i + 1, free])[0], atol=1e-7)
        assert_allclose(found.weights()[i], one.weights, atol=1e-9)
        cdf = norm.cdf if df is None else partial(student.cdf, df=one.df)
        for j in range(2):
            scales = np.sqrt(one.covariance_matrices()[:, j, j])
            for q, level in zip(quantiles[i, j], [0.1, 0.5, 0.99], strict=True):
                share = one.weights @ cdf((q - one.means[:, j]) / scales)
                assert_allclose(share, level, rtol=1e-8)


@pytest.mark.parametrize("df", [None, 5.0])
def test_what_is_not_known_of_a_row_is_left_out(df):
    mixture, rows = random_mixture("full", df)
    X = rows[:40, :3].copy()
    X[::3, 1] = np.nan
    X[::5, 0] = np.nan
    X[30] = np.nan
    found = mixture.condition([0, 1, 2], X, missing="mar")
    mean, std = found.mean_and_std()
    covariance, quantiles = found.covariance(), found.quantiles([0.3])
    density = found.log_density(rows[:40, 3:])
    for i in range(40):
        known = np.flatnonzero(~np.isnan(X[i]))
        smaller = mixture.marginal([*known, 3, 4])
        places = list(range(len(known)))
        one = (
            smaller.condition(places, X[i : i + 1, known])
            if len(known)
            else Conditionals(smaller, [], np.empty((1, 0)), 1)
        )
        assert_allclose(mean[i], one.mean()[0], rtol=1e-9)
        assert_allclose(std[i], one.mean_and_std()[1][0], rtol=1e-9)
        assert_allclose(covariance[i], one.covariance()[0], rtol=1e-8)
        assert_allclose(quantiles[i], one.quantiles([0.3])[0], rtol=1e-9)
        assert_allclose(density[i], one.log_density(rows[i : i + 1, 3:])[0], atol=1e-8)
    with pytest.raises(ValueError, match="NaN"):
        mixture.condition([0, 1, 2], X)


def test_results_do_not_depend_on_threads_or_on_the_other_rows():
    mixture, rows = random_mixture("full")
    X = np.tile(rows[:, :3], (50, 1))
    several = mixture.condition([0, 1, 2], X, n_jobs=4).mean_and_std()
    one = mixture.condition([0, 1, 2], X, n_jobs=1).mean_and_std()
    assert_array_equal(several, one)
    alone = mixture.condition([0, 1, 2], X[:1]).mean_and_std()
    assert_allclose(np.array(alone)[:, 0], np.array(one)[:, 0], rtol=1e-13)


def test_float32_rows_have_float32_results():
    mixture, rows = random_mixture("full")
    centred = Mixture.from_parameters(
        mixture.weights, mixture.means - 100, mixture.covariances, covariance_type="full"
    )
    X = (rows[:, :3] - 100).astype(np.float32)
    found, expected = (centred.condition([0, 1, 2], x) for x in (X, X.astype(np.float64)))
    for ours, theirs in zip(found.mean_and_std(), expected.mean_and_std(), strict=True):
        assert ours.dtype == np.float32
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
    for ours in (found.quantiles([0.5]), found.covariance(), found.sample(), found.weights()):
        assert ours.dtype == np.float32


def test_noise_has_no_part():
    gm = GaussianMixture(2, noise=True, random_state=0).fit(np.c_[ERUPTION, WAITING])
    assert_allclose(
        gm._density.condition(0, [[2.0]]).mean(), gm.mixture_.condition(0, [[2.0]]).mean()
    )


def test_quantiles_between_far_groups_and_far_from_the_origin():
    far = Mixture.from_parameters(
        [0.5, 0.5], [[0.0, 1e6], [0.0, 1e6 + 1e4]], [np.eye(2), 1e-4 * np.eye(2)]
    )
    of_row = far.condition(0, [[0.0]])
    share = of_row.weights()[0, 0]
    levels = share * np.array([0.001, 0.5, 0.999, 1 / share**0.5])
    expected = norm.ppf([0.001, 0.5, 0.999, (levels[3] - share) / (1 - share)])
    found = of_row.quantiles(levels)[0, 0] - 1e6
    assert_allclose(found[:3], expected[:3], atol=1e-8)
    assert_allclose(found[3] - 1e4, 0.01 * expected[3], atol=1e-8)


def test_draws_have_the_conditional_distribution():
    mixture, rows = random_mixture("full")
    found = mixture.condition([0, 1, 2], rows[:2, :3])
    draws = found.sample(20_000, random_state=0)
    assert draws.shape == (20_000, 2, 2)
    mean, covariance = found.mean(), found.covariance()
    quantiles = found.quantiles(np.linspace(0.001, 0.999, 999))
    for i in range(2):
        assert_allclose(
            draws[:, i].mean(axis=0), mean[i], atol=4 * np.sqrt(covariance[i].max() / 2e4)
        )
        assert_allclose(np.cov(draws[:, i].T), covariance[i], rtol=0.1, atol=0.05)
        at = quantiles[i, 0]
        shares = np.searchsorted(at, draws[:, i, 0]) / 1000
        assert kstest(shares[::10], "uniform").pvalue > 1e-4


@pytest.mark.parametrize(
    ("features", "values", "sentence"),
    [
        ([0, 0], [[1.0, 2.0]], "distinct"),
        ([0, 9], [[1.0, 2.0]], "out of range"),
        ([0, 1], [[1.0]], "a column for each of the 2 features"),
        ([0, 1, 2, 3, 4], [[1.0] * 5], "left free"),
        ([0], [[np.nan]], "NaN"),
        ([0], [[np.inf]], "infinity"),
    ],
)
def test_what_is_wrong_with_a_matrix_is_said(features, values, sentence):
    mixture, _ = random_mixture("full")
    with pytest.raises(ValueError, match=sentence):
        mixture.condition(features, values)


@pytest.mark.parametrize("levels", [[0.0], [1.0], [-0.1], [np.nan], [[0.5]]])
def test_levels_lie_between_0_and_1(levels):
    mixture, rows = random_mixture("full")
    with pytest.raises(ValueError, match="levels must lie between 0 and 1"):
        mixture.condition([0], rows[:, :1]).quantiles(levels)


# The estimator


def test_one_component_is_linear_regression():
    X, y = load_linnerud(return_X_y=True)
    ours = GaussianMixtureRegressor(estimator=EXACT).fit(X, y)
    theirs = LinearRegression().fit(X, y)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)
    _, covariance = ours.predict(X, return_cov=True)
    residuals = y - theirs.predict(X)
    assert_allclose(covariance[0], residuals.T @ residuals / len(X), rtol=1e-7)


def test_the_density_is_that_of_the_joint_over_that_of_x():
    regressor = GaussianMixtureRegressor(2, random_state=0).fit(ERUPTION[:, None], WAITING)
    mixture = regressor.mixture_

    def joint(x, y):
        of_each = [
            w * multivariate_normal(m, c).pdf([x, y])
            for w, m, c in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
        ]
        return sum(of_each)

    for x in (1.8, 3.0, 4.6):
        below = quad(lambda y, x=x: joint(x, y), 0, 150, limit=200)[0]
        mean = quad(lambda y, x=x: y * joint(x, y), 0, 150, limit=200)[0] / below
        square = quad(lambda y, x=x: y**2 * joint(x, y), 0, 150, limit=200)[0] / below
        found, std = regressor.predict([[x]], return_std=True)
        assert_allclose(found, mean, rtol=1e-7)
        assert_allclose(std, np.sqrt(square - mean**2), rtol=1e-6)
        assert_allclose(regressor.predict_density([[x]], [70.0]), joint(x, 70.0) / below)
        median = regressor.quantiles([[x]], 0.5)[0, 0]
        half = quad(lambda y, x=x: joint(x, y), 0, median, limit=200)[0]
        assert_allclose(half / below, 0.5, rtol=1e-7)
    logs = regressor.predict_density([[1.8]], [500.0], log=True)
    assert np.isfinite(logs)
    assert logs < -700


def test_shapes_are_those_of_y():
    X, y = load_linnerud(return_X_y=True)
    several = GaussianMixtureRegressor(random_state=0).fit(X, y)
    assert several.predict(X).shape == (20, 3)
    assert several.predict(X, return_std=True)[1].shape == (20, 3)
    assert several.predict(X, return_cov=True)[1].shape == (20, 3, 3)
    assert several.quantiles(X, [0.1, 0.9]).shape == (20, 3, 2)
    assert several.sample_y(X, 4, random_state=0).shape == (20, 3, 4)
    assert several.predict_density(X, y).shape == (20,)
    one = GaussianMixtureRegressor(random_state=0).fit(X, y[:, 0])
    assert one.predict(X).shape == (20,)
    assert one.quantiles(X, [0.1, 0.9]).shape == (20, 2)
    assert one.sample_y(X, 4, random_state=0).shape == (20, 4)
    assert_array_equal(one.sample_y(X, 4, random_state=0), one.sample_y(X, 4, random_state=0))
    assert one.predict_density(X, y[:, 0]).shape == (20,)
    column = GaussianMixtureRegressor(random_state=0).fit(X, y[:, :1])
    assert column.predict(X).shape == (20, 1)


def test_intervals_hold_their_share_of_new_rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (4000, 1))
    y = np.sin(X[:, 0]) + (0.1 + 0.05 * X[:, 0]) * rng.normal(size=4000)
    regressor = GaussianMixtureRegressor(8, random_state=0).fit(X[:2000], y[:2000])
    low, high = regressor.quantiles(X[2000:], [0.1, 0.9]).T
    assert 0.77 < np.mean((y[2000:] > low) & (y[2000:] < high)) < 0.83
    assert regressor.score(X[2000:], y[2000:]) > 0.75


def test_missing_features_cost_what_they_tell():
    X, y = load_diabetes(return_X_y=True)
    regressor = GaussianMixtureRegressor(missing="mar", random_state=0).fit(X, y)
    less = X.copy()
    less[:, 2:4] = np.nan
    marginal = GaussianMixtureRegressor(random_state=0).fit(np.delete(X, [2, 3], axis=1), y)
    assert_allclose(
        regressor.predict(less), marginal.predict(np.delete(X, [2, 3], axis=1)), rtol=1e-6
    )
    nothing, std = regressor.predict(np.full((1, 10), np.nan), return_std=True)
    assert_allclose(nothing, y.mean())
    assert_allclose(std, y.std(), rtol=1e-6)
    gaps = X.copy()
    gaps[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    assert GaussianMixtureRegressor(missing="mar", random_state=0).fit(gaps, y).score(X, y) > 0.45
    with pytest.raises(ValueError, match="NaN"):
        GaussianMixtureRegressor().fit(gaps, y)
    with pytest.raises(ValueError, match="NaN"):
        GaussianMixtureRegressor().fit(X, y).predict(gaps)


def test_weights_are_repetitions():
    weight = np.random.default_rng(0).integers(0, 4, len(WAITING))
    weighted = GaussianMixtureRegressor(2, random_state=0).fit(ERUPTION[:, None], WAITING, weight)
    repeated = GaussianMixtureRegressor(2, random_state=0).fit(
        ERUPTION.repeat(weight)[:, None], WAITING.repeat(weight)
    )
    at = [[2.0], [3.0], [4.5]]
    assert_allclose(weighted.predict(at), repeated.predict(at), rtol=1e-4)


def test_search_and_cross_validation():
    X = ERUPTION[:, None]
    grid = GridSearchCV(
        GaussianMixtureRegressor(random_state=0),
        {"n_components": [1, 2], "covariance_type": ["full", "tied"]},
    ).fit(X, WAITING)
    assert grid.best_score_ > 0.8
    assert cross_val_score(GaussianMixtureRegressor(2, random_state=0), X, WAITING).min() > 0.75
    search = GaussianMixtureSearch(range(1, 4), ["EEE", "VVV"], random_state=0)
    chosen = GaussianMixtureRegressor(estimator=search).fit(X, WAITING)
    assert chosen.estimator_.best_params_ == {"n_components": 3, "covariance_type": "EEE"}
    assert chosen.score(X, WAITING) > 0.8


def test_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"eruption": ERUPTION})
    regressor = GaussianMixtureRegressor(2, random_state=0).fit(frame, pd.Series(WAITING))
    array = GaussianMixtureRegressor(2, random_state=0).fit(ERUPTION[:, None], WAITING)
    assert list(regressor.feature_names_in_) == ["eruption"]
    assert_array_equal(regressor.predict(frame), array.predict(ERUPTION[:, None]))


@pytest.mark.parametrize(
    ("options", "X", "y", "sentence"),
    [
        ({}, ERUPTION[:, None], WAITING[:-1], "a row for each of the 272 rows"),
        ({}, ERUPTION[:, None], np.where(WAITING > 90, np.nan, WAITING), "Input y contains NaN"),
        ({"n_components": 0}, ERUPTION[:, None], WAITING, "n_components"),
        ({}, ERUPTION[:, None], None, "target y is None"),
        ({}, ERUPTION[:, None], np.full(272, "long"), "y must hold numbers"),
    ],
)
def test_what_is_wrong_is_said(options, X, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        GaussianMixtureRegressor(**options).fit(X, y)


def test_what_is_asked_wrongly_is_said():
    regressor = GaussianMixtureRegressor().fit(ERUPTION[:, None], WAITING)
    with pytest.raises(ValueError, match="return_std or return_cov"):
        regressor.predict([[2.0]], return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="y must have the 1 rows"):
        regressor.predict_density([[2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="2 features"):
        regressor.predict([[2.0, 3.0]])
    with pytest.raises(TypeError, match="estimator must be"):
        GaussianMixtureRegressor(estimator=LinearRegression()).fit(ERUPTION[:, None], WAITING)
