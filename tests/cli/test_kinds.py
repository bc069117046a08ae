"""Noise, Student's t and known labels from a shell."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import mixtura
from mixtura.cli.app import app
from mixtura.datasets import load_faithful


@pytest.fixture
def table():
    X = load_faithful().data
    stray = np.random.default_rng(0).uniform([1, 20], [6, 120], (40, 2))
    frame = pd.DataFrame(np.concatenate([X, stray]).round(2), columns=["eruptions", "waiting"])
    frame["group"] = pd.array([None] * len(frame), dtype="Int64")
    frame.loc[:11, "group"] = (frame.eruptions[:12] > 3).astype(int)
    return frame


@pytest.fixture(params=["csv", "parquet"])
def file(request, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = f"table.{request.param}"
    table.to_csv(path, index=False) if request.param == "csv" else table.to_parquet(path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_fit_with_all_of_them_is_that_of_python(file, table):
    options = ["--noise", "--distribution", "t", "--df", "shared", "--label", "group"]
    result = run("fit", file, "-k", "2", *options, "-o", "out", "--json", "--format", "csv")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    labels = table["group"].fillna(-1).to_numpy(dtype=int)
    X = table[["eruptions", "waiting"]].to_numpy()
    ours = mixtura.GaussianMixture(
        2, noise=True, distribution="t", df="shared", random_state=0
    ).fit(X, labels=labels)
    assert told["n_parameters"] == ours.summary().n_parameters
    assert np.isclose(told["mean_log_likelihood"], ours.lower_bound_, rtol=1e-12)
    written = pd.read_csv("out/responsibilities.csv")
    names = ["responsibility_0", "responsibility_1", "responsibility_noise"]
    assert list(written.columns) == ["label", "certainty", "log_density", *names]
    assert np.allclose(written[names], ours.predict_proba(X), atol=1e-6)
    assert np.array_equal(written["label"], ours.predict(X))


def test_a_search_has_them_as_axes(file):
    options = ["--noise", "both", "--distribution", "both", "--columns", "eruptions,waiting"]
    result = run(
        *("select", file, "-k", "1:2", "--covariance", "VVV", *options, "-o", "out", "--json"),
        "--no-figure",
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["best"] == {
        "n_components": 2,
        "covariance_type": "VVV",
        "distribution": "gaussian",
        "noise": True,
    }
    results = pd.read_csv("out/results.csv")
    assert set(results["distribution"]) == {"gaussian", "t"}
    assert set(results["noise"]) == {True, False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-k", "1", "--label", "group"], "labels must be from 0 to 0"),
        (["-k", "2", "--label", "grup"], "has no column 'grup'. Did you mean 'group'?"),
        (["-k", "2", "--df", "-1"], "--df is '-1', but must be shared, or a number above 0"),
        (
            ["-k", "2", "--label", "group", "--weight", "group"],
            "--weight and --label are both group",
        ),
        (["-k", "2", "--label", "group", "--columns", "waiting,group"], "a label is no feature"),
        (["-k", "2", "--label", "waiting", "--columns", "eruptions"], "the label"),
        (["-k", "2", "--label", "waiting", "--by", "group"], "leave one of the two out"),
    ],
)
def test_mistakes_have_a_sentence(file, table, options, message):
    table["waiting"] += 0.5
    table.to_csv(file, index=False) if file.endswith("csv") else table.to_parquet(file)
    result = run("fit", file, *options, "-o", "out")
    assert result.exit_code != 0
    assert message in result.stderr.replace("\n", " ") or message in str(result.exception)
