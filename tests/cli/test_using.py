"""The commands that classify, predict columns and find outliers: the same as in Python."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from commands import call, fails, succeeds
from mixtura import (
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
)
from mixtura.datasets import load_faithful

COLUMNS = ["length", "width", "petal", "breadth"]


@pytest.fixture
def home(tmp_path):
    iris = load_iris()
    frame = pd.DataFrame(iris.data, columns=COLUMNS)
    frame["species"] = iris.target_names[iris.target]
    frame.to_csv(tmp_path / "iris.csv", index=False)
    frame.to_parquet(tmp_path / "iris.parquet", index=False)
    frame["species"] = frame["species"].where(np.arange(150) % 2 == 0)
    frame.to_csv(tmp_path / "half.csv", index=False)
    geyser = load_faithful()
    pd.DataFrame(geyser.data, columns=["eruption", "waiting"]).to_csv(
        tmp_path / "geyser.csv", index=False
    )
    return tmp_path


@pytest.mark.parametrize("file", ["iris.csv", "iris.parquet"])
def test_classify(home, file):
    arguments = (
        "--class",
        "species",
        "--covariance",
        "VEV,VVV",
        "--keep",
        "species",
        "-o",
        "out.csv",
    )
    found = json.loads(succeeds("classify", file, *arguments, "--json", cwd=home))
    frame = pd.read_csv(home / "iris.csv")
    model = GaussianMixtureClassifier(covariance_type=["VEV", "VVV"]).fit(
        frame[COLUMNS], frame.species
    )
    assert found["covariance_types"] == ["VEV"] * 3
    assert round(found["log_likelihood"], 4) == -194.0475
    table = pd.read_csv(home / "out.csv")
    assert list(table.columns[:3]) == ["species", "class", "certainty"]
    assert list(table["class"]) == list(model.predict(frame[COLUMNS]))
    assert_allclose(
        table.filter(like="probability_"), model.predict_proba(frame[COLUMNS]), atol=1e-9
    )


def test_rows_without_a_class(home):
    sentence = fails("classify", "half.csv", "--class", "species", cwd=home)
    assert sentence == "column 'species' is empty in data row 2; --unlabeled lets EM use such rows"
    found = json.loads(
        succeeds("classify", "half.csv", "--class", "species", "--unlabeled", "--json", cwd=home)
    )
    assert found["n_rows"] == 150
    assert found["classes"] == ["setosa", "versicolor", "virginica"]


def test_regress(home):
    arguments = ("--target", "waiting", "-k", "2", "--quantiles", "0.1,0.9", "-o", "out.parquet")
    text = succeeds("regress", "geyser.csv", *arguments, "--model", "model.safetensors", cwd=home)
    assert "eruption" in text
    assert "R2 on these rows: 0.83" in text
    X, y = load_faithful().data.T
    model = GaussianMixtureRegressor(2, random_state=0).fit(X[:, None], y)
    table = pd.read_parquet(home / "out.parquet")
    mean, std = model.predict(X[:, None], return_std=True)
    assert_allclose(table["waiting"], mean)
    assert_allclose(table["waiting_std"], std)
    assert_allclose(
        table[["waiting_q0.1", "waiting_q0.9"]], model.quantiles(X[:, None], [0.1, 0.9])
    )
    again = GaussianMixtureRegressor.load(home / "model.safetensors")
    assert_allclose(again.predict(pd.DataFrame({"eruption": X})), mean)


def test_outliers_of_new_rows(home):
    pd.DataFrame({"eruption": [2.0, 9.0], "waiting": [54.0, 20.0]}).to_csv(
        home / "new.csv", index=False
    )
    arguments = (
        "-k",
        "2",
        "--contamination",
        "0.05",
        "--new",
        "new.csv",
        "-o",
        "out.csv",
        "--json",
    )
    found = json.loads(succeeds("outliers", "geyser.csv", *arguments, cwd=home))
    assert found["n_outliers"] == 14
    detector = GaussianMixtureOutlierDetector(2, contamination=0.05, random_state=0)
    detector.fit(load_faithful().data)
    table = pd.read_csv(home / "out.csv")
    assert list(table["outlier"]) == [False, True]
    assert_allclose(table["score"], detector.decision_function([[2.0, 54.0], [9.0, 20.0]]))
    assert_allclose(found["offset"], detector.offset_)


@pytest.mark.parametrize(
    "arguments",
    [
        ("classify", "--class", "species", "--covariance", "VEV"),
        ("regress", "--target", "petal,breadth"),
        ("outliers", "--columns", ",".join(COLUMNS), "--contamination", "0.1"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_weights_are_repetitions(home, arguments, ending):
    frame = pd.read_csv(home / "iris.csv")
    weight = np.random.default_rng(0).integers(0, 4, 150)
    if arguments[0] == "regress":
        frame = frame[COLUMNS]
    frame.assign(count=weight).to_csv(home / "weighted.csv", index=False)
    frame.loc[np.arange(150).repeat(weight)].to_csv(home / "repeated.csv", index=False)
    for name in ("weighted", "repeated"):
        pd.read_csv(home / f"{name}.csv").to_parquet(home / f"{name}.parquet", index=False)
    command, *options = arguments
    new = ("--new", f"repeated.{ending}", "-o", "out.csv", "--json")
    found = []
    for file, weights in (("weighted", ("--weight", "count")), ("repeated", ())):
        given = (command, f"{file}.{ending}", *options, *weights, *new)
        facts = json.loads(succeeds(*given, cwd=home))
        found.append((facts, pd.read_csv(home / "out.csv")))
    (ours, table), (theirs, same) = found
    assert list(table.columns) == list(same.columns)
    numbers = list(table.select_dtypes("number").columns)
    assert_allclose(table[numbers], same[numbers], rtol=1e-4, atol=1e-5)
    assert_allclose(ours["log_likelihood"], theirs["log_likelihood"], rtol=1e-6)


def test_weights_of_files_that_are_read_in_parts(home):
    frame = pd.read_csv(home / "geyser.csv").assign(count=1.0)
    frame[:100].to_parquet(home / "a.parquet", index=False)
    frame[100:].to_parquet(home / "b.parquet", index=False)
    options = ("--target", "waiting", "-k", "2", "--json")
    parts = succeeds("regress", "a.parquet", "b.parquet", "--weight", "count", *options, cwd=home)
    whole = succeeds("regress", "geyser.csv", *options, cwd=home)
    assert json.loads(parts)["log_likelihood"] == pytest.approx(json.loads(whole)["log_likelihood"])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("outliers", "geyser.csv", "--weight", "count"), 1, "no column 'count'"),
        (
            ("regress", "geyser.csv", "--target", "waiting", "--weight", "waiting"),
            2,
            "--weight and --target are both waiting",
        ),
        (
            ("classify", "iris.csv", "--class", "species", "--weight", "species"),
            2,
            "--weight and --class are both species",
        ),
        (("classify", "iris.csv", "--class", "specie"), 1, "no column 'specie'"),
        (("classify", "iris.csv", "--class", "species", "-k", "60"), 1, "has too few rows, 50"),
        (
            ("classify", "iris.csv", "--class", "species", "--covariance", "XYZ"),
            2,
            "unknown covariance",
        ),
        (
            ("classify", "iris.csv", "--class", "species", "--new", "iris.csv"),
            2,
            "--new gives rows",
        ),
        (
            ("regress", "geyser.csv", "--target", "wait"),
            1,
            "no column 'wait'. Did you mean 'waiting'?",
        ),
        (
            ("regress", "geyser.csv", "--target", "waiting,eruption"),
            2,
            "none is left to predict from",
        ),
        (
            ("regress", "geyser.csv", "--target", "waiting", "--quantiles", "2"),
            2,
            "levels between 0 and 1",
        ),
        (("outliers", "geyser.csv", "--contamination", "0.7"), 1, "contamination must be"),
        (("outliers", "geyser.csv", "--keep", "waiting"), 2, "--keep copies columns"),
        (("outliers", "geyser.csv", "-o", "a.csv", "--model", "a.csv"), 2, "name one file"),
    ],
)
def test_what_is_wrong_is_one_sentence(home, arguments, code, sentence):
    assert sentence in fails(*arguments, cwd=home, code=code)


def test_names_that_are_advised_can_be_pasted(home):
    frame = pd.read_csv(home / "iris.csv").rename(columns={"length": "length, cm"})
    frame.to_csv(home / "odd.csv", index=False)
    sentence = fails("outliers", "odd.csv", cwd=home)
    advised = shlex.split(sentence[sentence.index("--columns") :])
    found = succeeds("outliers", "odd.csv", *advised, "--json", cwd=home)
    assert json.loads(found)["feature_names"] == ["length, cm", *COLUMNS[1:]]


@pytest.mark.parametrize("command", ["classify", "regress", "outliers"])
def test_help_has_an_example_that_runs(home, command):
    text = call(command, "--help", cwd=home).stdout
    example = " ".join(text.partition("Example: mixtura ")[2].split())
    done = call(*example.split(), cwd=home)
    assert done.returncode == 0, done.stderr
