"""The data sets that ship with the package."""

from __future__ import annotations

import doctest

import numpy as np
from sklearn.datasets import make_blobs

from mixtura.datasets import load_faithful, loaders, make_three_blobs


def test_faithful_is_the_published_table():
    faithful = load_faithful()
    assert faithful.feature_names == ("eruptions", "waiting")
    assert faithful.data.dtype == np.float64
    assert faithful.data.shape == (272, 2)
    assert faithful.labels is None
    # The means that R prints for summary(faithful).
    np.testing.assert_allclose(faithful.data.mean(axis=0), [3.487783, 70.897059], rtol=1e-6)
    np.testing.assert_allclose(faithful.data[[0, -1]], [[3.6, 79], [4.467, 74]])


def test_callers_do_not_share_the_array():
    load_faithful().data[:] = 0
    assert load_faithful().data.min() > 1


def test_three_blobs_are_those_of_scikit_learn():
    ours = make_three_blobs()
    theirs, their_labels = make_blobs(
        n_samples=600, centers=3, cluster_std=(1.0, 1.4, 0.8), random_state=7
    )
    np.testing.assert_array_equal(ours.data, theirs)
    np.testing.assert_array_equal(ours.labels, their_labels)
    assert len(ours.feature_names) == 2


def test_three_blobs_take_size_and_seed():
    small = make_three_blobs(n_rows=30, random_state=1)
    assert small.data.shape == (30, 2)
    assert not np.array_equal(small.data, make_three_blobs(n_rows=30, random_state=2).data)


def test_the_examples_run():
    results = doctest.testmod(loaders)
    assert results.attempted >= 5
    assert results.failed == 0
