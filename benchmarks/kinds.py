"""What noise, labels, t components, a prior and fixed parameters cost an iteration, beside a plain one.

    python benchmarks/kinds.py

Medians of the ratios of runs that take turns, on one thread. The first table is of E-steps with their sums;
the second of fits of 30 iterations from one start, for what is in the M-step alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mixtura import GaussianMixture
from mixtura.mixture import Mixture, Noise
from mixtura.rows import ArrayBlocks, Rows

# Rows, features, components, structure.
SHAPES = {
    "B": (100_000, 2, 5, "full"),
    "C": (200_000, 10, 10, "full"),
    "D": (100_000, 32, 32, "full"),
    "H": (500_000, 10, 10, "spherical"),
    "I": (500_000, 10, 10, "diag"),
}
N_RUNS = 9


def problem(
    n_rows: int, n_features: int, n_components: int, covariance_type: str
) -> tuple[Mixture, np.ndarray]:
    """A mixture whose components touch, and rows of it."""
    rng = np.random.default_rng(0)
    means = 3.0 / np.sqrt(n_features) * rng.standard_normal((n_components, n_features))
    X = means[rng.integers(0, n_components, n_rows)] + rng.standard_normal((n_rows, n_features))
    one = {"full": np.eye(n_features), "diag": np.ones(n_features), "spherical": 1.0}[
        covariance_type
    ]
    mixture = Mixture.from_parameters(
        np.full(n_components, 1 / n_components),
        means,
        np.array([one] * n_components),
        covariance_type=covariance_type,
    )
    return mixture, X


def ratios(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median over the runs of each one's time over that of the first."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(N_RUNS):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - began)
    plain = np.array(next(iter(times.values())))
    return {name: float(np.median(np.array(own) / plain)) for name, own in times.items()}


def of_e_steps(mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    rng = np.random.default_rng(1)
    k, d = mixture.means.shape
    known = np.where(rng.random(len(X)) < 0.1, rng.integers(0, k, len(X)), -1)
    noisy = replace(mixture, weights=0.95 * mixture.weights, noise=Noise(0.05, -3.0 * d))
    heavy = {"df": np.full(k, 8.0)}
    plain, labelled = Rows(X), Rows(X, label=known)
    cases = {
        "plain": (mixture, plain),
        "noise": (noisy, plain),
        "labels": (mixture, labelled),
        "t": (replace(mixture, **heavy), plain),
        "all three": (replace(noisy, **heavy), labelled),
    }
    return ratios(
        {
            name: lambda own=own, rows=rows: ArrayBlocks(rows, 1).accumulate(own)
            for name, (own, rows) in cases.items()
        }
    )


def of_fits(mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    start = {
        "n_components": len(mixture.weights),
        "covariance_type": mixture.covariance_type,
        "weights_init": mixture.weights,
        "means_init": mixture.means,
        "covariances_init": mixture.covariances,
        "init_params": "random",
        "accelerate": False,
        "random_state": 0,
        "tol": 0.0,
        "max_iter": 30,
        "n_jobs": 1,
    }
    cases = {
        "plain": {},
        "prior": {"prior": "default"},
        "fixed means": {"fixed": {"means": True}},
        "equal weights": {"equal_weights": True},
    }
    return ratios(
        {
            name: lambda own=own: GaussianMixture(**start, **own).fit(X)
            for name, own in cases.items()
        }
    )


def show(measured: Callable[[Mixture, np.ndarray], dict[str, float]], names: str) -> None:
    head = False
    for name in names:
        shape = SHAPES[name]
        mixture, X = problem(*shape)
        for dtype in (np.float64, np.float32):
            found = measured(mixture, X.astype(dtype))
            if not head:
                print(
                    f"| shape | {' | '.join(list(found)[1:])} |\n|---|{'---|' * (len(found) - 1)}"
                )
                head = True
            cells = " | ".join(f"{ratio:.2f}" for ratio in list(found.values())[1:])
            n_rows, n_features, k, kind = shape
            what = f"{name}: {n_rows:,} x {n_features}, K = {k}, {kind}, {np.dtype(dtype)}"
            print(f"| {what} | {cells} |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    warnings.simplefilter("ignore")
    show(of_e_steps, "BCDHI")
    show(of_fits, "BC")


if __name__ == "__main__":
    main()
