"""Every picture of mixtures and data of every kind that a fit takes, and what the pictures choose to show."""

from __future__ import annotations

import csv
import functools
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

import forked
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture, from_batches
from mixtura.drawing.colours import PALETTE, colour
from mixtura.drawing.features import overlaps
from mixtura.plots import plot_entropy, plot_mixture, plot_search, plot_uncertainty, plot_weights
from mixtura.selection import combine

pytestmark = pytest.mark.filterwarnings(
    "ignore::mixtura.errors.DataWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(0)
PLANE = rng.normal(size=(80, 2))
NEIGHBOURS = np.array([0.3, 0.30000000000000004] * 20)
NAMES = ["$a_1$", "x" * 150, "<b>é</b>", " ", "a\nb\tc", "n_1^2 \\frac"]


def with_first_row(X, value):
    X = X.copy()
    X[0] = value
    return X


def fitted(X, k=2, **arguments):
    weight = arguments.pop("sample_weight", None)
    settings = {"init_params": "kmeans", "max_iter": 5, "tol": 1e-3, "random_state": 0} | arguments
    return GaussianMixture(k, **settings).fit(X, sample_weight=weight), X


def known(weights, means, covariances, X):
    return Mixture.from_parameters(weights, means, covariances), X


CASES = {
    "two numbers one bit apart": lambda: fitted(NEIGHBOURS[:, None], 1),
    "such a column": lambda: fitted(np.column_stack([NEIGHBOURS, PLANE[:40]]), 2),
    "one value": lambda: fitted(np.ones((20, 1)), 1),
    "zeros": lambda: fitted(np.zeros((20, 2)), 1),
    "one large value": lambda: fitted(np.full((20, 1), 1e17), 1),
    "a constant column": lambda: fitted(np.column_stack([PLANE, np.ones(80)])),
    "two rows": lambda: fitted(PLANE[:2], 1),
    "one row": lambda: known([1.0], [[0.0, 0]], [np.eye(2)], PLANE[:1]),
    "an outlier": lambda: fitted(with_first_row(PLANE, 1e139)),
    "an outlier that no fit takes": lambda: known(
        [0.5, 0.5], [[0.0, 0], [1, 1]], [np.eye(2)] * 2, with_first_row(PLANE, [1e308, -1e308])
    ),
    "numbers at the end": lambda: fitted(PLANE * 1e139),
    "an offset": lambda: fitted(PLANE + 1e12),
    "an offset of all digits": lambda: fitted(np.round(3 * PLANE[:, :1]) + 1e15, 1),
    "float32": lambda: fitted((PLANE + 1000).astype(np.float32)),
    "integers": lambda: fitted(rng.integers(0, 2, (80, 3))),
    "no weight": lambda: known([1.0, 0.0], [[0.0, 0], [5, 5]], [np.eye(2)] * 2, PLANE),
    "hardly any weight": lambda: known(
        [1 - 1e-300, 1e-300], [[0.0, 0], [5, 5]], [np.eye(2)] * 2, PLANE
    ),
    "a spike": lambda: known(
        [0.9, 0.1], [[0.0, 0], [1, 1]], [np.eye(2), 1e-20 * np.eye(2)], PLANE
    ),
    "a spike in one feature": lambda: known([0.9, 0.1], [[0.0], [1]], [[[1.0]], [[1e-20]]], PLANE[:, :1]),
    "fifty components": lambda: fitted(rng.normal(size=(400, 2)), 50, covariance_type="VII"),
    "fifty on a line": lambda: fitted(rng.normal(size=(400, 1)), 50),
    "names": lambda: fitted(pd.DataFrame(rng.normal(size=(60, 6)), columns=NAMES)),
    "weights": lambda: fitted(PLANE, sample_weight=np.arange(80) % 2 * 1e-9),
}  # fmt: skip
PICTURES = {
    "mixture": plot_mixture,
    "one feature": lambda model, X, **where: plot_mixture(model, X, 0, **where),
    "uncertainty": plot_uncertainty,
    "uncertainty of one": lambda model, X, **where: plot_uncertainty(model, X, 0, **where),
    "entropy": lambda model, X, **where: plot_entropy(combine(model, X), **where),
    "weights": lambda model, _, **where: plot_weights(model, **where),
}


@functools.cache
def case_of(name):
    return CASES[name]()


# Each case twice by day, and each picture of several cases.
SOME_BY_DAY = [
    pytest.param(case, picture, marks=() if (i - j) % 3 == 0 else pytest.mark.nightly)
    for i, case in enumerate(CASES)
    for j, picture in enumerate(PICTURES)
]


@pytest.mark.parametrize(("case", "picture"), SOME_BY_DAY)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_every_picture_of_what_a_fit_takes_is_drawn(case, picture, tmp_path):
    figure = Figure(figsize=(5, 5))
    PICTURES[picture](*case_of(case), figure=figure)
    figure.savefig(tmp_path / "picture.png", dpi=40)
    for axes in figure.axes:
        assert not axes.axison or axes.collections or axes.lines or axes.patches


def test_bars_of_values_that_are_one_to_the_eye_are_seen():
    model, X = fitted(NEIGHBOURS[:, None], 1)
    axes = plot_mixture(model, X, figure=Figure())
    low, high = axes.get_xlim()
    tallest = max(axes.patches, key=lambda bar: bar.get_height())
    assert tallest.get_width() > 0.01 * (high - low)
    assert tallest.get_height() * tallest.get_width() == pytest.approx(1)


def test_a_spike_leaves_the_bars_their_height():
    model, X = CASES["a spike in one feature"]()
    axes = plot_mixture(model, X, figure=Figure())
    assert max(bar.get_height() for bar in axes.patches) > 0.2 * axes.get_ylim()[1]


def test_an_outlier_lies_outside_and_the_picture_says_so():
    axes = plot_mixture(*CASES["an outlier"](), figure=Figure())
    assert np.ptp(axes.get_xlim()) < 10
    assert axes.get_title(loc="left").startswith("1 row lies outside of the picture")
    heavy = np.random.default_rng(0).standard_t(3, size=(500, 2))
    model, X = fitted(heavy, 1)
    assert plot_mixture(model, X, figure=Figure()).get_title(loc="left") == ""
    group = np.vstack([PLANE, PLANE[:8] + 1e4])  # of a tenth: no outliers
    model, X = fitted(group)
    assert plot_mixture(model, X, figure=Figure()).get_xlim()[1] > 1e4


def test_weights_count_in_the_histogram():
    X = np.concatenate([np.zeros(50), np.ones(50)])[:, None]
    weight = np.repeat([3.0, 1.0], 50)
    model, _ = fitted(X, 1, sample_weight=weight)
    ours = [plot_mixture(model, X, figure=Figure(), sample_weight=weight)]
    ours.append(plot_mixture(model, from_batches([(X, weight)]), figure=Figure()))
    for axes in ours:
        areas = [bar.get_height() * bar.get_width() for bar in axes.patches]
        assert_allclose([areas[0], areas[-1]], [0.75, 0.25])
    with pytest.raises(ValueError, match="sample_weight must have one weight for each"):
        plot_mixture(model, X, sample_weight=weight[1:])


# Features


def test_the_overlap_is_bhattacharyyas_of_each_pair():
    mixture = Mixture.from_parameters(
        [0.2, 0.3, 0.5],
        [[0.0, 0], [1, 0], [4, 0]],
        [np.diag([1.0, 1]), np.diag([4.0, 9]), np.diag([0.25, 100])],
    )
    for j, ours in enumerate(overlaps(mixture)):
        theirs = 0.0
        for k, other in ((0, 1), (0, 2), (1, 2)):
            both = [norm(mixture.means[i, j], mixture.spreads[i, j]) for i in (k, other)]
            area, _ = quad(
                lambda x, a, b: np.sqrt(a.pdf(x) * b.pdf(x)),
                -60,
                60,
                args=tuple(both),
                limit=500,
                points=[0, 4],
            )
            theirs += np.sqrt(mixture.weights[k] * mixture.weights[other]) * area
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_features_that_part_components_are_chosen_by_means_and_by_spread():
    means = np.zeros((2, 12))
    means[1, 3] = 5
    spreads = np.ones((2, 12))
    spreads[1, 8] = 30
    mixture = Mixture.from_parameters([0.5, 0.5], means, [np.diag(s**2) for s in spreads])
    X, _ = mixture.sample(50, random_state=0)
    axes = plot_uncertainty(mixture, X, figure=Figure())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x3", "x8")
    title = " ".join(axes.get_title(loc="left").split())
    assert title.startswith("2 of 12 features, where components overlap least; left out: x0, x1,")
    assert "5 of 12 features, the first; left out: x5" in " ".join(
        plot_mixture(*fitted(X, 1, covariance_type="diag"), figure=Figure())[0, 2]
        .get_title()
        .split()
    )


def test_the_uncertainty_of_one_feature_is_a_height():
    model, X = fitted(PLANE)
    axes = plot_uncertainty(model, X, features=1, figure=Figure())
    points = axes.collections[0].get_offsets()
    order = np.argsort(points[:, 0])
    uncertainty = 1 - model.predict_proba(X).max(axis=1)
    assert_allclose(points[order, 1], uncertainty[np.argsort(X[:, 1])])
    assert axes.get_ylabel() == "uncertainty"
    with pytest.raises(ValueError, match="draws one or two features, but 3 are asked for"):
        plot_uncertainty(*fitted(rng.normal(size=(50, 3))), features=[0, 1, 2])


def test_the_command_says_what_its_figure_leaves_out(tmp_path):
    X = np.random.default_rng(0).normal(size=(4_000, 7))
    X[:2_000, 4] += 9
    with (tmp_path / "wide.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"c{j}" for j in range(7)], *X.tolist()])
    command = [sys.executable, "-m", "mixtura", "fit", "wide.csv", "-k", "2", "--init", "kmeans"]
    done = forked.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    (note,) = [line for line in done.stderr.splitlines() if "figure" in line]
    assert note.startswith(
        "mixtura: note: in the figure: 5 of 7 features, where components overlap"
    )
    assert "draws others with features=" in note
    assert note.endswith("3,000 of 4,000 rows drawn (random sample)")
    quiet = forked.run([*command, "-q"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert quiet.stderr == ""


# Colours


def test_sixty_components_have_sixty_colours_and_few_have_those_for_all_eyes():
    colours = [colour(k) for k in range(60)]
    assert tuple(colours[:7]) == PALETTE
    assert len(set(colours)) == 60
    rgb = np.array([to_rgb(name) for name in colours])
    apart = np.abs(rgb[:, None] - rgb[None]).max(axis=2)[np.triu_indices(60, 1)]
    assert apart.min() > 0.09


def test_dots_of_fifty_components_have_fifty_colours():
    model, X = CASES["fifty components"]()
    axes = plot_uncertainty(model, X, figure=Figure())
    drawn = np.unique(axes.collections[0].get_facecolors()[:, :3], axis=0)
    assert len(drawn) == len(np.unique(model.predict(X)))
    assert [text.get_text() for text in axes.texts] == [str(k) for k in range(50)]


# The search


@pytest.mark.parametrize("sign", ["sklearn", "mclust"])
def test_the_best_models_stand_beside_the_criterion_with_their_differences(sign):
    search = GaussianMixtureSearch([1, 2, 3], ["EII", "EEE", "VVV"], sign=sign, random_state=0)
    axes = plot_search(search.fit(PLANE), figure=Figure())
    (beside,) = axes.child_axes
    top = search.top(8)
    names = [f"{row['covariance_type']}, {row['n_components']}" for row in top]
    assert [text.get_text() for text in beside.texts] == names
    assert_allclose([text.xy[0] for text in beside.texts], [row["delta"] for row in top])
    low, high = axes.get_ylim()
    assert low < high
    best = search.best_score_
    assert abs(best - (low if sign == "sklearn" else high)) < 0.1 * (high - low)


@pytest.mark.parametrize("make", [lambda: Figure(), lambda: Figure(layout="constrained")])
def test_nothing_of_a_search_is_cut_off(make):
    search = GaussianMixtureSearch([1, 2], "all", random_state=0).fit(PLANE)
    figure = make()
    axes = plot_search(search, ax=figure.subplots())
    figure.draw_without_rendering()
    for part in (axes.get_legend(), *axes.child_axes):
        assert part.get_window_extent().x1 <= figure.bbox.x1
