"""The facts of a fit in files: what was written is what is read, and what is missing in older files."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mixtura import GaussianMixture
from mixtura.estimators.state import PUBLIC_FACTS, facts_of
from mixtura.files.schema import Damaged
from mixtura.fitting.facts import SAVED, FitFacts, facts_in, json_of
from mixtura.testing.problems import random_mixture

K, D = 3, 2

# What files have had since the first version.
ALWAYS = (
    "n_rows",
    "weight",
    "log_likelihood",
    "log_certainty",
    "n_iter",
    "converged",
    "lower_bounds",
)


@pytest.fixture
def mixture():
    return random_mixture(K, D, "full", np.random.default_rng(0))


@pytest.fixture
def facts():
    return FitFacts(
        n_rows=100,
        weight=80.5,
        log_likelihood=-240.25,
        log_certainty=-3.5,
        n_iter=2,
        converged=True,
        lower_bounds=(-3.5, -2.984),
        remaining_gain=1e-9,
        effective_rows=np.array([20.5, 30.0, 30.0]),
        reg_covar=np.array([1e-10, 2e-10]),
        verdicts=("sound", "sound", "spike"),
        n_starts=7,
        n_batches=0,
    )


def as_read(facts):
    return json.loads(json.dumps(json_of(facts)))


def assert_same(ours, theirs):
    for field in fields(FitFacts):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        assert type(a) is type(b), field.name
        assert_array_equal(a, b)


def test_every_fact_but_the_statistics_stands_in_files():
    assert (*SAVED, "statistics") == tuple(field.name for field in fields(FitFacts))


def test_what_was_written_is_what_is_read(facts, mixture):
    assert_same(facts_in(as_read(facts), mixture, "it"), facts)
    unknown = replace(facts, verdicts=None, n_starts=None, remaining_gain=np.nan)
    assert_same(facts_in(as_read(unknown), mixture, "it"), unknown)


@pytest.mark.parametrize("name", SAVED)
def test_a_fact_that_is_not_what_it_must_be_is_named(facts, mixture, name):
    written = as_read(facts) | {name: {"not": "this"}}
    with pytest.raises(Damaged, match=name):
        facts_in(written, mixture, "it")


@pytest.mark.parametrize("name", ALWAYS)
def test_no_file_is_without_these(facts, mixture, name):
    written = as_read(facts)
    del written[name]
    with pytest.raises(Damaged, match=f"it has no {name}"):
        facts_in(written, mixture, "it")


def test_of_an_older_file_the_others_follow_from_the_mixture(facts, mixture):
    written = {name: value for name, value in as_read(facts).items() if name in ALWAYS}
    ours = facts_in(written, mixture, "it")
    assert_array_equal(ours.effective_rows, mixture.weights * 100)
    assert_array_equal(ours.reg_covar, np.zeros(D))
    assert np.isnan(ours.remaining_gain)
    assert (ours.verdicts, ours.n_starts, ours.n_batches) == (None, None, 0)
    with pytest.raises(Damaged, match="has no"):
        facts_in(written, mixture, "it", maybe_older=False)


def test_facts_of_other_sizes_are_not_those_of_the_mixture(facts, mixture):
    for name in ("effective_rows", "reg_covar", "verdicts"):
        written = as_read(facts)
        written[name] = [*written[name], written[name][0]]
        with pytest.raises(Damaged, match=name):
            facts_in(written, mixture, "it")


def test_components_in_another_order_take_their_facts_along(facts):
    ours = facts.permuted(np.array([2, 0, 1]))
    assert ours.verdicts == ("spike", "sound", "sound")
    assert_array_equal(ours.effective_rows, [30.0, 20.5, 30.0])


def test_attributes_set_by_hand_after_a_fit_are_what_is_known_of_it():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = GaussianMixture(2, random_state=0).fit(X)
    for name in PUBLIC_FACTS:
        assert getattr(facts_of(model), name) == getattr(model, f"{name}_")
    model.n_iter_, model.converged_ = 99, False
    assert (facts_of(model).n_iter, facts_of(model).converged) == (99, False)
    model.means_ = model.means_ + 1
    assert facts_of(model) is None
