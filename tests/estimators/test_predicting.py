"""An estimator that has a fitted distribution and nothing else predicts, scores and draws."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import mixtura
from mixtura import GaussianMixtureSearch
from mixtura.estimators.predicting import Predicting
from mixtura.testing.problems import random_mixture

K, D = 3, 2


class OnlyAMixture(Predicting, BaseEstimator):
    def __init__(self, mixture=None, random_state=None):
        self.mixture, self.random_state = mixture, random_state

    def fit(self, _, y=None):  # noqa: ARG002
        return self

    @property
    def mixture_(self):
        if self.mixture is None:
            raise NotFittedError("no mixture was given")
        return self.mixture


@pytest.fixture
def mixture():
    return random_mixture(K, D, "full", np.random.default_rng(0))


@pytest.fixture
def X():
    return np.random.default_rng(1).normal(size=(200, D))


def test_it_says_of_rows_what_its_mixture_says(mixture, X):
    model = OnlyAMixture(mixture)
    assert_array_equal(model.predict(X), mixture.labels(X))
    assert_array_equal(model.predict_proba(X), mixture.responsibilities(X))
    assert_array_equal(model.score_samples(X), mixture.log_density(X))
    log_joint = model.log_joint(X)
    assert log_joint.shape == (len(X), K)
    assert_allclose(logsumexp(log_joint, axis=1), model.score_samples(X), rtol=1e-13)
    assert_array_equal(log_joint.argmax(axis=1), model.predict(X))


def test_its_criteria_are_those_of_the_density_and_the_labels(mixture, X):
    model, weight = OnlyAMixture(mixture), np.arange(200.0) % 4
    n, n_parameters = weight.sum(), mixture.n_parameters
    log_likelihood = weight @ mixture.log_density(X)
    certainty = weight @ np.log(mixture.responsibilities(X).max(axis=1))
    bic = -2 * log_likelihood + n_parameters * np.log(n)
    assert model.score(X, sample_weight=weight) == pytest.approx(log_likelihood / n, rel=1e-12)
    assert model.aic(X, weight) == pytest.approx(-2 * log_likelihood + 2 * n_parameters, rel=1e-12)
    assert model.bic(X, weight) == pytest.approx(bic, rel=1e-12)
    assert model.icl(X, weight) == pytest.approx(bic - 2 * certainty, rel=1e-12)


def test_it_evaluates_rows_that_come_in_batches(mixture, X):
    model = OnlyAMixture(mixture)
    source = mixtura.from_batches(lambda: iter([X[:150], X[150:]]))
    assert_array_equal(np.concatenate(list(model.predict(source))), model.predict(X))
    assert model.score(source) == pytest.approx(model.score(X), rel=1e-12)


def test_it_draws_as_random_state_says(mixture):
    model = OnlyAMixture(mixture, random_state=7)
    ours, labels = model.sample(50)
    theirs, theirs_labels = mixture.sample(50, 7)
    assert_array_equal(ours, theirs)
    assert_array_equal(labels, theirs_labels)
    assert ours.dtype == np.float64


def test_it_writes_predictions_to_a_file(mixture, X, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    model = OnlyAMixture(mixture)
    model.predict_to(tmp_path / "labels.parquet", X)
    written = parquet.read_table(tmp_path / "labels.parquet")
    assert_array_equal(written["label"].to_numpy(), model.predict(X))


def test_without_a_mixture_it_is_not_fitted(mixture, X):
    check_is_fitted(OnlyAMixture(mixture))
    with pytest.raises(NotFittedError):
        check_is_fitted(OnlyAMixture())
    for call in (OnlyAMixture().predict, OnlyAMixture().score, OnlyAMixture().bic):
        with pytest.raises(NotFittedError):
            call(X)
    with pytest.raises(NotFittedError):
        OnlyAMixture().sample()


def test_rows_of_other_columns_are_refused_wherever_they_lie(mixture, X):
    model, wide = OnlyAMixture(mixture), np.ones((5, D + 1))
    with pytest.raises(ValueError, match="X has 3 features, but the mixture has 2"):
        model.predict(wide)
    with pytest.raises(ValueError, match="has 3 features, but OnlyAMixture is expecting 2"):
        model.predict(mixtura.from_batches([wide]))


def test_a_search_says_of_rows_what_its_best_model_says(X):
    search = GaussianMixtureSearch([1, 2], ["VVI"], random_state=0).fit(X)
    best = search.best_estimator_
    for method in ("predict", "predict_proba", "score_samples", "log_joint"):
        assert_array_equal(getattr(search, method)(X), getattr(best, method)(X))
    for method in ("score", "bic", "aic", "icl"):
        assert getattr(search, method)(X) == getattr(best, method)(X)


def test_draws_of_a_search_and_of_its_best_model_are_one_sequence(X):
    def fitted():
        return GaussianMixtureSearch([1, 2], ["VVI"], random_state=0).fit(X)

    alone, together = fitted().best_estimator_, fitted()
    first, second = alone.sample(3)[0], alone.sample(3)[0]
    assert_array_equal(together.sample(3)[0], first)
    assert_array_equal(together.best_estimator_.sample(3)[0], second)
