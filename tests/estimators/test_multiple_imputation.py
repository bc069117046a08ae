"""impute(parameters='bootstrap'): tables that vary as the parameters are uncertain."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import load_iris

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture, GaussianMixtureSearch
from mixtura.estimators.resampling import refitted

IRIS = load_iris().data
N_ROWS, N_SEEN, SLOPE = 100, 25, 0.6


def with_gaps(share=0.15, seed=0):
    X = IRIS.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


def a_line(seed):
    """y = 1 + 0.6 x + noise, of which y is there in a quarter of the rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N_ROWS)
    X = np.column_stack([x, 1 + SLOPE * x + 0.8 * rng.normal(size=N_ROWS)])
    X[N_SEEN:, 1] = np.nan
    return X


def pooled(estimates, variances, level=0.9):
    """The variance between tables, and an interval: Rubin 1987, equations 3.1.2 to 3.1.6."""
    m, between, within = len(estimates), np.var(estimates, ddof=1), np.mean(variances)
    total = within + (1 + 1 / m) * between
    df = (m - 1) * (1 + within / ((1 + 1 / m) * between)) ** 2
    half = stats.t.ppf((1 + level) / 2, df) * np.sqrt(total)
    return between, np.mean(estimates) - half, np.mean(estimates) + half


def test_pooled_intervals_cover_what_they_should():
    found = {"fitted": [], "bootstrap": []}
    for seed in range(100):
        X = a_line(seed)
        model = GaussianMixture(1, missing="mar", init_params="random_from_data").fit(X)
        for how, of_how in found.items():
            tables = model.impute(X, n_draws=8, parameters=how, random_state=seed)
            y = tables[:, :, 1]
            lines = [stats.linregress(*table.T) for table in tables]
            between, *mean = pooled(y.mean(axis=1), y.var(axis=1, ddof=1) / N_ROWS)
            _, *slope = pooled([line.slope for line in lines], [line.stderr**2 for line in lines])
            of_how.append((between, mean[0] < 1 < mean[1], slope[0] < SLOPE < slope[1]))
    fitted, bootstrap = (np.mean(found[how], axis=0) for how in found)
    # The mean of y varies by what is drawn, m s^2 / n^2, and if the parameters are drawn, too, by their own
    # variance, (m / n)^2 s^2 / n_seen and more where the missing rows have another mean of x.
    n_missing = N_ROWS - N_SEEN
    drawn = n_missing * 0.64 / N_ROWS**2
    assert_allclose(fitted[0], drawn, rtol=0.2)
    assert_allclose(bootstrap[0], drawn + (n_missing / N_ROWS) ** 2 * 0.64 / N_SEEN, rtol=0.2)
    assert (fitted[1:] < 0.82).all()
    assert (bootstrap[1:] > fitted[1:] + 0.05).all()


def test_observed_values_stay_and_a_seed_repeats_the_tables():
    X = with_gaps()
    X[4] = np.nan
    model = GaussianMixture(3, missing="mar", random_state=0).fit(X)
    means, seen = model.means_.copy(), ~np.isnan(X)
    one, same = (
        model.impute(X, n_draws=3, parameters="bootstrap", random_state=1) for _ in range(2)
    )
    assert_array_equal(one, same)
    assert all(np.array_equal(table[seen], X[seen]) for table in one)
    assert np.isfinite(one).all()
    assert_array_equal(model.means_, means)


@pytest.mark.parametrize(
    "options",
    [
        {"noise": True},
        {"distribution": "t", "df": 8.0},
        {"prior": "default", "covariance_type": "VVI"},
        {"equal_weights": True, "sort_components": "mean"},
    ],
)
def test_every_kind_of_fit_is_fitted_anew(options, tmp_path):
    X = with_gaps()
    model = GaussianMixture(2, missing="mar", random_state=0, **options).fit(X)
    tables = model.impute(X, n_draws=2, parameters="bootstrap", random_state=0)
    assert np.isfinite(tables).all()
    model.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.impute(X, n_draws=2, parameters="bootstrap", random_state=0), tables)


def test_what_is_fixed_stays_so():
    X = with_gaps()
    start = GaussianMixture(2, missing="mar", random_state=0).fit(X)
    model = GaussianMixture(
        2, missing="mar", means_init=start.means_, fixed={"means": True}, random_state=0
    ).fit(X)
    again = refitted(model, X[:120])
    assert_array_equal(again.means_, model.means_)
    assert not np.array_equal(again.weights_, model.weights_)


def test_rows_are_drawn_in_proportion_to_their_weights():
    X = with_gaps()
    weight = np.where(np.arange(150) < 50, 0.0, 1.0)  # setosa counts for nothing
    model = GaussianMixture(1, missing="mar", random_state=0).fit(X, sample_weight=weight)
    tables = model.impute(
        X, n_draws=20, parameters="bootstrap", sample_weight=weight, random_state=0
    )
    alone = GaussianMixture(1, missing="mar", random_state=0).fit(X[50:])
    others = alone.impute(X[50:], n_draws=20, parameters="bootstrap", random_state=0)
    spread = tables[:, 50:].mean(axis=1).std(axis=0), others.mean(axis=1).std(axis=0)
    assert_allclose(*spread, rtol=0.5)


def test_a_search_is_fitted_anew_as_its_best_model():
    X = with_gaps()
    search = GaussianMixtureSearch([2], covariance_type="VVV", missing="mar", random_state=0).fit(X)
    assert_array_equal(
        search.impute(X, n_draws=2, parameters="bootstrap", random_state=3),
        search.best_estimator_.impute(X, n_draws=2, parameters="bootstrap", random_state=3),
    )


def test_what_cannot_be_is_said():
    X = with_gaps()
    model = GaussianMixture(2, missing="mar", random_state=0).fit(X)
    bootstrap = {"n_draws": 2, "parameters": "bootstrap"}
    for rows in (X[:100], 2 * X):
        with pytest.raises(ValueError, match="X is not them"):
            model.impute(rows, **bootstrap)
    labelled = GaussianMixture(2, missing="mar", random_state=0)
    labelled.fit(X, labels=np.where(np.arange(150) % 2, 0, 1))
    with pytest.raises(ValueError, match="labels or measurement errors"):
        labelled.impute(X, **bootstrap)
    with_errors = GaussianMixture(2, missing="mar", random_state=0).fit(
        X, error_std=np.full(4, 0.3)
    )
    with pytest.raises(ValueError, match="labels or measurement errors"):
        with_errors.impute(X, **bootstrap)
    by_hand = GaussianMixture.from_parameters([1.0], np.zeros((1, 4)), [np.eye(4)], missing="mar")
    with pytest.raises(ValueError, match="were set by hand"):
        by_hand.impute(X, **bootstrap)
    bayesian = BayesianGaussianMixture(2, missing="mar", random_state=0).fit(X)
    with pytest.raises(ValueError, match="fit a GaussianMixture"):
        bayesian.impute(X, **bootstrap)
    with pytest.raises(ValueError, match="give n_draws"):
        model.impute(X, parameters="bootstrap")
    with pytest.raises(ValueError, match="parameters must be 'fitted' or 'bootstrap'"):
        model.impute(X, n_draws=2, parameters="drawn")
    with pytest.raises(ValueError, match="sample_weight is of parameters='bootstrap'"):
        model.impute(X, n_draws=2, sample_weight=np.ones(150))


@pytest.mark.filterwarnings("ignore")  # of so few rows
def test_samples_that_cannot_be_fitted_are_said():
    X = np.random.default_rng(0).normal(size=(12, 2))
    X[1:, 1] = np.nan
    X[0, 1] = 3.0
    X[5, 1] = 4.0
    model = GaussianMixture(1, missing="mar", random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"A bootstrap sample of X could not be fitted \("):
        model.impute(X, n_draws=100, parameters="bootstrap", random_state=0)


def test_a_data_frame_draws_without_a_warning():
    frame = pd.DataFrame(with_gaps(), columns=list("abcd"))
    model = GaussianMixture(2, missing="mar", random_state=0).fit(frame)
    with warnings.catch_warnings(action="error"):
        tables = model.impute(frame, n_draws=2, parameters="bootstrap", random_state=0)
    plain = GaussianMixture(2, missing="mar", random_state=0).fit(frame.to_numpy())
    arrays = plain.impute(frame.to_numpy(), n_draws=2, parameters="bootstrap", random_state=0)
    assert_array_equal(tables, arrays)
