"""`mixtura export`: what is written is what Python writes, and what cannot be is one sentence."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose

import mixtura
from commands import fails, process, succeeds
from mixtura import GaussianMixture, export
from mixtura.datasets import load_faithful
from mixtura.export.targets import TARGETS, target_of
from mixtura.support import names

X = load_faithful().data
READERS = {
    "a.json": export.from_json,
    "a.mat": export.from_matlab,
    "a.MAT": export.from_matlab,
    "a/": export.from_spark,
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A folder with rows and a model of them."""
    folder, faithful = tmp_path_factory.mktemp("fitted"), load_faithful()
    header = ",".join(faithful.feature_names)
    np.savetxt(folder / "geyser.csv", X, fmt="%g", delimiter=",", header=header, comments="")
    succeeds("fit", "geyser.csv", "-k", "2", "-o", "r", "-q", "--no-figure", cwd=folder)
    return folder


@pytest.fixture
def home(fitted, tmp_path):
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    return tmp_path


MODEL = "r/model.safetensors"


@pytest.mark.parametrize("file", READERS)
def test_the_ending_says_what_is_written(home, file):
    said = succeeds("export", MODEL, "-o", file, cwd=home)
    assert said == f"{target_of(file).name}: {file}\n"
    model, again = mixtura.load(home / MODEL), READERS[file](home / file)
    theirs, ours = again.mixture_.log_density(X), model.mixture_.log_density(X)
    assert_allclose(theirs, ours, rtol=0, atol=1e-10)


def test_to_says_it_where_the_ending_does_not(home):
    succeeds("export", MODEL, "-o", "list.json", "--to", "mclust", "-q", cwd=home)
    assert export.from_mclust(home / "list.json").covariance_type == "VVV"
    succeeds("export", MODEL, "-o", "spark", "--to", "spark", cwd=home)
    export.from_spark(home / "spark")
    said = succeeds("export", MODEL, "-o", "plain", "--to", "json", "--json", cwd=home)
    assert json.loads(said) == {"target": "json", "files": {"model": "plain"}}
    assert export.from_json(home / "plain").feature_names_in_.tolist() == ["eruptions", "waiting"]


def test_an_object_for_mclust_with_its_rows(home):
    bare = succeeds("export", MODEL, "-o", "a.R", cwd=home)
    assert bare == "mclust: a.R\n"
    succeeds("export", MODEL, "-o", "b.R", "--rows", "geyser.csv", cwd=home)
    model = mixtura.load(home / MODEL)
    export.to_mclust(model, home / "c.R", load_faithful().data)
    assert "classification = c(" in (home / "b.R").read_text()
    assert "classification" not in (home / "a.R").read_text()
    assert (home / "b.R").read_text().count(", ") == (home / "c.R").read_text().count(", ")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["-o", "a.txt"],
            2,
            "the ending of a.txt does not say what to write (.onnx onnx, .json json, ",
        ),
        (["-o", "a"], 2, "the ending of a does not say what to write ("),
        (["-o", "a.json", "--to", "maltab"], 2, "--to is 'maltab'. Did you mean 'matlab'?"),
        ([], 2, "missing option '-o' / '--output'; see mixtura export --help"),
        (
            ["-o", "a.mat", "--rows", "geyser.csv"],
            2,
            "--rows go with --to mclust, and matlab has no place",
        ),
        (
            ["-o", MODEL, "--to", "json"],
            1,
            f"{MODEL} is read, and would be replaced; choose another",
        ),
        (["-o", "r/"], 1, "cannot write r/: it is there already; name another folder"),
        (["-o", "none/a.json"], 1, "cannot write none/a.json: the folder none does not exist"),
        (["-o", "a.R", "--rows", "none.csv"], 1, "there is no file none.csv"),
        (["-o", "a.R", "--rows", MODEL], 1, f"{MODEL} holds a model, not data"),
    ],
)
def test_what_cannot_be_is_one_sentence(home, arguments, code, sentence):
    before = {path.name for path in home.rglob("*")}
    said = fails("export", MODEL, *arguments, code=code, cwd=home)
    assert said.startswith(sentence)
    assert {path.name for path in home.rglob("*")} == before


def test_what_a_format_cannot_hold(home):
    succeeds("fit", "geyser.csv", "-k", "2", "--noise", "-o", "n", "-q", "--no-figure", cwd=home)
    said = fails("export", "n/model.safetensors", "-o", "a.mat", cwd=home)
    assert said == (
        "cannot write a.mat: MATLAB's gmdistribution has no place for noise: take --to json or mclust, which "
        "hold it"
    )
    arguments = ("--distribution", "t", "-o", "t", "-q", "--no-figure")
    succeeds("fit", "geyser.csv", "-k", "2", *arguments, cwd=home)
    said = fails("export", "t/model.safetensors", "-o", "a.R", cwd=home)
    assert said == (
        "cannot write a.R: mclust holds Gaussian components only, and these are of Student's t: fit without "
        "--distribution t, or take --to json, which holds them"
    )
    assert not (home / "a.mat").exists()
    assert not (home / "a.R").exists()


def test_onnx(home):
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    pytest.importorskip("mixtura.export.onnx", reason="needs the way out to ONNX")
    succeeds("export", MODEL, "-o", "a.onnx", cwd=home)
    onnx.checker.check_model(onnx.load(home / "a.onnx"))


def test_the_names_of_the_help_are_those_of_the_table():
    assert tuple(target.name for target in TARGETS) == names.TARGETS
    with pytest.raises(
        ValueError, match=r"there is no target 'sparc'; there are 'onnx', .*Did you mean 'spark'"
    ):
        target_of("a", "sparc")


def test_in_a_process_of_its_own(home):
    assert succeeds("export", MODEL, "-o", "a.json", cwd=home, run=process) == "json: a.json\n"
    again = export.from_json(home / "a.json")
    ours = GaussianMixture(2, random_state=0).fit(X)
    assert_allclose(again.mixture_.log_density(X), ours.score_samples(X), rtol=0, atol=1e-9)
