"""Rows in parts give what the same rows give in one array."""

import itertools
import pickle

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from mixtura.covariance import STRUCTURES
from mixtura.em import expect
from mixtura.rows import ArrayBlocks, PartitionedBlocks
from mixtura.testing.conformance import (
    BlocksConformance,
    assert_same_statistics,
    m_step_tolerance,
)
from mixtura.testing.problems import maximised, random_mixture, random_rows

UNEVEN = (1, 700, 701, 3_000)


class PartsInMemory(PartitionedBlocks):
    """Pieces of an array, each task sent to them through pickle as to another process."""

    def __init__(self, X, weight, cuts=UNEVEN, n_threads=1):
        self.shape, self.n_threads, self.dtype = X.shape, n_threads, ArrayBlocks(X).dtype
        bounds = [0, *(cut for cut in cuts if cut < len(X)), len(X)]
        self._slices = [slice(a, b) for a, b in itertools.pairwise(bounds)]
        self._X, self._weight, self._cuts = X, weight, cuts
        self.n_passes = 0

    def in_double(self):
        return type(self)(self._X.astype(np.float64), self._weight, self._cuts, self.n_threads)

    def each(self, task):
        self.n_passes += 1
        for rows in self._slices:
            weight = None if self._weight is None else self._weight[rows]
            yield task(ArrayBlocks(self._X[rows], weight, self.n_threads), rows.start)


class TestUnevenParts(BlocksConformance):
    def blocks(self, X, sample_weight):
        return PartsInMemory(X, sample_weight)


class TestPartsOfAnotherType(BlocksConformance):
    def blocks(self, X, sample_weight):
        return PartsInMemory(X.astype(">f8"), sample_weight, n_threads=2)


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
    ours, theirs = PartsInMemory(X, weights[kind]), ArrayBlocks(X, weights[kind])
    assert_allclose(ours.weight, theirs.weight, rtol=1e-13)
    assert ours.n_present == theirs.n_present
    assert_allclose(ours.rows_per_weight, theirs.rows_per_weight, rtol=1e-13)
    assert_allclose(ours.variances, theirs.variances, rtol=1e-12)
    for n_rows in (7, 900, 10_000):
        mine, its = (blocks.sample(n_rows, RandomState(1)) for blocks in (ours, theirs))
        assert_array_equal(mine[0], its[0])
        assert (mine[1] is None) == (its[1] is None)
        assert mine[1] is None or np.array_equal(mine[1], its[1])
        n_picked = min(n_rows, 900)
        mine, its = (blocks.pick(n_picked, RandomState(1)) for blocks in (ours, theirs))
        assert_array_equal(mine, its)


@pytest.mark.parametrize("covariance_type", STRUCTURES)
def test_far_from_the_origin_nothing_cancels(covariance_type):
    mixture, X, weights = problem(covariance_type)
    moved = type(mixture).from_parameters(
        mixture.weights, mixture.means + 1e6, mixture.covariances, covariance_type=covariance_type
    )
    for weight in weights.values():
        ours = maximised(expect(moved, PartsInMemory(X + 1e6, weight)), 0.0)
        theirs = maximised(expect(moved, ArrayBlocks(X + 1e6, weight)), 0.0)
        # An orientation that several share is found to half the objective's digits.
        rtol = max(1e-8, m_step_tolerance(theirs))
        assert_allclose(ours.covariances, theirs.covariances, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("covariance_type", ["tied", "full"])
def test_an_iteration_is_one_pass(covariance_type):
    mixture, X, weights = problem(covariance_type)
    blocks = PartsInMemory(X, weights["real"])
    blocks.accumulate(mixture)
    before = blocks.n_passes
    for _ in range(3):
        blocks.accumulate(mixture)
    assert blocks.n_passes == before + 3


def test_tied_takes_the_scatter_of_all_rows_where_it_loses_no_digits():
    mixture, X, _ = problem("tied")
    ours, theirs = PartsInMemory(X, None), ArrayBlocks(X)
    assert_same_statistics(ours.accumulate(mixture), theirs.accumulate(mixture))
    assert "total" in vars(ours)


def test_tasks_can_be_sent_to_other_processes():
    mixture, X, weights = problem("tied")

    class Sent(PartsInMemory):
        def each(self, task):
            return super().each(pickle.loads(pickle.dumps(task)))

    ours, theirs = (kind(X, weights["real"]) for kind in (Sent, PartsInMemory))
    assert_same_statistics(ours.accumulate(mixture), theirs.accumulate(mixture), rtol=0)
    assert_same_statistics(ours.score(mixture), theirs.score(mixture), rtol=0)
    assert_array_equal(ours.sample(50, RandomState(0))[0], theirs.sample(50, RandomState(0))[0])
    assert_array_equal(ours.pick(50, RandomState(0)), theirs.pick(50, RandomState(0)))
