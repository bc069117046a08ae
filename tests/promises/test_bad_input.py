"""What is wrong is said in one sentence, and nothing is left half done."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from threadpoolctl import threadpool_limits

import mixtura
from mixtura import DataWarning, DegenerateComponentWarning, GaussianMixture, Mixture

METHODS = ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"]
STRUCTURES = ["full", "tied", "diag", "spherical"]


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


def good(n_rows=40, n_features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def frame(X=None):
    return pd.DataFrame(good() if X is None else X, columns=["a", "b", "c"])


def spoilt(value, rows=(7,), column=2):
    X = good()
    X[list(rows), column] = value
    return X


def message_of(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def assert_one_sentence(message, words):
    """A short line that holds the words, in any order."""
    for word in words:
        assert word in message
    assert "\n" not in message.strip()
    assert len(message) < 400


# Rows

ROWS = {
    "NaN": (spoilt(np.nan), ["NaN", "column 2", "row 7", "1 value"]),
    "infinity": (spoilt(np.inf), ["infinity", "column 2", "row 7", "1 value"]),
    "minus infinity": (spoilt(-np.inf), ["infinity", "column 2", "row 7"]),
    "several": (spoilt(np.nan, rows=(30, 9, 10)), ["NaN", "column 2", "row 9", "3 values"]),
    "NaN in float32": (spoilt(np.nan).astype(np.float32), ["NaN", "column 2", "row 7"]),
    "NaN in float16": (spoilt(np.nan).astype(np.float16), ["NaN", "column 2", "row 7"]),
    "NaN in a frame": (frame(spoilt(np.nan)), ["NaN", "column 2 ('c')", "row 7"]),
    "NaN in objects": (spoilt(np.nan).astype(object), ["NaN", "column 2", "row 7"]),
    "fewer rows than components": (good(1 + 1), ["n_components = 3", "n_samples = 2"]),
    "one row": (good(1), ["1 sample", "minimum of 2"]),
    "no rows": (np.empty((0, 3)), ["0 sample", "(0, 3)"]),
    "no columns": (np.empty((5, 0)), ["0 feature", "(5, 0)"]),
    "3-D": (good().reshape(40, 3, 1), ["dim 3", "dim <= 2"]),
    "text": (np.array([["1", "2"], ["3", "x"], ["4", "5"]]), ["'x'", "column 1", "row 1"]),
    "text in a list": ([["1", "y"], ["3", "x"], ["4", "5"]], ["'y'", "column 1", "row 0"]),
    "text in a frame": (frame().assign(b="word"), ["'word'", "column 'b'", "row 0"]),
    "categories": (
        frame().assign(b=pd.Categorical(["word"] * 40)),
        ["'word'", "column 'b'", "row 0"],
    ),
    "complex": (good() + 1j, ["Complex"]),
}

NOT_NUMBERS = {
    "objects": (np.array([[1, object()], [2, 3], [4, 5]], dtype=object), ["column 1", "row 0"]),
    "dates": (frame().assign(b=pd.Timestamp("2020-02-20")), ["'b'"]),
    "sparse": (csr_array(good()), ["Sparse", "toarray"]),
}


@pytest.mark.parametrize("case", ROWS)
def test_fit_refuses_rows(case):
    X, words = ROWS[case]
    model = GaussianMixture(3)
    assert_one_sentence(message_of(lambda: model.fit(X)), words)
    assert vars(model) == vars(GaussianMixture(3))


@pytest.mark.parametrize("case", NOT_NUMBERS)
def test_fit_refuses_what_is_no_number(case):
    X, words = NOT_NUMBERS[case]
    assert_one_sentence(message_of(lambda: GaussianMixture(3).fit(X), TypeError), words)


def test_fit_refuses_one_dimension():
    message = message_of(lambda: GaussianMixture(2).fit(good()[:, 0]))
    assert "Expected 2D array, got 1D array" in message
    assert "reshape(-1, 1)" in message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["NaN", "infinity", "several", "NaN in float32"])
def test_every_method_refuses_rows(method, case):
    X, words = ROWS[case]
    model = GaussianMixture(2, random_state=0).fit(good())
    assert_one_sentence(message_of(lambda: getattr(model, method)(X)), words)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_names_the_column_of_a_frame(method):
    model = GaussianMixture(2, random_state=0).fit(frame())
    message = message_of(lambda: getattr(model, method)(frame(spoilt(np.nan))))
    assert_one_sentence(message, ["NaN", "column 2 ('c')", "row 7"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.longdouble])
def test_the_first_bad_value_of_many_blocks_is_named(dtype):
    X = np.zeros((300_000, 2), dtype=dtype)
    X[[150_000, 150_001, 299_999], [1, 0, 0]] = np.nan
    message = message_of(lambda: GaussianMixture(2).fit(X))
    assert_one_sentence(message, ["3 values", "column 1", "row 150000"])


# Parameters

PARAMETERS = {
    "no component": ({"n_components": 0}, ["n_components", "int", "[1, inf)", "0"]),
    "a negative number of components": ({"n_components": -2}, ["n_components", "-2"]),
    "half a component": ({"n_components": 1.5}, ["n_components", "int", "1.5"]),
    "components as text": ({"n_components": "3"}, ["n_components", "int", "'3'"]),
    "no number of components": ({"n_components": None}, ["n_components", "int", "None"]),
    "negative tol": ({"tol": -1e-3}, ["tol", "[0.0, inf)", "-0.001"]),
    "tol is NaN": ({"tol": np.nan}, ["tol", "nan"]),
    "negative reg_covar": ({"reg_covar": -1}, ["reg_covar", "[0.0, inf)", "-1"]),
    "infinite reg_covar": ({"reg_covar": np.inf}, ["reg_covar", "inf"]),
    "negative max_iter": ({"max_iter": -1}, ["max_iter", "[0, inf)", "-1"]),
    "no start": ({"n_init": 0}, ["n_init", "[1, inf)", "0"]),
    "text as seed": ({"random_state": "seed"}, ["random_state", "'seed'"]),
    "zero threads": ({"n_jobs": 0}, ["n_jobs", "0", "-1"]),
    "half a thread": ({"n_jobs": 0.5}, ["n_jobs", "0.5"]),
}

UNKNOWN_NAMES = {
    "ful": ("covariance_type", "full"),
    "FULL": ("covariance_type", "full"),
    "tide": ("covariance_type", "tied"),
    "diagonal": ("covariance_type", "diag"),
    "sphere": ("covariance_type", "spherical"),
    "kmean": ("init_params", "kmeans"),
    "kmeans++": ("init_params", "k-means++"),
    "Random": ("init_params", "random"),
    "random_data": ("init_params", "random_from_data"),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_fit_refuses_parameters(case):
    params, words = PARAMETERS[case]
    model = GaussianMixture(**params)
    assert_one_sentence(message_of(lambda: model.fit(good())), words)


@pytest.mark.parametrize("given", UNKNOWN_NAMES)
def test_an_unknown_name_gets_the_nearest_one(given):
    parameter, meant = UNKNOWN_NAMES[given]
    model = GaussianMixture(**{parameter: given})
    message = message_of(lambda: model.fit(good()))
    assert_one_sentence(message, [parameter, repr(given), f"Did you mean {meant!r}?"])


@pytest.mark.parametrize("parameter", ["covariance_type", "init_params"])
def test_a_name_unlike_any_other_gets_the_list_alone(parameter):
    message = message_of(lambda: GaussianMixture(**{parameter: "zzz"}).fit(good()))
    assert_one_sentence(message, [parameter, "'zzz'"])
    assert "Did you mean" not in message


def test_a_mixture_of_an_unknown_structure_gets_the_nearest_one():
    def make():
        Mixture.from_parameters([1.0], [[0.0]], [[1.0]], covariance_type="dia")

    assert_one_sentence(message_of(make), ["covariance_type", "'dia'", "Did you mean 'diag'?"])


# Weights

WEIGHTS = {
    "negative": (np.r_[1.0, -0.5, np.ones(38)], ["sample_weight", "negative", "row 1", "-0.5"]),
    "NaN": (np.r_[1.0, 1.0, np.nan, np.ones(37)], ["sample_weight", "finite", "row 2", "nan"]),
    "infinite": (np.r_[np.inf, np.ones(39)], ["sample_weight", "finite", "row 0", "inf"]),
    "all zero": (np.zeros(40), ["sample_weight", "zero"]),
    "too few": (np.ones(39), ["sample_weight", "40", "39"]),
    "too many": (np.ones(41), ["sample_weight", "40", "41"]),
    "none at all": ([], ["sample_weight", "40", "0"]),
    "2-D": (np.ones((40, 1)), ["sample_weight", "(40, 1)"]),
    "text": (["one"] * 40, ["sample_weight", "'one'"]),
}


@pytest.mark.parametrize("case", WEIGHTS)
@pytest.mark.parametrize("method", ["fit", "fit_predict", "score", "bic", "aic", "icl"])
def test_weights_are_refused(case, method):
    weights, words = WEIGHTS[case]
    model = GaussianMixture(2, random_state=0).fit(good())
    message = message_of(lambda: getattr(model, method)(good(), sample_weight=weights))
    assert_one_sentence(message, words)


@pytest.mark.parametrize("size", [1e-40, 1e40])
@pytest.mark.parametrize("init_params", ["auto", "random", "kmeans"])
def test_weights_that_float32_cannot_hold_are_computed_with_in_double(init_params, size):
    X, weight = good().astype(np.float32), np.full(40, size)
    model = GaussianMixture(2, init_params=init_params, reg_covar=0, random_state=0)
    ours = model.fit(X, sample_weight=weight).lower_bound_
    assert_allclose(ours, model.fit(X.astype(float), sample_weight=weight).lower_bound_, rtol=1e-9)
    assert_allclose(model.score(X, sample_weight=weight), ours, rtol=1e-6)


def test_weights_of_batches_that_float32_cannot_hold_are_computed_with_in_double():
    X = good().astype(np.float32)
    source = mixtura.from_batches(lambda: iter([(X, np.full(40, 1e-60))]))
    model = GaussianMixture(2, init_params="random", reg_covar=0, random_state=0)
    assert np.isfinite(model.fit(source).lower_bound_)


def test_rows_of_weight_zero_do_not_count_as_rows():
    weights = np.r_[1.0, 1.0, np.zeros(38)]
    message = message_of(lambda: GaussianMixture(3).fit(good(), sample_weight=weights))
    assert_one_sentence(message, ["n_components = 3", "n_samples = 2", "weight 0"])


# Starts

I = np.eye(3)  # noqa: E741
SHEARED = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def too_few_labels(X, n_components, random_state):
    return np.zeros(len(X) - 1)


def nothing(X, n_components, random_state):
    return None


def one_component(X, n_components, random_state):
    return Mixture.from_parameters([1.0], [[0.0] * 3], [I])


GIVEN = {
    "too many weights": ({"weights_init": [0.2, 0.3, 0.5]}, ["weights", "(2,)", "(3,)"]),
    "weights below 0": ({"weights_init": [-0.5, 1.5]}, ["weights", "[0, 1]", "-0.5"]),
    "weights that sum to 0.9": ({"weights_init": [0.5, 0.4]}, ["weights", "normalized", "0.9"]),
    "NaN beside a weight of 1": (
        {"weights_init": [np.nan, 1.0]},
        ["weights_init", "sums to 1", "NaN"],
    ),
    "an infinite weight": ({"weights_init": [np.inf, 1.0]}, ["weights_init", "infinity"]),
    "means of another shape": ({"means_init": np.ones((2, 2))}, ["means", "(2, 3)", "(2, 2)"]),
    "NaN in a mean": ({"means_init": [[np.nan, 0, 0], [1, 1, 1]]}, ["means_init", "NaN", "0"]),
    "precisions of another shape": (
        {"precisions_init": [I]},
        ["full precision", "(2, 3, 3)", "(1, 3, 3)"],
    ),
    "matrices for a tied one": (
        {"covariance_type": "tied", "precisions_init": [I, I]},
        ["precision", "(3, 3)", "(2, 3, 3)"],
    ),
    "a matrix for diag": (
        {"covariance_type": "diag", "precisions_init": I},
        ["diag precision", "(2, 3)", "(3, 3)"],
    ),
    "a matrix for spherical": (
        {"covariance_type": "spherical", "precisions_init": I},
        ["spherical precision", "(2,)", "(3, 3)"],
    ),
    "not positive definite": (
        {"precisions_init": [I, -I]},
        ["full precision", "symmetric", "positive-definite"],
    ),
    "singular": ({"precisions_init": [I, 0 * I]}, ["full precision", "positive-definite"]),
    "not symmetric": ({"precisions_init": [I, SHEARED]}, ["full precision", "symmetric"]),
    "tied not positive definite": (
        {"covariance_type": "tied", "precisions_init": -I},
        ["tied precision", "positive-definite"],
    ),
    "diag not positive": (
        {"covariance_type": "diag", "precisions_init": np.zeros((2, 3))},
        ["diag precision", "positive"],
    ),
    "spherical not positive": (
        {"covariance_type": "spherical", "precisions_init": [1.0, -1.0]},
        ["spherical precision", "positive"],
    ),
    "too few labels": ({"init_params": np.zeros(39, int)}, ["init_params", "(40,)", "(39,)"]),
    "a label too large": ({"init_params": np.full(40, 2)}, ["init_params", "0..1", "2"]),
    "a negative label": ({"init_params": np.full(40, -1)}, ["init_params", "0..1", "-1"]),
    "half a label": ({"init_params": np.full(40, 0.5)}, ["init_params", "whole"]),
    "a NaN label": ({"init_params": np.full(40, np.nan)}, ["init_params", "whole"]),
    "labels as text": ({"init_params": ["a"] * 40}, ["init_params"]),
    "responsibilities of three": (
        {"init_params": np.full((40, 3), 1 / 3)},
        ["init_params", "(40, 2)", "(40, 3)"],
    ),
    "responsibilities that sum to 2": (
        {"init_params": np.ones((40, 2))},
        ["init_params", "sum to 1", "row 0", "2"],
    ),
    "negative responsibilities": (
        {"init_params": [[1.5, -0.5]] * 40},
        ["init_params", "negative"],
    ),
    "NaN responsibilities": (
        {"init_params": np.full((40, 2), np.nan)},
        ["init_params", "finite"],
    ),
    "a callable that returns too little": (
        {"init_params": too_few_labels},
        ["init_params", "(40,)", "(39,)"],
    ),
    "a callable that returns nothing": (
        {"init_params": nothing},
        ["init_params", "(40,)"],
    ),
    "a callable that returns another mixture": (
        {"init_params": one_component},
        ["init_params", "n_components"],
    ),
}


@pytest.mark.parametrize("case", GIVEN)
def test_starts_are_refused(case):
    params, words = GIVEN[case]
    model = GaussianMixture(2, random_state=0, **params)
    assert_one_sentence(message_of(lambda: model.fit(good())), words)


# The earlier fit survives

FAILING = {
    "rows": lambda model: model.fit(spoilt(np.nan)),
    "no rows": lambda model: model.fit(np.empty((0, 3))),
    "another width, then NaN": lambda model: model.fit(np.full((40, 5), np.nan)),
    "renamed columns, then NaN": lambda model: model.fit(
        pd.DataFrame(spoilt(np.nan), columns=["x", "y", "z"])
    ),
    "text": lambda model: model.fit(frame().assign(b="word")),
    "weights": lambda model: model.fit(good(seed=1), sample_weight=-np.ones(40)),
    "parameter": lambda model: model.set_params(tol=-1).fit(good(seed=1)),
    "unknown name": lambda model: model.set_params(covariance_type="ful").fit(good(seed=1)),
    "too many components": lambda model: model.set_params(n_components=99).fit(good(seed=1)),
    "start": lambda model: model.set_params(means_init=[[0.0]]).fit(good(seed=1)),
    "singular covariance": lambda model: model.set_params(reg_covar=0).fit(np.ones((40, 3))),
    "fit_predict": lambda model: model.fit_predict(spoilt(np.nan)),
    "a callable that fails": lambda model: model.set_params(init_params=_fails).fit(good(seed=1)),
    "an interrupt": lambda model: model.set_params(init_params=_interrupts).fit(good(seed=1)),
}


# Of the singular covariance.
columns_of_ones = pytest.mark.filterwarnings("ignore:Column 0 is constant:mixtura.DataWarning")


def _fails(X, n_components, random_state):
    raise ValueError("no start today")


def _interrupts(X, n_components, random_state):
    raise KeyboardInterrupt


@columns_of_ones
@pytest.mark.parametrize("case", FAILING)
@pytest.mark.parametrize("rows", [good(), frame()], ids=["array", "frame"])
def test_a_failing_fit_leaves_the_earlier_one(case, rows):
    model = GaussianMixture(2, random_state=0).fit(rows)
    params, before = model.get_params(), dict(vars(model))
    results = {method: getattr(model, method)(rows) for method in METHODS}
    summary = str(model.summary())
    with pytest.raises((ValueError, KeyboardInterrupt)):
        FAILING[case](model)
    model.set_params(**params)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        assert vars(model)[name] is value, name
    for method, result in results.items():
        assert_array_equal(getattr(model, method)(rows), result)
    assert str(model.summary()) == summary


@columns_of_ones
@pytest.mark.parametrize("case", FAILING)
def test_a_failing_first_fit_leaves_nothing(case):
    model = GaussianMixture(2, random_state=0)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        FAILING[case](model)
    assert vars(model).keys() == model.get_params().keys()
    with pytest.raises(NotFittedError):
        model.set_params(**GaussianMixture(2).get_params()).predict(good())


# Using a fit

NEED_A_FIT = [*METHODS, "sample", "summary", "save", "mixture_"]


@pytest.mark.parametrize("name", NEED_A_FIT)
def test_before_fit_everything_says_so(name, tmp_path):
    arguments = {"sample": (), "summary": (), "save": (tmp_path / "model",)}.get(name, (good(),))
    message = message_of(lambda: getattr(GaussianMixture(2), name)(*arguments), NotFittedError)
    assert_one_sentence(message, ["GaussianMixture", "not fitted yet", "'fit'"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_features", [2, 4])
def test_another_number_of_features_is_refused(method, n_features):
    model = GaussianMixture(2, random_state=0).fit(good())
    message = message_of(lambda: getattr(model, method)(good(n_features=n_features)))
    assert_one_sentence(message, [f"X has {n_features} features", "expecting 3 features"])


@pytest.mark.parametrize("method", METHODS)
def test_other_feature_names_are_refused_and_listed(method):
    model = GaussianMixture(2, random_state=0).fit(frame())
    message = message_of(lambda: getattr(model, method)(frame().rename(columns={"b": "beta"})))
    assert "feature names should match those that were passed during fit" in message
    assert "unseen at fit time:\n- beta" in message
    assert "now missing:\n- b" in message


@pytest.mark.parametrize("n_samples", [0, -1])
def test_a_sample_of_nothing_names_the_number(n_samples):
    model = GaussianMixture(2, random_state=0).fit(good())
    message = message_of(lambda: model.sample(n_samples))
    assert_one_sentence(message, ["n_samples", str(n_samples)])


# Degenerate data fit, and say what they are


def constant_column():
    return np.insert(good(n_features=2), 1, 4.25, axis=1)


def equal_columns():
    X = good()
    X[:, 2] = X[:, 0]
    return X


def dependent_columns():
    X = good()
    X[:, 2] = X[:, 0] - 2 * X[:, 1] + 5
    return X


def repeated_point():
    return np.concatenate([good(), np.tile(good()[3], (30, 1))])


def one_point():
    return np.tile(good()[:1], (30, 1))


# How to make them, the structures whose covariances degenerate, and what the warnings say.
DEGENERATE_COLUMNS = {
    "constant": (constant_column, ["full", "tied", "diag"], ["olumn 1", "constant", "4.25"]),
    "equal": (equal_columns, ["full", "tied"], ["olumns 0 and 2", "equal"]),
    "dependent": (dependent_columns, ["full", "tied"], ["olumns 0, 1, 2", "linearly dependent"]),
    "one point": (one_point, STRUCTURES, ["olumn 0", "column 1", "column 2", "constant"]),
}


def assert_usable(model, X):
    probabilities = model.predict_proba(X)
    assert np.all(np.isfinite(probabilities))
    assert_allclose(probabilities.sum(axis=1), 1.0, rtol=4 * np.finfo(X.dtype).eps)
    assert np.isfinite(model.score(X))
    assert np.all(np.isfinite(model.sample(5)[0]))


def warnings_of(fit, ignored=None):
    """Categories and messages, all from a line of this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if ignored is not None:
            warnings.simplefilter("ignore", ignored)
        fit()
    assert all(warning.filename == __file__ for warning in caught)
    return [warning.category for warning in caught], [str(warning.message) for warning in caught]


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("case", DEGENERATE_COLUMNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reg_covar", ["auto", 1e-6])
def test_degenerate_columns_are_named_once(case, covariance_type, dtype, reg_covar):
    make, degenerate, words = DEGENERATE_COLUMNS[case]
    X = make().astype(dtype)
    params = {"covariance_type": covariance_type, "reg_covar": reg_covar, "random_state": 0}
    model = GaussianMixture(2, **params)
    # In float32 the likelihood of what degenerates is rounding: it may never settle.
    ignored = ConvergenceWarning if dtype is np.float32 else None
    categories, messages = warnings_of(lambda: model.fit(X), ignored)
    assert categories[0] is DataWarning
    assert_one_sentence(messages[0], words)
    if covariance_type in degenerate:
        assert "depends on reg_covar" in messages[0]
    if case == "one point":  # one of the components has no row
        assert categories[1] is DegenerateComponentWarning
        assert_one_sentence(messages[1], ["Component 1 stands on fewer rows"])
    assert len(messages) == 1 + (case == "one point")
    assert_usable(model, X)


# Of one variance no column is to blame.
REPEATED = {key: ["is a point mass: its 31 rows have column 0 = "] for key in STRUCTURES} | {
    "spherical": ["held up by reg_covar alone"]
}


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_component_of_repeated_rows_is_named(covariance_type, dtype):
    X = repeated_point().astype(dtype)
    params = {"covariance_type": covariance_type, "init_params": "kmeans", "random_state": 0}
    model = GaussianMixture(2, **params)
    categories, messages = warnings_of(lambda: model.fit(X))
    assert categories == [DegenerateComponentWarning] * (covariance_type != "tied")
    for message in messages:
        assert_one_sentence(message, REPEATED[covariance_type])
    assert_usable(model, X)
    # The search goes where no component degenerates, and the fit has nothing to say.
    searched = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    assert set(searched.diagnosis_.verdict) == {"sound"}


def one_factor(n_rows=300, n_features=64):
    """Columns that are multiples of one: float32 rounds its sums by more than 1e-6 of the variances."""
    factor = np.random.default_rng(0).normal(size=(n_rows, 1))
    factor[: n_rows // 2] += 5
    return (factor * np.arange(1, n_features + 1)).astype(np.float32)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
@pytest.mark.parametrize(
    ("covariance_type", "init_params"),
    [
        ("full", "auto"),
        ("full", "random"),
        ("tied", "kmeans"),
        ("VEV", "random"),
        ("diag", "kmeans"),
    ],
)
def test_the_rounding_of_float32_makes_no_covariance_singular(covariance_type, init_params):
    """Columns that depend on each other by more digits than it has are computed with in float64."""
    X = one_factor()
    params = {"covariance_type": covariance_type, "init_params": init_params, "random_state": 0}
    ours = GaussianMixture(2, max_iter=5, **params).fit(X)
    assert_usable(ours, X)
    in_double = GaussianMixture(2, max_iter=5, **params).fit(X.astype(np.float64))
    assert_allclose(ours.lower_bound_, in_double.lower_bound_, rtol=1e-6)
    assert (ours.means_.dtype == np.float32) == (covariance_type == "diag")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
def test_a_reg_covar_that_is_given_is_what_is_added():
    """In float64, which holds it beside such columns."""
    params = {"init_params": "kmeans", "random_state": 0, "reg_covar": 1e-9, "max_iter": 5}
    X = one_factor()
    ours, theirs = (GaussianMixture(2, **params).fit(rows) for rows in (X, X.astype(np.float64)))
    assert_allclose(ours._trained.reg_covar, 1e-9, rtol=0)
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (constant_column, r"olumn 1 \('b'\) is constant \(4.25\)"),
        (equal_columns, r"olumns 0 \('a'\) and 2 \('c'\) are equal"),
        (dependent_columns, r"olumns 0 \('a'\), 1 \('b'\), 2 \('c'\) are linearly dependent"),
    ],
)
def test_degenerate_columns_of_a_frame_are_named(make, words):
    X = frame(make())
    _, messages = warnings_of(lambda: GaussianMixture(2, random_state=0).fit(X))
    assert len(messages) == 1
    assert re.search(words, messages[0])


def test_columns_are_judged_by_all_rows_that_count():
    """A glance at every second row would see a constant, an equal and a dependent column here."""
    X, odd = good(4000, 6), np.arange(4000) % 2 == 1
    X[~odd, 1], X[~odd, 3] = 0.0, X[~odd, 2]
    X[~odd, 5] = X[~odd, 4] + X[~odd, 2]
    model = GaussianMixture(1, covariance_type="diag")
    assert warnings_of(lambda: model.fit(X)) == ([], [])
    assert warnings_of(lambda: model.fit(X, sample_weight=odd)) == ([], [])
    _, (before,) = warnings_of(lambda: model.fit(X, sample_weight=~odd))
    words = [
        "Column 1 is constant (0)",
        "columns 2 and 3 are equal",
        "columns 2, 4, 5 are linearly",
    ]
    assert_one_sentence(before, words)


def test_the_warnings_point_at_the_users_line():
    _, messages = warnings_of(lambda: GaussianMixture(2).fit(constant_column()))
    _, messages_too = warnings_of(lambda: GaussianMixture(2).fit_predict(constant_column()))
    assert len(messages) == len(messages_too) == 1


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("reg_covar", ["auto", 0, 1e-6, 2e-3])
def test_data_with_a_spread_of_their_own_raise_no_warning(covariance_type, reg_covar):
    X = 0.5 * good(200)
    GaussianMixture(1, covariance_type=covariance_type, reg_covar=reg_covar).fit(X)


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("reg_covar", [3e-3, 0.1])
def test_a_reg_covar_that_widens_is_named_with_its_share(covariance_type, reg_covar):
    X = 0.5 * good(200)
    model = GaussianMixture(1, covariance_type=covariance_type, reg_covar=reg_covar)
    (category,), (message,) = warnings_of(lambda: model.fit(X))
    assert category is DataWarning
    share = 100 * model.diagnosis_.floor_share[0]
    assert_one_sentence(message, [f"reg_covar={reg_covar:g}", f"{share:.1f}%", "component 0"])


def test_a_reg_covar_wider_than_a_component_holds_it_up():
    X = np.concatenate([good(200), 1e-3 * good(200) + 9])
    model = GaussianMixture(2, reg_covar=0.01, random_state=0)
    (category,), (message,) = warnings_of(lambda: model.fit(X))
    assert category is DegenerateComponentWarning
    assert_one_sentence(message, ["held up by reg_covar=0.01 alone", "larger units"])


def test_a_component_on_too_few_rows_is_named():
    start = {"means_init": [[0.0] * 3, [99.0] * 3], "weights_init": [0.5, 0.5]}
    model = GaussianMixture(2, precisions_init=[I, I], max_iter=0, **start)
    (category,), (message,) = warnings_of(lambda: model.fit(good()))
    assert category is DegenerateComponentWarning
    assert_one_sentence(message, ["Component 1 stands on fewer rows", "0 of 4", "fewer components"])


def test_components_that_are_the_same_are_named():
    model = GaussianMixture(2, init_params=np.full((40, 2), 0.5))
    (category,), (message,) = warnings_of(lambda: model.fit(good()))
    assert category is DegenerateComponentWarning
    assert_one_sentence(message, ["Components 0 and 1 are the same", "n_components"])


def test_one_point_for_two_clusters_is_said_by_kmeans_too():
    with (
        pytest.warns(ConvergenceWarning, match="distinct clusters"),
        pytest.warns(DataWarning, match="constant"),
        pytest.warns(DegenerateComponentWarning, match="fewer rows"),
    ):
        GaussianMixture(2, init_params="kmeans", random_state=0).fit(one_point())


@pytest.mark.filterwarnings("ignore:Column 1 is constant:mixtura.DataWarning")
@pytest.mark.parametrize("init_params", ["auto", "kmeans"])
def test_singular_covariances_without_reg_covar_name_the_component(init_params):
    model = GaussianMixture(1, init_params=init_params, reg_covar=0)
    message = message_of(lambda: model.fit(constant_column()))
    assert "ill-defined empirical covariance" in message
    assert "Component 0" in message
    assert "reg_covar" in message


@pytest.mark.filterwarnings("ignore:Column 1 is constant:mixtura.DataWarning")
def test_without_reg_covar_a_structure_that_needs_none_is_fitted():
    X = constant_column()
    params = {"covariance_type": "spherical", "random_state": 0}
    bare, floored = (GaussianMixture(2, reg_covar=r, **params).fit(X) for r in (0, "auto"))
    assert_allclose(bare.lower_bound_, floored.lower_bound_, rtol=1e-6)


# Files


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.safetensors"
    message = message_of(lambda: mixtura.load(path), FileNotFoundError)
    assert_one_sentence(message, [str(path), "does not exist"])


def test_a_folder_is_no_model(tmp_path):
    message = message_of(lambda: mixtura.load(tmp_path), FileNotFoundError)
    assert_one_sentence(message, [str(tmp_path), "folder"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"means_init": [[1, 2, 3], [1, 2]]}, ["means_init", "differ in length"]),
        ({"precisions_init": [I, I[:2]]}, ["precisions_init", "differ in length"]),
        ({"init_params": [[1, 0]] * 39 + [[1]]}, ["init_params", "differ in length"]),
    ],
)
def test_arguments_of_another_kind_are_refused_in_a_sentence(params, words):
    message = message_of(lambda: GaussianMixture(2, random_state=0, **params).fit(good()))
    assert_one_sentence(message, words)
    assert ".." not in message


@pytest.mark.parametrize("n_samples", [1.5, "3", None, [2], np.nan])
def test_a_sample_of_no_whole_number_is_refused(n_samples):
    model = GaussianMixture(2, random_state=0).fit(good())
    message = message_of(lambda: model.sample(n_samples), TypeError)
    assert_one_sentence(message, ["n_samples", "whole number", repr(n_samples)])


@pytest.mark.parametrize(
    "alike", [np.full(3, 1 / 3), np.random.RandomState(0)], ids=["array", "generator"]
)
def test_what_may_be_given_for_one_parameter_is_refused_for_others(alike):
    """After fits with it where it may be, of which the next ones remember that they were checked."""
    X = np.random.default_rng(0).normal(size=(60, 1)) + 10 * (np.arange(60) % 3)[:, np.newaxis]
    takes = {"weights_init"} if isinstance(alike, np.ndarray) else {"random_state"}
    for name in takes:
        GaussianMixture(3, **{name: alike}).fit(X)
    refuse = {"n_components", "tol", "reg_covar", "max_iter", "n_init", "accelerate", "n_jobs"}
    for name in refuse | ({"weights_init", "random_state"} - takes):
        for _ in range(2):
            with pytest.raises(ValueError, match=f"The '{name}' parameter of GaussianMixture must"):
                GaussianMixture(**{"n_components": 3, name: alike}).fit(X)
