"""Fits of small tables by one call of the core: the numbers, records and warnings of any other fit."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful
from mixtura.errors import DegenerateComponentWarning
from mixtura.fitting import request
from mixtura.starts import UnreadStarts

STRUCTURES = ("full", "tied", "diag", "spherical", "EII", "EEI", "VEE", "EVE", "EEV", "VVE")


def clusters(seed=0, n_features=2, n_rows=120):
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 4, (3, n_features))
    return centres[rng.integers(3, size=n_rows)] + rng.normal(size=(n_rows, n_features))


def never(*_):
    """A callback, which the fits of small tables have none of."""
    return False


def fitted(X, callback=None, **arguments):
    model = GaussianMixture(callback=callback, **arguments)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X)
    return model, [(one.category, str(one.message), one.filename) for one in told]


def records(model):
    fields = [vars(record) for record in model.starts_]
    return [{name: repr(value) for name, value in one.items()} for one in fields]


def assert_same_fit(X, *, is_small=True, **arguments):
    ours, told = fitted(X, **arguments)
    assert isinstance(ours._starts, UnreadStarts) == is_small
    others, told_by_others = fitted(X, never, **arguments)
    assert not isinstance(others._starts, UnreadStarts)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert_array_equal(getattr(ours, name), getattr(others, name))
    for name in ("lower_bound_", "lower_bounds_", "n_iter_", "converged_", "remaining_gain_"):
        assert_array_equal(getattr(ours, name), getattr(others, name))
    facts, their_facts = ours._trained, others._trained
    assert_array_equal(facts.statistics.block, their_facts.statistics.block)
    assert_array_equal(facts.reg_covar, their_facts.reg_covar)
    for name in ("n_rows", "weight", "verdicts", "n_starts", "n_parameters", "log_certainty"):
        assert getattr(facts, name) == getattr(their_facts, name)
    assert records(ours) == records(others)
    assert told == told_by_others
    assert str(ours.summary()) == str(others.summary())
    assert_array_equal(ours.sample(5)[0], others.sample(5)[0])


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_every_structure(covariance_type):
    assert_same_fit(clusters(1), n_components=3, covariance_type=covariance_type, random_state=2)


@pytest.mark.parametrize("n_features", [1, 3, 6])
def test_numbers_of_features(n_features):
    assert_same_fit(clusters(2, n_features), n_components=3, random_state=0)


def test_rows_that_are_repeated_count_as_often():
    X = load_faithful().data[:, :2]
    assert len(np.unique(X, axis=0)) < len(X)
    for seed in range(3):
        assert_same_fit(X, n_components=3, random_state=seed)


@pytest.mark.parametrize("order", ["F", "strided"])
def test_rows_where_they_lie(order):
    X = clusters(3)
    rows = np.asfortranarray(X) if order == "F" else np.repeat(X, 2, axis=1)[::-1, ::2]
    assert_same_fit(rows, n_components=2, random_state=1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"reg_covar": 0},
        {"reg_covar": 1e-6},
        {"reg_covar": 0.3},  # worth a warning
        {"tol": 0.0, "max_iter": 30},
        {"max_iter": 0},
        {"max_iter": 2, "tol": 1e-12},
        {"accelerate": False},
        {"min_component_rows": 20.0},
        {"sort_components": "weight"},
        {"sort_components": "mean"},
        {"n_jobs": 1},
        {"max_time": 1e6},
        {"missing": "mar"},
    ],
    ids=str,
)
def test_every_argument_that_they_have(arguments):
    assert_same_fit(clusters(4), n_components=3, random_state=7, **arguments)


@pytest.mark.parametrize("max_iter", [1, 50])
@pytest.mark.parametrize("accelerate", ["auto", True])
def test_from_parameters_that_are_given(max_iter, accelerate):
    X = clusters(5)
    start = GaussianMixture(3, random_state=0).fit(X)
    given = {
        "weights_init": start.weights_,
        "means_init": start.means_ + 0.1,
        "precisions_init": start.precisions_,
    }
    arguments = {"n_components": 3, "max_iter": max_iter, "accelerate": accelerate}
    assert_same_fit(X, random_state=3, **arguments, **given)


def repeated(X):
    return np.repeat(X[:4], 20, axis=0)


@pytest.mark.parametrize(
    "of",
    [
        lambda X: np.column_stack([X, np.full(len(X), 3.0)]),
        lambda X: np.column_stack([X, X @ [1.0, 2.0]]),
        lambda X: X[:5],
        repeated,
    ],
    ids=["constant", "dependent", "few", "repeated"],
)
def test_what_has_to_be_told_is_left_to_others(of):
    rows = of(clusters(6))
    *_, told = fitted(rows, n_components=3, covariance_type="diag", random_state=0)
    assert told
    assert_same_fit(rows, is_small=False, n_components=3, covariance_type="diag", random_state=0)


def test_doubtful_components_are_left_to_others():
    arguments = {"n_components": 3, "min_component_rows": 70.0, "random_state": 0}
    *_, told = fitted(clusters(6), **arguments)
    assert told[0][0] is DegenerateComponentWarning
    assert_same_fit(clusters(6), is_small=False, **arguments)


def test_what_is_left_to_others_is_searched_once(monkeypatch):
    """What the search has found goes on there."""
    arguments = {"n_components": 3, "min_component_rows": 70.0, "random_state": 0}
    searches, search = [], request.search
    monkeypatch.setattr(request, "search", lambda *a, **k: searches.append(a) or search(*a, **k))
    fitted(clusters(6), **arguments)
    assert not searches
    fitted(clusters(6), never, **arguments)
    assert len(searches) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e150])
def test_what_is_no_number_is_an_error(value):
    X = clusters(6)
    X[4, 1] = value
    with pytest.raises(ValueError, match=r"contains|cannot be fitted"):
        GaussianMixture(2).fit(X)


def test_a_generator_that_is_given_goes_on_once():
    X, other = clusters(7), np.random.RandomState(5)
    generator = np.random.RandomState(5)
    ours = GaussianMixture(3, random_state=generator).fit(X)
    theirs = GaussianMixture(3, random_state=other, callback=never).fit(X)
    assert_array_equal(ours.means_, theirs.means_)
    assert generator.randint(1 << 30) == other.randint(1 << 30)
