"""Rows by value: whatever is done with them is done with all that they bring."""

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_array_equal

from mixtura.rows import ArrayBlocks, Rows, distinct_rows
from mixtura.testing.problems import all_go_together, rows_that_bring_all


def test_the_example_brings_every_field():
    rows = rows_that_bring_all(5, np.ones(5))
    assert list(rows.values) == [field.name for field in fields(Rows) if field.name != "missing"]


def test_what_is_not_brought_is_not_there():
    rows = Rows(np.zeros((3, 2)))
    assert list(rows.values) == ["X"]
    assert list(rows[1:].values) == ["X"]
    assert (len(rows), rows.shape) == (3, (3, 2))


def test_each_is_held_in_its_own_type():
    rows = Rows(np.zeros((2, 1), np.int8), weight=[1, 2], label=np.array([0, 1], np.int8))
    assert (rows.X.dtype, rows.weight.dtype, rows.label.dtype) == (np.int8, np.float64, np.int32)


@pytest.mark.parametrize(
    "some", [slice(3, 90, 7), slice(None, None, -1), np.array([5, 0, 5]), np.arange(100) % 3 == 1]
)
def test_some_of_the_rows(some):
    rows = rows_that_bring_all(100, np.arange(100.0))
    found = rows[some]
    assert all_go_together(found)
    assert_array_equal(found.label, np.arange(100)[some])
    assert_array_equal(found.weight, found.label)


def test_rows_one_after_another():
    rows = rows_that_bring_all(100)
    found = Rows.concatenate([rows[50:], rows[:0], rows[:50]])
    assert all_go_together(found)
    assert_array_equal(found.label, [*range(50, 100), *range(50)])


def test_a_copy_has_its_own_memory_and_others_are_written_into_it():
    rows = rows_that_bring_all(100)
    found = rows[:10].copy()
    found.fill(rows[20:30])
    assert all_go_together(found)
    assert_array_equal(found.label, range(20, 30))
    assert all_go_together(rows[:10])
    assert found.n_bytes == 10 * (3 * 8 + 4 + 2 * 8 + 3 * 8)


def test_another_precision_is_of_the_features_alone():
    rows = rows_that_bring_all(10)
    found = rows.in_precision(np.dtype(np.float32))
    assert found.X.dtype == np.float32
    assert found.error.dtype == np.float64
    assert all_go_together(found)
    assert rows.in_precision(np.dtype(np.float64)) is rows


def test_a_digest_tells_every_value_of_every_field():
    rows = rows_that_bring_all(20_000, np.ones(20_000))
    digests = {rows.digest()}
    for name, values in rows.values.items():
        other = values.copy()
        other[-1] += 1
        digests |= {replace(rows, **{name: other}).digest()}
    digests |= {rows[:-1].digest(), replace(rows, weight=None).digest()}
    digests |= {rows.in_precision(np.dtype(np.float32)).digest()}
    assert len(digests) == 9
    assert replace(rows, X=np.asfortranarray(rows.X)).digest() == rows.digest()


def test_rows_that_bring_different_things_are_distinct():
    X = np.array([[1.0], [1.0], [1.0], [2.0]])
    rows = Rows(X, weight=[1, 2, 4, 8], label=[0, 1, 0, 0], error=np.zeros((4, 1)))
    found = rows.distinct(4)
    assert_array_equal(found.X[:, 0], [1, 1, 2])
    assert_array_equal(found.label, [0, 1, 0])
    assert_array_equal(found.weight, [5, 2, 8])
    assert len(replace(rows, label=None).distinct(4)) == 2
    assert rows.distinct(2) is None


@pytest.mark.parametrize("weight", [None, np.arange(300) % 4, np.linspace(0, 1, 300)])
def test_a_sample_brings_all(weight):
    blocks = ArrayBlocks(rows_that_bring_all(300, weight))
    for n_rows in (40, 300):
        assert all_go_together(blocks.sample(n_rows, RandomState(0)))
    assert all_go_together(distinct_rows(blocks, 300))
