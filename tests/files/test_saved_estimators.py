"""Files of a classifier, a regressor, an outlier detector: what comes back, and what is no such file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import mixtura
from mixtura import (
    BayesianGaussianMixture,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    ModelFileError,
    Prior,
)

IRIS, SPECIES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
SOME = np.where(np.arange(150) % 3 == 0, -1, SPECIES)
PRIOR = Prior(mean=IRIS.mean(axis=0), mean_count=0.1)

CLASSIFIERS = [
    (GaussianMixtureClassifier(covariance_type="all"), NAMES),
    (GaussianMixtureClassifier({"setosa": 1, "versicolor": [1, 2], "virginica": 2}), NAMES),
    (GaussianMixtureClassifier([1], estimator=GaussianMixture(noise=True)), SPECIES == 0),
    (GaussianMixtureClassifier(distribution="t", class_weight={0: 1, 1: 2, 2: 1}), SPECIES),
    (GaussianMixtureClassifier(2, covariance_type="diag", unlabeled=-1), SOME),
    (
        GaussianMixtureClassifier(priors=[0.2, 0.3, 0.5], estimator=GaussianMixture(prior=PRIOR)),
        NAMES,
    ),
]
REGRESSORS = [
    GaussianMixtureRegressor(estimator=BayesianGaussianMixture(3)),
    GaussianMixtureRegressor(2),
    GaussianMixtureRegressor(estimator=GaussianMixtureSearch([1, 2], ["EEE", "VVV"])),
]
DETECTORS = [
    GaussianMixtureOutlierDetector(2, noise=True, contamination=0.05),
    GaussianMixtureOutlierDetector(
        estimator=GaussianMixture(2, distribution="t", random_state=0).fit(IRIS).mixture_
    ),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("classifier", "y"), CLASSIFIERS)
def test_a_classifier_comes_back(tmp_path, classifier, y):
    path = tmp_path / "classifier.safetensors"
    classifier.set_params(random_state=0).fit(IRIS, y).save(path)
    again = GaussianMixtureClassifier.load(path)
    assert_array_equal(again.predict_proba(IRIS), classifier.predict_proba(IRIS))
    assert_array_equal(again.predict(IRIS), classifier.predict(IRIS))
    assert again.classes_.dtype == classifier.classes_.dtype
    assert again.summary() == classifier.summary()
    assert_array_equal(again.fit(IRIS, y).predict_proba(IRIS), classifier.predict_proba(IRIS))


@pytest.mark.parametrize("regressor", REGRESSORS)
@pytest.mark.parametrize("outputs", [2, [2], [2, 3]])
def test_a_regressor_comes_back(tmp_path, regressor, outputs):
    path = tmp_path / "regressor.safetensors"
    regressor.set_params(random_state=0).fit(IRIS[:, :2], IRIS[:, outputs]).save(path)
    again = GaussianMixtureRegressor.load(path)
    for ours, theirs in zip(
        again.predict(IRIS[:, :2], return_std=True),
        regressor.predict(IRIS[:, :2], return_std=True),
        strict=True,
    ):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_detector_comes_back(tmp_path, detector):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    path = tmp_path / "detector.safetensors"
    detector.set_params(random_state=0).fit(frame).save(path)
    again = GaussianMixtureOutlierDetector.load(path)
    assert_array_equal(again.decision_function(frame), detector.decision_function(frame))
    assert list(again.feature_names_in_) == list("abcd")
    assert again.offset_ == detector.offset_


def test_nothing_is_saved_before_a_fit(tmp_path):
    for kind in (
        GaussianMixtureClassifier,
        GaussianMixtureRegressor,
        GaussianMixtureOutlierDetector,
    ):
        with pytest.raises(NotFittedError):
            kind().save(tmp_path / "nothing")
    assert not list(tmp_path.iterdir())


def test_what_a_file_holds_is_said(tmp_path):
    path = tmp_path / "detector.safetensors"
    GaussianMixtureOutlierDetector().fit(IRIS).save(path)
    with pytest.raises(ModelFileError, match=r"GaussianMixtureOutlierDetector\.load reads it"):
        mixtura.load(path)
    with pytest.raises(ModelFileError, match="not a GaussianMixtureRegressor"):
        GaussianMixtureRegressor.load(path)
    GaussianMixture(random_state=0).fit(IRIS).save(path)
    with pytest.raises(ModelFileError, match="it does not hold a GaussianMixtureClassifier"):
        GaussianMixtureClassifier.load(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ModelFileError, match="truncated"):
        GaussianMixtureClassifier.load(path)


DAMAGES = [
    lambda facts: facts.pop("fitted"),
    lambda facts: facts["fitted"].pop("classes"),
    lambda facts: facts["fitted"].update(classes=["a", "b"]),
    lambda facts: facts["fitted"].update(priors=[0.5, 0.5, 0.5]),
    lambda facts: facts["fitted"].update(dtype="<M8[s]"),
    lambda facts: facts["fitted"].update(of_component=[0, 0, 1]),
    lambda facts: facts["fitted"].update(n_features_in=7),
    lambda facts: facts["fitted"].update(feature_names_in=["a"]),
    lambda facts: facts["fitted"].update(training={"error": 0}),
    lambda facts: facts["models"].clear(),
    lambda facts: facts["models"].append(facts["models"][0]),
    lambda facts: facts["parameters"].update(nothing=1),
    lambda facts: facts["parameters"].update(estimator={"estimator": "os.system", "arguments": {}}),
]


@pytest.mark.parametrize("damage", range(len(DAMAGES)))
def test_a_damaged_description_is_an_error(tmp_path, damage):
    path = tmp_path / "classifier.safetensors"
    GaussianMixtureClassifier().fit(IRIS, NAMES).save(path)
    with safe_open(path, framework="numpy") as file:
        names = file.keys()
        header, arrays = file.metadata(), {name: file.get_tensor(name) for name in names}
    facts = json.loads(header["facts"])
    DAMAGES[damage](facts)
    save_file(arrays, path, header | {"facts": json.dumps(facts)})
    with pytest.raises(ModelFileError, match="cannot load"):
        GaussianMixtureClassifier.load(path)
