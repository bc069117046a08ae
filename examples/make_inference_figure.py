"""Draw the pictures of docs/inference.md: regions, cuts; how sure, fewer, a view; modes, two halves."""

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

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3))
    draw_modes(left, eruptions)
    draw_halves(right, eruptions)
    figure.tight_layout()
    figure.savefig(Path(folder, "inference-modes.png"), dpi=110)


def draw_levels(axes, mixture, colour, **style):
    """Lines that hold 50, 75 and 95 % of a mixture."""
    x, y = np.meshgrid(np.linspace(1.2, 5.6, 250), np.linspace(36, 100, 250))
    heights = mixture.log_density(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    levels = [np.log(mixture.hdr_threshold(coverage)) for coverage in (0.95, 0.75, 0.5)]
    axes.contour(x, y, heights, levels, colors=colour, linewidths=1.0, linestyles="solid", **style)
    axes.set(xlabel="eruptions", ylabel="waiting")


def draw_modes(axes, eruptions):
    mixture = GaussianMixture(5, covariance_type="EEE", random_state=0).fit(eruptions).mixture_
    modes = mixture.modes()
    draw_levels(axes, mixture, GREY)
    x, y = np.meshgrid(np.linspace(1.4, 5.3, 16), np.linspace(44, 96, 16))
    rows = np.column_stack([x.ravel(), y.ravel()])
    inside = mixture.is_in_hdr(rows, 0.95)
    rises = mixture.log_density_gradient(rows[inside]) * mixture.spreads[0] ** 2  # in spreads
    axes.quiver(*rows[inside].T, *rises.T, angles="xy", color=BLUE, alpha=0.5, width=0.004)
    for mean, mode in zip(mixture.means, modes.points[modes.of_component], strict=True):
        axes.plot(*np.stack([mean, mode]).T, color=INK, lw=1.0)
    axes.plot(*mixture.means.T, "o", color=ORANGE, ms=5, label="means of five components")
    axes.plot(*modes.points.T, "*", color=INK, ms=12, label=f"{len(modes.points)} modes")
    axes.set_title("where components lead, and the gradient", fontsize=10)
    axes.legend(fontsize=8, loc="upper left")


def draw_halves(axes, eruptions):
    halves = {"early": (eruptions[:136], BLUE), "late": (eruptions[136:], ORANGE)}
    found = []
    for name, (rows, colour) in halves.items():
        model = GaussianMixture(2, sort_components="mean", random_state=0).fit(rows)
        found.append(model.mixture_)
        draw_levels(axes, found[-1], colour)
        axes.scatter(*rows.to_numpy().T, s=7, color=colour, lw=0, alpha=0.6)
        axes.plot([], [], color=colour, label=name)
    early, late = found
    divergence, distance = early.jensen_shannon(late), early.wasserstein(late)
    title = f"Jensen-Shannon {divergence.value:.3f} nats, transport {distance:.2f}"
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, loc="upper left")


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
