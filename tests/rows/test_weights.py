"""A whole weight is a number of equal rows, zero is no row, and only proportions matter to the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from mixtura import GaussianMixture, from_batches
from mixtura.covariance import STRUCTURES as ALL_STRUCTURES
from mixtura.rows import ArrayBlocks, Rows, distinct_rows
from mixtura.starts.auto import searched
from mixtura.testing.problems import random_mixture, random_rows

STRUCTURES = ["full", "tied", "diag", "spherical"]
STARTS = ["kmeans", "k-means++", "random", "random_from_data"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_cholesky_"]
CRITERIA = ["score", "bic", "aic", "icl"]

FACTORS = st.sampled_from([2.0, 0.1, 1e6])

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each_structure = pytest.mark.parametrize("covariance_type", STRUCTURES)
each_start = pytest.mark.parametrize("init_params", STARTS)
each_start_and_the_search = pytest.mark.parametrize("init_params", ["auto", *STARTS])


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


# Quasi-Newton steps amplify the rounding of sums: they end within `tol` of one optimum, where the
# likelihood is the same to many more digits than the parameters.
RTOL = {"auto": 1e-5}


def problem(covariance_type="full", seed=0, n_rows=200, dtype=np.float64):
    """Rows, and whole weights of which a fifth are zero."""
    rng = np.random.default_rng(seed)
    X = random_rows(random_mixture(3, 2, covariance_type, rng), n_rows, rng)
    return X.astype(dtype), rng.integers(0, 5, n_rows)


def explicit_start(covariance_type):
    mixture = random_mixture(3, 2, covariance_type, np.random.default_rng(0))
    return {
        "weights_init": np.array([0.2, 0.3, 0.5]),
        "means_init": mixture.means + 0.3,
        "precisions_init": np.array(mixture.precisions),
    }


def model(covariance_type="full", **params):
    defaults = {"max_iter": 8, "tol": 0, "random_state": 0}
    return GaussianMixture(3, covariance_type=covariance_type, **defaults | params)


def assert_same_fit(ours, theirs, rtol):
    for name in PARAMETERS:
        their_value = getattr(theirs, name)
        atol = rtol * float(np.max(np.abs(their_value)))
        assert_allclose(getattr(ours, name), their_value, rtol=0, atol=atol, err_msg=name)
    if ours.starts_[-1].kind == "auto":
        assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-9)
    else:
        assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=rtol)
        assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_ == theirs.converged_


# Whole weights are repetitions


@each_structure
@each_start
@pytest.mark.parametrize("seed", range(3))
def test_whole_weights_are_repeated_rows(covariance_type, init_params, seed):
    X, w = problem(covariance_type, seed)
    ours, theirs = (
        model(covariance_type, init_params=init_params, random_state=seed) for _ in range(2)
    )
    assert_same_fit(ours.fit(X, sample_weight=w), theirs.fit(np.repeat(X, w, axis=0)), rtol=1e-9)


def descents(fitted):
    """What the search tried, in what order, and where each ended."""
    return [
        (start.kind, start.n_rows, start.n_passes, start.ended) for start in fitted.starts_[:-1]
    ]


def ugly_rows(n_rows, n_features, n_decimals, seed):
    """Rows of two clouds, rounded so that some of them are equal."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n_rows)
    X = rng.normal(size=(n_rows, n_features)) * (1 + labels[:, np.newaxis])
    X[:, 0] += 4 * labels
    return np.round(X, n_decimals)


# Few rows make thin components, and some fits end before they converge.
quietly = pytest.mark.filterwarnings(
    "ignore::mixtura.DataWarning", "ignore::mixtura.DegenerateComponentWarning"
)


@quietly
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_search_takes_whole_weights_as_repeated_rows(data):
    """Descent by descent the same: what is drawn, spent and left out."""
    n_rows, n_features = data.draw(st.integers(20, 80)), data.draw(st.integers(1, 4))
    seed = data.draw(st.integers(0, 999))
    X = ugly_rows(n_rows, n_features, data.draw(st.integers(1, 6)), seed)
    w = np.random.default_rng(seed).integers(0, 1 + data.draw(st.integers(1, 9)), n_rows)
    w[::2] += 1
    params = {
        "n_components": data.draw(st.integers(1, 4)),
        "covariance_type": data.draw(st.sampled_from(sorted(ALL_STRUCTURES))),
        "random_state": seed,
    }
    ours = GaussianMixture(**params).fit(X, sample_weight=w)
    theirs = GaussianMixture(**params).fit(np.repeat(X, w, axis=0))
    assert descents(ours) == descents(theirs)
    # A descent of the search stops where an iteration gains less than 2e-6 nats a row (search_tol): rounding
    # decides at which iteration.
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=0, atol=2e-6)


@pytest.mark.parametrize("most_distinct", [8_000, 12_000])
def test_of_many_repeated_rows_the_search_sees_those_that_weights_stand_for(most_distinct):
    """All distinct rows, or a sample of the repeated ones."""
    rng = np.random.default_rng(0)
    X = ugly_rows(most_distinct, 2, 9, seed=0)
    w = rng.integers(0, 4, most_distinct)
    assert w.sum() > 10_000
    blocks = ArrayBlocks(Rows(X, w)), ArrayBlocks(Rows(np.repeat(X, w, axis=0)))
    ours, theirs = (searched(some, 6_000, RandomState(0)) for some in blocks)
    assert_array_equal(ours.X, theirs.X)
    ours, theirs = (
        GaussianMixture(2, random_state=0, max_iter=0).fit(
            some.rows.X, sample_weight=some.rows.weight
        )
        for some in blocks
    )
    assert descents(ours) == descents(theirs)
    assert_allclose(ours.means_, theirs.means_, rtol=0, atol=1e-9)


@pytest.mark.parametrize("weight", [None, 3.0, 0.3])
def test_a_sample_weighs_what_all_rows_do_where_it_is_to_stand_for_them(weight):
    X = np.random.default_rng(0).standard_normal((500, 2))
    blocks = ArrayBlocks(Rows(X, None if weight is None else np.full(500, weight)))
    for most in (100, 1_000):
        sample = searched(blocks, most, RandomState(0), stand_for_all=True)
        assert_allclose(sample.blocks.weight, blocks.weight)
        assert len(sample.X) <= most


def test_equal_rows_are_one_row_of_the_search():
    X = np.array([[1.0, 0.0], [2.0, 5.0], [1.0, -0.0], [3.0, 5.0], [2.0, 5.0], [1.0, 0.0]])
    sample = searched(ArrayBlocks(Rows(X)), 10, RandomState(0))
    assert_array_equal(sample.X, [[1, 0], [2, 5], [3, 5]])
    weighted = ArrayBlocks(Rows(X, np.array([0.5, 1.5, 0.0, 2.0, 0.25, 0.125])))
    assert distinct_rows(weighted, 2) is None
    assert_array_equal(distinct_rows(weighted, 3).weight, [0.625, 1.75, 2.0])
    for dtype in (np.int8, np.float32, ">f8"):
        assert_array_equal(distinct_rows(ArrayBlocks(Rows(X.astype(dtype))), 3).weight, [3, 2, 1])


@pytest.mark.parametrize("cuts", [[], [3], [1, 1, 40, 111]])
def test_distinct_rows_are_those_of_the_parts(cuts):
    X, w = ugly_rows(200, 2, 0, seed=1), np.random.default_rng(1).integers(0, 3, 200).astype(float)
    ours = distinct_rows(in_batches(X, w, *cuts).blocks(1), 100)
    theirs, places, counts = np.unique(
        np.repeat(X, w.astype(int), axis=0), axis=0, return_index=True, return_counts=True
    )
    order = np.argsort(places)
    assert_array_equal(ours.X, theirs[order])
    assert_array_equal(ours.weight, counts[order])
    assert distinct_rows(in_batches(X, w, *cuts).blocks(1), len(theirs) - 1) is None


@pytest.mark.parametrize("cuts", [[], [3], [1, 400, 911]])
def test_a_sample_of_rows_with_whole_weights_is_one_of_repeated_rows(cuts):
    X, w = (
        ugly_rows(1000, 2, 9, seed=2),
        np.random.default_rng(2).integers(0, 5, 1000).astype(float),
    )
    theirs = ArrayBlocks(Rows(np.repeat(X, w.astype(int), axis=0))).sample(300, RandomState(0))
    for blocks in (ArrayBlocks(Rows(X, w)), in_batches(X, w, *cuts).blocks(1)):
        ours = blocks.sample(300, RandomState(0))
        assert_array_equal(ours.X, theirs.X)
        assert ours.weight is None


@each_start
@pytest.mark.parametrize("seed", range(5))
def test_the_start_itself_is_that_of_repeated_rows(init_params, seed):
    X, w = problem(seed=seed)
    ours, theirs = (model(init_params=init_params, random_state=seed, max_iter=0) for _ in range(2))
    ours.fit(X, sample_weight=w)
    theirs.fit(np.repeat(X, w, axis=0))
    assert_allclose(ours.means_, theirs.means_, rtol=1e-10, atol=1e-10)
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_kmeans_goes_as_far_as_with_repeated_rows(seed):
    """It stops at a part of the rows' variance: weights make that five times smaller here."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(900, 2)), rng.normal(scale=8, size=(100, 2))])
    w = np.repeat([20, 1], [900, 100])
    params = {"init_params": "kmeans", "max_iter": 0, "random_state": seed}
    ours, theirs = (GaussianMixture(8, **params) for _ in range(2))
    ours.fit(X, sample_weight=w)
    theirs.fit(np.repeat(X, w, axis=0))
    assert_allclose(ours.means_, theirs.means_, rtol=0, atol=1e-9)


@each_start
def test_large_whole_weights_are_repeated_rows_in_the_start_too(init_params):
    X, _ = problem(n_rows=40)
    w = np.random.default_rng(1).integers(50, 200, len(X))
    ours = model(init_params=init_params, max_iter=0).fit(X, sample_weight=w)
    theirs = model(init_params=init_params, max_iter=0).fit(np.repeat(X, w, axis=0))
    assert_allclose(ours.means_, theirs.means_, rtol=1e-10, atol=1e-10)


@each_start
def test_every_one_of_several_starts_is_that_of_repeated_rows(init_params):
    X, w = problem()
    ours, theirs = (model(init_params=init_params, n_init=4) for _ in range(2))
    ours.fit(X, sample_weight=w)
    theirs.fit(np.repeat(X, w, axis=0))
    assert [start.seed for start in ours.starts_] == [start.seed for start in theirs.starts_]
    assert_allclose(
        [start.log_likelihood for start in ours.starts_],
        [start.log_likelihood for start in theirs.starts_],
        rtol=1e-9,
    )


@each_structure
def test_labels_as_a_start_are_repeated_with_their_rows(covariance_type):
    X, w = problem(covariance_type)
    labels = np.random.default_rng(1).integers(0, 3, len(X))
    ours = model(covariance_type, init_params=labels).fit(X, sample_weight=w)
    theirs = model(covariance_type, init_params=np.repeat(labels, w)).fit(np.repeat(X, w, axis=0))
    assert_same_fit(ours, theirs, rtol=1e-10)


@each_structure
def test_responsibilities_as_a_start_are_repeated_with_their_rows(covariance_type):
    X, w = problem(covariance_type)
    given = np.random.default_rng(1).dirichlet(np.ones(3), len(X))
    ours = model(covariance_type, init_params=given).fit(X, sample_weight=w)
    repeated = np.repeat(given, w, axis=0)
    theirs = model(covariance_type, init_params=repeated).fit(np.repeat(X, w, axis=0))
    assert_same_fit(ours, theirs, rtol=1e-10)


@each_structure
def test_from_an_explicit_start_weights_are_repeated_rows(covariance_type):
    X, w = problem(covariance_type)
    start = explicit_start(covariance_type)
    ours = model(covariance_type, **start).fit(X, sample_weight=w)
    theirs = model(covariance_type, **start).fit(np.repeat(X, w, axis=0))
    assert_same_fit(ours, theirs, rtol=1e-11)


@each_structure
def test_weights_are_repeated_rows_in_float32(covariance_type):
    X, w = problem(covariance_type, dtype=np.float32)
    start = explicit_start(covariance_type)
    ours = model(covariance_type, **start).fit(X, sample_weight=w)
    theirs = model(covariance_type, **start).fit(np.repeat(X, w, axis=0))
    assert ours.means_.dtype == np.float32
    assert_same_fit(ours, theirs, rtol=1e-5)


@each_start
def test_starts_of_float32_rows_are_those_of_repeated_rows(init_params):
    X, w = problem(dtype=np.float32)
    ours = model(init_params=init_params, max_iter=0).fit(X, sample_weight=w)
    theirs = model(init_params=init_params, max_iter=0).fit(np.repeat(X, w, axis=0))
    assert_allclose(ours.means_, theirs.means_, rtol=1e-5, atol=1e-5)


@each_structure
def test_float32_rows_agree_with_float64_rows(covariance_type):
    X, _ = problem(covariance_type, dtype=np.float32)
    w = np.random.default_rng(2).uniform(0, 3, len(X))
    start = explicit_start(covariance_type)
    ours = model(covariance_type, **start).fit(X, sample_weight=w)
    theirs = model(covariance_type, **start).fit(X.astype(np.float64), sample_weight=w)
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=0, atol=1e-5)


# So few rows make thin components, and reg_covar is large.
@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_whole_weights_are_repeated_rows(data):
    covariance_type = data.draw(st.sampled_from(STRUCTURES))
    n_rows = data.draw(st.integers(30, 70))
    X, _ = problem(covariance_type, seed=data.draw(st.integers(0, 99)), n_rows=n_rows)
    # At least a third of the rows are there, so that no component collapses onto one.
    weights = st.lists(st.integers(0, 9), min_size=n_rows, max_size=n_rows)
    w = np.array(data.draw(weights))
    w[::3] += 1
    start = explicit_start(covariance_type)
    params = {"max_iter": 2, "reg_covar": 1e-2, **start}
    ours = model(covariance_type, **params).fit(X, sample_weight=w)
    theirs = model(covariance_type, **params).fit(np.repeat(X, w, axis=0))
    assert_same_fit(ours, theirs, rtol=1e-10)


# Zero is no row


@each_structure
@each_start_and_the_search
def test_rows_of_weight_zero_are_not_there(covariance_type, init_params):
    X, _ = problem(covariance_type)
    w = np.random.default_rng(4).uniform(0.1, 3.0, len(X))
    outliers = np.full((50, 2), 1e6) + np.arange(50)[:, np.newaxis]
    order = np.random.default_rng(5).permutation(len(X) + 50)
    inverse = np.sort(order[: len(X)])
    everything = np.empty((len(X) + 50, 2))
    everything[inverse], everything[np.sort(order[len(X) :])] = X, outliers
    weights = np.zeros(len(everything))
    weights[inverse] = w
    ours = model(covariance_type, init_params=init_params)
    theirs = model(covariance_type, init_params=init_params)
    if init_params == "random":
        # Fractional weights draw for every row: only whole ones draw for none.
        weights[inverse], w = np.ceil(w), np.ceil(w)
    ours.fit(everything, sample_weight=weights)
    theirs.fit(X, sample_weight=w)
    assert_same_fit(ours, theirs, rtol=RTOL.get(init_params, 1e-9))


@pytest.mark.parametrize("init_params", ["auto", "kmeans", "k-means++"])
def test_rows_of_weight_zero_are_not_sampled_for_a_start(init_params):
    """More rows than a start looks at: the sample is of those with weight."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(400_000, 1)), np.full((200_000, 1), 1e6)])
    w = np.repeat([1.0, 0.0], [400_000, 200_000])
    params = {"init_params": init_params, "max_iter": 0, "random_state": 0}
    ours = GaussianMixture(2, **params).fit(X, sample_weight=w)
    theirs = GaussianMixture(2, **params).fit(X[:400_000], sample_weight=w[:400_000])
    assert np.max(np.abs(ours.means_)) < 10
    assert_same_fit(ours, theirs, rtol=1e-9)


# Scores


@each_structure
@pytest.mark.parametrize("criterion", CRITERIA)
def test_criteria_take_whole_weights_as_repeated_rows(covariance_type, criterion):
    X, w = problem(covariance_type)
    fitted = model(covariance_type).fit(X)
    ours = getattr(fitted, criterion)(X, sample_weight=w)
    theirs = getattr(fitted, criterion)(np.repeat(X, w, axis=0))
    assert_allclose(ours, theirs, rtol=1e-12)


def test_score_is_the_weighted_mean_of_the_log_densities():
    X, _ = problem()
    w = np.random.default_rng(1).exponential(size=len(X))
    fitted = model().fit(X)
    theirs = np.average(fitted.score_samples(X), weights=w)
    assert_allclose(fitted.score(X, sample_weight=w), theirs, rtol=1e-12)


@each_structure
def test_criteria_follow_their_definitions(covariance_type):
    X, _ = problem(covariance_type)
    w = np.random.default_rng(1).exponential(size=len(X))
    fitted = model(covariance_type).fit(X, sample_weight=w)
    log_likelihood = w @ fitted.score_samples(X)
    entropy = -(w @ np.log(fitted.predict_proba(X).max(axis=1)))
    p = 2 + 6 + {"full": 9, "tied": 3, "diag": 6, "spherical": 3}[covariance_type]
    bic = -2 * log_likelihood + p * np.log(w.sum())
    assert_allclose(fitted.bic(X, sample_weight=w), bic, rtol=1e-12)
    assert_allclose(fitted.aic(X, sample_weight=w), -2 * log_likelihood + 2 * p, rtol=1e-12)
    assert_allclose(fitted.icl(X, sample_weight=w), bic + 2 * entropy, rtol=1e-12)
    summary = fitted.summary()
    assert_allclose([summary.bic, summary.weight], [bic, w.sum()], rtol=1e-12)
    expected = [component.expected_rows for component in summary.components]
    assert_allclose(expected, fitted.weights_ * w.sum(), rtol=1e-12)


@each_start
def test_fit_predict_takes_whole_weights_as_repeated_rows(init_params):
    X, w = problem()
    ours = model(init_params=init_params).fit_predict(X, sample_weight=w)
    theirs = model(init_params=init_params).fit_predict(np.repeat(X, w, axis=0))
    assert_array_equal(np.repeat(ours, w), theirs)


def test_fit_predict_is_fit_and_predict():
    X, w = problem()
    fitted = model()
    labels = fitted.fit_predict(X, sample_weight=w)
    assert_array_equal(labels, fitted.predict(X))
    assert_same_fit(fitted, model().fit(X, sample_weight=w), rtol=0)


# Only proportions matter


@each_structure
@pytest.mark.parametrize("factor", [0.37, 1e-9, 1e9])
@pytest.mark.parametrize("init_params", ["auto", *STARTS, "explicit"])
def test_a_constant_factor_changes_no_fit(covariance_type, factor, init_params):
    X, _ = problem(covariance_type)
    w = np.random.default_rng(1).uniform(0.1, 3.0, len(X))
    explicit = explicit_start(covariance_type)
    start = explicit if init_params == "explicit" else {"init_params": init_params}
    plain = model(covariance_type, **start).fit(X, sample_weight=w)
    scaled = model(covariance_type, **start).fit(X, sample_weight=factor * w)
    assert_same_fit(scaled, plain, rtol=RTOL.get(init_params, 1e-9))
    assert_allclose(
        scaled.score(X, sample_weight=factor * w), plain.score(X, sample_weight=w), rtol=1e-9
    )


@each_structure
def test_a_power_of_two_changes_no_bit(covariance_type):
    X, w = problem(covariance_type)
    start = explicit_start(covariance_type)
    plain = model(covariance_type, **start).fit(X, sample_weight=w)
    scaled = model(covariance_type, **start).fit(X, sample_weight=4.0 * w)
    for name in PARAMETERS:
        assert_array_equal(getattr(scaled, name), getattr(plain, name))
    assert scaled.lower_bounds_ == plain.lower_bounds_


@each_structure
def test_a_factor_makes_more_rows_of_the_same_evidence(covariance_type):
    X, w = problem(covariance_type)
    fitted = model(covariance_type).fit(X)
    p = fitted.mixture_.n_parameters
    log_likelihood = fitted.score(X, sample_weight=w) * w.sum()
    assert fitted.score(X, sample_weight=3.5 * w) == pytest.approx(
        fitted.score(X, sample_weight=w), rel=1e-12
    )
    bic = -2 * 3.5 * log_likelihood + p * np.log(3.5 * w.sum())
    assert fitted.bic(X, sample_weight=3.5 * w) == pytest.approx(bic, rel=1e-12)
    assert fitted.aic(X, sample_weight=3.5 * w) == pytest.approx(
        -7 * log_likelihood + 2 * p, rel=1e-12
    )


@each_structure
@each_start_and_the_search
def test_weights_of_one_are_no_weights(covariance_type, init_params):
    X, _ = problem(covariance_type)
    ours = model(covariance_type, init_params=init_params).fit(X, sample_weight=np.ones(len(X)))
    theirs = model(covariance_type, init_params=init_params).fit(X)
    assert_same_fit(ours, theirs, rtol=1e-10)
    for criterion in CRITERIA:
        with_ones = getattr(ours, criterion)(X, sample_weight=np.ones(len(X)))
        assert with_ones == pytest.approx(getattr(ours, criterion)(X), rel=1e-13)


@quietly
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_constant_factor_of_fractions_changes_no_search(data):
    """Few rows for their features, so that rows are left out one by one, are what such a factor may touch."""
    n_rows, n_features = data.draw(st.integers(15, 60)), data.draw(st.integers(2, 5))
    seed = data.draw(st.integers(0, 999))
    X = ugly_rows(n_rows, n_features, 6, seed)
    w = np.random.default_rng(seed).uniform(0.1, 3.0, n_rows)
    params = {
        "n_components": data.draw(st.integers(1, 3)),
        "covariance_type": data.draw(st.sampled_from(["full", "tied"])),
        "random_state": seed,
    }
    plain = GaussianMixture(**params).fit(X, sample_weight=w)
    scaled = GaussianMixture(**params).fit(X, sample_weight=data.draw(FACTORS) * w)
    # Of singular components, which reg_covar holds up, sums keep six digits.
    assert_allclose(scaled.lower_bound_, plain.lower_bound_, rtol=0, atol=1e-6)
    assert_allclose(scaled.predict_proba(X), plain.predict_proba(X), rtol=0, atol=1e-4)


# Weights of any number


@each_structure
def test_one_component_has_the_weighted_moments(covariance_type):
    X, _ = problem(covariance_type)
    w = np.random.default_rng(1).exponential(size=len(X))
    params = {"covariance_type": covariance_type, "reg_covar": 0}
    ours = GaussianMixture(1, **params).fit(X, sample_weight=w)
    theirs = np.cov(X.T, aweights=w, ddof=0)
    shaped = {
        "full": theirs[np.newaxis],
        "tied": theirs,
        "diag": np.diag(theirs)[np.newaxis],
        "spherical": np.diag(theirs).mean()[np.newaxis],
    }[covariance_type]
    assert_allclose(ours.means_[0], np.average(X, axis=0, weights=w), rtol=1e-12)
    assert_allclose(ours.covariances_, shaped, rtol=1e-12)


@each_structure
def test_a_row_in_two_parts_is_one_row(covariance_type):
    X, _ = problem(covariance_type)
    rng = np.random.default_rng(1)
    w, part = rng.exponential(size=len(X)), rng.uniform(size=len(X))
    start = explicit_start(covariance_type)
    ours = model(covariance_type, **start).fit(
        np.concatenate([X, X]), sample_weight=np.concatenate([part * w, (1 - part) * w])
    )
    assert_same_fit(ours, model(covariance_type, **start).fit(X, sample_weight=w), rtol=1e-10)


@each_structure
def test_the_order_of_the_rows_does_not_matter(covariance_type):
    X, _ = problem(covariance_type)
    rng = np.random.default_rng(1)
    w, order = rng.exponential(size=len(X)), rng.permutation(len(X))
    start = explicit_start(covariance_type)
    ours = model(covariance_type, **start).fit(X[order], sample_weight=w[order])
    assert_same_fit(ours, model(covariance_type, **start).fit(X, sample_weight=w), rtol=1e-10)


@each_structure
def test_the_weighted_likelihood_never_falls(covariance_type):
    X, _ = problem(covariance_type)
    w = np.random.default_rng(1).exponential(size=len(X))
    fitted = model(covariance_type, reg_covar=0, max_iter=100, init_params="random")
    bounds = np.array(fitted.fit(X, sample_weight=w).lower_bounds_)
    assert np.all(np.diff(bounds) > -1e-13 * np.abs(bounds[1:]))


KINDS = {
    "list": list,
    "int8": lambda w: w.astype(np.int8),
    "float32": lambda w: w.astype(np.float32),
    "series": lambda w: pd.Series(w, index=np.arange(len(w))[::-1]),
    "strided": lambda w: np.repeat(w, 2)[::2],
    "big-endian": lambda w: w.astype(">f8"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_any_container_count_as_their_numbers(kind):
    X, w = problem()
    ours = model().fit(X, sample_weight=KINDS[kind](w))
    assert_same_fit(ours, model().fit(X, sample_weight=w.astype(np.float64)), rtol=0)


def test_booleans_are_rows_that_are_there_or_not():
    X, w = problem()
    ours = model().fit(X, sample_weight=w > 0)
    assert_same_fit(ours, model().fit(X[w > 0]), rtol=1e-10)


def test_weights_are_not_changed():
    X, w = problem()
    given = w.astype(np.float64)
    given.setflags(write=False)
    model().fit(X, sample_weight=given)
    assert_array_equal(given, w)


# Draws where weights differ by more than a double holds


HEAVY = {
    "one row": np.r_[0.5, np.full(199, 1e-20)],
    "one row, far heavier": np.r_[np.full(199, 0.5), np.pi * 1e60],
    "each a tenth of the one before": 0.7 * 10.0 ** -np.arange(200.0),
    "whole": np.full(200, 1e18),
    "whole, beyond any integer": np.full(200, 1e25),
}


def in_batches(X, weight, *cuts):
    pairs = list(zip(np.split(X, cuts), np.split(weight, cuts), strict=True))
    return from_batches(lambda: iter(pairs))


@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
@each_start
@pytest.mark.parametrize("case", HEAVY)
def test_every_start_ends_whatever_the_weights(init_params, case):
    X, weight = problem()[0], HEAVY[case]
    ours = model(init_params=init_params).fit(X, sample_weight=weight)
    assert np.isfinite(ours.means_).all()
    assert_allclose(ours.weights_.sum(), 1.0)


@pytest.mark.parametrize("case", HEAVY)
def test_rows_drawn_by_weight_are_distinct_and_the_same_in_parts(case):
    X, weight = problem()[0], HEAVY[case]
    ours = ArrayBlocks(Rows(X, weight)).pick(20, RandomState(3))
    assert len(np.unique(ours, axis=0)) == 20
    for cuts in ([77], [1, 100, 199]):
        parts = in_batches(X, weight, *cuts).blocks(1)
        assert_array_equal(parts.pick(20, RandomState(3)), ours)


def test_rows_beside_a_heavy_one_are_drawn_by_their_own_weights():
    weight = np.r_[0.3e30, np.full(4, 0.1), np.full(5, 0.4)]
    blocks = ArrayBlocks(Rows(np.arange(10.0)[:, np.newaxis], weight))
    drawn = np.array([blocks.pick(2, RandomState(seed))[:, 0] for seed in range(2000)])
    assert (drawn[:, 0] == 0).all()
    # Four rows of 0.1 beside five of 0.4; the deviation of the share is 0.0083.
    assert abs((drawn[:, 1] <= 4).mean() - 0.4 / 2.4) < 0.033


def test_no_row_of_weight_zero_is_drawn_at_the_end():
    """Where rounding carries a position to the sum of the weights, the last row that has one is there."""
    weight = np.array([0.5, 0.25, 0.0])
    X = np.arange(3.0)[:, np.newaxis]
    end = np.array([0.75])
    assert ArrayBlocks(Rows(X, weight)).rows_at(end).tolist() == [1]
    places, _ = in_batches(X, weight, 1, 2).blocks(1)._at(end, np.empty(0, dtype=np.int64))
    assert places.tolist() == [1]
