"""Priors, fixed and bounded parameters as a user gives them: fits, counts, files, and what is refused."""

from __future__ import annotations

import itertools
import re
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import mixtura
from mixtura import DataWarning, GaussianMixture, Prior
from mixtura.covariance import STRUCTURES, structure
from mixtura.datasets import load_faithful

FOURTEEN = [name for name in STRUCTURES if name.isupper()]
FAITHFUL = load_faithful().data

each_model = pytest.mark.parametrize("name", FOURTEEN)
pytestmark = pytest.mark.filterwarnings("ignore::mixtura.DegenerateComponentWarning")


def three_clouds(seed=0, n_rows=240):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_rows)
    return rng.normal(size=(n_rows, 3)) * [1.0, 0.5, 2.0] + labels[:, np.newaxis] * [4.0, 1.0, 0.0]


def unit_covariances(name, k=3, d=3):
    kind = structure(name)
    one = np.eye(d) if kind.has_matrices else np.ones(kind.shape(1, d)[1:])
    return np.broadcast_to(one, kind.shape(k, d)).copy()


# Priors


def test_the_default_prior_is_mclusts():
    """mclust's MAP of Old Faithful, VVV with two components: its likelihood and parameters, as printed."""
    fitted = GaussianMixture(
        2, prior="default", tol=1e-12, random_state=0, sort_components="weight"
    )
    fitted.fit(FAITHFUL)
    assert fitted.score(FAITHFUL) * len(FAITHFUL) == pytest.approx(-1130.509263671, abs=2e-8)
    assert_allclose(fitted.weights_, [0.643924270517, 0.356075729483], rtol=0, atol=1e-9)
    means = [[4.2900518575, 79.9728328252], [2.03703413779, 54.48526503111]]
    assert_allclose(fitted.means_, means, rtol=0, atol=1e-8)
    covariances = [
        [[0.165608532038, 0.931411206209], [0.931411206209, 34.906364296232]],
        [[0.0706689210841, 0.474768639577], [0.4747686395765, 32.060484426665]],
    ]
    assert_allclose(fitted.covariances_, covariances, rtol=0, atol=1e-7)


def test_bic_and_score_stay_those_of_the_likelihood():
    fitted = GaussianMixture(2, prior="default", random_state=0).fit(FAITHFUL)
    likelihood = fitted.score_samples(FAITHFUL).sum()
    summary = fitted.summary()
    assert summary.log_likelihood == pytest.approx(likelihood, rel=1e-12)
    assert summary.n_parameters == 11
    assert fitted.bic(FAITHFUL) == pytest.approx(-2 * likelihood + 11 * np.log(272), rel=1e-12)
    assert summary.bic == pytest.approx(fitted.bic(FAITHFUL), rel=1e-12)


def test_the_lower_bound_is_what_em_raises():
    """Two fits differ in it as they differ in likelihood and in the density of their parameters."""
    X = three_clouds()
    prior = Prior(concentration=5.0)
    first, second = (
        GaussianMixture(3, prior=prior, init_params="kmeans", max_iter=n, tol=0, random_state=0)
        for n in (3, 200)
    )
    with pytest.warns(ConvergenceWarning):
        first.fit(X)
    second.fit(X)
    gaps = [
        fitted.lower_bound_ - fitted.score(X) - 4 * np.log(fitted.weights_).sum() / len(X)
        for fitted in (first, second)
    ]
    assert_allclose(gaps, 0, atol=1e-12)
    assert first.lower_bound_ == first.lower_bounds_[-1]
    assert second.starts_[-1].log_likelihood == second.lower_bound_


@each_model
@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
def test_the_default_prior_keeps_every_component_from_collapsing(name):
    """Five components on twelve rows, of which six are one."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(6, 2)), np.full((6, 2), 3.0)])
    fitted = GaussianMixture(5, covariance_type=name, prior="default", random_state=0).fit(X)
    assert set(fitted.diagnosis_.verdict) <= {"sound", "no weight"} | {
        f"same as component {k}" for k in range(5)
    }
    assert np.linalg.eigvalsh(fitted.mixture_.covariance_matrices()).min() > 1e-3


def test_units_change_nothing_under_the_default_prior_of_matrices():
    X = three_clouds()
    scales, offsets = np.array([1e3, 1e-2, 1.0]), np.array([5.0, -1e3, 0.0])
    arguments: dict[str, Any] = {"prior": "default", "random_state": 0, "tol": 1e-10}
    ours = GaussianMixture(3, **arguments).fit(X)
    theirs = GaussianMixture(3, **arguments).fit(X * scales + offsets)
    assert_allclose(theirs.means_, ours.means_ * scales + offsets, rtol=1e-6)


def test_whole_weights_are_repetitions_under_a_prior():
    X = three_clouds()
    weights = np.random.default_rng(1).integers(0, 4, len(X)).astype(float)
    repeated = np.repeat(X, weights.astype(int), axis=0)
    arguments: dict[str, Any] = {"prior": "default", "random_state": 0, "tol": 1e-11}
    ours = GaussianMixture(3, **arguments).fit(X, sample_weight=weights)
    theirs = GaussianMixture(3, **arguments).fit(repeated)
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-9)
    assert_allclose(ours.align_to(theirs).means_, theirs.means_, atol=1e-4)


def background(covariance_type="full"):
    return GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(three_clouds())


def one_iteration(prior, X, **arguments):
    with pytest.warns(ConvergenceWarning):
        return GaussianMixture(3, prior=prior, max_iter=1, tol=0, **arguments).fit(X)


def test_an_iteration_from_a_mixture_is_reynolds_adaptation_of_its_means():
    """Reynolds, Quatieri & Dunn 2000, equations 11 to 14: weights and covariances stay."""
    known, X = background(), three_clouds(1, 50) + 0.5
    given = known.predict_proba(X)
    counts = given.sum(axis=0)
    moved = (counts / (counts + 16))[:, np.newaxis]
    expected = moved * (given.T @ X) / counts[:, np.newaxis] + (1 - moved) * known.means_
    adapted = one_iteration(Prior.from_mixture(known), X)
    assert_allclose(adapted.means_, expected, rtol=0, atol=1e-13)
    assert np.array_equal(adapted.weights_, known.weights_)
    assert_allclose(adapted.covariances_, known.covariances_, rtol=1e-13)
    assert adapted.summary().n_parameters == 9


@each_model
def test_without_rows_of_its_own_a_mixture_is_adapted_to_itself(name):
    """Rows that are few beside the relevance change little, whatever is adapted."""
    known = background(name)
    prior = Prior.from_mixture(known, relevance=1e9, adapt=("weights", "means", "covariances"))
    adapted = GaussianMixture(3, covariance_type=name, prior=prior).fit(three_clouds(1, 60) + 1.0)
    assert_allclose(adapted.weights_, known.weights_, atol=1e-6)
    assert_allclose(adapted.means_, known.means_, atol=1e-6)
    assert_allclose(adapted.covariances_, known.covariances_, rtol=1e-4, atol=1e-4)


def test_adapted_covariances_are_weighed_by_the_relevance():
    """One component of n rows and r of its prior: (n S + r S' + n r / (n + r) (x - m)(x - m)^T) / (n + r)."""
    rng = np.random.default_rng(0)
    X, n, r = rng.normal(size=(30, 2)), 30, 10.0
    known = GaussianMixture.from_parameters([1.0], [[1.0, 2.0]], [[[2.0, 0.5], [0.5, 1.0]]])
    prior = Prior.from_mixture(known, relevance=r, adapt=("means", "covariances"))
    adapted = GaussianMixture(1, prior=prior, reg_covar=0).fit(X)
    gap = X.mean(axis=0) - known.means_[0]
    pooled = n * np.cov(X.T, bias=True) + r * known.covariances_[0]
    expected = (pooled + n * r / (n + r) * np.outer(gap, gap)) / (n + r)
    assert_allclose(adapted.covariances_[0], expected, rtol=1e-12)


# Fixed and bounded


def test_fixed_parameters_are_those_that_were_given_and_count_no_more():
    X = three_clouds()
    means = np.array([[4.0, 1.0, 0.0], [np.nan] * 3, [np.nan] * 3])
    weights = [np.nan, 0.25, np.nan]
    fitted = GaussianMixture(
        3,
        fixed={"means": [True, False, False], "weights": [False, True, False]},
        means_init=means,
        weights_init=weights,
        random_state=0,
    ).fit(X)
    assert np.array_equal(fitted.means_[0], means[0])
    assert fitted.weights_[1] == 0.25
    assert fitted.summary().n_parameters == 29 - 3 - 1
    free = GaussianMixture(3, random_state=0).fit(X)
    assert fitted.lower_bound_ <= free.lower_bound_ + 1e-9


@each_model
def test_all_fixed_covariances_count_nothing(name):
    X = three_clouds()
    given = unit_covariances(name)
    fitted = GaussianMixture(
        3, covariance_type=name, fixed={"covariances": True}, covariances_init=given, random_state=0
    ).fit(X)
    assert np.array_equal(fitted.covariances_, given)
    assert fitted.summary().n_parameters == 2 + 9


@pytest.mark.parametrize("seed", range(5))
def test_the_free_components_are_found_beside_the_fixed_ones(seed):
    """The best optimum of the free fit, whose first mean is then fixed, is found again."""
    X = three_clouds(seed) + np.random.default_rng(seed).normal(size=(240, 3)) * 0.3
    free = GaussianMixture(3, random_state=0, tol=1e-10).fit(X)
    means = np.full((3, 3), np.nan)
    means[2] = free.means_[1]
    fitted = GaussianMixture(
        3, fixed={"means": [False, False, True]}, means_init=means, random_state=seed, tol=1e-10
    ).fit(X)
    assert fitted.lower_bound_ == pytest.approx(free.lower_bound_, abs=1e-7)


def test_covariances_init_is_precisions_init_of_the_inverses():
    known = background()
    X, some = three_clouds(1), {"weights_init": known.weights_, "means_init": known.means_}
    ours = GaussianMixture(3, covariances_init=known.covariances_, **some).fit(X)
    theirs = GaussianMixture(3, precisions_init=known.precisions_, **some).fit(X)
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-10)
    assert_allclose(ours.means_, theirs.means_, atol=1e-6)


def test_rows_of_nan_are_left_to_the_start():
    X = three_clouds()
    free = GaussianMixture(3, init_params="kmeans", random_state=0).fit(X)
    means = free.means_.copy()
    means[[0, 2]] = np.nan
    fitted = GaussianMixture(3, means_init=means, random_state=0).fit(X)
    assert fitted.lower_bound_ == pytest.approx(free.lower_bound_, abs=1e-5)
    assert_allclose(fitted.means_[1], free.means_[1], atol=0.05)


@pytest.mark.parametrize("noise", [False, True])
def test_weights_are_equal_or_above_their_bound(noise):
    X = three_clouds()[:150]
    equal = GaussianMixture(3, equal_weights=True, noise=noise, random_state=0).fit(X)
    assert_allclose(equal.weights_, equal.weights_[0], rtol=1e-14)
    assert equal.summary().n_parameters == 27 + noise
    bounded = GaussianMixture(4, min_weight=0.2, noise=noise, random_state=0).fit(X)
    assert bounded.weights_.min() >= 0.2 - 1e-15
    assert bounded.summary().n_parameters == 39 + noise


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EEI"])
def test_the_ratio_of_eigenvalues_is_kept_and_a_large_one_is_none(name):
    X = three_clouds() * [1.0, 100.0, 1.0]
    arguments: dict[str, Any] = {"covariance_type": name, "random_state": 0, "tol": 1e-10}
    bounded = GaussianMixture(3, max_eigenvalue_ratio=3.0, **arguments).fit(X)
    matrices = bounded.mixture_.covariance_matrices()
    if name != "spherical":
        matrices = matrices / X.std(axis=0)[:, np.newaxis] / X.std(axis=0)
    found = np.linalg.eigvalsh(matrices)
    assert found.max() <= 3 * found.min() * (1 + 1e-9)
    loose = GaussianMixture(3, max_eigenvalue_ratio=1e12, **arguments).fit(X)
    free = GaussianMixture(3, **arguments).fit(X)
    assert loose.lower_bound_ == pytest.approx(free.lower_bound_, abs=1e-7)
    assert bounded.lower_bound_ <= free.lower_bound_ + 1e-9


def test_outliers_cannot_take_a_component_whose_eigenvalues_are_bounded():
    X = np.concatenate([three_clouds(), [[50.0, 50.0, 50.0]] * 2])
    bounded = GaussianMixture(4, max_eigenvalue_ratio=10.0, random_state=0).fit(X)
    matrices = bounded.mixture_.covariance_matrices() / X.std(axis=0)[:, np.newaxis] / X.std(axis=0)
    found = np.linalg.eigvalsh(matrices)
    assert found.max() <= 10 * found.min() * (1 + 1e-9)


# Together


def scatter_of(name):
    return unit_covariances(name, 1)[0] if structure(name).kernel.name != "tied" else np.eye(3)


KNOWN: dict[str, Any] = {
    "nothing": {},
    "default": {"prior": "default"},
    "prior": None,  # by the structure
    "means of each": {"prior": Prior(mean=[[0, 0, 0], [4, 1, 0], [8, 2, 0]], mean_count=5)},
    "fixed mean": {
        "fixed": {"means": [True, False, False]},
        "means_init": [[0, 0, 0], [np.nan] * 3, [np.nan] * 3],
    },
    "fixed weight": {
        "fixed": {"weights": [False, True, False]},
        "weights_init": [np.nan, 0.3, np.nan],
    },
    "fixed covariances": None,
    "equal weights": {"equal_weights": True},
    "least weight": {"min_weight": 0.25},
}


def known(what, name):
    if what == "prior":
        scatter = scatter_of(name)
        prior = Prior(
            concentration=2,
            mean=[1, 1, 1],
            mean_count=2,
            degrees_of_freedom=6,
            scatter=float(scatter) if np.ndim(scatter) == 0 else scatter,
        )
        return {"prior": prior}
    if what == "fixed covariances":
        return {"fixed": {"covariances": True}, "covariances_init": unit_covariances(name)}
    return KNOWN[what]


# Each pair of what is known with a structure, and each kind, precision, weights and acceleration among them.
_KINDS: list[dict[str, Any]] = [
    {},
    {"noise": True},
    {"distribution": "t"},
    {"distribution": "t", "df": "shared", "noise": True},
    {"distribution": "t", "df": 5.0},
]
COMBINATIONS = [
    (name, what, _KINDS[i % len(_KINDS)], i % 2 == 0, i % 3 == 0, i % 7 < 3)
    for i, (name, what) in enumerate(itertools.product(FOURTEEN, KNOWN))
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "what", "kind", "accelerate", "weighted", "single"), COMBINATIONS)
def test_all_of_them_go_together(name, what, kind, accelerate, weighted, single, tmp_path):
    """The objective never falls, weights sum to 1, and what is saved is what is loaded."""
    X = three_clouds().astype(np.float32 if single else np.float64)
    sample_weight = np.random.default_rng(2).uniform(0.2, 2, len(X)) if weighted else None
    arguments = {"covariance_type": name, "tol": 1e-8, "max_iter": 200, "accelerate": accelerate}
    model = GaussianMixture(3, random_state=0, **arguments, **kind, **known(what, name))
    fitted = model.fit(X, sample_weight=sample_weight)
    rounding = 2e-5 if single else 1e-11
    assert np.diff(fitted.lower_bounds_).min(initial=0) >= -rounding
    assert fitted.weights_.sum() + getattr(fitted, "noise_weight_", 0) == pytest.approx(1, abs=1e-6)
    fitted.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    assert loaded.lower_bound_ == fitted.lower_bound_
    assert loaded.summary().n_parameters == fitted.summary().n_parameters
    assert np.array_equal(loaded.means_, fitted.means_)


def test_a_loaded_model_has_its_prior_and_what_was_fixed(tmp_path):
    prior = Prior.from_mixture(background(), adapt=("means", "weights"))
    fitted = GaussianMixture(3, prior=prior).fit(three_clouds(1, 100))
    fitted.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.prior.mean, prior.mean)
    assert np.array_equal(loaded.prior.mixture.covariances, prior.mixture.covariances)
    again = clone(loaded).fit(three_clouds(1, 100))
    assert again.lower_bound_ == fitted.lower_bound_


def test_partial_fit_knows_the_parameters_too():
    X = three_clouds()
    means = np.array([[4.0, 1.0, 0.0], [np.nan] * 3, [np.nan] * 3])
    model = GaussianMixture(
        3, fixed={"means": [True, False, False]}, means_init=means, random_state=0
    )
    model.fit(X).partial_fit(X[:50] + 1)
    assert np.array_equal(model.means_[0], means[0])
    assert model.summary().n_parameters == 26


def test_a_warm_start_keeps_what_is_fixed():
    X = three_clouds()
    model = GaussianMixture(3, random_state=0, warm_start=True).fit(X)
    model.set_params(fixed={"covariances": True}, covariances_init=unit_covariances("full"))
    assert np.array_equal(model.fit(X).covariances_, unit_covariances("full"))


def test_a_checkpoint_tells_priors_apart(tmp_path):
    X, path = three_clouds(), tmp_path / "state"
    some = Prior(mean=[0, 0, 0], mean_count=1)
    model = GaussianMixture(3, prior=some, checkpoint=path, random_state=0, resume=True).fit(X)
    again = clone(model).fit(X)
    assert again.lower_bound_ == model.lower_bound_
    model.set_params(prior=Prior(mean=[0, 0, 0], mean_count=2))
    with pytest.raises(ValueError, match="prior"):
        model.fit(X)


# What cannot be

NAN = np.nan
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prior": "mclust"}, "prior"),
    ({"prior": Prior(mean=[0, 0], mean_count=1)}, "mean of the prior must have shape (3,)"),
    ({"prior": Prior(degrees_of_freedom=5, scatter=1.0)}, "scatter of the prior must have shape"),
    (
        {"prior": Prior(degrees_of_freedom=-5, scatter=np.eye(3))},
        "improper for covariance_type='full': degrees_of_freedom must be above -4 in 3 features.",
    ),
    (
        {"prior": Prior(degrees_of_freedom=5, scatter=-np.eye(3))},
        "its scatter must be symmetric and positive definite",
    ),
    (
        {"prior": Prior(degrees_of_freedom=5, scatter=[0, 1, 1]), "covariance_type": "diag"},
        "its scatter must be above 0",
    ),
    (
        {
            "prior": Prior(degrees_of_freedom=[5, 6, 7], scatter=np.eye(3)),
            "covariance_type": "tied",
        },
        "one for all components",
    ),
    ({"fixed": {"mean": True}}, "fixed must be a dict with some of the keys"),
    ({"fixed": {"means": True}}, "needs their values: give means_init"),
    (
        {"fixed": {"means": [True, False]}, "means_init": np.zeros((3, 3))},
        "boolean for each of the 3",
    ),
    (
        {"fixed": {"means": True}, "means_init": [[0, 0, 0], [NAN] * 3, [1, 1, 1]]},
        "whose value is NaN in means_init",
    ),
    ({"means_init": [[0, NAN, 0], [NAN] * 3, [1, 1, 1]]}, "NaN and numbers for component 0"),
    ({"weights_init": [0.7, 0.6, NAN]}, "sums to 1.3, which leaves nothing"),
    (
        {
            "fixed": {"weights": [True, True, False]},
            "weights_init": [0.5, 0.45, NAN],
            "min_weight": 0.1,
        },
        "too little for the free weights",
    ),
    (
        {"fixed": {"weights": True}, "weights_init": [0.5, 0.25, 0.25], "noise": True},
        "too little for the noise",
    ),
    (
        {
            "fixed": {"weights": [True, False, False]},
            "weights_init": [0.1, NAN, NAN],
            "min_weight": 0.2,
        },
        "below min_weight=0.2",
    ),
    (
        {
            "fixed": {"weights": [True, False, False]},
            "weights_init": [0.1, NAN, NAN],
            "equal_weights": True,
        },
        "equal_weights=True and fixed weights cannot be combined",
    ),
    ({"min_weight": 0.4}, "min_weight=0.4 is too much for n_components=3"),
    ({"max_eigenvalue_ratio": 5, "covariance_type": "VEV"}, "max_eigenvalue_ratio is not possible"),
    (
        {
            "max_eigenvalue_ratio": 5,
            "fixed": {"covariances": True},
            "covariances_init": unit_covariances("full"),
        },
        "max_eigenvalue_ratio and fixed covariances cannot be combined",
    ),
    (
        {
            "covariance_type": "VEE",
            "fixed": {"covariances": [True, False, False]},
            "covariances_init": unit_covariances("full"),
        },
        "fixed['covariances'] must be True for covariance_type='VEE'",
    ),
    (
        {"covariances_init": unit_covariances("full"), "precisions_init": unit_covariances("full")},
        "give one of them",
    ),
    (
        {"fixed": {"means": True}, "means_init": np.eye(3), "sort_components": "weight"},
        "sort_components='weight' gives the components other numbers",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        GaussianMixture(3, random_state=0, **arguments).fit(three_clouds())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Prior(concentration=0.5), "at least 1"),
        (lambda: Prior(mean_count=-1, mean=[0]), "0 or more"),
        (lambda: Prior(mean_count=1), "needs the mean"),
        (lambda: Prior(scatter=[[1.0]]), "both degrees_of_freedom and scatter"),
        (lambda: Prior(mean=[NAN], mean_count=1), "must be finite"),
        (lambda: Prior(mean="here", mean_count=1), "must be numbers"),
        (lambda: Prior.from_mixture(background(), adapt="variances"), "adapt must name some of"),
        (lambda: Prior.from_mixture(background(), relevance=0), "above 1"),
    ],
)
def test_a_prior_that_cannot_be_says_why(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_a_prior_of_a_mixture_is_for_mixtures_like_it():
    prior = Prior.from_mixture(background())
    fixed: dict[str, Any] = {"fixed": {"weights": True}, "weights_init": [0.5, 0.25, 0.25]}
    with pytest.raises(ValueError, match="The prior is of a mixture of"):
        GaussianMixture(4, prior=prior).fit(three_clouds())
    with pytest.raises(ValueError, match="name 'weights' in adapt"):
        GaussianMixture(3, prior=prior, noise=True).fit(three_clouds())
    with pytest.raises(ValueError, match="the prior keeps those of its mixture"):
        GaussianMixture(3, prior=prior, **fixed).fit(three_clouds())


def test_a_stream_has_no_prior_that_is_made_of_all_rows():
    with pytest.raises(ValueError, match="partial_fit cannot have prior='default'"):
        GaussianMixture(3, prior="default").partial_fit(three_clouds())
    with pytest.raises(ValueError, match="partial_fit cannot have max_eigenvalue_ratio"):
        GaussianMixture(3, max_eigenvalue_ratio=5).partial_fit(three_clouds())


def test_a_default_prior_needs_features_that_vary():
    X = three_clouds()
    X[:, 1] = 2.0
    with pytest.raises(ValueError, match="a feature of X does not vary"), pytest.warns():
        GaussianMixture(3, prior="default").fit(X)


@pytest.mark.parametrize(
    "adapt", [("means",), ("means", "covariances"), ("means", "weights", "covariances")]
)
def test_rows_need_not_tell_what_a_prior_holds(adapt):
    """Few rows are no reason to warn where a prior is worth some; one that is worth less than one is none."""
    X = np.random.default_rng(0).normal(size=(400, 2)) + np.repeat([[0.0], [8.0]], 200, axis=0)
    background = GaussianMixture(2, random_state=0).fit(X)
    few = X[[0, 1, 2, 200, 201, 202]] + 0.3
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        GaussianMixture(2, prior=Prior.from_mixture(background, adapt=adapt)).fit(few)
        # All covariances fixed are not counted either: 4 numbers of means and a weight for 6 rows.
        known = {"covariances_init": background.covariances_, "means_init": background.means_}
        GaussianMixture(2, fixed={"covariances": True}, **known).fit(few)
    weak = Prior(mean=X.mean(axis=0), mean_count=0.5, degrees_of_freedom=4, scatter=np.eye(2))
    with pytest.warns(
        DataWarning, match="has 5 free parameters beside those that its prior holds for 5 rows"
    ):
        GaussianMixture(2, prior=weak, random_state=0).fit(few[:5])
