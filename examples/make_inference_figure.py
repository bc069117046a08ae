"""Draw the pictures of docs/inference.md: regions and cuts; how sure, fewer components, a view."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Ellipse
from sklearn.datasets import load_iris

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful
from mixtura.plots import plot_density, plot_reduction

BLUE, ORANGE, INK, GREY = "#0072b2", "#d55e00", "#222222", "#999999"


def main(folder: str = "docs/images") -> None:
    faithful = load_faithful()
    eruptions = pd.DataFrame(faithful.data, columns=list(faithful.feature_names))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3))
    plot_density(GaussianMixture(2, random_state=0).fit(eruptions), eruptions, ax=left)
    waiting = eruptions[["waiting"]]
    model = GaussianMixture(2, covariance_type="E", random_state=0).fit(waiting)
    plot_density(model, waiting, ax=right)
    figure.tight_layout()
    figure.savefig(Path(folder, "inference.png"), dpi=110)

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.3))
    draw_band(left, waiting)
    draw_fewer(middle, eruptions)
    iris = load_iris(as_frame=True).data
    flowers = GaussianMixture(3, covariance_type="VEV", random_state=0).fit(iris)
    plot_reduction(flowers.reduction(iris), iris, ax=right)
    right.set_title("iris where its groups differ most", fontsize=10)
    figure.tight_layout()
    figure.savefig(Path(folder, "inference-views.png"), dpi=100)


def draw_band(axes, waiting):
    model = GaussianMixture(2, covariance_type="V", random_state=0).fit(waiting)
    grid = np.linspace(38, 102, 250)[:, np.newaxis]
    errors = model.standard_errors(waiting, kind="sandwich")
    found = errors.interval(lambda mixture: mixture.log_density(grid))
    axes.hist(waiting.to_numpy()[:, 0], bins=26, density=True, color="#dddddd", edgecolor="white")
    band = np.exp(found.low), np.exp(found.high)
    axes.fill_between(grid[:, 0], *band, color=BLUE, alpha=0.35, lw=0, label="95 % confidence")
    axes.plot(grid[:, 0], np.exp(found.estimate), color=INK, lw=1.4, label="density")
    axes.set(xlabel="waiting", ylabel="density")
    axes.set_title("how sure a density is", fontsize=10)
    axes.legend(fontsize=8)


def draw_fewer(axes, eruptions):
    five = GaussianMixture(5, covariance_type="EEE", random_state=0).fit(eruptions).mixture_
    less = five.reduce(2)
    axes.scatter(*eruptions.to_numpy().T, s=7, color=GREY, lw=0)
    for mixture, colour, width in ((five, ORANGE, 1.0), (less.mixture, BLUE, 2.2)):
        for mean, covariance in zip(mixture.means, mixture.covariance_matrices(), strict=True):
            values, vectors = np.linalg.eigh(covariance)
            angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
            sizes = 2 * np.sqrt(-2 * np.log(0.5) * values[::-1])
            style = {"fill": False, "edgecolor": colour, "linewidth": width}
            axes.add_patch(Ellipse(tuple(mean), *sizes, angle=angle, **style))
    axes.plot([], [], color=ORANGE, lw=1.0, label="five components")
    axes.plot([], [], color=BLUE, lw=2.2, label="reduced to two")
    axes.set(xlabel="eruptions", ylabel="waiting")
    axes.set_title("fewer components (50 % ellipses)", fontsize=10)
    axes.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    main(*sys.argv[1:])
