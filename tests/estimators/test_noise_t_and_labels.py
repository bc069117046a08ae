"""Noise, Student's t and known labels of `GaussianMixture`, against published values, and over seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError

import mixtura
from mixtura import GaussianMixture
from mixtura.datasets import load_faithful, make_three_blobs
from products import product

BANKNOTES = Path(__file__).parents[1] / "data" / "banknotes.csv"


def banknotes():
    """Measures of 100 genuine and 100 counterfeit notes, and which they are."""
    lines = [line.split(",") for line in BANKNOTES.read_text().splitlines()[2:]]
    return np.array([line[1:] for line in lines], dtype=float), np.array(
        [line[0] == "counterfeit" for line in lines], dtype=int
    )


def iris():
    X, species = load_iris(return_X_y=True)
    return X, species


def with_stray_rows(X, share):
    low, high = X.min(axis=0), X.max(axis=0)
    half = 0.3 * (high - low)
    n = int(share * len(X))
    stray = np.random.default_rng(0).uniform(low - half, high + half, (n, X.shape[1]))
    return np.concatenate([X, stray])


X_IRIS, _ = iris()


# Student's t


@pytest.mark.parametrize(
    ("df", "log_likelihood", "degrees"),
    [
        (4.0, -738.9599468392903, [4.0, 4.0]),
        (None, -722.4400232709474, [22.4895896, 11.0247992]),
    ],
)
def test_banknotes_as_published_and_better(df, log_likelihood, degrees):
    """Where ECM from the classes ends, which another library found too; the search ends higher."""
    X, kind = banknotes()
    arguments = {"distribution": "t", "df": df, "reg_covar": 0.0, "tol": 0.0, "max_iter": 5_000}
    from_classes = GaussianMixture(2, init_params=kind, **arguments).fit(X)
    assert_allclose(200 * from_classes.lower_bound_, log_likelihood, rtol=0, atol=1e-7)
    assert_allclose(from_classes.df_, degrees, rtol=1e-5)
    found = GaussianMixture(2, distribution="t", df=df, random_state=0).fit(X)
    assert 200 * found.lower_bound_ > log_likelihood + 2


def test_df_is_an_attribute_of_t_components_alone():
    X = load_faithful().data
    model = GaussianMixture(2, distribution="t", df="shared", random_state=0).fit(X)
    assert model.df_[0] == model.df_[1]
    model.set_params(distribution="gaussian").fit(X)
    assert not hasattr(model, "df_")
    assert model.mixture_.df is None


def test_degrees_of_freedom_set_by_hand_count():
    model = GaussianMixture(2, distribution="t", random_state=0).fit(load_faithful().data)
    before = model.score_samples([[2.0, 90.0]])
    model.df_ = np.array([3.0, 3.0])
    assert model.score_samples([[2.0, 90.0]]) > before
    model.df_ = [-1.0, 3.0]
    with pytest.raises(ValueError, match="df must be above 0, but the least is -1"):
        model.score_samples([[2.0, 90.0]])


def test_parameters_of_t_components_make_a_model():
    model = GaussianMixture.from_parameters(
        [0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[4.0]]], degrees_of_freedom=[3.0, 30.0]
    )
    assert model.distribution == "t"
    assert model.df_.tolist() == [3.0, 30.0]
    learned = model.partial_fit(np.random.default_rng(0).standard_t(3, (50, 1)))
    assert learned.df_.shape == (2,)


@pytest.mark.parametrize("kind", [{"noise": True}, {"distribution": "t"}])
def test_a_bootstrap_refits_the_same_kind(kind):
    from mixtura.selection import bootstrap_difference

    X = with_stray_rows(load_faithful().data, 0.2)
    plain = GaussianMixture(2, random_state=0).fit(X)
    other = GaussianMixture(2, random_state=0, **kind).fit(X)
    found = bootstrap_difference(other, plain, X, n_replicates=20, random_state=0)
    assert found.share_first_better > 0.9


# Noise


TABLES = {
    "faithful": (load_faithful().data, 2),
    "blobs": (make_three_blobs().data, 3),
    "iris": (load_iris(return_X_y=True)[0], 3),
}


@pytest.mark.parametrize(("name", "share"), product(TABLES, [0.05, 0.3]))
def test_noise_needs_no_guess(name, share):
    """The same optimum from 20 seeds."""
    rows, n_components = TABLES[name]
    X = with_stray_rows(rows, share)
    bounds = [
        GaussianMixture(n_components, noise=True, random_state=seed).fit(X).lower_bound_
        for seed in range(20)
    ]
    assert max(bounds) - min(bounds) < 1e-4


def test_noise_of_a_vast_volume_is_none():
    X = load_faithful().data
    plain = GaussianMixture(2, random_state=0).fit(X)
    thin = GaussianMixture(2, noise=True, noise_volume=1e300, random_state=0).fit(X)
    assert thin.noise_weight_ < 1e-9
    assert_allclose(thin.lower_bound_, plain.lower_bound_, rtol=0, atol=1e-7)
    assert thin.n_features_in_ == 2
    assert (thin.predict(X) >= 0).all()


def test_the_volume_is_the_smaller_box(rng):
    """Of a thin cloud along a diagonal, the one along its principal components."""
    z = rng.uniform(-1, 1, (500, 2)) * [10.0, 0.1]
    turned = z @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    for X in (z, turned):
        model = GaussianMixture(1, noise=True, random_state=0).fit(X)
        assert_allclose(model.noise_log_volume_, np.log(20 * 0.2), atol=0.1)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_constant_columns_are_left_out_of_the_volume(rng):
    X = rng.normal(size=(200, 2))
    model = GaussianMixture(1, noise=True, random_state=0, reg_covar=1e-6)
    beside = np.column_stack([X, np.full(200, 7.0)])
    with pytest.warns(mixtura.DataWarning):
        with_constant = model.fit(beside).noise_log_volume_
    alone = GaussianMixture(1, noise=True, random_state=0).fit(X).noise_log_volume_
    assert_allclose(with_constant, alone, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
def test_hundreds_of_features_have_a_volume(rng):
    X = rng.normal(size=(60, 500)) * 1e3
    model = GaussianMixture(2, covariance_type="spherical", noise=True, random_state=0).fit(X)
    assert model.noise_log_volume_ > 710  # exp of it is no double


def test_rows_of_weight_zero_have_no_part_in_the_volume():
    X = load_faithful().data
    far = np.concatenate([X, [[1e3, 1e3]]])
    weight = np.append(np.ones(len(X)), 0.0)
    one = GaussianMixture(2, noise=True, random_state=0).fit(X)
    other = GaussianMixture(2, noise=True, random_state=0).fit(far, sample_weight=weight)
    assert_allclose(other.noise_log_volume_, one.noise_log_volume_, rtol=1e-12)
    assert_allclose(other.lower_bound_, one.lower_bound_, rtol=1e-9)


@pytest.mark.parametrize("kind", [{"noise": True}, {"distribution": "t"}])
def test_whole_weights_are_repetitions(kind):
    X = with_stray_rows(load_faithful().data, 0.1)
    weight = 1.0 + np.arange(len(X)) % 3
    one = GaussianMixture(2, random_state=0, **kind).fit(X, sample_weight=weight)
    other = GaussianMixture(2, random_state=0, **kind).fit(np.repeat(X, weight.astype(int), axis=0))
    assert_allclose(one.lower_bound_, other.lower_bound_, rtol=0, atol=1e-7)
    assert_allclose(one.means_, other.means_, rtol=1e-4)


def test_draws_are_of_the_components():
    X = with_stray_rows(load_faithful().data, 0.5)
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    drawn, labels = model.sample(2_000)
    assert set(labels) == {0, 1}
    assert (model.predict(drawn) == -1).mean() < 0.1


def fitted_among_stray_rows(dtype=np.float64, **arguments):
    X = with_stray_rows(load_faithful().data, 0.2).astype(dtype)
    return GaussianMixture(2, noise=True, random_state=0, **arguments).fit(X), X


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_noise_is_drawn_on_request(dtype, tmp_path):
    """As many rows as its weight says, uniform between the least and the most of each feature."""
    model, X = fitted_among_stray_rows(dtype)
    assert_allclose(model.noise_box_, [X.min(axis=0), X.max(axis=0)], rtol=1e-6)
    model.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    n = 40_000
    for known in (model, loaded):
        drawn, labels = known.sample(n, random_state=3, noise=True)
        assert drawn.dtype == dtype
        stray = drawn[labels == -1].astype(np.float64)
        share = model.noise_weight_
        assert abs(len(stray) / n - share) < 4 * np.sqrt(share * (1 - share) / n)
        low, high = model.noise_box_.astype(np.float64)
        for j in range(2):
            uniform = stats.uniform(low[j], high[j] - low[j])
            assert stats.kstest(stray[:, j], uniform.cdf).pvalue > 1e-3
        assert stats.pearsonr(*stray.T).pvalue > 1e-3
        drawn_again, _ = known.sample(n, random_state=3, noise=True)
        assert np.array_equal(drawn_again, drawn)
    components = drawn[labels >= 0]
    assert_allclose(components.mean(axis=0), model.mixture_.weights @ model.means_, rtol=0.02)


def test_the_box_of_noise_is_there_wherever_the_rows_come_from():
    model, X = fitted_among_stray_rows()
    streamed = GaussianMixture(2, noise=True, random_state=0).fit(
        mixtura.from_batches(lambda: np.array_split(X, 3))
    )
    assert_allclose(streamed.noise_box_, model.noise_box_, rtol=1e-12)
    box = model.noise_box_.copy()
    model.partial_fit(X[:100])
    assert np.array_equal(model.noise_box_, box)
    search = mixtura.GaussianMixtureSearch([2], ["VVV"], noise=[False, True], random_state=0).fit(X)
    _, labels = search.sample(1_000, random_state=0, noise=True)
    assert (labels == -1).sum() > 50
    X[::3, 0] = np.nan
    gaps = GaussianMixture(2, noise=True, missing="mar", random_state=0).fit(X)
    assert_allclose(gaps.noise_box_, [np.nanmin(X, axis=0), np.nanmax(X, axis=0)], rtol=1e-12)


def test_a_feature_that_does_not_vary_is_drawn_as_it_is():
    X = np.column_stack([with_stray_rows(load_faithful().data, 0.2), np.full(326, 7.0)])
    with pytest.warns(mixtura.DataWarning):
        model = GaussianMixture(2, covariance_type="diag", noise=True, random_state=0).fit(X)
    drawn, labels = model.sample(1_000, random_state=0, noise=True)
    assert (drawn[labels == -1, 2] == 7.0).all()


def test_noise_without_a_place_is_not_drawn():
    model, X = fitted_among_stray_rows(noise_volume=500.0)
    with pytest.raises(ValueError, match="noise_volume is a volume without a place"):
        model.sample(10, noise=True)
    assert not hasattr(model, "noise_box_")
    model.noise_box_ = [[0.0, 0.0], [1.0, 1.0]]
    assert model.sample(1_000, 0, noise=True)[0].min() > -1
    model.noise_box_ = [[0.0], [1.0]]
    with pytest.raises(ValueError, match=r"noise_box_ must have shape \(2, 2\)"):
        model.sample(10, noise=True)
    plain = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="was fitted without"):
        plain.sample(10, noise=True)


def test_weights_and_noise_set_by_hand_belong_together():
    X = with_stray_rows(load_faithful().data, 0.2)
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    model.weights_ = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match=r"weights_ must be at least 0 and sum to 0\.79"):
        model.predict(X)
    model.noise_weight_ = 0.0
    assert (model.predict(X) >= 0).all()


# Labels


def test_nothing_known_is_a_fit_without_labels_to_the_bit():
    X, _ = iris()
    plain = GaussianMixture(3, random_state=0).fit(X)
    for unknown in (np.full(150, -1), np.ones((150, 3), dtype=bool), np.ones((150, 3))):
        same = GaussianMixture(3, random_state=0).fit(X, labels=unknown)
        assert np.array_equal(same.means_, plain.means_)
        assert same.lower_bounds_ == plain.lower_bounds_


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical", "EVV"])
def test_all_known_is_maximum_likelihood_class_by_class(covariance_type):
    X, species = iris()
    model = GaussianMixture(3, covariance_type=covariance_type, reg_covar=0.0, random_state=0)
    model.fit(X, labels=species)
    of_classes = [X[species == k] for k in range(3)]
    assert_allclose(model.means_, [rows.mean(axis=0) for rows in of_classes], rtol=1e-12)
    assert_allclose(model.weights_, 1 / 3)
    if covariance_type == "full":
        own = [np.cov(rows.T, bias=True) for rows in of_classes]
        assert_allclose(model.covariances_, own, rtol=1e-10)


@pytest.mark.parametrize("start", ["auto", "kmeans", "k-means++"])
def test_a_few_labels_find_the_groups(start):
    """Thirty labels: from their means alone EM ends at an error of 0.09."""
    X, species = iris()
    wrong = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        labels = np.full(150, -1)
        for k in range(3):
            labels[rng.choice(np.flatnonzero(species == k), 10, replace=False)] = k
        model = GaussianMixture(3, init_params=start, random_state=seed).fit(X, labels=labels)
        wrong.append(np.mean(model.predict(X) != species))
    assert np.median(wrong) < 0.04


def test_a_mask_and_confidences_say_what_labels_do():
    X, species = iris()
    labels = np.where(np.arange(150) % 5 == 0, species, -1)
    mask = (labels[:, None] < 0) | (labels[:, None] == np.arange(3))
    one, other, third = (
        GaussianMixture(3, random_state=0).fit(X, labels=known)
        for known in (labels, mask, np.where(mask, 2.0, 0.0))
    )
    assert_allclose(other.means_, one.means_, rtol=1e-12)
    assert_allclose(third.means_, one.means_, rtol=1e-9)
    assert_allclose(third.lower_bound_, one.lower_bound_ + np.log(2), rtol=1e-9)
    for score in ("score", "bic", "aic", "icl"):
        values = [getattr(one, score)(X, labels=known) for known in (labels, mask)]
        assert_allclose(values[0], values[1], rtol=1e-12)
        assert values[0] != getattr(one, score)(X)


def test_a_known_row_is_no_noise():
    X = with_stray_rows(load_faithful().data, 0.1)
    labels = np.full(len(X), -1)
    labels[-1] = 0
    free = GaussianMixture(2, noise=True, random_state=0).fit(X)
    assert free.predict(X[-1:]) == -1
    known = GaussianMixture(2, noise=True, random_state=0).fit(X, labels=labels)
    mask = np.ones((len(X), 3), dtype=bool)
    mask[-1] = [False, False, True]
    noise = GaussianMixture(2, noise=True, random_state=0).fit(X, labels=mask)
    assert known.score(X, labels=labels) < free.score(X)
    assert noise.score(X, labels=mask) > known.score(X, labels=labels)


RESPONSIBILITIES = np.eye(3)[load_iris(return_X_y=True)[1]]
OTHER_STARTS = {
    "random": {"init_params": "random"},
    "k-means++": {"init_params": "k-means++"},
    "random_from_data": {"init_params": "random_from_data"},
    "responsibilities": {"init_params": RESPONSIBILITIES},
    "means": {"means_init": RESPONSIBILITIES.T @ X_IRIS / 50},
    "a fixed mean": {
        "means_init": [[5.0, 3.4, 1.5, 0.2], *[[np.nan] * 4] * 2],
        "fixed": {"means": [True, False, False]},
    },
    "a fixed weight": {
        "weights_init": [0.3, np.nan, np.nan],
        "fixed": {"weights": [True, False, False]},
    },
    "a prior": {"prior": "default"},
}


@pytest.mark.parametrize("start", OTHER_STARTS)
@pytest.mark.parametrize("noise", [False, True])
def test_masks_go_with_every_start_and_say_what_labels_do(start, noise):
    """What is known of each component is not mixed up with the numbers that a start gives them."""
    X, species = iris()
    labels = np.where(np.arange(150) % 4 == 0, species, -1)
    mask = (labels[:, None] < 0) | (labels[:, None] == np.arange(3 + noise))
    of_numbers, of_mask = (
        GaussianMixture(3, noise=noise, random_state=0, **OTHER_STARTS[start]).fit(X, labels=known)
        for known in (labels, mask)
    )
    assert_allclose(of_mask.lower_bound_, of_numbers.lower_bound_, rtol=1e-10)
    assert_allclose(of_mask.means_, of_numbers.means_, rtol=1e-7)
    assert (of_mask.predict(X)[::4] == species[::4]).mean() > 0.9


def test_a_stream_learns_labels(rng):
    model = GaussianMixture(2, random_state=0)
    for _ in range(30):
        group = rng.integers(0, 2, 200)
        batch = rng.normal(size=(200, 1)) + 2.0 * group[:, None]
        model.partial_fit(batch, labels=np.where(rng.random(200) < 0.5, group, -1))
    assert_allclose(model.means_[:, 0], [0.0, 2.0], atol=0.15)


def test_labels_are_routed_as_metadata():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = GaussianMixture(2).set_fit_request(labels=True).set_score_request(labels=True)
        requests = model.get_metadata_routing()
    assert requests.fit.requests["labels"]
    assert requests.score.requests["labels"]


@pytest.mark.parametrize(
    ("arguments", "labels", "message"),
    [
        (
            {},
            np.zeros(149, dtype=int),
            "labels must be one for each of the 150 rows of X, got 149.",
        ),
        ({}, np.full(150, 3), "row 0 has 3: n_components is 3."),
        ({}, np.full(150, -2), "row 0 has -2"),
        ({}, np.full(150, 0.5), "labels must be whole numbers of components"),
        ({}, np.full(150, "a"), "labels must be whole numbers of components"),
        ({}, np.ones((150, 4)), "that is 3, got 4."),
        ({"noise": True}, np.ones((150, 3)), "a column for each component and one for noise"),
        (
            {},
            np.zeros((150, 3), dtype=bool),
            "must leave one component at least to each row: row 0 has",
        ),
        (
            {},
            np.full((150, 3), -1.0),
            "labels as confidences must be numbers of 0 or more: row 0 has",
        ),
        ({}, np.full((150, 3), np.nan), "labels as confidences must be numbers of 0 or more"),
        ({"sort_components": "weight"}, np.zeros(150, dtype=int), "sort_components gives"),
    ],
)
def test_impossible_labels_have_a_sentence(arguments, labels, message):
    with pytest.raises(ValueError) as error:
        GaussianMixture(3, **arguments).fit(X_IRIS, labels=labels)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"df": 0.0},
        {"df": -1},
        {"df": "each"},
        {"noise_volume": 0.0},
        {"noise_volume": -3.0},
        {"noise": "yes"},
        {"distribution": "student"},
    ],
)
def test_impossible_arguments_are_named(arguments):
    (name,) = arguments
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        GaussianMixture(2, **arguments).fit(X_IRIS)


def test_a_source_brings_its_own_labels(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    with pytest.raises(ValueError, match=r"a source has its own: mixtura\.scan\(path, label="):
        GaussianMixture(1).fit(mixtura.scan(tmp_path / "rows.csv"), labels=[0, 0, 0])


def test_labels_in_a_file_that_are_none_are_named(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,group\n1,2,0\n3,4,0.5\n5,7,\n")
    source = mixtura.scan(tmp_path / "rows.csv", label="group")
    with pytest.raises(
        mixtura.SourceError, match=r"'group' in row 1 is 0\.5: a label is the number"
    ):
        GaussianMixture(1).fit(source)


pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category.__module__}.{category.__qualname__}")
    for category in (ConvergenceWarning,)
]


@pytest.mark.filterwarnings("ignore")
def test_a_warm_start_leaves_behind_what_is_not_asked_for_any_more():
    X = np.random.default_rng(0).standard_t(3, size=(400, 2))
    model = GaussianMixture(2, noise=True, distribution="t", random_state=0, warm_start=True).fit(X)
    model.set_params(noise=False, distribution="gaussian").fit(X)
    assert not hasattr(model, "noise_weight_")
    assert not hasattr(model, "df_")
    assert model.weights_.sum() == pytest.approx(1)
    assert model.predict(X).min() == 0
