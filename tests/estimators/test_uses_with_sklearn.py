"""Classifier, regressor and detector within scikit-learn: searches, calibration, routed weights, frames."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixtura import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::mixtura.DataWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
WEIGHT = np.random.default_rng(0).integers(1, 4, 150).astype(float)
ODD = (SPECIES != 0).astype(int) * 2 - 1  # setosa are outliers
AREA = make_scorer(roc_auc_score, response_method="decision_function")
FOLDS = StratifiedKFold(3)
ALL = [
    (GaussianMixtureClassifier(random_state=0), SPECIES, None),
    (GaussianMixtureRegressor(random_state=0), IRIS[:, 3] + IRIS[:, 0], None),
    (GaussianMixtureOutlierDetector(random_state=0), ODD, AREA),
]


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
@pytest.mark.parametrize(("model", "y", "scoring"), ALL)
def test_searches_over_structures_and_numbers(search, model, y, scoring):
    grid = {
        f"{type(model).__name__.lower()}__{name}": values
        for name, values in (
            ("n_components", [1, 2]),
            ("covariance_type", ["diag", "EEE"]),
        )
    }
    options = {"random_state": 0, "min_resources": 90} if search is HalvingGridSearchCV else {}
    found = search(
        make_pipeline(StandardScaler(), model), grid, scoring=scoring, cv=folds_of(y), **options
    ).fit(IRIS, y)
    best = found.best_estimator_[-1]
    again = make_pipeline(StandardScaler(), clone(model)).set_params(**found.best_params_)
    assert_array_equal(again.fit(IRIS, y)[-1].predict(IRIS), best.predict(IRIS))
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def folds_of(y):
    return FOLDS if y.dtype.kind == "i" else 3


@pytest.mark.parametrize(("model", "y", "scoring"), ALL)
def test_weights_are_routed(model, y, scoring):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = clone(model).set_fit_request(sample_weight=True)
        if scoring is None:
            asked = asked.set_score_request(sample_weight=True)
        else:
            area = make_scorer(roc_auc_score, response_method="decision_function")
            scoring = area.set_score_request(sample_weight=True)
        found = cross_validate(
            asked,
            IRIS,
            y,
            scoring=scoring,
            cv=folds_of(y),
            params={"sample_weight": WEIGHT},
            return_estimator=True,
            return_indices=True,
        )
    for fitted, rows in zip(found["estimator"], found["indices"]["train"], strict=True):
        alone = clone(model).fit(IRIS[rows], y[rows], sample_weight=WEIGHT[rows])
        assert_allclose(alone.predict(IRIS), fitted.predict(IRIS))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_and_ensembles_take_the_classifier(method):
    classifier = GaussianMixtureClassifier(covariance_type="EEE")
    calibrated = CalibratedClassifierCV(classifier, method=method, cv=3)
    calibrated.fit(IRIS, SPECIES, sample_weight=WEIGHT)
    assert calibrated.score(IRIS, SPECIES) > 0.95
    r = cross_val_predict(classifier, IRIS, SPECIES, cv=5, method="predict_proba")
    assert_allclose(r.sum(axis=1), 1)
    both = [("ours", classifier), ("theirs", LogisticRegression(max_iter=1000))]
    assert VotingClassifier(both, voting="soft").fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.95
    assert StackingClassifier(both, cv=3).fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.95
    several = np.column_stack([SPECIES, SPECIES > 0])
    many = MultiOutputClassifier(classifier).fit(IRIS, several)
    assert_array_equal(many.predict(IRIS)[:, 0], classifier.fit(IRIS, SPECIES).predict(IRIS))


def test_transformed_targets_take_the_regressor():
    y = np.exp(IRIS[:, 3])
    inner = GaussianMixtureRegressor(2, random_state=0)
    outer = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
    outer.fit(IRIS[:, :3], y)
    alone = clone(inner).fit(IRIS[:, :3], np.log(y))
    assert_allclose(outer.predict(IRIS[:, :3]), np.exp(alone.predict(IRIS[:, :3])), rtol=1e-6)


@pytest.mark.parametrize(("model", "y", "scoring"), ALL)
def test_frames_that_a_pipeline_makes_have_names(model, y, scoring):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    columns = make_column_transformer(
        (StandardScaler(), ["b", "a"]), ("passthrough", ["d"]), verbose_feature_names_out=False
    )
    pipeline = make_pipeline(columns, clone(model)).set_output(transform="pandas")
    pipeline.fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == ["b", "a", "d"]
    pipeline.predict(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(frame[["a", "b", "d"]])


def test_responsibilities_are_a_frame_where_that_is_asked():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(IRIS, columns=list("abcd"), index=np.arange(150) + 7)
    mixture = GaussianMixture(3, random_state=0).set_output(transform="pandas")
    found = mixture.fit_transform(frame)
    assert list(found.columns) == ["component0", "component1", "component2"]
    assert_array_equal(found.index, frame.index)
    both = make_column_transformer(
        (GaussianMixture(2, random_state=0), ["a", "b"]), (StandardScaler(), ["c", "d"])
    )
    pipeline = make_pipeline(both, GaussianMixtureClassifier(covariance_type="diag"))
    assert pipeline.fit(frame, SPECIES).score(frame, SPECIES) > 0.9
