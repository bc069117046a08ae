"""What scikit-learn's GaussianMixture gets wrong, shown on theirs where that is cheap, and right here."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress

import numpy as np
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import forked
from mixtura import GaussianMixture, Mixture
from mixtura.em.blocks import TotalScatter
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle
from mixtura.testing.problems import maximised, random_mixture, random_rows

STRUCTURES = ["full", "tied", "diag", "spherical"]
CORNERS = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])

each_structure = pytest.mark.parametrize("covariance_type", STRUCTURES)
not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


def blobs(n_rows=400, seed=0):
    """Four round blobs at the corners of a square, of spread 1, in order."""
    rng = np.random.default_rng(seed)
    return np.repeat(CORNERS, n_rows // 4, axis=0) + rng.normal(size=(n_rows, 2))


def overlapping():
    """Rows of four components that share much of their ground: EM takes its time."""
    rng = np.random.default_rng(3)
    return random_rows(random_mixture(4, 2, "full", rng), 400, rng)


def rounded(X, bits):
    """Numbers that keep every digit when an offset is added."""
    return np.round(X * 2.0**bits) / 2.0**bits


# 1. Far from the origin


def at_offset(kind, X, offset, covariance_type):
    """Fit of X + offset from the blobs' centres, three iterations."""
    model = kind(
        4,
        covariance_type=covariance_type,
        weights_init=np.full(4, 0.25),
        means_init=CORNERS + offset,
        precisions_init={
            "full": np.tile(np.eye(2), (4, 1, 1)),
            "tied": np.eye(2),
            "diag": np.ones((4, 2)),
            "spherical": np.ones(4),
        }[covariance_type],
        tol=0,
        max_iter=3,
    )
    return model.fit((X + offset).astype(X.dtype))


@not_converged
@each_structure
def test_an_offset_changes_no_covariance(covariance_type):
    X = rounded(blobs(), bits=16)
    near = at_offset(GaussianMixture, X, 0.0, covariance_type)
    ours = at_offset(GaussianMixture, X, 1e8, covariance_type)
    assert_allclose(ours.covariances_, near.covariances_, rtol=1e-11, atol=1e-11)
    assert_allclose(ours.means_ - 1e8, near.means_, rtol=0, atol=2 * np.spacing(1e8))
    assert_allclose(ours.weights_, near.weights_, rtol=1e-11)


@not_converged
@each_structure
def test_an_offset_changes_no_covariance_in_float32(covariance_type):
    X = rounded(blobs(), bits=9).astype(np.float32)
    theirs = at_offset(GaussianMixture, X.astype(np.float64), 0.0, covariance_type)
    ours = at_offset(GaussianMixture, X, np.float32(10_000.0), covariance_type)
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-5, atol=1e-5)
    assert_allclose(ours.weights_, theirs.weights_, rtol=1e-5)


@each_structure
@pytest.mark.parametrize(
    "init_params", ["kmeans", "k-means++", "random", "random_from_data", "labels"]
)
def test_an_offset_changes_no_start(init_params, covariance_type):
    X = rounded(blobs(), bits=16)
    if init_params == "labels":
        init_params = np.random.default_rng(0).integers(0, 4, len(X))
    params = {"covariance_type": covariance_type, "init_params": init_params}
    params |= {"max_iter": 0, "random_state": 0}
    near, ours = (GaussianMixture(4, **params).fit(X + offset) for offset in (0.0, 1e8))
    assert_allclose(ours.covariances_, near.covariances_, rtol=1e-11, atol=1e-11)
    # A random start spreads its means out: one digit more of the offset's rounding goes.
    assert_allclose(ours.means_ - 1e8, near.means_, rtol=0, atol=40 * np.spacing(1e8))


@not_converged
@pytest.mark.parametrize("covariance_type", ["tied", "diag", "spherical"])
def test_theirs_loses_the_covariances_at_an_offset(covariance_type):
    X = rounded(blobs(), bits=16)
    near = at_offset(GaussianMixture, X, 0.0, covariance_type)
    if covariance_type == "tied":
        # It is 1e-6 I, or what rounding left of the sums.
        with suppress(ValueError):
            theirs = at_offset(sklearn.mixture.GaussianMixture, X, 1e8, covariance_type)
            assert np.max(np.abs(theirs.covariances_ - near.covariances_)) > 0.1
    else:
        with pytest.raises(ValueError, match="ill-defined empirical covariance"):
            at_offset(sklearn.mixture.GaussianMixture, X, 1e8, covariance_type)


# 2. Random responsibilities


@pytest.mark.parametrize("seed", range(10))
def test_a_random_start_leaves_the_saddle(seed):
    X = blobs()
    single = GaussianMixture(1).fit(X).score(X)
    theirs, ours = (
        kind(4, init_params="random", random_state=seed).fit(X)
        for kind in (sklearn.mixture.GaussianMixture, GaussianMixture)
    )
    # Theirs says that it converged, at what one component does as well.
    assert theirs.converged_
    assert theirs.n_iter_ == 2
    assert theirs.score(X) == pytest.approx(single, abs=1e-4)
    assert ours.converged_
    assert ours.score(X) > single + 0.5


def test_the_best_of_ten_random_starts_is_the_optimum():
    X = blobs()
    ours = GaussianMixture(4, init_params="random", n_init=10, random_state=0).fit(X)
    best = GaussianMixture(4, random_state=0).fit(X)
    assert_allclose(ours.score(X), best.score(X), rtol=1e-5)


@not_converged
@each_structure
def test_a_random_start_does_not_depend_on_units(covariance_type):
    X = blobs()
    params = {"init_params": "random", "reg_covar": 0, "random_state": 0, "max_iter": 0}
    metres = GaussianMixture(4, covariance_type=covariance_type, **params).fit(X)
    millimetres = GaussianMixture(4, covariance_type=covariance_type, **params).fit(1024 * X)
    assert_allclose(millimetres.means_, 1024 * metres.means_, rtol=1e-9)
    assert_allclose(millimetres.covariances_, 1024**2 * metres.covariances_, rtol=1e-9)


# 3. Starts at rows


@each_structure
@pytest.mark.parametrize("init_params", ["k-means++", "random_from_data"])
def test_a_start_at_rows_has_the_scale_of_the_data(init_params, covariance_type):
    X = 1000 * blobs()
    params = {"covariance_type": covariance_type, "init_params": init_params}
    ours, theirs = (
        kind(4, random_state=0, max_iter=0, **params).fit(X)
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    # Both start at rows of the data; for random_from_data, of the same seed the same ones.
    if init_params == "random_from_data":
        assert_allclose(ours.means_, theirs.means_, rtol=1e-12)
    assert all(np.any(np.all(mean == X, axis=1)) for mean in ours.means_)
    assert_allclose(theirs.weights_, 1 / len(X), rtol=1e-9)
    assert_allclose(ours.weights_, 1 / 4, rtol=1e-12)
    # Theirs is reg_covar, and for tied the scatter about the origin of all rows but four.
    total = np.trace(np.cov(X.T))
    assert not 1e-3 < np.max(theirs.covariances_) / total < 1e1
    assert 1e-3 < np.max(ours.covariances_) / total < 1e1


@not_converged
@each_structure
@pytest.mark.parametrize("init_params", ["k-means++", "random_from_data"])
def test_a_start_at_rows_does_not_depend_on_units(init_params, covariance_type):
    X = blobs()
    params = {"covariance_type": covariance_type, "init_params": init_params}
    params |= {"reg_covar": 0, "random_state": 0, "max_iter": 0}
    metres = GaussianMixture(4, **params).fit(X)
    millimetres = GaussianMixture(4, **params).fit(1024 * X)
    assert_array_equal(millimetres.means_, 1024 * metres.means_)
    assert_allclose(millimetres.covariances_, 1024**2 * metres.covariances_, rtol=1e-12)


@not_converged
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
@pytest.mark.parametrize("init_params", ["random", "random_from_data"])
def test_a_start_does_not_depend_on_the_unit_of_one_feature(init_params, covariance_type):
    X = blobs()
    units = np.array([1.0, 1024.0])
    params = {"covariance_type": covariance_type, "init_params": init_params}
    params |= {"reg_covar": 0, "random_state": 0, "max_iter": 0}
    before = GaussianMixture(4, **params).fit(X)
    after = GaussianMixture(4, **params).fit(X * units)
    factor = units**2 if covariance_type == "diag" else np.outer(units, units)
    assert_allclose(after.means_ / units, before.means_, rtol=1e-9)
    assert_allclose(after.covariances_ / factor, before.covariances_, rtol=1e-9, atol=1e-9)


# 7. The bound of the mixture that is handed out


@not_converged
@each_structure
@pytest.mark.parametrize("max_iter", [1, 2, 100])
def test_the_lower_bound_is_that_of_the_fitted_mixture(covariance_type, max_iter):
    X = overlapping()
    params = {"covariance_type": covariance_type, "max_iter": max_iter, "random_state": 0}
    ours, theirs = (
        kind(4, **params).fit(X) for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert theirs.lower_bound_ != pytest.approx(theirs.score(X), rel=1e-12)
    assert ours.lower_bound_ == pytest.approx(ours.score(X), rel=1e-13)
    assert ours.lower_bounds_[-1] == ours.lower_bound_
    assert len(ours.lower_bounds_) == ours.n_iter_


def test_the_lower_bound_of_no_iteration_is_that_of_the_start():
    X = blobs()
    ours, theirs = (
        kind(4, max_iter=0, random_state=0).fit(X)
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert theirs.lower_bound_ == -np.inf
    assert ours.lower_bound_ == pytest.approx(ours.score(X), rel=1e-13)


# 8. A start without a likelihood


class NanFirst:
    """A start that is NaN the first time, and good from then on."""

    def __init__(self):
        self.calls = 0

    def __call__(self, X, n_components, random_state):  # noqa: ARG002
        self.calls += 1
        good = GaussianMixture(n_components, random_state=0).fit(X).mixture_
        if self.calls > 1:
            return good
        means = np.full_like(good.means, np.nan)
        return Mixture(
            good.structure, good.weights, means, good.covariances, good.precisions_cholesky
        )


@not_converged
@pytest.mark.parametrize("max_iter", [0, 1, 100])
def test_a_start_that_is_nan_is_replaced(max_iter):
    X = blobs()
    start = NanFirst()
    ours = GaussianMixture(4, init_params=start, n_init=2, max_iter=max_iter, random_state=0)
    ours.fit(X)
    assert start.calls == 2
    assert np.isnan(ours.starts_[0].log_likelihood)
    assert ours.lower_bound_ == ours.starts_[1].log_likelihood
    assert np.isfinite(ours.score(X))


def test_a_start_that_fails_is_passed_over():
    X = blobs()

    def collapses_at_first(X, n_components, random_state, calls=[]):  # noqa: B006
        calls.append(None)
        labels = np.repeat(np.arange(n_components), len(X) // n_components)
        return np.where(np.arange(len(X)) == 0, 0, 1 + labels % 3) if len(calls) == 1 else labels

    ours = GaussianMixture(4, init_params=collapses_at_first, n_init=2, reg_covar=0).fit(X)
    assert "ill-defined" in ours.starts_[0].ended
    assert ours.starts_[1].ended == "converged"
    assert ours.lower_bound_ == ours.starts_[1].log_likelihood


# 10. Warm starts that cannot go on


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_components": 3}, "n_components=4.*n_components is now 3"),
        ({"covariance_type": "diag"}, "covariance_type='full'.*covariance_type is now 'diag'"),
    ],
)
def test_a_warm_start_with_another_model_is_refused(changed, words):
    X = blobs()
    ours = GaussianMixture(4, warm_start=True, random_state=0).fit(X)
    means = ours.means_
    with pytest.raises(ValueError, match=words):
        ours.set_params(**changed).fit(X)
    assert ours.means_ is means
    ours.set_params(warm_start=False).fit(X)
    assert len(ours.means_) == ours.n_components


def test_theirs_ignores_another_number_of_components():
    theirs = sklearn.mixture.GaussianMixture(4, warm_start=True, random_state=0).fit(blobs())
    theirs.set_params(n_components=3).fit(blobs())
    assert len(theirs.means_) == 4


def test_a_warm_start_with_other_features_is_refused():
    ours = GaussianMixture(4, warm_start=True, random_state=0).fit(blobs())
    with pytest.raises(ValueError, match="2 features, but X has 1"):
        ours.fit(blobs()[:, :1])
    assert ours.n_features_in_ == 2


@not_converged
def test_warm_starts_add_up_to_one_fit():
    X = blobs()
    params = {"init_params": "random", "tol": 0, "random_state": 0}
    whole = GaussianMixture(4, max_iter=6, **params).fit(X)
    parts = GaussianMixture(4, max_iter=2, warm_start=True, **params)
    for _ in range(3):
        parts.fit(X)
    assert_array_equal(parts.means_, whole.means_)
    assert_array_equal(parts.covariances_, whole.covariances_)
    assert parts.lower_bound_ == whole.lower_bound_


# 11. Zero iterations from given precisions


@each_structure
def test_zero_iterations_from_given_precisions(covariance_type):
    X = blobs()
    mixture = random_mixture(4, 2, covariance_type, np.random.default_rng(0))
    params = {"covariance_type": covariance_type, "max_iter": 0, "random_state": 0}
    params["precisions_init"] = np.array(mixture.precisions)
    with pytest.raises(AttributeError, match="covariances_"):
        sklearn.mixture.GaussianMixture(4, **params).fit(X)
    ours = GaussianMixture(4, **params).fit(X)
    assert_allclose(ours.precisions_, mixture.precisions, rtol=1e-12, atol=1e-12)
    assert_allclose(ours.covariances_, mixture.covariances, rtol=1e-10, atol=1e-12)
    assert ours.sample(3)[0].shape == (3, 2)


# 12. Constructor arguments


def test_fit_leaves_what_was_given():
    given = {
        "weights_init": [0.25] * 4,
        "means_init": CORNERS.tolist(),
        "precisions_init": [np.eye(2).tolist()] * 4,
    }
    ours, theirs = (kind(4, **given) for kind in (GaussianMixture, sklearn.mixture.GaussianMixture))
    theirs.fit(blobs())
    assert isinstance(theirs.means_init, np.ndarray)
    ours.fit(blobs())
    for name, value in given.items():
        assert getattr(ours, name) is value
    assert given["means_init"] == CORNERS.tolist()


# 13. tol=0


@each_structure
def test_tol_zero_converges(covariance_type):
    X = overlapping()
    params = {"covariance_type": covariance_type, "random_state": 0, "max_iter": 2000}
    params |= {"tol": 0, "init_params": "kmeans", "reg_covar": 1e-6}
    with pytest.warns(ConvergenceWarning):
        theirs = sklearn.mixture.GaussianMixture(4, **params).fit(X)
    assert theirs.n_iter_ == 2000
    ours = GaussianMixture(4, **params).fit(X)
    assert ours.converged_
    assert ours.n_iter_ < 2000
    # It goes as far as there is anything to win: the likelihood is flat in the square of the distance.
    assert_allclose(ours.lower_bound_, theirs.score(X), rtol=1e-13)
    assert_allclose(ours.means_, theirs.means_, rtol=0, atol=2e-6)


# 14. Samples


def test_a_sample_of_nothing_names_its_size():
    X = blobs()
    ours, theirs = (
        kind(4, random_state=0).fit(X)
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    with pytest.raises(ValueError, match="'n_samples': 4"):
        theirs.sample(0)
    with pytest.raises(ValueError, match="'n_samples': 0"):
        ours.sample(0)


def test_each_draw_goes_on_from_the_last():
    X = blobs()
    theirs = sklearn.mixture.GaussianMixture(4, random_state=0).fit(X)
    assert_array_equal(theirs.sample(5)[0], theirs.sample(5)[0])
    ours, twin = (GaussianMixture(4, random_state=0).fit(X) for _ in range(2))
    draws = [ours.sample(5)[0] for _ in range(3)]
    assert len(np.unique(np.concatenate(draws), axis=0)) == 15
    # The seed of the estimator is the seed of the whole sequence.
    for draw in draws:
        assert_array_equal(twin.sample(5)[0], draw)


@pytest.mark.parametrize("seed", [0, np.int64(3)])
def test_a_draw_with_a_seed_repeats(seed):
    ours = GaussianMixture(4, random_state=1).fit(blobs())
    (X, y), (X_again, y_again) = (ours.sample(50, random_state=seed) for _ in range(2))
    assert_array_equal(X, X_again)
    assert_array_equal(y, y_again)
    for generator in (np.random.RandomState, np.random.default_rng):
        first, again = (ours.sample(50, random_state=generator(5))[0] for _ in range(2))
        assert_array_equal(first, again)


def test_drawn_rows_are_not_grouped_by_component():
    ours, theirs = (
        kind(4, random_state=0).fit(blobs())
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert np.count_nonzero(np.diff(theirs.sample(1000)[1])) == 3
    X, y = ours.sample(1000)
    # Independent labels change at three of four steps: 750, standard deviation 14.
    assert abs(np.count_nonzero(np.diff(y)) - 750) < 70
    assert np.mean(ours.predict(X) == y) > 0.99


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_drawn_rows_have_the_type_of_the_fitted_ones(dtype):
    X = blobs().astype(dtype)
    ours, theirs = (
        kind(4, random_state=0).fit(X)
        for kind in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert theirs.sample(3)[0].dtype == np.float64
    assert ours.sample(3)[0].dtype == dtype


# 15. Restarts


@not_converged
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("random_state", [7, np.random.RandomState(7)], ids=["int", "generator"])
def test_each_restart_can_be_repeated_alone(init_params, random_state):
    X = blobs(100)
    params = {"init_params": init_params, "max_iter": 5, "tol": 0}
    ours = GaussianMixture(4, n_init=4, random_state=random_state, **params).fit(X)
    assert len(ours.starts_) == 4
    assert len({start.seed for start in ours.starts_}) == 4
    for start in ours.starts_:
        alone = GaussianMixture(4, n_init=1, random_state=start.seed, **params).fit(X)
        assert alone.lower_bound_ == start.log_likelihood
        assert alone.n_iter_ == start.n_iter
        assert start.kind == init_params
    best = max(start.log_likelihood for start in ours.starts_)
    assert ours.lower_bound_ == pytest.approx(best, rel=1e-12)


def test_more_restarts_begin_with_the_same_ones():
    X = blobs(100)
    params = {"init_params": "random", "random_state": 3}
    few, many = (GaussianMixture(4, n_init=n, **params).fit(X) for n in (2, 5))
    assert few.starts_ == many.starts_[:2]
    assert many.lower_bound_ >= few.lower_bound_


# 18. A warning with numbers


def cut_short(kind):
    model = kind(4, init_params="random", max_iter=3, tol=1e-9, random_state=0)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(blobs())
    return model, str(caught[0].message)


def test_the_convergence_warning_carries_numbers():
    _, theirs = cut_short(sklearn.mixture.GaussianMixture)
    assert re.search(r"\d", theirs) is None
    model, ours = cut_short(GaussianMixture)
    found = re.search(
        r"After 3 iterations .* is (\S+); it still changed by (\S+) in .*tol is 1e-09", ours
    )
    log_likelihood, change = (float(number) for number in found.groups())
    before, after = model.lower_bounds_[-2:]
    assert log_likelihood == pytest.approx(after, rel=1e-5)
    assert change == pytest.approx(after - before, rel=1e-2)


# 19. Memory

MEASURE = """
import importlib, json, resource, sys, threadpoolctl, warnings
import numpy as np
threadpoolctl.threadpool_limits(1)

def peak():
    # VmHWM is this process's own; ru_maxrss begins with that of the process that started it.
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) << 10
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

warnings.simplefilter("ignore")
package, n, start, covariance_type, dtype, weighted = json.loads(sys.argv[1])
d, k = 16, 16
rng = np.random.default_rng(0)
centres = 8 * rng.normal(size=(k, d))
X = np.empty((n, d), dtype)
for rows in range(0, n, 10_000):
    X[rows:rows + 10_000] = rng.normal(size=(10_000, d)) + centres[rng.integers(0, k, 10_000)]
weight = {"sample_weight": rng.uniform(size=n)} if weighted else {}
params = dict(n_components=k, covariance_type=covariance_type, max_iter=2, random_state=0)
if start == "explicit":
    params.update(weights_init=np.full(k, 1 / k), means_init=X[:k], precisions_init={
        "full": np.tile(np.eye(d), (k, 1, 1)), "tied": np.eye(d),
        "diag": np.ones((k, d)), "spherical": np.ones(k)}[covariance_type])
else:
    params["init_params"] = start
if package == "mixtura":
    params["n_jobs"] = 4
kind = importlib.import_module(package).GaussianMixture
kind(**params).fit(X[:1000], **{name: w[:1000] for name, w in weight.items()})
before = peak()
kind(**params).fit(X, **weight)
print(json.dumps(peak() - before))
"""


def extra_memory(package, n_rows, start, covariance_type="full", dtype="f8", weighted=False):
    """Peak memory of a fit of n_rows x 16 beyond the rows, in bytes; 16 components."""
    arguments = json.dumps([package, n_rows, start, covariance_type, dtype, weighted])
    command = [sys.executable, "-c", MEASURE, arguments]
    run = forked.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


PARAMETERS = 8 * 16 * (1 + 16 + 16 * 16)


def test_theirs_needs_memory_that_grows_with_the_rows():
    assert extra_memory("sklearn.mixture", 50_000, "explicit") > 3 * 8 * 50_000 * 16


@pytest.mark.parametrize(
    ("start", "covariance_type", "dtype", "weighted"),
    [
        ("auto", "full", "f8", False),
        ("kmeans", "diag", "f8", True),
        ("k-means++", "tied", "f4", True),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in [
                ("explicit", "full", "f8", False),
                ("auto", "diag", "f4", True),
                ("random", "full", "i4", False),
                ("random_from_data", "spherical", "f8", True),
            ]
        ),
    ],
)
def test_the_memory_of_a_fit_does_not_grow_with_the_rows(start, covariance_type, dtype, weighted):
    extra = extra_memory("mixtura", 400_000, start, covariance_type, dtype, weighted)
    assert extra < (64 << 20) + 16 * PARAMETERS


# 20. Tied: the total scatter once


class CountedTotal(ArrayBlocks):
    """Rows whose total scatter can be exchanged, and whose passes are counted."""

    def __init__(self, X, extra=0.0):
        super().__init__(Rows(X))
        self.extra = extra
        self.computed = 0

    def bringing(self, *asked):
        self.computed += 1
        return super().bringing(*asked)

    @property
    def total(self):
        true = super().total
        return TotalScatter(true.weight, true.mean, true.scatter + self.extra)


def tied_problem(seed=0, n_components=4, n_features=3, n_rows=5000):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(n_components, n_features, "tied", rng)
    return mixture, random_rows(mixture, n_rows, rng)


def assert_same_sums(ours, theirs, rtol=1e-12):
    for name in ["weight", "log_likelihood", "log_certainty", "counts", "firsts", "seconds"]:
        their_sum = getattr(theirs, name)
        # firsts sum to zero at convergence: their size is that of what is summed.
        scale = np.max(np.abs(their_sum)) + np.sqrt(np.max(theirs.seconds) * theirs.weight)
        tolerance = rtol * (scale if name == "firsts" else np.max(np.abs(their_sum)))
        assert_allclose(getattr(ours, name), their_sum, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("seed", range(5))
def test_tied_sums_from_the_total_scatter_are_the_direct_sums(seed):
    mixture, X = tied_problem(seed)
    assert_same_sums(ArrayBlocks(Rows(X)).accumulate(mixture), oracle.statistics(mixture, X))


def test_a_tied_iteration_takes_its_second_moments_from_the_total_scatter():
    mixture, X = tied_problem()
    extra = np.diag([1e3, 2e3, 3e3])
    plain = CountedTotal(X).accumulate(mixture)
    ours = CountedTotal(X, extra).accumulate(mixture)
    # What the total holds, the sums hold: the rows were not asked for their squares.
    assert_allclose(ours.seconds - plain.seconds, extra, rtol=1e-9, atol=1e-6)
    assert_array_equal(ours.firsts, plain.firsts)


def test_the_total_scatter_is_computed_once():
    mixture, X = tied_problem()
    blocks = CountedTotal(X)
    for _ in range(5):
        mixture = maximised(blocks.accumulate(mixture), 0.0)
    # One pass for the mean, one for the scatter.
    assert blocks.computed == 2


def separated_problem(separation, n_rows=4000):
    """Two tight clusters, `separation` standard deviations apart, rows exact in binary."""
    rng = np.random.default_rng(0)
    X = rounded(rng.normal(size=(n_rows, 2)), bits=20)
    X[::2] += separation
    means = np.array([[separation, separation], [0.0, 0.0]]) + 0.25
    mixture = Mixture.from_parameters([0.5, 0.5], means, np.eye(2), covariance_type="tied")
    return mixture, X


@pytest.mark.parametrize("separation", [16.0, 256.0, 4096.0, 2.0**20, 2.0**30])
def test_tied_sums_keep_their_digits_however_far_components_lie_apart(separation):
    mixture, X = separated_problem(separation)
    blocks = CountedTotal(X)
    ours = blocks.accumulate(mixture)
    # Each cluster by itself, about its own mean: nothing is large.
    labels = (np.arange(len(X)) + 1) % 2
    about = X - mixture.means[1 - labels]
    theirs = about.T @ about
    assert_allclose(ours.seconds, theirs, rtol=1e-12, atol=1e-12 * np.max(theirs))


def test_the_total_scatter_serves_until_it_would_cancel():
    extra = np.diag([1e3, 2e3])

    def uses_the_total(separation):
        mixture, X = separated_problem(separation)
        plain, changed = (CountedTotal(X, e).accumulate(mixture) for e in (0.0, extra))
        return not np.array_equal(plain.seconds, changed.seconds)

    assert uses_the_total(16.0)
    assert not uses_the_total(2.0**20)
