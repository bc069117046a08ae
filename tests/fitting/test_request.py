"""What a fit is asked for: seeds, starts and given parameters, without an estimator."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mixtura.covariance import structure
from mixtura.fitting.request import StartRequest, options_of, seeds_of
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing.problems import random_mixture

K, D = 3, 2
FULL = structure("full")


@pytest.fixture
def blocks():
    rng = np.random.default_rng(0)
    return ArrayBlocks(Rows(rng.normal(size=(90, D)) + 5 * rng.integers(0, K, (90, 1))))


@pytest.fixture
def options(blocks):
    return options_of(
        blocks,
        reg_covar="auto",
        tol=1e-6,
        max_iter=10,
        max_time=None,
        min_component_rows=0.0,
        names=None,
    )


def beginnings(blocks, options, **asked):
    return StartRequest(FULL, K, (1, 2), **asked).beginnings(blocks, options)


def test_the_first_seed_is_random_state_itself_and_more_starts_change_none_before():
    assert seeds_of(5) == [5]
    assert seeds_of(5, 3) == [5, *np.random.SeedSequence(5).generate_state(2)]
    assert seeds_of(5, 4) == seeds_of(5, 6)[:4]
    assert len(set(seeds_of(5, 6))) == 6
    assert seeds_of(np.random.RandomState(3), 2) == seeds_of(np.random.RandomState(3), 2)


def test_there_is_a_start_for_each_seed_where_it_draws_and_one_where_nothing_is_random(
    blocks, options
):
    mixture = random_mixture(K, D, "full", np.random.default_rng(0))
    labels = np.arange(90) % K
    given = {
        "weights_init": mixture.weights,
        "means_init": mixture.means,
        "precisions_init": mixture.precisions,
    }
    cases = {
        "kmeans": ({"init_params": "kmeans"}, [1, 2]),
        "auto": ({}, [1, 2]),
        "callable": ({"init_params": lambda *_: labels}, [1, 2]),
        "given array": ({"init_params": labels}, [None]),
        "given parameters": (given, [None]),
        "warm start": ({"previous": mixture, "init_params": labels}, [None]),
    }
    for kind, (asked, seeds) in cases.items():
        made = beginnings(blocks, options, **asked)
        assert [one.kind for one in made] == [kind] * len(seeds)
        assert [one.seed for one in made] == seeds


def test_only_what_a_search_found_is_accelerated_unless_asked_otherwise(blocks, options):
    def accelerated(**asked):
        return {one.accelerate for one in beginnings(blocks, options, **asked)}

    assert accelerated() == {True}
    assert accelerated(accelerate=False) == {False}
    assert accelerated(init_params="kmeans") == {False}
    assert accelerated(init_params="kmeans", accelerate=True) == {True}


def test_given_parameters_stand_in_place_of_those_of_the_start(blocks, options):
    labels = np.minimum(np.arange(90) % 5, K - 1)  # components of different weights
    means = np.arange(6.0).reshape(K, D)
    (plain,) = beginnings(blocks, options, init_params=labels)
    (ours,) = beginnings(blocks, options, init_params=labels, means_init=means)
    start, own = plain.make(blocks)[0], ours.make(blocks)[0]
    assert_array_equal(own.means, means)
    assert_array_equal(own.weights, start.weights)
    assert_array_equal(own.covariances, start.covariances)


def test_where_some_parameters_are_given_no_search_is_made_for_the_others(blocks, options):
    made = beginnings(blocks, options, weights_init=np.full(K, 1 / K))
    assert {(one.kind, one.is_found) for one in made} == {("kmeans", False)}
    made = beginnings(blocks, options, means_init=np.arange(6.0).reshape(K, D))
    assert {(one.kind, one.is_found) for one in made} == {("given means", False)}


def test_a_start_that_is_not_possible_is_named(blocks, options):
    with pytest.raises(ValueError, match="init_params as labels must lie in"):
        beginnings(blocks, options, init_params=np.full(90, K))
    with pytest.raises(ValueError, match="means_init has the wrong shape"):
        beginnings(blocks, options, means_init=np.zeros((K, D + 1)))
    other = random_mixture(K + 1, D, "full", np.random.default_rng(0))
    (first, _) = beginnings(blocks, options, init_params=lambda *_: other)
    with pytest.raises(ValueError, match="init_params returned a mixture"):
        first.make(blocks)
