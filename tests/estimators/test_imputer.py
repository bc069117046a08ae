"""GaussianMixtureImputer: the contract of scikit-learn's imputers, and what it fills in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from mixtura import GaussianMixture, GaussianMixtureImputer

IRIS, SPECIES = load_iris(return_X_y=True)


def with_gaps(share=0.2, seed=0):
    X = IRIS.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


@pytest.mark.parametrize("more", [{}, {"sample_posterior": True, "n_components": 2}])
@pytest.mark.filterwarnings("ignore")
def test_it_keeps_the_contract(more):
    check_estimator(GaussianMixtureImputer(random_state=0, **more))


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("indicator", [False, True])
def test_columns_are_those_of_the_simple_imputer(keep, indicator):
    pd = pytest.importorskip("pandas")
    X = with_gaps()
    X[:, 2] = np.nan
    X[:, 3] = IRIS[:, 3]
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    options = {"add_indicator": indicator, "keep_empty_features": keep}
    ours = GaussianMixtureImputer(random_state=0, **options).fit(frame)
    theirs = SimpleImputer(**options).fit(frame)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert ours.transform(frame).shape == theirs.transform(frame).shape
    n_own = 4 if keep else 3
    gaps = np.isnan(X[:, [0, 1, 2, 3] if keep else [0, 1, 3]])
    found, want = ours.transform(frame), theirs.transform(frame)
    assert np.array_equal(found[:, :n_own][~gaps], want[:, :n_own][~gaps])
    assert np.array_equal(found[:, n_own:], want[:, n_own:])
    assert not np.isnan(found).any()


def test_one_component_is_linear_regression_on_what_is_observed():
    X = IRIS.copy()
    X[100:, 1] = np.nan
    filled = GaussianMixtureImputer(estimator=GaussianMixture(reg_covar=0, tol=0)).fit_transform(X)
    design = np.column_stack([np.ones(100), IRIS[:100][:, [0, 2, 3]]])
    slopes = np.linalg.lstsq(design, IRIS[:100, 1], rcond=None)[0]
    assert_allclose(
        filled[100:, 1],
        np.column_stack([np.ones(50), IRIS[100:][:, [0, 2, 3]]]) @ slopes,
        rtol=1e-6,
    )


def test_several_components_fill_in_better():
    X = with_gaps(0.2)
    gaps = np.isnan(X)
    errors = [
        np.sqrt(np.mean((imputer.fit_transform(X)[gaps] - IRIS[gaps]) ** 2))
        for imputer in (
            SimpleImputer(),
            *(GaussianMixtureImputer(k, random_state=0) for k in (1, 3)),
        )
    ]
    assert errors[2] < errors[0] / 2
    assert errors[1] < errors[0] / 2


def test_draws_vary_as_the_data_do():
    X = with_gaps(0.4)
    means = GaussianMixtureImputer(3, random_state=0).fit_transform(X)
    drawing = GaussianMixtureImputer(3, sample_posterior=True, random_state=0).fit(X)
    draws = [drawing.transform(X) for _ in range(50)]
    spread = np.std(IRIS, axis=0)
    assert (np.std(means, axis=0) < spread).all()
    assert_allclose(np.mean([np.std(one, axis=0) for one in draws], axis=0), spread, rtol=0.1)
    assert not np.array_equal(draws[0], draws[1])
    again = GaussianMixtureImputer(3, sample_posterior=True, random_state=0).fit(X)
    assert np.array_equal(again.transform(X), draws[0])


def test_another_number_may_stand_for_what_is_missing():
    X = with_gaps()
    marked = np.where(np.isnan(X), -999.0, X)
    assert_allclose(
        GaussianMixtureImputer(missing_values=-999.0, random_state=0).fit_transform(marked),
        GaussianMixtureImputer(random_state=0).fit_transform(X),
    )
    with pytest.raises(ValueError, match=r"missing values are -999\.0"):
        GaussianMixtureImputer(missing_values=-999.0).fit(X)


def test_it_works_in_pipelines_and_with_frames():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X = with_gaps()
    scores = cross_val_score(
        make_pipeline(GaussianMixtureImputer(random_state=0), LogisticRegression(max_iter=1000)),
        X,
        SPECIES,
    )
    assert scores.mean() > 0.85
    frame = pd.DataFrame(X, columns=list("abcd"))
    some = ColumnTransformer([("fill", GaussianMixtureImputer(random_state=0), ["a", "b"])])
    assert not np.isnan(some.fit_transform(frame)).any()
    named = (
        GaussianMixtureImputer(random_state=0).set_output(transform="pandas").fit_transform(frame)
    )
    assert list(named.columns) == list("abcd")
    nulls = pl.from_pandas(frame)
    assert_allclose(GaussianMixtureImputer(random_state=0).fit_transform(nulls), named.to_numpy())


def test_float32_stays():
    X = with_gaps().astype(np.float32)
    filled = GaussianMixtureImputer(random_state=0).fit_transform(X)
    assert filled.dtype == np.float32
    assert np.array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])


@pytest.mark.parametrize(
    ("options", "X", "sentence"),
    [
        ({}, [[np.inf, 1.0], [2.0, 3.0]], "only NaN means missing"),
        ({}, [[np.nan, np.nan], [np.nan, np.nan]], "Every value of X is missing"),
        ({"n_components": 0}, [[1.0, 2.0], [2.0, np.nan]], "n_components"),
    ],
)
def test_what_is_wrong_is_said(options, X, sentence):
    with pytest.raises(ValueError, match=sentence):
        GaussianMixtureImputer(**options).fit(X)


def test_another_estimator_is_refused():
    with pytest.raises(TypeError, match="estimator must be a GaussianMixture"):
        GaussianMixtureImputer(estimator=LogisticRegression()).fit(IRIS)
