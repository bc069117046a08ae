"""`mixtura fit --by`: a mixture for each group of rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mixtura
from commands import call, fails, succeeds
from mixtura import cli
from mixtura.estimators.fitted_mixtures import FittedMixtures

NOTE = "mixtura: note: 1 of 4 fits failed; the first, of table one: "
OUTPUTS = {"models.safetensors", "fits.csv", "responsibilities.parquet"}


@pytest.fixture(scope="module")
def frame():
    """Three genes of two clusters, one of a single row, in no order."""
    rng = np.random.default_rng(0)
    genes = np.repeat(["actb", "gapdh", "tp53"], 100)
    X = rng.normal(size=(300, 2)) + 6 * rng.integers(0, 2, (300, 1))
    frame = pd.DataFrame({"a": X[:, 0], "gene": genes, "b": X[:, 1]})
    frame["w"] = rng.integers(1, 4, 300)
    frame.loc[300] = [0.0, "one", 0.0, 1]
    return frame.sample(frac=1, random_state=0, ignore_index=True)


@pytest.fixture
def home(frame, tmp_path):
    frame.to_csv(tmp_path / "genes.csv", index=False)
    frame.to_parquet(tmp_path / "genes.parquet")
    return tmp_path


def fitted(home, *options, file="genes.csv", folder="out"):
    """What `mixtura fit --by gene` finds, one group without a fit; and what it prints."""
    command = ["fit", file, "--by", "gene", *options, "-o", folder]
    done = call(*command, cwd=home)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(NOTE) or "-q" in options
    assert done.stderr.count("\n") <= 1
    return FittedMixtures.load(home / folder / "models.safetensors"), done.stdout


def assert_same_models(ours, theirs):
    assert list(ours.keys) == list(theirs.keys)
    assert [bool(why) for why in ours.failures] == [bool(why) for why in theirs.failures]
    assert_array_equal(ours.means, theirs.means)
    assert_array_equal(ours.covariances, theirs.covariances)


def test_groups_are_fitted_as_fit_many_fits_them(home, frame):
    options = ["-k", "2", "--covariance", "tied", "--columns", "b,a", "--weight", "w"]
    options += ["--n-init", "2", "--seed", "5", "--max-iter", "300", "--tol", "1e-6"]
    ours, _ = fitted(home, *options, "--init", "kmeans")
    with pytest.warns(mixtura.errors.DataWarning):
        theirs = mixtura.fit_many(
            frame[["b", "a", "gene"]],
            2,
            by="gene",
            sample_weight=frame["w"],
            random_state=5,
            covariance_type="tied",
            n_init=2,
            max_iter=300,
            tol=1e-6,
            init_params="kmeans",
        )
    assert_same_models(ours, theirs)
    assert list(ours.of("tp53").feature_names_in_) == ["b", "a"]


def test_several_numbers_and_structures_are_chosen_from_for_each_group(home, frame):
    ours, _ = fitted(home, "-k", "1:2", "--covariance", "EII,VVV", "--columns", "a,b")
    with pytest.warns(mixtura.errors.DataWarning):
        theirs = mixtura.fit_many(
            frame[["a", "b", "gene"]],
            range(1, 3),
            by="gene",
            random_state=0,
            covariance_type=["EII", "VVV"],
            tol=1e-7,
            max_iter=1000,
        )
    assert_same_models(ours, theirs)
    assert_array_equal(ours.covariance_types, theirs.covariance_types)


@pytest.mark.parametrize("file", ["genes.parquet", "*.parquet"])
def test_a_file_read_whole_and_in_parts_gives_the_same(file, home):
    options = ["-k", "2", "--weight", "w", "-q"]
    ours, _ = fitted(home, *options, file=file)
    theirs, _ = fitted(home, *options, folder="again")
    assert_same_models(ours, theirs)
    assert list(ours.of("actb").feature_names_in_) == ["a", "b"]


def test_columns_of_folders_name_groups(tmp_path):
    for i, name in enumerate("ab"):
        (tmp_path / f"days/day={name}").mkdir(parents=True)
        rows = pd.DataFrame({"x": np.arange(5.0) + i})
        rows.to_parquet(tmp_path / f"days/day={name}/rows.parquet")
    succeeds("fit", "days", "--by", "day", "-k", "1", "-q", cwd=tmp_path)
    many = FittedMixtures.load(tmp_path / "mixtura-output/models.safetensors")
    assert list(many.keys) == ["a", "b"]
    assert_allclose(many.means.ravel(), [2.0, 3.0])


def test_the_table_of_fits_has_a_row_for_each_group(home):
    many, _ = fitted(home, "-k", "2", "--columns", "a,b")
    table = pd.read_csv(home / "out/fits.csv", keep_default_na=False, na_values="nan")
    assert list(table["gene"]) == ["actb", "gapdh", "one", "tp53"]
    assert list(table["n_rows"]) == [100, 100, 1, 100]
    assert_allclose(table["log_likelihood"], many.log_likelihoods)
    assert_array_equal(table["n_iter"], many.n_iter)
    assert list(table["verdict"]) == ["sound", "sound", "", "sound"]
    assert list(table["failure"] != "") == [False, False, True, False]
    assert "minimum of 2 is required" in table["failure"][2]


def test_rows_are_told_what_their_own_mixture_says(home, frame):
    many, _ = fitted(home, "-k", "1:3", "--columns", "a,b")
    ours = pd.read_parquet(home / "out/responsibilities.parquet")
    assert list(ours["gene"]) == list(frame["gene"])  # in the order of the file
    for gene in ("actb", "gapdh", "tp53"):
        some, model = frame["gene"] == gene, many.of(gene)
        X = frame.loc[some, ["a", "b"]]
        shares = ours.loc[some].filter(like="responsibility_")
        n = model.n_components
        assert_array_equal(ours.loc[some, "label"], model.predict(X))
        assert_allclose(ours.loc[some, "log_density"], model.score_samples(X))
        assert_array_equal(shares.iloc[:, :n], model.predict_proba(X).astype(np.float32))
        assert shares.iloc[:, n:].isna().all(axis=None)
    assert ours.loc[frame["gene"] == "one"].drop(columns="gene").isna().all(axis=None)


def test_the_folder_holds_files_of_one_command(home):
    fitted(home, "-k", "2", "--columns", "a,b")
    names = lambda: {path.name for path in (home / "out").iterdir()}  # noqa: E731
    assert names() == OUTPUTS
    succeeds("fit", "genes.csv", "-k", "2", "--columns", "a", "-o", "out", "-q", cwd=home)
    assert names() == {"model.safetensors", "responsibilities.parquet", "mixture.png"}
    fitted(home, "-k", "2", "--columns", "a,b", "--labels-only", "--format", "csv")
    assert names() == {"models.safetensors", "fits.csv", "mixture-labels.csv"}
    head, first, *_ = (home / "out/mixture-labels.csv").read_text().splitlines()
    assert head == "gene,label"
    assert first.startswith('"')
    fitted(home, "-k", "2", "--columns", "a,b", "--no-responsibilities")
    assert names() == {"models.safetensors", "fits.csv"}


def test_what_is_printed(home):
    _, out = fitted(home, "-k", "2", "--columns", "a,b")
    title, _, head, *lines = out.splitlines()
    assert title == "Gaussian mixtures of 4 groups, 1 failed"
    assert head.split() == [
        "gene",
        "rows",
        "K",
        "covariance",
        "log-likelihood",
        "a",
        "row",
        "BIC",
        "iterations",
        "verdict",
    ]
    assert lines[3].split() == ["one", "1", *"-----", "failed"]
    assert lines[-3:] == [
        "models: out/models.safetensors",
        "fits: out/fits.csv",
        "responsibilities: out/responsibilities.parquet",
    ]
    _, out = fitted(home, "-k", "2", "--columns", "a,b", "--json")
    told = json.loads(out)
    assert [fit["gene"] for fit in told["fits"]] == ["actb", "gapdh", "one", "tp53"]
    assert told["fits"][2]["log_likelihood"] is None
    assert set(told["files"]) == {"models", "fits", "responsibilities"}


def test_of_many_groups_the_screen_shows_some(tmp_path):
    rows = pd.DataFrame({"g": np.repeat(np.arange(50), 3), "x": np.arange(150.0) ** 1.5})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    out = succeeds("fit", "rows.csv", "--by", "g", "-k", "1", cwd=tmp_path)
    assert "... and 10 more groups; fits.csv has all" in out


def test_ctrl_c_leaves_nothing(home, monkeypatch):
    def is_interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.groups, "fit_many", is_interrupted)
    done = call("fit", "genes.csv", "--by", "gene", "--columns", "a,b", "-o", "out", cwd=home)
    assert (done.returncode, done.stderr) == (130, "mixtura: interrupted\n")
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--checkpoint", "f"], "--checkpoint keeps the state of one fit, and --by makes many"),
        (["--resume"], "--resume goes on with one fit, and --by makes many"),
        (
            ["--max-memory", "1GB"],
            "--max-memory is for the rows of one fit, which may be read again",
        ),
        (["--columns", "a,gene"], "--by gene is among --columns, too"),
        (["--weight", "gene"], "--by gene is --weight, too; name two columns"),
        (["-k", "1:3", "--init", "random"], "--init is for one number of components"),
        (["-k", "3:1"], "-k is '3:1', but numbers of components begin at 1 and ascend"),
        (["--covariance", "round"], "unknown covariance 'round'"),
        (["--jobs", "0"], "--jobs is 0"),
    ],
)
def test_what_groups_cannot_have_is_a_sentence(home, options, sentence):
    assert sentence in fails("fit", "genes.csv", "--by", "gene", *options, cwd=home, code=2)
    assert not (home / "mixtura-output").exists()


@pytest.mark.parametrize("name", ["label", "verdict", "responsibility_1"])
def test_groups_are_not_named_as_what_is_written(home, name):
    message = fails("fit", "genes.csv", "--by", name, cwd=home, code=2)
    assert f"--by {name} is the name of a column that is written, too; rename it" in message


@pytest.mark.parametrize("file", ["genes.csv", "*.parquet"])
def test_an_unknown_column_is_not_guessed(home, file):
    assert "no column 'gnee'. Did you mean 'gene'?" in fails("fit", file, "--by", "gnee", cwd=home)


def test_several_numbers_are_for_groups(home):
    message = fails("fit", "genes.csv", "-k", "1:3", cwd=home, code=2)
    assert "-k is '1:3', but a fit has one; mixtura select compares several, and --by" in message


@pytest.mark.parametrize("name", ["text.csv", "text.parquet"])
def test_rows_without_a_group_are_an_error(tmp_path, name):
    frame = pd.DataFrame({"g": ["x", None, "x", "x"], "a": [1.0, 2.0, 3.0, 5.0]})
    (frame.to_csv if name.endswith("csv") else frame.to_parquet)(tmp_path / name, index=False)
    message = fails("fit", name, "--by", "g", "-k", "1", cwd=tmp_path)
    assert "The column 'g' is missing in 1 rows" in message


def test_where_every_fit_fails_nothing_is_written(home):
    message = fails("fit", "genes.csv", "--by", "gene", "--columns", "a", "-k", "400", cwd=home)
    assert "cannot fit genes.csv: Every fit failed. Of table actb: " in message
    assert not (home / "mixtura-output").exists()
