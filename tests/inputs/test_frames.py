"""Data frames are taken wherever an array is: the same bits, names kept, one sentence where one is wrong."""

from __future__ import annotations

import datetime
import decimal
import re

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.inputs.frames import column_values, frame_of, frame_values
from mixtura.plots import plot_mixture
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine
from mixtura.testing.problems import random_mixture, random_rows

NAMES = ["a", "b", "c"]
METHODS = ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"]


def rows_of(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    return random_rows(random_mixture(2, 3, "full", rng), n_rows, rng)


def pandas_by_column(X):
    frame = pd.DataFrame()
    for name, column in zip(NAMES, X.T, strict=True):
        frame[name] = column
    return frame


def arrow_in_chunks(X):
    middle = len(X) // 3
    return pa.concat_tables([arrow(X[:middle]), arrow(X[middle:])])


def arrow(X):
    return pa.table({name: np.ascontiguousarray(X[:, j]) for j, name in enumerate(NAMES)})


FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas by column": pandas_by_column,
    "pandas nullable": lambda X: pd.DataFrame(X, columns=NAMES).astype(X.dtype.name.capitalize()),
    "pandas of Arrow": lambda X: pd.DataFrame(X, columns=NAMES).astype(
        pd.ArrowDtype(pa.from_numpy_dtype(X.dtype))
    ),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "Arrow": arrow,
    "Arrow in chunks": arrow_in_chunks,
    "narwhals": lambda X: nw.from_native(pl.DataFrame(X, schema=NAMES)),
}
each_frame = pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
each_library = pytest.mark.parametrize(
    "make",
    [FRAMES[name] for name in ("pandas", "polars", "Arrow")],
    ids=["pandas", "polars", "Arrow"],
)

SERIES = {
    "pandas": pd.Series,
    "pandas nullable": lambda w: pd.Series(w, dtype="Float64"),
    "polars": pl.Series,
    "Arrow column": lambda w: pa.chunked_array([w[:50], w[50:]]),
    "Arrow array": pa.array,
    "list": list,
}


def message_of(call, error):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


def selected(frame, names):
    return nw.from_native(frame).select(names).to_native()


# The same numbers


@each_frame
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_frame_gives_the_bits_of_its_array(make, dtype):
    X = rows_of().astype(dtype)
    ours = GaussianMixture(2, random_state=0).fit(make(X))
    theirs = GaussianMixture(2, random_state=0).fit(X)
    assert ours.means_.dtype == dtype
    assert_array_equal(ours.mixture_.covariances, theirs.mixture_.covariances)
    assert_array_equal(ours.mixture_.means, theirs.mixture_.means)
    for method in METHODS:
        assert_array_equal(getattr(ours, method)(make(X)), getattr(theirs, method)(X))
    assert_array_equal(ours.feature_names_in_, NAMES)
    assert_array_equal(GaussianMixture(2, random_state=0).fit_predict(make(X)), theirs.predict(X))


@each_frame
def test_a_frame_is_taken_by_mixture_search_selection_and_plots(make):
    X = rows_of()
    search, plain = (
        GaussianMixtureSearch([1, 2], ["EII", "VVV"], random_state=0).fit(rows)
        for rows in (make(X), X)
    )
    assert_array_equal(search.results_["bic"], plain.results_["bic"])
    assert_array_equal(search.predict(make(X)), plain.predict(X))
    assert_array_equal(search.feature_names_in_, NAMES)
    mixture = plain.mixture_
    for method in ("labels", "responsibilities", "log_density"):
        assert_array_equal(getattr(mixture, method)(make(X)), getattr(mixture, method)(X))
    assert_array_equal(combine(search, make(X)).entropy, combine(plain, X).entropy)
    models = [GaussianMixture(k, random_state=0).fit(make(X)) for k in (1, 2)]
    plain_models = [GaussianMixture(k, random_state=0).fit(X) for k in (1, 2)]
    assert_array_equal(
        bootstrap_difference(*models, make(X), n_replicates=3).differences,
        bootstrap_difference(*plain_models, X, n_replicates=3).differences,
    )
    assert_array_equal(
        bootstrap_ratio_test(make(X), 1, n_replicates=3).replicates,
        bootstrap_ratio_test(X, 1, n_replicates=3).replicates,
    )
    axes = plot_mixture(models[1], make(X), ["a", "c"])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "c")


@pytest.mark.parametrize("make", SERIES.values(), ids=SERIES)
def test_weights_may_be_a_series(make):
    X = rows_of()
    w = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    ours = GaussianMixture(2, random_state=0).fit(X, sample_weight=make(w))
    theirs = GaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    assert_array_equal(ours.means_, theirs.means_)
    assert ours.bic(X, sample_weight=make(w)) == theirs.bic(X, sample_weight=w)


whole = pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pd.Series([1, 2, 3]), [1, 2, 3]),
        (pd.Series([True, False, True]), [1, 0, 1]),
        (pd.Series([1, 2, 3], dtype="Int64"), [1, 2, 3]),
        (pd.Series([True, None, False], dtype="boolean"), [1, np.nan, 0]),
        (pd.Series([1.5, None, 3], dtype="Float64"), [1.5, np.nan, 3]),
        (pd.Series([1.5, pd.NA, 3], dtype=object), [1.5, np.nan, 3]),
        (pd.Series([7, 8, 7], dtype="category"), [7, 8, 7]),
        (pd.Series(["7", "8.5", None]), [7, 8.5, np.nan]),
        (pd.Series([1.5, None, 2.5], dtype="float[pyarrow]"), [1.5, np.nan, 2.5]),
        (pd.Series([decimal.Decimal("1.5"), None, 2]), [1.5, np.nan, 2]),
        (pd.Series(pd.arrays.SparseArray([0.0, 0.0, 2.5])), [0, 0, 2.5]),
        (pl.Series([1, 2, 3], dtype=pl.UInt8), [1, 2, 3]),
        (pl.Series([True, None, False]), [1, np.nan, 0]),
        (pl.Series([1, None, 3]), [1, np.nan, 3]),
        (pl.Series([decimal.Decimal("1.5"), None, decimal.Decimal("2.5")]), [1.5, np.nan, 2.5]),
        (pl.Series(["7", "8", "7"], dtype=pl.Categorical), [7, 8, 7]),
        (pl.Series([None, None, None]), [np.nan] * 3),
        (pa.chunked_array([[1, 2], [None]]), [1, 2, np.nan]),
        (pa.chunked_array([[True, None, False]]), [1, np.nan, 0]),
        (pa.chunked_array([[decimal.Decimal("1.5"), None, decimal.Decimal(2)]]), [1.5, np.nan, 2]),
        (pa.chunked_array([pa.array([7, 8, 7]).dictionary_encode()]), [7, 8, 7]),
        (pa.chunked_array([pa.nulls(3)]), [np.nan] * 3),
    ],
    ids=str,
)


@whole
def test_columns_of_every_kind_are_numbers(column, numbers):
    assert_array_equal(column_values(column, "w").astype(float), numbers)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["2020-02-20"] * 3).astype("datetime64[ns]"),
        pd.Series([1, 2, 3]).astype("timedelta64[ns]"),
        pl.Series([1, 2, 3], dtype=pl.Datetime("ns")),
        pl.Series([None, 2, 3], dtype=pl.Duration("ns")),
        pa.chunked_array([pa.array([1, 2, 3], pa.timestamp("ns"))]),
    ],
    ids=["pandas time", "pandas span", "polars time", "polars span", "Arrow time"],
)
def test_nanoseconds_are_no_numbers(column):
    frame = nw.from_native(column, series_only=True).alias("t").to_frame().to_native()
    assert "column 't'" in message_of(lambda: GaussianMixture(1).fit(frame), TypeError)
    X = rows_of(3)
    message = message_of(lambda: GaussianMixture(1).fit(X, sample_weight=column), TypeError)
    assert message.startswith("sample_weight must hold numbers")


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ([np.float32, np.float32], np.float32),
        ([np.float32, np.int16], np.float32),  # which float32 holds exactly
        ([np.float32, np.int32], np.float64),
        ([np.float32, np.float64], np.float64),
        ([np.float16, np.float16], np.float64),
        ([np.int64, np.bool_], np.float64),
    ],
)
def test_the_type_of_a_mixed_frame(dtypes, expected):
    columns = {name: np.ones(3, dtype) for name, dtype in zip("ab", dtypes, strict=True)}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        assert frame_values(frame_of(frame)).dtype == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pandas_frame_of_one_type_is_not_copied(dtype):
    frame = pd.DataFrame(rows_of().astype(dtype), columns=NAMES)
    assert np.shares_memory(frame_values(frame_of(frame)), frame["a"].to_numpy())


@pytest.mark.parametrize("make", [FRAMES["polars"], FRAMES["Arrow"], FRAMES["Arrow in chunks"]])
def test_other_frames_are_copied_to_rows(make):
    values = frame_values(frame_of(make(rows_of().astype(np.float32))))
    assert values.flags.c_contiguous
    assert_array_equal(values, rows_of().astype(np.float32))


@pytest.mark.parametrize("X", [np.ones((3, 2)), [[1.0]], "text", 1.0, None, pd.Series([1.0])])
def test_what_is_no_frame_is_left_alone(X):
    assert frame_of(X) is None


def test_a_record_batch_is_a_table_of_its_rows():
    X = rows_of()
    batch = arrow(X).to_batches()[0]
    ours, theirs = (GaussianMixture(2, random_state=0).fit(rows) for rows in (batch, X))
    assert_array_equal(ours.feature_names_in_, NAMES)
    assert_array_equal(ours.means_, theirs.means_)
    assert_array_equal(ours.predict(batch), theirs.predict(X))
    assert_array_equal(ours.mixture_.labels(batch), theirs.predict(X))
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        ours.predict(batch.select(["b", "a", "c"]))
    missing = arrow(X).set_column(1, "b", pa.array([None, *X[1:, 1]])).to_batches()[0]
    with pytest.raises(ValueError, match=r"NaN.*column 1 \('b'\), row 0"):
        ours.predict(missing)


# Frames in batches


def in_batches(make, X, size=70):
    return [make(X[first : first + size]) for first in range(0, len(X), size)]


BATCHES = FRAMES | {"Arrow batch": lambda X: arrow(X).to_batches()[0]}
each_batch = pytest.mark.parametrize("make", BATCHES.values(), ids=BATCHES)


@each_batch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_of_frames_are_batches_of_their_arrays(make, dtype):
    X = rows_of().astype(dtype)
    source = mixtura.from_batches(in_batches(make, X), max_memory=0)
    plain = mixtura.from_batches(in_batches(np.asarray, X))
    ours, theirs = (GaussianMixture(2, random_state=0).fit(rows) for rows in (source, plain))
    assert source.dtype == dtype
    assert_array_equal(ours.feature_names_in_, NAMES)
    assert not hasattr(theirs, "feature_names_in_")
    assert_array_equal(ours.mixture_.covariances, theirs.mixture_.covariances)
    assert_array_equal(np.concatenate(list(ours.predict(source))), theirs.predict(X))
    search = GaussianMixtureSearch([1, 2], ["EII"], random_state=0).fit(source)
    assert_array_equal(search.feature_names_in_, NAMES)
    with pytest.raises(ValueError, match=r"'b', 'a', 'c'.*fitted with 'a', 'b', 'c'"):
        ours.predict(mixtura.from_batches([selected(FRAMES["polars"](X), ["b", "a", "c"])]))


@pytest.mark.parametrize("kind", ["pandas nullable", "polars", "Arrow column", "Arrow array"])
def test_weights_in_batches_may_be_series(kind):
    X = rows_of(100)
    w = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    batch = (FRAMES["pandas"](X), SERIES[kind](w))
    ours = GaussianMixture(2, random_state=0).fit(mixtura.from_batches([batch]))
    theirs = GaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    assert_array_equal(ours.means_, theirs.means_)


@each_batch
def test_batches_whose_names_differ_are_refused(make):
    X = rows_of()
    first, second = in_batches(make, X, 100)
    swapped = FRAMES["polars"](X[:100]).select("b", "a", "c")
    fit = GaussianMixture(2, random_state=0).fit
    for other, words in (
        (
            swapped,
            r"batch 1 has the columns 'b', 'a', 'c', but batch 0 has the columns 'a', 'b', 'c'",
        ),
        (X[:100], "batch 1 has no names, but batch 0 has the columns 'a', 'b', 'c'"),
    ):
        with pytest.raises(mixtura.SourceError, match=words):
            fit(mixtura.from_batches([first, other]))
    with pytest.raises(
        mixtura.SourceError, match=r"batch 1 has the columns .* batch 0 has no names"
    ):
        fit(mixtura.from_batches([X[:100], second]))
    with pytest.raises(mixtura.SourceError, match=r"batch 0 has .* but feature_names has .*'x'"):
        fit(mixtura.from_batches([first, second], feature_names=["a", "b", "x"]))
    named = mixtura.from_batches([first, X[100:]], feature_names=NAMES)
    assert_array_equal(fit(named).feature_names_in_, NAMES)


@each_library
def test_what_is_wrong_in_a_batch_is_named(make):
    X = rows_of(4)
    for column, words in (
        ([1.0, 2.0, None, 4.0], "column 'b' in row 2 of batch 1 is NaN"),
        (["1", "2", "x", "4"], r"batch 1: .* column 'b' has 'x' in row 2"),
        ([datetime.date(2020, 2, 20)] * 4, r"batch 1: .* column 'b' has .* in row 0, a date"),
    ):
        bad = {"a": X[:, 0], "b": column, "c": X[:, 2]}
        good = make(X)
        frame = pa.table(bad) if isinstance(good, pa.Table) else type(good)(bad)
        source = mixtura.from_batches([good, frame])
        message = message_of(lambda source=source: GaussianMixture(1).fit(source), ValueError)
        assert re.search(words, message)


@pytest.mark.parametrize("make", [np.asarray, *BATCHES.values()], ids=["array", *BATCHES])
def test_one_table_is_no_iterable_of_batches(make):
    rows = make(rows_of())
    with pytest.raises(TypeError, match=r"give it to fit itself, or an iterable of such batches"):
        mixtura.from_batches(rows)
    if isinstance(rows, np.ndarray):
        source = mixtura.from_batches(lambda: rows)
        with pytest.raises(
            mixtura.SourceError, match=r"shape \(3,\) .* give an iterable of batches"
        ):
            GaussianMixture(1).fit(source)
        cube = mixtura.from_batches(rows.reshape(4, 50, 3))
        assert cube.blocks().shape == (200, 3)


# Names


@each_frame
@pytest.mark.parametrize("method", [*METHODS, "partial_fit"])
def test_other_names_are_refused_in_scikit_learns_words(make, method):
    frame = make(rows_of())
    model = GaussianMixture(2, random_state=0).fit(frame)
    before = vars(model).copy()
    call = getattr(model, method)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        call(selected(frame, ["b", "a", "c"]))
    with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing:\n- c"):
        call(selected(frame, ["a", "b"]))
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- d"):
        call(nw.from_native(frame).rename({"b": "d"}).to_native())
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(rows_of())
    assert vars(model) == before


def test_a_model_of_one_library_takes_frames_of_another():
    X = rows_of()
    model = GaussianMixture(2, random_state=0).fit(FRAMES["pandas"](X))
    for make in FRAMES.values():
        assert_array_equal(model.predict_proba(make(X)), model.predict_proba(FRAMES["pandas"](X)))


@each_frame
def test_names_are_saved(make, tmp_path):
    GaussianMixture(2, random_state=0).fit(make(rows_of())).save(tmp_path / "m.safetensors")
    again = mixtura.load(tmp_path / "m.safetensors")
    assert_array_equal(again.feature_names_in_, NAMES)


def test_numbers_as_names_are_no_names():
    model = GaussianMixture(2, random_state=0).fit(pd.DataFrame(rows_of()))
    assert not hasattr(model, "feature_names_in_")
    model.predict(rows_of())


@each_library
def test_a_combination_takes_columns_in_the_models_order_only(make):
    frame = make(rows_of())
    model = GaussianMixture(2, random_state=0).fit(frame)
    with pytest.raises(ValueError, match="same order"):
        combine(model, selected(frame, ["c", "b", "a"]))
    with pytest.raises(ValueError, match="same order"):
        bootstrap_difference(model, model, selected(frame, ["c", "b", "a"]), n_replicates=1)


# What is wrong


@each_library
@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        ([1.0, 2.0, None, 4.0], ValueError, ["NaN", "column 1 ('b')", "row 2", "1 value"]),
        ([1.0, 2.0, float("inf"), 4.0], ValueError, ["infinity", "column 1 ('b')", "row 2"]),
        (["1", None, "x", "4"], ValueError, ["column 'b'", "'x'", "row 2"]),
        ([datetime.date(2020, 2, 20)] * 4, TypeError, ["column 'b'", "date", "row 0"]),
        ([datetime.datetime(2020, 2, 20)] * 4, TypeError, ["column 'b'", "date", "row 0"]),
        ([datetime.timedelta(1)] * 4, TypeError, ["column 'b'", "delta", "row 0"]),
        ([None, [1.0], [1.0], None], TypeError, ["column 'b'", "row 1"]),
    ],
    ids=["null", "infinity", "text", "date", "time", "duration", "list"],
)
def test_a_wrong_column_is_named(make, column, error, words):
    X = rows_of(4)
    good = make(X)
    bad = {"a": X[:, 0], "b": column, "c": X[:, 2]}
    frame = pa.table(bad) if isinstance(good, pa.Table) else type(good)(bad)
    model = GaussianMixture(1, random_state=0).fit(good)
    before = vars(model).copy()
    mixture = model.mixture_
    for call in (model.fit, model.predict, model.bic, model.partial_fit, mixture.log_density):
        message = message_of(lambda call=call: call(frame), error)
        for word in words:
            assert word in message
    assert vars(model) == before


@each_library
def test_weights_that_are_missing_or_text_are_named(make):
    frame = make(rows_of(4))
    kind = (
        pa.array
        if isinstance(frame, pa.Table)
        else nw.from_native(frame)["a"].to_native().__class__
    )
    model = GaussianMixture(1)
    for weight, words in (
        ([1.0, None, 1.0, 1.0], ["sample_weight", "finite", "row 1"]),
        (["1", "2", "x", "3"], ["sample_weight", "'x'"]),
    ):
        message = message_of(
            lambda weight=weight: model.fit(frame, sample_weight=kind(weight)), ValueError
        )
        for word in words:
            assert word in message


def test_a_lazy_frame_is_to_be_collected():
    lazy = pl.DataFrame(rows_of(), schema=NAMES).lazy()
    model = GaussianMixture(2, random_state=0).fit(rows_of())
    for call in (model.fit, model.predict, model.mixture_.labels):
        message = message_of(lambda call=call: call(lazy), TypeError)
        assert "polars.lazyframe" in message
        assert "collect" in message
    assert_array_equal(model.predict(lazy.collect().to_numpy()), model.predict(rows_of()))


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame(rows_of(), columns=["a", "a", "c"])
    message = message_of(lambda: GaussianMixture(2).fit(frame), ValueError)
    assert "'a' 2 times" in message


@each_library
def test_few_rows_are_refused_in_scikit_learns_words(make):
    frame = make(rows_of(1))
    with pytest.raises(ValueError, match=r"1 sample.* minimum of 2 is required by GaussianMixture"):
        GaussianMixture(1).fit(frame)
    with pytest.raises(ValueError, match="0 sample"):
        GaussianMixture(1).fit(make(rows_of())).predict(make(rows_of()[:0]))


def test_a_mixture_counts_the_columns():
    mixture = Mixture.from_parameters([1.0], [[0.0, 0.0]], [[1.0, 1.0]], covariance_type="diag")
    with pytest.raises(ValueError, match="3 features, but the mixture has 2"):
        mixture.labels(pl.DataFrame(rows_of(), schema=NAMES))
