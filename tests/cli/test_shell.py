"""What a shell session meets: failures after a fit, Ctrl-C while files are written, logs, a real screen."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forked
import mixtura
from commands import COMMAND, ENVIRONMENT, call, fails, succeeds
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.cli import figures, outputs, progress
from mixtura.datasets import load_faithful

ALL = {"model.safetensors", "responsibilities.parquet", "mixture.png"}
RESULTS = {"model.safetensors", "results.csv"}
PICTURES = {"search.png", "mixture.png", "uncertainty.png", "entropy.png"}


@pytest.fixture
def home(tmp_path):
    faithful = load_faithful()
    frame = pd.DataFrame(faithful.data, columns=faithful.feature_names)
    frame.to_csv(tmp_path / "faithful.csv", index=False)
    return tmp_path


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def fails_to_draw(*_):
    raise ValueError("Too many bins for data range. Cannot create 10 finite-sized bins")


def is_interrupted(*_):
    raise KeyboardInterrupt


FIT = ("fit", "faithful.csv", "-k", "2", "-o", "out")
SELECT = ("select", "faithful.csv", "-k", "2", "--covariance", "EEE", "-o", "out")


# The model comes first


def test_values_that_differ_in_their_last_digit_are_fitted(home):
    rows = ["0.3", "0.30000000000000004"] * 3
    (home / "near.csv").write_text("\n".join(["a", *rows, ""]))
    done = call("fit", "near.csv", "-k", "1", "-o", "out", cwd=home)
    assert done.returncode == 0, done.stderr
    assert mixtura.load(home / "out/model.safetensors").means_ == pytest.approx(0.3)
    assert {"model.safetensors", "responsibilities.parquet"} <= names_in(home / "out")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [FIT, SELECT])
def test_a_picture_that_fails_is_a_note_and_no_old_one_is_left(home, monkeypatch, command):
    succeeds(*command, "-q", cwd=home)
    before = names_in(home / "out")
    monkeypatch.setattr(figures, "draw_mixture", fails_to_draw)
    done = call(*command, "--json", cwd=home)
    assert done.returncode == 0
    assert done.stderr == (
        "mixtura: note: mixture.png could not be drawn (Too many bins for data range); "
        "the fit is not affected\n"
    )
    assert names_in(home / "out") == before - {"mixture.png"}
    assert "figure" not in json.loads(done.stdout)["files"]
    assert succeeds(*command, "-q", cwd=home) == ""


@pytest.mark.parametrize(
    ("command", "module", "name", "there", "missing"),
    [
        (FIT, outputs, "write_batches", [], ["responsibilities.parquet", "mixture.png"]),
        (FIT, figures, "draw_mixture", ["responsibilities.parquet"], ["mixture.png"]),
        (
            SELECT,
            figures,
            "draw_mixture",
            ["results.csv", "search.png"],
            ["mixture.png", "uncertainty.png", "entropy.png"],
        ),
    ],
)
def test_ctrl_c_while_files_are_written_says_which_are(
    home, monkeypatch, command, module, name, there, missing
):
    succeeds(*command, "-q", cwd=home)
    old = (home / "out/model.safetensors").read_bytes()
    monkeypatch.setattr(module, name, is_interrupted)
    done = call(*command, "--seed", "1", cwd=home)
    assert (done.returncode, done.stdout) == (130, "")
    holds = ", ".join(["model.safetensors", *there])
    assert done.stderr == (
        f"mixtura: interrupted; out holds {holds}, but not {', '.join(missing)}\n"
    )
    assert names_in(home / "out") == {"model.safetensors", *there}
    assert (home / "out/model.safetensors").read_bytes() != old


def test_ctrl_c_while_writing_a_real_file_leaves_the_model(tmp_path):
    """A real process, interrupted once its model is there, of a table that takes long to write."""
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(400_000, 2)), columns=["a", "b"]).to_parquet(
        tmp_path / "rows.parquet"
    )
    code = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("mixtura", run_name="__main__")
"""
    options = ["-k", "9", "--covariance", "spherical", "--init", "random", "--max-iter", "1"]
    running = forked.Popen(
        [sys.executable, "-c", code, "fit", "rows.parquet", *options, "--format", "csv", "-q"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    model = tmp_path / "mixtura-output/model.safetensors"
    while not model.exists() and running.poll() is None:
        time.sleep(0.001)
    time.sleep(0.05)  # past the model, into the table
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    assert running.returncode == 130
    assert errors == (
        "mixtura: interrupted; mixtura-output holds model.safetensors, "
        "but not responsibilities.csv, mixture.png\n"
    )
    assert mixtura.load(model).n_components == 9
    assert names_in(model.parent) == {"model.safetensors"}


def test_ctrl_c_before_the_model_is_there_leaves_the_folder_as_it_was(home, monkeypatch):
    succeeds(*FIT, "-q", cwd=home)
    before = {path.name: path.read_bytes() for path in (home / "out").iterdir()}
    monkeypatch.setattr(GaussianMixture, "save", is_interrupted)
    done = call(*FIT, "--seed", "1", cwd=home)
    assert done.stderr == "mixtura: interrupted; nothing was written to out\n"
    assert {path.name: path.read_bytes() for path in (home / "out").iterdir()} == before


def test_a_fit_that_is_kept_says_so_at_ctrl_c_while_it_is_written(home, monkeypatch):
    kept = ["--checkpoint", "kept", "--seed", "1"]
    monkeypatch.setattr(figures, "draw_mixture", is_interrupted)
    for command, what in ((FIT, "fit"), (SELECT, "sweep")):
        done = call(*command, *kept, cwd=home)
        assert done.returncode == 130
        assert "interrupted; out holds model.safetensors, " in done.stderr
        assert done.stderr.endswith(
            f"; the {what} so far is kept in kept, and the same command with --resume goes on from it\n"
        )


def test_a_sweep_whose_checkpoint_cannot_be_written_any_more_is_not_lost(home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mixtura.sweep.checkpoint.write_state", full)
    message = fails(*SELECT, "--checkpoint", "kept", cwd=home)
    assert message == (
        "cannot write kept: No space left on device; the best model by then is in out"
    )
    assert mixtura.load(home / "out/model.safetensors").n_components == 2


def test_no_file_of_another_model_is_left(home):
    """A fit after a selection, and the other way round, into one folder; the user's own files stay."""
    (home / "out").mkdir()
    (home / "out/notes.txt").write_text("mine")
    succeeds(*SELECT, "-q", cwd=home)
    assert names_in(home / "out") == RESULTS | PICTURES | {"notes.txt"}
    succeeds(*FIT, "-q", "--format", "csv", cwd=home)
    of_the_sweep = {"results.csv", "notes.txt"}
    files = {"model.safetensors", "responsibilities.csv", "mixture.png"}
    assert names_in(home / "out") == files | of_the_sweep
    succeeds(*FIT, "-q", "--labels-only", "--no-figure", cwd=home)
    files = {"model.safetensors", "mixture-labels.parquet"}
    assert names_in(home / "out") == files | of_the_sweep
    succeeds(*SELECT, "-q", "--no-figure", cwd=home)
    assert names_in(home / "out") == RESULTS | {"notes.txt"}


# What is written, as the options say


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ([], {"model", "responsibilities", "figure"}),
        (["--no-figure"], {"model", "responsibilities"}),
        (["--no-responsibilities"], {"model", "figure"}),
        (["--labels-only"], {"model", "labels", "figure"}),
        (["--no-responsibilities", "--no-figure"], {"model"}),
    ],
)
def test_fit_writes_what_it_is_asked_for(home, options, files):
    told = json.loads(succeeds(*FIT, *options, "--json", cwd=home))
    assert set(told["files"]) == files
    assert {home / path for path in told["files"].values()} == set((home / "out").iterdir())


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_labels_only_is_a_table_of_labels(home, extension):
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[extension]
    succeeds(*FIT, "--labels-only", "--format", extension, "-q", cwd=home)
    model = mixtura.load(home / "out/model.safetensors")
    labels = pd.DataFrame({"label": model.predict(pd.read_csv(home / "faithful.csv"))})
    pd.testing.assert_frame_equal(read(home / f"out/mixture-labels.{extension}"), labels)
    predict = ["predict", "out/model.safetensors", "faithful.csv", "--labels-only"]
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(succeeds(*predict, cwd=home))), labels)
    succeeds(*predict, "--keep", "waiting", "-o", f"labels.{extension}", cwd=home)
    assert list(read(home / f"labels.{extension}")) == ["waiting", "label"]
    assert json.loads(succeeds(*predict, "--json", cwd=home))["rows"][0].keys() == {"label"}


def test_quiet_prints_errors_only(home):
    assert succeeds(*FIT, "-q", cwd=home) == ""
    assert succeeds(*SELECT, "-q", "-o", "chosen", cwd=home) == ""
    model = "out/model.safetensors"
    assert succeeds("show", model, "-q", cwd=home) == ""
    assert succeeds("predict", model, "faithful.csv", "-q", "-o", "l.csv", cwd=home) == ""
    assert succeeds("sample", model, "-q", "-o", "s.csv", cwd=home) == ""
    assert succeeds("demo", "-q", "-o", "drawn", cwd=home) == ""
    assert names_in(home / "drawn") == {"blobs.png", "faithful.png"}
    assert "it does not exist" in fails("show", "none", "-q", cwd=home)
    assert json.loads(succeeds("show", model, "-q", "--json", cwd=home))["n_rows"] == 272


# Least rows of a component, and most parameters


def test_min_component_rows_is_the_models(home):
    done = call(*FIT, "-k", "4", "--min-component-rows", "80", cwd=home)
    assert done.returncode == 0
    assert "fewer than --min-component-rows" in done.stderr
    assert mixtura.load(home / "out/model.safetensors").min_component_rows == 80
    assert "--min-component-rows" not in call(*FIT, "-k", "4", cwd=home).stderr


def test_no_model_with_a_component_on_fewer_rows_is_selected(home):
    grid = ["-k", "1:4", "--covariance", "EEE", "-o", "out", "--json", "--no-figure"]
    free, bound = (
        json.loads(succeeds("select", "faithful.csv", *grid, *more, cwd=home))
        for more in ([], ["--min-component-rows", "80"])
    )
    assert free["best"]["n_components"] == 3
    assert bound["best"]["n_components"] < 3
    X = load_faithful().data
    theirs = GaussianMixtureSearch(range(1, 5), ["EEE"], random_state=0, min_component_rows=80)
    assert bound["best"] == theirs.fit(X).best_params_


def test_max_parameters_leaves_out_larger_models(home):
    grid = ["-k", "1:3", "--covariance", "EII,VVV", "-o", "out", "--no-figure"]
    told = succeeds("select", "faithful.csv", *grid, "--max-parameters", "10", cwd=home)
    assert "models failed" in told
    results = pd.read_csv(home / "out/results.csv", keep_default_na=False)
    too_large = results["n_parameters"] > 10
    assert too_large.sum() == 2
    assert (results["failure"] != "").tolist() == too_large.tolist()
    assert "--max-parameters" not in fails(*FIT, "--max-parameters", "3", cwd=home, code=2)[:9]


# Where output may go


def test_output_that_cannot_be_written_is_seen_before_any_row_is_read(home, monkeypatch):
    monkeypatch.setattr("mixtura.cli.rows.read_table", None)
    (home / "file").touch()
    (home / "taken/model.safetensors").mkdir(parents=True)
    (home / "dangling").symlink_to("nowhere/at/all")
    given = {
        "file": "file is a file; -o needs a folder",
        "file/below": f"{home}/file is a file; -o needs a folder",
        "taken": "cannot write taken/model.safetensors: it is a folder; name a file in it",
        "dangling": "cannot write dangling: File exists",
        "x" * 300: f"cannot write {'x' * 300}: File name too long",
    }
    if Path("/proc/self").is_dir():  # where nobody makes folders, whatever the permissions
        given["/proc/none"] = "cannot write /proc/none: No such file or directory"
    before = names_in(home)
    for command in ("fit", "select"):
        for folder, sentence in given.items():
            assert fails(command, "faithful.csv", "-o", folder, cwd=home) == sentence
    assert names_in(home) == before
    assert fails("fit", "faithful.csv", "-o", "", cwd=home, code=2) == "-o is empty; name a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("below", ["", "a/b"])
def test_a_parent_without_permission_is_seen_before_any_row_is_read(home, monkeypatch, below):
    monkeypatch.setattr("mixtura.cli.rows.read_table", None)
    (home / "closed").mkdir(mode=0o500)
    message = fails("fit", "faithful.csv", "-o", home / "closed" / below, cwd=home)
    assert message.endswith(f"no permission to write in {home}/closed")


def test_a_folder_that_holds_other_things_keeps_them(home):
    (home / "mine").mkdir()
    (home / "mine/thesis.tex").write_text("all of it")
    succeeds(*FIT[:-1], "mine", "-q", cwd=home)
    assert (home / "mine/thesis.tex").read_text() == "all of it"
    assert names_in(home / "mine") == ALL | {"thesis.tex"}


def test_predict_does_not_write_over_what_it_reads(home):
    succeeds(*FIT, "-q", cwd=home)
    given = ["predict", "out/model.safetensors", "faithful.csv", "-o"]
    before = (home / "faithful.csv").read_bytes()
    assert fails(*given, "faithful.csv", cwd=home) == (
        "faithful.csv is read, and would be replaced; choose another place with -o"
    )
    (home / "link.csv").symlink_to("faithful.csv")
    assert fails(*given, "link.csv", cwd=home).startswith("link.csv is read")
    assert (home / "faithful.csv").read_bytes() == before
    (home / "rows").mkdir()
    given[2] = "rows"
    assert "lies in the folder rows, whose files are read" in fails(*given, "rows/l.csv", cwd=home)


# A log


@pytest.mark.parametrize("command", [FIT, SELECT])
def test_in_a_pipe_json_is_alone_and_progress_a_few_plain_lines(home, command, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_TO_FIRST_LINE", 0.001)
    done = call(*command, "--json", cwd=home)
    assert done.returncode == 0
    assert json.loads(done.stdout)["files"]
    lines = done.stderr.splitlines()
    assert lines
    assert all(re.fullmatch(r"mixtura: [ -~]+", line) for line in lines)
    assert len(lines) < 60  # each takes twice the time of the one before, in each of six parts
    assert call(*command, "--json", "-q", cwd=home).stderr == ""


def test_a_log_says_how_far_the_work_is(capsys):
    with progress._told(lambda: "unseen"):
        pass
    assert capsys.readouterr().err == ""  # short work
    line = progress.Line("iteration 3", 50, 200, ", log-likelihood per row -1.5")
    assert line.words == "iteration 3: 25 % of 200 rows, log-likelihood per row -1.5"
    assert progress.Line("reading", 2_000).words == "reading 2,000 rows"
    with progress.steps_shown("models", quiet=False) as show:
        show("first: 2 EEE", 3, 1_200)


# A real screen

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


class Screen:
    """A terminal of 100 x 30 within tmux, on a server of its own."""

    def __init__(self, folder):
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        self._do("new-session", "-d", "-x", "100", "-y", "30", "-c", str(folder), "sh")
        self.type("PS1='$ '; export PYTHONWARNINGS=error; clear")

    def _do(self, *arguments):
        options = {"capture_output": True, "text": True, "check": True}
        return subprocess.run([*self._tmux, *arguments], **options).stdout

    def type(self, line):
        self._do("send-keys", line, "Enter")

    def press(self, key):
        self._do("send-keys", key)

    def lines(self):
        return [line.rstrip() for line in self._do("capture-pane", "-p").splitlines()]

    def until(self, pattern):
        """The screens that were seen, the last of which holds what is awaited."""
        seen = []
        while not seen or not re.search(pattern, "\n".join(seen[-1]), re.MULTILINE):
            seen.append(self.lines())
            time.sleep(0.02)
        return seen

    def close(self):
        self._do("kill-server")


@pytest.fixture
def screen(tmp_path):
    opened = Screen(tmp_path)
    yield opened
    opened.close()


@needs_tmux
def test_progress_on_a_real_screen_is_one_line_that_goes(screen, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 4))
    pd.DataFrame(rows, columns=list("abcd")).to_parquet(tmp_path / "rows.parquet")
    run = " ".join(COMMAND)
    screen.type(f"{run} fit rows.parquet -k 6 --tol 0 --max-iter 40 --n-init 2000")
    screen.until("start 2 of 2000, iteration")
    for _ in range(20):
        lines = [line for line in screen.lines() if line]
        assert (
            sum("iteration" in line for line in lines) <= 1
        )  # it moves, and leaves nothing behind
        time.sleep(0.05)
    screen.press("C-c")
    last = [line for line in screen.until(r"^mixtura: interrupted$")[-1] if line]
    assert not [line for line in last if "iteration" in line or "\x1b" in line]

    screen.type("clear")
    screen.type(f"{run} select rows.parquet -k 1:2 --covariance EII,EEE -o best --no-figure")
    seen = screen.until(r"^results: best/results.csv$")
    assert max(sum("/12" in line for line in lines) for lines in seen) <= 1
    last = [line for line in seen[-1] if line]
    assert not [line for line in last if "/12" in line]
    assert any(line.split()[:2] == ["K", "covariance"] for line in last)


def test_nothing_that_is_read_or_not_ours_is_replaced(home):
    before = (home / "faithful.csv").read_bytes()
    told = fails(*FIT, "--checkpoint", "faithful.csv", cwd=home)
    assert "faithful.csv: it holds something else than the state of a fit or a sweep" in told
    (home / "out").mkdir()
    (home / "out/responsibilities.csv").write_bytes(before)
    there = ["out/responsibilities.csv", "-k", "2", "-o", "out"]
    told = fails("fit", *there, "--format", "csv", cwd=home)
    assert "out/responsibilities.csv is read, and would be replaced" in told
    assert (home / "faithful.csv").read_bytes() == before
    assert (home / "out/responsibilities.csv").read_bytes() == before
    assert not (home / "out/model.safetensors").exists()


def test_a_doctor_is_quiet_when_asked_and_reads_no_model(home):
    assert succeeds("doctor", "faithful.csv", "--quiet", cwd=home) == ""
    succeeds(*FIT, "--no-figure", cwd=home)
    assert "holds a model, not data" in fails("doctor", "out/model.safetensors", cwd=home)
