"""ONNX graphs give what the models give, in the real runtime: labels, probabilities, log densities."""

from __future__ import annotations

import doctest
import io
import json
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("onnx", reason="needs onnx")
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

from sklearn.base import clone, is_classifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from mixtura import (  # noqa: E402
    BayesianGaussianMixture,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureImputer,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
)
from mixtura.covariance import STRUCTURES  # noqa: E402
from mixtura.datasets import load_faithful  # noqa: E402
from mixtura.export import register_skl2onnx, to_onnx  # noqa: E402
from mixtura.testing.problems import random_mixture, random_rows  # noqa: E402

X = load_faithful().data
STRAY = np.random.default_rng(0).uniform([1, 20], [6, 120], (60, 2))
WITH_STRAY = np.concatenate([X, STRAY])
LONG = (X[:, 0] > 3).astype(int)
DF = [1.5, 8.0, 1e6, 50.0]


def run(graph, rows):
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": rows}), strict=True))


def moved(mixture, offset, df=None):
    """The same with components of t, elsewhere."""
    return Mixture.from_parameters(
        mixture.weights,
        mixture.means + offset,
        mixture.covariances,
        covariance_type=mixture.covariance_type,
        df=df,
    )


def assert_no_wrong_label(ours, mixture, rows, margin):
    """Labels of rows of which the two likeliest components differ by more than a margin, in nats."""
    joint = np.sort(mixture.log_joint(rows), axis=1)
    clear = joint[:, -1] - joint[:, -2] > margin
    assert clear.mean() > 0.9
    assert_array_equal(ours[clear], mixture.labels(rows)[clear])


@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_each_structure_in_double(name, df):
    rng = np.random.default_rng(0)
    mixture = moved(random_mixture(4, 3, name, rng), 0.0, df)
    rows = random_rows(mixture, 1000, rng)
    ours = run(to_onnx(mixture, dtype="float64"), rows)
    assert_allclose(ours["log_density"], mixture.log_density(rows), rtol=1e-13, atol=1e-12)
    assert_allclose(ours["probabilities"], mixture.responsibilities(rows), atol=1e-13)
    assert_array_equal(ours["label"], mixture.labels(rows))


@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_each_structure_in_float32_far_from_the_origin(name, df):
    """Rows of float32 at 1e4 deviations: the density is that of the rows as float32 holds them."""
    rng = np.random.default_rng(1)
    mixture = random_mixture(4, 3, name, rng)
    mixture = moved(mixture, 1e4 * mixture.spreads.max(), df)
    rows = random_rows(mixture, 3000, rng).astype(np.float32)
    exactly = rows.astype(np.float64)
    ours = run(to_onnx(mixture), rows)
    assert ours["log_density"].dtype == np.float32
    assert_allclose(ours["log_density"], mixture.log_density(exactly), rtol=0, atol=1e-4)
    assert_allclose(ours["probabilities"], mixture.responsibilities(exactly), rtol=0, atol=2e-5)
    assert_no_wrong_label(ours["label"], mixture, exactly, 1e-3)


def test_components_far_from_each_other_in_float32():
    """No one centre is near all of them."""
    mixture = Mixture.from_parameters(
        [0.5, 0.25, 0.25], [[0.0, 0.0], [3e4, 1e4], [3e4 + 3, 1e4]], np.stack([np.eye(2)] * 3)
    )
    rows = mixture.sample(2000, 0)[0].astype(np.float32)
    ours, exactly = run(to_onnx(mixture), rows), rows.astype(np.float64)
    assert_allclose(ours["log_density"], mixture.log_density(exactly), atol=1e-4)
    assert_no_wrong_label(ours["label"], mixture, exactly, 1e-3)


def test_nearly_singular_components_are_computed_with_in_double():
    """As the library itself does: float32 rows, but sums in float64."""
    covariance = [[1.0, 1.0 - 1e-7], [1.0 - 1e-7, 1.0]]
    mixture = Mixture.from_parameters([1.0], [[100.0, 100.0]], [covariance])
    rows = mixture.sample(500, 0)[0].astype(np.float32)
    ours = run(to_onnx(mixture), rows)["log_density"]
    theirs = mixture.log_density(rows)
    assert ours.dtype == theirs.dtype == np.float32
    assert_allclose(ours, theirs, rtol=1e-6)


def test_rows_beyond_the_squares_of_float32():
    mixture = Mixture.from_parameters([0.5, 0.5], [[0.0], [5.0]], [[[1.0]], [[1.0]]])
    ours = run(to_onnx(mixture), np.array([[1e25], [-1e38]], dtype=np.float32))
    assert (ours["log_density"] < -1e37).all()
    assert np.isfinite(ours["log_density"]).all()
    assert_allclose(ours["probabilities"].sum(axis=1), 1)


def test_a_component_of_weight_zero():
    mixture = Mixture.from_parameters([1.0, 0.0], [[0.0], [5.0]], [[[1.0]], [[1.0]]])
    ours = run(to_onnx(mixture), np.array([[0.0], [5.0]], dtype=np.float32))
    assert_array_equal(ours["label"], [0, 0])
    assert_allclose(ours["log_density"], mixture.log_density([[0.0], [5.0]]), rtol=1e-6)


STRUCTURES_OF_BAYES = ("full", "tied", "diag", "spherical", "EEI", "EII")

#: A model of each kind, and what it is fitted to beside rows.
MODELS = {
    "noise": GaussianMixture(2, noise=True, random_state=0),
    "t": GaussianMixture(2, distribution="t", random_state=0),
    "noise and t": GaussianMixture(2, distribution="t", df=4.0, noise=True, random_state=0),
    "search": GaussianMixtureSearch(range(1, 4), covariance_type=["EEE", "VVV"], random_state=0),
    **{
        f"bayesian {name}": BayesianGaussianMixture(4, covariance_type=name, random_state=0)
        for name in STRUCTURES_OF_BAYES
    },
    **{
        f"bayesian {name}, noise": BayesianGaussianMixture(
            3, covariance_type=name, noise=True, random_state=0
        )
        for name in STRUCTURES_OF_BAYES
    },
    "classifier": GaussianMixtureClassifier(2, random_state=0),
    "classifier, tied": GaussianMixtureClassifier(covariance_type="EEE"),
    "classifier, of various structures": GaussianMixtureClassifier(
        {0: 1, 1: 3}, covariance_type=["EEI", "VVV", "EII"], random_state=0
    ),
    "classifier, names": GaussianMixtureClassifier(),
    "classifier, booleans": GaussianMixtureClassifier(),
    "classifier, t": GaussianMixtureClassifier(estimator=GaussianMixture(distribution="t", df=5.0)),
    "classifier, noise": GaussianMixtureClassifier(
        2, estimator=GaussianMixture(noise=True), random_state=0
    ),
    "detector": GaussianMixtureOutlierDetector(2, random_state=0),
    "detector, t": GaussianMixtureOutlierDetector(2, distribution="t", random_state=0),
}
CLASSES = {
    "classifier, names": np.array(["short", "long"])[LONG],
    "classifier, booleans": LONG > 0,
}


@cache
def fitted(name):
    is_robust = not name.startswith(("classifier", "bayesian", "search"))
    rows = WITH_STRAY if is_robust else X
    return clone(MODELS[name]).fit(rows, None if is_robust else CLASSES.get(name, LONG))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_each_fitted_model(name, dtype):
    model, digits = fitted(name), 2e-5 if dtype == "float32" else 1e-12
    rows = WITH_STRAY.astype(dtype)
    exactly = rows.astype(np.float64)
    ours = run(to_onnx(model, dtype=dtype), rows)
    assert_allclose(ours["log_density"], model.score_samples(exactly), rtol=0, atol=digits)
    assert_array_equal(ours["label"], model.predict(exactly))
    if "probabilities" in ours:
        assert_allclose(ours["probabilities"], model.predict_proba(exactly), rtol=0, atol=digits)
    else:
        assert_allclose(ours["decision"], model.decision_function(exactly), rtol=0, atol=digits)


def test_noise_is_a_label_of_its_own():
    ours = run(to_onnx(fitted("noise")), WITH_STRAY.astype(np.float32))
    assert (ours["label"] == -1).sum() > 20
    assert ours["probabilities"].shape == (len(WITH_STRAY), 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distribution", ["gaussian", "t"])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "EVE"])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_regressors(n_targets, covariance_type, distribution, dtype):
    rng = np.random.default_rng(0)
    table = moved(random_mixture(3, 4, "full", rng), 1e3).sample(400, rng)[0]
    y = table[:, 3] if n_targets == 1 else table[:, 2:]
    given = table[:, :2]
    model = GaussianMixtureRegressor(
        2, covariance_type=covariance_type, distribution=distribution, random_state=0
    ).fit(given, y)
    ours = run(to_onnx(model, dtype=dtype), given.astype(dtype))
    mean, std = model.predict(given.astype(dtype).astype(np.float64), return_std=True)
    # float32 holds 1e3 to 6e-5.
    assert_allclose(ours["mean"], mean, rtol=0, atol=1.5e-4 if dtype == "float32" else 1e-11)
    assert_allclose(ours["std"], std, rtol=1e-5 if dtype == "float32" else 1e-11)


def test_a_deviation_that_t_has_not_is_infinite():
    estimator = GaussianMixture(1, distribution="t", df=0.5)
    model = GaussianMixtureRegressor(estimator=estimator).fit(X[:, :1], X[:, 1])
    ours = run(to_onnx(model, dtype="float64"), X[:3, :1])
    mean, std = model.predict(X[:3, :1], return_std=True)
    assert np.isinf(std).all()
    assert_array_equal(ours["std"], std)
    assert_allclose(ours["mean"], mean, atol=1e-12)


# What is asked for


def test_outputs_in_the_order_asked():
    graph = to_onnx(fitted("t"), outputs=["log_density", "label"])
    assert list(run(graph, X.astype(np.float32))) == ["log_density", "label"]
    assert len(graph.graph.node) < len(to_onnx(fitted("t")).graph.node)


@pytest.mark.parametrize("opset", [13, 15, 18, 20])
def test_older_and_newer_operators(opset):
    graph = to_onnx(fitted("noise and t"), opset=opset)
    assert [one.version for one in graph.opset_import] == [opset]
    ours = run(graph, X.astype(np.float32))
    assert_allclose(
        ours["log_density"], fitted("noise and t").score_samples(X.astype(np.float32)), atol=2e-5
    )


def test_names_of_columns_go_along():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["eruptions", "waiting"])
    graph = to_onnx(GaussianMixture(2, random_state=0).fit(frame))
    [names] = [one.value for one in graph.metadata_props if one.key == "feature_names"]
    assert json.loads(names) == ["eruptions", "waiting"]


def test_one_row_and_none():
    graph = to_onnx(fitted("noise"))
    assert run(graph, X[:1].astype(np.float32))["label"].shape == (1,)
    assert run(graph, X[:0].astype(np.float32))["probabilities"].shape == (0, 3)


@pytest.mark.parametrize("function", [to_onnx, register_skl2onnx])
def test_the_examples_in_a_docstring_run(function):
    if function is register_skl2onnx:
        pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    [examples] = doctest.DocTestFinder(recurse=False).find(function, function.__name__)
    assert examples.examples
    report = io.StringIO()
    assert doctest.DocTestRunner().run(examples, out=report.write).failed == 0, report.getvalue()


# What is refused


def with_gaps():
    rows = X.copy()
    rows[::7, 0] = np.nan
    return GaussianMixture(2, missing="mar", random_state=0).fit(rows)


def test_missing_values_are_refused_unless_there_are_none():
    model = with_gaps()
    with pytest.raises(ValueError, match=r"fitted with missing='mar'.*Give missing='error'"):
        to_onnx(model)
    ours = run(to_onnx(model, missing="error", dtype="float64"), X)
    assert_allclose(ours["log_density"], model.score_samples(X), atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"dtype": "double precision"}, "dtype must be"),
        ({"outputs": ["labels"]}, r"outputs must be some of \['label', .*got \['labels'\]"),
        ({"outputs": []}, "outputs must be some of"),
        ({"outputs": "labels"}, "outputs must be some of"),
        ({"missing": "mar"}, "missing must be 'error' or None, got 'mar'"),
        ({"opset": 12}, "opset must be"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        to_onnx(fitted("noise"), **arguments)


def test_other_things_are_refused():
    from sklearn.mixture import GaussianMixture as Other

    for model, message in (
        (Other(), "of type GaussianMixture"),
        (GaussianMixture, "class GaussianMixture itself"),
        (X, "of type ndarray"),
        (GaussianMixtureImputer(), "of type GaussianMixtureImputer"),
    ):
        with pytest.raises(TypeError, match=message):
            to_onnx(model)


def test_a_model_that_is_not_fitted():
    from sklearn.exceptions import NotFittedError

    for kind in (GaussianMixture, GaussianMixtureClassifier, GaussianMixtureRegressor):
        with pytest.raises(NotFittedError):
            to_onnx(kind())


def test_classes_that_onnx_has_not():
    model = GaussianMixtureClassifier().fit(X, LONG)
    model.classes_ = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="ONNX holds classes that are texts"):
        to_onnx(model)


# skl2onnx


@pytest.fixture
def skl2onnx():
    module = pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    register_skl2onnx()
    return module


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "search"])
def test_a_pipeline_becomes_one_graph(skl2onnx, name, dtype):
    pipeline = make_pipeline(StandardScaler(), clone(MODELS[name]))
    pipeline.fit(X, CLASSES.get(name, LONG))
    options = {"zipmap": False} if is_classifier(pipeline) else None
    graph = skl2onnx.to_onnx(pipeline, X[:1].astype(dtype), options=options)
    ours, exactly = run(graph, X.astype(dtype)), X.astype(dtype).astype(np.float64)
    digits = 5e-5 if dtype == "float32" else 1e-12
    assert_array_equal(ours["label"], pipeline.predict(exactly))
    if "scores" in ours:
        theirs = pipeline.decision_function(exactly)[:, np.newaxis]
        assert_allclose(ours["scores"], theirs, rtol=0, atol=digits)
    else:
        theirs = pipeline.predict_proba(exactly)
        assert_allclose(ours["probabilities"], theirs, rtol=0, atol=digits)


def test_a_regressor_in_a_pipeline(skl2onnx):
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureRegressor(2, random_state=0))
    pipeline.fit(X[:, :1], X[:, 1])
    ours = run(skl2onnx.to_onnx(pipeline, X[:1, :1]), X[:, :1])
    assert_allclose(ours["variable"], pipeline.predict(X[:, :1])[:, np.newaxis], atol=1e-11)


def test_options_that_skl2onnx_has_for_its_own(skl2onnx):
    gm = fitted("noise")
    graph = skl2onnx.to_onnx(gm, X[:1], options={GaussianMixture: {"score_samples": True}})
    assert_allclose(run(graph, X)["score_samples"][:, 0], gm.score_samples(X), atol=1e-12)
    classifier = fitted("classifier, names")
    single = X.astype(np.float32)
    [first, *_] = run(skl2onnx.to_onnx(classifier, single[:1]), single)["output_probability"]
    assert_allclose([first["long"], first["short"]], classifier.predict_proba(X[:1])[0], atol=1e-5)


def test_whole_numbers_as_rows(skl2onnx):
    whole = np.round(X).astype(np.int64)
    graph = skl2onnx.to_onnx(fitted("t"), whole[:1])
    assert_array_equal(run(graph, whole)["label"], fitted("t").predict(whole.astype(float)))


def test_two_mixtures_in_one_graph(skl2onnx):
    """Names of one are not those of the other."""
    from sklearn.ensemble import VotingClassifier

    both = [("a", GaussianMixtureClassifier()), ("b", GaussianMixtureClassifier(2, random_state=0))]
    voting = VotingClassifier(both, voting="soft", flatten_transform=False).fit(X, LONG)
    ours = run(skl2onnx.to_onnx(voting, X[:1], options={"zipmap": False}), X)
    assert_allclose(ours["probabilities"], voting.predict_proba(X), atol=1e-12)


def test_operators_that_are_too_old(skl2onnx):
    with pytest.raises(ValueError, match="target_opset must be 13 or more"):
        skl2onnx.to_onnx(fitted("t"), X[:1], target_opset=11)


def test_skl2onnx_refuses_missing_values_too(skl2onnx):
    with pytest.raises(ValueError, match="fitted with missing='mar'"):
        skl2onnx.to_onnx(with_gaps(), X[:1])


def test_more_digits_than_skl2onnx_has_of_the_same_parameters(skl2onnx):
    """The same mixture by its converter of scikit-learn's class: in float32 it has no digits left at 1e4."""
    from sklearn.mixture import GaussianMixture as Other

    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(4000, 3)) + 4 * rng.integers(0, 2, (4000, 1)) + 1e4).astype(np.float32)
    exactly = rows.astype(np.float64)
    theirs = Other(2, covariance_type="diag", random_state=0).fit(exactly)
    parameters = theirs.weights_, theirs.means_, theirs.covariances_
    ours = Mixture.from_parameters(*parameters, covariance_type="diag")
    options = {Other: {"score_samples": True}}
    of_theirs = run(skl2onnx.to_onnx(theirs, rows[:1], options=options), rows)["score_samples"]
    of_ours = run(to_onnx(ours), rows)["log_density"]
    truth = ours.log_density(exactly)
    assert np.abs(of_theirs[:, 0] - truth).max() > 1
    assert np.abs(of_ours - truth).max() < 1e-4
