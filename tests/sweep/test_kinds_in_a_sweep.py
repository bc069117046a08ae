"""Noise, Student's t and known labels in a sweep: axes of the grid, counts, files."""

from __future__ import annotations

import numpy as np
import pytest

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.datasets import load_faithful

GRID = {"noise": [False, True], "distribution": ["gaussian", "t"]}


@pytest.fixture(scope="module")
def rows():
    X = load_faithful().data
    low, high = X.min(axis=0), X.max(axis=0)
    stray = np.random.default_rng(0).uniform(low, high + 0.5 * (high - low), (40, 2))
    return np.concatenate([X, stray])


def search(**arguments):
    grid = {"n_components": range(1, 4), "covariance_type": ["EEE", "VVV"], "random_state": 0}
    return GaussianMixtureSearch(**grid | arguments)


@pytest.fixture(scope="module")
def found(rows):
    return search(**GRID).fit(rows)


def test_every_cell_is_that_of_a_fit(found, rows):
    """No cell is a thousandth of a nat a row below a default fit of its model; it counts parameters so."""
    results = found.results_
    assert len(results["bic"]) == 3 * 2 * 4
    assert not any(results["failure"])
    names = ("n_components", "covariance_type", "distribution", "noise", "bic", "n_parameters")
    for k, kind, distribution, noise, bic, n_parameters in zip(
        *(results[name] for name in names), strict=True
    ):
        own = {"distribution": distribution, "noise": bool(noise), "covariance_type": kind}
        model = GaussianMixture(int(k), random_state=0, tol=1e-6, **own).fit(rows)
        assert model.summary().n_parameters == n_parameters
        assert bic < model.bic(rows) + 2e-3 * len(rows)
        cell = found.estimator(int(k), kind, distribution, bool(noise))
        assert abs(cell.bic(rows) - bic) < 1e-6


def test_the_best_has_what_it_was_found_with(found, rows):
    assert found.best_params_ == {
        "n_components": 2,
        "covariance_type": "VVV",
        "distribution": "gaussian",
        "noise": True,
    }
    assert set(found.predict(rows)) == {-1, 0, 1}
    assert found.predict_proba(rows).shape == (len(rows), 3)
    assert abs(found.bic(rows) - found.best_score_) < 1e-6
    same = GaussianMixture(**found.best_params_, random_state=0).fit(rows)
    assert abs(same.bic(rows) - found.best_score_) < 0.1


def test_a_larger_grid_leaves_no_cell_worse(found, rows):
    alone = search(noise=True).fit(rows)
    for k, kind, bic in zip(
        *(alone.results_[name] for name in ("n_components", "covariance_type", "bic")), strict=True
    ):
        assert found.estimator(int(k), kind, noise=True).bic(rows) < bic + 1e-6


def test_a_plain_search_has_no_columns_for_them(rows):
    plain = search(n_components=[2]).fit(rows)
    assert list(plain.best_params_) == ["n_components", "covariance_type"]
    assert "noise" not in plain.results_


def test_one_that_was_stopped_goes_on(found, rows, tmp_path):
    file = tmp_path / "sweep"
    told = []

    def stop(n_done, *_):
        told.append(n_done)
        return n_done >= 40

    with pytest.warns(mixtura.DataWarning, match="not finished"):
        search(**GRID, checkpoint=file, callback=stop).fit(rows)
    went_on = search(**GRID, checkpoint=file, resume=True).fit(rows)
    assert np.array_equal(went_on.results_["bic"], found.results_["bic"])
    with pytest.raises(ValueError, match="df is now 5"):
        search(**GRID, df=5.0, checkpoint=file, resume=True).fit(rows)


def test_labels_name_components(rows):
    labels = np.full(len(rows), -1)
    labels[:30] = np.where(rows[:30, 0] > 3, 2, 0)
    known = search(noise=True).fit(rows, labels=labels)
    assert set(known.results_["n_components"][known.results_["failure"] == ""]) == {3}
    assert "2 components, but labels name component 2" in known.results_["failure"]
    three = known.estimator(3, "VVV", noise=True)
    near = three.predict(rows[:30])
    assert np.mean(near[labels[:30] == 2] == 2) > 0.9
    with pytest.raises(ValueError, match="labels of a search are one number a row"):
        search().fit(rows, labels=np.ones((len(rows), 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": []}, "noise must be False or True, or a list of them, got none."),
        (
            {"distribution": ["t", "cauchy"]},
            "distribution must be 'gaussian' or 't', or a list of them, got 'cauchy'.",
        ),
    ],
)
def test_axes_hold_what_is_possible(rows, arguments, message):
    with pytest.raises(ValueError) as error:
        search(**arguments).fit(rows)
    assert str(error.value) == message
