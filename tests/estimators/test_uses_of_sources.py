"""Classifier, regressor and outlier detector of files, batches and Dask collections: as of arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

from mixtura import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
    from_batches,
    scan,
)

pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("pyarrow")

IRIS, SPECIES = load_iris(return_X_y=True)
NAMES = load_iris().target_names[SPECIES]
FEATURES = list("abcd")
FRAME = pd.DataFrame(IRIS, columns=FEATURES)
RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 4, 150).astype(float)
SOME = np.where(RNG.random(150) < 0.5, NAMES, None)
GAPS = np.where(RNG.random(IRIS.shape) < 0.1, np.nan, IRIS)


@pytest.fixture
def folder(tmp_path):
    """Three files of iris, whose rows are in their order together."""
    frame = FRAME.assign(species=NAMES, some=SOME, number=SPECIES, count=COUNTS, z=GAPS[:, 2])
    for k, rows in enumerate(np.array_split(np.arange(150), 3)):
        frame.iloc[rows].to_parquet(tmp_path / f"{k}.parquet")
    return tmp_path


def together(parts):
    return np.concatenate(list(parts))


CLASSIFIERS = [
    {"covariance_type": "VEV"},
    {"covariance_type": ["EEE", "VVV", "VEV"]},
    {"n_components": [2], "covariance_type": "diag"},
    {"n_components": {"setosa": 1, "versicolor": [1, 2], "virginica": 2}},
    {"class_weight": "balanced"},
    {"class_weight": {"setosa": 3}, "priors": [0.2, 0.3, 0.5]},
    {"covariance_type": "EEE", "estimator": GaussianMixture(distribution="t", tol=1e-13)},
    {"n_components": [1], "estimator": GaussianMixture(noise=True)},
    {"estimator": GaussianMixture(prior="default")},
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", CLASSIFIERS)
def test_a_classifier_of_files_is_that_of_their_rows(folder, options, weighted):
    rows = scan(folder, FEATURES, weight="count" if weighted else None)
    model = GaussianMixtureClassifier(**options, random_state=0)
    ours = model.fit(rows, "species")
    found = together(ours.predict_proba(rows)), ours.summary()
    theirs = model.fit(FRAME, NAMES, COUNTS if weighted else None)
    assert_allclose(found[0], theirs.predict_proba(FRAME), atol=2e-5)
    assert_allclose(found[1].log_likelihood, theirs.summary().log_likelihood, rtol=1e-6)
    assert_allclose(found[1].brier, theirs.summary().brier, atol=1e-5)
    assert_array_equal(found[1].classes, ["setosa", "versicolor", "virginica"])


@pytest.mark.parametrize(
    "options", [{}, {"covariance_type": "EEE"}, {"n_components": 2, "covariance_type": "diag"}]
)
def test_an_empty_cell_is_a_row_without_a_class(folder, options):
    known = np.array(
        [-1 if name is None else code for name, code in zip(SOME, SPECIES, strict=True)]
    )
    theirs = GaussianMixtureClassifier(**options, unlabeled=-1, random_state=0).fit(IRIS, known)
    ours = GaussianMixtureClassifier(**options, unlabeled="", random_state=0)
    rows = scan(folder, FEATURES)
    ours.fit(rows, "some")
    assert_allclose(together(ours.predict_proba(rows)), theirs.predict_proba(IRIS), atol=1e-4)
    with pytest.raises(ValueError, match="'some', of classes, is empty"):
        GaussianMixtureClassifier().fit(rows, "some")


def test_a_column_of_classes_is_no_feature_and_keeps_its_type(folder):
    rows = scan(folder, [*FEATURES, "number"])
    model = GaussianMixtureClassifier().fit(rows, "number")
    assert list(model.feature_names_in_) == FEATURES
    assert model.classes_.dtype.kind == "i"
    assert_array_equal(
        together(model.predict(scan(folder, FEATURES))),
        GaussianMixtureClassifier().fit(IRIS, SPECIES).predict(IRIS),
    )


def test_files_with_gaps(folder):
    columns = ["a", "b", "z", "d"]
    X = IRIS.copy()
    X[:, 2] = GAPS[:, 2]
    rows = scan(folder, columns)
    options = {"missing": "mar", "random_state": 0}
    ours = GaussianMixtureClassifier(**options).fit(rows, "species")
    theirs = GaussianMixtureClassifier(**options).fit(X, NAMES)
    assert_allclose(together(ours.predict_proba(rows)), theirs.predict_proba(X), atol=1e-4)
    detector = GaussianMixtureOutlierDetector(2, **options).fit(rows)
    same = GaussianMixtureOutlierDetector(2, **options).fit(X)
    assert_allclose(detector.offset_, same.offset_, rtol=1e-4)
    assert_array_equal(together(detector.predict(rows)), same.predict(X))
    ours = GaussianMixtureRegressor(2, **options).fit(rows, "d")
    theirs = GaussianMixtureRegressor(2, **options).fit(X[:, :3], X[:, 3])
    at = scan(folder, columns[:3])
    assert_allclose(together(ours.predict(at)), theirs.predict(X[:, :3]), atol=1e-3)


DETECTORS = [
    {},
    {"n_components": 2, "noise": True},
    {"distribution": "t"},
    {"estimator": GaussianMixtureSearch([1, 2], ["EEE", "VVV"], random_state=0)},
    {"estimator": Mixture.from_parameters([1.0], [IRIS.mean(axis=0)], [np.cov(IRIS.T)])},
]


def places(folder, weighted):
    """The rows in files, in batches and on Dask, and what fit takes beside them."""
    yield scan(folder, FEATURES, weight="count" if weighted else None), None
    pairs = [(IRIS[:70], COUNTS[:70]), (IRIS[70:], COUNTS[70:])]
    yield from_batches(pairs if weighted else [rows for rows, _ in pairs]), None
    frame = dd.from_pandas(FRAME.assign(count=COUNTS), npartitions=3)
    yield frame[FEATURES], frame["count"] if weighted else None


@pytest.mark.filterwarnings("ignore:X ")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", DETECTORS)
def test_a_detector_is_that_of_the_rows_wherever_they_lie(folder, options, weighted):
    theirs = GaussianMixtureOutlierDetector(**options, random_state=0)
    theirs.fit(IRIS, None, COUNTS if weighted else None)
    for rows, weight in places(folder, weighted):
        ours = GaussianMixtureOutlierDetector(**options, random_state=0)
        ours.fit(rows, sample_weight=weight)
        assert_allclose(ours.offset_, theirs.offset_, rtol=1e-4)
        found = ours.predict(rows)
        found = found.compute() if hasattr(found, "compute") else together(found)
        assert_array_equal(found, theirs.predict(IRIS))


@pytest.mark.filterwarnings("ignore:X ")
@pytest.mark.parametrize("targets", ["c", ["d", "a"]])
def test_a_regressor_is_that_of_the_rows_wherever_they_lie(folder, targets, tmp_path):
    features = [name for name in FEATURES if name not in targets]
    theirs = GaussianMixtureRegressor(2, random_state=0).fit(FRAME[features], FRAME[targets])
    for rows, _ in places(folder, False):
        if not rows.__class__.__module__.startswith("mixtura.sources.batches"):
            ours = GaussianMixtureRegressor(2, random_state=0).fit(rows, targets)
            assert list(ours.feature_names_in_) == features
            mean, std = ours.predict(FRAME[features], return_std=True)
            expected = theirs.predict(FRAME[features], return_std=True)
            assert_allclose(mean, expected[0], rtol=1e-5)
            assert_allclose(std, expected[1], rtol=1e-4)
            assert_allclose(ours.mixture_.means, theirs.mixture_.means, rtol=1e-4)
    at = scan(folder, features)
    assert_allclose(together(ours.predict(at)), mean)
    means, stds = zip(*ours.predict(at, return_std=True), strict=True)
    assert_allclose(np.concatenate(stds), std)
    assert_allclose(np.concatenate(means), mean)
    levels = [0.1, 0.9]
    assert_allclose(together(ours.quantiles(at, levels)), ours.quantiles(FRAME[features], levels))
    ours.save(tmp_path / "regressor")
    again = GaussianMixtureRegressor.load(tmp_path / "regressor")
    assert_array_equal(again.predict(FRAME[features]), ours.predict(FRAME[features]))


def test_predictions_of_dask_collections_are_lazy(folder):
    lazy = dd.from_pandas(FRAME, npartitions=2)
    classifier = GaussianMixtureClassifier().fit(FRAME, NAMES)
    labels = classifier.predict(lazy).compute()
    assert labels.name == "label"
    assert_array_equal(labels, classifier.predict(FRAME))
    probabilities = classifier.predict_proba(lazy).compute()
    assert list(probabilities.columns) == [f"probability_{c}" for c in range(3)]
    assert_allclose(probabilities, classifier.predict_proba(FRAME))
    unnamed = GaussianMixtureClassifier().fit(IRIS, NAMES)
    of_array = unnamed.predict_proba(lazy.to_dask_array(lengths=True)).compute()
    assert_allclose(of_array, probabilities)
    regressor = GaussianMixtureRegressor(random_state=0).fit(FRAME[["a", "b"]], FRAME["c"])
    found = regressor.predict(lazy[["a", "b"]]).compute()
    assert found.name == "mean"
    assert_allclose(found, regressor.predict(FRAME[["a", "b"]]))
    quantiles = regressor.quantiles(lazy[["a", "b"]], [0.1, 0.9]).compute()
    assert list(quantiles.columns) == ["quantile_0", "quantile_1"]


def test_what_is_not_done_of_rows_elsewhere_is_said(folder):
    rows = scan(folder, FEATURES)
    lazy = dd.from_pandas(FRAME, npartitions=2)
    measured = scan(folder, FEATURES, error_std=["count"] * 4)
    classifier, detector = GaussianMixtureClassifier(), GaussianMixtureOutlierDetector()
    regressor = GaussianMixtureRegressor()
    with pytest.raises(ValueError, match="y is the name of the column of classes"):
        classifier.fit(rows, NAMES)
    with pytest.raises(ValueError, match="no column 'specie'"):
        classifier.fit(rows, "specie")
    with pytest.raises(ValueError, match="no columns to keep beside its features"):
        classifier.fit(from_batches([IRIS]), "species")
    with pytest.raises(ValueError, match="not fitted to a Dask collection"):
        classifier.fit(lazy, NAMES)
    with pytest.raises(ValueError, match="has labels, which a classifier does not use"):
        classifier.fit(scan(folder, FEATURES, label="number"), "species")
    with pytest.raises(ValueError, match="has errors, which a classifier does not use"):
        classifier.fit(measured, "species")
    with pytest.raises(ValueError, match="criterion='cv' is of rows in memory"):
        GaussianMixtureClassifier(criterion="cv").fit(rows, "species")
    FRAME.assign(species="x").to_csv(folder.parent / "one.csv")
    with pytest.raises(ValueError, match="one class only, 'x'"):
        classifier.fit(scan(folder.parent / "one.csv", FEATURES), "species")
    with pytest.raises(ValueError, match="no column but 'number'"):
        classifier.fit(scan(folder, ["number"]), "number")
    (folder.parent / "none.csv").write_text("a,species\n")
    with pytest.raises(ValueError, match="has no rows"):
        classifier.fit(scan(folder.parent / "none.csv", ["a"]), "species")
    with pytest.raises(ValueError, match="sample_weight belongs to an array"):
        classifier.fit(rows, "species", COUNTS)
    with pytest.raises(ValueError, match="Errors of measurement are for GaussianMixture"):
        detector.fit(measured)
    with pytest.raises(ValueError, match="Errors of measurement are for GaussianMixture"):
        together(regressor.fit(FRAME, RNG.normal(size=150)).predict(measured))
    with pytest.raises(ValueError, match="no column 'e'"):
        regressor.fit(rows, "e")
    with pytest.raises(ValueError, match="the name of the target's column"):
        regressor.fit(rows, IRIS[:, 0])
    with pytest.raises(ValueError, match="none is left to predict from"):
        regressor.fit(rows, FEATURES)
    with pytest.raises(ValueError, match="predict gives means alone"):
        regressor.fit(lazy, "d").predict(lazy[["a", "b", "c"]], return_std=True)
    with pytest.raises(ValueError, match="piece by piece"):
        regressor.sample_y(rows)


def test_a_failure_leaves_the_earlier_fit(folder):
    model = GaussianMixtureClassifier().fit(IRIS, NAMES)
    before = model.predict_proba(IRIS)
    with pytest.raises(ValueError, match="no column"):
        model.fit(scan(folder, FEATURES), "nothing")
    assert_array_equal(model.predict_proba(IRIS), before)
