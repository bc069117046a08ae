"""GaussianMixtureClassifier: published figures, scikit-learn's LDA and QDA, and scikit-learn's contract."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixtura import (
    BayesianGaussianMixture,
    DataWarning,
    DegenerateComponentWarning,
    GaussianMixture,
    GaussianMixtureClassifier,
    Prior,
)

IRIS, SPECIES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
EXACT = GaussianMixture(reg_covar=0.0, tol=0.0)


def too_few_rows(classifier):
    reason = (
        "five rows a class in ten features: covariances are singular, and one class has one row"
    )
    few = {"check_sample_weight_equivalence_on_dense_data": reason}
    return {} if classifier.covariance_type == "EII" else few


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        GaussianMixtureClassifier(covariance_type="EII"),
        GaussianMixtureClassifier(),
        GaussianMixtureClassifier([1], covariance_type="diag", random_state=0),
        GaussianMixtureClassifier(2, covariance_type="diag", missing="mar", random_state=0),
        GaussianMixtureClassifier(covariance_type=["EII", "EEI"], criterion="cv", random_state=0),
    ],
    expected_failed_checks=too_few_rows,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# Figures that others published


def test_iris_edda_is_what_mclust_publishes():
    classifier = GaussianMixtureClassifier(covariance_type="all").fit(IRIS, NAMES)
    summary = classifier.summary()
    assert classifier.covariance_types_ == ["VEV"] * 3
    assert round(summary.mixture_log_likelihood, 4) == -187.7097
    assert round(summary.log_likelihood, 4) == -194.0475
    assert summary.n_parameters == 38
    assert round(summary.error, 4) == 0.02
    mclust_bic = 2 * summary.mixture_log_likelihood - 38 * np.log(150)
    assert round(mclust_bic, 4) == -565.8236


def test_iris_mclustda_is_what_mclust_publishes():
    classifier = GaussianMixtureClassifier(range(1, 6), covariance_type="all", random_state=0)
    summary = classifier.fit(IRIS, NAMES).summary()
    assert summary.mixture_log_likelihood >= -172.8135 - 5e-5
    assert summary.n_components == (2, 1, 1)


def test_vvv_is_quadratic_discriminant_analysis():
    ours = GaussianMixtureClassifier(covariance_type="VVV", estimator=EXACT).fit(IRIS, SPECIES)
    theirs = QuadraticDiscriminantAnalysis(store_covariance=True).fit(IRIS, SPECIES)
    for ours_of_class, theirs_of_class in zip(ours.mixtures_, theirs.covariance_, strict=True):
        ratio = (
            ours_of_class.covariances[0] / theirs_of_class
        )  # by their divisor, which may be n - 1
        assert_allclose(ratio, ratio[0, 0], rtol=1e-9)
        assert_allclose(ratio[0, 0], [1.0, 49 / 50][int(ratio[0, 0] < 0.99)], rtol=1e-9)
    if np.isclose(ratio[0, 0], 1.0):
        assert_allclose(ours.predict_proba(IRIS), theirs.predict_proba(IRIS), atol=1e-9)
    assert_array_equal(ours.predict(IRIS), theirs.predict(IRIS))


def test_eee_is_linear_discriminant_analysis():
    ours = GaussianMixtureClassifier(covariance_type="EEE", estimator=EXACT).fit(IRIS, SPECIES)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(IRIS, SPECIES)
    assert_allclose(ours.mixtures_[0].covariances, theirs.covariance_, rtol=1e-9)
    assert_allclose(ours.predict_proba(IRIS), theirs.predict_proba(IRIS), atol=1e-9)


# Computed by other means


def test_probabilities_are_bayes_rule():
    classifier = GaussianMixtureClassifier([2], random_state=0, priors=[0.2, 0.3, 0.5])
    classifier.fit(IRIS, SPECIES)
    joint = np.zeros((150, 3))
    for c, (prior, mixture) in enumerate(zip([0.2, 0.3, 0.5], classifier.mixtures_, strict=True)):
        for w, mean, covariance in zip(
            mixture.weights, mixture.means, mixture.covariances, strict=True
        ):
            joint[:, c] += prior * w * multivariate_normal(mean, covariance).pdf(IRIS)
    assert_allclose(
        classifier.predict_proba(IRIS), joint / joint.sum(axis=1, keepdims=True), atol=1e-10
    )
    assert_allclose(classifier.score_samples(IRIS), np.log(joint.sum(axis=1)), rtol=1e-9)
    near = joint > 1e-300
    assert_allclose(classifier.log_joint(IRIS)[near], np.log(joint[near]), rtol=1e-6)


def test_the_summary_has_the_error_and_the_brier_score_of_the_rows():
    some = IRIS[50:, :2], NAMES[50:]
    classifier = GaussianMixtureClassifier().fit(*some)
    summary = classifier.summary()
    r = classifier.predict_proba(some[0])
    assert_allclose(summary.error, np.mean(classifier.predict(some[0]) != some[1]))
    assert_allclose(summary.brier, brier_score_loss(some[1], r[:, 1], pos_label="virginica"))
    labelled = -len(some[0]) * (log_loss(some[1], r)) + classifier.score_samples(some[0]).sum()
    assert_allclose(summary.log_likelihood, labelled)
    assert "error" in str(summary)
    assert list(summary.to_frame()["class"]) == ["versicolor", "virginica"]


def test_two_classes_have_one_decision():
    classifier = GaussianMixtureClassifier().fit(IRIS[50:], NAMES[50:])
    side = classifier.decision_function(IRIS)
    assert side.shape == (150,)
    odds = np.diff(classifier.predict_log_proba(IRIS))[:, 0]
    assert_allclose(side, odds, atol=1e-9)
    assert_array_equal(classifier.predict(IRIS) == "virginica", side > 0)


# What rows bring


def test_weights_are_repetitions():
    weight = np.random.default_rng(0).integers(0, 4, 150)
    for k in (1, [1]):
        weighted = GaussianMixtureClassifier(k, covariance_type="VEV", estimator=EXACT)
        weighted.fit(IRIS, SPECIES, weight)
        repeated = GaussianMixtureClassifier(k, covariance_type="VEV", estimator=EXACT)
        repeated.fit(IRIS.repeat(weight, axis=0), SPECIES.repeat(weight))
        assert_allclose(weighted.class_prior_, repeated.class_prior_)
        assert_allclose(weighted.log_joint(IRIS), repeated.log_joint(IRIS), rtol=1e-7)
        assert_allclose(weighted.summary().bic, repeated.summary().bic)


def test_balanced_classes_have_equal_priors():
    few = np.r_[0:50, 50:60, 100:150]
    classifier = GaussianMixtureClassifier(covariance_type="EEE", class_weight="balanced")
    classifier.fit(IRIS[few], NAMES[few])
    assert_allclose(classifier.class_prior_, 1 / 3)
    weight = np.array([1.0, 5.0, 1.0])[SPECIES[few]]
    same = GaussianMixtureClassifier(covariance_type="EEE").fit(IRIS[few], NAMES[few], weight)
    assert_allclose(classifier.log_joint(IRIS), same.log_joint(IRIS), rtol=1e-6)


def hidden(share, seed=0):
    known = SPECIES.copy()
    known[np.random.default_rng(seed).random(150) < share] = -1
    return known


def test_rows_without_a_class_are_those_of_a_mixture_with_some_labels():
    known = hidden(0.7)
    classifier = GaussianMixtureClassifier(unlabeled=-1, random_state=0).fit(IRIS, known)
    mixture = GaussianMixture(3, random_state=0).fit(IRIS, labels=known)
    assert_allclose(classifier.predict_proba(IRIS), mixture.predict_proba(IRIS), atol=1e-9)
    assert_allclose(classifier.class_prior_, mixture.weights_)
    assert_allclose(classifier.summary().log_likelihood, 150 * mixture.lower_bound_)


@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
def test_rows_without_a_class_help_where_few_have_one():
    known = hidden(0.9, seed=1)
    some = known >= 0
    alone = GaussianMixtureClassifier(covariance_type="EEE").fit(IRIS[some], SPECIES[some])
    helped = GaussianMixtureClassifier(covariance_type="EEE", unlabeled=-1, random_state=0)
    assert helped.fit(IRIS, known).score(IRIS, SPECIES) > alone.score(IRIS, SPECIES)


def test_rows_without_a_class_and_several_components_raise_the_likelihood():
    known = hidden(0.5)
    options = {"covariance_type": "diag", "random_state": 0}
    helped = GaussianMixtureClassifier(2, unlabeled=-1, **options).fit(IRIS, known)
    some = known >= 0
    alone = GaussianMixtureClassifier(2, **options).fit(IRIS[some], known[some])

    def likelihood(classifier):
        joint = classifier.log_joint(IRIS)
        own = np.where(some, joint[np.arange(150), known], classifier.score_samples(IRIS))
        return own.sum()

    assert likelihood(helped) > likelihood(alone) + 1
    assert_allclose(likelihood(helped), helped.summary().log_likelihood)
    assert [mixture.n_components for mixture in helped.mixtures_] == [2, 2, 2]
    assert_allclose(helped.class_prior_.sum(), 1)


@pytest.mark.parametrize("nothing", [None, np.nan, "pandas.NA"])
def test_what_stands_for_nothing_is_no_class(nothing):
    pd = pytest.importorskip("pandas")
    known = hidden(0.5)
    names = np.where(known < 0, pd.NA if nothing == "pandas.NA" else nothing, NAMES.astype(object))
    ours = GaussianMixtureClassifier(unlabeled="?", random_state=0).fit(IRIS, names)
    theirs = GaussianMixtureClassifier(unlabeled=-1, random_state=0).fit(IRIS, known)
    assert_array_equal(ours.classes_, ["setosa", "versicolor", "virginica"])
    assert_array_equal(ours.predict_proba(IRIS), theirs.predict_proba(IRIS))
    with pytest.raises(ValueError, match="which is no class"):
        GaussianMixtureClassifier().fit(IRIS, names)


def test_given_priors_stay_while_rows_without_a_class_are_used():
    priors = [0.5, 0.25, 0.25]
    classifier = GaussianMixtureClassifier(unlabeled=-1, priors=priors, random_state=0)
    classifier.fit(IRIS, hidden(0.5))
    assert_allclose(classifier.class_prior_, priors)
    assert_allclose(classifier.estimators_[0].weights_, priors)
    assert classifier.n_parameters_ == 3 * (4 + 10)


def test_missing_values_are_left_out_of_the_sum():
    X = IRIS.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    classifier = GaussianMixtureClassifier(missing="mar", random_state=0).fit(X, SPECIES)
    assert classifier.score(X, SPECIES) > 0.9
    row = [[np.nan, np.nan, 5.0, np.nan]]
    parts = [
        prior * np.exp(mixture.marginal(2).log_density([[5.0]])[0])
        for prior, mixture in zip(classifier.class_prior_, classifier.mixtures_, strict=True)
    ]
    assert_allclose(classifier.predict_proba(row)[0], np.array(parts) / np.sum(parts))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_noise_tails_and_priors_come_from_the_estimator():
    X = np.append(IRIS, [[30.0, 30.0, 30.0, 30.0]], axis=0)
    y = np.append(NAMES, "setosa")
    plain = GaussianMixtureClassifier([1]).fit(X, y)
    noisy = GaussianMixtureClassifier([1], estimator=GaussianMixture(noise=True)).fit(X, y)
    assert noisy.mixtures_[0].noise is not None
    assert np.abs(noisy.mixtures_[0].means[0] - IRIS[:50].mean(axis=0)).max() < 0.1
    assert np.abs(plain.mixtures_[0].means[0] - IRIS[:50].mean(axis=0)).max() > 0.4
    heavy = GaussianMixtureClassifier(distribution="t").fit(X, y)
    assert heavy.mixtures_[0].df is not None
    assert np.abs(heavy.mixtures_[0].means[0] - IRIS[:50].mean(axis=0)).max() < 0.1
    known = GaussianMixtureClassifier(estimator=GaussianMixture(prior="default")).fit(X, y)
    assert isinstance(known.estimators_[0].prior, str | Prior)
    assert not np.allclose(known.log_joint(X), GaussianMixtureClassifier().fit(X, y).log_joint(X))


# Choosing


def test_numbers_of_components_by_class():
    numbers = {"setosa": 1, "versicolor": 2, "virginica": [1, 2]}
    classifier = GaussianMixtureClassifier(numbers, random_state=0).fit(IRIS, NAMES)
    found = [mixture.n_components for mixture in classifier.mixtures_]
    assert found[:2] == [1, 2]
    best = min(
        (1, 2), key=lambda k: GaussianMixture(k, random_state=0).fit(IRIS[100:]).bic(IRIS[100:])
    )
    assert found[2] == best


def test_cross_validation_takes_the_lowest_brier_score():
    names = ["EEE", "VVV", "VII"]
    chosen = GaussianMixtureClassifier(covariance_type=names, criterion="cv", random_state=0)
    chosen.fit(IRIS, NAMES)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    scores = {}
    for name in names:
        squares = []
        for train, test in folds.split(IRIS, SPECIES):
            model = GaussianMixtureClassifier(covariance_type=name).fit(IRIS[train], SPECIES[train])
            squares += [((model.predict_proba(IRIS[test]) - np.eye(3)[SPECIES[test]]) ** 2).sum()]
        scores[name] = sum(squares)
    assert chosen.covariance_types_[0] == min(scores, key=scores.get)


def test_cross_validation_uses_rows_without_a_class_and_weights():
    names = ["EEE", "VVV"]
    known = np.where(hidden(0.5) < 0, None, NAMES)
    chosen = GaussianMixtureClassifier(
        covariance_type=names,
        criterion="cv",
        unlabeled=None,
        class_weight="balanced",
        random_state=0,
    )
    some = np.array([name is not None for name in known])
    chosen.fit(IRIS[some], known[some].astype(str))
    assert_allclose(chosen.class_prior_, 1 / 3)
    numbers = GaussianMixtureClassifier(
        [1, 2], covariance_type="diag", criterion="cv", unlabeled=-1, random_state=0
    )
    numbers.fit(IRIS, hidden(0.3))
    found = {mixture.n_components for mixture in numbers.mixtures_}
    assert len(found) == 1
    assert numbers.score(IRIS, SPECIES) > 0.9


def test_search_calibration_and_cross_validation():
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixtureClassifier(random_state=0)),
        {
            "gaussianmixtureclassifier__covariance_type": ["EII", "EEE", "VVV"],
            "gaussianmixtureclassifier__n_components": [1, [2]],
        },
        scoring="neg_log_loss",
    )
    assert grid.fit(IRIS, NAMES).best_score_ > -0.15
    calibrated = CalibratedClassifierCV(GaussianMixtureClassifier(covariance_type="EEE"), cv=3)
    assert calibrated.fit(IRIS, NAMES).score(IRIS, NAMES) > 0.9
    assert cross_val_score(GaussianMixtureClassifier(), IRIS, NAMES).mean() > 0.96


def test_frames_and_float32():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    expected = GaussianMixtureClassifier().fit(IRIS, NAMES).predict_proba(IRIS)
    classifier = GaussianMixtureClassifier().fit(frame, pd.Series(NAMES))
    assert list(classifier.feature_names_in_) == list("abcd")
    assert_array_equal(classifier.predict_proba(frame), expected)
    other = GaussianMixtureClassifier().fit(pl.from_pandas(frame), pl.Series(NAMES.tolist()))
    assert_array_equal(other.predict_proba(pl.from_pandas(frame)), expected)
    single = GaussianMixtureClassifier().fit(IRIS.astype(np.float32), NAMES)
    found = single.predict_proba(IRIS.astype(np.float32))
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-3)


# What is wrong


@pytest.mark.parametrize(
    ("options", "y", "sentence"),
    [
        ({}, np.zeros(150), r"one class only, 0\.0"),
        ({}, SPECIES[:-1], "one class for each of the 150 rows"),
        ({}, np.where(SPECIES == 1, None, NAMES), "None in row 50, which is no class"),
        ({}, np.where(SPECIES == 1, np.nan, SPECIES), "Input y contains NaN"),
        ({"criterion": "aic"}, SPECIES, "criterion"),
        ({"priors": {0: 0.5}}, SPECIES, "priors must be 3 numbers"),
        ({"priors": [0.5, 0.5]}, SPECIES, "priors must be 3 numbers"),
        ({"n_components": {0: 1, 1: 1}}, SPECIES, "2 is missing"),
        ({"n_components": {0: 1, 1: 1, 2: 1, 7: 1}}, SPECIES, "7 is no class"),
        ({"n_components": 60}, SPECIES, "Class 0 has too few rows, 50, for 60 components"),
        ({"covariance_type": "XYZ"}, SPECIES, "XYZ"),
        ({"unlabeled": 5}, np.full(150, 5), "no class"),
        ({"estimator": GaussianMixture(noise=True)}, SPECIES, r"give n_components=\[1\]"),
        ({"estimator": GaussianMixture(means_init=np.zeros((3, 4)))}, SPECIES, "means_init"),
        ({"estimator": GaussianMixture(checkpoint="x")}, SPECIES, "checkpoint"),
        (
            {"n_components": [1, 2], "estimator": GaussianMixture(init_params="kmeans")},
            SPECIES,
            "init_params, which a search",
        ),
        (
            {"covariance_type": "all", "estimator": BayesianGaussianMixture()},
            SPECIES,
            "BIC does not compare",
        ),
        (
            {"n_components": [1, 2], "estimator": BayesianGaussianMixture()},
            SPECIES,
            "BIC does not compare",
        ),
        (
            {"n_components": [2], "covariance_type": "EEE", "unlabeled": -1},
            hidden(0.3),
            "shares nothing",
        ),
    ],
)
def test_what_is_wrong_is_said(options, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        GaussianMixtureClassifier(**options).fit(IRIS, y)


def test_nan_that_nobody_asked_for_is_an_error():
    X = IRIS.copy()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="column 2, row 3"):
        GaussianMixtureClassifier().fit(X, SPECIES)
    with pytest.raises(ValueError, match="column 2, row 3"):
        GaussianMixtureClassifier().fit(IRIS, SPECIES).predict(X)


def test_another_estimator_is_refused():
    with pytest.raises(TypeError, match="estimator must be a GaussianMixture"):
        GaussianMixtureClassifier(estimator=LogisticRegression()).fit(IRIS, SPECIES)


def test_warnings_name_the_class():
    few = np.r_[0:50, 50:54, 100:150]
    with pytest.warns((DegenerateComponentWarning, DataWarning)) as caught:
        GaussianMixtureClassifier([1]).fit(IRIS[few], NAMES[few])
    assert all(str(one.message).startswith("Class 'versicolor': ") for one in caught)
    assert {one.filename for one in caught} == {__file__}
    assert any(one.category is DegenerateComponentWarning for one in caught)


def test_warnings_of_tied_classes_name_them():
    few = np.r_[0:50, 50:52, 100:150]
    with pytest.warns(DegenerateComponentWarning, match="^Class 'versicolor': ") as caught:
        GaussianMixtureClassifier().fit(IRIS[few], NAMES[few])
    assert {one.filename for one in caught} == {__file__}


def test_a_failure_leaves_the_fit():
    classifier = GaussianMixtureClassifier().fit(IRIS, NAMES)
    before = classifier.predict_proba(IRIS)
    with pytest.raises(ValueError, match="one class"):
        classifier.fit(IRIS[:50], NAMES[:50])
    assert_array_equal(classifier.predict_proba(IRIS), before)


def test_nothing_is_warned_of_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GaussianMixtureClassifier(covariance_type="all").fit(IRIS, NAMES)
