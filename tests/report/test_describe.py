"""What a table holds, before it is fitted: known faults are found with their column and value."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import mixtura
from commands import call, fails
from mixtura import GaussianMixture, describe
from mixtura.datasets import load_faithful
from mixtura.errors import DataWarning

N = 400


@pytest.fixture
def clean():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        rng.normal(size=(N, 3)) + 6 * rng.integers(0, 2, (N, 1)), columns=list("abc")
    )


def column_of(description, name):
    (found,) = (column for column in description.columns if column.name == name)
    return found


def assert_same_facts(theirs, ours):
    """Equal but for the last digits of means, which parts sum in another order."""
    if isinstance(ours, dict):
        assert theirs.keys() == ours.keys()
        for name in ours:
            assert_same_facts(theirs[name], ours[name])
    elif isinstance(ours, list | tuple):
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            assert_same_facts(one, other)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-14)
    else:
        assert theirs == ours


def with_column(frame, values):
    return frame.assign(z=values)


def in_z(values):
    return lambda frame, rng: with_column(frame, values(rng))


def sprinkled(values, value, rng, share=0.05):
    values = np.array(values, dtype=float)
    values[rng.choice(N, int(share * N), replace=False)] = value
    return values


#: A fault of the column z; the kind that it then is of; what is said of it.
FAULTS = {
    "9999 for none": (
        in_z(lambda rng: sprinkled(rng.normal(170, 9, N), 9999, rng)),
        "continuous",
        "Column 3 ('z') holds 9999 in 20 rows",
    ),
    "-999 for none": (
        in_z(lambda rng: sprinkled(rng.integers(18, 80, N), -999, rng)),
        "recorded in steps of 1",
        "Column 3 ('z') holds -999 in 20 rows",
    ),
    "99 for none": (
        in_z(lambda rng: sprinkled(rng.integers(18, 80, N), 99, rng)),
        "recorded in steps of 1",
        "Column 3 ('z') holds 99 in 20 rows",
    ),
    "-1 for none": (
        in_z(lambda rng: sprinkled(rng.poisson(20, N), -1, rng)),
        "recorded in steps of 1",
        "Column 3 ('z') holds -1 in 20 rows",
    ),
    "many zeros": (
        in_z(lambda rng: sprinkled(rng.gamma(4, 2, N), 0, rng, 0.4)),
        "continuous",
        "Column 3 ('z') is 0 in 40% of the rows: a component there is a point mass",
    ),
    "two values": (
        in_z(lambda rng: rng.integers(0, 2, N)),
        "two values",
        "Column 3 ('z') has 2 values only (0, 1)",
    ),
    "few values": (
        in_z(lambda rng: rng.integers(1, 6, N)),
        "few values",
        "Column 3 ('z') has 5 values only (1, 2, 3, 4, 5)",
    ),
    "coarse steps": (
        in_z(lambda rng: np.round(2 * rng.normal(size=N)) / 2),
        "recorded in steps of 0.5",
        "Column 3 ('z') is recorded in steps of 0.5, where its spread is",
    ),
    "numbers of the rows": (
        in_z(lambda _: np.arange(1, N + 1)),
        "continuous",
        "Column 3 ('z') numbers the rows",
    ),
    "a far value": (
        in_z(lambda rng: np.r_[1e6, rng.normal(size=N - 1)]),
        "continuous",
        "Column 3 ('z') has 1 value more than 30 times as far from the median as half of the others, such "
        "as 1e+06",
    ),
    "missing cells": (
        in_z(lambda rng: sprinkled(rng.normal(size=N), np.nan, rng)),
        "continuous",
        "Cells are missing, 20 in column 3 ('z'): 20 of 400 rows have gaps",
    ),
    "infinity": (
        in_z(lambda rng: sprinkled(rng.normal(size=N), np.inf, rng)),
        "continuous",
        "Cells are infinite, 20 in column 3 ('z')",
    ),
    "a small scale": (
        in_z(lambda rng: 1e-7 * rng.normal(size=N)),
        "continuous",
        "in column 3 ('z') to",
    ),
    "a constant": (in_z(lambda _: np.full(N, 7.5)), "constant", "Column 3 ('z') is constant (7.5)"),
    "a copy": (
        lambda frame, _: with_column(frame, frame["a"]),
        "continuous",
        "Columns 0 ('a') and 3 ('z') are equal",
    ),
    "a sum": (
        lambda frame, _: with_column(frame, frame["a"] - 2 * frame["b"]),
        "continuous",
        "Columns 0 ('a'), 1 ('b'), 3 ('z') are linearly dependent",
    ),
    "text": (in_z(lambda _: np.full(N, "red")), "no numbers", "Column 'z' holds 'red', no number"),
    "nothing": (
        in_z(lambda _: np.full(N, np.nan)),
        "missing",
        "Column 'z' is missing in every row",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_with_its_column_and_value(fault, clean):
    make, kind, words = FAULTS[fault]
    description = describe(make(clean, np.random.default_rng(1)))
    assert column_of(description, "z").kind == kind
    said = [*description.findings, *description.notes]
    assert any(words in sentence for sentence in said), said
    # No other column is blamed.
    assert len(said) == 1
    assert all(column_of(description, name).kind == "continuous" for name in "abc")
    assert words in str(description)


def test_clean_data_bring_no_word(clean):
    for X in (clean, clean.to_numpy(), clean.astype(np.float32), 1e3 * clean + 1e5):
        description = describe(X)
        assert (description.findings, description.notes) == ((), ())
        assert "Nothing was found" in str(description)
    assert describe(clean.astype(np.float32)).dtype == "float32"
    counts = describe(np.random.default_rng(0).poisson(30, (N, 2)))
    assert [column.kind for column in counts.columns] == ["recorded in steps of 1"] * 2
    assert counts.notes == ()
    small = describe(np.random.default_rng(0).poisson(5, (N, 1)))
    assert small.columns[0].kind == "counts"


def test_values_at_an_end_that_few_rows_have_stand_for_themselves():
    rng = np.random.default_rng(0)
    ages = np.r_[rng.integers(18, 90, N - 2), 99, 99]
    residuals = np.r_[rng.poisson(20, N - 1), -1]
    described = describe(np.column_stack([ages, residuals]))
    assert [column.sentinels for column in described.columns] == [(), ()]


def test_rows_that_are_copies(clean):
    description = describe(pd.concat([clean, clean[:30]]))
    assert (description.n_distinct, description.n_looked_at) == (N, N + 30)
    assert description.notes == (
        "30 rows of 430 repeat others in every column: where they are copies by mistake, leave them out.",
    )


def test_one_hot_columns_depend_on_each_other(clean):
    hot = pd.get_dummies(pd.Series(np.random.default_rng(0).choice(list("xyz"), N)))
    description = describe(pd.concat([clean, hot], axis=1))
    assert [column.kind for column in description.columns[3:]] == ["two values"] * 3
    assert (
        "columns 3 ('x'), 4 ('y'), 5 ('z') are linearly dependent"
        in description.findings[0].lower()
    )


def test_more_parameters_than_rows():
    (note,) = describe(np.random.default_rng(0).normal(size=(30, 9))).notes
    assert note.startswith("One component with full covariances has 54 free parameters for 30 rows")


@pytest.mark.parametrize("fault", ["a constant", "a copy", "a sum"])
def test_the_findings_are_those_that_a_fit_warns_of(fault, clean):
    frame = FAULTS[fault][0](clean, np.random.default_rng(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GaussianMixture(1).fit(frame)
    warned = [str(one.message) for one in caught if one.category is DataWarning]
    assert list(describe(frame).findings) == warned
    assert len(warned) == 1


def test_what_is_added_and_how_values_were_recorded_are_a_fits(clean):
    frame = clean.round(1)
    description = describe(frame)
    assert [column.step for column in description.columns] == [0.1, 0.1, 0.1]
    model = GaussianMixture(1).fit(frame)
    added = model.covariances_[0] - np.cov(frame.T, bias=True)
    reg_covar = [column.reg_covar for column in description.columns]
    np.testing.assert_allclose(np.diag(added), reg_covar, rtol=0.01)
    assert description.n_parameters["full"] == model.summary().n_parameters


def test_whatever_holds_the_rows_is_described_alike(clean, tmp_path):
    frame = clean.copy()
    frame.loc[::50, "b"] = np.nan
    ours = describe(frame).to_dict()
    assert describe(pl.from_pandas(frame)).to_dict() == ours
    assert describe(pa.Table.from_pandas(frame)).to_dict() == ours
    frame.to_parquet(tmp_path / "x.parquet")
    for max_memory in (None, 0):
        source = mixtura.scan(tmp_path / "x.parquet", max_memory=max_memory)
        assert_same_facts(describe(source).to_dict(), ours)
    weight = np.ones(N)
    weight[7] = 0
    frame.loc[7, "a"] = 1e9
    assert describe(frame).notes != describe(clean).notes
    nameless = describe(clean.to_numpy())
    assert [column.name for column in nameless.columns] == ["0", "1", "2"]
    assert nameless.to_frame()["name"].tolist() == ["0", "1", "2"]


def test_tables_without_rows_that_can_be_fitted():
    X = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, np.nan]])
    description = describe(X)
    assert description.n_complete == 0
    assert "Fewer than two rows hold a number in every column" in description.notes[-1]
    assert "1 in column 0, 2 in column 1" in description.notes[0]
    with pytest.raises(ValueError, match="no column of numbers"):
        describe(pd.DataFrame({"a": ["x", "y"]}))
    with pytest.raises(ValueError, match="Expected 2D array"):
        describe(np.arange(5.0))


def test_numbers_that_no_fit_could_square():
    X = np.random.default_rng(0).normal(size=(50, 2)) * [1, 1e200]
    assert any("column 1" in note and "divide it by" in note for note in describe(X).notes)


# The command


def test_doctor_prints_the_page(clean, tmp_path):
    frame = FAULTS["9999 for none"][0](clean, np.random.default_rng(1))
    frame.to_csv(tmp_path / "x.csv")
    done = call("doctor", "x.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "mixtura: note: the first column of x.csv has no name and is taken for the rows' names\n"
    )
    assert "- Column 'z' holds 9999 in 20 rows, far from the others" in done.stdout
    assert "to be fitted    400 rows x 4 features, in float64" in done.stdout
    told = json.loads(call("doctor", "x.csv", "--json", "-q", cwd=tmp_path).stdout)
    assert told == json.loads(json.dumps(describe(frame).to_dict()))


def test_doctor_of_one_column_of_several_files(clean, tmp_path):
    for name in ("x.parquet", "y.parquet"):
        clean.assign(t="text").to_parquet(tmp_path / name)
    out = call("doctor", "x.parquet", "y.parquet", "--columns", "a", "--json", cwd=tmp_path).stdout
    told = json.loads(out)
    assert (told["n_rows"], [column["name"] for column in told["columns"]]) == (2 * N, ["a"])
    whole = json.loads(call("doctor", "x.parquet", "--json", cwd=tmp_path).stdout)
    assert whole["columns"][-1]["kind"] == "no numbers"
    np.save(tmp_path / "x.npy", clean.to_numpy())
    assert "400 rows x 3 features" in call("doctor", "x.npy", cwd=tmp_path).stdout


def test_doctor_refuses_what_it_cannot_read(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\nx,y\n")
    assert "no column of numbers" in fails("doctor", "x.csv", cwd=tmp_path)
    assert fails("doctor", "y.csv", cwd=tmp_path).startswith("there is no file y.csv.")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert "has no column 'c'" in fails("doctor", "x.csv", "--columns", "c", cwd=tmp_path)


def test_the_geyser():
    faithful = load_faithful()
    description = describe(pd.DataFrame(faithful.data, columns=faithful.feature_names))
    assert description.findings == ()
    assert column_of(description, "waiting").kind == "recorded in steps of 1"
    assert column_of(description, "waiting").most_frequent == 78


def test_of_a_column_with_one_word_the_word_is_named():
    frame = pd.DataFrame({"a": ["0.5", "1.5", ".", "2"], "b": [1.0, 2.0, 3.0, 4.0]})
    assert "Column 'a' holds '.', no number: leave it out, or make it one." in describe(frame).notes
