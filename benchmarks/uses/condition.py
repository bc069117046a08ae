"""Time of means and standard deviations of three features given three others, a row.

    pip install gmr cgmm torch==2.13.0 tgmm
    OMP_NUM_THREADS=1 python benchmarks/uses/condition.py

Ten components, full covariances, 100,000 rows for those that take a matrix, one thread; CPU time, the least
of several rounds, in which all take turns. gmr and tgmm give means of a matrix, and tgmm what standard
deviations are made of: weights, means and covariances.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from mixtura import Mixture

K, D, N, GIVEN, ROUNDS = 10, 6, 100_000, [0, 1, 2], 11


def mixtura_ways(weights, means, covariances, X):
    mixture = Mixture.from_parameters(weights, means, covariances)
    expected = mixture.condition(GIVEN, X[:1000]).mean()
    ways = {
        "mixtura, mean and std": (
            lambda: mixture.condition(GIVEN, X, n_jobs=1).mean_and_std(),
            N,
        ),
        "mixtura, mean": (lambda: mixture.condition(GIVEN, X, n_jobs=1).mean(), N),
        "mixtura, row by row": (lambda: [mixture.condition(GIVEN, row) for row in X[:100]], 100),
    }
    return ways, expected


def gmr_ways(weights, means, covariances, X, expected):
    from gmr import GMM

    peer = GMM(K, weights, means, covariances)
    assert np.allclose(peer.predict(np.array(GIVEN), X[:1000]), expected)
    return {"gmr, mean": (lambda: peer.predict(np.array(GIVEN), X), N)}


def tgmm_ways(weights, means, covariances, X, expected):
    import torch
    from tgmm import GaussianMixture

    torch.set_num_threads(1)
    theirs = [torch.from_numpy(one) for one in (weights, means, covariances)]
    peer = GaussianMixture(
        n_components=K,
        max_iter=1,
        init_weights=theirs[0],
        init_means=theirs[1],
        init_covariances=theirs[2],
        device="cpu",
    )
    rows = torch.from_numpy(X)
    peer.fit(torch.from_numpy(np.column_stack([X, X])[:1000]))
    peer.weights_, peer.means_, peer.covariances_ = theirs
    assert np.allclose(peer.condition(rows[:1000], GIVEN).mean().numpy(), expected, atol=1e-4)

    def mean_and_std():
        given = peer.condition(rows, GIVEN)
        mean, of_each = given.mean(), given.covariances_.diagonal(dim1=1, dim2=2)
        square = (given.weights_[:, :, None] * (given.means_**2 + of_each)).sum(dim=1)
        return mean, (square - mean**2).sqrt()

    return {
        "tgmm, mean": (lambda: peer.condition(rows, GIVEN).mean(), N),
        "tgmm, mean and std": (mean_and_std, N),
    }


def cgmm_ways(weights, means, covariances, X, expected):
    from cgmm import GMMConditioner
    from sklearn.mixture import GaussianMixture

    theirs = GaussianMixture(K)
    theirs.weights_, theirs.means_, theirs.covariances_ = weights, means, covariances
    theirs.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(covariances))
    conditioner = GMMConditioner(theirs, cond_idx=GIVEN).precompute()
    of_first = conditioner.condition(X[0])
    assert np.allclose(of_first.weights_ @ of_first.means_, expected[0])
    return {"cgmm, a mixture a row": (lambda: [conditioner.condition(row) for row in X[:100]], 100)}


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(K, D, D))
    covariances = factors @ factors.transpose(0, 2, 1) + np.eye(D)
    means, weights = 3 * rng.normal(size=(K, D)), np.full(K, 1 / K)
    X = 3 * rng.normal(size=(N, 3))
    ways, expected = mixtura_ways(weights, means, covariances, X)
    for peer in (gmr_ways, tgmm_ways, cgmm_ways):
        try:
            ways |= peer(weights, means, covariances, X, expected)
        except ImportError as error:
            print(f"left out: {error}")
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (function, n_rows) in ways.items():
            began = time.process_time()
            function()
            seconds[name].append((time.process_time() - began) / n_rows)
    for name, of_rounds in seconds.items():
        print(f"| {name} | {min(of_rounds) * 1e6:.2f} |")


if __name__ == "__main__":
    main()
