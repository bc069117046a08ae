"""How often rows are read: each time is as dear as an iteration, where they lie in files."""

import numpy as np
import pytest

import mixtura
from mixtura import GaussianMixture
from mixtura.sources import source as source_module

SIZE = 777

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(source_module, "rows_of_a_part", lambda _: 1_001)


def rows_of_two_groups(n_rows=20_000, n_features=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, n_features)) + 6 * rng.integers(0, 2, (n_rows, 1))


class Counted:
    """Batches, none of which is kept; how many were read at each reading."""

    def __init__(self, X):
        self.n_batches = -(-len(X) // SIZE)
        self.read = []
        self._X = X
        self.source = mixtura.from_batches(self._batches, max_memory=0)

    def _batches(self):
        self.read.append(0)
        number = len(self.read) - 1
        for first in range(0, len(self._X), SIZE):
            self.read[number] += 1
            yield self._X[first : first + SIZE]

    @property
    def readings(self):
        """Whole ones: the head of the first batch alone says how many columns there are."""
        return sum(n_read == self.n_batches for n_read in self.read)


def known(blocks):
    return blocks.weight, blocks.extent, blocks.preview, blocks.mean, blocks.variances


def test_one_reading_finds_all_that_is_known_of_the_rows():
    counted = Counted(rows_of_two_groups())
    blocks = counted.source.blocks()
    assert known(blocks)
    assert blocks.total.scatter.shape == (3, 3)
    assert known(blocks.in_double())
    assert counted.readings == 1


def test_the_scatter_of_wide_rows_is_one_more_where_it_is_asked_for():
    counted = Counted(rows_of_two_groups(2_000, 70))
    blocks = counted.source.blocks()
    assert known(blocks)
    assert counted.readings == 1
    theirs = np.cov(rows_of_two_groups(2_000, 70).T, bias=True) * 2_000
    np.testing.assert_allclose(blocks.total.scatter, theirs, rtol=1e-10, atol=1e-8)
    assert counted.readings == 2
    assert blocks.total is blocks.total


def test_a_prediction_reads_once_and_a_fit_after_it_once_more():
    X = rows_of_two_groups()
    model = GaussianMixture(2, random_state=0).fit(X)
    counted = Counted(X)
    model.score(counted.source)
    assert counted.readings == 1
    for _ in range(2):
        assert known(counted.source.blocks())
    assert counted.readings == 2


# A sample tells how values were recorded and another where to begin: the same rows as of an array, drawn by
# their number, which only a first reading tells.
BEFORE = {"auto": 3, "kmeans": 3, "k-means++": 4, "random": 3, "random_from_data": 4}


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
@pytest.mark.parametrize("init_params", BEFORE)
def test_readings_before_the_first_iteration(init_params, covariance_type, monkeypatch):
    counted, before = Counted(rows_of_two_groups()), []
    run = mixtura.fitting.best_of_starts.expectation_maximisation

    def recorded(*arguments, **options):
        before.append(counted.readings)
        return run(*arguments, **options)

    monkeypatch.setattr("mixtura.fitting.best_of_starts.expectation_maximisation", recorded)
    model = GaussianMixture(
        2, covariance_type=covariance_type, init_params=init_params, random_state=0, tol=1e-2
    )
    model.fit(counted.source)
    assert before[0] == BEFORE[init_params]


def test_partitions_are_computed_once_to_be_known_and_once_to_be_scored():
    X = rows_of_two_groups()
    computed = []

    def count(block):
        if len(block):
            computed.append(len(block))
        return block

    lazy = da.from_array(X, chunks=(5_000, -1)).map_blocks(count, meta=X[:0])
    model = GaussianMixture(2, random_state=0).fit(X)
    with dask.config.set(scheduler="threads"):
        from mixtura.rows.dask import DaskBlocks

        computed.clear()
        blocks = DaskBlocks(lazy)
        assert known(blocks)
        assert blocks.total.scatter.shape == (3, 3)
        assert computed == [5_000] * 4
        computed.clear()
        np.testing.assert_allclose(model.score(lazy), model.score(X), rtol=1e-13)
        assert computed == [5_000] * 4
