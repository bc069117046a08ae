"""What must hold for every fit: units, offsets, precision, probabilities, Ctrl-C."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

import forked
from mixtura import DataWarning, DegenerateComponentWarning, GaussianMixture, Mixture
from mixtura.covariance import STRUCTURES
from mixtura.testing.problems import random_mixture, random_rows

# Structures that a change of units per feature, or of one unit for all, maps onto themselves.
PER_FEATURE = ("full", "tied", "diag")


def fit_from_labels(X, covariance_type, n_components=3, **kwargs):
    labels = np.arange(len(X)) % n_components if "labels" not in kwargs else kwargs.pop("labels")
    kwargs = {"reg_covar": 0, "max_iter": 15, "tol": 0, **kwargs}
    model = GaussianMixture(
        n_components, covariance_type=covariance_type, init_params=labels, **kwargs
    )
    with warnings.catch_warnings():
        # From labels that mean nothing EM may end on a few rows.
        warnings.simplefilter("ignore", (ConvergenceWarning, DegenerateComponentWarning))
        return model.fit(X)


def problem(seed, covariance_type="full", n_components=3, n_features=2, n_rows=400):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(n_components, n_features, covariance_type, rng)
    X = random_rows(mixture, n_rows, rng)
    labels = mixture.labels(X)
    labels[: 10 * n_components] = np.arange(10 * n_components) % n_components  # none is empty
    return X, labels


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    exponents=st.lists(st.floats(-6, 6), min_size=2, max_size=2),
    covariance_type=st.sampled_from(PER_FEATURE),
)
def test_units_of_each_feature_change_nothing(seed, exponents, covariance_type):
    X, labels = problem(seed)
    scale = 10.0 ** np.array(exponents)
    ours = fit_from_labels(X * scale, covariance_type, labels=labels)
    theirs = fit_from_labels(X, covariance_type, labels=labels)
    assert_allclose(ours.means_, theirs.means_ * scale, rtol=1e-8, atol=1e-10 * scale.max())
    assert_allclose(
        ours.lower_bound_, theirs.lower_bound_ - np.log(scale).sum(), rtol=1e-9, atol=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    exponent=st.floats(-6, 6),
    offset=st.sampled_from([0.0, -1e4, 1e8]),
    covariance_type=st.sampled_from(list(STRUCTURES)),
)
def test_offset_and_common_scale_change_nothing(seed, exponent, offset, covariance_type):
    X, labels = problem(seed)
    # Multiples of 2^-20, so that adding 1e8 is exact and the two data sets are the same.
    X = np.round(X * 2**20) / 2**20
    scale = 2.0 ** np.round(exponent * 3)
    ours = fit_from_labels(X * scale + offset * scale, covariance_type, labels=labels)
    theirs = fit_from_labels(X, covariance_type, labels=labels)
    # A mean at 1e8 is rounded to 1.5e-8 in every iteration, and EM carries that on.
    assert_allclose((ours.means_ / scale) - offset, theirs.means_, rtol=1e-8, atol=15 * 1.5e-8)
    assert_allclose(ours.covariances_ / scale**2, theirs.covariances_, rtol=2e-6, atol=1e-8)
    assert_allclose(ours.lower_bound_, theirs.lower_bound_ - 2 * np.log(scale), rtol=1e-7)


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_float32_agrees_with_float64_of_the_same_rows(covariance_type, offset, scale):
    X, labels = problem(11, n_features=5, n_rows=3_000)
    single = ((X + offset) * scale).astype(np.float32)
    ours = fit_from_labels(single, covariance_type, labels=labels, max_iter=30)
    theirs = fit_from_labels(single.astype(np.float64), covariance_type, labels=labels, max_iter=30)
    assert abs(ours.lower_bound_ - theirs.lower_bound_) < 1e-5
    assert abs(ours.score(single) - theirs.score(single.astype(np.float64))) < 1e-5
    assert ours.means_.dtype == ours.covariances_.dtype == ours.weights_.dtype == np.float32
    assert ours.mixture_.means.dtype == np.float64


def test_far_start_loses_no_digit():
    X, _ = problem(3, n_rows=2_000)
    X = X + 1e6
    precisions = np.tile(np.eye(2) * 1e-12, (2, 1, 1))
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": np.array([[0.0, 0.0], [1.0, 1.0]]),
        "precisions_init": precisions,
    }
    model = GaussianMixture(2, max_iter=1, reg_covar=0, **start)
    with (
        pytest.warns(ConvergenceWarning),
        pytest.warns(DegenerateComponentWarning, match="0 and 1 are the same"),
    ):
        model.fit(X)
    # One step from two wide components at the origin: each gets nearly everything.
    assert_allclose(model.covariances_[0], np.cov(X.T, bias=True), rtol=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    covariance_type=st.sampled_from(list(STRUCTURES)),
    n_components=st.integers(1, 6),
    n_features=st.integers(1, 5),
    single=st.booleans(),
)
def test_probabilities(seed, covariance_type, n_components, n_features, single):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(n_components, n_features, covariance_type, rng)
    X = 5 * random_rows(mixture, 200, rng)
    X = X.astype(np.float32) if single else X
    proba = mixture.responsibilities(X)
    eps = np.finfo(proba.dtype).eps
    assert_allclose(proba.sum(axis=1), 1.0, atol=4 * n_components * eps)
    assert proba.min() >= 0
    assert_array_equal(mixture.labels(X), proba.argmax(axis=1))


def test_labels_of_ties_are_the_first():
    mixture = Mixture.from_parameters([0.5, 0.5], [[0.0], [0.0]], [[[1.0]], [[1.0]]])
    assert_array_equal(mixture.labels([[0.0], [3.0]]), [0, 0])


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_the_density_integrates_to_one(covariance_type):
    rng = np.random.default_rng(0)
    line = np.linspace(-60, 60, 40_001)
    one = random_mixture(3, 1, covariance_type, rng)
    assert_allclose(np.trapezoid(np.exp(one.log_density(line[:, np.newaxis])), line), 1, rtol=1e-9)
    side = np.linspace(-30, 30, 601)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    two = random_mixture(3, 2, covariance_type, rng)
    step = side[1] - side[0]
    assert_allclose(np.exp(two.log_density(grid)).sum() * step**2, 1, rtol=1e-6)


def test_rows_far_away_have_finite_answers():
    mixture = random_mixture(3, 2, "full", np.random.default_rng(1))
    X = np.array([[1e6, -1e6], [1e100, 0.0], [-1e30, 1e30]])
    assert np.all(np.isfinite(mixture.log_density(X)))
    assert_allclose(mixture.responsibilities(X).sum(axis=1), 1)


def test_a_mixture_cannot_be_changed():
    mixture = Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]])
    with pytest.raises(ValueError, match="read-only"):
        mixture.means[0] = 1
    with pytest.raises(AttributeError):
        mixture.means = np.ones((1, 1))


def test_from_parameters_copies():
    means = np.zeros((1, 1))
    mixture = Mixture.from_parameters([1.0], means, [[[1.0]]])
    means[0] = 5
    assert mixture.means[0, 0] == 0


def test_lower_bounds_never_fall():
    for seed, covariance_type in enumerate(STRUCTURES):
        X, labels = problem(seed, n_components=4)
        fit = fit_from_labels(X, covariance_type, labels=labels % 3, max_iter=200)
        assert np.diff(fit.lower_bounds_).min() >= -1e-14
        assert_allclose(fit.lower_bound_, fit.score(X), rtol=1e-13)


def test_tol_zero_converges():
    X, labels = problem(0)
    fit = fit_from_labels(X, "full", labels=labels, max_iter=5_000)
    assert fit.converged_
    assert fit.n_iter_ < 5_000


def test_a_start_can_be_repeated_alone():
    X, _ = problem(8, n_rows=300, n_components=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (ConvergenceWarning, DataWarning))
        many = GaussianMixture(5, n_init=6, random_state=3, init_params="random").fit(X)
        for record in many.starts_:
            one = GaussianMixture(5, random_state=record.seed, init_params="random").fit(X)
            assert one.lower_bound_ == record.log_likelihood
    # The likeliest of those that end proper: here others end on two rows, and higher.
    proper = [record for record in many.starts_ if record.ended == "converged"]
    assert many.lower_bound_ == max(record.log_likelihood for record in proper)
    assert many.lower_bound_ < max(record.log_likelihood for record in many.starts_)
    assert len({record.seed for record in many.starts_}) == 6


LONG_FIT = """
    import signal, sys, time
    import numpy as np
    from mixtura import GaussianMixture
    signal.signal(signal.SIGINT, signal.default_int_handler)
    X = np.random.default_rng(0).normal(size=(200_000, 50))
    means = X[:60]
    start = dict(means_init=means, weights_init=np.full(60, 1 / 60),
                 precisions_init=np.tile(np.eye(50), (60, 1, 1)))
    model = GaussianMixture(60, max_iter=10_000, tol=0, **start)
    model._on_iteration = lambda *_: print("running", flush=True)
    try:
        model.fit(X)
    except KeyboardInterrupt:
        print("stopped", time.time(), hasattr(model, "means_"), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_stops_a_fit_and_leaves_nothing_half_done():
    command = [sys.executable, "-c", textwrap.dedent(LONG_FIT)]
    with forked.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "running"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    word, _, fitted = output.strip().splitlines()[-1].split()
    assert (word, fitted) == ("stopped", "False")
