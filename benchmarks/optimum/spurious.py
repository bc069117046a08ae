"""The picture of docs/spurious.md: one spurious answer of each kind, beside the one that the library gives.

python benchmarks/optimum/spurious.py docs/images/spurious.png
"""

from __future__ import annotations

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np

from mixtura import GaussianMixture
from mixtura.plots import plot_mixture


def rounded(rng: np.random.Generator) -> np.ndarray:
    """Durations, of which many were written down as 4.0 exactly; waits to the minute."""
    waits = np.r_[rng.normal(55, 6, 90), rng.normal(80, 6, 160)].round()
    durations = np.r_[rng.normal(2.0, 0.3, 90), rng.normal(4.3, 0.4, 160)].round(2)
    durations[rng.choice(np.arange(90, 250), 50, replace=False)] = 4.0
    return np.c_[waits, durations]


def spike(rng: np.random.Generator) -> np.ndarray:
    """Two clouds, and four rows that happen to lie nearly on a line."""
    line = np.c_[np.linspace(1.0, 3.0, 4), np.linspace(4.0, 5.2, 4) + 1e-4 * rng.normal(size=4)]
    return np.r_[rng.normal(size=(100, 2)), rng.normal([5, 2], size=(100, 2)), line]


def diagonal(rng: np.random.Generator) -> np.ndarray:
    """Two groups, rounded to steps of one: a component fits a single diagonal of the grid."""
    base = rng.normal(0, 4, (160, 1)) + rng.normal(0, 1.0, (160, 2))
    return np.r_[base, rng.normal([8, -4], 1.5, (80, 2))].round()


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Two clouds, of which EM that begins with equal components sees one."""
    return np.r_[rng.normal(size=(125, 2)), rng.normal([4, 1], size=(125, 2))]


def labels_of(X: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The rest in the components of a fit of one component less, the members in one of their own."""
    labels = GaussianMixture(2, random_state=0).fit(X[~members]).predict(X)
    return np.where(members, 2, labels)


def main(path: str) -> None:
    """Draw the picture."""
    rng = np.random.default_rng(3)
    tables = {name: make(rng) for name, make in CASES.items()}
    starts = {
        "a point mass": labels_of(tables["a point mass"], tables["a point mass"][:, 1] == 4),
        "a spike": labels_of(tables["a spike"], np.arange(204) >= 200),
        "held up by reg_covar": labels_of(
            tables["held up by reg_covar"],
            tables["held up by reg_covar"][:, 0] == tables["held up by reg_covar"][:, 1],
        ),
        "the same component twice": np.full((250, 2), 0.5),
    }
    figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
    for (name, X), (above, below) in zip(tables.items(), axes.T, strict=True):
        n_components = 2 if name == "the same component twice" else 3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spurious = GaussianMixture(n_components, init_params=starts[name]).fit(X)
            ours = GaussianMixture(n_components, random_state=0).fit(X)
        for axis, model, title in (
            (above, spurious, f"{name}\nlog-likelihood a row {spurious.lower_bound_:.2f}"),
            (below, ours, f"by default: {ours.lower_bound_:.2f}"),
        ):
            plot_mixture(model, X, ax=axis)
            axis.get_legend().remove()
            axis.set_title(title)
        print(name, "|", *spurious.diagnosis_.verdict, "|", *ours.diagnosis_.verdict)
    figure.savefig(path, dpi=90)


CASES = {
    "a point mass": rounded,
    "a spike": spike,
    "held up by reg_covar": diagonal,
    "the same component twice": clouds,
}

if __name__ == "__main__":
    main(sys.argv[1])
