"""scikit-learn's estimators from ours and ours from theirs: what they predict is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mixtura
from mixtura.covariance import STRUCTURES, structure
from mixtura.datasets import load_faithful
from mixtura.export import from_sklearn, to_sklearn

X = load_faithful().data
FRAME = pd.DataFrame(X, columns=["eruptions", "waiting"])
THEIR_TYPES = ("full", "tied", "diag", "spherical")


@pytest.mark.parametrize("name", STRUCTURES)
def test_theirs_of_ours(name):
    ours = mixtura.GaussianMixture(3, covariance_type=name, random_state=0).fit(FRAME)
    theirs = to_sklearn(ours)
    assert type(theirs) is sklearn.mixture.GaussianMixture
    assert theirs.covariance_type == structure(name).kernel.name
    assert_allclose(theirs.score_samples(FRAME), ours.score_samples(FRAME), rtol=0, atol=1e-10)
    assert_allclose(theirs.predict_proba(FRAME), ours.predict_proba(FRAME), rtol=0, atol=1e-10)
    assert_allclose(
        theirs.precisions_,
        np.linalg.inv(theirs.covariances_)
        if theirs.covariances_.ndim > 1 and theirs.covariances_.shape[-2:] == (2, 2)
        else 1 / theirs.covariances_,
        rtol=1e-8,
    )
    assert (theirs.converged_, theirs.n_iter_) == (ours.converged_, ours.n_iter_)
    assert theirs.lower_bound_ == ours.lower_bound_
    assert list(theirs.feature_names_in_) == list(FRAME)


@pytest.mark.parametrize("name", STRUCTURES)
def test_their_bic_counts_the_parameters_of_their_own_structure(name):
    ours = mixtura.GaussianMixture(3, covariance_type=name, random_state=0).fit(X)
    theirs = to_sklearn(ours)
    own = structure(theirs.covariance_type).n_parameters(3, 2)
    more = own - ours.mixture_.n_parameters
    assert more > 0 or structure(name).letters in ("VVV", "EEE", "VVI", "VII")
    assert theirs.bic(X) - ours.bic(X) == pytest.approx(more * np.log(len(X)), abs=1e-7)
    assert theirs.aic(X) - ours.aic(X) == pytest.approx(2 * more, abs=1e-7)


def test_theirs_is_an_estimator_like_any_other():
    ours = mixtura.GaussianMixture(2, tol=1e-6, random_state=3).fit(FRAME)
    theirs = to_sklearn(ours)
    unfitted = clone(theirs)
    assert unfitted.get_params() == theirs.get_params()
    assert (theirs.tol, theirs.random_state, theirs.max_iter) == (1e-6, 3, 1000)
    assert (theirs.reg_covar, theirs.init_params) == (1e-6, "kmeans")  # ours are 'auto'
    assert make_pipeline(StandardScaler(), unfitted).fit(FRAME).score(FRAME) > -10
    rows, labels = theirs.sample(20_000)
    assert_allclose(rows.mean(axis=0), ours.mixture_.weights @ ours.means_, rtol=0.02)
    assert_allclose(np.bincount(labels) / 20_000, ours.weights_, atol=0.02)
    with pytest.raises(ValueError, match="feature names"):
        theirs.predict(FRAME.rename(columns={"waiting": "x"}))
    theirs.set_params(warm_start=True).fit(FRAME)  # goes on from ours
    assert theirs.n_iter_ <= 3
    assert_allclose(theirs.means_, ours.means_, rtol=1e-3)


def test_arguments_that_they_take_are_handed_on_and_others_are_theirs():
    given = {
        "reg_covar": 1e-5,
        "n_init": 4,
        "init_params": "random",
        "weights_init": [0.3, 0.7],
        "means_init": [[2.0, 50.0], [np.nan, np.nan]],
        "verbose_interval": 7,
    }
    theirs = to_sklearn(mixtura.GaussianMixture(2, random_state=0, **given).fit(X))
    own = {name: getattr(theirs, name) for name in given}
    assert own == {**given, "means_init": None}  # NaN is left to the start, which they do not know
    ours = mixtura.GaussianMixture(2, init_params=lambda X, k, _: np.arange(len(X)) % k).fit(X)
    assert to_sklearn(ours).init_params == "kmeans"


def test_what_is_changed_in_theirs_is_not_changed_in_ours():
    ours = mixtura.GaussianMixture(2, random_state=0).fit(X)
    theirs = to_sklearn(ours)
    theirs.means_ += 1
    assert_allclose(theirs.means_ - ours.means_, 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("covariance_type", THEIR_TYPES)
def test_ours_of_theirs(covariance_type, dtype):
    frame = FRAME.astype(dtype)
    theirs = sklearn.mixture.GaussianMixture(
        3, covariance_type=covariance_type, random_state=0, tol=1e-5, reg_covar=1e-5
    ).fit(frame)
    ours = from_sklearn(theirs)
    assert type(ours) is mixtura.GaussianMixture
    most = 1e-10 if dtype == np.float64 else 2e-4  # theirs computes in float32
    assert_allclose(ours.score_samples(frame), theirs.score_samples(frame), rtol=0, atol=most)
    assert_allclose(ours.predict_proba(frame), theirs.predict_proba(frame), rtol=0, atol=most)
    assert ours.means_.dtype == theirs.means_.dtype
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert (ours.converged_, ours.n_iter_) == (theirs.converged_, theirs.n_iter_)
    assert (ours.tol, ours.reg_covar, ours.init_params) == (1e-5, 1e-5, "kmeans")
    assert list(ours.feature_names_in_) == list(FRAME)
    assert ours.bic(frame) == pytest.approx(
        theirs.bic(frame), abs=0.5 if dtype == np.float32 else 1e-6
    )


def test_ours_of_theirs_goes_on_as_any_of_ours(tmp_path):
    theirs = sklearn.mixture.GaussianMixture(2, random_state=0).fit(X)
    ours = from_sklearn(theirs)
    ours.save(tmp_path / "model.safetensors")
    again = mixtura.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict_proba(X), ours.predict_proba(X))
    assert "rows" not in ours.summary().to_dict() or ours.summary().n_rows is None
    refitted = ours.set_params(warm_start=True, max_iter=1000, tol=1e-9).fit(X)
    assert refitted.lower_bound_ >= theirs.score(X)
    ours.partial_fit(X[:50])


def test_parameters_set_by_hand_are_enough():
    theirs = sklearn.mixture.GaussianMixture(2, covariance_type="diag")
    theirs.weights_, theirs.means_ = np.array([0.4, 0.6]), np.array([[0.0, 0.0], [3.0, 3.0]])
    theirs.precisions_cholesky_ = np.array([[1.0, 0.5], [2.0, 1.0]])
    theirs.covariances_ = theirs.precisions_cholesky_**-2
    assert_allclose(from_sklearn(theirs).score_samples(X), theirs.score_samples(X), rtol=1e-12)
    theirs.covariances_ = theirs.covariances_ * 2
    with pytest.raises(ValueError, match="do not belong together"):
        from_sklearn(theirs)


@pytest.mark.parametrize("prior", ["dirichlet_process", "dirichlet_distribution"])
def test_their_posterior_of_ours(prior):
    ours = mixtura.BayesianGaussianMixture(
        5, weight_concentration_prior_type=prior, random_state=0
    ).fit(FRAME)
    theirs = to_sklearn(ours)
    assert type(theirs) is sklearn.mixture.BayesianGaussianMixture
    assert_allclose(theirs.predict_proba(FRAME), ours.predict_proba(FRAME), rtol=0, atol=1e-10)
    assert_allclose(theirs.degrees_of_freedom_, ours.degrees_of_freedom_)
    assert_allclose(theirs.mean_prior_, ours.mean_prior_)
    assert clone(theirs).weight_concentration_prior_type == prior
    assert theirs.sample(5)[0].shape == (5, 2)
    back = from_sklearn(theirs)
    assert_allclose(back.score_samples(FRAME), ours.mixture_.log_density(X), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["tied", "diag", "spherical", "EEI", "EII"])
def test_posteriors_that_are_other_ones_there_are_refused(name):
    ours = mixtura.BayesianGaussianMixture(3, covariance_type=name, random_state=0).fit(X)
    with pytest.raises(ValueError, match=rf"posterior of '{name}' .* give model\.mixture_"):
        to_sklearn(ours)
    theirs = to_sklearn(ours.mixture_)
    assert_allclose(theirs.score_samples(X), ours.mixture_.log_density(X), rtol=0, atol=1e-10)


def test_sticks_in_another_order_are_refused():
    labels = np.full(len(X), -1)
    labels[X[:, 0] > 4.5], labels[X[:, 0] < 2] = 1, 0  # the second component is the larger
    ours = mixtura.BayesianGaussianMixture(2, random_state=0).fit(X, labels=labels)
    assert ours.weights_[1] > ours.weights_[0]
    with pytest.raises(ValueError, match="sticks stand in the order of the components"):
        to_sklearn(ours)


def test_priors_of_each_component_and_noise_are_refused():
    first = mixtura.BayesianGaussianMixture(2, random_state=0).fit(X)
    then = mixtura.BayesianGaussianMixture(2, prior=first.as_prior()).fit(X)
    with pytest.raises(ValueError, match="one for all components"):
        to_sklearn(then)
    noisy = mixtura.BayesianGaussianMixture(2, noise=True, random_state=0).fit(X)
    with pytest.raises(ValueError, match="noise"):
        to_sklearn(noisy)


def test_what_is_none_of_theirs():
    with pytest.raises(
        TypeError, match=r"takes scikit-learn's GaussianMixture .* got GaussianMixture"
    ):
        from_sklearn(mixtura.GaussianMixture(2).fit(X))
    with pytest.raises(NotFittedError):
        from_sklearn(sklearn.mixture.GaussianMixture(2))
