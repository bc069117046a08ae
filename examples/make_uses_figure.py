"""Draw docs/images/uses.png: iris classified, Old Faithful predicted with intervals, outliers found."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from mixtura import (
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
)
from mixtura.datasets import load_faithful
from mixtura.plots import plot_boundary

BLUE, ORANGE, INK = "#0072b2", "#d55e00", "#222222"


def main(path: str = "docs/images/uses.png") -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 4.1))
    draw_classes(left)
    draw_prediction(middle)
    draw_outliers(right)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def draw_classes(axes):
    iris = load_iris(as_frame=True)
    X = iris.data.rename(columns=lambda name: name.removesuffix(" (cm)"))
    species = iris.target_names[iris.target]
    classifier = GaussianMixtureClassifier(covariance_type="all").fit(X, species)
    plot_boundary(classifier, X, species, ["petal length", "sepal width"], axes)
    axes.set_title("classes of iris", fontsize=10, loc="center")


def draw_prediction(axes):
    eruption, waiting = load_faithful().data.T
    regressor = GaussianMixtureRegressor(2, random_state=0).fit(eruption[:, None], waiting)
    at = np.linspace(1.5, 5.2, 300)
    for low, high, shade in ((0.05, 0.95, 0.15), (0.25, 0.75, 0.3)):
        band = regressor.quantiles(at[:, None], [low, high]).T
        axes.fill_between(
            at, *band, color=BLUE, alpha=shade, lw=0, label=f"{high - low:.0%} of rows"
        )
    axes.plot(at, regressor.predict(at[:, None]), color=INK, lw=1.4, label="mean")
    axes.scatter(eruption, waiting, s=9, color=ORANGE, lw=0)
    axes.set(xlabel="eruption (minutes)", ylabel="waiting (minutes)")
    axes.set_title("Old Faithful predicted", fontsize=10)
    axes.legend(fontsize=8, loc="lower right")


def draw_outliers(axes):
    X = load_faithful().data
    stray = np.random.default_rng(0).uniform([1, 30], [6, 110], (25, 2))
    rows = np.concatenate([X, stray])
    detector = GaussianMixtureOutlierDetector(
        2, noise=True, contamination=0.08, random_state=0
    ).fit(rows)
    x, y = np.linspace(0.8, 6.2, 200), np.linspace(25, 115, 200)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    score = detector.decision_function(grid).reshape(200, 200)
    axes.contourf(x, y, score, levels=[0, 1e9], colors=[BLUE], alpha=0.15)
    axes.contour(x, y, score, levels=[0], colors=[BLUE], linewidths=1)
    is_out = detector.predict(rows) == -1
    axes.scatter(*rows[~is_out].T, s=9, color=BLUE, lw=0, label="inliers")
    axes.scatter(*rows[is_out].T, s=22, color=ORANGE, marker="x", lw=1.2, label="outliers")
    axes.set(xlabel="eruption (minutes)", ylabel="waiting (minutes)")
    axes.set_title("25 stray rows among Old Faithful", fontsize=10)
    axes.legend(fontsize=8, loc="lower right")


if __name__ == "__main__":
    main(*sys.argv[1:])
