"""Draw docs/images/kinds.png: Old Faithful with stray points, fitted in three ways."""

from __future__ import annotations

import sys

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful
from mixtura.plots import plot_mixture


def main(path: str = "docs/images/kinds.png") -> None:
    X = load_faithful().data
    rng = np.random.default_rng(0)
    low, high = X.min(axis=0), X.max(axis=0)
    stray = rng.uniform(low - 0.3 * (high - low), high + 0.3 * (high - low), (60, 2))
    Y = np.concatenate([X, stray])
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), sharex=True, sharey=True)
    for ax, (title, kind) in zip(
        axes,
        {
            "plain": {},
            "noise=True": {"noise": True},
            'distribution="t"': {"distribution": "t"},
        }.items(),
        strict=True,
    ):
        plot_mixture(GaussianMixture(2, random_state=0, **kind).fit(Y), Y, ax=ax)
        ax.set_title(title)
        ax.set_xlabel("minutes of eruption")
        ax.set_ylabel("minutes to the next" if ax is axes[0] else "")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
