"""Draw docs/images/errors.png: rows measured with errors, the mixture behind them, and the rows denoised."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse

from mixtura import GaussianMixture, Mixture

COLOURS = ("#0072b2", "#d55e00")


def catalogue() -> tuple[np.ndarray, np.ndarray, Mixture]:
    """Two narrow streams, each row measured with errors of its own: rows, deviations, the truth's law."""
    rng = np.random.default_rng(1)
    law = Mixture.from_parameters(
        [0.5, 0.5],
        [[0.0, 0.0], [2.0, 1.0]],
        [[[1.5, 1.1], [1.1, 0.9]], [[0.08, 0.0], [0.0, 1.2]]],
    )
    true, _ = law.sample(600, 0)
    std = rng.gamma(2.0, 0.25, size=true.shape)
    return true + std * rng.normal(size=true.shape), std, law


def draw(axes: plt.Axes, mixture: Mixture, style: str, colours: tuple[str, ...]) -> None:
    for mean, covariance, colour in zip(
        mixture.means, mixture.covariance_matrices(), colours, strict=True
    ):
        lengths, directions = np.linalg.eigh(covariance)
        angle = np.degrees(np.arctan2(directions[1, 1], directions[0, 1]))
        width, height = 4 * np.sqrt(lengths[::-1])
        axes.add_patch(
            Ellipse(mean, width, height, angle=angle, fill=False, ec=colour, ls=style, lw=1.8)
        )


def main(path: str = "docs/images/errors.png") -> None:
    X, std, law = catalogue()
    plain = GaussianMixture(2, random_state=0).fit(X)
    gm = GaussianMixture(2, random_state=0).fit(X, error_std=std)
    figure, three = plt.subplots(1, 3, figsize=(11.0, 3.9), sharex=True, sharey=True)
    some = slice(0, 150)
    three[0].errorbar(
        *X[some].T, xerr=std[some, 0], yerr=std[some, 1], fmt="o", ms=2, lw=0.4, color="#888888"
    )
    three[0].set_title("measured: a quarter of the rows, with errors", fontsize=10)
    three[1].scatter(*X.T, s=3, c="#cccccc")
    draw(three[1], plain.mixture_, "--", ("#888888",) * 2)
    draw(three[1], gm.mixture_, "-", COLOURS)
    draw(three[1], law, ":", ("#000000",) * 2)
    three[1].set_title("plain fit (dashed), with errors (solid), truth (dotted)", fontsize=10)
    three[2].scatter(
        *gm.denoise(X, error_std=std).T, s=4, c=np.array(COLOURS)[gm.predict(X, error_std=std)]
    )
    three[2].set_title("the rows denoised", fontsize=10)
    three[2].set(xlim=(-4.5, 5.5), ylim=(-4.0, 5.0))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
