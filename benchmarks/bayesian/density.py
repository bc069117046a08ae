"""Mean log density of rows that were held out, in nats a row, beside scikit-learn's and maximum likelihood.

    python benchmarks/bayesian/density.py

Five folds; ten components; features divided by their standard deviations. `score_samples` of scikit-learn's
Bayesian class is no density, and integrates to less than 1 on few rows: its figures are what it says.
"""

from __future__ import annotations

import warnings

import numpy as np
import sklearn.mixture
from sklearn import datasets
from sklearn.model_selection import KFold

from mixtura import BayesianGaussianMixture, GaussianMixture
from mixtura.datasets import load_faithful


def ring(n_rows):
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, n_rows)
    return 3 * np.column_stack([np.cos(angles), np.sin(angles)]) + rng.normal(0, 0.3, (n_rows, 2))


PROBLEMS = {
    "Old Faithful": lambda: load_faithful().data,
    "iris": lambda: datasets.load_iris().data,
    "wine": lambda: datasets.load_wine().data,
    "breast cancer, 10 means": lambda: datasets.load_breast_cancer().data[:, :10],
    "diabetes": lambda: np.delete(datasets.load_diabetes().data, 1, axis=1),
    "digits, 6 components": lambda: _principal(datasets.load_digits().data, 6),
    "linnerud": lambda: datasets.load_linnerud().data,
    "ring, 100 rows": lambda: ring(100),
    "ring, 2,000 rows": lambda: ring(2000),
    "moons": lambda: datasets.make_moons(500, noise=0.1, random_state=0)[0],
}
MODELS = {
    "Bayesian, ours": lambda: BayesianGaussianMixture(10, random_state=0),
    "Bayesian, theirs": lambda: sklearn.mixture.BayesianGaussianMixture(
        n_components=10, random_state=0, max_iter=1000
    ),
    "maximum likelihood, 10": lambda: GaussianMixture(10, random_state=0),
    "maximum likelihood, 3": lambda: GaussianMixture(3, random_state=0),
}


def _principal(X, n):
    centred = X - X.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:n].T


def held_out(make, X):
    scores = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        mean, spread = X[train].mean(axis=0), X[train].std(axis=0)
        try:
            scores.append(make().fit((X[train] - mean) / spread).score((X[test] - mean) / spread))
        except ValueError:
            return np.nan
    return np.mean(scores)


def main() -> None:
    warnings.simplefilter("ignore")
    print("| rows | " + " | ".join(MODELS) + " |")
    print("|---" * (1 + len(MODELS)) + "|")
    for name, load in PROBLEMS.items():
        X = load()
        scores = (held_out(make, X) for make in MODELS.values())
        print(f"| {name} | " + " | ".join(f"{score:.3f}" for score in scores) + " |", flush=True)


if __name__ == "__main__":
    main()
