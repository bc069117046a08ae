"""Rows in arrays of every layout and type: the conformance suite, the monoid laws, threads."""

import multiprocessing
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES
from mixtura.em import SufficientStatistics
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle
from mixtura.testing.conformance import FORMS, BlocksConformance, assert_same_statistics
from mixtura.testing.problems import random_mixture, random_rows

FIELDS = ("weight", "log_likelihood", "log_certainty", "counts", "firsts", "seconds")


class TestContiguous(BlocksConformance):
    def blocks(self, X, sample_weight):
        return ArrayBlocks(Rows(X, sample_weight))


class TestFortranOrder(BlocksConformance):
    def blocks(self, X, sample_weight):
        return ArrayBlocks(Rows(np.asfortranarray(X), sample_weight))


class TestStrided(BlocksConformance):
    def blocks(self, X, sample_weight):
        wide = np.full((2 * len(X), 2 * X.shape[1]), np.nan)
        wide[::-2, ::2] = X
        return ArrayBlocks(Rows(wide[::-2, ::2], sample_weight))


class TestOtherByteOrder(BlocksConformance):
    def blocks(self, X, sample_weight):
        return ArrayBlocks(Rows(X.astype(">f8"), sample_weight))


class TestReadOnlyMemoryMap(BlocksConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.path = tmp_path / "rows.npy"

    def blocks(self, X, sample_weight):
        np.save(self.path, X)
        return ArrayBlocks(Rows(np.load(self.path, mmap_mode="r"), sample_weight))


class TestTwoThreads(BlocksConformance):
    def blocks(self, X, sample_weight):
        return ArrayBlocks(Rows(X, sample_weight), n_threads=2)


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int32, np.uint16, np.float16, np.bool_, np.longdouble]
)
def test_other_types_count_as_their_values(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (70_000, 3)).astype(dtype)
    mixture = random_mixture(3, 3, "full", rng)
    ours = ArrayBlocks(Rows(X)).accumulate(mixture)
    theirs = ArrayBlocks(Rows(X.astype(np.float64))).accumulate(mixture)
    assert_same_statistics(ours, theirs)
    assert_allclose(
        mixture.log_density(X), oracle.log_density(mixture, X.astype(float)), rtol=1e-12
    )


# Sizes around every tile and vector width.
TAILS = [*range(1, 10), 15, 16, 17, 31, 32, 33, 63, 64, 65]


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("n_features", TAILS)
def test_every_number_of_features(covariance_type, n_features):
    rng = np.random.default_rng(n_features)
    mixture = random_mixture(3, n_features, covariance_type, rng)
    X = random_rows(mixture, 130, rng)
    assert_same_statistics(ArrayBlocks(Rows(X)).accumulate(mixture), oracle.statistics(mixture, X))


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("n_components", TAILS)
def test_every_number_of_components(covariance_type, n_components):
    rng = np.random.default_rng(n_components)
    mixture = random_mixture(n_components, 2, covariance_type, rng)
    X = random_rows(mixture, 100, rng)
    assert_same_statistics(ArrayBlocks(Rows(X)).accumulate(mixture), oracle.statistics(mixture, X))


@pytest.mark.parametrize("n_rows", [*TAILS, 127, 128, 129, 255, 256, 257, 2047, 2048, 2049, 5000])
def test_every_number_of_rows(n_rows):
    rng = np.random.default_rng(n_rows)
    mixture = random_mixture(3, 3, "full", rng)
    X = random_rows(mixture, n_rows, rng)
    assert_same_statistics(ArrayBlocks(Rows(X)).accumulate(mixture), oracle.statistics(mixture, X))
    assert_allclose(mixture.log_density(X), oracle.log_density(mixture, X), rtol=1e-12)
    ours = mixture.responsibilities(X)
    assert_allclose(ours, oracle.responsibilities(mixture, X), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_zeros_are_the_identity(covariance_type):
    rng = np.random.default_rng(1)
    mixture = random_mixture(3, 2, covariance_type, rng)
    some = ArrayBlocks(Rows(random_rows(mixture, 50, rng))).accumulate(mixture)
    zero = SufficientStatistics.of(mixture.structure, mixture.means)
    for total in (some + zero, zero + some):
        for name in FIELDS:
            assert_array_equal(getattr(total, name), getattr(some, name))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 299), min_size=1, max_size=6, unique=True),
    covariance_type=st.sampled_from(list(STRUCTURES)),
    weighted=st.booleans(),
)
def test_any_split_of_the_rows_gives_the_same_sum(seed, cuts, covariance_type, weighted):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(3, 2, covariance_type, rng)
    X = random_rows(mixture, 300, rng)
    weight = rng.uniform(0, 3, 300) if weighted else None
    whole = ArrayBlocks(Rows(X, weight)).accumulate(mixture)
    parts = [
        ArrayBlocks(Rows(X[rows], None if weight is None else weight[rows])).accumulate(mixture)
        for rows in np.split(np.arange(300), sorted(cuts))
    ]
    left = sum(parts[1:], start=parts[0])
    right = parts[-1]
    for part in reversed(parts[:-1]):
        right = part + right
    assert_same_statistics(left, whole)
    assert_same_statistics(right, left)


def test_statistics_about_other_centres_do_not_add():
    rng = np.random.default_rng(1)
    mixture = random_mixture(2, 2, "full", rng)
    blocks = ArrayBlocks(Rows(random_rows(mixture, 50, rng)))
    with pytest.raises(ValueError, match="same centres"):
        blocks.accumulate(mixture) + blocks.accumulate(mixture, centres=mixture.means + 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_same_bits_for_any_number_of_threads(covariance_type, dtype):
    rng = np.random.default_rng(2)
    mixture = random_mixture(5, 6, covariance_type, rng)
    X = random_rows(mixture, 40_000, rng).astype(dtype)
    one, again, *others = (
        ArrayBlocks(Rows(X), n_threads=n).accumulate(mixture) for n in (1, 1, 2, 3, 7, 16)
    )
    for other in (again, *others):
        for name in FIELDS:
            assert_array_equal(getattr(one, name), getattr(other, name))


# Threads share the rows, whose sums have four forms; an M-step has one thread.
OF_FOUR_FORMS = [
    pytest.param(name, marks=() if name in FORMS else pytest.mark.nightly) for name in STRUCTURES
]


@pytest.mark.parametrize("covariance_type", OF_FOUR_FORMS)
def test_a_fit_has_the_same_bits_for_any_n_jobs(covariance_type):
    rng = np.random.default_rng(3)
    X = random_rows(random_mixture(4, 3, "full", rng), 30_000, rng)
    fits = [
        GaussianMixture(4, covariance_type=covariance_type, random_state=0, n_jobs=n, tol=1e-2).fit(
            X
        )
        for n in (1, 2, 5)
    ]
    for fit in fits[1:]:
        assert_array_equal(fit.covariances_, fits[0].covariances_)
        assert_array_equal(fit.predict_proba(X), fits[0].predict_proba(X))


def test_two_fits_in_two_threads():
    rng = np.random.default_rng(4)
    problems = [random_rows(random_mixture(3, 3, "full", rng), 20_000, rng) for _ in range(2)]

    def fit(X):
        return GaussianMixture(3, random_state=0, tol=1e-4).fit(X).means_

    alone = [fit(X) for X in problems]
    together = [None, None]

    def run(i):
        together[i] = fit(problems[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(together, alone, strict=True):
        assert_array_equal(ours, theirs)


def _fit_in_child(X, expected, queue):
    labels = np.arange(len(X)) % 3
    fit = GaussianMixture(3, init_params=labels, tol=1e-4).fit(X)
    queue.put(bool(np.array_equal(fit.means_, expected)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_can_fit():
    rng = np.random.default_rng(5)
    X = random_rows(random_mixture(3, 3, "full", rng), 60_000, rng)  # enough for helpers
    here = GaussianMixture(3, init_params=np.arange(len(X)) % 3, tol=1e-4).fit(X)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit_in_child, args=(X, here.means_, queue))
    child.start()
    assert queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
