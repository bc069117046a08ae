"""`--report` of fit and select: what is written, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import mixtura
from commands import call, fails, succeeds
from mixtura.datasets import load_faithful

FAITHFUL = load_faithful().data


@pytest.fixture
def folder(tmp_path):
    frame = pd.DataFrame(FAITHFUL, columns=["eruptions", "waiting"])
    frame["w"] = np.arange(len(frame)) % 3 + 1
    frame.to_csv(tmp_path / "geyser.csv", index=False)
    return tmp_path


def data_in(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


COLUMNS = ("--columns", "eruptions,waiting")


def test_a_fit_has_a_report_beside_its_files(folder):
    said = succeeds(
        "fit", "geyser.csv", "-k", 2, *COLUMNS, "-o", "out", "--report", "out/fit.html", cwd=folder
    )
    assert said.endswith("report: out/fit.html\n")
    model = mixtura.load(folder / "out" / "model.safetensors")
    data = data_in(folder / "out" / "fit.html")
    assert [axis["name"] for axis in data["axes"]] == ["eruptions", "waiting"]
    np.testing.assert_array_equal(
        data["rows"]["label"], model.predict(pd.DataFrame(FAITHFUL, columns=data["features"]))
    )
    assert data["rows"]["numbers"] == list(range(1, 273))


def test_it_is_among_the_files_of_json(folder):
    said = succeeds("fit", "geyser.csv", *COLUMNS, "--report", "fit.html", "--json", cwd=folder)
    assert json.loads(said)["files"]["report"] == "fit.html"


def test_rows_that_are_left_out_keep_the_numbers_of_the_others(folder):
    frame = pd.read_csv(folder / "geyser.csv")
    frame.loc[[0, 7], "waiting"] = np.nan
    frame.to_csv(folder / "gaps.csv", index=False)
    asked = ("fit", "gaps.csv", "-k", 2, *COLUMNS, "-q", "--report", "fit.html")
    succeeds(*asked, "--drop-missing", cwd=folder)
    names = data_in(folder / "fit.html")["rows"]["names"]
    assert names[:2] == ["row 2", "row 3"]
    assert "row 8" not in names
    succeeds(*asked, "--missing", "mar", cwd=folder)
    assert data_in(folder / "fit.html")["rows"]["missing"] == [[], [0, 7]]


@pytest.mark.parametrize(
    "more",
    [
        ("--weight", "w"),
        ("--weight", "w", "--max-memory", "1MB"),
        ("--distribution", "t", "--noise"),
        ("--bayesian",),
        ("--prior", "default"),
        ("--checkpoint", "state"),
    ],
)
def test_it_goes_with_other_options(folder, more):
    asked = ("fit", "geyser.csv", "-k", 2, *COLUMNS, "-q", "--report", "fit.html", *more)
    assert call(*asked, cwd=folder).returncode == 0
    assert len(data_in(folder / "fit.html")["rows"]["label"]) == 272


def test_a_search_has_its_criterion(folder):
    asked = ("select", "geyser.csv", "-k", "1:3", "--covariance", "EEE,VVV", "--no-figure", "-q")
    succeeds(*asked, *COLUMNS, "--report", "select.html", cwd=folder)
    data = data_in(folder / "select.html")
    assert len(data["comparison"]["points"]) == 6
    assert len(data["rows"]["label"]) == 272


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--report", "fit.pdf"), "--report fit.pdf must end in .html or .htm"),
        (("--by", "w", "--report", "fit.html"), "--report is of one fit, and --by makes many"),
    ],
)
def test_what_cannot_be_is_misuse(folder, more, said):
    assert said in fails("fit", "geyser.csv", *more, cwd=folder, code=2)
    assert sorted(file.name for file in folder.iterdir()) == ["geyser.csv"]


@pytest.mark.parametrize("command", ["fit", "select"])
def test_a_place_that_cannot_be_written_is_refused_before_the_fit(folder, command):
    asked = (command, "geyser.csv", *COLUMNS)
    assert "does not exist" in fails(*asked, "--report", "no/fit.html", cwd=folder)
    (folder / "days").mkdir()
    (folder / "geyser.csv").rename(folder / "days" / "geyser.csv")
    said = fails(command, "days", *COLUMNS, "--report", "days/fit.html", cwd=folder)
    assert "choose another with --report" in said
    assert sorted(file.name for file in folder.iterdir()) == ["days"]
