"""GaussianMixtureOutlierDetector: scikit-learn's outlier contract, and scores by other means."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixtura import (
    GaussianMixture,
    GaussianMixtureOutlierDetector,
    GaussianMixtureSearch,
    Mixture,
)

IRIS = load_iris().data
RNG = np.random.default_rng(0)
STRAY = np.concatenate([RNG.normal(size=(400, 2)), RNG.uniform(-20, 20, (60, 2))])
IS_STRAY = np.repeat([0, 1], [400, 60])


def too_few_rows(detector):
    reason = "fifteen rows in ten columns, some of weight 0: the covariance is singular"
    few = {"check_sample_weight_equivalence_on_dense_data": reason}
    return few if detector.covariance_type == "full" else {}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        GaussianMixtureOutlierDetector(),
        GaussianMixtureOutlierDetector(covariance_type="diag", contamination=0.3),
        GaussianMixtureOutlierDetector(2, noise=True, random_state=0),
        GaussianMixtureOutlierDetector(2, distribution="t", missing="mar", random_state=0),
    ],
    expected_failed_checks=too_few_rows,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_scores_are_log_densities():
    detector = GaussianMixtureOutlierDetector(2, random_state=0).fit(IRIS)
    mixture = detector.mixture_
    density = sum(
        w * multivariate_normal(m, c).pdf(IRIS)
        for w, m, c in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    )
    assert_allclose(detector.score_samples(IRIS), np.log(density), rtol=1e-9)
    assert_allclose(
        detector.decision_function(IRIS), detector.score_samples(IRIS) - detector.offset_
    )


def test_one_gaussian_orders_rows_as_mahalanobis_distances_do():
    detector = GaussianMixtureOutlierDetector(contamination=0.1).fit(IRIS)
    distances = EmpiricalCovariance().fit(IRIS).mahalanobis(IRIS)
    assert_allclose(np.diff(detector.score_samples(IRIS)), -np.diff(distances) / 2, atol=1e-6)
    farthest = np.argsort(distances)[-15:]
    assert_array_equal(np.flatnonzero(detector.predict(IRIS) == -1), np.sort(farthest))


def test_the_offset_of_weighted_rows_is_that_of_repeated_ones():
    weight = np.random.default_rng(1).integers(0, 5, 150)
    for share in (0.02, 0.1, 0.37):
        weighted = GaussianMixtureOutlierDetector(contamination=share).fit(IRIS, None, weight)
        repeated = GaussianMixtureOutlierDetector(contamination=share)
        repeated.fit(IRIS.repeat(weight, axis=0))
        assert_allclose(weighted.offset_, repeated.offset_, rtol=1e-9)


def test_noise_and_tails_find_stray_rows_that_widen_a_plain_mixture():
    def variances(**options):
        detector = GaussianMixtureOutlierDetector(1, random_state=0, **options).fit(STRAY)
        return np.diag(detector.mixture_.covariances[0])

    assert (variances() > 10).all()  # of the cloud 1
    assert (variances(noise=True) < 1.5).all()
    assert (variances(distribution="t") < 2.5).all()


def test_a_mixture_that_is_there_is_taken_as_it_is():
    given = Mixture.from_parameters([1.0], [[0.0, 0.0]], [np.eye(2)])
    detector = GaussianMixtureOutlierDetector(estimator=given, contamination=0.2).fit(STRAY)
    assert detector.estimator_ is None
    assert_allclose(detector.score_samples(STRAY), given.log_density(STRAY))
    assert np.mean(detector.predict(STRAY) == -1) == pytest.approx(0.2, abs=0.003)
    search = GaussianMixtureSearch([1, 2], ["EEE", "VVV"], random_state=0)
    chosen = GaussianMixtureOutlierDetector(estimator=search).fit(STRAY)
    assert chosen.mixture_.n_components == 2


def test_a_missing_feature_costs_what_it_costs_on_average():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4))
    mixture = Mixture.from_parameters([1.0], [np.full(4, 50.0)], [A @ A.T])
    detector = GaussianMixtureOutlierDetector(estimator=mixture, missing="mar")
    rows, _ = mixture.sample(200_000, 0)
    gaps = rows[:3].copy()
    gaps[:, [0, 2]] = np.nan
    detector.fit(rows[:100])
    found = detector.score_samples(gaps)
    for i in range(3):
        whole = np.tile(rows[i], (40_000, 1))
        whole[:, [0, 2]] = mixture.condition([1, 3], rows[i, [1, 3]]).sample(40_000, 0)[0]
        assert_allclose(found[i], mixture.log_density(whole).mean(), atol=0.03)
    units = np.array([1e-3, 1e3, 1.0, 1e6])
    scaled = Mixture.from_parameters(
        [1.0], mixture.means * units, [A @ A.T * np.outer(units, units)]
    )
    other = GaussianMixtureOutlierDetector(estimator=scaled, missing="mar").fit(rows[:100] * units)
    mixed = np.concatenate([gaps, rows[:50]])
    assert_allclose(
        other.decision_function(mixed * units), detector.decision_function(mixed), atol=1e-6
    )


def test_search_and_cross_validation():
    folds = StratifiedKFold(5)
    area = make_scorer(roc_auc_score, response_method="decision_function")
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixtureOutlierDetector(random_state=0)),
        {
            "gaussianmixtureoutlierdetector__covariance_type": ["full", "spherical"],
            "gaussianmixtureoutlierdetector__noise": [False, True],
        },
        scoring=area,
        cv=folds,
    ).fit(STRAY, 1 - IS_STRAY)
    assert grid.best_score_ > 0.9
    scores = cross_val_score(
        GaussianMixtureOutlierDetector(random_state=0), STRAY, 1 - IS_STRAY, scoring=area, cv=folds
    )
    assert scores.min() > 0.8


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"contamination": 0.0}, ValueError, "contamination"),
        ({"contamination": 0.6}, ValueError, "contamination"),
        ({"contamination": "auto"}, ValueError, "contamination"),
        ({"n_components": 0}, ValueError, "n_components"),
        ({"estimator": LogisticRegression()}, TypeError, "estimator must be"),
        (
            {"estimator": Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]])},
            ValueError,
            "the mixture has 1",
        ),
    ],
)
def test_what_is_wrong_is_said(options, error, sentence):
    with pytest.raises(error, match=sentence):
        GaussianMixtureOutlierDetector(**options).fit(IRIS)


def test_responsibilities_are_features_of_a_pipeline():
    pd = pytest.importorskip("pandas")
    species = load_iris().target
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    gm = GaussianMixture(3, random_state=0).fit(frame)
    assert_array_equal(gm.transform(frame), gm.predict_proba(frame))
    assert list(gm.get_feature_names_out()) == ["component0", "component1", "component2"]
    noisy = GaussianMixture(2, noise=True, random_state=0).fit(IRIS)
    assert list(noisy.get_feature_names_out()) == ["component0", "component1", "noise"]
    assert noisy.transform(IRIS).shape == (150, 3)
    named = GaussianMixture(2, random_state=0).set_output(transform="pandas").fit_transform(frame)
    assert list(named.columns) == ["component0", "component1"]
    with pytest.raises(ValueError, match="input_features"):
        gm.get_feature_names_out(list("abce"))
    pipeline = make_pipeline(GaussianMixture(4, random_state=0), LogisticRegression())
    grid = GridSearchCV(pipeline, {"gaussianmixture__n_components": [1, 4]}).fit(IRIS, species)
    assert grid.best_params_ == {"gaussianmixture__n_components": 4}
    search = GaussianMixtureSearch([1, 2], ["EEE"], random_state=0)
    assert search.fit_transform(IRIS).shape == (150, search.best_estimator_.n_components)
