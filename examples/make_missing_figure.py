"""Draw docs/images/missing.png: Old Faithful with gaps, filled in, and how sure that is."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful

COLOURS = np.array(["#0072b2", "#d55e00"])


def main(path: str = "docs/images/missing.png") -> None:
    whole = load_faithful().data
    X = whole.copy()
    rng = np.random.default_rng(0)
    lacks = rng.choice([-1, 0, 1], size=len(X), p=[0.6, 0.2, 0.2])
    X[lacks == 0, 0] = np.nan
    X[lacks == 1, 1] = np.nan
    gm = GaussianMixture(2, missing="mar", random_state=0).fit(X)
    filled, std = gm.impute(X, return_std=True)
    labels = gm.predict(X)

    figure, both = plt.subplots(1, 2, figsize=(9.0, 4.2), sharex=True, sharey=True)
    for axes in both:
        axes.set_xlabel("eruption (minutes)")
    both[0].set_ylabel("waiting (minutes)")
    seen = lacks == -1
    both[0].set_title("what was observed", fontsize=10)
    both[0].scatter(*X[seen].T, s=12, c=COLOURS[labels[seen]])
    low = np.nanmin(X, axis=0) - [0.25, 4.0]
    both[0].plot(X[lacks == 1, 0], np.full((lacks == 1).sum(), low[1]), "|", color="#555555")
    both[0].plot(np.full((lacks == 0).sum(), low[0]), X[lacks == 0, 1], "_", color="#555555")
    both[1].set_title("gaps filled in, with a standard deviation", fontsize=10)
    both[1].scatter(*X[seen].T, s=8, c="#cccccc")
    for k, colour in enumerate(COLOURS):
        mine = ~seen & (labels == k)
        both[1].errorbar(
            *filled[mine].T,
            xerr=std[mine, 0],
            yerr=std[mine, 1],
            fmt="o",
            ms=3.5,
            lw=0.8,
            color=colour,
        )
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
