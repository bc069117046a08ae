"""Rows in parts give what the same rows give in one array."""

import itertools
import pickle

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from mixtura.covariance import STRUCTURES
from mixtura.em import expect
from mixtura.rows import ArrayBlocks, PartitionedBlocks, Rows, distinct_rows
from mixtura.testing.conformance import (
    BlocksConformance,
    assert_same_statistics,
    m_step_tolerance,
)
from mixtura.testing.problems import (
    all_go_together,
    maximised,
    random_mixture,
    random_rows,
    rows_that_bring_all,
)

UNEVEN = (1, 700, 701, 3_000)


class PartsInMemory(PartitionedBlocks):
    """Pieces of an array, each task sent to them through pickle as to another process."""

    def __init__(self, rows, cuts=UNEVEN, n_threads=1, dtype=None):
        whole = ArrayBlocks(rows, n_threads, dtype)
        self.shape, self.n_threads, self.dtype = whole.shape, n_threads, whole.dtype
        bounds = [0, *(cut for cut in cuts if cut < len(rows)), len(rows)]
        self._slices = [slice(a, b) for a, b in itertools.pairwise(bounds)]
        self._rows, self._cuts = rows, cuts
        self.n_passes = 0

    def in_double(self):
        return type(self)(self._rows, self._cuts, self.n_threads, np.dtype(np.float64))

    def each(self, task):
        self.n_passes += 1
        for rows in self._slices:
            yield task(ArrayBlocks(self._rows[rows], self.n_threads, self.dtype), rows.start)


class TestUnevenParts(BlocksConformance):
    def blocks(self, X, sample_weight):
        return PartsInMemory(Rows(X, sample_weight))


class TestPartsOfAnotherType(BlocksConformance):
    def blocks(self, X, sample_weight):
        return PartsInMemory(Rows(X.astype(">f8"), sample_weight), n_threads=2)


def problem(covariance_type="full", n_rows=5_000):
    rng = np.random.default_rng(3)
    mixture = random_mixture(4, 3, covariance_type, rng)
    X = random_rows(mixture, n_rows, rng)
    whole = rng.integers(0, 4, n_rows).astype(float)
    return (
        mixture,
        X,
        {"none": None, "whole": whole, "real": rng.uniform(0, 2, n_rows) * (whole > 0)},
    )


@pytest.mark.parametrize("kind", ["none", "whole", "real"])
def test_weights_and_rows_are_those_of_the_array(kind):
    _, X, weights = problem()
    rows = Rows(X, weights[kind])
    ours, theirs = PartsInMemory(rows), ArrayBlocks(rows)
    assert_allclose(ours.weight, theirs.weight, rtol=1e-13)
    assert ours.n_present == theirs.n_present
    assert_allclose(ours.rows_per_weight, theirs.rows_per_weight, rtol=1e-13)
    assert_allclose(ours.variances, theirs.variances, rtol=1e-12)
    for n_rows in (7, 900, 10_000):
        mine, its = (blocks.sample(n_rows, RandomState(1)) for blocks in (ours, theirs))
        assert_array_equal(mine.X, its.X)
        assert (mine.weight is None) == (its.weight is None)
        assert mine.weight is None or np.array_equal(mine.weight, its.weight)
        n_picked = min(n_rows, 900)
        mine, its = (blocks.pick(n_picked, RandomState(1)) for blocks in (ours, theirs))
        assert_array_equal(mine, its)


@pytest.mark.parametrize("weight", [None, np.arange(5_000) % 4, np.linspace(0, 1, 5_000)])
def test_a_sample_brings_all_that_its_rows_do(weight):
    rows = rows_that_bring_all(5_000, weight)
    ours, theirs = PartsInMemory(rows), ArrayBlocks(rows)
    for n_rows in (900, 5_000):
        mine, its = (blocks.sample(n_rows, RandomState(0)) for blocks in (ours, theirs))
        assert all_go_together(mine)
        assert mine.digest() == its.digest()
    assert all_go_together(distinct_rows(ours, 5_000))


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_far_from_the_origin_nothing_cancels(covariance_type):
    mixture, X, weights = problem(covariance_type)
    moved = type(mixture).from_parameters(
        mixture.weights, mixture.means + 1e6, mixture.covariances, covariance_type=covariance_type
    )
    for weight in weights.values():
        ours = maximised(expect(moved, PartsInMemory(Rows(X + 1e6, weight))), 0.0)
        theirs = maximised(expect(moved, ArrayBlocks(Rows(X + 1e6, weight))), 0.0)
        # An orientation that several share is found to half the objective's digits.
        rtol = max(1e-8, m_step_tolerance(theirs))
        assert_allclose(ours.covariances, theirs.covariances, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("covariance_type", ["tied", "full"])
def test_an_iteration_is_one_pass(covariance_type):
    mixture, X, weights = problem(covariance_type)
    blocks = PartsInMemory(Rows(X, weights["real"]))
    blocks.accumulate(mixture)
    before = blocks.n_passes
    for _ in range(3):
        blocks.accumulate(mixture)
    assert blocks.n_passes == before + 3


def test_tied_takes_the_scatter_of_all_rows_where_it_loses_no_digits():
    mixture, X, _ = problem("tied")
    ours, theirs = PartsInMemory(Rows(X)), ArrayBlocks(Rows(X))
    assert_same_statistics(ours.accumulate(mixture), theirs.accumulate(mixture))
    assert "total" in vars(ours)


def test_tasks_can_be_sent_to_other_processes():
    mixture, X, weights = problem("tied")

    class Sent(PartsInMemory):
        def each(self, task):
            return super().each(pickle.loads(pickle.dumps(task)))

    ours, theirs = (kind(Rows(X, weights["real"])) for kind in (Sent, PartsInMemory))
    assert_same_statistics(ours.accumulate(mixture), theirs.accumulate(mixture), rtol=0)
    assert_same_statistics(ours.score(mixture), theirs.score(mixture), rtol=0)
    assert_array_equal(ours.sample(50, RandomState(0)).X, theirs.sample(50, RandomState(0)).X)
    assert_array_equal(ours.pick(50, RandomState(0)), theirs.pick(50, RandomState(0)))
