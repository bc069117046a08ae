"""Is the best really best, and which components are one cluster."""

import matplotlib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp
from sklearn.exceptions import NotFittedError

from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture, from_batches
from mixtura.datasets import load_faithful
from mixtura.errors import DataWarning
from mixtura.estimators.resampling import Drawing
from mixtura.plots import plot_entropy, plot_search, plot_uncertainty
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine

matplotlib.use("agg")


@pytest.fixture(scope="module")
def faithful():
    return load_faithful().data


@pytest.fixture(scope="module")
def search(faithful):
    return GaussianMixtureSearch(range(1, 4), random_state=0).fit(faithful)


@pytest.fixture(scope="module")
def cross():
    """A cross of two long components, and a round one far away."""
    rng = np.random.default_rng(0)
    bar = rng.normal(size=(300, 2)) * [4, 0.3]
    X = np.concatenate([bar, bar[:, ::-1], rng.normal(size=(200, 2)) * 0.5 + [8, 8]])
    return X, GaussianMixture(3, random_state=0).fit(X)


# Combining


def test_a_cross_is_one_cluster(cross):
    X, model = cross
    found = combine(model, X)
    assert sorted(map(len, found.members(2))) == [1, 2]
    labels = found.predict(X, 2)
    assert len(set(labels[:600])) == 1
    assert set(labels[600:]) == {1 - labels[0]}
    assert_allclose(found.predict_proba(X, 2).sum(axis=1), 1.0)


def test_entropy_is_that_of_the_clusters_probabilities(cross):
    X, model = cross
    found = combine(model, X)
    for n_clusters, entropy in zip(found.n_clusters, found.entropy, strict=True):
        shares = found.predict_proba(X, int(n_clusters))
        logs = np.log(np.where(shares > 0, shares, 1.0))
        assert_allclose(-(shares * logs).sum(), entropy, atol=1e-8)
    assert np.all(np.diff(found.entropy) <= 1e-9)
    assert found.entropy[-1] == pytest.approx(0.0, abs=1e-9)


def test_each_merge_is_the_best_there_is(faithful):
    model = GaussianMixture(4, random_state=0).fit(faithful)
    found = combine(model, faithful)
    shares = model.predict_proba(faithful)

    def entropy(columns):
        p = np.stack(columns, axis=1)
        return -(p * np.log(np.where(p > 0, p, 1.0))).sum()

    best = min(
        entropy([shares[:, i] + shares[:, j], *(shares[:, k] for k in range(4) if k not in (i, j))])
        for i in range(4)
        for j in range(i + 1, 4)
    )
    assert_allclose(found.entropy[1], best, atol=1e-9)


def test_weights_are_repetitions_in_combining(faithful):
    model = GaussianMixture(3, random_state=0).fit(faithful)
    weight = np.random.default_rng(0).integers(0, 3, size=len(faithful))
    weighted = combine(model, faithful, sample_weight=weight)
    repeated = combine(model, np.repeat(faithful, weight, axis=0))
    assert_allclose(weighted.entropy, repeated.entropy, atol=1e-8)
    assert weighted.merges == repeated.merges


def test_a_number_of_clusters_that_is_not_there(cross):
    X, model = cross
    found = combine(model.mixture_, X)
    assert isinstance(found.mixture, Mixture)
    for number in (4, 0, 2.5, "2"):
        with pytest.raises(ValueError, match=r"n_clusters must be a whole number in 1\.\.3, got"):
            found.members(number)


# Bootstrap


def test_the_better_model_is_better_in_most_replicates(faithful, search):
    one = search.estimator(1, "VVV")
    test = bootstrap_difference(search.best_estimator_, one, faithful, n_replicates=20)
    assert test.share_first_better == 1.0
    assert test.difference == pytest.approx(search.best_score_ - one.bic(faithful))
    assert test.interval[0] < test.interval[1] < 0
    assert len(test.differences) + test.n_failed == 20


def test_any_number_of_threads_gives_the_same_replicates(faithful, search):
    models = search.best_estimator_, search.estimator(2, "VVV")
    one, two = (bootstrap_difference(*models, faithful, n_replicates=12, n_jobs=n) for n in (1, 2))
    assert_array_equal(one.differences, two.differences)


def test_two_components_are_found_and_the_test_ends_early(faithful):
    told = []
    test = bootstrap_ratio_test(
        faithful, 1, covariance_type="EEE", callback=lambda *numbers: told.append(numbers)
    )
    assert test.is_clear
    assert test.p_value < 0.05
    assert len(test.replicates) < 999
    assert told[-1] == (len(test.replicates) + test.n_failed, 999)


def test_one_component_is_enough_for_one_gaussian():
    X = np.random.default_rng(3).normal(size=(150, 2))
    test = bootstrap_ratio_test(X, 1, covariance_type="EEE", n_replicates=99)
    assert test.p_value > 0.05
    assert test.p_value == (1 + (test.replicates >= test.statistic).sum()) / (
        1 + len(test.replicates)
    )


def two_groups(n_rows, n_features, gap, seed):
    X = np.random.default_rng(seed).normal(size=(n_rows, n_features))
    X[: n_rows // 2, 0] += gap
    return X


def test_spikes_in_replicates_do_not_hide_two_groups():
    """The likeliest two components of normal rows are often one and a few rows nearly on a plane."""
    X = two_groups(200, 4, 3.5, seed=4)
    test = bootstrap_ratio_test(X, 1, n_replicates=60)
    assert test.p_value < 0.05


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("VVV", [[2.0, 1.0], [0.0, 0.001]]),
        ("VEE", [[2.0, 1.0], [0.0, 0.001]]),
        ("VVI", [[1000.0, 0.0], [0.0, 0.02]]),
        ("VEV", [[600.0, 800.0], [-800.0, 600.0]]),
        ("VII", [[600.0, 800.0], [-800.0, 600.0]]),
    ],
)
def test_changes_that_keep_the_structure_keep_the_ratio(kind, change):
    X = two_groups(120, 2, 4.0, seed=0)
    ours, changed = (
        bootstrap_ratio_test(rows, 1, covariance_type=kind, n_replicates=1)
        for rows in (X, X @ change)
    )
    assert changed.statistic == pytest.approx(ours.statistic, rel=1e-4)


def test_a_criterion_that_does_not_exist(faithful, search):
    models = search.best_estimator_, search.best_estimator_
    with pytest.raises(ValueError, match="Did you mean 'bic'"):
        bootstrap_difference(*models, faithful, criterion="bicc")


def weighted_rows(rng, scale):
    """Rows with weights under which the components are of other sizes, and fits of both models."""
    X = np.concatenate([rng.normal(size=(150, 1)), rng.normal(size=(150, 1)) + 2.6])
    weight = scale * np.where(np.arange(300) < 150, 1, rng.integers(0, 9, size=300))
    models = [
        GaussianMixture(k, covariance_type="tied", random_state=0).fit(X, sample_weight=weight)
        for k in (1, 2)
    ]
    return X, weight, models


def test_whole_weights_are_repetitions_in_the_bootstrap():
    X, weight, models = weighted_rows(np.random.default_rng(0), 1)
    repeated = np.repeat(X, weight, axis=0)
    weighted = bootstrap_difference(*models, X, sample_weight=weight, n_replicates=150)
    plain = bootstrap_difference(*models, repeated, n_replicates=150, random_state=1)
    assert weighted.difference == pytest.approx(plain.difference)
    # Two samples of one distribution.
    assert ks_2samp(weighted.differences, plain.differences).pvalue > 1e-3


def test_other_weights_are_worth_as_many_rows_as_kish_says():
    """The difference spreads as a sum over that many rows does."""
    rng = np.random.default_rng(1)
    X, weight, models = weighted_rows(rng, np.exp(rng.normal(size=300)))
    test = bootstrap_difference(*models, X, sample_weight=weight, criterion="aic", n_replicates=200)
    # -2 log-likelihood ratio of each row, weighted: by how much its sum varies from sample to sample.
    one, two = (model.score_samples(X) for model in models)
    each = -2 * (one - two)
    share = weight / weight.sum()
    n_effective = 1 / (share @ share)
    spread = np.sqrt(share @ (each - share @ each) ** 2 / n_effective) * weight.sum()
    assert 0.8 < np.std(test.differences) / spread < 1.25


def test_the_ratio_test_takes_weights():
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(size=(120, 1)), rng.normal(size=(60, 1)) + 5])
    weight = np.where(np.arange(180) < 120, 1.0, 0.0)  # without its weights there are two clusters
    options = {"covariance_type": "EEE", "n_replicates": 60}
    assert bootstrap_ratio_test(X, 1, **options).p_value < 0.05
    weighted = bootstrap_ratio_test(X, 1, sample_weight=weight, **options)
    alone = bootstrap_ratio_test(X[:120], 1, **options)
    assert weighted.statistic == pytest.approx(alone.statistic, rel=1e-6, abs=1e-4)
    assert weighted.p_value > 0.05


def test_the_ratio_test_takes_gaps():
    holes = np.random.default_rng(5).random((100, 2)) < 0.15
    two, one = two_groups(100, 2, 5.0, 0), np.random.default_rng(3).normal(size=(100, 2))
    found = bootstrap_ratio_test(np.where(holes, np.nan, two), 1, missing="mar", n_replicates=39)
    assert found.p_value < 0.05
    found = bootstrap_ratio_test(np.where(holes, np.nan, one), 1, missing="mar", n_replicates=39)
    assert found.p_value > 0.05
    plain, same = (
        bootstrap_ratio_test(two, 1, missing=how, n_replicates=5) for how in ("error", "mar")
    )
    assert plain.statistic == same.statistic
    assert_allclose(plain.replicates, same.replicates, rtol=0)
    with pytest.raises(ValueError, match="missing='mar'"):
        bootstrap_ratio_test(np.where(holes, np.nan, two), 1)


def test_replicates_of_the_ratio_test_have_the_gaps_of_the_rows():
    X = two_groups(60, 2, 5.0, 0)
    X[::3, 1] = np.nan
    X[1] = np.nan  # a row without any value is none
    rng = np.random.default_rng(0)
    drawing = Drawing.of(X, None)
    assert drawing.n_drawn == 59
    drawn = drawing.with_gaps(rng.normal(size=(59, 2)), rng)
    assert not np.isnan(drawn[:, 0]).any()
    assert 5 < np.isnan(drawn[:, 1]).sum() < 35
    whole = Drawing.of(X[2:], None)
    drawn = whole.with_gaps(rng.normal(size=(58, 2)), rng)
    assert np.array_equal(np.isnan(drawn), np.isnan(X[2:]))
    found = bootstrap_ratio_test(
        X, 1, missing="mar", n_replicates=19, sample_weight=np.where(np.arange(60) < 50, 1.5, 0.5)
    )
    assert found.p_value == 1 / 20


def test_a_row_without_any_value_is_no_row_of_the_difference():
    X = two_groups(60, 2, 5.0, 0)
    X[::3, 1] = np.nan
    X[1] = np.nan
    one, two = (GaussianMixture(k, missing="mar", random_state=0).fit(X) for k in (1, 2))
    found = bootstrap_difference(two, one, X, n_replicates=5)
    without = np.delete(X, 1, axis=0)
    assert_allclose(found.difference, two.bic(without) - one.bic(without))
    same = bootstrap_difference(two, one, without, n_replicates=5)
    assert_allclose(found.differences.mean(), same.differences.mean(), rtol=0.5)


def test_replicates_keep_what_is_known_of_the_parameters():
    X = two_groups(80, 2, 5.0, 0)
    means = [[0.0, 0.0], [5.0, 0.0]]
    fixed = GaussianMixture(2, means_init=means, fixed={"means": True}, random_state=0).fit(X)
    free = GaussianMixture(2, random_state=0).fit(X)
    found = bootstrap_difference(free, fixed, X, criterion="aic", n_replicates=10)
    # Four parameters more make the free one likelier on the same rows, on each by another amount.
    assert found.differences.max() < 8 + 1e-6
    assert found.differences.std() > 0.5


def test_weights_that_were_left_out_are_missed():
    X, weight, models = weighted_rows(np.random.default_rng(0), 1)
    with pytest.raises(ValueError, match=f"total weight {weight.sum()}, but X has 300 rows"):
        bootstrap_difference(*models, X)
    with pytest.raises(ValueError, match="but X has weights of sum"):
        bootstrap_difference(*models, X, sample_weight=2 * weight)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"n_replicates": 0},
            ValueError,
            "n_replicates must be a whole number of at least 1, got 0",
        ),
        ({"n_replicates": -1}, ValueError, "n_replicates must be a whole number"),
        ({"random_state": -1}, ValueError, "random_state must be a whole number of at least 0"),
        ({"random_state": "x"}, ValueError, "random_state must be a whole number of at least 0"),
        ({"sample_weight": [1.0]}, ValueError, "one weight for each of the 272 rows"),
        ({"sample_weight": np.full(272, 1e18)}, ValueError, "divide all weights by the largest"),
        (
            {"first": Mixture.from_parameters([1], [[0]], [[[1]]])},
            TypeError,
            "first must be a fitted",
        ),
        ({"second": GaussianMixture()}, NotFittedError, "not fitted"),
        ({"X": from_batches(lambda: [np.ones((9, 2))])}, TypeError, "so X must be in memory"),
    ],
)
def test_bad_input_to_the_difference_is_one_sentence(arguments, error, message, faithful, search):
    given = {"first": search.best_estimator_, "second": search.best_estimator_, "X": faithful}
    with pytest.raises(error, match=message):
        bootstrap_difference(**(given | arguments))


def test_a_search_in_the_place_of_a_model_is_told_what_to_give(faithful, search):
    with pytest.raises(TypeError, match=r"got GaussianMixtureSearch\. Give its best_estimator_"):
        bootstrap_difference(search, search, faithful)


@pytest.mark.parametrize("state", [None, np.random.RandomState(0), np.random.default_rng(0)])
def test_any_random_state(state, faithful, search):
    models = search.best_estimator_, search.estimator(1, "VVV")
    test = bootstrap_difference(*models, faithful, n_replicates=2, random_state=state)
    assert len(test.differences) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_components": 0}, "n_components must be a whole number of at least 1, got 0"),
        ({"n_replicates": 0}, "n_replicates must be a whole number of at least 1, got 0"),
        ({"level": 5}, "level must be a number between 0 and 1, got 5"),
        ({"random_state": 1.5}, "random_state must be a whole number of at least 0"),
        ({"covariance_type": "VVW"}, "Did you mean 'VVV'"),
    ],
)
def test_bad_input_to_the_ratio_test_is_one_sentence(arguments, message, faithful):
    with pytest.raises(ValueError, match=message):
        bootstrap_ratio_test(**({"X": faithful, "n_components": 1} | arguments))


def test_bad_input_to_combine_is_one_sentence(faithful, search):
    with pytest.raises(TypeError, match=r"model must be a fitted GaussianMixture .* got str"):
        combine("abc", faithful)
    with pytest.raises(NotFittedError):
        combine(GaussianMixture(), faithful)


# Pictures


@pytest.mark.parametrize("criterion", [None, "aic", "icl"])
def test_a_search_is_a_line_a_structure_and_a_ring(search, criterion):
    ax = plot_search(search, criterion)
    lines = {line.get_label(): line for line in ax.get_lines()}
    rows = search.results_
    for name in set(rows["covariance_type"]):
        mine = (rows["covariance_type"] == name) & (rows["failure"] == "")
        assert_array_equal(lines[name].get_xdata(), rows["n_components"][mine])
        assert_array_equal(lines[name].get_ydata(), rows[criterion or "bic"][mine])
    ring = ax.get_lines()[-1]
    values = np.where(rows["failure"] == "", rows[criterion or "bic"], np.inf)
    assert ring.get_ydata()[0] == values.min()
    assert ax.get_ylabel().endswith("(lower is better)")
    assert ax.get_ylim()[0] < values.min() < ax.get_ylim()[1]


def test_a_search_in_mclusts_sign(faithful):
    search = GaussianMixtureSearch([1, 2], ["EEE", "VVV"], sign="mclust", random_state=0)
    ax = plot_search(search.fit(faithful))
    assert ax.get_ylabel() == "BIC (higher is better)"
    assert ax.get_ylim()[0] < ax.get_ylim()[1]
    assert ax.get_title(loc="left") == "best: VVV, 2 components"


def test_uncertain_rows_are_larger(faithful, search):
    ax = plot_uncertainty(search, faithful)
    sizes = ax.collections[0].get_sizes()
    uncertainty = np.sort(1 - search.predict_proba(faithful).max(axis=1))
    assert np.all(np.diff(sizes) >= 0)
    assert np.corrcoef(sizes, uncertainty)[0, 1] > 0.999


def test_entropy_is_drawn_twice(faithful):
    found = combine(GaussianMixture(4, random_state=0).fit(faithful), faithful)
    left, right = plot_entropy(found)
    assert_array_equal(left.get_lines()[0].get_ydata(), found.entropy)
    assert_array_equal(right.get_lines()[0].get_xdata(), found.combined_rows)
    with pytest.raises(ValueError, match="must be two Axes"):
        plot_entropy(found, ax=left)


def test_where_time_is_short_small_models_come_first():
    X = np.random.default_rng(0).normal(size=(200, 8))
    seen = []
    search = GaussianMixtureSearch(
        range(1, 9), ["EII", "VVV"], random_state=0, max_time=3600, n_jobs=1
    )
    search.callback = lambda _, __, row: seen.append(row["n_components"]) or len(seen) == 4
    with pytest.warns(DataWarning, match="stopped"):
        search.fit(X)
    assert seen == [1, 1, 2, 2]


def test_top_of_a_negative_number_is_refused():
    search = GaussianMixtureSearch([1, 2], ["EII"], random_state=0).fit(load_faithful().data)
    with pytest.raises(ValueError, match="n is -1"):
        search.top(-1)
