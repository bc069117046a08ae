"""Bounds and numbers of components that 20 seeds end at, beside scikit-learn's.

    python benchmarks/bayesian/stability.py [--seeds 20]

scikit-learn's posterior is judged by mixtura's bound: its responsibilities are a start without iterations.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

import numpy as np
import sklearn.mixture
from sklearn.datasets import load_iris, load_wine

from mixtura import BayesianGaussianMixture
from mixtura.datasets import load_faithful


def ring():
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, 600)
    return 3 * np.column_stack([np.cos(angles), np.sin(angles)]) + rng.normal(0, 0.3, (600, 2))


PROBLEMS = {
    "Old Faithful": lambda: load_faithful().data,
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "ring": ring,
}
PRIORS = {"process": "dirichlet_process", "distribution": "dirichlet_distribution"}
NEAR = 1e-3


def ours(X, seed, **arguments):
    model = BayesianGaussianMixture(10, random_state=seed, **arguments).fit(X)
    return model.lower_bound_, model.n_components_


def theirs(X, seed, **arguments):
    model = sklearn.mixture.BayesianGaussianMixture(
        n_components=10, random_state=seed, max_iter=1000, **arguments
    ).fit(X)
    given = model.predict_proba(X)
    same = BayesianGaussianMixture(10, init_params=given, max_iter=0, **arguments).fit(X)
    return same.lower_bound_, int((given.sum(axis=0) >= 1).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    heads = "ours: within 1e-3", "n_components_", "theirs: within 1e-3", "behind (median)", "n"
    print(f"| rows | covariances | prior | {' | '.join(heads)} |")
    print("|---" * 8 + "|")
    shares = []
    for name in asked.problems:
        X = PROBLEMS[name]()
        for kind in ("full", "tied", "diag", "spherical"):
            for prior, prior_type in PRIORS.items():
                same = {"covariance_type": kind, "weight_concentration_prior_type": prior_type}
                found = [ours(X, seed, **same) for seed in range(asked.seeds)]
                others = [theirs(X, seed, **same) for seed in range(asked.seeds)]
                bounds, counts = map(np.array, zip(*found, strict=True))
                bounds_there, counts_there = map(np.array, zip(*others, strict=True))
                best = max(bounds.max(), bounds_there.max())
                at_best = counts[bounds.argmax()]
                near = (bounds > best - NEAR) & (counts == at_best)
                shares.append(near.mean())
                print(
                    f"| {name} | {kind} | {prior} | {near.mean():.0%} | {_counted(counts)} | "
                    f"{(bounds_there > best - NEAR).mean():.0%} | {np.median(best - bounds_there):.2g} | "
                    f"{_counted(counts_there)} |",
                    flush=True,
                )
    often = sum(share >= 0.9 for share in shares)
    print(f"\nof {len(shares)} problems {often} have 90 % or more; mean {np.mean(shares):.0%}")


def _counted(counts):
    return ", ".join(f"{n} ({times})" for n, times in sorted(Counter(counts.tolist()).items()))


if __name__ == "__main__":
    main()
