"""Pictures: what is on them, not how they look."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.mixture
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.path import Path as MplPath
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import trapezoid
from scipy.stats import norm
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import forked
from mixtura import (
    BayesianGaussianMixture,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureSearch,
    Mixture,
    from_batches,
)
from mixtura.datasets import load_faithful, make_three_blobs
from mixtura.drawing.colours import colour
from mixtura.plots import (
    plot_bound,
    plot_boundary,
    plot_density,
    plot_entropy,
    plot_mixture,
    plot_search,
    plot_uncertainty,
    plot_weights,
)
from mixtura.selection import combine

plot_module = importlib.import_module("mixtura.plots.mixture")

matplotlib.use("agg")


@pytest.fixture(scope="module")
def blobs():
    X = make_three_blobs().data
    return SimpleNamespace(X=X, model=GaussianMixture(3, random_state=0, n_init=3).fit(X))


@pytest.fixture(scope="module")
def wide():
    """Four correlated features of two groups, named."""
    rng = np.random.default_rng(3)
    mixing = rng.normal(size=(4, 4))
    shift = np.repeat([[0.0], [4.0]], 150, axis=0)
    X = pd.DataFrame(rng.normal(size=(300, 4)) @ mixing + shift, columns=["a", "b", "$c$", "d"])
    return SimpleNamespace(X=X, model=GaussianMixture(2, random_state=0).fit(X))


def ellipses(ax):
    return [patch for patch in ax.patches if isinstance(patch, Ellipse)]


def dots(ax):
    (cloud,) = [child for child in ax.collections if isinstance(child, PathCollection)]
    return cloud


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def share_inside(ellipse, points):
    outline = ellipse.get_path().transformed(ellipse.get_patch_transform())
    return outline.contains_points(points).mean()


# Two features


def test_ellipses_hold_half_and_95_percent_of_their_component():
    rng = np.random.default_rng(0)
    covariance = np.array([[3.0, 1.7], [1.7, 1.2]])
    X = rng.multivariate_normal([1e3, -5], covariance, size=200)
    model = GaussianMixture(1).fit(X)
    drawn, _ = model.mixture_.sample(100_000, random_state=1)
    half, most = ellipses(plot_mixture(model, X))
    assert share_inside(half, drawn) == pytest.approx(0.5, abs=0.01)
    assert share_inside(most, drawn) == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_every_structure_has_its_ellipses(blobs, covariance_type):
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(blobs.X)
    ax = plot_mixture(model, blobs.X)
    assert len(ellipses(ax)) == 6
    for k, covariance in enumerate(model.mixture_.covariance_matrices()):
        area = np.pi * -2 * np.log(0.05) * np.sqrt(np.linalg.det(covariance))
        drawn = ellipses(ax)[2 * k + 1]
        assert np.pi / 4 * drawn.width * drawn.height == pytest.approx(area)
        assert drawn.center == pytest.approx(model.means_[k])


def test_dots_have_the_colour_of_their_label_and_fade_with_doubt():
    X = np.random.default_rng(0).normal(size=(500, 2))
    model = GaussianMixture(3, random_state=0).fit(X)
    colours = dots(plot_mixture(model, X)).get_facecolors()
    shares = model.predict_proba(X)
    labels, certainty = shares.argmax(axis=1), shares.max(axis=1)
    hues = [np.unique(colours[labels == k, :3], axis=0) for k in range(3)]
    assert [len(hue) for hue in hues] == [1, 1, 1]
    assert len(np.unique(np.vstack(hues), axis=0)) == 3
    order = np.argsort(certainty)
    assert np.all(np.diff(colours[order, 3]) >= 0)
    assert colours[order[0], 3] < 0.5 * colours[order[-1], 3]


def test_centres_carry_their_numbers_and_the_legend_their_weights(blobs):
    ax = plot_mixture(blobs.model, blobs.X)
    for k, (text, mean) in enumerate(zip(ax.texts, blobs.model.means_, strict=True)):
        assert text.get_text() == str(k)
        assert text.get_position() == pytest.approx(mean)
    for k, weight in enumerate(blobs.model.weights_):
        assert legend_texts(ax)[k] == f"component {k} ({100 * weight:.1f} %)"


def test_a_mixture_is_drawn_like_its_estimator(blobs):
    ours, theirs = plot_mixture(blobs.model.mixture_, blobs.X), plot_mixture(blobs.model, blobs.X)
    np.testing.assert_array_equal(dots(ours).get_facecolors(), dots(theirs).get_facecolors())
    assert len(ellipses(ours)) == len(ellipses(theirs)) == 6


def test_many_components_share_no_colour(blobs):
    model = GaussianMixture(17, init_params="kmeans", random_state=0, max_iter=2, tol=10).fit(
        blobs.X
    )
    ax = plot_mixture(model, blobs.X)
    assert len({e.get_edgecolor() for e in ellipses(ax)}) == 17
    assert len({e.get_linestyle() for e in ellipses(ax)}) == 3
    assert "17 components" in legend_texts(ax)[0]


# One feature


def test_one_feature_shows_the_components_and_their_sum():
    X = load_faithful().data
    model = GaussianMixture(2, random_state=0).fit(X)
    ax = plot_mixture(model, X, features=1)
    *parts, total = ax.lines
    for k, line in enumerate(parts):
        x, y = line.get_data()
        spread = np.sqrt(model.covariances_[k, 1, 1])
        theirs = model.weights_[k] * norm.pdf(x, model.means_[k, 1], spread)
        np.testing.assert_allclose(y, theirs, atol=1e-12)
    x, y = total.get_data()
    density = np.exp(model.mixture_.marginal([1]).log_density(x[:, None]))
    np.testing.assert_allclose(y, density, rtol=1e-9)
    assert trapezoid(y, x) == pytest.approx(1, abs=1e-3)


def test_the_histogram_is_a_density_and_an_outlier_does_not_cost_a_million_bins():
    X = np.concatenate([np.random.default_rng(0).normal(size=2_000), [1e7]])[:, None]
    ax = plot_mixture(Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]]), X)
    areas = [bar.get_width() * bar.get_height() for bar in ax.patches]
    assert sum(areas) == pytest.approx(2000 / 2001)
    assert 10 <= len(areas) <= 80
    assert ax.get_xlim()[1] < 10
    assert ax.get_title(loc="left") == "1 row lies outside of the picture"


def test_a_constant_feature_is_drawn():
    X = np.column_stack([np.arange(20.0), np.ones(20)])
    flat = Mixture.from_parameters([1.0], [[10.0, 1.0]], [[[30.0, 0.0], [0.0, 1e-6]]])
    ax = plot_mixture(flat, X, features=1)
    assert len(ax.patches) == 11  # an odd number: the value is in the middle of one
    assert legend_texts(ax) == ["component 0 (100.0 %)"]


# More features


def test_pairs_fill_the_lower_triangle(wide):
    grid = plot_mixture(wide.model, wide.X)
    assert grid.shape == (4, 4)
    for (row, column), ax in np.ndenumerate(grid):
        assert ax.axison == (row >= column)
        assert len(ellipses(ax)) == (4 if row > column else 0)
    assert [ax.get_xlabel() for ax in grid[-1]] == ["a", "b", "$c$", "d"]
    assert [ax.get_ylabel() for ax in grid[1:, 0]] == ["b", "$c$", "d"]
    assert len(legend_texts(grid[0, -1])) == 5


def test_a_pair_shows_the_marginal_and_the_labels_of_all_features(wide):
    grid = plot_mixture(wide.model, wide.X)
    ax = grid[3, 1]
    marginal = wide.model.mixture_.marginal([1, 3])
    drawn, labels = marginal.sample(100_000, random_state=0)
    for k in range(2):
        assert share_inside(ellipses(ax)[2 * k + 1], drawn[labels == k]) == pytest.approx(
            0.95, abs=0.01
        )
    np.testing.assert_allclose(dots(ax).get_offsets(), wide.X[["b", "d"]])
    colours = dots(ax).get_facecolors()[:, :3]
    labels = wide.model.predict(wide.X)
    assert all(len(np.unique(colours[labels == k], axis=0)) == 1 for k in range(2))


def test_panels_of_a_column_share_their_range(wide):
    grid = plot_mixture(wide.model, wide.X)
    for column in range(4):
        limits = {ax.get_xlim() for ax in grid[column:, column]}
        assert len(limits) == 1
    assert {ax.get_ylim() for ax in grid[2, :2]} == {grid[3, 2].get_xlim()}


def test_of_many_features_the_telling_ones_are_drawn_and_the_picture_says_so():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 11))
    X[200:, [2, 9]] += 8
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    grid = plot_mixture(model, X)
    names = [ax.get_xlabel() for ax in grid[-1]]
    assert len(names) == 5
    assert {"x2", "x9"} <= set(names)
    title = " ".join(grid[0, 2].get_title().split())
    left_out = [f"x{j}" for j in range(11) if f"x{j}" not in names]
    assert title == (
        "5 of 11 features, where components overlap least; "
        f"left out: {', '.join(left_out[:5])} and 1 more (features= draws others)"
    )
    assert plot_mixture(model, X, range(7)).shape == (7, 7)


# Names and the choice of features


def test_axes_have_the_names_of_the_fitted_data_frame(wide):
    ax = plot_mixture(wide.model, wide.X, ["d", "a"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("d", "a")
    np.testing.assert_allclose(dots(ax).get_offsets(), wide.X[["d", "a"]])


def test_an_array_gets_the_models_names(wide):
    by_number = plot_mixture(wide.model, wide.X.to_numpy(), [-1, 0])
    assert (by_number.get_xlabel(), by_number.get_ylabel()) == ("d", "a")


def test_a_mixture_takes_the_names_of_the_data(wide):
    ax = plot_mixture(wide.model.mixture_, wide.X, ["a", "b"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


@pytest.mark.parametrize("convert", [lambda X: X, pa.Table.from_pandas])
def test_columns_of_a_data_frame_are_found_by_name(wide, convert):
    shuffled = wide.X[["d", "$c$", "b", "a"]].assign(other="text")
    ours = plot_mixture(wide.model, convert(shuffled), ["a", "b"])
    theirs = plot_mixture(wide.model, wide.X, ["a", "b"])
    np.testing.assert_array_equal(dots(ours).get_offsets(), dots(theirs).get_offsets())
    np.testing.assert_array_equal(dots(ours).get_facecolors(), dots(theirs).get_facecolors())


def test_a_name_between_dollars_is_no_formula(wide):
    ax = plot_mixture(wide.model, wide.X, "$c$")
    assert not ax.xaxis.label.get_parse_math()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("dd", r"no feature 'dd'\. Did you mean 'd'\?"),
        ("zebra", r"no feature 'zebra'\. Choose from a, b, \$c\$, d"),
        (4, "no feature 4: the mixture has 4"),
        (["a", 0], "names one twice"),
        ([3, -1], "names one twice"),
        ([], "name at least one"),
    ],
)
def test_features_that_cannot_be_drawn(wide, features, message):
    with pytest.raises(ValueError, match=message):
        plot_mixture(wide.model, wide.X, features)


def test_rows_with_other_features_are_refused(wide):
    with pytest.raises(ValueError, match="3 features, but the mixture has 4"):
        plot_mixture(wide.model, wide.X.to_numpy()[:, :3])
    with pytest.raises(ValueError, match="no column 'b'"):
        plot_mixture(wide.model, wide.X.drop(columns="b"))


def test_models_that_cannot_be_drawn(blobs):
    with pytest.raises(NotFittedError):
        plot_mixture(GaussianMixture(2), blobs.X)
    with pytest.raises(TypeError, match="got str"):
        plot_mixture("model", blobs.X)
    theirs = sklearn.mixture.GaussianMixture(2).fit(blobs.X)
    with pytest.raises(TypeError, match=r"got sklearn\.mixture"):
        plot_mixture(theirs, blobs.X)


# Many rows


def test_what_a_picture_needs_is_said_where_something_else_is_given(blobs):
    with pytest.raises(
        TypeError, match=r"plot_search needs a GaussianMixtureSearch, got mixtura\."
    ):
        plot_search(blobs.model)
    with pytest.raises(
        TypeError, match=r"plot_entropy needs a Combination, got mixtura\..*combine\("
    ):
        plot_entropy(blobs.model)
    for draw in (plot_mixture, plot_uncertainty):
        with pytest.raises(TypeError, match="got NoneType"):
            draw(None, blobs.X)
        with pytest.raises(TypeError, match="got the class GaussianMixture"):
            draw(GaussianMixture, blobs.X)
        with pytest.raises(ValueError, match=r"X is None\. Give an array"):
            draw(blobs.model, None)
    with pytest.raises(NotFittedError):
        plot_search(GaussianMixtureSearch([2]))


def boxes(axes, labels):
    """Where visible texts stand, in pixels."""
    axes.figure.canvas.draw()
    return [
        label.get_window_extent() for label in labels if label.get_text() and label.get_visible()
    ]


def overlap(texts):
    return any(a.overlaps(b) for i, a in enumerate(texts) for b in texts[:i])


def test_numbers_of_many_clusters_do_not_run_together():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    model = GaussianMixture(25, init_params="kmeans", covariance_type="VII", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left, _ = plot_entropy(combine(model.fit(X), X))
    shown = boxes(left, left.get_xticklabels())
    assert len(shown) > 4
    assert not overlap(shown)


def test_long_names_do_not_run_into_their_neighbours():
    names = [
        "od280/od315_of_diluted_wines",
        "nonflavanoid_phenols",
        "alcalinity of ash",
        "m" * 40,
        "hue",
    ]
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 5)), columns=names)
    grid = plot_mixture(GaussianMixture(1).fit(X), X)
    below = [axes.xaxis.label for axes in grid[-1]]
    assert not overlap(boxes(grid[0, 0], below))
    assert below[-1].get_text() == "hue"
    assert below[0].get_text().replace("\n", "") == names[0]
    assert not overlap(boxes(grid[0, 0], [axes.yaxis.label for axes in grid[1:, 0]]))


@pytest.mark.parametrize("sign", ["sklearn", "mclust"])
def test_a_search_of_one_model_shows_its_criterion(blobs, sign):
    search = GaussianMixtureSearch([3], ["VVV"], random_state=0, sign=sign).fit(blobs.X)
    axes = plot_search(search)
    axes.figure.canvas.draw()
    assert axes.yaxis.get_offset_text().get_text() == ""
    low, high = sorted(axes.get_ylim())
    assert low < search.best_score_ < high
    assert high - low > 0.01 * abs(search.best_score_)


def test_a_million_rows_are_sampled_and_the_picture_says_so(blobs):
    X = np.random.default_rng(0).normal(size=(1_000_000, 2)).astype(np.float32)
    ax = plot_mixture(blobs.model, X)
    offsets = dots(ax).get_offsets()
    assert len(offsets) == 10_000
    assert len(np.unique(offsets, axis=0)) > 9_990
    assert ax.get_title(loc="left") == "10,000 of 1,000,000 rows drawn (random sample)"
    again = dots(plot_mixture(blobs.model, X)).get_offsets()
    np.testing.assert_array_equal(offsets, again)


def test_rows_of_a_source_are_drawn_as_those_of_an_array(blobs):
    X = np.random.default_rng(0).normal(size=(300_000, 2))
    source = from_batches(np.array_split(X, 7), max_memory=0)
    ours, theirs = plot_mixture(blobs.model, source), plot_mixture(blobs.model, X)
    np.testing.assert_array_equal(dots(ours).get_offsets(), dots(theirs).get_offsets())
    assert ours.get_title(loc="left") == "10,000 of 300,000 rows drawn (random sample)"
    few = plot_uncertainty(blobs.model, from_batches([X[:9]]))
    assert len(few.collections[0].get_offsets()) == 9
    wide = from_batches([np.eye(3)])
    with pytest.raises(ValueError, match="X has 3 features, but the mixture has 2"):
        plot_mixture(blobs.model, wide)
    assert wide.n_rows is None  # not read
    named = GaussianMixture(1).fit(pd.DataFrame(X[:50], columns=["a", "b"]))
    swapped = from_batches([X], feature_names=["b", "a"])
    with pytest.raises(ValueError, match="the columns 'b', 'a', but the mixture was fitted with"):
        plot_mixture(named, swapped)


def test_few_rows_are_all_drawn_and_nothing_is_said(blobs):
    ax = plot_mixture(blobs.model, blobs.X)
    np.testing.assert_allclose(dots(ax).get_offsets(), blobs.X)
    assert ax.get_title(loc="left") == ""


# Where it is drawn


def test_given_axes_are_drawn_on(blobs, wide):
    ax = Figure().subplots()
    assert plot_mixture(blobs.model, blobs.X, ax=ax) is ax
    grid = Figure().subplots(3, 3)
    assert plot_mixture(wide.model, wide.X, [0, 1, 2], ax=grid)[2, 0] is grid[2, 0]


def test_axes_of_the_wrong_shape_are_refused(blobs, wide):
    with pytest.raises(ValueError, match="3 x 3 array of Axes"):
        plot_mixture(wide.model, wide.X, [0, 1, 2], ax=Figure().subplots())
    with pytest.raises(ValueError, match="one matplotlib Axes"):
        plot_mixture(blobs.model, blobs.X, ax=Figure().subplots(2, 2))


def test_pyplot_is_not_even_imported_by_a_script_without_it(tmp_path):
    code = (
        "import sys, numpy as np, mixtura; from mixtura.plots import plot_mixture;"
        "X = np.random.default_rng(0).normal(size=(50, 2));"
        "plot_mixture(mixtura.GaussianMixture(1).fit(X), X).figure.savefig(sys.argv[1]);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    forked.run([sys.executable, "-c", code, tmp_path / "x.png"], check=True, env=environment)


def test_a_picture_can_be_saved(wide, tmp_path):
    plot_mixture(wide.model, wide.X)[0, 0].figure.savefig(tmp_path / "pairs.png")
    assert (tmp_path / "pairs.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['matplotlib'] = None; import mixtura; import mixtura.plots"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last == (
        "ImportError: mixtura.plots needs matplotlib; install it with: pip install 'mixtura[plot]'"
    )


def test_the_examples_run():
    results = doctest.testmod(plot_module)
    assert results.attempted >= 6
    assert results.failed == 0


def test_weights_are_drawn_with_the_number_of_components_that_hold_rows():
    model = BayesianGaussianMixture(6, random_state=0).fit(load_faithful().data)
    axes = plot_weights(model, figure=Figure())
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == sorted(model.weights_, reverse=True)
    assert axes.get_title(loc="left") == "2 of 6 components hold rows"
    assert len({bar.get_facecolor() for bar in axes.patches}) == 2
    seen = plot_mixture(model, load_faithful().data, figure=Figure())
    assert "component 2" not in str([text.get_text() for text in seen.get_legend().get_texts()])
    with pytest.raises(TypeError, match="model must be"):
        plot_weights(3)


def test_a_boundary_shows_the_classes():
    iris = load_iris()
    species = iris.target_names[iris.target]
    classifier = GaussianMixtureClassifier().fit(iris.data, species)
    axes = plot_boundary(classifier, iris.data, species, features=[2, 1])
    assert axes.get_xlabel() == "x2"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["setosa", "versicolor", "virginica"]
    drawn = np.concatenate(
        [dots.get_offsets() for dots in axes.collections if len(dots.get_offsets()) > 1]
    )
    assert {tuple(point) for point in iris.data[:, [2, 1]]} <= {tuple(point) for point in drawn}
    image = axes.get_images()[0]
    left, right, low, high = image.get_extent()
    pixels = np.asarray(image.get_array())
    places = np.array([[1.4, 3.4], [4.3, 2.9], [5.9, 3.0]])
    columns = ((places[:, 0] - left) / (right - left) * 299).astype(int)
    rows = ((places[:, 1] - low) / (high - low) * 299).astype(int)
    for c, pixel in enumerate(pixels[rows, columns]):
        hue = np.array(to_rgb(colour(c)))
        assert_allclose((1 - pixel) / (1 - pixel).max(), (1 - hue) / (1 - hue).max(), atol=0.01)
    with pytest.raises(ValueError, match="two features"):
        plot_boundary(classifier, iris.data, features=[0])
    with pytest.raises(TypeError, match="plot_boundary needs a GaussianMixtureClassifier"):
        plot_boundary(GaussianMixture(2, random_state=0).fit(iris.data), iris.data)


def rows_with_gaps():
    X = load_faithful().data
    lacks = np.random.default_rng(0).choice([-1, 0, 1], size=len(X), p=[0.6, 0.2, 0.2])
    X[lacks == 0, 0], X[lacks == 1, 1] = np.nan, np.nan
    return X, GaussianMixture(2, missing="mar", random_state=0).fit(X)


def hollow_and_filled(ax):
    """Where the rows stand that have a hollow dot, and those that have a filled one."""
    of_rows = [dot for dot in ax.collections if len(dot.get_offsets()) > 1]
    hollow = [dot.get_offsets() for dot in of_rows if not len(dot.get_facecolors())]
    filled = [dot.get_offsets() for dot in of_rows if len(dot.get_facecolors())]
    return np.concatenate(hollow), np.concatenate(filled)


def as_set(points):
    return {tuple(point) for point in np.asarray(points).round(9)}


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("draw", [plot_mixture, plot_uncertainty])
def test_completed_rows_are_hollow(draw):
    X, model = rows_with_gaps()
    gaps = np.isnan(X).any(axis=1)
    ax = draw(model, X)
    hollow, filled = hollow_and_filled(ax)
    assert as_set(hollow) == as_set(model.impute(X)[gaps])
    assert as_set(filled) == as_set(X[~gaps])
    assert "hollow: completed" in legend_of(ax)
    assert "hollow: completed" not in legend_of(draw(model, X[~gaps]))
    # Of one feature only those that lack that one.
    ax = draw(model, X, features=[0])
    if draw is plot_uncertainty:
        assert len(hollow_and_filled(ax)[0]) == np.isnan(X[:, 0]).sum()


def test_completed_values_stand_on_top_of_a_histogram():
    X, model = rows_with_gaps()
    ax = plot_mixture(model, X, features=[0])
    bars = ax.patches
    areas = {
        fill: sum(bar.get_width() * bar.get_height() for bar in bars if bar.get_fill() == fill)
        for fill in (True, False)
    }
    share = np.isnan(X[:, 0]).mean()
    assert_allclose([areas[True], areas[False]], [1 - share, share])
    assert "hollow: completed" in legend_of(ax)


def test_a_panel_of_a_pair_marks_the_rows_that_lack_one_of_its_features():
    X = load_iris().data
    X[::7, 3] = np.nan
    grid = plot_mixture(GaussianMixture(3, missing="mar", random_state=0).fit(X), X)
    n_hollow = len(np.arange(0, len(X), 7))
    for row in range(1, 4):
        for column in range(row):
            dots_of = [d for d in grid[row, column].collections if not len(d.get_facecolors())]
            assert sum(len(d.get_offsets()) for d in dots_of) == (n_hollow if row == 3 else 0)
    assert "hollow: completed" in legend_of(grid[0, 3])


def test_a_boundary_shows_rows_with_gaps_where_they_are_expected():
    iris = load_iris()
    X = iris.data
    X[::5, 2] = np.nan
    classifier = GaussianMixtureClassifier(missing="mar").fit(X, iris.target)
    ax = plot_boundary(classifier, X, iris.target, features=[2, 3])
    hollow, filled = hollow_and_filled(ax)
    assert (len(hollow), len(filled)) == (30, 120)
    assert np.isfinite(hollow).all()
    assert legend_of(ax) == ["0", "1", "2", "hollow: completed"]


@pytest.mark.parametrize("draw", [plot_mixture, plot_uncertainty])
def test_labels_of_a_picture_go_by_the_errors(draw):
    rng = np.random.default_rng(0)
    std = rng.gamma(1.0, 1.0, size=(200, 2))
    X = np.where(rng.random((200, 1)) < 0.5, -1.5, 1.5) + std * rng.normal(size=(200, 2))
    model = GaussianMixture(2, random_state=0).fit(X, error_std=std)
    expected = {
        tuple(to_rgb(colour(label))): as_set(X[model.predict(X, error_std=std) == label])
        for label in (0, 1)
    }
    ax = draw(model, X, error_std=std)
    of_rows = [dot for dot in ax.collections if len(dot.get_offsets()) > 1]
    found = {hue: set() for hue in expected}
    for dot in of_rows:
        for place, hue in zip(dot.get_offsets(), dot.get_facecolors(), strict=True):
            found[tuple(hue[:3])] |= as_set([place])
    assert found == expected
    source = from_batches([(X, None, None, std**2)])
    places = [dot.get_offsets() for dot in draw(model, source).collections]
    for ours, theirs in zip(places, [dot.get_offsets() for dot in ax.collections], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    std[3, 0] = np.inf
    hollow, _ = hollow_and_filled(
        draw(model, np.concatenate([X[:4], X[3:4]]), error_std=std[[0, 1, 2, 3, 3]])
    )
    assert len(hollow) == 2
    with pytest.raises(ValueError, match="error_std must be standard deviations"):
        draw(model, X, error_std=std[:5])
    with pytest.raises(ValueError, match="a source has its own"):
        draw(model, source, error_std=std)


@pytest.mark.parametrize("estimator", [GaussianMixture, BayesianGaussianMixture])
def test_the_bound_is_drawn_as_it_rose(estimator):
    X = load_faithful().data
    model = estimator(3, init_params="kmeans", random_state=0, max_iter=500)
    with pytest.raises(NotFittedError):
        plot_bound(model)
    axes = plot_bound(model.fit(X), figure=Figure())
    (line,) = axes.get_lines()
    assert_array_equal(line.get_ydata(), model.lower_bounds_)
    assert line.get_xdata()[-1] == model.n_iter_ > 3
    assert (np.diff(line.get_ydata()) > -1e-9).all()
    with pytest.raises(TypeError, match="plot_bound draws what EM raised"):
        plot_bound(KMeans(2, n_init=1).fit(X))
    with pytest.raises(TypeError):
        plot_bound(3)


def test_a_density_has_the_regions_and_the_cuts():
    X = load_faithful().data
    model = GaussianMixture(2, random_state=0).fit(X)
    ax = plot_density(model, X, coverages=[0.9, 0.5])
    assert legend_texts(ax) == ["holds 50 %", "holds 90 %"]
    drawn = model.mixture_.sample(20_000, random_state=1)[0]
    _, lines = (one for one in ax.collections if isinstance(one, QuadContourSet))
    for path, share in zip(lines.get_paths(), [0.9, 0.5], strict=True):
        inside = sum(MplPath(part).contains_points(drawn).mean() for part in path.to_polygons())
        assert inside == pytest.approx(share, abs=0.01)
    waiting = GaussianMixture(2, random_state=0).fit(X[:, 1:])
    ax = plot_density(waiting, X[:, 1:])
    cut = waiting.mixture_.cut_points().points
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] == cut
    assert legend_texts(ax)[-1] == "cut points"
    with pytest.raises(ValueError, match="coverages must lie between 0 and 1"):
        plot_density(model, X, coverages=[1.2])


def test_a_density_of_many_features_is_that_of_two(wide):
    ax = plot_density(wide.model, wide.X, ["b", "d"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("b", "d")
    with pytest.raises(ValueError, match="draws one or two features, but 3"):
        plot_density(wide.model, wide.X, ["a", "b", "d"])


def test_noise_of_a_posterior_is_drawn_as_noise():
    rng = np.random.default_rng(3)
    near = rng.normal(size=(300, 2)) * 0.3 + rng.choice([-3.0, 3.0], (300, 1))
    rows = np.concatenate([near, rng.uniform(-10, 10, (60, 2))])
    model = BayesianGaussianMixture(4, noise=True, random_state=0).fit(rows)
    axes = plot_mixture(model, rows, figure=Figure())
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"noise ({model.noise_weight_:.1%})".replace("%", " %") in texts
