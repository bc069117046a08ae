"""Scores, information, standard errors and intervals, against differences, closed forms and fits anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture, Mixture
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.estimators.resampling import followed, refitted
from mixtura.inference import FreeParameters, information_of
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.problems import random_mixture
from products import product

LETTERS = [name for name in STRUCTURES if len(name) == 3]
REFERENCE = Path(__file__).parents[1] / "data" / "standard_errors_faithful.json"
X = load_faithful().data

each = pytest.mark.parametrize("name", LETTERS)


def fitted(**arguments):
    return GaussianMixture(2, sort_components="mean", random_state=0, **arguments).fit(X)


@pytest.fixture(scope="module")
def gm():
    return fitted(tol=1e-12)


def information(mixture, rows):
    return information_of(FreeParameters(mixture), ArrayBlocks(rows))


def check_derivatives(information, function, step=1e-3):
    """Compare with differences along directions at random: a wrong entry changes them all."""
    directions = np.random.default_rng(4).normal(size=(8, len(information.score)))
    largest = np.abs(information.observed).max()
    for v in directions:
        here, up, down = (function(x * step * v) for x in (0, 1, -1))
        assert (up - down) / 2 / step == pytest.approx(information.score @ v, abs=1e-4 * largest)
        bend = v @ information.observed @ v
        assert (2 * here - up - down) / step**2 == pytest.approx(bend, abs=1e-3 * largest)


# Derivatives


@pytest.mark.parametrize(("name", "kind"), product(LETTERS, ["plain", "tails", "gaps"]))
def test_score_and_information_are_differences_of_the_log_likelihood(name, kind):
    plain = random_mixture(2, 3, name, np.random.default_rng(0))
    df = [3.0, 9.0] if kind == "tails" else None
    mixture = Mixture.from_parameters(*plain.as_tuple()[:3], covariance_type=name, df=df)
    rows = mixture.sample(30, random_state=1)[0] + 0.3
    if kind == "gaps":
        rows[np.random.default_rng(2).uniform(size=rows.shape) < 0.3] = np.nan
    weight = np.random.default_rng(3).uniform(0.5, 2, len(rows))
    parameters = FreeParameters(mixture)

    def log_likelihood(step):
        return weight @ parameters.at(step).log_density(rows, missing="mar", n_jobs=1)

    check_derivatives(
        information(mixture, Rows(rows, weight, missing=kind == "gaps")), log_likelihood
    )


@each
def test_steps_stay_within_the_structure_and_count_its_parameters(name):
    mixture = random_mixture(3, 3, name, np.random.default_rng(0))
    parameters = FreeParameters(mixture)
    assert parameters.n == mixture.n_parameters
    moved = parameters.at(0.1 * np.random.default_rng(1).normal(size=parameters.n))
    moved.structure.check_family(moved.covariances, 3)
    assert moved.weights.sum() == pytest.approx(1)
    assert_allclose(parameters.at(np.zeros(parameters.n)).covariances, mixture.covariances)


def test_the_weight_of_noise_is_a_parameter():
    stray = np.random.default_rng(0).uniform([1, 20], [6, 120], (40, 2))
    rows = np.concatenate([X, stray])
    gm = GaussianMixture(2, noise=True, random_state=0, tol=1e-12).fit(rows)
    mixture = gm._density
    parameters = FreeParameters(mixture)

    def log_likelihood(step):
        return parameters.at(step).log_density(rows, n_jobs=1).sum()

    ours = information(mixture, Rows(rows))
    check_derivatives(ours, log_likelihood)
    assert_allclose(ours.score, 0, atol=1e-4)
    errors = gm.standard_errors(rows)
    by_fits = gm.standard_errors(rows, kind="weighted bootstrap", n_replicates=100)
    assert errors.noise_weight == pytest.approx(by_fits.noise_weight, rel=0.35)


def test_any_split_of_the_rows_gives_the_same_sums(gm):
    mixture = gm.mixture_
    whole = information(mixture, Rows(X))
    parts = [information(mixture, Rows(X[:100])), information(mixture, Rows(X[100:]))]
    for name in ("score", "observed", "outer"):
        ours = sum(getattr(part, name) for part in parts)
        theirs = getattr(whole, name)
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(whole.outer).max())


def test_weights_repeat_rows(gm):
    mixture, times = gm.mixture_, np.arange(len(X)) % 3
    ours = information(mixture, Rows(X, times.astype(float)))
    theirs = information(mixture, Rows(np.repeat(X, times, axis=0)))
    assert_allclose(ours.observed, theirs.observed, atol=1e-9 * np.abs(theirs.observed).max())
    assert_allclose(ours.outer, theirs.outer, atol=1e-9 * np.abs(theirs.outer).max())


# Standard errors


@pytest.mark.parametrize("kind", ["information", "sandwich"])
def test_those_of_old_faithful_are_the_reference(gm, kind):
    theirs = json.loads(REFERENCE.read_text("utf-8"))["faithful_VVV2"][f"se_{kind}"]
    ours = gm.standard_errors(X, kind=kind)
    lower = ours.covariances[:, [0, 1, 1], [0, 0, 1]]
    found = np.concatenate([ours.weights[:1], ours.means.ravel(), lower.ravel()])
    assert_allclose(found, theirs, rtol=1e-4)
    assert ours.weights[0] == pytest.approx(0.02909 if kind == "information" else 0.02910, abs=6e-6)


def test_one_gaussian_has_the_textbook_errors():
    model = GaussianMixture(1, reg_covar=0).fit(X)
    ours, S, n = model.standard_errors(X), model.covariances_[0], len(X)
    assert_array_equal(ours.weights, [0.0])
    assert_allclose(ours.means[0], np.sqrt(np.diag(S) / n), rtol=1e-9)
    textbook = np.sqrt((np.outer(np.diag(S), np.diag(S)) + S**2) / n)
    assert_allclose(ours.covariances[0], textbook, rtol=1e-9)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VEI", "VII", "EVE", "VEV"])
def test_the_delta_method_gives_the_parameters_their_errors(name):
    model = fitted(covariance_type=name)
    errors = model.standard_errors(X)
    for what in ("weights", "means", "covariances"):
        found = errors.interval(lambda mixture, what=what: getattr(mixture, what))
        assert_allclose(found.std, getattr(errors, what), rtol=1e-5)
        assert_allclose(found.estimate, getattr(model.mixture_, what))
        assert_allclose((found.high + found.low) / 2, found.estimate, rtol=1e-12)
        assert_allclose((found.high - found.low) / 2, 1.959964 * found.std, rtol=1e-6)


def test_units_change_nothing_else(gm):
    scale, shift = np.array([1e6, 1e-4]), np.array([5.0, -3.0])
    moved = X * scale + shift
    model = GaussianMixture(2, sort_components="mean", random_state=0, tol=1e-12).fit(moved)
    ours, theirs = model.standard_errors(moved), gm.standard_errors(X)
    assert_allclose(ours.weights, theirs.weights, rtol=1e-5)
    assert_allclose(ours.means, theirs.means * scale, rtol=1e-5)
    assert_allclose(ours.covariances, theirs.covariances * np.outer(scale, scale), rtol=1e-5)


def test_float32_rows_have_the_errors_of_float64(gm):
    rows = X.astype(np.float32)
    ours = fitted().fit(rows).standard_errors(rows)
    assert_allclose(ours.means, gm.standard_errors(X).means, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bootstrap", "weighted bootstrap", "jackknife"])
def test_fits_anew_spread_as_the_sandwich_says(gm, kind):
    ours = gm.standard_errors(X, kind=kind, n_replicates=300)
    theirs = gm.standard_errors(X, kind="sandwich")
    assert_allclose(ours.weights, theirs.weights, rtol=0.12)
    assert_allclose(ours.means, theirs.means, rtol=0.15)
    assert_allclose(ours.covariances, theirs.covariances, rtol=0.25)
    found = ours.interval(lambda mixture: mixture.weights[0], level=0.9)
    assert found.low < gm.weights_[0] < found.high
    assert found.high - found.low == pytest.approx(2 * 1.645 * theirs.weights[0], rel=0.2)


def test_the_jackknife_is_the_textbooks():
    """Of one mean: the standard deviation over the root of n."""
    model = GaussianMixture(1, covariance_type="diag", reg_covar=0).fit(X)
    ours = model.standard_errors(X, kind="jackknife")
    assert_allclose(ours.means[0], X.std(axis=0, ddof=1) / np.sqrt(len(X)), rtol=1e-9)
    weight = 1.0 + np.arange(len(X)) % 2
    model.fit(X, sample_weight=weight)
    ours = model.standard_errors(X, kind="jackknife", sample_weight=weight)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    theirs = repeated.std(axis=0, ddof=1) / np.sqrt(len(repeated))
    assert_allclose(ours.means[0], theirs, rtol=1e-9)


def test_the_same_seed_gives_the_same_replicates_for_any_number_of_threads(gm):
    found = []
    for n_jobs in (1, 3):
        gm.n_jobs = n_jobs
        found.append(gm.standard_errors(X, kind="bootstrap", n_replicates=20, random_state=7))
    gm.n_jobs = None
    assert_array_equal(found[0].means, found[1].means)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"covariance_type": "VEV"}, {"noise": True}, {"distribution": "t"}, {"prior": "default"}],
)
def test_fits_anew_end_where_fit_does(arguments):
    model = fitted(**arguments)
    weight = np.random.default_rng(0).gamma(1.0, size=len(X))
    ours, theirs = followed(model, X, weight), refitted(model, X, weight)
    assert_allclose(ours.means, theirs._density.means, rtol=1e-5)
    assert_allclose(ours.weights, theirs._density.weights, rtol=1e-4)


def test_rows_with_gaps_are_less_sure():
    rows = X.copy()
    rows[np.random.default_rng(0).uniform(size=rows.shape) < 0.3] = np.nan
    model = GaussianMixture(2, sort_components="mean", missing="mar", random_state=0, tol=1e-10)
    ours = model.fit(rows).standard_errors(rows)
    assert np.all(ours.means > fitted().standard_errors(X).means)
    by_fits = model.standard_errors(rows, kind="bootstrap", n_replicates=60)
    assert_allclose(ours.means, by_fits.means, rtol=0.4)


def batches():
    return iter([X[:100], X[100:]])


def test_sources_and_dask_collections_give_those_of_an_array(gm):
    theirs = gm.standard_errors(X)
    da = pytest.importorskip("dask.array")
    for rows in (mixtura.from_batches(batches), da.from_array(X, chunks=(100, 2))):
        assert_allclose(gm.standard_errors(rows).means, theirs.means, rtol=1e-9)


def test_they_show_themselves(gm):
    errors = gm.standard_errors(X)
    assert "0.3559 ± 0.029" in str(errors)
    frame = errors.to_frame()
    assert list(frame.columns)[:3] == ["component", "weight", "weight_se"]
    assert "of 5 fits" in str(gm.standard_errors(X, kind="bootstrap", n_replicates=5))


# Intervals


def test_an_interval_of_a_conditional_mean_or_a_quantile(gm):
    errors = gm.standard_errors(X, kind="sandwich")
    by_fits = gm.standard_errors(X, kind="weighted bootstrap", n_replicates=200)
    for function in (
        lambda mixture: mixture.condition(0, 3.0).means @ [0.5],
        lambda mixture: mixture.marginal(1).quantile(0.9),
        lambda mixture: mixture.log_density([[3.0, 65.0], [2.0, 55.0]]),
        lambda mixture: mixture.marginal(1).cut_points().points[0],
    ):
        ours, theirs = errors.interval(function), by_fits.interval(function)
        assert_allclose(ours.std, theirs.std, rtol=0.35)


def test_what_is_flat_has_no_error(gm):
    best = gm.weights_[0]
    found = gm.standard_errors(X).interval(lambda mixture: (mixture.weights[0] - best) ** 2)
    assert found.std == pytest.approx(0, abs=1e-8)
    assert isinstance(found.estimate, float)


@pytest.mark.parametrize(
    "function",
    [
        lambda mixture: abs(mixture.weights[0] - 0.3558728),
        lambda mixture: float(mixture.weights[0] > 0.35587286),
        lambda mixture: np.maximum(mixture.means[:, 1], 79.968115),
    ],
)
def test_a_function_with_a_kink_or_a_jump_is_refused(gm, function):
    at = gm.weights_[0]
    shifted = {0: 0.3558728, 1: 0.35587286}
    assert abs(at - shifted[0]) < 1e-6
    with pytest.raises(ValueError, match="not smooth where the fit stands"):
        gm.standard_errors(X).interval(function)
    gm.standard_errors(X, kind="bootstrap", n_replicates=5).interval(function)


# What cannot be asked


def test_levels_kinds_and_numbers_that_are_none(gm):
    errors = gm.standard_errors(X)
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            errors.interval(lambda mixture: mixture.weights, level)
    with pytest.raises(ValueError, match="must return finite numbers"):
        errors.interval(lambda mixture: np.append(mixture.weights, np.nan))
    with pytest.raises(ValueError, match=r"kind must be one of .* Did you mean 'sandwich'"):
        gm.standard_errors(X, kind="sandwitch")  # codespell:ignore
    with pytest.raises(ValueError, match="n_replicates must be a whole number of at least 2"):
        gm.standard_errors(X, kind="bootstrap", n_replicates=1)


@pytest.mark.parametrize("kind", ["information", "bootstrap", "jackknife"])
def test_other_rows_than_the_fits_are_refused(gm, kind):
    for rows, weight in ((X + 0.5, None), (X[:-1], None), (X, np.full(len(X), 2.0))):
        with pytest.raises(ValueError, match="of the rows that were fitted, and X is not them"):
            gm.standard_errors(rows, kind=kind, sample_weight=weight)


def test_fits_that_are_no_maximum_of_the_likelihood_say_so():
    with pytest.raises(ValueError, match="the fit has prior: take kind='bootstrap'"):
        fitted(prior="default").standard_errors(X)
    assert fitted(prior="default").standard_errors(X, kind="bootstrap", n_replicates=3)
    with pytest.raises(ValueError, match="posterior_sample draws from it"):
        BayesianGaussianMixture(2, random_state=0).fit(X).standard_errors(X)
    by_hand = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [np.eye(2)])
    with pytest.raises(ValueError, match="set by hand"):
        by_hand.standard_errors(X)
    early = GaussianMixture(2, init_params="random", max_iter=1, random_state=3)
    with pytest.warns(ConvergenceWarning):
        early.fit(X)
    with pytest.raises(ValueError, match="not positive definite"):
        early.standard_errors(X)


def test_more_parameters_than_a_matrix_has_room_for():
    rows = np.random.default_rng(0).normal(size=(300, 70))
    model = GaussianMixture(1).fit(rows)
    with pytest.raises(ValueError, match=r"of which there are 2,555, more than 2,000"):
        model.standard_errors(rows)


def test_the_jackknife_needs_whole_weights():
    weight = np.linspace(0.5, 1.5, len(X))
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=weight)
    with pytest.raises(ValueError, match="weights that are not whole"):
        model.standard_errors(X, kind="jackknife", sample_weight=weight)
    assert model.standard_errors(X, kind="bootstrap", sample_weight=weight, n_replicates=3)


def test_rows_elsewhere_are_not_fitted_anew(gm):
    with pytest.raises(ValueError, match="X must be in memory"):
        gm.standard_errors(mixtura.from_batches(batches), kind="bootstrap")
