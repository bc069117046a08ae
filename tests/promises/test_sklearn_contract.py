"""What a user of scikit-learn relies on holds here; where both compute the same, digit by digit."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError, UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from mixtura import GaussianMixture
from mixtura.testing.problems import random_mixture, random_rows

STRUCTURES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_cholesky_", "precisions_"]
FITTED = [*PARAMETERS, "converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_"]

# Where the defaults differ: theirs, with which both compute the same, and ours.
THEIRS = {"tol": 1e-3, "reg_covar": 1e-6, "max_iter": 100, "init_params": "kmeans"}
OURS = {"tol": 1e-7, "reg_covar": "auto", "max_iter": 1000, "init_params": "auto"}

DIFFERENCES = Path(__file__).resolve().parents[2] / "docs/differences.md"


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    """The problems are small: threads of BLAS and of KMeans only wait for each other."""
    with threadpool_limits(1):
        yield


each_structure = pytest.mark.parametrize("covariance_type", STRUCTURES)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows_of(covariance_type="full", seed=0, n_rows=300, n_components=3, n_features=3):
    rng = np.random.default_rng(seed)
    return random_rows(random_mixture(n_components, n_features, covariance_type, rng), n_rows, rng)


def explicit_start(covariance_type, seed=0, n_components=3, n_features=3):
    """Weights, means and precisions near those of `rows_of`: no start has anything left to choose."""
    rng = np.random.default_rng(seed)
    mixture = random_mixture(n_components, n_features, covariance_type, rng)
    return {
        "n_components": n_components,
        "covariance_type": covariance_type,
        "weights_init": np.full(n_components, 1 / n_components),
        "means_init": mixture.means + 0.5 * rng.standard_normal(mixture.means.shape),
        "precisions_init": 0.5 * mixture.precisions,
    }


def both_kinds(*args, **params):
    """An estimator of ours and one of theirs, with their defaults."""
    kinds = (GaussianMixture, sklearn.mixture.GaussianMixture)
    return tuple(kind(*args, **THEIRS | params) for kind in kinds)


def both(X, **params):
    return tuple(model.fit(X) for model in both_kinds(**params))


def assert_same(ours, theirs, rtol=1e-9, names=PARAMETERS):
    """Equal to `rtol` of each attribute's largest number: what is near zero holds differences."""
    for name in names:
        their_value = getattr(theirs, name)
        scale = float(np.max(np.abs(their_value)))
        assert_allclose(getattr(ours, name), their_value, rtol=0, atol=rtol * scale, err_msg=name)


# scikit-learn's own checks

CHECKED = [GaussianMixture(covariance_type=name) for name in STRUCTURES]
CHECKED += [GaussianMixture(2, init_params=name) for name in ("auto", "kmeans", "random")]


def not_for_random_starts(estimator):
    if estimator.n_components == 1:
        return {}
    reason = "shuffles one of the two data sets, and a random start depends on the rows' order"
    return {"check_sample_weight_equivalence_on_dense_data": reason}


# Some checks fit what deserves the warnings: a few points for many components, more columns than rows.
@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=not_for_random_starts)
def test_estimator_checks(estimator, check):
    check(estimator)


# The same names


def test_every_constructor_argument_but_four_has_their_default():
    ours = inspect.signature(GaussianMixture).parameters
    theirs = inspect.signature(sklearn.mixture.GaussianMixture).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert parameter.default == THEIRS.get(name, parameter.default), name
        assert ours[name].default == OURS.get(name, parameter.default), name
        assert ours[name].kind == parameter.kind, name
    assert all(ours[name].kind is inspect.Parameter.KEYWORD_ONLY for name in ours.keys() - theirs)


@pytest.mark.skipif(not DIFFERENCES.exists(), reason="needs the repository")
@pytest.mark.parametrize("name", OURS)
def test_the_page_of_differences_has_each_other_default(name):
    value = str(OURS[name]).replace("e-0", "e-")
    assert re.search(rf"`{name}=[\"']?{value}\b", DIFFERENCES.read_text(encoding="utf-8"))


def public_methods(estimator):
    members = inspect.getmembers(estimator, callable)
    return {name for name, _ in members if not name.startswith("_")}


def test_every_public_method_is_there():
    assert public_methods(sklearn.mixture.GaussianMixture) <= public_methods(GaussianMixture)


@pytest.mark.parametrize("method", sorted(public_methods(sklearn.mixture.GaussianMixture)))
def test_methods_take_their_arguments(method):
    ours = inspect.signature(getattr(GaussianMixture, method)).parameters
    theirs = inspect.signature(getattr(sklearn.mixture.GaussianMixture, method)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name
    extra = list(ours.values())[len(theirs) :]
    assert all(parameter.default is not parameter.empty for parameter in extra)


def kind_of(value):
    kinds = (bool, Integral, Real, list, np.ndarray)
    return next(kind for kind in kinds if isinstance(value, kind))


def test_the_kind_of_estimator_is_theirs():
    ours, theirs = (get_tags(kind()) for kind in (GaussianMixture, sklearn.mixture.GaussianMixture))
    assert ours.estimator_type == theirs.estimator_type == "density_estimator"
    assert ours.target_tags == theirs.target_tags
    assert ours.input_tags == theirs.input_tags
    assert ours.requires_fit == theirs.requires_fit


@not_converged
@each_structure
@each_dtype
def test_fitted_attributes_have_their_shapes_and_types(covariance_type, dtype):
    X = rows_of(covariance_type).astype(dtype)
    ours, theirs = both(X, n_components=3, covariance_type=covariance_type, random_state=0)
    public = {name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")}
    assert public == set(FITTED)
    for name in FITTED:
        assert np.ndim(getattr(ours, name)) == np.ndim(getattr(theirs, name)), name
        assert kind_of(getattr(ours, name)) == kind_of(getattr(theirs, name)), name
    for name in PARAMETERS:
        assert getattr(ours, name).shape == getattr(theirs, name).shape
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype == dtype


@each_dtype
def test_results_have_their_shapes_and_types(dtype):
    X = rows_of().astype(dtype)
    ours, theirs = both(X, n_components=3, random_state=0)
    for method in ["predict", "predict_proba", "score_samples"]:
        our_result, their_result = getattr(ours, method)(X), getattr(theirs, method)(X)
        assert our_result.shape == their_result.shape
        assert our_result.dtype == their_result.dtype
    assert ours.fit_predict(X).dtype == theirs.fit_predict(X).dtype
    for method in ["score", "bic", "aic"]:
        assert isinstance(getattr(ours, method)(X), float)


def test_feature_names_are_theirs():
    frame = pd.DataFrame(rows_of(), columns=["a", "b", "c"])
    ours, theirs = both(frame, n_components=2, random_state=0)
    assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
    assert ours.feature_names_in_.dtype == theirs.feature_names_in_.dtype
    assert ours.n_features_in_ == theirs.n_features_in_ == 3


# The same numbers


@pytest.mark.filterwarnings(
    "ignore:Components . and . are the same:mixtura.DegenerateComponentWarning"
)
@not_converged
@each_structure
@pytest.mark.parametrize("seed", range(20))
def test_same_start_and_iterations_give_their_parameters(covariance_type, seed):
    n_features, n_components = 1 + seed % 5, 1 + seed % 4
    X = rows_of(covariance_type, seed, 200, n_components, n_features)
    start = explicit_start(covariance_type, seed, n_components, n_features)
    ours, theirs = both(X, **start, max_iter=7, tol=0)
    assert ours.n_iter_ == theirs.n_iter_ == 7
    assert_same(ours, theirs)
    # Their bound after an iteration is that of the mixture before it.
    assert_allclose(ours.lower_bounds_[:-1], theirs.lower_bounds_[1:], rtol=1e-9)
    assert_allclose(ours.lower_bound_, theirs.score(X), rtol=1e-9)
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-9)
    assert_allclose(ours.bic(X), theirs.bic(X), rtol=1e-9)
    assert_allclose(ours.aic(X), theirs.aic(X), rtol=1e-9)


@not_converged
@each_structure
@pytest.mark.parametrize("seed", range(5))
def test_same_kmeans_seed_gives_their_parameters(covariance_type, seed):
    X = rows_of(covariance_type, seed)
    params = {"n_components": 3, "covariance_type": covariance_type, "random_state": seed}
    ours, theirs = both(X, **params, max_iter=7, tol=0)
    assert_same(ours, theirs)
    assert_allclose(ours.lower_bound_, theirs.score(X), rtol=1e-9)


@each_structure
@pytest.mark.parametrize("seed", range(5))
def test_their_default_tolerance_stops_where_theirs_does(covariance_type, seed):
    X = rows_of(covariance_type, seed)
    params = {"n_components": 3, "covariance_type": covariance_type, "random_state": seed}
    ours, theirs = both(X, **params)
    assert ours.converged_
    assert theirs.converged_
    assert ours.n_iter_ == theirs.n_iter_ > 2
    assert_same(ours, theirs)


@not_converged
@each_structure
@pytest.mark.parametrize("given", ["weights_init", "means_init", "precisions_init"])
def test_one_given_parameter_replaces_that_of_the_start(covariance_type, given):
    X = rows_of(covariance_type)
    start = explicit_start(covariance_type)
    params = {key: start[key] for key in ("n_components", "covariance_type", given)}
    ours, theirs = both(X, **params, random_state=0, max_iter=3, tol=0)
    assert_same(ours, theirs)


@pytest.mark.parametrize("given", ["weights_init", "precisions_init"])
def test_with_one_given_parameter_the_default_start_is_kmeans(given):
    """With means that are given there is one start (tests/starts)."""
    params = {given: explicit_start("full")[given], "random_state": 0}
    ours, kmeans = (
        GaussianMixture(3, init_params=name, **params).fit(rows_of()) for name in ("auto", "kmeans")
    )
    assert ours.starts_ == kmeans.starts_
    assert_same(ours, kmeans, rtol=0)


@not_converged
@each_structure
def test_zero_iterations_hand_out_the_start(covariance_type):
    X = rows_of(covariance_type)
    ours, theirs = both(
        X, n_components=3, covariance_type=covariance_type, random_state=0, max_iter=0
    )
    assert_same(ours, theirs)
    assert ours.converged_ is theirs.converged_ is False
    assert ours.n_iter_ == theirs.n_iter_ == 0
    assert ours.lower_bounds_ == theirs.lower_bounds_ == []


def test_zero_iterations_keep_given_means():
    X = rows_of()
    means = explicit_start("full")["means_init"]
    ours = GaussianMixture(3, means_init=means, max_iter=0, random_state=0).fit(X)
    assert_array_equal(ours.means_, means)


@pytest.mark.parametrize("init_params", ["random", "k-means++", "random_from_data"])
def test_some_of_ten_starts_find_two_blobs(init_params):
    X = np.concatenate([rows_of(), 30 + rows_of(seed=1)])
    params = {"n_components": 2, "random_state": 0, "tol": 1e-9, "max_iter": 1000}
    ours = GaussianMixture(init_params=init_params, n_init=10, **params).fit(X)
    theirs = sklearn.mixture.GaussianMixture(**params).fit(X)
    assert_allclose(ours.score(X), theirs.score(X), rtol=1e-6)


# Parameters set by hand


def set_by_hand(estimator, start, with_covariances=True):
    mixture = random_mixture(3, 3, estimator.covariance_type, np.random.default_rng(start))
    estimator.weights_ = np.array(mixture.weights)
    estimator.means_ = np.array(mixture.means)
    estimator.precisions_cholesky_ = np.array(mixture.precisions_cholesky)
    if with_covariances:
        estimator.covariances_ = np.array(mixture.covariances)
    return estimator


def assert_same_results(ours, theirs, X):
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-12)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.score(X), theirs.score(X), rtol=1e-12)
    assert_allclose(ours.bic(X), theirs.bic(X), rtol=1e-12)
    assert_allclose(ours.aic(X), theirs.aic(X), rtol=1e-12)


@each_structure
@pytest.mark.parametrize("with_covariances", [True, False])
def test_parameters_set_without_fit_are_used(covariance_type, with_covariances):
    X = rows_of(covariance_type)
    ours, theirs = (
        set_by_hand(kind(3, covariance_type=covariance_type), 5, with_covariances)
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert_same_results(ours, theirs, X)


@each_structure
def test_parameters_set_after_fit_are_used(covariance_type):
    X = rows_of(covariance_type)
    ours, theirs = both(X, n_components=3, covariance_type=covariance_type, random_state=0)
    assert_same_results(set_by_hand(ours, 5), set_by_hand(theirs, 5), X)


@pytest.mark.parametrize("name", ["weights_", "means_", "precisions_cholesky_"])
def test_a_parameter_changed_in_place_is_used(name):
    X = rows_of()
    ours, theirs = both(X, n_components=3, random_state=0)
    for estimator in (ours, theirs):
        getattr(estimator, name)[:] = getattr(estimator, name)[::-1].copy()
    assert_same_results(ours, theirs, X)


@each_structure
def test_covariances_set_by_hand_are_sampled(covariance_type):
    X = rows_of(covariance_type)
    ours = GaussianMixture(1, covariance_type=covariance_type, random_state=0).fit(X)
    before, _ = ours.sample(1000, random_state=0)
    ours.covariances_ = 100.0 * ours.covariances_
    after, _ = ours.sample(1000, random_state=0)
    assert_allclose(after.std(axis=0), 10 * before.std(axis=0), rtol=1e-6)


# The estimator's life


def test_clone_is_unfitted_and_has_the_same_parameters():
    model = GaussianMixture(2, covariance_type="diag", tol=1e-4, n_jobs=1).fit(rows_of())
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "weights_")
    with pytest.raises(NotFittedError):
        twin.predict(rows_of())


def test_set_params_sets_every_parameter():
    values = {
        "n_components": 4,
        "covariance_type": "tied",
        "tol": 1e-2,
        "reg_covar": 1e-3,
        "max_iter": 7,
        "n_init": 2,
        "init_params": "random",
        "weights_init": [0.25] * 4,
        "means_init": np.eye(4).tolist(),
        "precisions_init": np.eye(4).tolist(),
        "random_state": 3,
        "warm_start": True,
        "verbose": 1,
        "verbose_interval": 5,
        "accelerate": True,
        "sort_components": "mean",
        "min_component_rows": 5.0,
        "distribution": "t",
        "df": 5.0,
        "noise": True,
        "noise_volume": 10.0,
        "covariances_init": np.eye(4).tolist(),
        "prior": "default",
        "fixed": {"means": True},
        "equal_weights": True,
        "min_weight": 0.1,
        "max_eigenvalue_ratio": 5.0,
        "missing": "mar",
        "callback": print,
        "max_time": 60.0,
        "checkpoint": "fit.safetensors",
        "checkpoint_interval": 5.0,
        "resume": True,
        "n_jobs": 2,
    }
    model = GaussianMixture().set_params(**values)
    assert model.get_params() == values
    assert GaussianMixture(**values).get_params() == values
    with pytest.raises(ValueError, match="covariance"):
        model.set_params(covariance="full")


@not_converged
@pytest.mark.parametrize(
    "init_params", ["auto", "kmeans", "k-means++", "random", "random_from_data"]
)
def test_fit_changes_no_constructor_argument(init_params):
    params = {
        "n_components": 2,
        "weights_init": [0.5, 0.5],
        "means_init": [[0, 0, 0], [1, 1, 1]],
        "init_params": init_params,
        "random_state": np.random.RandomState(0),
        "max_iter": 3,
    }
    model = GaussianMixture(**params)
    given = {name: copy.deepcopy(value) for name, value in params.items()}
    model.fit(rows_of())
    for name, value in params.items():
        assert getattr(model, name) is value
        if name != "random_state":
            assert value == given[name]


def test_fit_returns_the_estimator_and_ignores_y():
    X = rows_of()
    model = GaussianMixture(2, random_state=0)
    assert model.fit(X, y=["ignored"] * len(X)) is model
    assert_array_equal(model.fit_predict(X, ["ignored"]), model.predict(X))


COPIES = {
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "joblib": lambda model, folder: joblib.load(joblib.dump(model, folder / "model.joblib")[0]),
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "copy": lambda model, _: copy.copy(model),
}


@each_structure
@pytest.mark.parametrize("how", COPIES)
def test_copies_predict_the_same_bits(covariance_type, how, tmp_path):
    X = rows_of(covariance_type)
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    twin = COPIES[how](model, tmp_path)
    assert twin.get_params() == model.get_params()
    for method in ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"]:
        assert_array_equal(getattr(twin, method)(X), getattr(model, method)(X))
    assert str(twin.summary()) == str(model.summary())
    assert_array_equal(twin.sample(5, random_state=1)[0], model.sample(5, random_state=1)[0])


def test_an_unpickled_model_can_be_changed_and_fitted_again():
    X = rows_of()
    twin = pickle.loads(pickle.dumps(GaussianMixture(2, random_state=0).fit(X)))
    twin.set_params(n_components=3).fit(X)
    assert_same(twin, GaussianMixture(3, random_state=0).fit(X), rtol=0)


def test_repr_shows_what_was_changed():
    assert repr(GaussianMixture(3, covariance_type="diag")) == (
        "GaussianMixture(covariance_type='diag', n_components=3)"
    )
    assert "GaussianMixture" in GaussianMixture()._repr_html_()


# Pipelines and searches


def test_a_pipeline_ends_in_it():
    X = rows_of() * [1, 10, 100] + 5
    ours, theirs = (
        make_pipeline(StandardScaler(), model).fit(X) for model in both_kinds(3, random_state=0)
    )
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.score(X), theirs.score(X), rtol=1e-9)
    assert_array_equal(ours.fit_predict(X), theirs.fit_predict(X))


@pytest.mark.parametrize("container", ["default", "pandas"])
def test_a_pipeline_with_set_output_ends_in_it(container):
    frame = pd.DataFrame(rows_of(), columns=["a", "b", "c"])
    plain = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)).fit(
        frame.to_numpy()
    )
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0))
    pipeline.set_output(transform=container).fit(frame)
    assert hasattr(pipeline[-1], "feature_names_in_") == (container == "pandas")
    assert_array_equal(pipeline.predict_proba(frame), plain.predict_proba(frame.to_numpy()))


GRID = {"n_components": [1, 2, 3], "covariance_type": ["full", "diag"]}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_finds_what_theirs_finds(n_jobs):
    X = rows_of()
    ours, theirs = (
        GridSearchCV(model, GRID, cv=3, n_jobs=n_jobs).fit(X)
        for model in both_kinds(random_state=0)
    )
    assert ours.best_params_ == theirs.best_params_
    for key in ["mean_test_score", "split0_test_score", "split2_test_score"]:
        assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-9)
    assert_allclose(ours.score(X), theirs.score(X), rtol=1e-9)


def test_cross_validation_scores_are_theirs():
    X = rows_of()
    ours, theirs = (
        cross_val_score(model, X, cv=KFold(4, shuffle=True, random_state=0))
        for model in both_kinds(2, random_state=0)
    )
    assert_allclose(ours, theirs, rtol=1e-9)


# Metadata routing


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def weights_of(X):
    return np.random.default_rng(1).uniform(0.1, 3.0, len(X))


def requested(n_components=2):
    model = GaussianMixture(n_components, random_state=0)
    return model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)


def test_a_pipeline_routes_weights_to_fit_and_score(routing):
    X = rows_of()
    w = weights_of(X)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = Pipeline([("scale", scaler), ("mix", requested())]).fit(X, sample_weight=w)
    scaled = StandardScaler().fit_transform(X)
    alone = GaussianMixture(2, random_state=0).fit(scaled, sample_weight=w)
    assert_array_equal(pipeline[-1].means_, alone.means_)
    assert pipeline.score(X, sample_weight=w) == alone.score(scaled, sample_weight=w)
    assert pipeline.score(X, sample_weight=w) != alone.score(scaled)


def test_a_grid_search_routes_weights_to_fit_and_score(routing):
    X = rows_of()
    w = weights_of(X)
    search = GridSearchCV(requested(), {"n_components": [1, 2]}, cv=KFold(3))
    search.fit(X, sample_weight=w)
    by_hand = [
        [
            GaussianMixture(k, random_state=0)
            .fit(X[train], sample_weight=w[train])
            .score(X[test], sample_weight=w[test])
            for train, test in KFold(3).split(X)
        ]
        for k in (1, 2)
    ]
    assert_allclose(search.cv_results_["mean_test_score"], np.mean(by_hand, axis=1), rtol=1e-12)
    best = search.best_estimator_
    refitted = GaussianMixture(best.n_components, random_state=0).fit(X, sample_weight=w)
    assert_array_equal(best.means_, refitted.means_)
    assert search.score(X, sample_weight=w) == best.score(X, sample_weight=w)


def test_a_grid_search_over_a_pipeline_routes_weights(routing):
    X = rows_of()
    w = weights_of(X)
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    pipeline = Pipeline([("scale", scaler), ("mix", requested())])
    search = GridSearchCV(pipeline, {"mix__covariance_type": ["full", "diag"]}, cv=3)
    search.fit(X, sample_weight=w)
    scaled = StandardScaler().fit_transform(X, sample_weight=w)
    alone = clone(search.best_estimator_[-1]).fit(scaled, sample_weight=w)
    assert_array_equal(search.best_estimator_[-1].means_, alone.means_)


def test_weights_that_nobody_requested_are_an_error(routing):
    X = rows_of()
    w = weights_of(X)
    asked_to_score = GaussianMixture(random_state=0).set_score_request(sample_weight=True)
    with pytest.raises(UnsetMetadataPassedError, match=r"GaussianMixture\.fit"):
        Pipeline([("mix", asked_to_score)]).fit(X, sample_weight=w)
    asked_to_fit = GaussianMixture(random_state=0).set_fit_request(sample_weight=True)
    fitted = Pipeline([("mix", asked_to_fit)]).fit(X, sample_weight=w)
    with pytest.raises(UnsetMetadataPassedError, match=r"GaussianMixture\.score"):
        fitted.score(X, sample_weight=w)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        GridSearchCV(GaussianMixture(), {"n_components": [1]}, cv=3).fit(X, sample_weight=w)


def test_fit_and_score_declare_weights():
    request = GaussianMixture().get_metadata_routing()
    assert "sample_weight" in request.fit.requests
    assert "sample_weight" in request.score.requests


# Names and numbers of columns


def test_predict_checks_column_names():
    frame = pd.DataFrame(rows_of(), columns=["a", "b", "c"])
    model = GaussianMixture(2, random_state=0).fit(frame)
    for method in ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"]:
        with pytest.raises(ValueError, match="feature names should match"):
            getattr(model, method)(frame.rename(columns={"b": "d"}))
        with pytest.raises(ValueError, match="Feature names must be in the same order"):
            getattr(model, method)(frame[["b", "a", "c"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(frame.to_numpy())


def test_predict_takes_a_frame_as_its_numbers():
    frame = pd.DataFrame(rows_of(), columns=["a", "b", "c"])
    model = GaussianMixture(2, random_state=0).fit(frame)
    plain = GaussianMixture(2, random_state=0).fit(frame.to_numpy())
    assert_array_equal(model.predict_proba(frame), plain.predict_proba(frame.to_numpy()))


def test_a_fit_that_did_not_converge_warns_from_the_users_line():
    with pytest.warns(ConvergenceWarning, match="did not converge") as caught:
        GaussianMixture(3, init_params="kmeans", max_iter=1, random_state=0).fit(rows_of())
    assert [warning.filename for warning in caught] == [__file__]


def test_arguments_set_after_a_fit_are_for_the_next_one():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = GaussianMixture(2, random_state=0).fit(X)
    before = model.predict_proba(X)
    model.set_params(covariance_type="diag", n_components=5)
    assert_array_equal(model.predict_proba(X), before)
    assert model.summary().covariance_type == "full"
    assert model.fit(X).covariances_.shape == (5, 2)
