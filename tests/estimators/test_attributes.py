"""Parameters set by hand, before a fit or after it; subclasses; arguments and names that are not there."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.covariance import STRUCTURES
from mixtura.estimators.constructors import NEVER_CALLED
from mixtura.selection import bootstrap_difference
from mixtura.testing.problems import random_mixture

SCIKIT_LEARNS = ("full", "tied", "diag", "spherical")
K, D = 3, 2


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)) @ [[1.0, 0.4], [0.0, 0.7]] + 4 * rng.integers(0, K, (n, 1))


def mixture_of(kind="full", seed=1):
    return random_mixture(K, D, kind, np.random.default_rng(seed))


def by_hand(kind="full", spread="covariances_", model=None, seed=1):
    mixture = mixture_of(kind, seed)
    model = GaussianMixture(K, covariance_type=kind) if model is None else model
    model.weights_, model.means_ = mixture.weights.copy(), mixture.means.copy()
    values = {
        "covariances_": mixture.covariances,
        "precisions_": mixture.precisions,
        "precisions_cholesky_": mixture.precisions_cholesky,
    }
    setattr(model, spread, values[spread].copy())
    return model


def fitted(**options):
    return GaussianMixture(K, random_state=0, **options).fit(rows())


# From nothing


@pytest.mark.parametrize("spread", ["covariances_", "precisions_", "precisions_cholesky_"])
@pytest.mark.parametrize("kind", STRUCTURES)
def test_weights_means_and_any_kind_of_spread_are_enough(kind, spread):
    model, mixture, X = by_hand(kind, spread), mixture_of(kind), rows()
    assert_allclose(model.score_samples(X), mixture.log_density(X), rtol=1e-9)
    assert_array_equal(model.predict(X), mixture.labels(X))
    drawn, _ = model.sample(5, random_state=0)
    assert_allclose(drawn, mixture.sample(5, random_state=0)[0], rtol=1e-7)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", ["full", "tied"])
def test_a_factor_that_is_not_upper_triangular_counts_for_what_it_is(kind, transposed):
    """People write numpy's Cholesky factor of the inverse, which is lower triangular; any root will do."""
    mixture, X = mixture_of(kind), rows()
    lower = np.linalg.cholesky(mixture.precisions)
    orthogonal = np.linalg.qr(np.random.default_rng(0).normal(size=(D, D)))[0]
    theirs = sklearn.mixture.GaussianMixture(K, covariance_type=kind)
    ours = GaussianMixture(K, covariance_type=kind)
    for model in (theirs, ours):
        model.weights_, model.means_ = mixture.weights, mixture.means
        model.covariances_ = mixture.covariances
        model.precisions_cholesky_ = lower
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    ours.precisions_cholesky_ = lower @ orthogonal
    assert_allclose(ours.score_samples(X), mixture.log_density(X), rtol=1e-9)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_negative_diagonals_of_a_factor_change_no_density(kind):
    model, X = by_hand(kind, "precisions_cholesky_"), rows()
    density = model.score_samples(X)
    model.precisions_cholesky_ = -model.precisions_cholesky_
    assert_allclose(model.score_samples(X), density, rtol=1e-12)


def test_whole_numbers_are_numbers():
    model = GaussianMixture(2, covariance_type="spherical")
    model.weights_, model.means_, model.covariances_ = [0.5, 0.5], [[0, 0], [9, 9]], [1, 4]
    drawn, _ = model.sample(100, random_state=0)
    assert drawn.dtype == np.float64
    assert not np.array_equal(drawn, drawn.round())
    assert_array_equal(model.predict([[1, 1], [8, 8]]), [0, 1])


def test_what_is_missing_is_named():
    model = GaussianMixture(2)
    with pytest.raises(NotFittedError):
        model.predict(rows())
    model.means_ = np.zeros((2, D))
    with pytest.raises(
        ValueError, match="weights_ is not set: a mixture needs weights_, means_ and one of"
    ):
        model.predict(rows())
    model.weights_ = [0.5, 0.5]
    with pytest.raises(ValueError, match="covariances_ is not set"):
        model.predict(rows())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("weights_", [0.5, 0.5], r"weights_ must have shape \(3,\)"),
        ("weights_", [0.5, 0.5, 0.5], "sum to 1, but the least is 0.5 and the sum 1.5"),
        ("weights_", [1.5, -0.25, -0.25], "the least is -0.25"),
        ("means_", np.zeros(3), "means_ must be 2-D"),
        ("means_", np.full((3, 2), np.nan), "means_ must be finite"),
        (
            "covariances_",
            np.ones((3, 2)),
            r"must have shape \(3, 2, 2\) for covariance_type='full'",
        ),
        ("covariances_", np.zeros((3, 2, 2)), "covariance of component 0 is not positive definite"),
        ("covariances_", np.tile([[1.0, 0.5], [0.0, 1.0]], (3, 1, 1)), "symmetric"),
        ("precisions_", np.zeros((3, 2, 2)), "positive-definite"),
        ("precisions_cholesky_", np.zeros((3, 2, 2)), "precisions_cholesky_ has no inverse"),
    ],
)
def test_what_is_no_parameter_is_said(name, value, words):
    model = by_hand()
    setattr(model, name, value)
    with pytest.raises(ValueError, match=words):
        model.predict(rows())


def test_rows_of_other_width_are_refused():
    with pytest.raises(ValueError, match="X has 3 features, but the mixture has 2"):
        by_hand().predict(np.zeros((4, 3)))


# After a fit


@pytest.mark.parametrize("spread", ["covariances_", "precisions_", "precisions_cholesky_"])
@pytest.mark.parametrize("kind", SCIKIT_LEARNS)
def test_the_spread_that_was_changed_wins(kind, spread):
    model, X = fitted(covariance_type=kind), rows()
    before = model.mixture_
    factor = {"covariances_": 4.0, "precisions_": 0.25, "precisions_cholesky_": 0.5}[spread]
    wanted = Mixture.from_parameters(
        before.weights, before.means, 4 * before.covariances, covariance_type=kind
    )
    value = getattr(model, spread)
    value *= factor  # in place
    assert_allclose(model.score_samples(X), wanted.log_density(X), rtol=1e-9)
    assert_allclose(model.mixture_.covariances, wanted.covariances, rtol=1e-9)


@pytest.mark.parametrize("kind", SCIKIT_LEARNS)
def test_what_was_changed_together_must_agree(kind):
    model = fitted(covariance_type=kind)
    model.covariances_ = 4 * model.covariances_
    model.precisions_cholesky_ = model.precisions_cholesky_ / 2
    agreeing = model.score_samples(rows())
    assert np.isfinite(agreeing).all()
    model.precisions_cholesky_ = model.precisions_cholesky_ / 2
    with pytest.raises(
        ValueError, match="covariances_ and precisions_cholesky_ do not belong together"
    ):
        model.predict(rows())


def test_a_change_that_is_taken_back_is_none():
    model = fitted()
    trained = model.summary()
    means = model.means_.copy()
    model.means_ += 100
    assert model.summary() != trained
    model.means_ = means
    assert model.summary() == trained


@pytest.mark.parametrize("change", ["means_", "weights_", "covariances_"])
def test_nothing_of_the_old_mixture_stands_beside_the_new(change, tmp_path):
    model = fitted()
    if change == "weights_":
        model.weights_ = model.weights_[::-1].copy()
    else:
        setattr(model, change, getattr(model, change) * 2)
    summary = model.summary()
    assert summary.log_likelihood is summary.bic is summary.n_rows is summary.converged is None
    assert "set by hand" in str(summary)
    json.dumps(summary.to_dict())
    assert set(model.diagnosis_.verdict) == {"not judged"}
    assert np.isnan(model.diagnosis_.effective_rows).all()
    model.save(tmp_path / "m")
    loaded = mixtura.load(tmp_path / "m")
    assert_array_equal(loaded.score_samples(rows()), model.score_samples(rows()))
    assert loaded.summary() == summary
    with pytest.raises(ValueError, match="parameters of one were set by hand"):
        bootstrap_difference(model, model, rows(), n_replicates=2)


def test_the_constructors_arguments_are_for_the_next_fit(tmp_path):
    """Also in a file: it describes the mixture that it holds."""
    model = fitted()
    density = model.score_samples(rows())
    model.set_params(n_components=5, covariance_type="diag")
    assert_array_equal(model.score_samples(rows()), density)
    model.means_ = model.means_ + 0.0
    model.means_[0] += 1e-9
    assert_allclose(model.score_samples(rows()), density, rtol=1e-6)
    model.save(tmp_path / "m")
    loaded = mixtura.load(tmp_path / "m")
    assert (loaded.n_components, loaded.covariance_type) == (K, "full")


# Going on


@pytest.mark.parametrize("changed_after_a_fit", [False, True])
def test_a_warm_start_goes_on_from_them(changed_after_a_fit):
    X = rows()
    model = GaussianMixture(K, warm_start=True, max_iter=0, reg_covar=0.0)
    model = by_hand(model=model.fit(X) if changed_after_a_fit else model)
    model.fit(X)
    assert_allclose(model.means_, mixture_of().means, rtol=1e-12)
    model.set_params(n_components=2)
    with pytest.raises(ValueError, match="goes on from a fit with n_components=3"):
        model.fit(X)


@pytest.mark.parametrize("changed_after_a_fit", [False, True])
def test_a_stream_goes_on_from_them(changed_after_a_fit):
    X = rows()
    model = GaussianMixture(1, reg_covar=0.0)
    if changed_after_a_fit:
        model.fit(X)
    model.weights_, model.means_, model.covariances_ = [1.0], [[8.0, -4.0]], [np.eye(2)]
    model.partial_fit(X, step_size=0.25)
    assert_allclose(model.means_[0], 0.75 * np.array([8.0, -4.0]) + 0.25 * X.mean(axis=0))
    assert model.summary().weight == len(X)
    assert model.summary().n_rows == len(X)
    assert_allclose(
        model.lower_bound_,
        Mixture.from_parameters([1.0], [[8.0, -4.0]], [np.eye(2)]).log_density(X).mean(),
    )


def test_by_default_they_count_as_one_batch():
    model, X = by_hand(model=GaussianMixture(K, reg_covar=0.0)), rows()
    seen = []
    model.partial_fit(X, step_size=lambda n: seen.append(n) or 0.5)
    model.partial_fit(X, step_size=lambda n: seen.append(n) or 0.5)
    assert_allclose(seen, [1.0, 1.0])


def test_components_are_aligned():
    model = by_hand()
    other = mixture_of().permuted([2, 0, 1])
    assert_array_equal(model.align_to(other).means_, other.means)


# from_parameters, log_joint


def test_a_model_from_parameters_is_fitted(tmp_path):
    mixture, X = mixture_of(), rows()
    model = GaussianMixture.from_parameters(*mixture.as_tuple()[:3], random_state=3)
    assert (model.n_components, model.random_state) == (K, 3)
    assert_array_equal(model.score_samples(X), mixture.log_density(X))
    assert_allclose(model.bic(X), -2 * mixture.log_density(X).sum() + 17 * np.log(len(X)))
    assert model.sample(4)[0].shape == (4, D)
    scaled = make_pipeline(StandardScaler().fit(X), model)
    assert_array_equal(scaled.predict(X), mixture.labels(StandardScaler().fit_transform(X)))
    model.save(tmp_path / "m")
    for twin in (mixtura.load(tmp_path / "m"), pickle.loads(pickle.dumps(model))):
        assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
        assert twin.summary() == model.summary()
    with pytest.raises(ValueError, match="sum to 1"):
        GaussianMixture.from_parameters([1.0, 1.0], [[0.0], [1.0]], [[[1.0]], [[1.0]]])
    diag = GaussianMixture.from_parameters([1.0], [[0.0]], [[2.0]], covariance_type="diag")
    assert diag.covariance_type == "diag"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", SCIKIT_LEARNS)
def test_log_joint_is_what_densities_and_responsibilities_come_from(kind, dtype):
    mixture, X = mixture_of(kind), rows(1000).astype(dtype)
    joint = mixture.log_joint(X)
    assert joint.dtype == dtype
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    parts = [mixture.permuted([k, (k + 1) % K, (k + 2) % K]) for k in range(K)]
    for k, part in enumerate(parts):
        alone = Mixture.from_parameters(
            [1.0],
            part.means[:1],
            mixture.covariances if kind == "tied" else part.covariances[:1],
            covariance_type=kind,
        )
        theirs = alone.log_density(X) + np.log(part.weights[0])
        assert_allclose(joint[:, k], theirs, rtol=tolerance, atol=tolerance)
    assert_allclose(
        logsumexp(joint, axis=1), mixture.log_density(X), rtol=tolerance, atol=tolerance
    )
    model = GaussianMixture.from_parameters(*mixture.as_tuple()[:3], covariance_type=kind)
    assert_array_equal(model.log_joint(X), joint)
    theirs = set_up(sklearn.mixture.GaussianMixture(K, covariance_type=kind), mixture)
    if dtype == np.float64:
        assert_allclose(joint, theirs._estimate_weighted_log_prob(X), rtol=1e-9, atol=1e-9)


def set_up(model, mixture):
    model.weights_, model.means_ = mixture.weights, mixture.means
    model.covariances_, model.precisions_cholesky_ = (
        mixture.covariances,
        mixture.precisions_cholesky,
    )
    return model


def test_log_joint_knows_what_responsibilities_cannot_say():
    mixture = Mixture.from_parameters([0.5, 0.5], [[0.0], [100.0]], [[[1.0]], [[1.0]]])
    assert mixture.responsibilities([[0.0]])[0, 1] == 0
    assert_allclose(np.diff(mixture.log_joint([[0.0]])), -5000.0)
    empty = Mixture.from_parameters([1.0, 0.0], [[0.0], [1.0]], [[[1.0]], [[1.0]]])
    assert empty.log_joint([[0.0]])[0, 1] == -np.inf


# Subclasses


class Fewer(GaussianMixture):
    def __init__(self, n_components=2):
        super().__init__(n_components, covariance_type="diag", random_state=0)


class More(GaussianMixture):
    def __init__(self, n_components=2, *, outlier_share=0.1, random_state=0):
        super().__init__(n_components, random_state=random_state)
        self.outlier_share = outlier_share

    def outliers(self, X):
        density = self.score_samples(X)
        return density < np.quantile(density, self.outlier_share)


@pytest.mark.parametrize("kind", [Fewer, More])
def test_a_subclass_with_another_constructor_does_all_that_the_class_does(kind, tmp_path):
    X = rows()
    model = kind(3).fit(X)
    model.save(tmp_path / "m")
    loaded = mixtura.load(tmp_path / "m")
    assert type(loaded) is GaussianMixture
    assert loaded.covariance_type == model.covariance_type
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert model.summary() == loaded.summary()
    model.checkpoint, model.checkpoint_interval = tmp_path / "c", 0.0
    assert_array_equal(model.fit(X).means_, loaded.means_)
    with pytest.raises(ValueError, match="n_components"):
        kind(0).fit(X)
    mixture = model.mixture_
    if kind is More:
        twin = More.from_parameters(*mixture.as_tuple()[:3], outlier_share=0.2)
        assert twin.outliers(X).sum() == 60


def test_scikit_learns_steps_are_said_not_to_be_called():
    with pytest.warns(
        UserWarning, match="Own defines '_initialize_parameters', '_m_step', which nothing calls"
    ):

        class Own(GaussianMixture):
            def _m_step(self):
                raise AssertionError

            def _initialize_parameters(self):
                raise AssertionError

    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Other(GaussianMixture):
            def predict_proba(self, X):
                return super().predict_proba(X)

        class OfOwn(Own):
            pass

    OfOwn(2).fit(rows())


def test_every_step_of_scikit_learns_em_is_known():
    theirs = sklearn.mixture.GaussianMixture
    steps = {
        name
        for base in theirs.__mro__
        if base.__module__.startswith("sklearn.mixture")
        for name, value in vars(base).items()
        if callable(value) and name.startswith("_") and not name.startswith("__")
    }
    assert steps - {"_n_parameters"} == NEVER_CALLED
    assert not [name for name in NEVER_CALLED if hasattr(GaussianMixture, name)]


# Names


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        (GaussianMixture, "n_component", "n_components"),
        (GaussianMixture, "covarianceType", "covariance_type"),
        (GaussianMixture, "max_iters", "max_iter"),
        (GaussianMixtureSearch, "criteria", "criterion"),
        (More, "outlier_shares", "outlier_share"),
    ],
)
def test_an_unknown_argument_is_named_with_the_one_that_was_meant(kind, given, meant):
    with pytest.raises(TypeError) as error:
        kind(**{given: 3})
    assert str(error.value) == f"{kind.__name__} has no argument {given!r}. Did you mean {meant!r}?"


def test_subclasses_may_take_any_argument():
    class Any(GaussianMixture):
        def __init__(self, n_components=1, **options):
            super().__init__(n_components)
            self.options = options

    assert Any(2, colour="red").options == {"colour": "red"}


@pytest.mark.parametrize("name", ["means", "precisions", "weights"])
def test_a_starting_value_of_wrong_shape_is_called_by_its_argument(name):
    with pytest.raises(ValueError, match=f"^{name}_init has the wrong shape"):
        GaussianMixture(2, **{f"{name}_init": np.ones((5, 5))}).fit(rows())


def test_one_number_of_components_in_a_search_is_said_to_be_one():
    with pytest.warns(
        UserWarning, match=r"tries that number of components alone: give range\(1, 3\)"
    ):
        GaussianMixtureSearch(2, "EII", random_state=0).fit(rows())
    for meant in ([2], 1, range(1, 3)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            GaussianMixtureSearch(meant, "EII", random_state=0).fit(rows())


def test_the_package_offers_its_own_names_only():
    assert set(dir(mixtura)) == {*mixtura.__all__, "datasets", "export", "plots", "selection"}


def test_the_packages_modules_are_there_without_an_import():
    assert mixtura.datasets.load_faithful is not None
    assert mixtura.selection.combine is not None


def imported(name):
    with pytest.raises(ImportError) as error:
        exec(f"from mixtura import {name}")
    return str(error.value)


def test_a_name_that_is_not_there_says_what_is():
    assert "the class is GaussianMixture" in imported("GMM")
    assert "Did you mean 'GaussianMixture'?" in imported("GausianMixture")
    with pytest.raises(AttributeError, match=r"it is in mixtura.plots"):
        mixtura.plot_mixture  # noqa: B018
    assert not hasattr(mixtura, "GMM")
    from mixtura import errors

    assert errors.SourceError is mixtura.SourceError


@pytest.mark.parametrize("name", [n for n, w in mixtura._ELSEWHERE.items() if "it is in" in w])
def test_names_are_where_they_are_said_to_be(name):
    module = mixtura._ELSEWHERE[name].removeprefix("it is in ")
    assert hasattr(__import__(module, fromlist=[name]), name)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_what_was_changed_in_single_precision_agrees_to_its_rounding(kind):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(200, 4)) @ np.diag([1.0, 1, 1, 1e-2]) @ rng.normal(size=(4, 4))).astype(
        np.float32
    )
    model = GaussianMixture(1, covariance_type=kind).fit(X)
    model.covariances_ = 4 * model.covariances_
    model.precisions_cholesky_ = model.precisions_cholesky_ / 2
    assert np.isfinite(model.score_samples(X)).all()
    model.precisions_cholesky_ = model.precisions_cholesky_ * np.float32(1.1)
    with pytest.raises(ValueError, match="do not belong together"):
        model.predict(X)
