"""The default start finds the best optimum: where it must, how it can be repeated, what it tells."""

from __future__ import annotations

import csv
import itertools
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as SklearnMixture

from mixtura import (
    BayesianGaussianMixture,
    DataWarning,
    DegenerateComponentWarning,
    GaussianMixture,
)
from mixtura.covariance import structure
from mixtura.datasets import load_faithful
from mixtura.em.m_step import MaximumLikelihood
from mixtura.em.regularisation import regularisation
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import search

DATA = Path(__file__).parents[1] / "data"


def cigars(n_rows=800, length=20.0, gap=5.0, seed=0, d=2):
    rng = np.random.default_rng(seed)
    labels = np.arange(n_rows) % 2
    X = rng.standard_normal((n_rows, d)) * np.array([length] + [1.0] * (d - 1))
    X[:, 1] += gap * labels
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return X @ rotation, labels


@pytest.mark.parametrize("d", [2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_parallel_cigars_are_told_apart(d, seed):
    """Two long parallel clusters: k-means halves them across for every seed."""
    X, labels = cigars(seed=seed, d=d)
    ours = GaussianMixture(2, random_state=seed).fit(X)
    assert adjusted_rand_score(labels, ours.predict(X)) > 0.9
    theirs = SklearnMixture(2, random_state=seed).fit(X)
    assert ours.lower_bound_ > theirs.score(X) + 0.1


def test_a_rare_component_is_found():
    rng = np.random.default_rng(0)
    common = [rng.standard_normal((2_000, 2)), rng.standard_normal((2_000, 2)) + np.array([8, 0])]
    X = np.concatenate([*common, 0.3 * rng.standard_normal((40, 2)) + np.array([4, 5])])
    ours = GaussianMixture(3, random_state=0).fit(X)
    assert_allclose(ours.weights_.min(), 0.01, rtol=0.2)


def test_concentric_components_are_told_apart():
    rng = np.random.default_rng(1)
    X = np.concatenate([0.5 * rng.standard_normal((1_000, 3)), 6 * rng.standard_normal((1_000, 3))])
    ours = GaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
    assert_allclose(np.sort(ours.covariances_), [0.25, 36.0], rtol=0.1)


# Found by EM run on from many starts; log-likelihoods of all rows.
KNOWN = {
    ("iris", 1): -379.914630,
    ("iris", 2): -214.354704,
    ("iris", 3): -180.185477,
    ("faithful", 1): -1289.796745,
    ("faithful", 2): -1130.263960,
    ("faithful", 3): -1114.439873,
    ("diabetes", 3): -2303.491843,
}


def rows_of(name):
    if name == "diabetes":
        return np.loadtxt(DATA / "diabetes.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2))
    return load_iris().data if name == "iris" else load_faithful().data


def mclusts():
    """Log-likelihoods of R's mclust, one hierarchical start each, by data set and number of components."""
    with (DATA / "mclust_bic.csv").open(newline="") as file:
        cells = [cell for cell in csv.DictReader(file) if cell["model"] == "VVV"]
    for cell in cells:
        if cell["bic"] != "NA":
            penalty = int(cell["df"]) * np.log(int(cell["n"]))
            yield (cell["data"], int(cell["G"])), (float(cell["bic"]) + penalty) / 2


@pytest.mark.parametrize("name", ["iris", "faithful", "diabetes"])
@pytest.mark.parametrize("k", range(1, 6))
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_known_optima_of_real_data(name, k, seed):
    X = rows_of(name)
    ours = GaussianMixture(k, random_state=seed).fit(X)
    least = max(dict(mclusts())[name, k], KNOWN.get((name, k), -np.inf))
    assert ours.lower_bound_ * len(X) >= least - 1e-3
    assert set(ours.diagnosis_.verdict) == {"sound"}


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_units_and_offsets_change_nothing(kind):
    rng = np.random.default_rng(3)
    X = np.concatenate(
        [
            rng.standard_normal((300, 3)) @ rng.standard_normal((3, 3)) + 4 * m
            for m in rng.standard_normal((3, 3))
        ]
    )
    scale, shift = np.array([1e-3, 1.0, 1e4]), np.array([5.0, -100.0, 1e6])
    ours = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    theirs = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X * scale + shift)
    assert_allclose(theirs.lower_bound_ + np.log(scale).sum(), ours.lower_bound_, atol=1e-6)
    assert np.array_equal(theirs.predict(X * scale + shift), ours.predict(X))


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_components_hangs_on_no_last_bit(seed):
    """Several descents end at the same optimum of iris to rounding: which one stands must not."""
    X = load_iris().data
    ours = GaussianMixture(2, random_state=seed).fit(X).predict(X)
    for same in (2 * X, X + 1, X * [1, 10, 100, 1000]):
        assert np.array_equal(GaussianMixture(2, random_state=seed).fit(same).predict(same), ours)


@pytest.mark.parametrize("start", ["auto", "kmeans"])
def test_a_component_without_rows_lies_among_the_rows(start):
    X = np.repeat([[1000.0, 1000.0], [2000.0, 1500.0], [1500.0, 3000.0]], 20, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(4, init_params=start, random_state=0).fit(X)
    (empty,) = np.flatnonzero(model.weights_ == 0)
    assert_allclose(model.means_[empty], X.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("max_iter", [1, 2])
def test_few_iterations_are_enough_at_the_optimum(max_iter):
    X, _ = cigars(400, d=2)
    assert GaussianMixture(2, max_iter=max_iter, random_state=0).fit(X).converged_


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_rounding_larger_than_tol_is_the_end(kind):
    """More features than rows: the log-likelihood's last digits alone change by more than tol."""
    X = np.random.default_rng(1).standard_normal((20, 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateComponentWarning)
        warnings.simplefilter("ignore", DataWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    assert model.n_iter_ < 100


def test_never_below_scikit_learn():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        k, d = rng.integers(2, 6), rng.integers(1, 6)
        X = 2 * rng.standard_normal((k, d))[rng.integers(0, k, 400)] + rng.standard_normal((400, d))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = SklearnMixture(k, random_state=seed).fit(X).score(X)
        assert GaussianMixture(k, random_state=seed).fit(X).score(X) >= theirs - 1e-6


def test_one_search_can_be_repeated_alone():
    X = load_faithful().data
    many = GaussianMixture(4, n_init=3, random_state=5).fit(X)
    ends = [record for record in many.starts_ if record.kind == "auto"]
    assert len(ends) == 3
    alone = GaussianMixture(4, random_state=ends[1].seed).fit(X)
    assert alone.starts_[-1] == ends[1]
    best = max(record.log_likelihood for record in ends)
    assert many.lower_bound_ == pytest.approx(best, rel=1e-12)


def test_records_tell_what_became_of_each_start():
    X = load_iris().data
    records = GaussianMixture(4, random_state=0).fit(X).starts_
    assert records[-1].kind == "auto"
    assert {record.kind for record in records} >= {"k-means", "mahalanobis", "auto"}
    n_distinct = len(np.unique(X, axis=0))
    assert records[-1].n_rows == len(X) == n_distinct + 1
    for record in records:
        assert record is records[-1] or record.n_rows == n_distinct
        assert record.n_passes >= record.n_iter
        assert record.ended
    best = max(r.log_likelihood for r in records if r.ended == "converged")
    assert_allclose(records[-1].log_likelihood, best, atol=1e-4)


def two_bars(rng):
    """Of two lumps each: every half looks whole, and is apart from the other."""
    centres = np.array([[0, 0], [6, 0], [0, 10], [6, 10]])
    return np.concatenate([rng.normal(centre, [1, 0.4], (150, 2)) for centre in centres])


@pytest.mark.parametrize(
    ("draw", "n_components", "kind"),
    [(two_bars, 2, "full"), (lambda rng: rng.exponential(size=(600, 1)), 3, "E")],
)
def test_all_seeds_end_at_the_best_optimum_of_many_starts(draw, n_components, kind):
    X = draw(np.random.default_rng(0))
    many = GaussianMixture(
        n_components, covariance_type=kind, init_params="random_from_data", n_init=100
    )
    best = many.set_params(random_state=0, max_iter=1000, tol=1e-7).fit(X).lower_bound_
    for seed in range(8):
        gm = GaussianMixture(n_components, covariance_type=kind, random_state=seed).fit(X)
        assert gm.lower_bound_ > best - 1e-3


def test_a_start_that_comes_near_to_an_end_is_not_followed():
    X = np.random.default_rng(0).standard_normal((500, 2))
    records = GaussianMixture(3, random_state=0).fit(X).starts_
    proper = [r.log_likelihood for r in records if r.ended == "converged" and r.kind != "auto"]
    near = [r for r in records if r.ended == "near a known optimum"]
    assert near
    assert not any(record.converged for record in near)
    assert {record.log_likelihood for record in near} <= set(proper)


def test_a_second_start_follows_where_the_first_leaves_doubt():
    """One cloud for three components: some move always promises more."""
    X = np.random.default_rng(0).standard_normal((500, 2))
    kinds = [record.kind for record in GaussianMixture(3, random_state=0).fit(X).starts_]
    assert kinds[0] == "k-means"
    assert "mahalanobis" in kinds


def test_a_search_in_float32_ends_in_float64():
    """Its E-steps see float32 rows about their mean: the end is that of the rows, wherever they lie."""
    X = load_iris().data
    records = GaussianMixture(3, random_state=0).fit(X).starts_
    assert [record.kind for record in records[-2:]] == ["in float64", "auto"]
    assert records[-2].log_likelihood == pytest.approx(records[-1].log_likelihood, abs=1e-5)
    away = GaussianMixture(3, random_state=0).fit(X + 1e7)
    assert away.lower_bound_ == pytest.approx(records[-1].log_likelihood, abs=1e-5)


@pytest.mark.filterwarnings("ignore:The likelihood has no maximum")
def test_what_is_spurious_in_float32_is_so_in_float64():
    """Every way ends on the zeros: the end goes on in float64, and no second search is made for it."""
    rng = np.random.default_rng(0)
    amounts = np.where(rng.random(600) < 0.5, 0, rng.gamma(2, 5, 600))
    X = np.round(np.column_stack([amounts, rng.normal(50, 10, 600)]), 1)
    *_, end, last = GaussianMixture(3, random_state=0).fit(X).starts_
    assert (end.kind, last.kind) == ("in float64", "auto")
    assert "is a point mass" in end.ended
    assert "have column 0 = 0" in end.ended


def test_components_thinner_than_float32_are_searched_in_float64():
    """Clusters a billion of their widths apart, and strips whose features agree to five digits."""
    rng = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [1e9, 0.0], [0.0, 1e9]])
    apart = np.concatenate([rng.standard_normal((200, 2)) + place for place in places])
    x = rng.standard_normal((300, 1))
    line = np.concatenate(
        [np.hstack([x, s * x + 1e-5 * rng.standard_normal((300, 1))]) for s in (1, -1)]
    )
    for X, n_components in ((apart, 3), (line, 2)):
        labels = np.repeat(np.arange(n_components), len(X) // n_components)
        ours = GaussianMixture(n_components, reg_covar=0, random_state=0).fit(X)
        truth = GaussianMixture(n_components, reg_covar=0, init_params=labels).fit(X)
        assert "in float64" not in {record.kind for record in ours.starts_}
        assert ours.lower_bound_ == pytest.approx(truth.lower_bound_, abs=1e-6)


def test_clusters_that_are_whole_and_apart_need_one_start():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((900, 2)) + 12 * np.array(m) for m in ([0, 0], [1, 0])])
    records = GaussianMixture(2, random_state=0).fit(X).starts_
    assert [record.kind for record in records] == ["k-means", "in float64", "auto"]


def clusters(n_clusters, rng):
    """Normal ones, eight standard deviations apart and more."""
    means = 8 * rng.permutation(np.eye(8))[:n_clusters] + rng.uniform(-1, 1, (n_clusters, 8))
    return means[rng.integers(n_clusters, size=4_000)] + rng.standard_normal((4_000, 8))


@pytest.mark.parametrize("seed", range(4))
def test_clusters_that_no_split_would_gain_from_end_the_search(seed):
    X = clusters(8, np.random.default_rng(seed))
    model = GaussianMixture(8, random_state=0).fit(X)
    kinds = {record.kind for record in model.starts_}
    assert kinds <= {
        *("k-means", "mahalanobis", "re-seeded", "split and merge"),
        *("in float64", "auto"),
    }
    many = GaussianMixture(8, init_params="k-means++", n_init=20, random_state=0, max_iter=500)
    assert model.lower_bound_ > many.fit(X).lower_bound_ - 1e-4


def test_a_component_that_hides_two_clusters_does_not():
    X = clusters(8, np.random.default_rng(0))
    kinds = {record.kind for record in GaussianMixture(7, random_state=0).fit(X).starts_}
    assert kinds >= {"detour", "seeds"}


def test_a_large_array_is_searched_on_a_part_of_it():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((30_000, 2)), rng.standard_normal((30_000, 2)) + 6])
    records = GaussianMixture(2, random_state=0).fit(X).starts_
    assert {record.n_rows for record in records[:-1]} == {10_000}
    assert records[-1].n_rows == 60_000


def test_weights_reach_the_optimum_of_repeated_rows():
    X, _ = cigars(300)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    ours = GaussianMixture(2, random_state=0).fit(X, sample_weight=weight)
    theirs = GaussianMixture(2, random_state=0).fit(np.repeat(X, weight, axis=0))
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, atol=1e-6)


def test_a_spike_never_wins():
    """A few rows on a line have an unbounded likelihood; the clusters are the answer."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((150, 2)), rng.standard_normal((150, 2)) + 5])
    X[:3] = [[0.0, 0.0], [1e-9, 1e-9], [2e-9, 2e-9]]
    for seed in range(5):
        ours = GaussianMixture(3, n_init=4, random_state=seed).fit(X)
        assert ours.diagnosis_.effective_rows.min() >= 3
        assert ours.diagnosis_.floor_share.max() < 0.5


@pytest.mark.filterwarnings("ignore:Component")  # the first descent is not mended
def test_max_time_ends_the_search():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 10))
    began = time.monotonic()
    with pytest.warns(ConvergenceWarning, match="max_time"):
        GaussianMixture(20, random_state=0, max_time=0.0).fit(X)
    full = time.monotonic() - began
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = GaussianMixture(20, random_state=0, max_time=0.0).fit(X).starts_
    assert len(records) <= 3, full


def overlapping(n_rows, d, n_components, seed=0):
    rng = np.random.default_rng(seed)
    centres = 1.5 * rng.standard_normal((n_components, d))
    return centres[rng.integers(0, n_components, n_rows)] + rng.standard_normal((n_rows, d))


@pytest.mark.parametrize(
    ("X", "covariance_type", "n_components", "kinds"),
    [
        (overlapping(400, 2, 4), "VVV", 4, {"widened", "merged", "detoured", "shaken", "detour"}),
        (overlapping(400, 2, 4), "EVE", 3, {"widened", "merged", "detoured"}),
        (overlapping(600, 2, 12), "diag", 12, {"moved", "split and merge", "detour"}),
        (overlapping(60, 4, 3), "full", 3, {"leave-one-out", "shaken", "seeds"}),
        (overlapping(60, 4, 3), "tied", 3, {"leave-one-out", "shaken", "seeds"}),
        (np.round(overlapping(300, 1, 3)), "spherical", 3, {"re-seeded", "seeds", "merged"}),
        (overlapping(5_000, 3, 6), "full", 6, {"detour"}),  # threads share the rows of a pass
        (overlapping(80, 70, 2), "diag", 2, {"seeds"}),
    ],
)
def test_the_search_is_the_same_for_any_number_of_threads(X, covariance_type, n_components, kinds):
    def found(n_threads):
        blocks = ArrayBlocks(Rows(X), n_threads)
        m_step = MaximumLikelihood(structure(covariance_type), regularisation("auto", blocks))
        return search(blocks, m_step, n_components, 0)

    mixture, records, _ = found(1)
    assert {record.kind for record in records} >= kinds
    for n_threads in (2, 3, 8):
        other, its_records, _ = found(n_threads)
        assert repr(its_records) == repr(records)
        for name in ("weights", "means", "covariances"):
            assert_array_equal(getattr(other, name), getattr(mixture, name))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_search_looks_at_the_clock(n_threads):
    """After the deadline no descent begins but the first; without one this search makes dozens."""
    blocks = ArrayBlocks(Rows(load_iris().data), n_threads)
    m_step = MaximumLikelihood(structure("full"), regularisation("auto", blocks))
    arguments = blocks, m_step, 4, 0
    assert len(search(*arguments, time.monotonic() + 1e6)[1]) > 10
    kinds = {record.kind for record in search(*arguments, 0.0)[1]}
    assert kinds <= {"k-means", "re-seeded", "in float64"}


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "VEV"])
def test_the_first_descent_looks_at_the_clock(name):
    """Past the deadline it ends where it begins, at the mixture of its partition."""
    blocks = ArrayBlocks(Rows(load_iris().data))
    m_step = MaximumLikelihood(structure(name), regularisation("auto", blocks))
    assert search(blocks, m_step, 3, 0)[1][0].n_iter > 1
    mixture, records, _ = search(blocks, m_step, 3, 0, deadline=0.0)
    assert [record.kind for record in records] == ["k-means", "in float64"]
    assert {(record.n_iter, record.ended) for record in records} == {(0, "max_time reached")}
    assert np.isfinite(mixture.log_density(blocks.rows.X)).all()


def test_a_search_out_of_time_ends_with_no_spike_where_it_can():
    """Every way leads to the rows that are one point; it is looked at before that, also past the deadline."""
    rng = np.random.default_rng(0)
    X = np.concatenate([np.zeros((20, 2)), rng.standard_normal((100, 2))])
    blocks = ArrayBlocks(Rows(X))
    m_step = MaximumLikelihood(structure("full"), regularisation("auto", blocks))
    mixture, *_ = search(blocks, m_step, 2, 0, deadline=0.0)
    assert np.linalg.eigvalsh(mixture.covariance_matrices()).min() > 1e-4


def test_a_spurious_start_never_beats_a_proper_one():
    """Two given starts that stay as they are: the likelier stands on three nearly equal rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 2))
    X[:3] = [[0.0, 0.0], [1e-6, 0.0], [0.0, 1e-6]]
    proper = (np.arange(100) % 2).astype(int)
    spike = (np.arange(100) >= 3).astype(int)
    starts = itertools.cycle([proper, spike])
    model = GaussianMixture(2, init_params=lambda *_: next(starts), n_init=2, max_iter=0).fit(X)
    likely = [record.log_likelihood for record in model.starts_]
    assert likely[1] > likely[0]
    assert model.lower_bound_ == likely[0]


def test_a_callback_sees_each_iteration_and_can_stop():
    X = load_faithful().data
    seen = []

    def stop_at_three(iteration, mixture, log_likelihood):
        seen.append((iteration, mixture.log_density(X).mean(), log_likelihood))
        return iteration == 3

    model = GaussianMixture(2, init_params="random", random_state=0, callback=stop_at_three)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an end that was asked for is no surprise
        model.fit(X)
    assert [iteration for iteration, _, _ in seen] == [1, 2, 3]
    assert model.n_iter_ == 3
    for _, ours, told in seen:
        assert_allclose(ours, told, rtol=1e-12)


def test_given_parameters_beside_the_default_start_come_from_kmeans():
    X = load_faithful().data
    ours = GaussianMixture(2, weights_init=[0.3, 0.7], random_state=0, max_iter=0).fit(X)
    assert ours.starts_[0].kind == "kmeans"
    assert_allclose(ours.weights_, [0.3, 0.7])


@pytest.mark.parametrize(
    "kind", {"t": {"distribution": "t"}, "noise": {"noise": True}, "": {}}.items()
)
def test_means_that_are_given_leave_nothing_to_chance(kind):
    """The same fit without a seed, call by call, and with rows or components in another order."""
    X, options = load_iris().data, {**kind[1], "accelerate": True}
    means = X[[0, 60, 110]]
    first = GaussianMixture(3, means_init=means, n_init=3, **options).fit(X)
    assert [start.kind for start in first.starts_] == ["given means"]
    again = GaussianMixture(3, means_init=means, **options).fit(X)
    assert_array_equal(again.means_, first.means_)
    order = [2, 0, 1]
    other = GaussianMixture(3, means_init=means[order], **options).fit(X)
    assert_allclose(other.means_, first.means_[order], rtol=1e-9)
    start = GaussianMixture(3, means_init=means, max_iter=0, reg_covar=0.0).fit(X)
    away = (X[:, np.newaxis] - means) / X.std(axis=0)
    nearest = means[(away**2).sum(axis=2).argmin(axis=1)]
    assert_allclose(start.covariances_[1], (X - nearest).T @ (X - nearest) / len(X), rtol=1e-9)
    assert_array_equal(start.means_, means)
    assert_allclose(start.weights_, 1 / 3)


def blobs(n_rows, n_features, n_components=3, seed=0, apart=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_components, size=n_rows)
    means = apart * rng.standard_normal((n_components, n_features))
    return means[labels] + rng.standard_normal((n_rows, n_features)), labels


@pytest.mark.parametrize(
    ("kind", "n_rows", "n_features"),
    [
        ("diag", 90, 300),
        ("spherical", 60, 400),
        ("tied", 60, 80),
        ("full", 40, 90),
        ("full", 1500, 100),
    ],
)
def test_groups_of_wide_rows_are_found_in_few_descents(kind, n_rows, n_features):
    """Each row is wholly one group's: EM stays there, other starts agree, no cut or merge promises more."""
    X, labels = blobs(n_rows, n_features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    starts = ["diag"] if kind in ("full", "tied") else ["k-means", "seeds", "seeds"]
    assert adjusted_rand_score(labels, ours.predict(X)) == 1.0
    assert [start.kind for start in ours.starts_] == [*starts, "auto"]
    assert ours.converged_
    assert ours.n_iter_ == 1
    assert ours.remaining_gain_ == 0.0


@pytest.mark.filterwarnings("ignore:The model has")
@pytest.mark.parametrize("seed", [1, 4, 7])
def test_many_clusters_of_wide_rows_are_found(seed):
    """A dozen standard deviations apart, and of one partition by k-means some are cut and others are one."""
    X, labels = blobs(1000, 80, n_components=10, seed=seed)
    ours = GaussianMixture(10, covariance_type="tied", random_state=seed).fit(X)
    assert adjusted_rand_score(labels, ours.predict(X)) == 1.0


@pytest.mark.filterwarnings("ignore:The model has")
@pytest.mark.parametrize(
    ("kind", "n_rows", "n_features"), [("diag", 60, 400), ("spherical", 300, 80)]
)
def test_from_a_known_partition_of_wide_rows_nothing_is_run_again(kind, n_rows, n_features):
    X, labels = blobs(n_rows, n_features)
    ours = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    again = [start for start in ours.starts_ if start.ended == "near a known optimum"]
    assert again
    best = GaussianMixture(3, covariance_type=kind, init_params=labels, tol=1e-7).fit(X)
    for start in again:
        assert start.n_iter == 0
        assert_allclose(start.log_likelihood, best.lower_bound_, rtol=1e-9)


@pytest.mark.parametrize("kind", ["diag", "spherical", "VEI"])
@pytest.mark.parametrize("seed", range(3))
def test_wide_rows_that_are_few_points_have_an_answer(kind, seed):
    """Every way leads to a spurious end, and many begin with a partition that has led there."""
    X = np.round(np.random.default_rng(seed).standard_normal((60, 70)), 1)
    X[:20], X[20:40] = X[0], X[20]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = GaussianMixture(3, covariance_type=kind, random_state=seed).fit(X)
    assert np.isfinite(ours.lower_bound_)


@pytest.mark.parametrize("kind", ["full", "tied", "VVE", "EEV"])
def test_without_more_rows_than_features_matrices_are_not_searched_for(kind):
    """All rows lie in a plane: the likelihood of any mixture depends on what is added to the covariances."""
    X = np.random.default_rng(0).standard_normal((16, 24))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    assert [start.kind for start in ours.starts_] == ["k-means", "auto"]


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_overlapping_groups_of_wide_rows_are_no_worse_than_from_many_starts(kind):
    X, _ = blobs(200, 100, n_components=4, seed=2, apart=0.35)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = GaussianMixture(4, covariance_type=kind, random_state=0).fit(X)
        theirs = SklearnMixture(4, covariance_type=kind, random_state=0, n_init=10).fit(X)
    assert ours.lower_bound_ >= theirs.score(X) - 1e-3


def touching(n_rows, n_features=10, n_clusters=10):
    rng = np.random.default_rng(0)
    centres = 0.7 * rng.standard_normal((n_clusters, n_features))
    return centres[rng.integers(0, n_clusters, n_rows)] + rng.standard_normal((n_rows, n_features))


@pytest.mark.parametrize(
    ("estimator", "covariance_type", "seed"),
    [
        (BayesianGaussianMixture, "spherical", 2),
        pytest.param(GaussianMixture, "full", 1, marks=pytest.mark.nightly),  # ten seconds
    ],
)
def test_what_suits_a_sample_best_is_compared_with_clusters_on_more_rows(
    estimator, covariance_type, seed
):
    """Ends on 10,000 of these rows lead to a worse optimum of all, or to a degenerate one."""
    X, same = touching(100_000), {"covariance_type": covariance_type, "random_state": seed}
    model = estimator(10, **same).fit(X)
    from_clusters = estimator(10, init_params="kmeans", max_iter=500, **same).fit(X)
    assert model.lower_bound_ > from_clusters.lower_bound_ - 1e-4
    assert {"search", "partition"} <= {record.kind for record in model.starts_}


def test_a_sample_stands_for_all_rows_where_pseudo_counts_are_weighed_against_them():
    """As do rows of fractional weights: by a tenth of the rows' weight fewer components are worth having."""
    X = touching(9_000)
    same = {"covariance_type": "spherical", "random_state": 0}
    heavy = BayesianGaussianMixture(10, **same).fit(X, sample_weight=np.full(len(X), 11.125))
    assert heavy.n_components_ == 10
    assert BayesianGaussianMixture(10, **same).fit(X).n_components_ < 10
