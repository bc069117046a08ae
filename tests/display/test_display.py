"""How results show themselves: printed, in a notebook, in the shell, and as data frames."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture, describe
from mixtura.cli import main
from mixtura.datasets import load_faithful, make_three_blobs
from mixtura.display.page import MOST_LINES, Page, Shown, Table
from mixtura.selection import bootstrap_difference, bootstrap_ratio_test, combine

FAITHFUL = load_faithful()
X = FAITHFUL.data
FRAME = pd.DataFrame(X, columns=FAITHFUL.feature_names)


@pytest.fixture(scope="module")
def results():
    """One of every kind that a user can hold."""
    gm = GaussianMixture(3, covariance_type="EEE", random_state=0).fit(FRAME)
    search = GaussianMixtureSearch([2, 3], ["EEE", "VVV"], random_state=0).fit(FRAME)
    pair = search.estimator(3, "EEE"), search.estimator(2, "VVV")
    stream = GaussianMixture(2, random_state=0).partial_fit(X).partial_fit(X)
    return {
        "summary": gm.summary(),
        "summary of a search": search.summary(),
        "summary of a stream": stream.summary(),
        "component": gm.summary().components[0],
        "diagnosis": gm.diagnosis_,
        "mixture": gm.mixture_,
        "starts": gm.starts_,
        "start": gm.starts_[0],
        "results": search.results_,
        "top": search.top(3),
        "combination": combine(gm, FRAME),
        "ratio": bootstrap_ratio_test(X, 1),
        "difference": bootstrap_difference(*pair, FRAME, n_replicates=10),
        "data": make_three_blobs(),
        "description": describe(FRAME),
        "errors": gm.standard_errors(FRAME),
        "directions": gm.reduction(FRAME),
    }


KINDS = [
    *("summary", "summary of a search", "summary of a stream", "component", "diagnosis", "mixture"),
    *(
        "starts",
        "start",
        "results",
        "top",
        "combination",
        "ratio",
        "difference",
        "data",
        "description",
        "errors",
        "directions",
    ),
]


class Tags(HTMLParser):
    """Checks that elements are closed in order, and keeps what a reader sees."""

    def __init__(self, html):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, _):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_is_readable(results, kind):
    result = results[kind]
    assert isinstance(result, Shown)
    for text in (repr(result), str(result)):
        assert not re.search(r"array\(| object at 0x|\d\.\d{12}|np\.float", text) or kind == "start"
        assert all(line == line.rstrip() for line in text.splitlines())
    assert len(Tags(result._repr_html_()).cells) > 2
    assert pickle.loads(pickle.dumps(result))._repr_html_() == result._repr_html_()


@pytest.mark.parametrize("kind", KINDS)
def test_html_has_the_words_of_the_text(results, kind):
    text = re.sub(r"\s+", " ", str(results[kind]))
    for cell in Tags(results[kind]._repr_html_()).cells:
        assert cell in text


def test_all_that_the_package_hands_out_is_among_these(results):
    """Public classes, attributes and return values, but for what is an array, a model or a source."""
    held = {type(result).__name__ for result in results.values()} | {"Models", "Results", "Starts"}
    for cls in (GaussianMixture, GaussianMixtureSearch, Mixture):
        for name, member in inspect.getmembers(cls):
            function = member.fget if isinstance(member, property) else member
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            returned = str(function.__annotations__.get("return", "None"))
            plain = (
                r"Any|None|str|int|float|Array|FloatArray|Self|tuple\[.*\]|GaussianMixture|Criteria"
            )
            plain += r"|MetadataRequest|dict\[.*\]|CovarianceStructure"
            plain += r"|CutPoints|Modes|Divergence|Estimate|Reduction"  # tuples with names
            assert re.fullmatch(plain, returned) or returned in held, (cls, name, returned)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("backend", "frame"),
    [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)],
)
def test_every_result_is_a_frame(results, kind, backend, frame):
    ours = results[kind].to_frame(backend)
    assert isinstance(ours, frame)
    assert ours.shape[0] > 0
    if backend == "pandas":
        pd.testing.assert_frame_equal(results[kind].to_frame(), ours)


def test_a_frame_has_the_numbers_unrounded(results):
    summary = results["summary"]
    frame = summary.to_frame()
    names = ["eruptions_mean", "eruptions_std", "waiting_mean", "waiting_std"]
    assert [*frame.columns] == ["component", "weight", "expected_rows", *names]
    assert frame.waiting_mean.tolist() == [component.mean[1] for component in summary.components]
    diagnosis = results["diagnosis"]
    assert (diagnosis.to_frame().overlap == diagnosis.overlap).all()
    ratio = results["ratio"]
    assert (ratio.to_frame("polars")["statistic"].to_numpy() == ratio.replicates).all()
    assert results["top"].to_frame().delta.tolist() == [row["delta"] for row in results["top"]]
    assert_allclose(results["data"].to_frame()[["feature 1", "feature 2"]], results["data"].data)


def test_a_backend_that_is_none_is_named(results):
    with pytest.raises(ValueError) as refused:
        results["summary"].to_frame("dask")
    assert str(refused.value) == "backend must be one of pandas, polars, pyarrow, got 'dask'."


def test_no_library_of_frames_is_one_sentence():
    code = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "pandas" else find(name, *rest)
from mixtura.datasets import load_faithful
try:
    load_faithful().to_frame()
except ImportError as error:
    print(error)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "to_frame() makes a frame of pandas, which is not installed here: install it (pip install pandas), "
        "or give backend='pandas', 'polars' or 'pyarrow', whichever you have.\n"
    )


def test_html_escapes_names():
    names = ["<script>alert(1)</script>", "a & b"]
    gm = GaussianMixture(2, random_state=0).fit(pd.DataFrame(X, columns=names))
    html = gm.summary()._repr_html_()
    assert "<script>" not in html
    assert "a & b" not in html
    assert "a & b" in Tags(html).cells
    assert names[0] in Tags(html).cells


def test_html_escapes_whatever_stands_on_a_page():
    hostile = "<b>&amp;"
    table = Table(((hostile, "n"), (hostile, "1")), hostile, 3, texts=frozenset({"n"}))
    page = Page(hostile, ((hostile, hostile),), table, hostile)
    html = page.html()
    assert "<b>" not in html
    assert Tags(html).cells.count(hostile) == 6
    assert f"... and 2 more {hostile}s; to_frame() has all" in Tags(html).cells


def test_scikit_learns_html_of_an_estimator_works(results):
    unfitted, fitted = GaussianMixture(2), GaussianMixture(2, random_state=0).fit(X)
    for model in (unfitted, fitted, GaussianMixtureSearch([1, 2])):
        assert type(model).__name__ in model._repr_html_()
    assert repr(fitted) == "GaussianMixture(n_components=2, random_state=0)"


# Tables that are cut


def page_of(n_components, n_features):
    means = np.arange(n_components * n_features, dtype=float).reshape(n_components, n_features)
    weights = np.full(n_components, 1 / n_components)
    return Mixture.from_parameters(
        weights, means, np.ones(n_components), covariance_type="spherical"
    )


@pytest.mark.parametrize(
    ("n_components", "n_features", "words"),
    [
        (3, 3, None),
        (MOST_LINES, 2, None),
        (MOST_LINES + 1, 2, "... and 1 more component; to_frame() has all"),
        (2, MOST_LINES, None),
        (2, MOST_LINES + 2, "... and 2 more features; to_frame() has all"),
        (2, 500, f"... and {500 - MOST_LINES} more features; to_frame() has all"),
        (1000, 2, f"... and {1000 - MOST_LINES} more components; to_frame() has all"),
    ],
)
def test_a_long_table_says_what_was_left_out(n_components, n_features, words):
    mixture = page_of(n_components, n_features)
    text, cells = str(mixture), Tags(mixture._repr_html_()).cells
    assert max(map(len, text.splitlines())) <= 100
    assert ("..." in text) == (words is not None)
    if words is not None:
        assert words in text.splitlines()
        assert words in cells
    shown = min(n_components, MOST_LINES) * min(n_features, MOST_LINES)
    assert text.count(" ± ") == shown + 1  # the note at the end has one
    assert mixture.to_frame().shape == (n_components, 2 + 2 * n_features)


def test_where_both_are_many_both_are_counted():
    text = str(page_of(100, 100))
    left_out = re.search(r"\.\.\. and (\d+) more components and (\d+) more features;", text)
    n_components, n_features = (100 - int(number) for number in left_out.groups())
    assert n_features == MOST_LINES
    assert text.count(" ± ") == n_components * n_features + 1


def test_wide_letters_take_two_columns():
    table = Table(
        (("name", "温度"), ("a", "1"), ("温", "1000")), "row", 2, texts=frozenset({"name"})
    )
    lines = Page("", (("温度", "1"), ("ab", "2")), table).text().splitlines()
    assert lines[2:4] == ["温度  1", "ab    2"]
    assert lines[5:] == ["name  温度", "──────────", "a        1", "温    1000"]


# One summary, and what its words say


def test_the_shell_shows_the_page_that_python_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    model = GaussianMixture(2, random_state=0).fit(FRAME)
    model.save(tmp_path / "model.safetensors")
    monkeypatch.setattr("sys.argv", ["mixtura", "show", str(tmp_path / "model.safetensors")])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    assert capsys.readouterr().out == f"{model.summary()}\n\n"


def test_free_parameters_have_one_name(results):
    for kind in KINDS:
        text = str(results[kind]) + results[kind]._repr_html_()
        assert "degrees of freedom" not in text
        assert not re.search(r"(?<!free )parameters (?!\(|of)", text.replace("set by hand", ""))
    summary = results["summary"]
    assert ("free parameters", str(summary.n_parameters)) in summary._page().facts
    assert summary.to_dict()["n_parameters"] == 11
    assert "n_parameters" in results["results"]


def em_of(model):
    return dict(model.summary()._page().facts)["EM"]


def test_iterations_say_what_they_were_of(tmp_path):
    searched = GaussianMixture(2, random_state=0).fit(X)
    run_on = ("in float64", "auto")  # from the best of them
    n_searched = sum(record.kind not in run_on for record in searched.starts_)
    assert em_of(searched) == f"converged after 3 iterations, from the best of {n_searched} starts"
    several = GaussianMixture(2, init_params="random_from_data", n_init=3, random_state=0).fit(X)
    assert em_of(several).endswith(" iterations, from the best of 3 starts")
    alone = GaussianMixture(2, init_params="kmeans", random_state=0).fit(X)
    assert em_of(alone) == f"converged after {alone.n_iter_} iterations, from one start"
    alone.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    assert em_of(loaded) == em_of(alone)
    cell = GaussianMixtureSearch([2], ["VVV"], random_state=0).fit(X)
    assert em_of(cell) == f"converged after {cell.best_estimator_.n_iter_} iterations"
    one = GaussianMixture(1, init_params="kmeans", max_iter=1, tol=0, random_state=0)
    with pytest.warns(match="converge"):
        assert em_of(one.fit(X)) == "not converged after 1 iteration, from one start"


def test_starts_that_never_began_do_not_count():
    options = {"n_init": 4, "init_params": "random", "random_state": 0}
    model = GaussianMixture(2, callback=lambda *_: True, **options).fit(X)
    assert len(model.starts_) == 4
    assert model.summary().n_starts == 1


def test_a_stream_counts_its_batches(tmp_path):
    model = GaussianMixture(2, init_params="kmeans", random_state=0).fit(X)
    before = model.n_iter_
    model.partial_fit(X)
    assert em_of(model) == f"{before} iterations of a fit, then 1 batch learned by partial_fit"
    model.partial_fit(X)
    model.align_to(GaussianMixture(2, random_state=0).fit(X))
    model.save(tmp_path / "model.safetensors")
    model = mixtura.load(tmp_path / "model.safetensors").partial_fit(X)
    assert em_of(model) == f"{before} iterations of a fit, then 3 batches learned by partial_fit"
    by_hand = GaussianMixture.from_parameters([1.0], [[3.0, 70.0]], [np.diag([1.0, 9.0])])
    assert em_of(by_hand.partial_fit(X)) == "1 batch learned by partial_fit"


def test_parameters_set_by_hand_are_shown_in_the_shell_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [1.0]], [[[1.0]], [[2.0]]])
    model.save(tmp_path / "model.safetensors")
    monkeypatch.setattr("sys.argv", ["mixtura", "show", str(tmp_path / "model.safetensors")])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    out = capsys.readouterr().out
    assert "rows             none: parameters of 1 feature, set by hand\n" in out
    assert out == f"{model.summary()}\n\n"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_words_of_a_table_are_shortened_where_a_line_has_no_room(width):
    names = ["mean of a long name of a feature, the first", "mean of a long name, the second"]
    numbers = ["-0.0123456"] * 4
    lines = (("parameter", *"abcd"), *((name, *numbers) for name in names))
    table = Table(lines, "parameter", 2, frozenset({"parameter"}), shortens=True)
    page = Page("Title", (), table)
    shown = page.text(width).splitlines()[2:]
    whole = max(map(len, page.text(1000).splitlines()))
    assert max(map(len, shown)) == min(width, whole)
    assert [line.split("  ")[0].rstrip()[-4:] for line in shown[2:]] == ["irst", "cond"]
    assert ("…" in shown[2]) == (whole > width)
    assert all(line.endswith("  ".join(numbers)) for line in shown[2:])
