"""Numbers at addresses that are no multiples of their size: fields of packed records, cut buffers."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import ArrayResponsibilities
from mixtura.support.arrays import is_native


def field_of_packed_records(X):
    records = np.zeros(len(X), dtype=[("flag", "i1"), ("x", X.dtype, X.shape[1:])])
    records["x"] = X
    return records["x"]


def cut_from_a_buffer(X):
    return np.frombuffer(b"-" + X.tobytes(), X.dtype, offset=1).reshape(X.shape)


PACKED = {"records": field_of_packed_records, "buffer": cut_from_a_buffer}
each_packing = pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)


def problem(dtype=np.float64):
    """Two clouds, and weights that are no whole numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) + 5 * rng.integers(0, 2, (300, 1))
    return X.astype(dtype), rng.uniform(0.5, 2, 300)


@each_packing
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_core_reads_no_packed_numbers_where_they_lie(packed, dtype):
    X = problem(dtype)[0]
    assert is_native(X)
    assert not is_native(packed(X))
    for view in (X[::-2, ::2], X.T, np.broadcast_to(X[0], X.shape), X[:, :0], X[:1]):
        assert is_native(view)
    records = np.zeros(9, dtype=np.dtype([("flag", "i1"), ("x", dtype, (3,))], align=True))
    assert is_native(records["x"])


@each_packing
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_packed_rows_and_weights_are_those_of_a_copy(packed, dtype, kind):
    X, weight = problem(dtype)
    X_packed, weight_packed = packed(X), packed(weight)
    theirs = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X, sample_weight=weight)
    ours = GaussianMixture(2, covariance_type=kind, random_state=0)
    ours.fit(X_packed, sample_weight=weight_packed)
    rtol = 1e-4 if dtype is np.float32 else 1e-7
    assert_allclose(ours.means_, theirs.means_, rtol=rtol)
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=rtol)
    for method in ("predict", "predict_proba", "score_samples"):
        assert_array_equal(getattr(theirs, method)(X_packed), getattr(theirs, method)(X))
    assert theirs.score(X_packed, sample_weight=weight_packed) == theirs.score(
        X, sample_weight=weight
    )
    for method in ("log_density", "responsibilities", "labels"):
        values = getattr(theirs.mixture_, method)
        assert_array_equal(values(X_packed), values(X))


def batched(X, weight):
    return mixtura.from_batches(lambda: iter([(X[:99], weight[:99]), (X[99:], weight[99:])])), None


def of_dask(X, weight):
    return da.from_array(X, chunks=(100, -1)), da.from_array(weight, chunks=100)


DOORS = {
    "start at rows": lambda X, w: GaussianMixture(
        2, init_params="random_from_data", random_state=0
    ).fit(X, sample_weight=w),
    "random start": lambda X, w: GaussianMixture(2, init_params="random", random_state=0).fit(
        X, sample_weight=w
    ),
    "stream": lambda X, w: (
        GaussianMixture(2, random_state=0)
        .partial_fit(X, sample_weight=w)
        .partial_fit(X, sample_weight=w)
    ),
    "search": lambda X, w: GaussianMixtureSearch([1, 2], ["EII", "VVV"], random_state=0).fit(
        X, sample_weight=w
    ),
    "batches": lambda X, w: GaussianMixture(2, random_state=0).fit(batched(X, w)[0]),
    "dask": lambda X, w: GaussianMixture(2, random_state=0).fit(
        of_dask(X, w)[0], sample_weight=of_dask(X, w)[1]
    ),
}


@each_packing
@pytest.mark.parametrize("door", DOORS)
def test_packed_numbers_pass_every_door(packed, door):
    X, weight = problem()
    with dask.config.set(scheduler="threads"):
        ours, theirs = (DOORS[door](kind(X), kind(weight)).mixture_ for kind in (packed, np.array))
    order = np.argsort(ours.means[:, 0]), np.argsort(theirs.means[:, 0])
    assert_allclose(ours.means[order[0]], theirs.means[order[1]], rtol=1e-5)


@each_packing
def test_packed_responsibilities_are_those_of_a_copy(packed):
    X = problem()[0]
    shares = np.random.default_rng(1).dirichlet(np.ones(2), 300)
    ours, theirs = (
        GaussianMixture(2, init_params=given, max_iter=1, tol=1e9).fit(X)
        for given in (packed(shares), shares)
    )
    assert_allclose(ours.means_, theirs.means_, rtol=1e-12)
    assert ArrayResponsibilities(packed(shares))(slice(3, 9)).flags.aligned


@each_packing
def test_packed_weights_are_aligned_for_the_core(packed):
    X, weight = problem()
    blocks = ArrayBlocks(Rows(X, packed(weight)))
    assert blocks.rows.weight.flags.aligned
    assert_array_equal(blocks.rows.weight, weight)


@each_packing
def test_what_is_not_finite_among_packed_numbers_is_named(packed):
    X = problem()[0]
    X[7, 2] = np.nan
    with pytest.raises(ValueError, match="column 2, row 7"):
        GaussianMixture().fit(packed(X))
