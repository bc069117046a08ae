"""Where pictures are drawn: in pyplot's current figure where pyplot is imported."""

from __future__ import annotations

import os
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import forked

matplotlib.use("agg")

from matplotlib import pyplot as plt

BEGINNING = """
import sys
import numpy as np
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.plots import plot_entropy, plot_mixture, plot_search, plot_uncertainty, plot_weights
from mixtura.selection import combine
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3)) + 5 * rng.integers(0, 2, (60, 1))
gm = GaussianMixture(2, random_state=0).fit(X)
search = GaussianMixtureSearch([1, 2], ["EII", "VVV"], random_state=0).fit(X)
"""
CALLS = {
    "pairs": "plot_mixture(gm, X)",
    "two": "plot_mixture(gm, X, [0, 1])",
    "one": "plot_mixture(gm, X, 0)",
    "uncertainty": "plot_uncertainty(gm, X)",
    "entropy": "plot_entropy(combine(gm, X))",
    "search": "plot_search(search)",
    "weights": "plot_weights(gm)",
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@pytest.fixture(scope="module")
def names():
    """What the calls name."""
    names = {}
    exec(BEGINNING, names)
    return names


def pixels(path):
    return plt.imread(path)[:, :, :3]


def share_drawn(path):
    """Of the columns of pixels, those in which something is drawn."""
    return (pixels(path) < 0.95).any(axis=(0, 2)).mean()


def n_colours(path):
    of_bytes = np.round(255 * pixels(path)).astype(int) @ [1 << 16, 1 << 8, 1]
    return len(np.unique(of_bytes))


@calls
def test_what_pyplot_saves_is_the_picture(call, names, tmp_path):
    for beginning in (plt.figure, lambda: None, plt.subplots):
        plt.close("all")
        beginning()
        eval(call, names)
        plt.savefig(tmp_path / "picture.png")
        assert share_drawn(tmp_path / "picture.png") > 0.7
        assert n_colours(tmp_path / "picture.png") > 100


def test_without_pyplot_nothing_global_is_touched(tmp_path):
    figures = [f"np.ravel({call})[0].figure.savefig('{name}.png')" for name, call in CALLS.items()]
    check = "assert 'matplotlib.pyplot' not in sys.modules"
    code = "\n".join([BEGINNING, *figures, check])
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    forked.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert all(share_drawn(path) > 0.7 for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == len(CALLS)


@calls
def test_an_empty_figure_of_pyplot_is_filled_and_keeps_its_size(call, names):
    mine = plt.figure(figsize=(11, 7))
    drawn = np.ravel(eval(call, names))[0].figure
    assert drawn is mine
    assert drawn.get_size_inches().tolist() == [11, 7]
    assert plt.get_fignums() == [mine.number]


@calls
def test_a_second_picture_is_not_drawn_over_the_first(call, names):
    first, second = (np.ravel(eval(call, names))[0].figure for _ in range(2))
    assert first is not second
    assert plt.gcf() is second
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("name", ["two", "one", "uncertainty", "search"])
def test_pictures_of_one_panel_take_the_current_axes(name, names):
    _, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    assert eval(CALLS[name], names) is left
    plt.sca(right)
    assert eval(CALLS[name], names) is right
    assert len(plt.get_fignums()) == 1


def test_axes_that_hold_data_or_are_no_plane_stay_as_they_are(names):
    plt.plot([1, 2], [3, 4])
    taken = plt.gca()
    assert eval(CALLS["two"], names) is not taken
    assert eval("plot_mixture(gm, X, [0, 1], ax=ax)", names | {"ax": taken}) is taken
    round_axes = plt.figure().add_subplot(projection="polar")
    assert eval(CALLS["two"], names) is not round_axes


@calls
def test_an_empty_figure_is_filled_and_one_that_holds_axes_is_refused(call, names):
    figure = Figure()
    into = f"{call[:-1]}, figure=figure)"
    assert np.ravel(eval(into, names | {"figure": figure}))[0].figure is figure
    assert figure.get_layout_engine() is not None
    with pytest.raises(ValueError, match=r"^figure holds axes already: give an empty one"):
        eval(into, names | {"figure": figure})
    with pytest.raises(ValueError, match=r"^figure must be a matplotlib Figure .* got str\.$"):
        eval(into, names | {"figure": "here"})
    part = Figure().subfigures(1, 2)[0]
    assert np.ravel(eval(into, names | {"figure": part}))[0].figure is part
    with pytest.raises(ValueError, match=r"^ax and figure both say where to draw"):
        eval(f"{call[:-1]}, ax=figure.axes[0], figure=figure)", names | {"figure": figure})
    assert plt.get_fignums() == []


@pytest.mark.site
def test_a_notebook_shows_a_picture_once(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    without = "import sys\nassert 'matplotlib.pyplot' not in sys.modules"
    pictures = [*CALLS.values(), f"ax = {CALLS['two']}"]
    cells = [BEGINNING + without, *pictures, "import matplotlib.pyplot as plt", *pictures]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    nbclient.NotebookClient(notebook, timeout=120).execute(cwd=tmp_path)
    for cell in notebook.cells:
        shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(shown) == ("plot_" in cell.source and cell.source in pictures), cell.source
