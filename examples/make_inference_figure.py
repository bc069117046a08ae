"""Draw docs/images/inference.png: regions of highest density, and where one feature is cut."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import pandas as pd

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful
from mixtura.plots import plot_density


def main(path: str = "docs/images/inference.png") -> None:
    faithful = load_faithful()
    eruptions = pd.DataFrame(faithful.data, columns=list(faithful.feature_names))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3))
    plot_density(GaussianMixture(2, random_state=0).fit(eruptions), eruptions, ax=left)
    waiting = eruptions[["waiting"]]
    model = GaussianMixture(2, covariance_type="E", random_state=0).fit(waiting)
    plot_density(model, waiting, ax=right)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
