"""Area under the ROC curve of outlier detectors, on public tables.

    pip install --group suites
    python benchmarks/uses/outliers.py

The rows of a table's most frequent class, and among them so many of the others, drawn at random, that one
row in twenty is an outlier; means of ten draws, features standardised. No detector sees a label.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixtureOutlierDetector, GaussianMixtureSearch
from tables import classified

SHARE, N_DRAWS = 0.05, 10
METHODS = {
    "IsolationForest": IsolationForest(random_state=0),
    "LOF": LocalOutlierFactor(novelty=False),
    "EllipticEnvelope": EllipticEnvelope(random_state=0),
    "one Gaussian": GaussianMixtureOutlierDetector(),
    "one t": GaussianMixtureOutlierDetector(distribution="t"),
    "one, noise": GaussianMixtureOutlierDetector(noise=True),
    "t, by BIC": GaussianMixtureOutlierDetector(
        estimator=GaussianMixtureSearch(
            range(1, 4), ["VVI", "EEE", "VVV"], distribution="t", random_state=0
        )
    ),
}


def draw(X, y, seed):
    rng = np.random.default_rng(seed)
    names, counts = np.unique(y, return_counts=True)
    inlier = y == names[np.argmax(counts)]
    n = round(inlier.sum() * SHARE / (1 - SHARE))
    stray = rng.choice(np.flatnonzero(~inlier), n, replace=False)
    rows = np.concatenate([np.flatnonzero(inlier), stray])
    return StandardScaler().fit_transform(X[rows]), np.repeat([0, 1], [inlier.sum(), n])


def area(method, rows, is_outlier):
    method.fit(rows)
    is_lof = isinstance(method, LocalOutlierFactor)
    normality = method.negative_outlier_factor_ if is_lof else method.score_samples(rows)
    return roc_auc_score(is_outlier, -normality)


def main() -> None:
    warnings.simplefilter("ignore")
    print("| table |", *(f"{name} |" for name in METHODS))
    print("|---|", *("---|" for _ in METHODS))
    for name, X, y in classified():
        cells = [
            f"{np.mean([area(method, *draw(X, y, seed)) for seed in range(N_DRAWS)]):.3f}"
            for method in METHODS.values()
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
