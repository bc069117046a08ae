"""Online EM: near the exact fit where a stream is steady, behind it where it drifts, never half done."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import sklearn.mixture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, ModelFileError, SingularCovarianceError
from mixtura.covariance import STRUCTURES, structure
from mixtura.em import SufficientStatistics, expect, online_step
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.problems import likeliest, maximised, random_mixture, random_rows

SCIKIT_LEARNS = ["full", "tied", "diag", "spherical"]
LETTERS = [name for name, kind in STRUCTURES.items() if structure(name).letters == name]
PARTS = ["weights", "means", "covariances", "precisions_cholesky"]
each_structure = pytest.mark.parametrize("kind", LETTERS)


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


def stream(kind="full", n_rows=6_000, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    return random_mixture(3, n_features, kind, rng).sample(n_rows, rng)[0]


def model_of(kind="full", n_components=3, **params):
    return GaussianMixture(n_components, covariance_type=kind, random_state=0, **params)


def learned(model, X, size, **options):
    for start in range(0, len(X), size):
        model.partial_fit(X[start : start + size], **options)
    return model


def forget_nothing(t):
    return 1 / (t + 1)


def assert_same_mixture(ours, theirs, rtol=0.0):
    # An iterative M-step ends where its objective is flat to rounding: it knows the axes to the root.
    iterative = ours.covariance_type in ("EVE", "VVE") and rtol > 0
    for part in PARTS:
        left, right = getattr(ours, part), getattr(theirs, part)
        if iterative and part.startswith(("cov", "prec")):
            rtol = 1e-6
        assert_allclose(left, right, rtol=rtol, atol=rtol * np.abs(right).max())


def test_there_are_fourteen_structures():
    assert len(LETTERS) == 14


# The algebra of statistics


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(LETTERS),
    n_features=st.integers(1, 5),
    distance=st.floats(0, 3),
)
def test_moved_statistics_are_those_about_the_new_centres(seed, kind, n_features, distance):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(3, n_features, kind, rng)
    blocks = ArrayBlocks(Rows(random_rows(mixture, 120, rng), rng.uniform(0.1, 2, 120)))
    centres = mixture.means + distance * rng.standard_normal(mixture.means.shape)
    statistics = blocks.accumulate(mixture)
    moved = statistics.about(centres)
    direct = blocks.accumulate(mixture, centres=centres)
    for name in ("counts", "firsts", "seconds"):
        ours, theirs = getattr(moved, name), getattr(direct, name)
        assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * np.abs(theirs).max())
    assert moved.log_likelihood == statistics.log_likelihood
    assert_allclose(moved.means, statistics.means, rtol=1e-12, atol=1e-12)


def expected_log_likelihood(mixture, statistics):
    """What the M-step maximises, for structures with a matrix a component."""
    total = 0.0
    for k, n in enumerate(statistics.counts):
        delta = (mixture.means[k] - statistics.centres[k])[:, np.newaxis]
        cross = delta @ statistics.firsts[k][np.newaxis]
        about = statistics.seconds[k] - cross - cross.T + n * delta @ delta.T
        factor = mixture.precisions_cholesky[k]
        log_factor = np.log(np.diag(factor)).sum()
        total += (
            n * (np.log(mixture.weights[k]) + log_factor) - np.sum(factor * (about @ factor)) / 2
        )
    return total


@pytest.mark.parametrize("kind", ["EVE", "VVE", "VVV", "VEV"])
def test_the_m_step_about_other_centres_is_as_good(kind):
    rng = np.random.default_rng(3)
    mixture = random_mixture(3, 4, kind, rng)
    statistics = ArrayBlocks(Rows(random_rows(mixture, 500, rng))).accumulate(mixture)
    moved = statistics.about(mixture.means + rng.standard_normal(mixture.means.shape))
    here, there = (maximised(some, 0.0, before=mixture) for some in (statistics, moved))
    best = expected_log_likelihood(here, statistics)
    for reached in (
        expected_log_likelihood(there, statistics),
        expected_log_likelihood(there, moved),
        expected_log_likelihood(here, moved),
    ):
        assert_allclose(reached, best, rtol=1e-12)


@each_structure
def test_moving_the_centres_leaves_the_m_step_as_it_is(kind):
    rng = np.random.default_rng(3)
    mixture = random_mixture(3, 4, kind, rng)
    statistics = ArrayBlocks(Rows(random_rows(mixture, 500, rng))).accumulate(mixture)
    centres = mixture.means + rng.standard_normal(mixture.means.shape)
    moved = statistics.about(centres)
    assert not np.allclose(moved.seconds, statistics.seconds)
    ours = maximised(moved, 1e-9, before=mixture)
    assert_same_mixture(ours, maximised(statistics, 1e-9, before=mixture), rtol=1e-12)
    assert_allclose(moved.about(mixture.means).seconds, statistics.seconds, rtol=1e-12, atol=1e-9)


@each_structure
def test_a_scale_leaves_the_m_step_as_it_is(kind):
    rng = np.random.default_rng(4)
    mixture = random_mixture(3, 3, kind, rng)
    statistics = ArrayBlocks(Rows(random_rows(mixture, 300, rng))).accumulate(mixture)
    ours = maximised(statistics.scaled(1 / 3), 1e-9, before=mixture)
    assert_same_mixture(ours, maximised(statistics, 1e-9, before=mixture), rtol=1e-12)
    assert_allclose(statistics.scaled(1 / 3).mean_log_likelihood, statistics.mean_log_likelihood)


@each_structure
def test_a_mixture_implies_statistics_that_give_it_back(kind):
    mixture = random_mixture(3, 4, kind, np.random.default_rng(5))
    implied = SufficientStatistics.implied_by(mixture, 70.0, -100.0, -3.0)
    assert_same_mixture(maximised(implied, 0.0, before=mixture), mixture, rtol=1e-10)
    assert_allclose(implied.counts.sum(), 70)


# The online step


@each_structure
def test_the_first_batch_is_fitted_as_by_fit(kind):
    X = stream(kind, 500)
    ours, theirs = model_of(kind).partial_fit(X), model_of(kind).fit(X)
    assert_same_mixture(ours.mixture_, theirs.mixture_)
    for name in ("n_iter_", "lower_bound_", "lower_bounds_", "converged_"):
        assert getattr(ours, name) == getattr(theirs, name)


@each_structure
def test_a_step_of_one_is_an_em_iteration_on_the_batch(kind):
    X = stream(kind)
    model = model_of(kind, reg_covar=1e-7).fit(X[:1000])
    before = model.mixture_
    theirs = maximised(expect(before, ArrayBlocks(Rows(X[1000:3000]))), 1e-7, before=before)
    model.partial_fit(X[1000:3000], step_size=1)
    assert_same_mixture(model.mixture_, theirs, rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", SCIKIT_LEARNS)
def test_a_step_of_one_is_scikit_learns_iteration(kind):
    X = stream(kind)
    model = model_of(kind, reg_covar=1e-7).fit(X[:1000])
    theirs = sklearn.mixture.GaussianMixture(
        3,
        covariance_type=kind,
        weights_init=model.weights_,
        means_init=model.means_,
        precisions_init=model.precisions_,
        max_iter=1,
        reg_covar=1e-7,
    ).fit(X[1000:])
    model.partial_fit(X[1000:], step_size=1)
    for name in ("weights_", "means_", "covariances_"):
        assert_allclose(getattr(model, name), getattr(theirs, name), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", SCIKIT_LEARNS)
def test_without_forgetting_the_statistics_are_the_sum_over_the_batches(kind):
    X = stream(kind)
    model = model_of(kind).fit(X[:1000])
    sums = model._trained.statistics
    for rows in (X[1000:1500], X[1500:4000], X[4000:4001]):
        sums = sums.about(model.mixture_.means) + ArrayBlocks(Rows(rows)).accumulate(model.mixture_)
        model.partial_fit(rows, step_size=forget_nothing)
    assert_allclose(model._trained.statistics.counts, sums.counts, rtol=1e-12)
    ours = model._trained.statistics.about(sums.centres)
    assert_allclose(ours.seconds, sums.seconds, rtol=1e-9, atol=1e-7)
    assert_allclose(model._trained.statistics.weight, 4001)
    assert_allclose(model.lower_bound_, sums.mean_log_likelihood, rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_one_component_that_forgets_nothing_has_the_moments_of_all_rows(offset):
    X = stream(n_rows=1_000) + offset
    X[600:] += 5  # the stream changes; means move by spreads
    w = np.random.default_rng(1).uniform(0.1, 3.0, len(X))
    model = model_of(n_components=1, reg_covar=0.0)
    for rows in np.split(np.arange(len(X)), [10, 11, 300, 650]):
        model.partial_fit(X[rows], sample_weight=w[rows], step_size=forget_nothing)
    assert_allclose(model.means_[0], np.average(X, axis=0, weights=w), rtol=1e-12)
    theirs = np.cov(X - offset, rowvar=False, ddof=0, aweights=w)
    assert_allclose(model.covariances_[0], theirs, rtol=1e-9, atol=1e-9)
    assert_allclose(model._trained.weight, w.sum())


def test_the_step_hears_how_many_such_batches_came_before():
    X = stream()
    heard = []

    def step(t):
        heard.append(t)
        return 0.5

    model = model_of().fit(X[:1000])
    model.partial_fit(X[1000:1500], step_size=step)
    model.partial_fit(X[1500:4500], step_size=step)
    model.partial_fit(X[:1000], sample_weight=np.full(1000, 9.0), step_size=step)
    assert_allclose(heard, [1000 / 500, 1500 / 3000, 4500 / 9000])


def test_the_default_step_is_that_of_equal_batches_to_the_power_of_0_7():
    X = stream()
    ours = learned(model_of(), X, 500)
    theirs = learned(model_of(), X, 500, step_size=lambda t: (t + 1) ** -0.7)
    assert_same_mixture(ours.mixture_, theirs.mixture_)


@pytest.mark.parametrize("kind", [*SCIKIT_LEARNS, "VEI", "EEV", "VVE"])
def test_a_steady_stream_ends_near_the_exact_fit(kind):
    """Within 0.005 nats a row of scikit-learn's exact fit, or of ours where it has none."""
    X = stream(kind, 50_000)
    online = learned(model_of(kind), X, 1_000)
    exact = (
        sklearn.mixture.GaussianMixture(
            3, covariance_type=kind, tol=1e-6, means_init=online.means_, max_iter=1000
        )
        if kind in SCIKIT_LEARNS
        else model_of(kind)
    ).fit(X)
    assert exact.score(X) - 0.005 < online.score(X) <= exact.score(X) + 1e-4
    assert abs(online.lower_bound_ - exact.score(X)) < 0.02
    assert online.score(X) > model_of(kind).fit(X[:1_000]).score(X) + 0.001


def test_more_rows_bring_it_nearer():
    X = stream("full", 100_000)
    exact = model_of().fit(X).score(X)
    model = model_of()
    gaps = []
    for end in (1_000, 10_000, 100_000):
        seen = 0 if end == 1_000 else end // 10
        learned(model, X[seen:end], 1_000)
        gaps.append(exact - model.score(X))
    assert gaps[0] > 3 * gaps[1] > 0
    assert gaps[1] > 2 * gaps[2] > 0


def test_a_constant_step_follows_a_drift():
    rng = np.random.default_rng(0)
    follows, settles = (model_of(n_components=2, sort_components="mean") for _ in range(2))
    for turn in range(300):
        where = np.array([0.0, 20.0]) + 0.02 * turn
        batch = rng.normal(size=(200, 1)) + where[rng.integers(0, 2, 200)][:, np.newaxis]
        follows.partial_fit(batch, step_size=0.1)
        settles.partial_fit(batch)
    # A mean with constant step lags (1 - step) / step batches behind: 0.18 here.
    assert_allclose(follows.means_[:, 0], where - 0.18, atol=0.15)
    assert np.all(settles.means_[:, 0] < where - 0.4)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "VEE", "EVI"])
def test_units_and_offsets_change_nothing(kind):
    X = stream(kind)
    scale, offset = np.array([1e-3, 1.0, 50.0]), np.array([5.0, -100.0, 0.1])
    plain = learned(model_of(kind), X, 1000)
    moved = learned(model_of(kind), X * scale + offset, 1000)
    # in units of the rows: a mean near 0 has no digits of its own
    assert_allclose((moved.means_ - offset) / scale, plain.means_, rtol=1e-8, atol=1e-8)
    assert_allclose(moved.weights_, plain.weights_, rtol=1e-7)
    assert_allclose(
        moved.mixture_.covariance_matrices(),
        plain.mixture_.covariance_matrices() * np.outer(scale, scale),
        rtol=1e-6,
        atol=1e-9 * np.outer(scale, scale).max(),
    )


def test_whole_weights_are_repetitions():
    X = stream(n_rows=900)
    times = np.random.default_rng(0).integers(0, 4, len(X))
    start = random_mixture(3, 3, "full", np.random.default_rng(0))
    given = {
        "weights_init": start.weights,
        "means_init": start.means,
        "precisions_init": start.precisions,
    }
    ours, theirs = model_of(**given), model_of(**given)
    for rows in np.split(np.arange(len(X)), 3):
        ours.partial_fit(X[rows], sample_weight=times[rows])
        theirs.partial_fit(np.repeat(X[rows], times[rows], axis=0))
    assert_same_mixture(ours.mixture_, theirs.mixture_, rtol=1e-8)
    assert_allclose(ours.diagnosis_.effective_rows, theirs.diagnosis_.effective_rows, rtol=1e-8)


def test_a_common_factor_of_all_weights_changes_nothing():
    X = stream()
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    ours, theirs = model_of(), model_of()
    for rows in np.split(np.arange(len(X)), 6):
        ours.partial_fit(X[rows], sample_weight=w[rows])
        theirs.partial_fit(X[rows], sample_weight=1e6 * w[rows])
    assert_same_mixture(ours.mixture_, theirs.mixture_, rtol=1e-8)
    assert_allclose(ours.diagnosis_.effective_rows, theirs.diagnosis_.effective_rows, rtol=1e-8)


def test_float32_batches_agree_with_float64():
    X = stream() + 1000
    single = X.astype(np.float32)
    ours, theirs = (learned(model_of(), rows, 1000) for rows in (single, X))
    assert ours.means_.dtype == np.float32
    assert_allclose(ours.score(single), theirs.score(X), atol=1e-3)


def test_the_same_bits_for_any_number_of_threads():
    X = stream(n_rows=60_000)
    one, two = (learned(model_of(n_jobs=n), X, 20_000) for n in (1, 2))
    assert_same_mixture(one.mixture_, two.mixture_)


def test_a_batch_may_be_one_row():
    X = stream()
    model = model_of().fit(X[:1000])
    for row in X[1000:1100]:
        model.partial_fit(row[np.newaxis])
    # From n rows a maximum-likelihood fit loses half its number of parameters over n, on average.
    loss = model_of().fit(X).score(X) - model.score(X)
    assert loss < model.mixture_.n_parameters / model.diagnosis_.effective_rows.sum()
    assert model.summary().n_rows == 1100


def test_a_batch_far_away_loses_no_digits():
    """Its statistics are taken about where it lies: the mixed covariance is that of both."""
    X = stream(n_rows=400)[:, :1]
    both = np.concatenate([X[:200], X[200:] + 1e6])
    model = model_of(n_components=1, reg_covar=0.0)
    model.partial_fit(X[:200]).partial_fit(both[200:], step_size=0.5)
    assert_allclose(model.covariances_[0, 0, 0], both.var(), rtol=1e-12)
    model.partial_fit(X[:200] + 2e6, step_size=1)
    assert_allclose(model.covariances_[0, 0, 0], X[:200].var(), rtol=1e-8)


# What the attributes say


def test_attributes_of_a_stream():
    X = stream()
    model = model_of().partial_fit(X[:1000])
    first = copy.deepcopy(model)
    model.partial_fit(X[1000:2000], step_size=0.25)
    batch = first.score(X[1000:2000])
    assert_allclose(model.lower_bound_, 0.75 * first.lower_bound_ + 0.25 * batch, rtol=1e-12)
    assert model.lower_bounds_ == [*first.lower_bounds_, model.lower_bound_]
    assert model.n_iter_ == first.n_iter_ + 1
    assert not model.converged_
    assert np.isnan(model.remaining_gain_)
    assert model.summary().n_rows == 2000
    assert_allclose(model.summary().weight, 2000)
    assert model.starts_ == first.starts_
    assert_allclose(model.weights_.sum(), 1)


def test_lower_bounds_do_not_grow_for_ever():
    X = stream(n_rows=200, n_features=1)
    model = model_of(n_components=1).fit(X)
    for _ in range(1100):
        model.partial_fit(X[:2], step_size=1e-3)
    assert len(model.lower_bounds_) == 1000
    assert model.lower_bounds_[-1] == model.lower_bound_


def test_a_constant_step_stands_on_few_batches():
    X = stream(n_rows=1000)
    model = model_of().fit(X)
    for _ in range(100):
        model.partial_fit(X, step_size=0.2)
    # Kish's number for weights that fall by a constant factor: (2 - step) / step batches.
    assert_allclose(model.diagnosis_.effective_rows.sum(), 1000 * 1.8 / 0.2, rtol=1e-6)
    assert_allclose(
        learned(model_of(), X, 100, step_size=forget_nothing).diagnosis_.effective_rows.sum(), 1000
    )


def test_components_keep_their_numbers():
    X = np.random.default_rng(0).normal(size=(400, 1)) + np.repeat([[0.0], [50.0]], 200, axis=0)
    model = model_of(n_components=2, sort_components="weight").fit(X[:350])
    assert_allclose(model.means_[:, 0], [0, 50], atol=1)
    model.partial_fit(X[200:], step_size=0.9)
    assert model.weights_[0] < model.weights_[1]
    assert_allclose(model.means_[:, 0], [0, 50], atol=1)


def test_aligned_components_go_on():
    X = stream()
    model = model_of().fit(X[:1000])
    order = [2, 0, 1]
    twin = copy.deepcopy(model).align_to(model.mixture_.permuted(order))
    model.partial_fit(X[1000:])
    twin.partial_fit(X[1000:])
    assert_same_mixture(twin.mixture_, model.mixture_.permuted(order), rtol=1e-10)


@pytest.mark.parametrize("kind", ["full", "tied", "VEI"])
@pytest.mark.parametrize("by", ["weight", "mean"])
def test_sorted_components_go_on(kind, by):
    X = stream(kind)
    ours, theirs = model_of(kind, sort_components=by), model_of(kind)
    for model in (ours, theirs):
        learned(model, X, 1500)
    assert_allclose(np.sort(ours.weights_), np.sort(theirs.weights_), rtol=1e-9)
    assert_allclose(ours.score(X), theirs.score(X), rtol=1e-10)


@pytest.mark.parametrize(
    "kind",
    [*SCIKIT_LEARNS, *(pytest.param(name, marks=pytest.mark.nightly) for name in ("VEV", "EVI"))],
)
def test_rows_that_come_back_after_long_find_their_component(kind):
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 60
    model = model_of(kind, 2, sort_components="mean").fit(np.concatenate([near, far]))
    before = model.mixture_
    for _ in range(400):  # 0.1^400 is no number any more
        model.partial_fit(near, step_size=0.9)
    assert 0 < model.weights_[1] < 1e-90
    assert_allclose(model.means_[1], before.means[1], rtol=1e-9)
    if not before.structure.shared and kind not in (
        "VEV",
        "EVI",
    ):  # else what is shared follows `near`
        assert_allclose(model.covariances_[1], before.covariances[1], rtol=1e-8)
    model.partial_fit(far, step_size=0.5)
    assert_allclose(model.weights_, 0.5)
    assert_allclose(model.means_, [near.mean(axis=0), far.mean(axis=0)], rtol=1e-9)


# A restart


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "VEV"])
@pytest.mark.parametrize("how", ["save", "pickle"])
def test_a_stream_goes_on_after_a_restart(kind, how, tmp_path):
    X = stream(kind)
    w = np.random.default_rng(0).uniform(0.5, 2, len(X))
    halves = np.split(np.arange(len(X)), 6)
    unbroken = model_of(kind)
    for rows in halves:
        unbroken.partial_fit(X[rows], sample_weight=w[rows])
    broken = model_of(kind)
    for rows in halves:
        broken.partial_fit(X[rows], sample_weight=w[rows])
        if how == "save":
            broken.save(tmp_path / "stream.safetensors")
            broken = mixtura.load(tmp_path / "stream.safetensors")
        else:
            broken = pickle.loads(pickle.dumps(broken))
    assert_same_mixture(broken.mixture_, unbroken.mixture_)
    for name in ("lower_bound_", "lower_bounds_", "n_iter_", "converged_"):
        assert getattr(broken, name) == getattr(unbroken, name)
    assert str(broken.summary()) == str(unbroken.summary())
    assert str(broken.diagnosis_) == str(unbroken.diagnosis_)


def rewritten(path, change):
    with safe_open(path, framework="numpy") as opened:
        header = opened.metadata()
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    change(arrays)
    save_file(arrays, path, metadata=header)


def without_statistics(arrays):
    for name in [name for name in arrays if name.startswith("statistics_")]:
        del arrays[name]


def test_a_file_without_statistics_goes_on_from_its_mixture(tmp_path):
    X = stream()
    model = model_of(tol=1e-12).fit(X[:3000])
    model.save(tmp_path / "m.safetensors")
    rewritten(tmp_path / "m.safetensors", without_statistics)
    older = mixtura.load(tmp_path / "m.safetensors")
    model.partial_fit(X[3000:])
    older.partial_fit(X[3000:])
    # A converged mixture is that of its own statistics.
    assert_allclose(older.means_, model.means_, atol=1e-4)
    assert_allclose(older.score(X), model.score(X), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("statistics_firsts"),
        lambda arrays: arrays.update(statistics_counts=np.ones(2)),
        lambda arrays: arrays.update(statistics_counts=np.array([-1.0, 1.0, 1.0])),
        lambda arrays: arrays.update(statistics_seconds=np.full((3, 3, 3), np.nan)),
        lambda arrays: arrays.update(statistics_centres=np.ones((3, 2))),
    ],
    ids=["missing", "shape", "negative", "NaN", "features"],
)
def test_tampered_statistics_are_refused(change, tmp_path):
    path = tmp_path / "m.safetensors"
    model_of().fit(stream()).save(path)
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=r"m\.safetensors"):
        mixtura.load(path)


def test_the_best_of_a_search_goes_on():
    X = stream()
    search = GaussianMixtureSearch([3], ["VVV"], random_state=0).fit(X[:2000])
    best = search.best_estimator_
    before = best.score(X)
    learned(best, X[2000:], 1000)
    assert best.score(X) > before
    assert best.summary().n_rows == 6000


def test_parameters_set_by_hand_go_on():
    X = stream()
    model = model_of(n_components=1).fit(X[:1000])
    model.means_ = model.means_ + 4.0
    model.partial_fit(X[1000:2000], step_size=0.5)
    old = np.mean(X[:1000], axis=0) + 4.0
    assert_allclose(model.means_[0], (old + X[1000:2000].mean(axis=0)) / 2, rtol=1e-10)


# What is refused


@pytest.mark.parametrize(
    ("rows", "options", "error", "words"),
    [
        ("nan", {}, ValueError, ["NaN", "column 1", "row 7"]),
        ("narrow", {}, ValueError, ["X has 2 features", "expecting 3"]),
        ("good", {"sample_weight": [1.0]}, ValueError, ["sample_weight", "(1,)"]),
        ("good", {"sample_weight": np.zeros(100)}, ValueError, ["sample_weight", "zero"]),
        ("good", {"step_size": 0}, ValueError, ["step_size", "above 0", "0"]),
        ("good", {"step_size": 1.5}, ValueError, ["step_size", "at most 1", "1.5"]),
        ("good", {"step_size": np.nan}, ValueError, ["step_size", "nan"]),
        ("good", {"step_size": "fast"}, ValueError, ["step_size", "'fast'"]),
        ("good", {"step_size": lambda t: -t}, ValueError, ["step_size", "-"]),
        ("good", {"step_size": lambda t: 1 / (t - t)}, ZeroDivisionError, ["division"]),
        ("constant", {"step_size": 1}, SingularCovarianceError, ["singular"]),
    ],
)
def test_what_cannot_be_learned_leaves_the_model_as_it_was(rows, options, error, words):
    X = stream(n_rows=1100)
    model = model_of(reg_covar=0.0).fit(X[:1000])
    batch = {
        "good": X[1000:],
        "nan": np.where(np.arange(300).reshape(100, 3) == 22, np.nan, X[1000:]),
        "narrow": X[1000:, :2],
        "constant": np.tile(X[1000], (100, 1)),
    }[rows]
    before = dict(vars(model))
    kept = {part: getattr(model.mixture_, part).copy() for part in PARTS}
    with pytest.raises(error) as caught:
        model.partial_fit(batch, **options)
    for word in words:
        assert word in str(caught.value)
    after = vars(model)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    for part, values in kept.items():
        assert_array_equal(getattr(model.mixture_, part), values)
    model.partial_fit(X[1000:])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_components": 2}, "n_components=3, but n_components is now 2"),
        ({"covariance_type": "diag"}, "covariance_type='full', but covariance_type is now 'diag'"),
    ],
)
def test_another_model_cannot_go_on(changed, words):
    X = stream()
    model = model_of().fit(X[:1000]).set_params(**changed)
    with pytest.raises(ValueError, match=words):
        model.partial_fit(X[1000:])


def test_the_first_batch_needs_a_row_for_every_component():
    model = model_of(n_components=5)
    with pytest.raises(ValueError, match="n_components = 5, n_samples = 4"):
        model.partial_fit(stream(n_rows=4))
    assert not hasattr(model, "mixture_")


def test_a_bad_step_is_refused_at_the_first_batch_too():
    with pytest.raises(ValueError, match="step_size"):
        model_of().partial_fit(stream(), step_size=2)


def test_fit_begins_anew():
    X = stream()
    model = learned(model_of(), X[:4000], 1000)
    model.fit(X[4000:])
    assert_same_mixture(model.mixture_, model_of().fit(X[4000:]).mixture_)
    assert model.summary().n_rows == 2000


def test_weights_can_be_routed():
    assert "sample_weight" in GaussianMixture().get_metadata_routing().partial_fit.requests


def test_the_step_by_itself_changes_nothing_that_it_is_given():
    X = stream()
    mixture = random_mixture(3, 3, "full", np.random.default_rng(0))
    statistics = ArrayBlocks(Rows(X[:1000])).accumulate(mixture)
    kept = copy.deepcopy(statistics)
    _, mixed = online_step(
        mixture, statistics, ArrayBlocks(Rows(X[1000:])), likeliest(mixture), 0.3
    )
    for name in ("counts", "firsts", "seconds", "centres"):
        assert_array_equal(getattr(statistics, name), getattr(kept, name))
    assert_allclose(mixed.weight, len(X))
    assert_allclose(mixed.counts.sum(), len(X))
