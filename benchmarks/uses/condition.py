"""Time of means and standard deviations of three features given three others, a row.

    pip install gmr cgmm
    python benchmarks/uses/condition.py

Ten components, full covariances, 100,000 rows for those that take a matrix, one thread; CPU time, the least
of several repetitions. gmr gives means alone of a matrix.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from mixtura import Mixture

K, D, N = 10, 6, 100_000


def least(function, n_rows, repetitions=15):
    times = []
    for _ in range(repetitions):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return min(times) / n_rows * 1e6


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(K, D, D))
    covariances = factors @ factors.transpose(0, 2, 1) + np.eye(D)
    means, weights = 3 * rng.normal(size=(K, D)), np.full(K, 1 / K)
    X, given = 3 * rng.normal(size=(N, 3)), [0, 1, 2]
    mixture = Mixture.from_parameters(weights, means, covariances)
    rows = {
        "mixtura, mean and std": least(
            lambda: mixture.condition(given, X, n_jobs=1).mean_and_std(), N
        ),
        "mixtura, mean": least(lambda: mixture.condition(given, X, n_jobs=1).mean(), N),
        "mixtura, row by row": least(
            lambda: [mixture.condition(given, row) for row in X[:100]], 100, 3
        ),
    }
    expected = mixture.condition(given, X[:1000]).mean()
    try:
        from gmr import GMM

        peer = GMM(K, weights, means, covariances)
        assert np.allclose(peer.predict(np.array(given), X[:1000]), expected)
        rows["gmr, mean"] = least(lambda: peer.predict(np.array(given), X), N, 3)
    except ImportError:
        print("gmr is not installed")
    try:
        from cgmm import GMMConditioner
        from sklearn.mixture import GaussianMixture

        theirs = GaussianMixture(K)
        theirs.weights_, theirs.means_, theirs.covariances_ = weights, means, covariances
        theirs.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(covariances))
        conditioner = GMMConditioner(theirs, cond_idx=given).precompute()
        rows["cgmm, a mixture a row"] = least(
            lambda: [conditioner.condition(row) for row in X[:100]], 100, 3
        )
    except ImportError:
        print("cgmm is not installed")
    for name, microseconds in rows.items():
        print(f"| {name} | {microseconds:.2f} |")


if __name__ == "__main__":
    main()
