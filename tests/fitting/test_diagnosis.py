"""Which components deserve doubt, in what order they come, and what is added to covariances."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.mixture import BayesianGaussianMixture
from sklearn.mixture import GaussianMixture as SklearnMixture

from mixtura import DegenerateComponentWarning, GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.covariance import structure
from mixtura.errors import DataWarning
from mixtura.fitting.diagnosis import (
    Grounds,
    _least_distances,
    diagnose,
    doubts_about,
    verdict_in_words,
)
from mixtura.mixture import Normals, bhattacharyya
from mixtura.support import language
from mixtura.testing.problems import random_mixture


def two_clouds(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    half = n_rows // 2
    return np.concatenate(
        [rng.standard_normal((half, 2)), rng.standard_normal((half, 2)) + np.array([9, 2])]
    )


def test_sound_components_are_sound():
    diagnosis = GaussianMixture(2, random_state=0).fit(two_clouds()).diagnosis_
    assert diagnosis.verdict == ("sound", "sound")
    assert_allclose(diagnosis.effective_rows, 200, rtol=0.01)
    assert np.all(diagnosis.condition_number < 2)
    assert diagnosis.overlap.max() < 1e-3
    assert "sound" in str(diagnosis)


VERDICTS = ("sound", "not judged", "no weight", "few rows", "held up by reg_covar", "spike")
VERDICTS += ("thinner than recorded", "coincident", "same as component 3", "point mass: {a} = 1.5")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdicts_are_said_in_the_language_that_is_used(verdict):
    assert verdict_in_words(verdict) == verdict
    language.use(language.SPANISH)
    said = verdict_in_words(verdict)
    assert not set(said.split()) & {"sound", "same", "as", "component", "point", "mass", "rows"}
    assert said != verdict
    place = verdict.partition(": ")[2]
    assert said.endswith(place)
    assert ("3" in said) == ("3" in verdict)


def mixture(covariances, weights=(0.5, 0.5), means=((0.0, 0.0), (5.0, 0.0))):
    return Mixture.from_parameters(weights, means, covariances)


@pytest.mark.parametrize(
    ("made", "rows", "verdict"),
    [
        (mixture([np.eye(2), np.eye(2)]), [100, 2.5], "few rows"),
        (mixture([np.eye(2), np.diag([1, 1e-9])]), [100, 100], "held up by reg_covar"),
        (mixture([np.eye(2), np.diag([1, 1e-6])]), [100, 4.0], "spike"),
        (mixture([np.eye(2), np.eye(2)], weights=(1.0, 0.0)), [100, 0.0], "no weight"),
        (mixture([np.eye(2)] * 2, means=((0, 0), (0, 1e-4))), [50, 50], "same as component 0"),
    ],
)
def test_each_doubt_has_its_word(made, rows, verdict):
    reg_covar = np.full(2, 1e-9)
    diagnosis = diagnose(made, np.array(rows, dtype=float), reg_covar)
    assert diagnosis.verdict[1] == verdict
    total = np.cov(two_clouds().T)
    doubts = doubts_about(made, np.array(rows, dtype=float), Grounds(reg_covar), lambda: total)
    assert doubts[0].is_degenerate == (verdict != "same as component 0")


def test_bhattacharyya_distance_of_two_normals():
    """By numerical integration of sqrt(p q)."""
    ours = Mixture.from_parameters([1.0], [[0.3]], [[[0.5]]])
    theirs = Mixture.from_parameters([1.0], [[1.1]], [[[2.0]]])
    grid = np.linspace(-15, 15, 20_001)[:, np.newaxis]
    product = np.exp((ours.log_density(grid) + theirs.log_density(grid)) / 2)
    coefficient = np.trapezoid(product, grid[:, 0])
    assert_allclose(bhattacharyya(ours, theirs)[0, 0], -np.log(coefficient), rtol=1e-8)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("apart", [0.0, 0.2, 1.0, 100.0])
@pytest.mark.parametrize("n_features", [1, 3, 40])
def test_the_nearest_is_that_of_all_distances(covariance_type, apart, n_features):
    made = random_mixture(7, n_features, covariance_type, np.random.default_rng(0))
    means = apart * made.means
    means[5] = means[2]
    mixture = replace(made, means=means)
    overlaps = np.exp(-bhattacharyya(mixture, mixture))
    np.fill_diagonal(overlaps, -1)
    diagnosis = diagnose(mixture, np.full(7, 100.0), np.full(n_features, 1e-6))
    assert_array_equal(diagnosis.nearest, overlaps.argmax(axis=1))
    assert_array_equal(diagnosis.overlap, overlaps.max(axis=1))


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_bounds_on_distances_are_below_them_and_sharp_where_covariances_are_equal(covariance_type):
    mixture = random_mixture(7, 40, covariance_type, np.random.default_rng(0))
    distances = bhattacharyya(mixture, mixture)
    bounds = _least_distances(Normals.of(mixture))
    assert (bounds <= distances).all()
    if covariance_type == "tied":
        assert_allclose(bounds, distances, rtol=1e-5, atol=1e-5)


def test_of_wide_components_that_lie_apart_few_distances_are_computed(monkeypatch):
    n_components, counted = 20, []
    mixture = random_mixture(n_components, 40, "tied", np.random.default_rng(0))
    distances = Normals.distances

    def count(*arguments):
        found = distances(*arguments)
        counted.extend(found)
        return found

    monkeypatch.setattr(Normals, "distances", count)
    diagnose(mixture, np.full(n_components, 100.0), np.full(40, 1e-6))
    assert len(counted) < 2 * n_components


def test_one_warning_says_which_component_and_why():
    X = two_clouds()
    X[:200] = X[0]
    with pytest.warns(
        DegenerateComponentWarning, match=r"point mass: its 200 rows have column 0 = "
    ):
        GaussianMixture(2, init_params="kmeans", random_state=0).fit(X)


WITHOUT_MATRICES = ["diag", "spherical", "EII", "VII", "EEI", "VEI", "EVI", "VVI"]


def beside_copies(*more):
    """Two clouds, other columns, the second cloud's column again and a sum of both."""
    X = np.column_stack([two_clouds(), *more])
    return np.column_stack([X, X[:, 1], X[:, 0] + 2 * X[:, 1]])


@pytest.mark.parametrize("kind", ["full", "tied", "VEE", "EVV", *WITHOUT_MATRICES])
def test_hopeless_columns_are_named_before_the_fit(kind):
    with pytest.warns(DataWarning) as caught:
        GaussianMixture(2, covariance_type=kind, random_state=0).fit(beside_copies(np.full(400, 7)))
    message = str(caught[0].message)
    assert message.startswith("Column 2 is constant (7)")
    assert "columns 1 and 3 are equal" in message
    assert "columns 0, 1, 4 are linearly dependent" in message
    before, _, after = message.partition("the likelihood then depends on reg_covar")
    assert ("columns" in before) == (kind not in WITHOUT_MATRICES)
    assert ("counts more than once" in after) == (kind in WITHOUT_MATRICES)


@pytest.mark.parametrize("kind", WITHOUT_MATRICES)
def test_copies_of_columns_make_no_covariance_without_matrices_degenerate(kind):
    """What is said of them is true: the likelihood is the same for any reg_covar that is small."""
    X = beside_copies()
    with pytest.warns(DataWarning) as caught:
        fits = [
            GaussianMixture(2, covariance_type=kind, random_state=0, reg_covar=reg_covar).fit(X)
            for reg_covar in (1e-9, 1e-13)
        ]
    assert_allclose(fits[0].lower_bound_, fits[1].lower_bound_, rtol=1e-7)
    assert set(fits[0].diagnosis_.verdict) == {"sound"}
    message = str(caught[0].message)
    assert "reg_covar" not in message
    assert "diagonal and spherical" in message


@pytest.mark.filterwarnings("ignore:Column:mixtura.DataWarning")
def test_copies_of_columns_hold_nothing_up_without_matrices():
    """What is held up by other reasons is not blamed on them."""
    X = beside_copies()
    X[:200] = X[0]
    labels = np.repeat([0, 1], 200)
    model = GaussianMixture(2, covariance_type="diag", init_params=labels, max_iter=0)
    with pytest.warns(
        DegenerateComponentWarning, match=r"point mass: its 200 rows have column 0 = "
    ):
        model.fit(X)


@pytest.mark.parametrize("kind", ["full", "diag", "tied"])
def test_a_constant_column_makes_no_mixture_spurious(kind):
    """reg_covar holds every mixture up there, and no one more than another."""
    X = np.column_stack([two_clouds(), np.full(400, 7.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    assert model.converged_
    assert set(model.diagnosis_.verdict) == {"sound"}


def test_sound_data_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("full", "tied", "diag", "spherical"):
            GaussianMixture(2, covariance_type=kind, random_state=0).fit(two_clouds())
            GaussianMixture(2, covariance_type=kind, random_state=0).fit(two_clouds() * 1e-9 + 3.0)


def test_a_number_that_widens_a_component_is_told():
    X = two_clouds() * 5e-3
    with pytest.warns(DataWarning, match=r"reg_covar=1e-06 is .*% of the smallest variance"):
        GaussianMixture(2, reg_covar=1e-6, random_state=0).fit(X)


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1.0, 1e9])
def test_reg_covar_auto_is_in_the_units_of_the_data(unit):
    ours = GaussianMixture(2, random_state=0).fit(two_clouds())
    theirs = GaussianMixture(2, random_state=0).fit(two_clouds() * unit)
    assert_allclose(theirs.covariances_ / unit**2, ours.covariances_, rtol=1e-5)


def test_components_are_sorted():
    X = np.concatenate(
        [two_clouds()[:200] + np.array([20, 0]), two_clouds()[:100], two_clouds()[200:250]]
    )
    heavy = GaussianMixture(3, random_state=0, sort_components="weight").fit(X)
    assert np.all(np.diff(heavy.weights_) <= 0)
    left = GaussianMixture(3, random_state=0, sort_components="mean").fit(X)
    assert np.all(np.diff(left.means_[:, 0]) >= 0)
    assert_allclose(heavy.score(X), left.score(X), rtol=1e-12)
    for model in (heavy, left):
        counts = model.predict_proba(X).sum(axis=0)
        assert_allclose(model.diagnosis_.effective_rows, counts, rtol=1e-3)


def test_align_to_makes_labels_comparable():
    X = np.concatenate([two_clouds(seed=1), two_clouds(seed=2)[:200] + np.array([0, 15])])
    one = GaussianMixture(3, random_state=0).fit(X)
    shuffled = one.mixture_.permuted([2, 0, 1])
    other = GaussianMixture(3, init_params=lambda *_: shuffled, max_iter=50).fit(X)
    before = other.predict(X)
    assert not np.array_equal(before, one.predict(X))
    assert other.align_to(one) is other
    assert np.array_equal(other.predict(X), one.predict(X))
    assert_allclose(other.means_, one.means_, atol=1e-4)
    with pytest.raises(ValueError, match="align_to needs a mixture of 3 components"):
        other.align_to(GaussianMixture(2, random_state=0).fit(X))


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("theirs", [SklearnMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_align_to_takes_scikit_learns_models(kind, theirs, dtype):
    X = np.concatenate([two_clouds(seed=1), two_clouds(seed=2)[:200] + np.array([0, 15])])
    theirs = theirs(n_components=3, covariance_type=kind, random_state=0).fit(X.astype(dtype))
    labels = theirs.predict(X.astype(dtype))
    first = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    for order in itertools.permutations(range(3)):
        start = first.mixture_.permuted(order)
        ours = GaussianMixture(3, covariance_type=kind, init_params=lambda *_, m=start: m).fit(X)
        assert np.mean(ours.align_to(theirs).predict(X) == labels) > 0.99


@pytest.mark.parametrize(
    ("other", "error", "words"),
    [
        (None, TypeError, "got NoneType, which has no weights_"),
        (np.zeros((2, 2)), TypeError, "got ndarray, which has no weights_"),
        (KMeans(2, n_init=1), NotFittedError, "KMeans instance is not fitted yet"),
        (KMeans(2, n_init=1).fit(two_clouds()), TypeError, "got KMeans, which has no weights_"),
        (SklearnMixture(2), NotFittedError, "not fitted yet"),
        (GaussianMixture(2), NotFittedError, "not fitted yet"),
        (SklearnMixture(3).fit(two_clouds()), ValueError, "needs a mixture of 2 components"),
    ],
)
def test_align_to_says_what_it_cannot_be_aligned_to(other, error, words):
    model = GaussianMixture(2, random_state=0).fit(two_clouds())
    means = model.means_
    with pytest.raises(error, match=words):
        model.align_to(other)
    assert model.means_ is means


def test_permuted_is_the_same_distribution():
    model = GaussianMixture(2, covariance_type="tied", random_state=0).fit(two_clouds()).mixture_
    swapped = model.permuted([1, 0])
    assert_allclose(swapped.log_density(two_clouds()), model.log_density(two_clouds()), rtol=1e-14)
    with pytest.raises(ValueError, match="each of the 2 components once"):
        model.permuted([0, 0])


def test_remaining_gain_is_what_em_still_gains():
    """Aitken's estimate from a fit stopped early, beside EM run to its end."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((500, 1)), rng.standard_normal((500, 1)) + 2.5])
    start = {"init_params": "kmeans", "random_state": 0}
    early = GaussianMixture(2, tol=1e-7, **start).fit(X)
    end = GaussianMixture(2, tol=1e-13, max_iter=50_000, **start).fit(X)
    gained = end.lower_bound_ - early.lower_bound_
    assert early.remaining_gain_ / 3 < gained < early.remaining_gain_ * 3


def test_the_verdicts_survive_a_file(tmp_path):
    from mixtura import load

    model = GaussianMixture(2, random_state=0).fit(two_clouds())
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.diagnosis_.verdict == model.diagnosis_.verdict
    assert_allclose(loaded.diagnosis_.effective_rows, model.diagnosis_.effective_rows)
    assert loaded.remaining_gain_ == model.remaining_gain_


def test_one_far_row_makes_no_columns_dependent():
    X = np.concatenate([two_clouds(), [[1e9, 1e9]]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GaussianMixture(2, random_state=0).fit(X)
    assert not any("dependent" in str(warning.message) for warning in caught)


def test_few_distinct_rows_are_counted_before_the_fit():
    X = np.repeat(two_clouds()[[0, 1, 2, 399]], 50, axis=0)
    with pytest.warns(DataWarning) as caught:
        GaussianMixture(3, random_state=0).fit(X)
    assert "only 4 distinct rows, all others repeat them" in str(caught[0].message)


def test_few_rows_that_are_all_distinct_are_said_to_repeat_none():
    X = two_clouds()[[0, 1, 2, 399]]
    with pytest.warns(DataWarning) as caught:
        GaussianMixture(3, covariance_type="spherical", random_state=0).fit(X)
    assert str(caught[0].message).startswith("There are only 4 rows, so that some of 3 components")
    with pytest.raises(ValueError, match="5 components, but X has only 4 rows"):
        GaussianMixtureSearch([5], random_state=0).fit(X)


def crossed(n_rows=400, seed=0):
    """Two clusters with one centre and the same spreads, correlated +0.95 and -0.95."""
    rng = np.random.default_rng(seed)
    one, other = np.array([[1, 0.95], [0.95, 1]]), np.array([[1, -0.95], [-0.95, 1]])
    halves = [rng.multivariate_normal([0, 0], matrix, n_rows // 2) for matrix in (one, other)]
    X = np.concatenate(halves)
    # Exactly one centre, and exactly the same spreads.
    for half in (X[: n_rows // 2], X[n_rows // 2 :]):
        half -= half.mean(axis=0)
        half /= half.std(axis=0)
    return X


def test_clusters_that_cross_are_not_the_same():
    """Means and spreads agree to the last digit; the correlations do not."""
    X = crossed()
    labels = np.repeat([0, 1], 200)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DegenerateComponentWarning)
        model = GaussianMixture(2, init_params=labels, max_iter=0).fit(X)
    assert model.diagnosis_.verdict == ("sound", "sound")
    assert model.diagnosis_.overlap.max() < 0.5


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "VEV"])
@pytest.mark.parametrize(
    ("moved", "same"), [(0.0, (1, 4)), (1e-2, (1, 4)), (0.15, None), (0.5, None)]
)
def test_what_is_the_same_is_what_the_verdict_says(kind, moved, same):
    """Among others that share a coordinate of the mean with both."""
    means = np.array([[0, 0], [0, 5], [0, 9], [3, 5], [moved, 5], [0, -7.0]])
    covariances = structure(kind).scatters(6 * np.array([[1.0, 0.5], [0.5, 1.0]]), 6)
    made = Mixture.from_parameters(np.full(6, 1 / 6), means, covariances, covariance_type=kind)
    verdict = diagnose(made, np.full(6, 100.0), np.full(2, 1e-9)).verdict
    expected = {k: f"same as component {5 - k}" for k in same or ()}
    assert verdict == tuple(expected.get(k, "sound") for k in range(6))


def spiked():
    """300 rows about the centre, and four nearly on a line beside them."""
    rng = np.random.default_rng(0)
    line = np.array([[6.0, 0.0], [6.5, 0.0], [7.1, 0.0], [7.4, 0.0]])
    return np.concatenate(
        [rng.standard_normal((300, 2)), line + 1e-3 * rng.standard_normal((4, 2))]
    )


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_a_spike_is_warned_of(kind):
    X = spiked()
    labels = (np.arange(304) >= 300).astype(int)
    X[300:, 1] *= 1.0 if kind == "full" else 0.1
    model = GaussianMixture(2, covariance_type=kind, init_params=labels, max_iter=0)
    with pytest.warns(DegenerateComponentWarning, match=r"Component 1 is a spike of 4 rows"):
        model.fit(X)
    assert model.diagnosis_.verdict == ("sound", "spike")


@pytest.mark.filterwarnings("ignore:Columns 0, 1 are:mixtura.DataWarning")
def test_what_is_held_up_has_its_verb():
    X = two_clouds()
    X[:200, 1] = 2 * X[:200, 0]
    labels = np.repeat([0, 1], 200)
    with pytest.warns(DegenerateComponentWarning, match=r"^Component 0 is held up by reg_covar"):
        GaussianMixture(2, init_params=labels, max_iter=0).fit(X)
    X[200:, 1] = -X[200:, 0]
    with pytest.warns(DegenerateComponentWarning, match=r"^Components 0, 1 are held up by"):
        GaussianMixture(2, init_params=labels, max_iter=0, reg_covar=1e-6).fit(X)


@pytest.mark.parametrize(
    ("kinds", "words"), [(["EII", "VVI"], "counts more than once"), (["EII", "VVV"], "reg_covar")]
)
def test_a_sweep_says_of_copies_of_columns_what_is_true_of_its_structures(kinds, words):
    search = GaussianMixtureSearch([1, 2], kinds, random_state=0)
    with pytest.warns(DataWarning, match=f"olumns 1 and 2 are equal.*{words}"):
        search.fit(beside_copies())


@pytest.mark.parametrize("n_features", [2, 40])
@pytest.mark.parametrize("covariance_type", ["full", "tied"])
@pytest.mark.filterwarnings("ignore")
def test_covariances_that_are_singular_have_a_diagnosis(covariance_type, n_features):
    """A column that is there twice adds nothing: components overlap as they do without it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, n_features)) + 4 * rng.integers(0, 3, (300, 1))
    options = {"covariance_type": covariance_type, "random_state": 0, "init_params": "kmeans"}
    theirs = GaussianMixture(3, **options).fit(X)
    means, covariances = theirs.means_, theirs.mixture_.covariance_matrices()
    twice = [*range(n_features), 0]
    ours = Normals(means[:, twice], covariances[:, twice][:, :, twice])
    plain = Normals(means, covariances)
    for i in range(3):
        assert_allclose(
            ours.distances(i, ours, slice(None)),
            plain.distances(i, plain, slice(None)),
            rtol=0.02,
            atol=0.02,
        )
    if covariance_type == "tied":
        # So little that 1 + it is hardly 1: without it rounding decides whether there is a fit at all.
        twin = GaussianMixture(3, reg_covar=1e-13, max_iter=5, **options).fit(X[:, twice])
        assert np.isfinite(twin.diagnosis_.overlap).all()
        assert (twin.diagnosis_.nearest >= 0).all()
