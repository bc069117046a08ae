"""`mixtura impute`: the tables of Python, from files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

import mixtura
from mixtura.cli.app import app
from mixtura.datasets import load_faithful

NAMES = ["eruption", "waiting"]


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(params=["csv", "parquet", "folder"])
def fitted(request, tmp_path, monkeypatch):
    """Rows with gaps and weights in files of a kind, and a model that the shell fitted to them."""
    monkeypatch.chdir(tmp_path)
    X = load_faithful().data
    lacks = np.random.default_rng(0).choice([-1, 0, 1], size=len(X), p=[0.6, 0.2, 0.2])
    X[lacks == 0, 0], X[lacks == 1, 1] = np.nan, np.nan
    frame = pd.DataFrame(X, columns=NAMES)
    frame["w"] = np.arange(len(X)) % 3 + 1.0
    frame["id"] = [f"row {i}" for i in range(len(X))]
    path = "table.csv" if request.param == "csv" else "table.parquet"
    if request.param == "csv":
        frame.to_csv(path, index=False)
    elif request.param == "parquet":
        frame.to_parquet(path)
    else:
        path = "table"
        (tmp_path / path).mkdir()
        for part, rows in enumerate((slice(0, 100), slice(100, None))):
            frame.iloc[rows].to_parquet(f"table/{part}.parquet")
    asked = ["--columns", ",".join(NAMES), "--weight", "w", "--missing", "mar", "-k", "2"]
    done = run("fit", path, *asked, "--no-figure", "-o", "out")
    assert done.exit_code == 0, done.output
    return path, frame, mixtura.load("out/model.safetensors")


def test_draws_of_bootstrapped_parameters_are_those_of_python(fitted):
    path, frame, model = fitted
    options = ["--draws", "3", "--parameters", "bootstrap", "--weight", "w", "--keep", "id"]
    done = run("impute", "out/model.safetensors", path, *options, "--seed", "5", "-o", "m.parquet")
    assert done.exit_code == 0, done.output
    found = pd.read_parquet("m.parquet")
    expected = model.impute(
        frame[NAMES],
        n_draws=3,
        parameters="bootstrap",
        sample_weight=frame.w,
        random_state=np.random.default_rng(5),
    )
    assert_array_equal(found.draw, np.repeat([0, 1, 2], len(frame)))
    assert_array_equal(found[NAMES].to_numpy().reshape(expected.shape), expected)
    assert_array_equal(found.id, np.tile(frame.id, 3))
    fixed = run("impute", "out/model.safetensors", path, "--draws", "3", "-o", "fixed.parquet")
    assert fixed.exit_code == 0, fixed.output
    assert not np.array_equal(pd.read_parquet("fixed.parquet")[NAMES], found[NAMES])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--parameters", "bootstrap"], "is of draws; say how many with --draws"),
        (["--draws", "2", "--weight", "w"], "--weight is for --parameters bootstrap"),
        (["--draws", "2", "--parameters", "bootstrap"], "X is not them: give those with"),
        (["--draws", "2", "--parameters", "posterior"], "posterior"),
    ],
)
def test_what_does_not_go_together_is_said_and_nothing_is_written(
    fitted, tmp_path, options, sentence
):
    path, _, _ = fitted
    done = run("impute", "out/model.safetensors", path, *options, "-o", "m.csv")
    assert done.exit_code != 0
    assert sentence in " ".join(done.output.split()).replace("│ ", "")
    assert not (tmp_path / "m.csv").exists()
