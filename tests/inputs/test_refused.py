"""What is given by mistake is refused in one sentence, that says what was given and what to give instead."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mixtura import GaussianMixture, Mixture

X = np.random.default_rng(0).normal(np.repeat([[0.0, 5.0], [9.0, 5.0]], 30, axis=0), 1.0)


@pytest.fixture(scope="module")
def model():
    return GaussianMixture(2, random_state=0).fit(X)


def sentence_of(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


# Numbers of features


@pytest.mark.parametrize("mask", [[False, True], np.array([False, True])])
def test_a_mask_is_no_list_of_features(model, mask):
    mixture = model.mixture_
    for call in (mixture.marginal, lambda some: mixture.condition(some, [1.0])):
        assert "np.flatnonzero(mask)" in sentence_of(lambda call=call: call(mask))


@pytest.mark.parametrize("features", [[0.9], [1.0], ["a"], "ab", [None], None, 0.5])
def test_features_are_whole_numbers(model, features):
    mixture = model.mixture_
    for call in (mixture.marginal, lambda some: mixture.condition(some, [1.0])):
        assert "numbers of columns, from 0 to 1" in sentence_of(lambda call=call: call(features))


@pytest.mark.parametrize("number", [1, -1, np.int64(1)])
def test_one_feature_may_be_a_number(model, number):
    mixture = model.mixture_
    assert_array_equal(mixture.marginal(number).means, mixture.marginal([1]).means)
    ours, theirs = mixture.condition(number, 4.5), mixture.condition([1], [4.5])
    assert_array_equal(ours.means, theirs.means)
    assert_array_equal(ours.weights, theirs.weights)


# Rows

GIVEN = {
    "a path": ("data.csv", ValueError, "mixtura.scan('data.csv')"),
    "nothing": (None, ValueError, "X is None. Give an array or a data frame of shape"),
    "a number": (3.0, ValueError, "X is 3.0. Give an array"),
    "a dict": ({"a": [1, 2]}, TypeError, "X is a dict: give a data frame"),
    "a generator": ((row for row in X), TypeError, "X is of type generator. Give an array"),
    "ragged rows": ([[1, 2], [3]], ValueError, "row 0 has 2 and row 1 has 1."),
    "a row of None": ([[1, 2], None], ValueError, "row 0 has 2 and row 1 has 1."),
    "dates": (np.full((9, 2), "2020-02-20", "datetime64[D]"), TypeError, "it holds dates"),
    "durations": (np.full((9, 2), 1, "timedelta64[D]"), TypeError, "it holds durations"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_what_is_no_table_is_refused(model, case):
    given, error, words = GIVEN[case]
    calls = (GaussianMixture(2).fit, model.predict, model.score, model.mixture_.log_density)
    for call in calls:
        assert words in sentence_of(lambda call=call: call(given), error)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.date_range("2020-02-20", periods=60), ["'d' has 2020-02-20", "a date", "column.min()"]),
        (pd.to_timedelta(np.arange(60), "s"), ["'d' has 0 ", "a duration", "total_seconds()"]),
    ],
    ids=["date", "duration"],
)
def test_what_is_said_of_times_is_true_and_helps(make, values, words):
    frame = make({"a": X[:, 0], "d": values})
    sentence = sentence_of(lambda: GaussianMixture(2).fit(frame), TypeError)
    for word in words:
        assert word in sentence
    # What it advises runs, and what comes of it can be fitted.
    advice = re.search(r"[^ ]*column\S*( - column\.min\(\)\))?\S*\(\)(?=\.$)", sentence)[0]
    seconds = eval(advice, {"column": frame["d"]})
    GaussianMixture(2, random_state=0).fit(make({"a": X[:, 0], "d": seconds}))


def spoilt(*values):
    bad = X.copy()
    bad[: len(values), 1] = values
    return bad


@pytest.mark.parametrize(
    ("values", "kind", "imputer"),
    [
        ([np.nan], "NaN", True),
        ([np.inf], "infinity", False),
        ([-np.inf, np.inf], "infinity", False),
        ([np.inf, np.nan], "NaN and infinity", True),
        ([np.nan, -np.inf], "NaN and infinity", True),
    ],
)
def test_the_imputer_is_advised_only_where_it_works(model, values, kind, imputer):
    bad = spoilt(*values)
    for call in (GaussianMixture(2).fit, model.predict, model.mixture_.labels):
        sentence = sentence_of(lambda call=call: call(bad))
        assert sentence.startswith(f"Input X contains {kind}: ")
        assert ("SimpleImputer" in sentence) == imputer
        assert ("X[np.isinf(X)] = np.nan" in sentence) == (kind == "NaN and infinity")


def test_numbers_under_a_mask_are_no_data(model):
    masked = np.ma.masked_greater(X, 6.0)
    row, column = np.argwhere(X > 6.0)[0]
    for call in (GaussianMixture(2).fit, model.predict, model.mixture_.labels):
        sentence = sentence_of(lambda call=call: call(masked))
        assert f"{(X > 6.0).sum()} of its values are masked" in sentence
        assert f"column {column}, row {row}" in sentence
    weights = np.ma.masked_less(np.arange(60.0), 3.0)
    assert "3 of its values" in sentence_of(lambda: model.fit(X, sample_weight=weights))
    open_mask = np.ma.masked_greater(X, X.max())
    assert_array_equal(GaussianMixture(2, random_state=0).fit(open_mask).means_, model.means_)


# Weights


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_of_one_column_is_a_column(make):
    weight = np.arange(60.0)
    frame = make({"w": weight})
    ours = GaussianMixture(2, random_state=0).fit(X, sample_weight=frame)
    theirs = GaussianMixture(2, random_state=0).fit(X, sample_weight=weight)
    assert_array_equal(ours.means_, theirs.means_)
    two = make({"w": weight, "v": weight})
    assert "shape (60, 2)" in sentence_of(lambda: ours.fit(X, sample_weight=two))


def test_weights_of_impossible_size_are_refused(model):
    for size in (1e-200, 1e200):
        weight = np.full(60, size)
        sentence = sentence_of(lambda weight=weight: model.fit(X, sample_weight=weight))
        assert f"sample_weight is {size:g} at most" in sentence
    for size in (1e-99, 1e99):
        fitted = GaussianMixture(2, random_state=0).fit(X, sample_weight=np.full(60, size))
        assert_allclose(fitted.means_, model.means_, rtol=1e-9)
        assert np.isfinite(fitted.diagnosis_.effective_rows).all()
    mixed = np.ones(60)
    mixed[0] = 1e-200
    GaussianMixture(2, random_state=0).fit(X, sample_weight=mixed)


def test_complex_weights_are_not_printed_all(model):
    sentence = sentence_of(lambda: model.fit(X, sample_weight=np.ones(60) + 1j))
    assert sentence == "sample_weight must be an array of real numbers: they are complex"


# Numbers and names


@pytest.mark.parametrize("n_samples", [None, "3", 2.5, True])
def test_a_number_of_rows_is_whole(model, n_samples):
    for call in (model.sample, model.mixture_.sample):
        words = f"n_samples must be a whole number of at least 1, got {n_samples!r}."
        assert sentence_of(lambda call=call: call(n_samples), TypeError) == words
    assert len(model.sample(np.int64(3))[0]) == 3


def test_names_are_listed_in_one_order():
    """Sorted: the order of a set would be another in each process."""
    sentence = sentence_of(lambda: GaussianMixture(covariance_type="ful").fit(X))
    assert sentence.endswith("Did you mean 'full'?")
    names = re.findall(r"'(\w+)'", sentence.partition("{")[2].partition("}")[0])
    assert names == sorted(names)


def test_a_conditional_of_one_number_is_that_of_the_formula():
    # Sigma = [[2, 1], [1, 1]], mu = 0: given x1 = 3, mean = 1 * 3, variance = 2 - 1.
    mixture = Mixture.from_parameters([1.0], [[0.0, 0.0]], [[[2.0, 1.0], [1.0, 1.0]]])
    conditional = mixture.condition(1, 3.0)
    assert_allclose(conditional.means, [[3.0]])
    assert_allclose(conditional.covariances, [[[1.0]]])
