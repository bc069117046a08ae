"""Fits of many tables: each is the single fit, whatever the tables come in."""

from __future__ import annotations

import pickle
import signal
import warnings
from importlib import import_module
from threading import Timer

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

import mixtura
from mixtura import FittedMixtures, GaussianMixture, GaussianMixtureSearch, fit_many
from mixtura.covariance import STRUCTURES
from mixtura.errors import DataWarning, ModelFileError
from mixtura.fitting.small_fits import SmallFits

MANY = import_module("mixtura.estimators.fit_many")


def stacked(n_tables=5, n_rows=60, n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    groups = 8 * rng.integers(0, 2, (n_tables, n_rows, 1))
    return rng.normal(size=(n_tables, n_rows, n_features)) + groups


def seed_of(i, n_tables, random_state=0):
    return int(np.random.SeedSequence(random_state).spawn(n_tables)[i].generate_state(1)[0])


def assert_same_fit(ours, theirs):
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.lower_bounds_ == theirs.lower_bounds_
    assert (ours.n_iter_, ours.converged_) == (theirs.n_iter_, theirs.converged_)
    assert ours.get_params() == theirs.get_params()


# The single fits


@pytest.mark.parametrize("covariance_type", sorted(STRUCTURES))
def test_each_is_the_single_fit(covariance_type):
    X = stacked()
    options = {"covariance_type": covariance_type, "n_init": 2, "sort_components": "mean"}
    many = fit_many(X, 2, random_state=0, n_jobs=1, **options)
    for i, rows in enumerate(X):
        single = GaussianMixture(2, random_state=seed_of(i, len(X)), n_jobs=1, **options).fit(rows)
        assert_same_fit(many[i], single)
        assert_array_equal(many.weights[i], single.weights_)
        assert_array_equal(many.means[i], single.means_)
        assert_array_equal(many.covariances[i], single.covariances_)
        assert many.log_likelihoods[i] == single.lower_bound_
        assert many.bic[i] == pytest.approx(single.bic(rows), rel=1e-12)
        assert many.verdicts[i] == "sound"
    assert many.converged.all()
    assert_array_equal(many.n_rows, 60)


@pytest.mark.parametrize("kind", ["numbers", "mask"])
def test_labels_are_those_of_each_table(kind):
    """Stacked, as a list in which one has none, and of one data frame."""
    X = stacked()
    known = np.where(np.arange(60) % 5 == 0, X[..., 0] > 4, -1).astype(int)
    if kind == "mask":
        known = (known[..., np.newaxis] < 0) | (known[..., np.newaxis] == [0, 1])
    singles = [
        GaussianMixture(2, random_state=seed_of(i, 5), n_jobs=1).fit(rows, labels=labels)
        for i, (rows, labels) in enumerate(zip(X, known, strict=True))
    ]
    for single in singles:
        assert single.means_[0, 0] < single.means_[1, 0]
    stacks = fit_many(X, 2, labels=known, random_state=0, n_jobs=1)
    listed = fit_many(list(X), 2, labels=[None, *known[1:]], random_state=0, n_jobs=1)
    order = np.random.default_rng(0).permutation(300)
    frame = pd.DataFrame(X.reshape(300, 2), columns=["a", "b"])
    frame["table"] = np.repeat(np.arange(5), 60)
    whole = known.reshape(300, *known.shape[2:])
    framed = fit_many(frame, 2, by="table", labels=whole, random_state=0, n_jobs=1)
    mixed = fit_many(
        frame.iloc[order], 2, by="table", labels=whole[order], random_state=0, n_jobs=1
    )
    for i, single in enumerate(singles):
        assert_same_fit(stacks[i], single)
        assert_array_equal(framed[i].means_, single.means_)
        np.testing.assert_allclose(mixed[i].means_, single.means_, rtol=1e-6)
        if i > 0:
            assert_same_fit(listed[i], single)
    plain = fit_many(X, 2, random_state=0, n_jobs=1)
    assert_array_equal(listed.means[0], plain.means[0])


@pytest.mark.filterwarnings("ignore::mixtura.DataWarning")
def test_labels_that_cannot_be_are_failures_of_their_tables():
    X = stacked()
    labels = np.zeros((5, 60), dtype=int)
    labels[2, 7] = 3
    many = fit_many(X, 2, labels=labels, random_state=0, n_jobs=1)
    assert [bool(why) for why in many.failures] == [False, False, True, False, False]
    assert "row 7 has 3: n_components is 2" in many.failures[2]
    with pytest.raises(ValueError, match="labels must have one array for each of the 5 tables"):
        fit_many(X, 2, labels=labels[:4])
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "g": [0, 0, 1]})
    with pytest.raises(ValueError, match=r"labels must have one value for each of the 3 rows"):
        fit_many(frame, 1, by="g", labels=[0, 0])
    with pytest.raises(ValueError, match="labels of a search are one number a row"):
        fit_many(X, [1, 2], labels=np.ones((5, 60, 2)))


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("sort_components", [None, "mean"])
def test_those_that_the_core_makes_at_once_are_the_single_fits(n_jobs, sort_components):
    X = stacked(40, seed=3)
    X[7, :, 1] = 2.5  # of which something has to be told
    X[9] = np.repeat(X[9, :4], 15, axis=0)
    options = {"sort_components": sort_components, "covariance_type": "diag"}
    many = fit_many(X, 2, random_state=0, n_jobs=n_jobs, **options)
    made = [callable(kept) for kept in many._models._kept]
    assert made == [i not in (7, 9) for i in range(40)]
    again = pickle.loads(pickle.dumps(many))
    for i, rows in enumerate(X):
        arguments = {**options, "random_state": seed_of(i, len(X)), "n_jobs": 1}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_python = GaussianMixture(2, callback=lambda *_: False, **arguments).fit(rows)
        assert many.verdicts[i] == again.verdicts[i]
        assert_same_fit(many[i], again[i])
        by_python.callback = None
        assert_same_fit(many[i], by_python)
        assert many[i].summary().to_dict() == by_python.summary().to_dict()


def test_ctrl_c_ends_those_that_the_core_makes():
    tables = [*stacked(20_000)]
    pressed = Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    fits = SmallFits.of(GaussianMixture(2).get_params(), STRUCTURES["full"], 2)
    # Whoever started the tests may have them ignore Ctrl-C, as a shell does behind &.
    before_the_test = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        pressed.start()
        with pytest.raises(KeyboardInterrupt):
            fits.fitted(tables, range(len(tables)), 2)
    finally:
        pressed.join()
        signal.signal(signal.SIGINT, before_the_test)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "VVE"])
def test_each_may_have_gaps(covariance_type):
    X = stacked()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    X[2, :, 1] = np.nan  # nothing can be learned of this table
    options = {"covariance_type": covariance_type, "missing": "mar"}
    with pytest.warns(DataWarning, match="1 of 5 fits failed"):
        many = fit_many(X, 2, random_state=0, n_jobs=1, **options)
    assert "Every value of column 1 is missing" in many.failures[2]
    for i in (0, 1, 3, 4):
        single = GaussianMixture(2, random_state=seed_of(i, len(X)), n_jobs=1, **options).fit(X[i])
        assert_same_fit(many[i], single)
        assert many.log_likelihoods[i] == single.lower_bound_
        assert many.bic[i] == pytest.approx(single.bic(X[i]), rel=1e-12)
        assert_array_equal(many[i].impute(X[i]), single.impute(X[i]))
    with pytest.raises(ValueError, match="missing='mar'"):
        fit_many(X, 2)


def test_processes_give_the_same_bits(monkeypatch):
    # float32, of which the core makes no whole fit
    X = stacked(12).astype(np.float32)
    here = fit_many(X, 2, random_state=1, n_jobs=1)
    monkeypatch.setattr(MANY, "_LOOKED_AT", 0.0)
    monkeypatch.setattr(MANY, "_WORTHWHILE", 0.0)
    told = []
    there = fit_many(X, 2, random_state=1, n_jobs=2, callback=lambda *at: told.append(at))
    assert told == [(i + 1, 12) for i in range(12)]
    for one, other in zip(here, there, strict=True):
        assert one.lower_bounds_ == other.lower_bounds_
    for name in ("weights", "means", "covariances", "log_likelihoods", "n_iter"):
        assert_array_equal(getattr(here, name), getattr(there, name))


def test_a_fit_does_not_depend_on_the_tables_beside_it():
    X = stacked(6)
    assert_array_equal(
        fit_many(X, 2, random_state=3).means[:2], fit_many(X[:2], 2, random_state=3).means
    )


def test_several_numbers_of_components_are_searched():
    X = stacked(3, n_rows=90)
    X[0] = X[0] % 1  # one group
    X[1, :, 0] *= 9
    many = fit_many(X, range(1, 4), covariance_type=["EII", "VVV"], random_state=0)
    for i, rows in enumerate(X):
        search = GaussianMixtureSearch(
            range(1, 4), ["EII", "VVV"], random_state=seed_of(i, len(X)), n_jobs=1
        ).fit(rows)
        assert many.n_components[i] == search.best_params_["n_components"]
        assert many.covariance_types[i] == search.best_params_["covariance_type"]
        assert_array_equal(many[i].means_, search.best_estimator_.means_)
    assert many.n_components.max() > many.n_components.min()
    K = many.n_components.max()
    assert many.means.shape == (3, K, 2)
    assert many.covariances.shape == (3, K, 2, 2)
    assert_array_equal(np.isnan(many.weights).sum(axis=1), K - many.n_components)


# What the tables come in


def frame_of(X):
    table = np.repeat(np.arange(len(X)), X.shape[1])
    frame = pd.DataFrame(
        {"a": X[..., 0].ravel(), "gene": [f"g{i}" for i in table], "b": X[..., 1].ravel()}
    )
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


FRAMES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_column_tells_the_tables_apart(kind):
    frame = frame_of(stacked(4))
    X = FRAMES[kind](frame)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(frame))
    many = fit_many(X, 2, by="gene", sample_weight=weight, random_state=0)
    assert list(many.keys) == ["g0", "g1", "g2", "g3"]
    labels, densities, scores = many.predict(X), many.score_samples(X), many.score(X)
    for i, key in enumerate(many.keys):
        mine = (frame["gene"] == key).to_numpy()
        rows = frame.loc[mine, ["a", "b"]]
        single = GaussianMixture(2, random_state=seed_of(i, 4), n_jobs=1)
        single.fit(rows, sample_weight=weight[mine])
        assert_same_fit(many.of(key), single)
        assert list(many.of(key).feature_names_in_) == ["a", "b"]
        assert_array_equal(labels[mine], single.predict(rows))
        assert_array_equal(densities[mine], single.score_samples(rows))
        assert scores[i] == single.score(rows)
    with pytest.raises(KeyError, match="no table has the key 'g9'"):
        many.of("g9")
    with pytest.raises(ValueError, match="X has rows of gene g9, which was not fitted"):
        many.predict(frame.assign(gene="g9"))


def test_lists_hold_tables_of_different_lengths():
    X = [
        stacked(1, n_rows)[0].astype(dtype)
        for n_rows, dtype in ((40, "f8"), (70, "f4"), (90, "f8"))
    ]
    weights = [None, np.ones(70), np.arange(90.0)]
    many = fit_many(X, 2, sample_weight=weights, random_state=0)
    assert_array_equal(many.n_rows, [40, 70, 90])
    assert many[1].means_.dtype == np.float32
    assert [len(labels) for labels in many.predict(X)] == [40, 70, 90]
    assert_array_equal(
        many[2].means_,
        GaussianMixture(2, random_state=seed_of(2, 3)).fit(X[2], sample_weight=weights[2]).means_,
    )
    mixed = fit_many([X[0], X[0][:, :1]], 2, random_state=0)
    with pytest.raises(ValueError, match="differ in their number of features"):
        mixed.means  # noqa: B018


def test_a_stack_of_weights():
    X = stacked(3)
    weight = np.random.default_rng(1).integers(1, 4, X.shape[:2])
    many = fit_many(X, 2, sample_weight=weight, random_state=0)
    single = GaussianMixture(2, random_state=seed_of(1, 3)).fit(X[1], sample_weight=weight[1])
    assert_array_equal(many[1].means_, single.means_)


# Failures


def spoilt():
    X = stacked(4)
    X[1, 3, 0] = np.nan
    return X


def test_a_fit_that_fails_stops_nothing(tmp_path):
    X = spoilt()
    with pytest.warns(
        DataWarning, match="^1 of 4 fits failed; the first, of table 1: Input X contains NaN"
    ):
        many = fit_many(X, 2, random_state=0)
    assert [bool(why) for why in many.failures] == [False, True, False, False]
    assert "contains NaN" in many.failures[1]
    with pytest.raises(ValueError, match=r"^The fit of table 1 failed: Input X contains NaN"):
        many[1]
    assert np.isnan(many.means[1]).all()
    assert not np.isnan(many.means[[0, 2, 3]]).any()
    assert (many.n_components[1], many.converged[1], many.verdicts[1]) == (0, False, "")
    X[1, 3, 0] = 0
    assert (many.predict(X)[1] == -1).all()
    assert np.isnan(many.score(X)[1])
    assert_array_equal(many.predict(X)[2], many[2].predict(X[2]))
    assert many[1:].failures == many.failures[1:]
    assert repr(many[1:]) == "<FittedMixtures: 3 tables, 1 failed>"
    many.save(tmp_path / "many")
    again = FittedMixtures.load(tmp_path / "many")
    assert again.failures == many.failures
    frame = many.to_frame()
    assert_array_equal(frame["component"], [0, 1, -1, 0, 1, 0, 1])
    assert "contains NaN" in frame["failure"][2]


def test_where_all_fail_the_first_reason_is_the_error():
    with pytest.raises(ValueError, match=r"^Every fit failed\. Of table 0: .* NaN"):
        fit_many(np.full((3, 9, 2), np.nan), 2)


def test_the_callback_ends_the_call():
    with pytest.warns(DataWarning, match="3 of 5 fits failed"):
        many = fit_many(stacked(5), 2, random_state=0, callback=lambda n_done, _: n_done == 2)
    assert many.failures == ("", "", *3 * ("not begun: stopped by the callback",))


def test_single_warnings_are_not_said():
    X = np.round(stacked(3), 0)
    X[..., 1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        many = fit_many(X, 2, random_state=0)
    assert len(many) == 3


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        (stacked()[0], {}, ValueError, "is an array of 2 dimensions: give one of shape"),
        ([], {}, ValueError, "X holds no table"),
        (stacked(), {"by": "gene"}, ValueError, "by='gene' names a column of a data frame"),
        (stacked(), {"colour": 1}, TypeError, "fit_many has no option colour="),
        (stacked(), {"checkpoint": "x"}, TypeError, "checkpoint= is of one fit"),
        (
            stacked(),
            {"sample_weight": np.ones((2, 60))},
            ValueError,
            "for each of the 5 tables, but has 2",
        ),
        (stacked(), {"tol": -1.0}, ValueError, "Every fit failed. Of table 0: The 'tol' parameter"),
        (
            frame_of(stacked()),
            {},
            ValueError,
            "name the column that tells its tables apart with by=",
        ),
        (
            frame_of(stacked()),
            {"by": "x"},
            ValueError,
            "by='x' is no column of X: it has 'a', 'gene', 'b'",
        ),
        (
            frame_of(stacked()),
            {"by": "gene", "sample_weight": [1]},
            ValueError,
            "each of the 300 rows",
        ),
        (
            frame_of(stacked()).assign(gene=None),
            {"by": "gene"},
            ValueError,
            "is missing in 300 rows",
        ),
        (
            pl.DataFrame({"a": [1.0], "k": [np.nan]}),
            {"by": "k"},
            ValueError,
            "is missing in 1 rows",
        ),
    ],
)
def test_what_is_wrong_is_said(X, options, error, message):
    with pytest.raises(error, match=message.replace("(", r"\(").replace("[", r"\[")):
        fit_many(X, 2, **options)


# The result


def test_a_result_is_a_sequence_and_a_frame():
    X = stacked(4)
    many = fit_many(X, 2, random_state=0)
    assert len(many) == 4
    assert repr(many) == "<FittedMixtures: 4 tables>"
    assert_array_equal([model.lower_bound_ for model in many], many.log_likelihoods)
    assert_array_equal(many[1:3].means, many.means[1:3])
    assert_array_equal(many[-1].means_, many.means[3])
    with pytest.raises(IndexError):
        many[4]
    for backend in ("pandas", "polars", "pyarrow"):
        frame = many.to_frame(backend)
        assert frame.shape == (8, 12)
    frame = many.to_frame()
    assert_array_equal(frame[["mean_0", "mean_1"]], many.means.reshape(8, 2))
    assert_array_equal(frame["table"], np.repeat(np.arange(4), 2))
    with pytest.raises(ValueError, match="X has 3 tables, but 4 were fitted"):
        many.predict(X[:3])


@pytest.mark.parametrize("by", [None, "gene", "number", "day"])
def test_a_file_gives_back_what_was_fitted(by, tmp_path):
    frame = frame_of(stacked(3))
    frame["number"] = frame.pop("gene").str[1:].astype(int)
    if by == "gene":
        frame["gene"] = frame.pop("number").map(lambda i: f"gén {i}")
    if by == "day":
        frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("number"), unit="D")
    many = fit_many(stacked(3) if by is None else frame, 2, by=by, random_state=0)
    many.save(tmp_path / "many")
    again = FittedMixtures.load(tmp_path / "many")
    assert again.by == by
    keys = [str(key) for key in many.keys] if by == "day" else many.keys.tolist()
    assert again.keys.tolist() == keys
    for one, other in zip(many, again, strict=True):
        assert_same_fit(one, other)
    assert_array_equal(again.means, many.means)


def test_files_are_not_confused(tmp_path):
    many = fit_many(stacked(2), 2, random_state=0)
    many.save(tmp_path / "many")
    many[0].save(tmp_path / "one")
    with pytest.raises(
        ModelFileError, match=r"it holds many models, of fit_many: FittedMixtures\.load"
    ):
        mixtura.load(tmp_path / "many")
    with pytest.raises(ModelFileError, match=r"not hold the fits of many tables: mixtura\.load"):
        FittedMixtures.load(tmp_path / "one")
    with pytest.raises(FileNotFoundError):
        FittedMixtures.load(tmp_path / "none")
