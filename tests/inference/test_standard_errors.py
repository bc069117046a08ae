"""Scores, information, standard errors and intervals, against differences, closed forms and fits anew."""

from __future__ import annotations

import itertools
import json
import signal
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture, Mixture, _core
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.em import Monitor, expectation_maximisation
from mixtura.em.regularisation import regularisation
from mixtura.estimators.resampling import Drawing, Following, refitted
from mixtura.fitting.diagnosis import Grounds, matching
from mixtura.inference import FreeParameters, Refits, information_of
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


def test_the_bootstrap_of_old_faithful_is_within_its_error_of_a_published_one(gm):
    n = 1999
    ours = gm.standard_errors(X, kind="bootstrap", n_replicates=n).weights[0]
    assert ours == pytest.approx(0.0286, abs=3 * 0.0286 / np.sqrt(2 * 999))


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


KINDS_OF_FITS = [
    {},
    *({"covariance_type": name} for name in ("VEV", "EEE", "VVI", "VII")),
    *({"distribution": "t"}, {"distribution": "t", "df": 5.0}, {"reg_covar": 1e-5}),
    *({"equal_weights": True}, {"noise": True}, {"prior": "default"}),
    {"max_eigenvalue_ratio": 5.0},
]


@pytest.mark.parametrize("arguments", KINDS_OF_FITS)
def test_fits_anew_end_where_fit_does(arguments):
    model = fitted(**arguments)
    weight = np.random.default_rng(0).gamma(1.0, size=len(X))
    weight[::3] = 0
    found, failed = Following(model, Rows(X)).fits(np.stack([weight, np.ones(len(X))]))
    assert not failed.any()
    for ours, theirs in zip(found, (refitted(model, X, weight), refitted(model, X)), strict=True):
        ours = ours.permuted(matching(ours, theirs._density))
        assert_allclose(ours.means, theirs._density.means, rtol=1e-5)
        assert_allclose(ours.covariances, theirs._density.covariances, rtol=1e-3, atol=1e-5)
        assert_allclose(ours.weights, theirs._density.weights, rtol=1e-4)


GAPS = np.where(np.random.default_rng(3).random(X.shape) < 0.1, np.nan, X)
STD = np.random.default_rng(4).uniform(0.5, 1.5, X.shape) * [0.05, 1.0]
SOME = {"labels": np.where(np.arange(len(X)) < 20, X[:, 0] > 3, -1)}
CREDIBLE = {"labels": np.where(np.arange(len(X))[:, None] < 20, [[0.8, 0.2]], [[0.5, 0.5]])}
UNKNOWN = {"error_std": np.where(np.arange(len(X))[:, None] < 9, [[0.05, np.inf]], STD)}
TOGETHER = {"error_covariances": STD[:, :, None] * STD[:, None] * [[1, 0.3], [0.3, 1]], **SOME}
MAR = {"missing": "mar"}

# What fits take from their own rows, and what rows bring.
KINDS_OF_REFITS = {
    "plain": ({}, X, {}),
    "tied": ({"covariance_type": "EEE"}, X, {}),
    "variances": ({"covariance_type": "VVI"}, X, {}),
    "spherical": ({"covariance_type": "VII"}, X, {}),
    "noise": ({"noise": True}, X, {}),
    "noise along one feature": ({"noise": True}, X[:, 1:], {}),
    "noise of a volume": ({"noise": True, "noise_volume": 500.0}, X, {}),
    "noise and tails": ({"noise": True, "distribution": "t"}, X, {}),
    "noise and gaps": ({"noise": True, **MAR}, GAPS, {}),
    "default prior": ({"prior": "default"}, X, {}),
    "default prior of variances": ({"prior": "default", "covariance_type": "VVI"}, X, {}),
    "default prior, tied": ({"prior": "default", "covariance_type": "EEE", "noise": True}, X, {}),
    "default prior and gaps": ({"prior": "default", **MAR}, GAPS, {}),
    "default prior, variances, gaps": (
        {"prior": "default", "covariance_type": "VII", **MAR},
        GAPS,
        {},
    ),
    "a ratio": ({"max_eigenvalue_ratio": 5.0}, X, {}),
    "labels": ({}, X, SOME),
    "labels and noise": ({"noise": True}, X, SOME),
    "credible labels": ({"covariance_type": "EEE"}, X, CREDIBLE),
    "gaps": (MAR, GAPS, {}),
    "gaps, tied": ({"covariance_type": "EEE", **MAR}, GAPS, SOME),
    "errors": ({}, X, {"error_std": STD}),
    "the same errors": ({"covariance_type": "EEE"}, X, {"error_std": [0.05, 1.0]}),
    "unknown values": (MAR, X, UNKNOWN),
    "errors that go together": ({}, X, TOGETHER),
    "errors, gaps and noise": ({"noise": True, **MAR}, GAPS, {"error_std": STD}),
}


def one_by_one(model, rows, weights):
    """Fits to the rows with each row of weights, by the loop as Python calls it."""
    for weight in weights:
        own = replace(rows[weight > 0], weight=weight[weight > 0])
        blocks = ArrayBlocks(own)
        added = regularisation(model._reg_covar, blocks)
        start = model._density
        m_step = Grounds(added, kind=model._kind(blocks)).m_step(start.structure)
        monitor = Monitor(float(model.tol), model.max_iter, accelerated=True)
        yield expectation_maximisation(start, blocks, m_step, monitor, accelerate=True)[0]


@pytest.mark.parametrize("kind", KINDS_OF_REFITS)
def test_fits_in_one_call_are_those_one_by_one(kind):
    arguments, rows, brought = KINDS_OF_REFITS[kind]
    model = GaussianMixture(2, random_state=0, n_jobs=1, **arguments).fit(rows, **brought)
    beside = {"sample_weight": None, "labels": None, "error_covariances": None, "error_std": None}
    own = model._own_rows(model._density, rows, {**beside, **brought}).rows
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(X), np.full(len(X), 1 / len(X)), size=3).astype(float)
    weights = np.vstack([drawn, rng.exponential(size=(2, len(X)))])
    if own.weight is not None:  # rows without any value
        weights = weights * own.weight
    ours, failed = Following(model, own, 2).fits(weights)
    assert not failed.any()
    for one, other in zip(ours, one_by_one(model, own, weights), strict=True):
        assert_allclose(one.means, other.means, rtol=1e-9)
        assert_allclose(one.weights, other.weights, rtol=1e-9)
        assert_allclose(one.covariances, other.covariances, rtol=1e-8)
        assert_allclose(one.precisions_cholesky, other.precisions_cholesky, rtol=1e-8)
        if other.df is not None:
            assert_allclose(one.df, other.df, rtol=1e-6)
        assert (one.noise is None) == (other.noise is None)
        if other.noise is not None:
            assert_allclose(one.noise.as_array, other.noise.as_array, rtol=1e-9)


def test_draws_have_the_moments_of_a_multinomial_distribution():
    weight = np.array([0.0, 1.0, 2.0, 5.0, 0.0])
    seeds = np.random.SeedSequence(0).generate_state(20_000, np.uint64).tolist()
    most = 5 * _core.MOST_DRAWS_A_ROW  # one by one; beyond, by binomial numbers
    proportions = (weight, weight / 8), (None, np.full(5, 0.2))
    for n, (given, shares) in itertools.product((8, most, most + 1, 1 << 53), proportions):
        drawing = Drawing(np.zeros((5, 1)), given, n, 1.0)
        counts = drawing.counts(seeds)
        assert_array_equal(counts.sum(axis=1), n)
        assert not counts[:, shares == 0].any()
        assert_allclose(counts.mean(axis=0) / n, shares, atol=0.015 / np.sqrt(n))
        theirs = np.diag(shares) - np.outer(shares, shares)
        assert_allclose(np.cov(counts.T / np.sqrt(n)), theirs, atol=0.012)
        assert_array_equal(drawing.counts(seeds[7:8])[0], counts[7])


def test_components_of_a_replicate_are_numbered_as_the_fits(gm):
    mixture = gm.mixture_
    three = random_mixture(3, 2, "full", np.random.default_rng(0))
    others = [three.permuted(order) for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2])]
    for one in Refits.of(others).matched(three):
        assert_array_equal(one.means, three.means)
        assert_array_equal(one.covariances, three.covariances)
        assert_allclose(one.log_density(X), three.log_density(X))
    # Both are nearest to the same one: the assignment decides.
    close = Mixture.from_parameters(
        [0.5, 0.5], mixture.means[[0, 0]] + [[0.1, 0], [0, 9]], mixture.covariances
    )
    ours = Refits.of([close]).matched(mixture)[0]
    assert_array_equal(ours.means, close.means[matching(close, mixture)])


def test_a_fit_in_which_a_component_collapses_is_counted_and_left_out():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(4, 2)) * 0.1 + 9])
    model = GaussianMixture(2, reg_covar=0, random_state=0, sort_components="weight").fit(rows)
    errors = model.standard_errors(rows, kind="bootstrap", n_replicates=200)
    assert 0 < errors.n_failed < 150
    assert errors.n_failed + errors.n_replicates == 200
    assert f"{errors.n_failed} more failed" in str(errors)
    assert np.isfinite(errors.means).all()
    one = rows[:63]  # without one of its three rows a component has no volume
    model = GaussianMixture(2, reg_covar=0, init_params=(one[:, 0] > 5).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(one)
    with pytest.raises(ValueError, match="fits without one row each failed"):
        model.standard_errors(one, kind="jackknife")


def test_ctrl_c_ends_a_bootstrap(gm):
    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            gm.standard_errors(X, kind="bootstrap", n_replicates=3_000_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_python_hears_signals_while_rows_are_drawn():
    """Several before the draws end; were they heard after them, it would be one."""
    n_heard = 0

    def hear(signum, frame):
        nonlocal n_heard
        n_heard += 1
        if n_heard == 3:
            raise KeyboardInterrupt

    n = 1 << 16
    drawing = Drawing(np.zeros((n, 1)), np.ones(n), n * _core.MOST_DRAWS_A_ROW, 1.0)
    before = signal.signal(signal.SIGALRM, hear)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        with pytest.raises(KeyboardInterrupt):
            drawing.counts(range(40))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# What rows bring, and degrees of freedom


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", ["VVV", "EEE", "VEI", "VII"])
@pytest.mark.parametrize("kind", ["whole", "gaps"])
def test_information_of_degrees_of_freedom_is_that_of_differences(name, shared, kind):
    plain = random_mixture(2, 3, name, np.random.default_rng(0))
    df = [5.0, 5.0] if shared else [3.0, 9.0]
    mixture = Mixture.from_parameters(*plain.as_tuple()[:3], covariance_type=name, df=df)
    rows = mixture.sample(30, random_state=1)[0] + 0.3
    if kind == "gaps":
        rows[np.random.default_rng(2).uniform(size=rows.shape) < 0.3] = np.nan
    parameters = FreeParameters(mixture, (0, 0) if shared else (1, 0))
    assert parameters.n == mixture.n_parameters - shared

    def log_likelihood(step):
        return parameters.at(step).log_density(rows, missing="mar", n_jobs=1).sum()

    blocks = ArrayBlocks(Rows(rows, missing=kind == "gaps"))
    ours = information_of(parameters, blocks)
    check_derivatives(ours, log_likelihood)
    alone = np.eye(parameters.n)[-1]  # df, which weigh little in directions at random
    up, down = (log_likelihood(h * alone) for h in (1e-4, -1e-4))
    assert (up - down) / 2e-4 == pytest.approx(ours.score[-1], rel=1e-5, abs=1e-6)
    bend = (2 * log_likelihood(0 * alone) - up - down) / 1e-8
    assert bend == pytest.approx(ours.observed[-1, -1], rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI"])
@pytest.mark.parametrize("kind", ["labels", "credible", "noise"])
def test_information_of_labelled_rows_is_that_of_differences(name, kind):
    mixture = random_mixture(2, 3, name, np.random.default_rng(0))
    rows = mixture.sample(30, random_state=1)[0] + 0.3
    label = np.where(np.arange(30) % 3 == 0, np.arange(30) % 2, -1)
    terms = np.log(np.random.default_rng(2).uniform(size=(30, 2)))
    terms[5, 1] = -np.inf
    given = {"label": label} if kind == "labels" else {"log_credible": terms}
    parameters = FreeParameters(mixture)

    def log_likelihood(step):
        joint = parameters.at(step).log_joint(rows, n_jobs=1)
        if kind == "labels":
            known = label >= 0
            alone = joint[known, label[known]].sum()
            return alone + np.logaddexp.reduce(joint[~known], axis=1).sum()
        return np.logaddexp.reduce(joint + terms, axis=1).sum()

    check_derivatives(information(mixture, Rows(rows, **given)), log_likelihood)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VEV", "VVI", "VII"])
@pytest.mark.parametrize("kind", ["variances", "covariances", "one for all", "unknown"])
def test_information_of_rows_with_errors_is_that_of_differences(name, kind):
    mixture = random_mixture(2, 3, name, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rows = mixture.sample(20, random_state=1)[0] + 0.3
    factor = rng.normal(size=(20, 3, 4))
    error = factor @ np.swapaxes(factor, 1, 2) / 4
    if kind in ("variances", "unknown"):
        error = np.einsum("nii->ni", error).copy()
    if kind == "unknown":
        error[rng.uniform(size=error.shape) < 0.2] = np.inf
    if kind == "one for all":
        error = np.broadcast_to(error[:1], error.shape)
    parameters = FreeParameters(mixture)

    def log_likelihood(step):
        at = parameters.at(step)
        return sum(np.log(density) for density in densities(at, rows, error))

    check_derivatives(information(mixture, Rows(rows, error=error)), log_likelihood)


def densities(mixture, rows, error):
    """Of each row, by scipy: component k has its covariance and that of the row's errors."""
    for x, own in zip(rows, error, strict=True):
        own = np.diag(own) if own.ndim == 1 else own
        seen = np.isfinite(np.diag(own))
        both = mixture.covariance_matrices() + np.where(np.isfinite(own), own, 0)
        yield sum(
            w * multivariate_normal(m[seen], S[np.ix_(seen, seen)]).pdf(x[seen])
            for w, m, S in zip(mixture.weights, mixture.means, both, strict=True)
        )


def test_fits_with_labels_have_smaller_errors_and_bootstraps_like_them():
    rng = np.random.default_rng(0)
    law = Mixture.from_parameters([0.4, 0.6], [[0.0], [2.0]], [[[1.0]], [[1.0]]])
    rows, drawn = law.sample(800, random_state=rng)
    labels = np.where(rng.uniform(size=800) < 0.5, drawn, -1)
    model = GaussianMixture(2, random_state=0, tol=1e-10).fit(rows, labels=labels)
    ours = model.standard_errors(rows, labels=labels)
    by_fits = model.standard_errors(rows, labels=labels, kind="bootstrap", n_replicates=200)
    assert_allclose(ours.weights, by_fits.weights, rtol=0.2)
    assert_allclose(ours.means, by_fits.means, rtol=0.2)
    without = GaussianMixture(2, random_state=0, sort_components="mean", tol=1e-10).fit(rows)
    assert np.all(ours.weights < without.standard_errors(rows).weights)
    with pytest.raises(ValueError, match="of the rows that were fitted, and X is not them"):
        model.standard_errors(rows)


def test_fits_with_measurement_errors_bootstrap_like_their_information():
    rng = np.random.default_rng(0)
    law = Mixture.from_parameters([0.4, 0.6], [[0.0], [6.0]], [[[1.0]], [[1.0]]])
    std = rng.uniform(0.2, 1.5, (500, 1))
    rows = law.sample(500, random_state=rng)[0] + std * rng.normal(size=(500, 1))
    model = GaussianMixture(2, random_state=0, tol=1e-10).fit(rows, error_std=std)
    ours = model.standard_errors(rows, error_std=std)
    by_fits = model.standard_errors(rows, error_std=std, kind="bootstrap", n_replicates=100)
    for name in ("weights", "means", "covariances"):
        assert_allclose(getattr(ours, name), getattr(by_fits, name), rtol=0.3)
    with pytest.raises(ValueError, match="of the rows that were fitted, and X is not them"):
        model.standard_errors(rows)


def test_estimated_degrees_of_freedom_have_errors_and_given_ones_have_none():
    law = Mixture.from_parameters([0.4, 0.6], [[0.0, 0], [8.0, 0]], [np.eye(2)] * 2, df=[5, 5])
    rows = law.sample(3000, random_state=0)[0]
    plain = {"distribution": "t", "random_state": 0, "sort_components": "mean", "tol": 1e-11}
    each = GaussianMixture(2, **plain).fit(rows)
    ours = each.standard_errors(rows)
    by_fits = each.standard_errors(rows, kind="bootstrap", n_replicates=200)
    assert_allclose(ours.df, by_fits.df, rtol=0.3)
    assert_allclose(ours.covariances, by_fits.covariances, rtol=0.35, atol=0.01)
    found = ours.interval(lambda mixture: mixture.df)
    assert_allclose(found.std, ours.df, rtol=1e-5)
    shared = GaussianMixture(2, df="shared", **plain).fit(rows)
    one = shared.standard_errors(rows)
    assert one.df[0] == one.df[1] < ours.df.min()
    given = GaussianMixture(2, df=5.0, **plain).fit(rows)
    known = given.standard_errors(rows)
    assert np.isnan(known.df).all()
    variances = np.einsum("kii->ki", known.covariances)
    assert np.all(variances < np.einsum("kii->ki", ours.covariances))


def test_degrees_of_freedom_at_their_edge_are_taken_to_be_known():
    rows = np.random.default_rng(0).uniform(size=(500, 2))  # of no tails at all
    model = GaussianMixture(1, distribution="t").fit(rows)
    assert model.df_[0] == pytest.approx(1e4)
    errors = model.standard_errors(rows)
    assert np.isnan(errors.df).all()
    assert np.isfinite(errors.means).all()


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
