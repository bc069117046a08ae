"""Draw docs/images/bayesian.png: weights of ten components where the prior decides, and the densities."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from mixtura import BayesianGaussianMixture
from mixtura.datasets import load_faithful
from mixtura.plots import plot_weights

COLOURS = ["#0072b2", "#d55e00", "#009e73"]


def main(path: str = "docs/images/bayesian.png") -> None:
    X = load_faithful().data
    model = BayesianGaussianMixture(10, random_state=0).fit(X)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.0, 3.4))

    plot_weights(model, ax=left)

    middle.set_title("rows, by component", fontsize=10)
    labels = model.predict(X)
    for k, colour in zip(np.unique(labels), COLOURS, strict=False):
        middle.scatter(*X[labels == k].T, s=12, color=colour)
    middle.set_xlabel("eruption (minutes)")
    middle.set_ylabel("waiting (minutes)")

    right.set_title("log evidence", fontsize=10)
    numbers = range(1, 9)
    for kind, style in (("full", "o-"), ("tied", "s--")):
        evidence = [
            BayesianGaussianMixture(
                k,
                covariance_type=kind,
                weight_concentration_prior_type="dirichlet_distribution",
                weight_concentration_prior=1.0,
                random_state=0,
            )
            .fit(X)
            .log_evidence_
            for k in numbers
        ]
        right.plot(numbers, evidence, style, label=kind, color="#333333", ms=5, lw=1)
    right.set_xlabel("n_components")
    right.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
