"""The command line as a user drives it: real files, processes, exit codes, pipes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from numpy.testing import assert_allclose, assert_array_equal

import forked
import mixtura
from commands import COMMAND, ENVIRONMENT, call, fails, process, succeeds
from mixtura import GaussianMixture
from mixtura.cli import outputs, progress, screen
from mixtura.cli import rows as rows_of_files
from mixtura.cli.app import app
from mixtura.cli.errors import in_our_words
from mixtura.cli.tables import Rows
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.display.component_table import mean_and_spread
from mixtura.starts import STARTS
from mixtura.support import names
from mixtura.support.names import COVARIANCE_TYPES


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with data files and, in `fitted`, what a fit to one of them writes."""
    folder = tmp_path_factory.mktemp("home")
    faithful = load_faithful()
    frame = pd.DataFrame(faithful.data, columns=faithful.feature_names)
    frame.to_csv(folder / "faithful.csv", index=False)
    frame.to_parquet(folder / "faithful.parquet")
    (folder / "small.csv").write_text("a,b,w\n1,2,1\n3,4,0\n5,6.5,2\n7,9,1\n2,1,1\n")
    rng = np.random.default_rng(1)
    mixed = pd.DataFrame(rng.normal(size=(90, 2)) + 4 * (np.arange(90) % 2)[:, None])
    mixed.columns = ["a", "b"]
    mixed.assign(w=rng.integers(0, 3, size=90)).to_csv(folder / "mixed.csv", index=False)
    command = ["fit", "faithful.csv", "-k", "2", "-o", "fitted"]
    (folder / "told.txt").write_text(succeeds(*command, cwd=folder, run=process))
    return folder


@pytest.fixture
def write(tmp_path):
    def _write(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def in_single(frame):
    """A table of predictions in the types of Parquet."""
    shares = [name for name in frame if name.startswith(("certainty", "responsibility_"))]
    return frame.astype(dict.fromkeys(shares, np.float32))


# fit


@pytest.mark.parametrize("covariance", ["EII", "VEI", "VEE", "EVE", "VEV"])
def test_fit_with_structures_of_three_letters(covariance, home, tmp_path):
    command = ["fit", home / "faithful.csv", "-k", "2", "--covariance", covariance]
    command += ["--no-figure", "-o", tmp_path]
    assert f"2 components, {covariance} covariances" in succeeds(*command, cwd=home)
    shown = json.loads(succeeds("show", tmp_path / "model.safetensors", "--json", cwd=home))
    assert shown["covariance_type"] == covariance


def test_fit_writes_model_responsibilities_and_figure(home):
    written = sorted(path.name for path in (home / "fitted").iterdir())
    assert written == ["mixture.png", "model.safetensors", "responsibilities.parquet"]
    assert all(f"fitted/{name}" in (home / "told.txt").read_text() for name in written)
    assert (home / "fitted/mixture.png").read_bytes().startswith(b"\x89PNG")

    model = mixtura.load(home / "fitted/model.safetensors")
    X = pd.read_csv(home / "faithful.csv")
    table = pd.read_parquet(home / "fitted/responsibilities.parquet")
    shares = table[["responsibility_0", "responsibility_1"]].to_numpy()
    assert shares.dtype == table["certainty"].dtype == np.float32
    np.testing.assert_array_equal(shares, model.predict_proba(X).astype(np.float32))
    np.testing.assert_array_equal(table["label"], model.predict(X))
    np.testing.assert_array_equal(table["certainty"], shares.max(axis=1))
    np.testing.assert_allclose(table["log_density"], model.score_samples(X))


def test_fit_shows_the_summary(home):
    out = (home / "told.txt").read_text()
    assert "Gaussian mixture, 2 components, full covariances" in out
    assert "-1,130.264" in out  # the optimum that mclust finds, too
    assert "converged" in out
    assert "eruptions" in out
    assert "2.036 ± 0.263" in out


def test_fit_does_what_its_options_say(home):
    options = ["-k", "2", "--covariance", "tied", "--columns", "b,a", "--weight", "w"]
    options += ["--n-init", "2", "--seed", "5", "--max-iter", "300", "--tol", "1e-6", "--jobs", "1"]
    succeeds("fit", "mixed.csv", *options, "-o", "options", "-q", cwd=home)
    ours = mixtura.load(home / "options/model.safetensors")
    data = pd.read_csv(home / "mixed.csv")
    theirs = mixtura.GaussianMixture(
        2, covariance_type="tied", n_init=2, random_state=5, max_iter=300, tol=1e-6, n_jobs=1
    ).fit(data[["b", "a"]], sample_weight=data["w"])
    assert ours.get_params() == theirs.get_params()
    assert list(ours.feature_names_in_) == ["b", "a"]
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-10)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-10)


def test_fit_leaves_the_weights_out_of_the_features(home):
    succeeds("fit", "small.csv", "-k", "1", "--weight", "w", "-o", "weighted", "-q", cwd=home)
    model = mixtura.load(home / "weighted/model.safetensors")
    assert list(model.feature_names_in_) == ["a", "b"]
    np.testing.assert_allclose(model.means_, [[4.0, 5.0]])


def test_the_same_command_gives_the_same_files(home):
    for folder in ("once", "again"):
        succeeds("fit", "faithful.csv", "-k", "3", "-o", folder, "-q", cwd=home)
    for name in ("responsibilities.parquet", "mixture.png"):
        assert (home / "once" / name).read_bytes() == (home / "again" / name).read_bytes()


def test_csv_parquet_and_standard_input_are_fitted_alike(home):
    text = (home / "faithful.csv").read_text()
    options = ["-k", "2", "-o", "o", "--json"]
    outs = [succeeds("fit", f"faithful.{end}", *options, cwd=home) for end in ("csv", "parquet")]
    outs.append(succeeds("fit", "-", *options, cwd=home, stdin=text))
    assert outs[0] == outs[1] == outs[2]
    assert json.loads(outs[0])["log_likelihood"] == pytest.approx(-1130.26396, abs=1e-3)


def test_json_is_all_that_json_prints(home):
    out = succeeds("fit", "faithful.csv", "-k", "2", "-o", "j", "--json", cwd=home)
    summary = json.loads(out)
    model = mixtura.load(home / summary["files"]["model"])
    theirs = json.loads(json.dumps(model.summary().to_dict()))
    assert summary == theirs | {"files": summary["files"]}
    assert set(summary["files"]) == {"model", "responsibilities", "figure"}
    assert all((home / path).is_file() for path in summary["files"].values())


def test_quiet_prints_nothing(home):
    assert succeeds("fit", "faithful.csv", "-k", "2", "-o", "quiet", "-q", cwd=home) == ""


def test_responsibilities_as_csv(home):
    succeeds("fit", "faithful.csv", "-k", "2", "--format", "csv", "-o", "csv", "-q", cwd=home)
    ours = pd.read_csv(home / "csv/responsibilities.csv")
    theirs = pd.read_parquet(home / "fitted/responsibilities.parquet")
    pd.testing.assert_frame_equal(in_single(ours), theirs)
    assert not (home / "csv/responsibilities.parquet").exists()


def test_the_figure_needs_no_window_whatever_the_settings_say(home):
    environment = {**ENVIRONMENT, "MPLBACKEND": "module://no_such_window"}
    command = [*COMMAND, "fit", "small.csv", "-k", "1", "-o", "window", "-q"]
    subprocess.run(command, cwd=home, env=environment, check=True)  # read as Matplotlib is imported
    assert (home / "window/mixture.png").is_file()


def test_what_the_library_warns_of_is_a_note(home):
    options = ["-k", "2", "--tol", "0", "--max-iter", "1", "-o", "n"]
    done = call("fit", "faithful.csv", *options, cwd=home)
    assert done.returncode == 0
    (note,) = done.stderr.splitlines()
    assert note.startswith("mixtura: note: ")
    assert "Try another --init, or increase --max-iter, --tol" in note
    assert not re.search("max_iter|(?<!--)tol |init parameters", note)
    assert "not converged after 1 iteration, from the best of " in done.stdout
    assert succeeds("fit", "faithful.csv", *options, "-q", cwd=home) == ""


def test_notes_speak_of_options(write, tmp_path):
    rows = "".join(f"{i % 7},{i % 5}\n" for i in range(40))
    write(f"a,b\n9,9\n{rows}")
    done = call("fit", "data.csv", "-k", "1", "--reg-covar", "100", cwd=tmp_path)
    assert done.returncode == 0
    (note,) = done.stderr.splitlines()
    assert note.startswith("mixtura: note: --reg-covar 100 is 9")
    assert "reg_covar" not in done.stderr


@pytest.mark.parametrize(
    ("sentence", "ours"),
    [
        ("the first in column 1, row 7. Fill", "the first in column 'x1', data row 8. Fill"),
        ("the first in column 1 ('b'), row 7.", "the first in column 'b', data row 8."),
        ("use a covariance_type with fewer", "use a --covariance with fewer"),
        (
            "give reg_covar='auto', or X in larger units",
            "give --reg-covar auto, or the columns in larger units",
        ),
        ("lower reg_covar.", "lower --reg-covar."),
        ("columns 0 ('a') and 2 ('c') are equal", "columns 'a' and 'c' are equal"),
        ("Found x with 1 row (sample) while", "Found x with 1 row (sample) while"),
        ("about 2e-7 a row; 3 rows", "about 2e-7 a row; 3 rows"),
    ],
)
def test_the_librarys_sentences_in_the_words_of_the_command_line(sentence, ours):
    assert in_our_words(sentence) == ours


def test_fit_begins_and_regularises_as_it_is_told(home):
    options = ["-k", "2", "--init", "random", "--reg-covar", "1e-4", "-o", "told"]
    succeeds("fit", "faithful.csv", *options, "-q", cwd=home)
    ours = mixtura.load(home / "told/model.safetensors")
    assert (ours.init_params, ours.reg_covar) == ("random", 1e-4)
    data = load_faithful().data
    theirs = GaussianMixture(2, init_params="random", reg_covar=1e-4, random_state=0).fit(data)
    assert_array_equal(ours.means_, theirs.means_)


def test_no_line_ends_with_blanks(home):
    fit = ["fit", "small.csv", "-k", "1", "--covariance", "spherical"]
    for arguments in (["show", "fitted/model.safetensors"], fit):
        shown = succeeds(*arguments, cwd=home)
        assert not [line for line in shown.splitlines() if line != line.rstrip()]


def test_one_feature_is_no_plural(home):
    shown = succeeds("fit", "small.csv", "-k", "1", "--columns", "a", "-o", "one", cwd=home)
    assert "5 x 1 feature\n" in shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a;b\n1;2\n3;5\n4;4\n", ["a", "b"]),
        ("a\tb\n1\t2\n3\t5\n4\t4\n", ["a", "b"]),
        ('\ufeffa,"b, c"\r\n1,2\r\n3,5\r\n4,4\r\n', ["a", "b, c"]),
        ("0,1\n1,2\n3,5\n4,4\n", ["0", "1"]),
        ("a,$b$\n1,2e0\n 3 ,5\n\n4,4", ["a", "$b$"]),
    ],
)
def test_csv_as_it_comes(write, tmp_path, text, names):
    succeeds("fit", write(text), "-k", "1", "-o", "out", "-q", cwd=tmp_path)
    model = mixtura.load(tmp_path / "out/model.safetensors")
    assert list(model.feature_names_in_) == names
    np.testing.assert_allclose(model.means_, [[8 / 3, 11 / 3]])


def test_parquet_as_it_comes(tmp_path):
    frame = pd.DataFrame({"a": [1, 3, 4], "b": np.float32([2, 5, 4]), "t": ["x", "y", "z"]})
    frame.index = [7, 8, 11]  # pandas stores it as a column of its own
    frame[["a", "b"]].to_parquet(tmp_path / "data.parquet")
    succeeds("fit", "data.parquet", "-k", "1", "-o", "out", "-q", cwd=tmp_path)
    model = mixtura.load(tmp_path / "out/model.safetensors")
    assert list(model.feature_names_in_) == ["a", "b"]
    frame.to_parquet(tmp_path / "text.parquet")
    message = fails("fit", "text.parquet", "-k", "1", cwd=tmp_path)
    assert "column 't', data row 1, holds 'x', not a number" in message


# What can be wrong with the data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{path} is empty"),
        ("a,b\n", "{path} has column names but no rows"),
        ("s,t\nx,2020-01-01\ny,2021-01-01\n", "{path} has no column of numbers"),
        ("a,b,c\n1,2,3\n3,NA,4\n1,oops,2\n", "column 'b', data row 3, holds 'oops', not a number"),
        ("a,b,c\n1,oops,3\n", "choose the columns of numbers with --columns a,c"),
        ("a,b\n1,2020-01-31\n", "column 'b', data row 1, holds 2020-01-31, not a number"),
        ("a,b\n1,2\n3,\n5,6\n", "the value in column 'b', data row 2, is missing"),
        ("a,b\n1,2\n3,nan\n5,6\n", "the value in column 'b', data row 2, is missing"),
        ("a,b\n1,2\n3,4\n-inf,6\n", "the value in column 'a', data row 3, is infinite"),
        ("a,b\n1,\n2,\n", "the value in column 'b', data row 1, is missing"),
        ("1.5,2\n3,4\n", "the first line holds numbers (1.5, 2), not column names"),
        ("a,a\n1,2\n3,4\n", "{path} has 2 columns 'a'"),
        ("a,,b\n0,1,2\n1,2,3\n", "column 2 has no name"),
        ("a,b\n1,2\n3\n", "{path}, line 3: data row 2 has 1 cell instead of 2: correct it"),
        ("a,b\nx,y\n", "has no column of numbers: column 'a' begins with 'x'"),
        ("a,b\n1,2\n3,4\n", "{path} has 2 rows, fewer than the 3 components"),
    ],
)
def test_data_that_cannot_be_fitted(write, tmp_path, text, message):
    path = write(text)
    assert message.format(path=path) in fails("fit", path, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def lists_of(X):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(X)), np.shape(X)[1])


@pytest.fixture
def arrays(tmp_path):
    """The same rows as an array, and as a column of lists beside an identifier."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) + 8 * rng.integers(0, 2, (400, 1))
    np.save(tmp_path / "rows.npy", X)
    pq.write_table(pa.table({"id": np.arange(400), "e": lists_of(X)}), tmp_path / "rows.parquet")
    return X


def test_arrays_and_lists_are_features(arrays, tmp_path):
    labels = []
    for name, options in (("rows.npy", ()), ("rows.parquet", ("--columns", "e"))):
        fit = call("fit", name, *options, "-k", "2", "-o", "found", "-q", cwd=tmp_path)
        assert fit.returncode == 0, fit.stderr
        model = "found/model.safetensors"
        for chosen in (options, ()):
            predict = call("predict", model, name, *chosen, "-o", "labels.parquet", cwd=tmp_path)
            assert predict.returncode == 0, predict.stderr
            labels.append(pq.read_table(tmp_path / "labels.parquet")["label"].to_numpy())
    for others in labels[1:]:
        assert_array_equal(labels[0] == labels[0][0], others == others[0])
    for files in (["rows.parquet"], ["rows.parquet", "rows.parquet"]):
        options = ("--columns", "id,e", "--weight", "id")
        message = fails("fit", *files, *options, cwd=tmp_path, code=2)
        assert message == "--weight id is among --columns, too; a weight is no feature"
    np.save(tmp_path / "flat.npy", arrays[:, 0])
    assert "(400,)" in fails("fit", "flat.npy", cwd=tmp_path)
    for option in ("--columns", "--weight"):
        message = fails("select", "rows.npy", option, "a", cwd=tmp_path, code=2)
        assert f"rows.npy holds an array, whose columns have no names for {option};" in message
    message = fails("fit", "rows.npy", "rows.parquet", cwd=tmp_path, code=2)
    assert message == "a .npy file stands alone; give it no other file"
    message = fails("fit", "rows.npy", "--max-memory", "much", cwd=tmp_path, code=2)
    assert "--max-memory is 'much'" in message
    message = fails("predict", model, "rows.npy", "--columns", "e", cwd=tmp_path, code=2)
    assert "no names for --columns" in message
    assert "such as --columns e" in fails("fit", "rows.parquet", cwd=tmp_path)


def test_predict_finds_lists_by_their_features(arrays, tmp_path):
    X = arrays
    other = tmp_path / "new"
    other.mkdir()
    for number, rows in enumerate((slice(0, 150), slice(150, 400))):
        lists = lists_of(X[rows]).cast(pa.list_(pa.float64()))
        names = [f"row {i}" for i in range(400)][rows]
        table = pa.table({"name": names, "z": X[rows, 0], "e": lists, "id": np.arange(400)[rows]})
        pq.write_table(table, other / f"{number}.parquet")
    options = ("--columns", "id,e", "-k", "2", "-o", "found", "-q")
    succeeds("fit", "rows.parquet", *options, cwd=tmp_path)
    model, written = "found/model.safetensors", tmp_path / "labels.parquet"
    for given in ("rows.parquet", "new", "new/*.parquet"):
        succeeds("predict", model, given, "--keep", "id", "-o", written, "-q", cwd=tmp_path)
        table = pq.read_table(written)
        assert_array_equal(table["id"].to_numpy(), np.arange(400))
        fitted = mixtura.load(tmp_path / model)
        expected = fitted.mixture_.log_density(np.column_stack([np.arange(400), X]))
        assert_allclose(table["log_density"].to_numpy(), expected, rtol=1e-12)
    assert fitted.feature_names_in_.tolist() == ["id", "e_0", "e_1", "e_2"]
    pq.write_table(pa.table({"id": [1.0, 2.0], "e": lists_of(X[:2, :2])}), tmp_path / "two.parquet")
    message = fails("predict", model, "two.parquet", cwd=tmp_path)
    assert message.startswith("two.parquet holds lists of 2 values in column 'e', where 3 features")
    pq.write_table(pa.table({"id": [1.0], "f": lists_of(X[:1])}), tmp_path / "none.parquet")
    assert "none.parquet has no column" in fails("predict", model, "none.parquet", cwd=tmp_path)


def test_files_that_are_no_data(write, tmp_path):
    (tmp_path / "empty").mkdir()
    assert fails("fit", "empty", cwd=tmp_path) == "there is no file in the folder empty"
    assert fails("fit", "empty/*.csv", cwd=tmp_path) == "there is no file empty/*.csv"
    assert fails("fit", "no/data.csv", cwd=tmp_path).startswith("there is no file no/data.csv.")
    write("a\n1\n", "geyser.csv")
    message = fails("fit", "geysir.csv", cwd=tmp_path)
    assert message == "there is no file geysir.csv. Did you mean 'geyser.csv'?"
    assert "must end in .parquet, " in fails("fit", write("a\n1\n", "x.dat"), cwd=tmp_path)
    assert "cannot read" in fails("fit", write(b"no parquet", "x.parquet"), cwd=tmp_path)
    message = fails("fit", "-", cwd=tmp_path)
    assert message.startswith("standard input is empty")


def test_a_truncated_parquet_file(home, tmp_path):
    whole = (home / "faithful.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    assert fails("fit", "cut.parquet", cwd=tmp_path).startswith("cannot read cut.parquet: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(write, tmp_path):
    path = write("a\n1\n")
    path.chmod(0)
    assert fails("fit", path, cwd=tmp_path) == f"cannot read {path}: Permission denied"


def test_columns_that_are_not_there(home):
    assert fails("fit", "small.csv", "--columns", "a,bb", cwd=home) == (
        "small.csv has no column 'bb'. Did you mean 'b'?"
    )
    assert "has no columns 'x', 'y'" in fails("fit", "small.csv", "--columns", "x,y", cwd=home)
    assert fails("fit", "small.csv", "--weight", "zebra", cwd=home) == (
        "small.csv has no column 'zebra'. Choose from a, b, w."
    )


def test_weights_that_are_none(write, tmp_path):
    negative = write("a,w\n1,1\n2,-2\n3,1\n")
    message = fails("fit", negative, "--weight", "w", cwd=tmp_path)
    assert (
        "line 3: column 'w', data row 2, holds the weight -2; weights are zero or more" in message
    )
    zero = write("a,w\n1,0\n2,0\n3,0\n")
    assert "every weight in column 'w' is zero" in fails("fit", zero, "--weight", "w", cwd=tmp_path)


def test_what_the_library_refuses_is_one_sentence(write, tmp_path):
    path = write("a,w\n1,1\n2,1\n3,0\n4,0\n")
    message = fails("fit", path, "-k", "3", "--weight", "w", cwd=tmp_path)
    assert message.startswith(f"cannot fit {path}: ")


# What can be wrong with the options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-k", "0"], "-k is '0', but must be a whole number of at least 1"),
        (["-k", "two"], "-k is 'two', but must be a whole number of at least 1"),
        (["-k", "2.5"], "-k is '2.5', but must be a whole number of at least 1"),
        (["--format", "xls"], "--format is 'xls'. Choose from parquet, csv."),
        (["--tol", "-1"], "--tol is '-1', but must be a number of at least 0"),
        (["--tol", "nan"], "--tol is 'nan', but must be a number of at least 0"),
        (["--seed", "-1"], "--seed is '-1', but must be a whole number from 0 to 4294967295"),
        (["--seed", "4294967296"], "but must be a whole number from 0 to 4294967295"),
        (["--n-init", "0"], "--n-init is '0', but must be a whole number of at least 1"),
        (["--jobs", "all"], "--jobs is 'all', but must be a whole number"),
        (["--init", "kmean"], "--init is 'kmean'. Did you mean 'kmeans'?"),
        (["--reg-covar", "-1"], "--reg-covar is '-1', but must be auto, or a number of at least 0"),
        (["--jobs", "0"], "--jobs is 0"),
        (["--covariance", "sphercal"], "'sphercal'. Did you mean 'spherical'?"),
        (["--covariance", "vve"], "'vve'. Did you mean 'VVE'?"),
        (["--columns", "a,,b"], "--columns has an empty name"),
        (["--columns", ""], "--columns has an empty name"),
        (["--columns", "a,a"], "--columns names 'a' twice"),
        (["--max-memory", "lots"], "--max-memory is 'lots'; write it like 200MB or 1.5GiB"),
        (["-"], "- is standard input and stands alone"),
        (["--resume"], "--resume goes on from a file; name it with --checkpoint"),
    ],
)
def test_options_that_cannot_be_meant(home, options, message):
    assert message in fails("fit", "small.csv", *options, cwd=home, code=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit"], "missing argument 'FILE'; see mixtura fit --help"),
        (["fit", "small.csv", "--colums", "a"], "no such option: --colums"),
        (["fit", "small.csv", "-k"], "option '-k' requires an argument; see mixtura"),
        (["sample", "model", "-n", "0"], "-n is '0', but must be a whole number of at least 1"),
        (["select", "small.csv", "--top", "x"], "--top is 'x', but must be a whole number"),
        (["select", "small.csv", "--covariance", "all,full"], "'all,full', but all stands alone"),
        (["show", "one", "two"], "unexpected extra argument"),
        (["xyzzy"], "no such command 'xyzzy'; see mixtura --help"),
    ],
)
def test_misuse_is_one_sentence_like_any_other(home, arguments, message):
    assert message in fails(*arguments, cwd=home, code=2)


def test_without_a_command_the_help_is_shown(home):
    done = call(cwd=home)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.strip() == succeeds("--help", cwd=home).strip()


@pytest.mark.parametrize(
    ("command", "model"), [("fit", GaussianMixture()), ("select", mixtura.GaussianMixtureSearch())]
)
def test_the_defaults_that_the_help_shows_are_the_librarys(command, model):
    params = typer.main.get_command(app).commands[command].params
    options = {option.name: option.default for option in params}
    defaults = model.get_params() | {"init": GaussianMixture().init_params}
    shared = options.keys() & defaults.keys()
    assert {"n_init", "max_iter", "tol", "reg_covar"} <= shared
    ours, theirs = ({name: of[name] for name in shared} for of in (options, defaults))
    ours["noise"] = {"no": False}.get(ours["noise"], ours["noise"])  # an axis of select's grid
    for of in (ours, theirs):
        of.pop("n_components", None)  # which has a meaning of its own
    assert ours == theirs


def test_the_names_that_the_help_lists_are_the_librarys():
    assert tuple(STRUCTURES) == COVARIANCE_TYPES
    assert set(names.STARTS) == {"auto", *STARTS}


def test_help_and_version_import_nothing_that_takes_long(tmp_path):
    code = (
        "import sys; sys.argv[1:] = sys.argv[1].split(); from mixtura.cli import main\n"
        "try: main()\n"
        "finally:\n"
        "    slow = {'numpy', 'sklearn', 'scipy', 'pyarrow', 'matplotlib'}\n"
        "    print(slow & {*sys.modules}, file=sys.stderr)"
    )
    # An instruction set that is asked for by name is looked up in the core at once.
    plain = {name: value for name, value in ENVIRONMENT.items() if name != "MIXTURA_SIMD"}
    for arguments in ("--version", "--help", "fit --help", "select --help", "fit x.csv -k two"):
        done = subprocess.run(
            [sys.executable, "-c", code, arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=plain,
            check=False,
        )
        assert done.stderr.splitlines()[-1] == "set()", arguments


# What can be wrong with the output


def test_folders_that_cannot_be_written(home, write):
    in_the_way = write("a file")
    for folder in (in_the_way, in_the_way / "below"):
        message = fails("fit", "small.csv", "-k", "1", "-o", folder, cwd=home)
        assert message == f"{in_the_way} is a file; -o needs a folder"
    options = ["fitted/model.safetensors", "faithful.csv", "-o"]
    assert fails("predict", *options, "none/x.csv", cwd=home) == (
        "cannot write none/x.csv: the folder none does not exist"
    )
    assert "must end in .csv or .parquet" in fails("predict", *options, "x.txt", cwd=home)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(home, tmp_path):
    tmp_path.chmod(0o500)
    message = fails("fit", "small.csv", "-k", "1", "-o", tmp_path, cwd=home)
    assert message.startswith(f"cannot write {tmp_path}: ")


@contextlib.contextmanager
def files_of_at_most(n_bytes):
    """For this process, which the system stops when it writes more: a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("largest_file", [100, 6_000, 20_000])
def test_on_a_full_disk_no_file_lies_beside_another_fits_model(home, tmp_path, largest_file):
    # Fails in turn at the model (1 kB), the responsibilities (10 kB) and the figure (40 kB).
    before = {path.name: path.read_bytes() for path in (home / "fitted").iterdir()}
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)

    with files_of_at_most(largest_file):
        message = fails("fit", "faithful.csv", "-k", "3", "-o", tmp_path, cwd=home)
    assert message.startswith("cannot write ")
    assert "File too large" in message
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if largest_file == 100:
        assert message.endswith(f"nothing was written to {tmp_path}")
        assert after == before
        return
    names = ["model.safetensors", "responsibilities.parquet", "mixture.png"]
    n_written = 1 if largest_file == 6_000 else 2
    there, missing = (", ".join(part) for part in (names[:n_written], names[n_written:]))
    assert message.endswith(f"{tmp_path} holds {there}, but not {missing}")
    assert after.keys() == set(names[:n_written])
    assert not [name for name in after if after[name] == before[name]]
    assert mixtura.load(tmp_path / "model.safetensors").n_components == 3


# Each starts a process, which imports all.
SHOWING = [pytest.param(["show", *more], marks=pytest.mark.nightly) for more in ([], ["--json"])]


@pytest.mark.parametrize("arguments", [["sample", "-n", "9"], *SHOWING])
def test_a_full_standard_output_is_an_error(home, arguments):
    command, *options = arguments
    with Path("/dev/full").open("w") as full:
        done = process(
            command,
            "fitted/model.safetensors",
            *options,
            cwd=home,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == "mixtura: error: cannot write the output: No space left on device\n"


# predict, sample, show


def test_predict_prints_csv(home):
    out = succeeds("predict", "fitted/model.safetensors", "faithful.csv", cwd=home)
    ours = pd.read_csv(StringIO(out))
    theirs = pd.read_parquet(home / "fitted/responsibilities.parquet")
    pd.testing.assert_frame_equal(in_single(ours), theirs)
    assert out.startswith("label,certainty,log_density,responsibility_0,responsibility_1\n")


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_predict_writes_a_file(home, name):
    arguments = ["fitted/model.safetensors", "faithful.parquet", "-o", name]
    assert succeeds("predict", *arguments, cwd=home) == ""
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    theirs = pd.read_parquet(home / "fitted/responsibilities.parquet")
    pd.testing.assert_frame_equal(in_single(read(home / name)), theirs)
    facts = json.loads(succeeds("predict", *arguments, "--json", cwd=home))
    assert facts == {"n_rows": 272, "files": {"predictions": name}}


def test_predict_prints_json(home):
    out = succeeds("predict", "fitted/model.safetensors", "faithful.csv", "--json", cwd=home)
    facts = json.loads(out)
    theirs = pd.read_parquet(home / "fitted/responsibilities.parquet")
    assert facts["n_rows"] == 272
    pd.testing.assert_frame_equal(in_single(pd.DataFrame(facts["rows"])), theirs)


def test_json_has_no_infinity(home, write):
    far = write("eruptions,waiting\n1e300,1\n3,70\n")
    out = succeeds("predict", "fitted/model.safetensors", far, "--json", cwd=home)
    densities = [row["log_density"] for row in json.loads(out, parse_constant=pytest.fail)["rows"]]
    assert densities == [np.finfo(float).min, pytest.approx(-8, abs=1)]


def test_predict_finds_columns_by_name(home, tmp_path):
    frame = pd.read_csv(home / "faithful.csv")
    shuffled = frame.assign(note="text")[["note", "waiting", "eruptions"]]
    shuffled.to_csv(tmp_path / "shuffled.csv", index=False)
    model = home / "fitted/model.safetensors"
    ours = succeeds("predict", model, "shuffled.csv", cwd=tmp_path)
    assert ours == succeeds("predict", model, "faithful.csv", cwd=home)

    renamed = frame.rename(columns={"waiting": "waitng"})
    renamed.to_csv(tmp_path / "renamed.csv", index=False)
    assert fails("predict", model, "renamed.csv", cwd=tmp_path) == (
        "renamed.csv has no column 'waiting'. Did you mean 'waitng'?"
    )
    columns = ["--columns", "eruptions,waitng"]
    assert succeeds("predict", model, "renamed.csv", *columns, cwd=tmp_path) == ours


def test_predict_with_a_model_that_knows_no_names(home, tmp_path):
    frame = pd.read_csv(home / "faithful.csv")
    model = mixtura.GaussianMixture(2, random_state=0).fit(frame.to_numpy())
    model.save(tmp_path / "nameless.safetensors")
    out = succeeds("predict", "nameless.safetensors", home / "faithful.csv", cwd=tmp_path)
    theirs = model.predict(frame.to_numpy())
    np.testing.assert_array_equal(pd.read_csv(StringIO(out))["label"], theirs)
    message = fails("predict", "nameless.safetensors", home / "small.csv", cwd=tmp_path)
    assert "the model has 2 features and" in message
    assert "gives 3; choose as many columns with --columns" in message


def test_predict_streams_many_rows(home, tmp_path):
    X = np.tile(load_faithful().data, (500, 1))
    names = load_faithful().feature_names
    pq.write_table(Rows("", names, np.asfortranarray(X)).X, tmp_path / "many.parquet")
    model = home / "fitted/model.safetensors"
    succeeds("predict", model, "many.parquet", "-o", "out.parquet", cwd=tmp_path)
    ours = pq.read_table(tmp_path / "out.parquet")
    theirs = mixtura.load(model).score_samples(pd.DataFrame(X, columns=names))
    np.testing.assert_allclose(ours["log_density"], theirs, rtol=1e-12)
    text = pd.read_csv(StringIO(succeeds("predict", model, "many.parquet", cwd=tmp_path)))
    pd.testing.assert_frame_equal(in_single(text), ours.to_pandas())


def test_sample_draws_from_the_model(home):
    arguments = ["fitted/model.safetensors", "-n", "500", "--seed", "3"]
    out = succeeds("sample", *arguments, cwd=home)
    ours = np.loadtxt(StringIO(out), delimiter=",", skiprows=1)
    theirs, _ = mixtura.load(home / "fitted/model.safetensors").sample(500, random_state=3)
    assert out.startswith("eruptions,waiting\n")
    np.testing.assert_array_equal(ours, theirs)
    assert out == succeeds("sample", *arguments, cwd=home, run=process)
    succeeds("sample", *arguments, "-o", "rows.parquet", cwd=home)
    np.testing.assert_array_equal(pd.read_parquet(home / "rows.parquet"), theirs)


def test_samples_without_a_seed_differ(home):
    arguments = ["fitted/model.safetensors", "-n", "5"]
    assert succeeds("sample", *arguments, cwd=home) != succeeds("sample", *arguments, cwd=home)


def test_show_tells_what_fit_told(home):
    shown = succeeds("show", "fitted/model.safetensors", cwd=home)
    assert (home / "told.txt").read_text().startswith(shown)
    summary = json.loads(succeeds("show", "fitted/model.safetensors", "--json", cwd=home))
    assert summary["n_rows"] == 272
    weights = sorted(component["weight"] for component in summary["components"])
    assert weights == pytest.approx([0.356, 0.644], abs=1e-3)


@pytest.mark.parametrize("command", [["show"], ["sample"], ["predict", "faithful.csv"]])
def test_files_that_are_no_model(home, write, command):
    name, *rest = command
    damaged = write((home / "fitted/model.safetensors").read_bytes()[:300], "m.safetensors")
    whole = (home / "fitted/model.safetensors").read_bytes()
    foreign = write(whole.replace(b'type\\": \\"full', b'type\\": \\"fuml'), "foreign.safetensors")
    for path in (damaged, foreign, home / "faithful.csv", home, home / "none.safetensors"):
        message = fails(name, path, *rest, cwd=home)
        assert message.startswith(f"cannot load {path}: ")
        assert message.count("cannot load") == 1


# demo


def test_demo_gives_the_promised_numbers(tmp_path):
    out = succeeds("demo", cwd=tmp_path)
    assert "log-likelihood per row: -3.951" in out
    assert "shape of the responsibilities: (600, 3)" in out
    weights = next(line for line in out.splitlines() if line.startswith("mixture weights: "))
    assert sorted(json.loads(weights.partition(": ")[2])) == [0.3332, 0.3333, 0.3335]
    assert "log-likelihood per row: -4.155" in out
    for name in ("blobs.png", "faithful.png"):
        assert f"demo-output/{name}" in out
        assert (tmp_path / "demo-output" / name).read_bytes().startswith(b"\x89PNG")


def test_demo_writes_where_it_is_told(tmp_path):
    succeeds("demo", "-o", "a/b", cwd=tmp_path)
    assert len(list((tmp_path / "a/b").iterdir())) == 2
    (tmp_path / "file").touch()
    assert fails("demo", "-o", "file", cwd=tmp_path) == "file is a file; -o needs a folder"


# Help, pipes, terminals, signals


def test_version(tmp_path):
    assert succeeds("--version", cwd=tmp_path, run=process) == f"mixtura {mixtura.__version__}\n"


@pytest.mark.parametrize("command", ["fit", "predict", "doctor", "sample", "show", "demo"])
def test_help_has_an_example(tmp_path, command):
    assert f"Example: mixtura {command} " in succeeds(command, "--help", cwd=tmp_path)
    assert command in succeeds("--help", cwd=tmp_path)


def test_commands_pipe_into_each_other(home):
    drawing = [*COMMAND, "sample", "fitted/model.safetensors", "-n", "2000", "--seed", "1"]
    options = {"cwd": home, "env": ENVIRONMENT}
    with forked.Popen(drawing, stdout=subprocess.PIPE, **options) as first:
        fitting = ["fit", "-", "-k", "2", "-o", "p", "--json"]
        second = forked.Popen(
            [*COMMAND, *fitting], stdin=first.stdout, stdout=subprocess.PIPE, **options
        )
        told, _ = second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert json.loads(told)["n_rows"] == 2000


@pytest.mark.parametrize("arguments", [["sample", "-n", "200000"], *SHOWING])
def test_a_closed_pipe_ends_quietly(home, arguments):
    name, *options = arguments
    running = forked.Popen(
        [*COMMAND, name, "fitted/model.safetensors", *options],
        cwd=home,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdout.close()
    _, errors = running.communicate()
    assert errors == b""
    assert running.returncode == 141


def test_a_closed_standard_output_is_nobodys_error(home):
    command = [*COMMAND, "show", "fitted/model.safetensors"]
    line = " ".join(command) + " >&-"
    options = {"shell": True, "capture_output": True, "env": ENVIRONMENT}
    done = subprocess.run(line, cwd=home, check=False, **options)
    assert (done.returncode, done.stderr) == (0, b"")


# A process inherits from whoever started the tests whether Ctrl-C is ignored, as behind nohup.
WITH_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("mixtura", run_name="__main__")
"""


@pytest.fixture
def long_fit(tmp_path):
    """Start a fit that never ends, its stderr a terminal; give the process and the terminal."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20_000, 4)), columns=list("abcd"))
    frame.to_parquet(tmp_path / "data.parquet")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/model.safetensors").write_text("old")
    terminal, far_end = pty.openpty()
    # EM ends when nothing changes any more, but there is always another start.
    options = ["-k", "8", "--tol", "0", "--max-iter", "100000", "--n-init", "100000", "-o", "out"]
    running = forked.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "fit", "data.parquet", *options],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=far_end,
    )
    os.close(far_end)
    yield running, terminal
    running.kill()
    running.communicate()
    os.close(terminal)


def read_until(terminal, wanted):
    seen = b""
    while wanted not in seen:
        seen += os.read(terminal, 1000)
    return seen


def read_all(terminal):
    seen = b""
    while True:
        try:
            seen += os.read(terminal, 1000)
        except OSError:  # how Linux says that the other end is closed
            return seen


def test_ctrl_c_says_so_in_one_line_and_leaves_old_files(long_fit, tmp_path):
    running, terminal = long_fit
    seen = read_until(terminal, b"start 1 of 100000, iteration ")
    assert b"start 0 of" not in seen
    running.send_signal(signal.SIGINT)
    last = read_all(terminal)
    assert running.wait() == 130
    assert running.stdout.read() == b""
    assert last.decode().splitlines()[-1].endswith("mixtura: interrupted")
    assert b"Traceback" not in last
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.safetensors"]
    assert (tmp_path / "out/model.safetensors").read_text() == "old"


@pytest.mark.parametrize("at_terminal", [True, False])
@pytest.mark.parametrize("quiet", [True, False])
def test_progress_is_for_whom_it_is_not_too_much(monkeypatch, at_terminal, quiet):
    monkeypatch.setattr(progress.Console, "is_terminal", property(lambda _: at_terminal))
    monkeypatch.setenv("TERM", "xterm")
    model = mixtura.GaussianMixture(2)
    source = mixtura.from_batches([np.eye(2)])
    rows = rows_of_files.Scanned(source, ("folder",))
    shown = not quiet  # elsewhere as plain lines
    with progress.progress_of_fit(model, rows, quiet=quiet):
        assert (model._on_iteration is not None) == (source.on_rows is not None) == shown
    assert model._on_iteration is source.on_rows is None
    with progress.progress_of_rows(rows, "writing", quiet=quiet):
        assert (source.on_rows is not None) == shown
    assert source.on_rows is None


# Extras and imports


@pytest.mark.parametrize("missing", ["typer", "rich", "pyarrow", "matplotlib"])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert fails("show", "model", cwd=tmp_path) == (
        f"the command line needs {missing}, not installed here; run: pip install 'mixtura[cli]'"
    )


def test_without_any_extra_the_library_works_and_the_command_says_what_it_needs():
    code = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
extras = {"typer", "rich", "pyarrow", "matplotlib"}
PathFinder.find_spec = lambda name, *rest: None if name in extras else find(name, *rest)
from mixtura import GaussianMixture
from mixtura.cli import main
from mixtura.datasets import load_faithful
print(GaussianMixture(2, random_state=0).fit(load_faithful().data).converged_)
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "True\n")
    assert done.stderr == (
        "mixtura: error: the command line needs typer, rich, pyarrow, matplotlib, "
        "not installed here; run: pip install 'mixtura[cli]'\n"
    )


# The summary on screens of any width


@pytest.mark.parametrize(
    ("n_components", "n_features", "width"),
    [(2, 2, 80), (2, 12, 80), (9, 12, 80), (3, 2, 60), (40, 3, 100), (2, 1, 40)],
)
def test_the_table_fits_the_screen(capsys, monkeypatch, n_components, n_features, width):
    monkeypatch.setenv("COLUMNS", str(width))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, n_features)) * 1e3
    model = mixtura.GaussianMixture(
        n_components, covariance_type="diag", init_params="kmeans", tol=10, random_state=0
    ).fit(X)
    screen.show_summary(model)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    seen = out.count(" ± ") - 1  # the note at the end has one
    components = model.summary().components
    places = [
        mean_and_spread(*pair) for c in components for pair in zip(c.mean, c.spread, strict=True)
    ]
    assert sum(place in out for place in places) == seen > 0
    hidden = n_components - seen // n_features
    assert seen % n_features == 0
    words = f"... and {hidden} more component{'' if hidden == 1 else 's'}; --json shows all"
    assert (words in out) == (hidden > 0)


def test_a_tiny_screen_shows_one_component_broken_into_lines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    X = load_faithful().data
    screen.show_summary(mixtura.GaussianMixture(2, random_state=0).fit(X))
    out = capsys.readouterr().out
    assert out.count("±") == 3  # the note at the end has one
    assert "and 1 more component;" in out


@pytest.mark.parametrize(
    ("mean", "spread", "shown"),
    [
        (79.96811, 6.0, "79.97 ± 6.00"),
        (1234.5678, 251.3, "1235 ± 251"),
        (0.123456, 0.00123, "0.12346 ± 0.00123"),
        (5.0, 1e-9, "5 ± 1.00e-09"),
        (-2.0, 0.0, "-2.00 ± 0.00"),
    ],
)
def test_means_have_the_decimals_of_their_spread(mean, spread, shown):
    assert mean_and_spread(mean, spread) == shown


# select


def test_select_writes_table_pictures_and_the_best_model(home, tmp_path):
    command = ["select", home / "faithful.csv", "-k", "1:3", "-o", tmp_path / "chosen"]
    told = succeeds(*command, cwd=home)
    lines = told.splitlines()
    header = ["K", "covariance", "log-lik.", "free", "parameters", "BIC", "AIC", "ICL", "delta"]
    assert lines[2].split() == header
    assert lines[4].split()[:2] == ["3", "EEE"]
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 100
    results = pd.read_csv(tmp_path / "chosen" / "results.csv", keep_default_na=False)
    assert len(results) == 3 * 14
    for name in ("search.png", "mixture.png", "uncertainty.png", "entropy.png"):
        assert (tmp_path / "chosen" / name).read_bytes()[:4] == b"\x89PNG"
    model = mixtura.load(tmp_path / "chosen" / "model.safetensors")
    assert (model.n_components, model.covariance_type) == (3, "EEE")


def test_select_in_json_goes_on_from_a_file(home, tmp_path):
    command = ["select", home / "faithful.csv", "-k", "1,2", "--covariance", "EEE,VVV", "--json"]
    command += [
        "--checkpoint",
        tmp_path / "sweep",
        "--resume",
        "-o",
        tmp_path / "chosen",
        "--criterion",
        "icl",
    ]
    first, again = (json.loads(succeeds(*command, cwd=home)) for _ in range(2))
    assert first["best"] == {"n_components": 2, "covariance_type": "VVV"}
    assert first == again


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-k", "9:1"], "-k is '9:1', but numbers of components begin at 1 and ascend"),
        (["-k", "two"], "-k is 'two'; write it like 1:9, or 1,2,5"),
        (["--covariance", "EEE,VVW"], "unknown covariance 'VVW'. Did you mean 'VVV'?"),
        (["--criterion", "bci"], "unknown criterion 'bci'. Did you mean 'bic'?"),
        (["--sign", "mclus"], "--sign is 'mclus'. Did you mean 'mclust'?"),
    ],
)
def test_select_refuses_what_no_data_could_make_right(options, sentence, home):
    assert fails("select", "faithful.csv", *options, cwd=home, code=2) == sentence


def test_select_has_pictures_only_of_what_there_is(home, tmp_path):
    """One component has no entropy, one feature no plane; an earlier selection's are no longer true."""
    table = pd.read_csv(home / "faithful.csv")
    table[["eruptions"]].to_csv(tmp_path / "one.csv", index=False)
    shared = ["-o", "out", "--quiet"]
    succeeds("select", home / "faithful.csv", "-k", "2", *shared, cwd=tmp_path)
    assert {"uncertainty.png", "entropy.png"} < {path.name for path in (tmp_path / "out").iterdir()}
    succeeds("select", "one.csv", "-k", "1", *shared, cwd=tmp_path)
    names = {"model.safetensors", "results.csv", "search.png", "mixture.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


def test_one_feature_has_its_own_names(home, tmp_path):
    table = pd.read_csv(home / "faithful.csv")
    table[["eruptions"]].to_csv(tmp_path / "one.csv", index=False)
    command = ["select", "one.csv", "-k", "2", "--covariance", "E,V", "--json"]
    told = json.loads(succeeds(*command, cwd=tmp_path))
    assert {row["covariance_type"] for row in told["top"]} == {"E", "V"}
    assert told["best"]["covariance_type"] == told["top"][0]["covariance_type"]
    chosen = mixtura.load(tmp_path / "mixtura-selection" / "model.safetensors")
    assert chosen.covariance_type == told["best"]["covariance_type"]
    succeeds("fit", "one.csv", "--covariance", "V", "-q", cwd=tmp_path)
    assert mixtura.load(tmp_path / "mixtura-output" / "model.safetensors").covariance_type == "V"
    for command in ("fit", "select"):
        message = fails(command, home / "faithful.csv", "--covariance", "V", cwd=tmp_path)
        assert "'V' is for one feature, but there are 2" in message


def test_select_in_mclusts_sign_with_other_settings(home, tmp_path):
    command = ["select", home / "faithful.csv", "-k", "2", "--covariance", "EEE", "--json"]
    plain = json.loads(succeeds(*command, cwd=tmp_path))["top"][0]
    settings = ["--sign", "mclust", "--n-init", "2", "--tol", "0", "--max-iter", "1"]
    done = call(*command, *settings, cwd=tmp_path)
    assert "did not converge in 1 iterations" in done.stderr
    other = json.loads(done.stdout)["top"][0]
    assert other["bic"] == pytest.approx(-plain["bic"], rel=1e-3)
    assert other["n_iter"] == 1
    assert plain["n_iter"] > 1


def test_select_sees_at_once_that_its_state_cannot_be_kept(home, tmp_path):
    for command in ("fit", "select"):
        given = [command, tmp_path / "none.csv", "--checkpoint"]
        message = f"cannot write {tmp_path}/no/sweep: the folder {tmp_path}/no does not exist"
        assert fails(*given, f"{tmp_path}/no/sweep", cwd=home) == message
        message = f"cannot write {tmp_path}: it is a folder; name a file in it"
        assert fails(*given, tmp_path, cwd=home) == message


def after_ctrl_c(running, terminal, *awaited):
    """The last line of a command that is interrupted once it has shown what is awaited."""
    try:
        for text in awaited:
            read_until(terminal, text)
        running.send_signal(signal.SIGINT)
        last = read_all(terminal).decode().splitlines()[-1]
        assert running.wait() == 130
    finally:
        running.kill()
        running.communicate()
        os.close(terminal)
    return last


@pytest.mark.parametrize("kept", [True, pytest.param(False, marks=pytest.mark.nightly)])
def test_ctrl_c_in_select_leaves_what_was_found_and_says_how_to_go_on(kept, tmp_path):
    rows = np.random.default_rng(0).normal(size=(4_000, 3))
    pd.DataFrame(rows, columns=list("abc")).to_parquet(tmp_path / "data.parquet")
    options = ["--checkpoint", "sweep"] if kept else []
    terminal, far_end = pty.openpty()
    running = forked.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "select", "data.parquet", "-k", "1:20", *options],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=far_end,
    )
    os.close(far_end)
    last = after_ctrl_c(running, terminal, b"first: 20 ", b"/840")
    how = "with --checkpoint FILE a sweep is kept, and --resume goes on"
    if kept:
        how = (
            "the sweep so far is kept in sweep, and the same command with --resume goes on from it"
        )
        assert (tmp_path / "sweep").is_file()
    said = f"mixtura: interrupted; the best model by then is in mixtura-selection; {how}"
    assert last.endswith(said)
    assert (tmp_path / "mixtura-selection" / "model.safetensors").is_file()
    results = pd.read_csv(tmp_path / "mixtura-selection" / "results.csv", keep_default_na=False)
    assert len(results) == 14 * 20
    assert (results.failure != "").all()


# Files of any size


@pytest.fixture
def folder(tmp_path):
    """Three files of rows around four places, with an identifier and a weight."""
    (tmp_path / "rows").mkdir()
    rng = np.random.default_rng(3)
    for day in range(3):
        X = rng.normal(size=(700, 2)) + 9 * rng.integers(0, 2, (700, 2))
        table = pd.DataFrame(X, columns=["x", "y"])
        table["n"] = rng.integers(0, 3, 700)
        table.to_parquet(tmp_path / f"rows/{day}.parquet")
    return tmp_path / "rows"


def whole(folder):
    return pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))])


def spoil(folder, **columns):
    """Change columns of the last file."""
    path = folder / "2.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path)


@pytest.mark.parametrize("given", ["folder", "pattern", "files", "arrow", "csv"])
def test_fit_reads_whatever_holds_the_rows(folder, tmp_path, given, monkeypatch):
    X = whole(folder)
    match given:
        case "folder":
            files = [folder]
        case "pattern":
            files = [f"{folder}/*.parquet"]
        case "files":
            files = sorted(folder.glob("*.parquet"))
        case "arrow":
            X.reset_index(drop=True).to_feather(tmp_path / "all.arrow")
            files = [tmp_path / "all.arrow"]
        case "csv":
            X.to_csv(tmp_path / "all.csv", index=False)
            monkeypatch.setattr(rows_of_files, "SMALL", 1_000)
            monkeypatch.setattr("mixtura.cli.rows.read_table", None)
            files = [tmp_path / "all.csv"]
    options = ["--columns", "y,x", "--weight", "n", "-k", "1", "-o", "out", "--json"]
    facts = json.loads(succeeds("fit", *files, *options, cwd=tmp_path))
    model = mixtura.load(tmp_path / "out/model.safetensors")
    theirs = np.average(X[["y", "x"]], axis=0, weights=X["n"])
    np.testing.assert_allclose(model.means_, [theirs], rtol=1e-12)
    assert list(model.feature_names_in_) == ["y", "x"]
    assert (facts["n_rows"], facts["weight"]) == (2_100, X["n"].sum())


def test_what_a_fit_writes_of_a_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "MOST_NUMBERS", 1_000)
    monkeypatch.setattr("mixtura.sources.source.rows_of_a_part", lambda _: 901)
    options = ["-k", "4", "--columns", "x,y", "--max-memory", "1MB", "-o", "out"]
    out = succeeds("fit", folder, *options, cwd=tmp_path)
    assert "2,100 x 2 features" in out
    model = mixtura.load(tmp_path / "out/model.safetensors")
    X = whole(folder)[["x", "y"]]
    table = pd.read_parquet(tmp_path / "out/responsibilities.parquet")
    shares = table.filter(like="responsibility_").to_numpy()
    np.testing.assert_allclose(shares, model.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(table["label"], model.predict(X))
    assert (tmp_path / "out/mixture.png").read_bytes().startswith(b"\x89PNG")


def test_one_small_file_is_read_whole_and_with_max_memory_by_parts(home, tmp_path):
    options = ["-k", "1", "-o", tmp_path, "--json"]
    read = succeeds("fit", "faithful.csv", *options, cwd=home)
    with mock.patch.object(rows_of_files, "read_table", side_effect=AssertionError):
        scanned = succeeds("fit", "faithful.csv", *options, "--max-memory", "1MB", cwd=home)
    ours, theirs = (json.loads(text)["log_likelihood"] for text in (scanned, read))
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_a_key_of_the_folders_is_a_column(folder, tmp_path):
    for day in range(3):
        (folder / f"day={day}").mkdir()
        (folder / f"{day}.parquet").rename(folder / f"day={day}/part.parquet")
    options = ["--columns", "x,day", "-k", "1", "--tol", "1", "-o", "out", "-q"]
    succeeds("fit", f"{folder}/*/*.parquet", *options, cwd=tmp_path)
    model = mixtura.load(tmp_path / "out/model.safetensors")
    assert model.means_[0, 1] == pytest.approx(1)


def test_a_value_that_is_missing_in_one_of_the_files(folder, tmp_path):
    x = pd.read_parquet(folder / "2.parquet")["x"]
    spoil(folder, x=x.where(x.index != 17, None))
    message = fails("fit", folder, "-k", "2", "-o", "out", cwd=tmp_path)
    assert message.startswith(f"{folder}/2.parquet: the value of column 'x', data row 18, is ")
    model = mixtura.GaussianMixture(1).fit(whole(folder)[["x", "y"]].dropna())
    model.save(tmp_path / "model.safetensors")
    arguments = ["model.safetensors", folder, "-o", "labels.parquet"]
    assert fails("predict", *arguments, cwd=tmp_path) == message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "rows"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": "text"}, "2.parquet holds string, not numbers, in column 'x'"),
        ({"z": 1.0}, "has a column of numbers 'z', which {folder}/0.parquet has not"),
    ],
)
def test_a_file_unlike_the_others(folder, tmp_path, change, message):
    spoil(folder, **change)
    said = fails("fit", folder, "-o", "out", cwd=tmp_path)
    assert message.format(folder=folder) in said.replace("large_string", "string")
    assert "with --columns" in said
    assert not (tmp_path / "out").exists()


def test_columns_that_scanned_files_should_not_have(folder, tmp_path):
    for path in folder.iterdir():
        pd.read_parquet(path).assign(name="Ann").to_parquet(path)
    assert fails("fit", folder, cwd=tmp_path) == (
        f"{folder}/0.parquet: column 'name' is not one of numbers; "
        "choose the columns of numbers with --columns x,y,n"
    )
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("1.5,2\n3,4\n")
    message = fails("fit", "a.csv", "b.csv", cwd=tmp_path)
    assert message.startswith("a.csv: the first line holds numbers (1.5, 2), not column names")
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("u,,v\n0,2,3\n1,4,5\n")
    assert "a.csv: column no. 2 has no name" in fails("fit", "a.csv", "b.csv", cwd=tmp_path)


def test_files_that_are_missing_truncated_or_of_two_formats(folder, tmp_path):
    missing = fails("fit", folder / "0.parquet", "none.parquet", cwd=tmp_path)
    assert missing == "there is no file none.parquet"
    (folder / "2.parquet").write_bytes((folder / "2.parquet").read_bytes()[:-9])
    assert f"cannot read {folder}/2.parquet: " in fails("fit", folder, cwd=tmp_path)
    (folder / "3.csv").write_text("x,y,n\n1,2,3\n")
    message = fails("fit", folder, cwd=tmp_path)
    assert message.endswith("has files of several formats: name those of one, as with '*.parquet'")


def test_the_output_is_not_put_among_the_data(folder, tmp_path):
    message = fails("fit", "rows", "-o", "rows/out", cwd=tmp_path)
    assert message.startswith("rows/out lies in the folder rows, whose files are read")
    assert "lies in the folder" in fails("select", ".", cwd=tmp_path)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet", None])
def test_predict_labels_a_folder_and_keeps_columns(folder, tmp_path, name):
    X = whole(folder)
    model = mixtura.GaussianMixture(4, random_state=0).fit(X[["x", "y"]])
    model.save(tmp_path / "model.safetensors")
    arguments = ["model.safetensors", f"{folder}/*.parquet", "--keep", "n,x"]
    if name is None:
        table = pd.read_csv(StringIO(succeeds("predict", *arguments, cwd=tmp_path)))
    else:
        assert succeeds("predict", *arguments, "-o", name, cwd=tmp_path) == ""
        table = (pd.read_csv if name.endswith("csv") else pd.read_parquet)(tmp_path / name)
    assert list(table)[:5] == ["n", "x", "label", "certainty", "log_density"]
    np.testing.assert_array_equal(table["n"], X["n"])
    np.testing.assert_allclose(table["x"], X["x"], rtol=1e-15)
    np.testing.assert_array_equal(table["label"], model.predict(X[["x", "y"]]))
    np.testing.assert_allclose(table["log_density"], model.score_samples(X[["x", "y"]]))
    facts = json.loads(succeeds("predict", *arguments, "-o", "l.csv", "--json", cwd=tmp_path))
    assert facts == {"n_rows": 2_100, "files": {"predictions": "l.csv"}}


def test_predict_keeps_columns_of_a_small_file(home, tmp_path):
    frame = pd.read_csv(home / "faithful.csv").assign(id=[f"no. {i}" for i in range(272)])
    frame.to_csv(tmp_path / "named.csv", index=False)
    model = home / "fitted/model.safetensors"
    out = succeeds("predict", model, "named.csv", "--keep", "id", cwd=tmp_path)
    assert pd.read_csv(StringIO(out))["id"].tolist() == frame["id"].tolist()


@pytest.mark.parametrize("many", [True, False])
def test_columns_that_cannot_be_kept(folder, tmp_path, many):
    mixtura.GaussianMixture(1).fit(whole(folder)[["x", "y"]]).save(tmp_path / "model.safetensors")
    arguments = ["model.safetensors", folder if many else folder / "0.parquet", "-o", "l.parquet"]
    message = fails("predict", *arguments, "--keep", "nn", cwd=tmp_path)
    assert "no column 'nn'" in message
    assert message.endswith("Did you mean 'n'?")
    message = fails("predict", *arguments, "--keep", "label", cwd=tmp_path, code=2)
    assert message == "--keep holds 'label', which is the name of a column that is written"
    assert not (tmp_path / "l.parquet").exists()


def test_select_reads_a_folder(folder, tmp_path):
    options = ["-k", "1,4", "--covariance", "EII,VVV", "--columns", "x,y", "-o", "out"]
    succeeds("select", folder, *options, "--max-memory", "1MB", cwd=tmp_path)
    results = pd.read_csv(tmp_path / "out/results.csv")
    assert len(results) == 4
    best = results.loc[results["bic"].idxmin()]
    assert (best["n_components"], best["covariance_type"]) == (4, "EII")  # as they were drawn
    assert (tmp_path / "out/mixture.png").is_file()


SELECTED = {
    "array": (["rows.npy"], None),
    "folder": (["parts"], None),
    "folder read again": (["parts", "--max-memory", "0"], None),
    "pattern": (["parts/*/*.parquet"], None),
    "standard input": (["-"], "rows.csv"),
    "lists": (["lists.parquet", "--columns", "e"], None),
}


@pytest.mark.parametrize("kind", SELECTED)
def test_select_reads_whatever_holds_the_rows(kind, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2)) + 9 * rng.integers(0, 2, (600, 1))
    np.save(tmp_path / "rows.npy", X)
    for number, half in enumerate((X[:350], X[350:])):
        (tmp_path / f"parts/{number}").mkdir(parents=True)
        table = pa.table({"x": half[:, 0], "y": half[:, 1]})
        pq.write_table(table, tmp_path / f"parts/{number}/rows.parquet")
    pd.DataFrame(X, columns=["x", "y"]).to_csv(tmp_path / "rows.csv", index=False)
    pq.write_table(pa.table({"e": lists_of(X)}), tmp_path / "lists.parquet")
    given, stdin = SELECTED[kind]
    options = ["-k", "1:2", "--covariance", "EII,VVV", "--seed", "1", "--json"]
    pictures = ["search.png", "mixture.png"] if kind == "array" else []
    options += [] if pictures else ["--no-figure"]
    results = []
    kept = ["--checkpoint", "sweep", "--resume"]
    for resume in ([], kept, kept):
        text = "" if stdin is None else (tmp_path / stdin).read_text()
        told = succeeds("select", *given, *options, *resume, "-o", "out", cwd=tmp_path, stdin=text)
        results.append(json.loads(told))
    assert results[1] == results[2]
    search = mixtura.GaussianMixtureSearch((1, 2), ("EII", "VVV"), random_state=1).fit(X)
    assert results[0]["best"] == results[2]["best"] == search.best_params_
    table = pd.read_csv(tmp_path / "out/results.csv")
    assert_allclose(table["bic"], search.results_["bic"], rtol=1e-6)
    for name in pictures:
        assert (tmp_path / "out" / name).read_bytes()[:4] == b"\x89PNG"
    assert mixtura.load(tmp_path / "out/model.safetensors").n_features_in_ == 2


# Fits that are stopped and go on


def test_a_checkpoint_that_cannot_be_written_or_belongs_to_other_rows(home, folder, tmp_path):
    message = fails("fit", "never read", "--checkpoint", "none/fit", cwd=tmp_path)
    assert message == "cannot write none/fit: the folder none does not exist"
    options = ["-k", "1", "--checkpoint", "fit", "--resume", "-q"]
    succeeds("fit", folder, *options, cwd=tmp_path)
    message = fails("fit", folder / "0.parquet", *options, cwd=tmp_path)
    assert "--checkpoint 'fit' holds a fit of other rows or weights" in message
    assert message.endswith("or leave out --resume")


def start_fit(folder, *options):
    terminal, far_end = pty.openpty()
    running = forked.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "fit", "rows", *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=far_end,
    )
    os.close(far_end)
    return running, terminal


def test_ctrl_c_keeps_the_fit_and_it_goes_on_to_the_same_end(tmp_path):
    (tmp_path / "rows").mkdir()
    rng = np.random.default_rng(0)
    for day in range(3):
        frame = pd.DataFrame(rng.normal(size=(60_000, 4)), columns=list("abcd"))
        frame.to_parquet(tmp_path / f"rows/{day}.parquet")
    options = ["-k", "4", "--tol", "0", "--max-iter", "40", "--n-init", "3"]
    running, terminal = start_fit(tmp_path, *options, "--checkpoint", "fit", "-o", "one")
    # Whichever iteration is shown first: the line is drawn some times a second.
    last = after_ctrl_c(running, terminal, b" of 3, iteration ", b" % of 180,000 rows")
    assert last.endswith(
        "mixtura: interrupted; the fit so far is kept in fit, "
        "and the same command with --resume goes on from it"
    )
    assert not (tmp_path / "one").exists()
    command = ["fit", "rows", *options, "-q"]
    succeeds(*command, "--checkpoint", "fit", "--resume", "-o", "one", cwd=tmp_path)
    succeeds(*command, "-o", "two", cwd=tmp_path)
    resumed, unbroken = (
        mixtura.load(tmp_path / name / "model.safetensors") for name in ("one", "two")
    )
    np.testing.assert_array_equal(resumed.means_, unbroken.means_)
    assert resumed.lower_bounds_ == unbroken.lower_bounds_


# The line of progress


def drawn(line, width):
    console = progress.Console(width=width, file=io.StringIO(), legacy_windows=False)
    console.print(line)
    return console.file.getvalue().rstrip("\n")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_progress_is_one_line_on_screens_of_any_width(width):
    line = progress.Line("reading")
    line.n_done = 12_000_000
    assert "\n" not in drawn(line, width)
    assert width < 30 or "reading 12,000,000 rows" in drawn(line, width)
    line.n_rows = 20_000_000
    line.what, line.result, line.short_result = (
        "start 2 of 10, iteration 17",
        ", log-likelihood per row -3.12345",
        ", -3.12345 per row",
    )
    text = drawn(line, width)
    assert "\n" not in text
    assert len(text.rstrip()) <= width
    assert text[2:].startswith("start 2 of 10, i")
    assert width < 60 or "60 % of 20,000,000 rows" in text
    assert width < 80 or text.rstrip().endswith("-3.12345 per row") or "per row -3.12345" in text
    assert (width >= 100) == ("━" in text)


def test_progress_says_what_comes_after_a_pass(monkeypatch):
    shown = progress.Line("reading")
    monkeypatch.setattr(progress, "_shown", lambda *_, **__: contextlib.nullcontext(shown))
    seen = []
    rows = mixtura.from_batches([np.random.default_rng(0).normal(size=(200_000, 2))] * 2)
    model = mixtura.GaussianMixture(1, max_iter=9, tol=1e9, random_state=0)
    with progress.progress_of_fit(model, rows_of_files.Scanned(rows, ("rows",)), quiet=False):
        tell = rows.on_rows

        def listen(n_done):
            tell(n_done)
            seen.append((shown.what, shown.n_done, shown.n_rows))

        rows.on_rows = listen
        model.fit(rows)
    assert seen[0] == ("reading", 131_072, None)
    assert ("looking for a start", 400_000, 400_000) in seen
    assert shown.what == f"iteration {model.n_iter_ + 1}"  # which would be the next
    assert f"log-likelihood per row {model.lower_bound_:.6g}" in shown.result


# Memory

# The peak of the process itself; getrusage counts what forked it, too.
WITH_PEAK = """
import atexit, runpy, sys
def tell():
    lines = open("/proc/self/status").read().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
atexit.register(tell)
runpy.run_module("mixtura", run_name="__main__")
"""


def peak_of(*arguments, cwd):
    command = [sys.executable, "-c", WITH_PEAK, *map(str, arguments)]
    options = {"cwd": cwd, "env": ENVIRONMENT, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, **options)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


@pytest.mark.nightly
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_memory_does_not_grow_with_the_files(tmp_path):
    """A fit and its responsibilities, and a prediction, of six times the rows."""
    rng = np.random.default_rng(0)
    names = [f"x{j}" for j in range(16)]
    peaks = {}
    for n_files in (4, 24):
        (tmp_path / str(n_files)).mkdir()
        for number in range(n_files):
            X = rng.standard_normal((131_072, 16), dtype=np.float32)
            table = pd.DataFrame(X, columns=names)
            table.to_parquet(tmp_path / str(n_files) / f"{number:02d}.parquet")
        options = ["-k", "2", "--covariance", "diag", "--max-iter", "2", "--max-memory", "40MB"]
        fit = peak_of("fit", str(n_files), *options, "-o", "out", "-q", cwd=tmp_path)
        arguments = ["out/model.safetensors", str(n_files), "-o", "labels.parquet"]
        peaks[n_files] = fit, peak_of("predict", *arguments, cwd=tmp_path)
    # 168 MB of rows more; how much of what it decoded pyarrow keeps differs from run to run.
    for few, many in zip(peaks[4], peaks[24], strict=True):
        assert many < few + 60_000_000, peaks
