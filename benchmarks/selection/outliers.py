"""Clusters among gross outliers: plain components, noise, t components, bounded eigenvalues.

    python benchmarks/selection/outliers.py

Three clusters of 200 rows in two and in five dimensions, and 0, 1, 5 or 20 % more rows, drawn evenly from a
box five times as wide as theirs, or all from one small spot far away. Of each fit, components matched to the
clusters: how far the means are from those of the clusters' own rows, in standard deviations, and how far the
covariances (scale matrices of t components), as the largest factor between them in any direction. Medians of
20 tables.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from scipy.linalg import eigvalsh
from scipy.optimize import linear_sum_assignment

from mixtura import GaussianMixture

METHODS = {
    "plain": {},
    "noise": {"noise": True},
    "t": {"distribution": "t"},
    "t and noise": {"distribution": "t", "noise": True},
    "eigenvalue ratio": {"max_eigenvalue_ratio": 20.0},
}
SHARES = (0.0, 0.01, 0.05, 0.2)
N_TABLES = 20


def table(
    n_features: int, share: float, where: str, seed: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    centres = 4.0 * np.eye(n_features)[:2]
    centres = np.vstack([centres, -4.0 * np.ones(n_features) / np.sqrt(n_features)])
    clusters = []
    for centre in centres:
        factor = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
        sizes = rng.uniform(0.5, 1.2, n_features)
        clusters.append(centre + rng.standard_normal((200, n_features)) * sizes @ factor)
    X = np.concatenate(clusters)
    n_outliers = round(share * len(X))
    middle, half = X.mean(axis=0), 2.5 * np.ptp(X, axis=0)
    if where == "spread":
        outliers = middle + rng.uniform(-half, half, (n_outliers, n_features))
    else:
        outliers = middle + half + 0.1 * rng.standard_normal((n_outliers, n_features))
    return np.concatenate([X, outliers]), clusters


def errors(model: GaussianMixture, clusters: list[np.ndarray]) -> tuple[float, float]:
    """Of means, in standard deviations, and of covariances, as a factor; the worst component."""
    means = [cluster.mean(axis=0) for cluster in clusters]
    covariances = [np.cov(cluster.T, bias=True) for cluster in clusters]
    found = model.mixture_.covariance_matrices()
    away = np.array(
        [
            [np.sqrt((m - c) @ np.linalg.solve(S, m - c)) for c in model.means_]
            for m, S in zip(means, covariances, strict=True)
        ]
    )
    _, order = linear_sum_assignment(away)
    of_means = away[np.arange(3), order].max()
    ratios = [eigvalsh(found[k], S) for k, S in zip(order, covariances, strict=True)]
    return float(of_means), float(max(max(r.max(), 1 / r.min()) for r in ratios))


def measured(n_features: int, share: float, where: str) -> dict[str, tuple[float, float]]:
    found = {}
    for name, arguments in METHODS.items():
        each = []
        for seed in range(N_TABLES):
            X, clusters = table(n_features, share, where, seed)
            each.append(errors(GaussianMixture(3, random_state=0, **arguments).fit(X), clusters))
        found[name] = tuple(np.median(each, axis=0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    warnings.simplefilter("ignore")
    head = "".join(f" {name} |" for name in METHODS)
    print(f"| features, outliers |{head}")
    print("|---|" + "---|" * len(METHODS))
    for n_features in (2, 5):
        for where in ("spread", "on one spot"):
            for share in SHARES if where == "spread" else SHARES[1:]:
                found = measured(n_features, share, where)
                cells = "".join(f" {m:.2f}, {c:.2f} |" for m, c in found.values())
                print(f"| {n_features}, {share:.0%} {where if share else ''} |{cells}", flush=True)


if __name__ == "__main__":
    main()
