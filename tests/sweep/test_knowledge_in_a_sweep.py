"""A prior and bounds in a sweep: every cell is that of a fit, or says why there is none."""

from __future__ import annotations

import re

import numpy as np
import pytest

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Prior
from mixtura.datasets import load_faithful
from mixtura.errors import DataWarning

X = load_faithful().data
KINDS = ["EEE", "VII", "VVV"]
KNOWN = {
    "prior": {"prior": "default"},
    "own prior": {"prior": Prior(mean=X.mean(axis=0), mean_count=0.5)},
    "equal weights": {"equal_weights": True},
    "least weight": {"min_weight": 0.2},
    "eigenvalues": {"max_eigenvalue_ratio": 20.0},
    "all": {"prior": "default", "min_weight": 0.1, "max_eigenvalue_ratio": 5.0},
}


def search(**arguments):
    grid = {"n_components": range(1, 5), "covariance_type": KINDS, "random_state": 0}
    return GaussianMixtureSearch(**grid | arguments)


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN.keys())
def test_no_cell_is_below_a_fit(known):
    """By what both maximise; parameters are counted alike."""
    found = search(**known).fit(X)
    results = found.results_
    assert not any(results["failure"])
    for k, kind, n_parameters in zip(
        results["n_components"], results["covariance_type"], results["n_parameters"], strict=True
    ):
        model = GaussianMixture(int(k), covariance_type=kind, random_state=0, tol=1e-6, **known)
        model.fit(X)
        cell = found.estimator(int(k), kind)
        assert n_parameters == cell.summary().n_parameters == model.summary().n_parameters
        assert len(X) * (cell.lower_bound_ - model.lower_bound_) > -0.05
        assert (
            abs(cell.bic(X) - results["bic"][results["n_parameters"] == n_parameters]).min() < 1e-6
        )


def test_bounds_hold_in_every_cell():
    ratio, least = 5.0, 0.15
    found = search(max_eigenvalue_ratio=ratio, min_weight=least).fit(X)
    for k, kind in zip(
        found.results_["n_components"], found.results_["covariance_type"], strict=True
    ):
        mixture = found.estimator(int(k), kind).mixture_
        # Of spherical covariances they are what they are, in the rows' own units.
        spreads = np.ones(2) if kind == "VII" else X.std(axis=0)
        matrices = mixture.covariance_matrices() / np.outer(spreads, spreads)
        eigenvalues = np.linalg.eigvalsh(matrices)
        assert eigenvalues.max() < ratio * eigenvalues.min() * (1 + 1e-9)
        assert mixture.weights.min() > least - 1e-9


def test_a_cell_that_cannot_have_a_bound_says_why_and_ends_nothing():
    found = search(covariance_type=["VEI", "VVV"], max_eigenvalue_ratio=10.0).fit(X)
    results = found.results_
    assert all(
        ("max_eigenvalue_ratio is not possible with covariance_type='VEI'" in failure)
        == (kind == "VEI")
        for failure, kind in zip(results["failure"], results["covariance_type"], strict=True)
    )
    assert found.best_params_["covariance_type"] == "VVV"
    found = search(n_components=[2, 6], min_weight=0.2).fit(X)
    assert "too much for n_components=6" in found.results_["failure"][-1]


def test_what_no_cell_can_have_is_refused():
    with pytest.raises(ValueError, match=r"No model can be fitted: max_eigenvalue_ratio is not"):
        search(covariance_type="VEI", max_eigenvalue_ratio=10.0).fit(X)
    with pytest.raises(ValueError, match="prior"):
        search(prior="none").fit(X)


def test_the_best_is_saved_with_its_prior(tmp_path):
    best = search(prior=KNOWN["own prior"]["prior"]).fit(X).best_estimator_
    best.save(tmp_path / "model")
    loaded = mixtura.load(tmp_path / "model")
    assert loaded.prior.as_json() == best.prior.as_json()
    assert loaded.bic(X) == best.bic(X)
    refitted = loaded.fit(X)
    assert abs(refitted.lower_bound_ - best.lower_bound_) < 1e-5


def test_a_sweep_goes_on_with_its_own_prior_alone(tmp_path):
    """A sweep that was stopped ends as one that was not; another prior is another sweep."""
    whole = search(prior="default").fit(X)
    own = {"checkpoint": tmp_path / "sweep", "prior": "default"}
    with pytest.warns(DataWarning, match="12 of 12 cells not finished"):
        search(**own, callback=lambda n_done, *_: n_done >= 20).fit(X)
    resumed = search(**own, resume=True).fit(X)
    assert resumed.results_["bic"].tolist() == whole.results_["bic"].tolist()
    with pytest.raises(ValueError, match=r"holds a sweep with prior='default'"):
        search(checkpoint=tmp_path / "sweep", resume=True).fit(X)
    with pytest.raises(ValueError, match=r"equal_weights is now True"):
        search(**own, resume=True, equal_weights=True).fit(X)


def test_a_prior_of_covariances_needs_no_rows_for_them():
    few = np.random.default_rng(0).normal(size=(12, 5))
    grid = {"n_components": [3], "covariance_type": ["VVV"]}
    with pytest.raises(ValueError, match="3 components on 12 rows"):
        search(**grid).fit(few)
    with pytest.warns(
        DataWarning, match="17 free parameters beside those that its prior holds for 12 rows"
    ):
        found = search(**grid, prior="default").fit(few)
    with pytest.warns(
        DataWarning, match="17 free parameters beside those that its prior holds for 12 rows"
    ):
        model = GaussianMixture(3, prior="default", random_state=0, tol=1e-6).fit(few)
    assert not any(found.results_["failure"])
    assert (
        set(found.best_estimator_.diagnosis_.verdict) == set(model.diagnosis_.verdict) == {"sound"}
    )


@pytest.mark.parametrize("name", ["fixed", "means_init", "covariances_init"])
def test_what_is_of_numbered_components_is_no_argument_of_a_search(name):
    sentence = f"GaussianMixtureSearch has no argument '{name}'. It would be of components by their numbers"
    with pytest.raises(TypeError, match=re.escape(sentence)):
        GaussianMixtureSearch([2], **{name: None})
