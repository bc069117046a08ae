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


KNOWN = {
    "--prior default": {"prior": "default"},
    "--equal-weights": {"equal_weights": True},
    "--min-weight 0.45": {"min_weight": 0.45},
    "--max-eigenvalue-ratio 5": {"max_eigenvalue_ratio": 5.0},
}


@pytest.mark.parametrize("option", KNOWN)
def test_a_prior_and_bounds_are_those_of_python(file, table, option):
    X = table[["eruptions", "waiting"]].to_numpy()
    own = ["--columns", "eruptions,waiting", *option.split(), "--no-figure", "--json"]
    result = run("fit", file, "-k", "2", *own, "-o", "out", "--no-responsibilities")
    assert result.exit_code == 0, result.stderr
    ours = mixtura.GaussianMixture(2, random_state=0, **KNOWN[option]).fit(X)
    assert np.isclose(json.loads(result.stdout)["bic"], ours.bic(X), rtol=1e-10)
    assert not np.isclose(
        ours.lower_bound_, mixtura.GaussianMixture(2, random_state=0).fit(X).lower_bound_
    )
    result = run("select", file, "-k", "1:2", "--covariance", "VVV,EEE", *own, "-o", "found")
    assert result.exit_code == 0, result.stderr
    search = mixtura.GaussianMixtureSearch([1, 2], ["VVV", "EEE"], random_state=0, **KNOWN[option])
    assert np.allclose(pd.read_csv("found/results.csv")["bic"], search.fit(X).results_["bic"])


def test_a_prior_that_is_none_of_the_known_is_refused(file):
    result = run("fit", file, "-k", "2", "--prior", "defualt")  # codespell:ignore
    assert result.exit_code == 2
    assert "--prior is 'defualt'" in result.stderr
    assert "default" in result.stderr


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
        (["-k", "2", "--label", "groups"], "has no column 'groups'. Did you mean 'group'?"),
        (["-k", "2", "--df", "-1"], "--df is '-1', but must be shared, or a number above 0"),
        (
            ["-k", "2", "--label", "group", "--weight", "group"],
            "--weight and --label are both group",
        ),
        (["-k", "2", "--label", "group", "--columns", "waiting,group"], "a label is no feature"),
        (["-k", "2", "--label", "waiting", "--columns", "eruptions"], "the label"),
        (["-k", "2", "--label", "waiting", "--by", "waiting"], "--by waiting is --label, too"),
        (["-k", "2", "--labels", "group,groups"], "has no column 'groups'. Did you mean 'group'?"),
        (["-k", "2", "--labels", "group,group"], "--label names 'group' twice"),
    ],
)
def test_mistakes_have_a_sentence(file, table, options, message):
    table["waiting"] += 0.5
    table.to_csv(file, index=False) if file.endswith("csv") else table.to_parquet(file)
    result = run("fit", file, *options, "-o", "out")
    assert result.exit_code != 0
    assert message in result.stderr.replace("\n", " ") or message in str(result.exception)


@pytest.mark.parametrize("label", ["3000000000", "1e300", "0.5", "-2"])
def test_a_label_that_is_no_number_of_a_component_is_named_as_it_stands(label, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"a,b,g\n1,2,0\n3,4,{label}\n5,1,\n")
    result = run("fit", str(path), "-k", "2", "--label", "g", "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "line 3" in result.stderr
    assert f"holds the label {float(label):g}" in result.stderr


def test_several_columns_of_labels_are_confidences(file, table):
    """By either name of the option, of a file that is read whole or a part at a time, and of a group."""
    table["in_0"], table["in_1"] = 1.0, np.where(np.arange(len(table)) % 2, 0.2, 1.0)
    table["day"] = "monday"
    table = table.drop(columns="group")
    table.to_csv(file, index=False) if file.endswith("csv") else table.to_parquet(file)
    X = table[["eruptions", "waiting"]].to_numpy()
    ours = mixtura.GaussianMixture(2, random_state=0).fit(X, labels=table[["in_0", "in_1"]])
    free = mixtura.GaussianMixture(2, random_state=0).fit(X)
    assert abs(ours.lower_bound_ - free.lower_bound_) > 0.01
    own = ["fit", file, "-k", "2", "-o", "out", "--json", "--no-figure"]
    for options in (
        ["--label", "in_0,in_1", "--columns", "eruptions,waiting"],
        ["--labels", "in_0, in_1", "--columns", "eruptions,waiting", "--max-memory", "100MB"],
    ):
        result = run(*own, *options)
        assert result.exit_code == 0, result.stderr
        told = json.loads(result.stdout)["mean_log_likelihood"]
        assert np.isclose(told, ours.lower_bound_, rtol=1e-9)
    result = run(*own[:-1], "--labels", "in_0,in_1", "--by", "day")
    assert result.exit_code == 0, result.stderr
    (fit,) = json.loads(result.stdout)["fits"]
    assert np.isclose(fit["log_likelihood"], ours.lower_bound_, rtol=1e-6)


def test_groups_have_labels_and_noise(file, table):
    table["day"] = np.where(np.arange(len(table)) % 2, "odd", "even")
    table.to_csv(file, index=False) if file.endswith("csv") else table.to_parquet(file)
    options = ["--by", "day", "--label", "group", "--noise", "--format", "csv", "--json"]
    result = run("fit", file, "-k", "2", *options, "-o", "out")
    assert result.exit_code == 0, result.stderr
    labels = table["group"].fillna(-1).to_numpy(dtype=int)
    frame = table[["eruptions", "waiting", "day"]]
    ours = mixtura.fit_many(frame, 2, by="day", noise=True, labels=labels, random_state=0)
    told = [fit["log_likelihood"] for fit in json.loads(result.stdout)["fits"]]
    assert np.allclose(told, ours.log_likelihoods, rtol=1e-12)
    written = pd.read_csv("out/responsibilities.csv")
    assert np.array_equal(written["label"], ours.predict(frame))
    assert (written["label"] == -1).sum() > 20


def test_noise_is_drawn_on_request(file):
    base = ["fit", file, "-k", "2", "--columns", "eruptions,waiting", "--noise", "--no-figure"]
    assert run(*base, "-o", "out").exit_code == 0
    plain, noisy = (
        run("sample", "out/model.safetensors", "-n", "3000", "--seed", "1", *more, "-o", "x.csv")
        and pd.read_csv("x.csv")
        for more in ([], ["--noise"])
    )
    ours, labels = mixtura.load("out/model.safetensors").sample(3000, 1, noise=True)
    assert np.allclose(noisy, ours)
    assert (labels == -1).sum() > 200
    assert plain["waiting"].max() < 110 < noisy["waiting"].max()
    assert run(*base, "--noise-volume", "500", "-o", "other").exit_code == 0
    result = run("sample", "other/model.safetensors", "--noise")
    assert result.exit_code == 1
    assert "--noise draws rows of noise from a box, but noise_volume is" in result.stderr


def test_a_bayesian_fit_is_that_of_python(file, table):
    columns = ["--columns", "eruptions,waiting"]
    result = run(
        "fit", file, "--bayesian", "-k", "6", *columns, "-o", "out", "--json", "--format", "csv"
    )
    assert result.exit_code == 0, result.stderr
    told, X = json.loads(result.stdout), table[["eruptions", "waiting"]].to_numpy()
    ours = mixtura.BayesianGaussianMixture(6, random_state=0).fit(X)
    assert told["n_components_with_rows"] == ours.n_components_
    assert np.isclose(told["log_evidence"], ours.log_evidence_, rtol=1e-12)
    written = pd.read_csv("out/responsibilities.csv")
    assert np.allclose(written["log_density"], ours.score_samples(X), rtol=1e-6)
    assert type(mixtura.load("out/model.safetensors")) is mixtura.BayesianGaussianMixture


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--distribution", "t"], "--distribution does not go with --bayesian"),
        (["--covariance", "VEV"], "it takes full, tied"),
        (["--by", "group"], "leave out --by"),
    ],
)
def test_what_does_not_go_with_bayesian_is_said(file, options, words):
    result = run("fit", file, "--bayesian", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize("how", [["rows"], ["rows.csv", "--max-memory", "1MB"]])
def test_errors_of_files_that_are_read_in_parts_are_those_of_one_file(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    std = rng.gamma(2.0, 0.3, size=(200, 2))
    X = np.where(rng.random((200, 1)) < 0.5, -2.0, 2.0) + std * rng.normal(size=(200, 2))
    frame = pd.DataFrame(np.hstack([X, std]), columns=["a", "b", "a_err", "b_err"])
    frame.to_csv("rows.csv", index=False)
    (tmp_path / "rows").mkdir()
    frame[:90].to_csv("rows/0.csv", index=False)
    frame[90:].to_csv("rows/1.csv", index=False)
    expected = mixtura.GaussianMixture(2, random_state=0).fit(X, error_std=std)
    done = run("fit", *how, "-k", "2", "--error-std", "a_err,b_err", "-o", "out")
    assert done.exit_code == 0, done.output
    model = mixtura.load("out/model.safetensors")
    np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-9)
    options = ["--error-std", "a_err,b_err", "-o", "p.parquet"]
    done = run("predict", "out/model.safetensors", how[0], *options)
    assert done.exit_code == 0, done.output
    found = pd.read_parquet("p.parquet")
    np.testing.assert_allclose(
        found.log_density, model.score_samples(frame[["a", "b"]], error_std=std), rtol=1e-9
    )
    few = run("fit", *how, "-k", "2", "--error-std", "a_err", "-o", "none")
    assert few.exit_code != 0
    assert "--error-std names 1 columns for" in few.output
