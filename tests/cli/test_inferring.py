"""The commands that say how sure a model is, where it is cut, how different two are: as in Python."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import mixtura
from commands import ENVIRONMENT, fails, succeeds
from mixtura.datasets import load_faithful

MODEL = "two/model.safetensors"
FILES = ["geyser.csv", "geyser.parquet"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inferring")
    frame = pd.DataFrame(load_faithful().data, columns=["eruption", "waiting"])
    frame["times"] = 1.0 + np.arange(len(frame)) % 2
    frame.to_csv(folder / "geyser.csv", index=False)
    frame.to_parquet(folder / "geyser.parquet", index=False)
    for name, k, *more in (("two", 2), ("three", 3), ("weighted", 2, "--weight", "times")):
        some = ("-k", k, "--columns", "eruption,waiting", *more, "-o", name, "-q", "--no-figure")
        succeeds("fit", "geyser.csv", *map(str, some), cwd=folder)
    some = ("-k", "2", "--columns", "waiting", "-o", "one", "-q", "--no-figure")
    succeeds("fit", "geyser.csv", *some, cwd=folder)
    return folder


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["information", "sandwich"])
def test_intervals_are_those_of_python(home, file, kind):
    arguments = ("show", MODEL, "--intervals", file, "--kind", kind, "--level", "0.9")
    shown = json.loads(succeeds(*arguments, "--json", cwd=home))
    model = mixtura.load(home / MODEL)
    X = pd.read_csv(home / "geyser.csv")[["eruption", "waiting"]]
    theirs = model.standard_errors(X, kind=kind).interval(lambda mixture: mixture.means, 0.9)
    assert shown["covariance_type"] == "full"
    assert shown["intervals"]["kind"] == kind
    for part in theirs._fields:
        assert_allclose(shown["intervals"]["means"][part], getattr(theirs, part), rtol=1e-9)
    text = succeeds(*arguments, cwd=home)
    assert f"Intervals of 90 % by {kind}" in text
    assert "mean of waiting" in text


def test_weights_are_a_column(home):
    weighted = ("show", "weighted/model.safetensors", "--intervals", "geyser.csv")
    shown = json.loads(succeeds(*weighted, "--weight", "times", "--json", cwd=home))
    frame = pd.read_csv(home / "geyser.csv")
    model = mixtura.load(home / "weighted/model.safetensors")
    theirs = model.standard_errors(frame[["eruption", "waiting"]], sample_weight=frame.times)
    assert_allclose(shown["intervals"]["weights"]["std"], theirs.weights)
    sentence = fails(*weighted, cwd=home)
    assert sentence.startswith("standard_errors are of the rows that were fitted, and FILE is not")


def test_cut(home):
    shown = json.loads(succeeds("cut", "one/model.safetensors", "--json", cwd=home))
    mixture = mixtura.load(home / "one/model.safetensors").mixture_
    points, labels = mixture.cut_points()
    assert shown == {
        "feature": "waiting",
        "points": points.tolist(),
        "labels": labels.tolist(),
    }
    dear = ("--costs", "0,1;10,0", "--monotone", "--json")
    shown = json.loads(succeeds("cut", MODEL, "--feature", "waiting", *dear, cwd=home))
    mixture = mixtura.load(home / MODEL).mixture_.marginal(1)
    theirs = mixture.cut_points([[0, 1], [10, 0]], rule="monotone")
    assert shown["points"] == theirs.points.tolist()
    assert f"{points[0]:.6g}" in succeeds("cut", "one/model.safetensors", cwd=home)


def test_monotone_cuts_are_fewer(home):
    arguments = [0.6, 0.4], [[0.0], [1.0]], [9.0, 0.25]
    model = mixtura.GaussianMixture.from_parameters(*arguments, covariance_type="VII")
    model.save(home / "nested.safetensors")
    for rule, more in (("likeliest", ()), ("monotone", ("--monotone",))):
        shown = json.loads(succeeds("cut", "nested.safetensors", *more, "--json", cwd=home))
        theirs = model.mixture_.cut_points(rule=rule)
        assert (shown["points"], shown["labels"]) == (
            theirs.points.tolist(),
            theirs.labels.tolist(),
        )
        assert len(theirs.points) == 2 - (rule == "monotone")


def test_compare(home):
    arguments = ("compare", MODEL, "three/model.safetensors", "--samples", "5000", "--seed", "3")
    shown = json.loads(succeeds(*arguments, "--json", cwd=home))
    ours, theirs = (mixtura.load(home / name).mixture_ for name in (MODEL, arguments[2]))
    found = ours.kl_divergence(theirs, n_samples=5000, random_state=3)
    assert shown["kl_first_second"] == found._asdict()
    assert shown["wasserstein"] == ours.wasserstein(theirs)
    text = succeeds(*arguments, cwd=home)
    assert f"{found.value:.4f} ± {found.std_error:.4f}" in text


@pytest.mark.parametrize("language", ["en", "es"])
def test_models_with_long_names_are_compared_within_the_screen(home, language):
    name = "three_components_of_the_whole_year_by_full_covariances/model.safetensors"
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_bytes((home / "three/model.safetensors").read_bytes())
    arguments = ("compare", name, name, "--samples", "1000", "--lang", language)
    narrow = ENVIRONMENT | {"COLUMNS": "80"}
    lines = succeeds(*arguments, cwd=home, env=narrow).splitlines()
    assert max(map(len, lines)) <= 80
    of_numbers = [line for line in lines if " ± 0." in line]
    assert len(of_numbers) == 3
    assert all("  0.0000 ± 0.0000" in line for line in of_numbers)
    assert sum(name in "".join(lines[i : i + 2]).replace(" ", "") for i in range(len(lines))) >= 2


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (
            ("cut", MODEL),
            "a cut is of one feature, and the model has 2: name one with --feature",
            2,
        ),
        (
            ("cut", MODEL, "--feature", "x"),
            "--feature x is none of the model's: eruption, waiting",
            2,
        ),
        (
            ("cut", "one/model.safetensors", "--costs", "a"),
            "--costs is 'a', but must be rows of",
            2,
        ),
        (("cut", "one/model.safetensors", "--costs", "1,2"), "costs must have shape (2, 2)", 1),
        (
            ("compare", MODEL, "one/model.safetensors"),
            "other has 1 features, and this mixture 2",
            1,
        ),
        (("show", MODEL, "--kind", "best"), "--kind is 'best'", 2),
        (
            ("show", MODEL, "--intervals", "geyser.csv", "--level", "1"),
            "level must lie between 0 and 1",
            1,
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(home, arguments, sentence, code):
    assert fails(*arguments, code=code, cwd=home).startswith(sentence)


@pytest.mark.parametrize("command", ["cut", "compare", "show"])
def test_help_has_an_example(tmp_path, command):
    assert f"Example: mixtura {command} " in succeeds(command, "--help", cwd=tmp_path)
