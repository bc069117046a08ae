"""What one reading of rows in parts finds: it adds up, and loses no digit on the way."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mixtura.rows import ArrayBlocks, Rows
from mixtura.rows.facts import MOST_IN_A_PREVIEW, Counts, Preview
from mixtura.rows.parts import _WIDE, overview_of


def problem(n_rows, n_features, kind, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)) + rng.integers(0, 2, (n_rows, 1)) * 5
    weight = {
        "none": None,
        "whole": rng.integers(0, 3, n_rows).astype(float),
        "real": rng.uniform(0, 2, n_rows) * (rng.uniform(size=n_rows) < 0.7),
    }[kind]
    return X, weight


def cut(rows, cuts):
    return [rows[some] for some in np.split(np.arange(len(rows)), cuts)]


cuts = st.lists(st.integers(1, 299), min_size=1, max_size=8, unique=True).map(sorted)
kinds = st.sampled_from(["none", "whole", "real"])


@given(kind=kinds, cuts=cuts)
@settings(max_examples=30, deadline=None)
def test_counts_add_up(kind, cuts):
    rows = Rows(*problem(300, 1, kind))
    ours, theirs = reduce(add, map(Counts.of, cut(rows, cuts))), Counts.of(rows)
    assert (ours.n_rows, ours.n_present) == (theirs.n_rows, theirs.n_present)
    assert ours.is_whole == theirs.is_whole == (kind != "real")
    assert_allclose(ours.rows_per_weight, theirs.rows_per_weight, rtol=1e-14)


@given(kind=kinds, cuts=cuts, n_features=st.sampled_from([3, _WIDE + 1]), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_scatters_add_up_however_far_the_origin_is(kind, cuts, n_features, seed):
    X, weight = problem(300, n_features, kind, seed)
    # To this grid the shift is exact.
    X = np.round(X * 2**20) / 2**20
    for shift in (0.0, 2.0**30):
        rows = Rows(X + shift, weight)
        spread = reduce(add, [overview_of(ArrayBlocks(part)) for part in cut(rows, cuts)]).spread
        w = np.ones(300) if weight is None else weight
        exact = X.astype(np.longdouble)
        mean = w @ exact / w.sum()
        assert_allclose(spread.mean, (mean + shift).astype(float), rtol=1e-15, atol=1e-14)
        theirs = (w[:, None] * (exact - mean)).T @ (exact - mean)
        is_wide = n_features > _WIDE
        assert spread.scatter.shape == ((n_features,) if is_wide else (n_features, n_features))
        theirs = np.diag(theirs) if is_wide else theirs
        assert_allclose(spread.scatter, theirs.astype(float), rtol=1e-12, atol=1e-10)
        assert_allclose(spread.variances * w.sum(), np.diag(theirs) if not is_wide else theirs)


def test_parts_without_weight_add_nothing():
    X, _ = problem(20, 2, "none")
    parts = [Rows(1e6 + X, np.zeros(20)), Rows(X), Rows(-1e6 + X, np.zeros(20))]
    ours = reduce(add, [overview_of(ArrayBlocks(part)) for part in parts])
    theirs = overview_of(ArrayBlocks(Rows(X)))
    assert_array_equal(ours.spread.mean, theirs.spread.mean)
    assert_array_equal(ours.spread.scatter, theirs.spread.scatter)
    assert_array_equal(ours.preview.X, X)


def test_a_spread_is_of_float64_whatever_the_rows_are():
    X, _ = problem(300, 3, "none")
    single = X.astype(np.float32)
    ours, theirs = (
        overview_of(ArrayBlocks(Rows(rows))).spread for rows in (single, single.astype(float))
    )
    assert_array_equal(ours.scatter, theirs.scatter)


@pytest.mark.parametrize("n_rows", [9, 3_999, 4_000, 4_001, 70_001])
@pytest.mark.parametrize("every", [1, 3])
def test_a_preview_is_of_rows_spread_over_all_that_count(n_rows, every):
    weight = (np.arange(n_rows) % every == 0).astype(float)
    rows = Rows(np.arange(n_rows, dtype=float)[:, np.newaxis], weight)
    counting = np.flatnonzero(weight)
    for cuts in ([], [1, n_rows // 3, n_rows // 2, n_rows // 2 + 1]):
        seen = reduce(add, map(Preview.of, cut(rows, cuts))).X[:, 0]
        assert set(seen) <= set(counting)
        if len(counting) <= MOST_IN_A_PREVIEW:
            assert_array_equal(seen, counting)
        else:
            assert MOST_IN_A_PREVIEW / 4 <= len(seen) <= MOST_IN_A_PREVIEW
            gaps = np.diff(seen)
            assert np.count_nonzero(gaps != np.median(gaps)) <= 2 * len(cuts)
