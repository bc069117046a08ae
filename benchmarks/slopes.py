"""What the gradient of the log density costs beside the log density, and the Hessian: ratios of paired calls.

python benchmarks/slopes.py            # a minute or two
python benchmarks/slopes.py 30         # more pairs each

CPU time of one thread, a call of each in turn, and the median of the ratios of neighbours; so that a machine
that others use too shows nearly the same. "near" components overlap, so that every one counts in every row;
"apart" ones do not, so that most do not matter to a row. "least" counts multiplications: of a row and a
component that matters the density takes d (d + 1) / 2 where covariances are matrices and d where features are
apart, a slope as many more, and the Hessian d (d + 1) / 2 for squares and, of covariances of their own, as
many for these. Exponentials and the numbers written, d x d a row, are not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from mixtura import Mixture
from mixtura.testing.problems import random_mixture

N_PAIRS = 15
SECONDS = 0.02  # of a call, at least: rows are added until it takes so long

MOST_ENTRIES = 2**21  # of the Hessians of a call

SIZES = ((2, 2), (5, 2), (3, 4), (5, 8), (10, 8), (5, 16), (20, 16), (5, 32), (10, 64))
STRUCTURES = ("VVV", "EEE", "VVI", "VII")


def mixtures(k: int, d: int, name: str, apart: bool, tails: bool) -> Mixture:
    """Random components, near each other or not."""
    plain = random_mixture(k, d, name, np.random.default_rng(0))
    weights, means, covariances = plain.as_tuple()[:3]
    means = means / np.abs(means).max() * (30 * np.sqrt(k) if apart else 0.3)
    df = np.full(k, 5.0) if tails else None
    return Mixture.from_parameters(weights, means, covariances, covariance_type=name, df=df)


def seconds(call: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def ratio(ours: Callable[[], object], theirs: Callable[[], object], n_pairs: int) -> float:
    """Median of what a call takes beside its neighbour."""
    ours(), theirs()
    return float(np.median([seconds(ours) / seconds(theirs) for _ in range(n_pairs)]))


def rows_of(mixture: Mixture, dtype: type) -> np.ndarray:
    """As many rows as take long enough."""
    n = 1000
    while True:
        X = mixture.sample(n, random_state=1)[0].astype(dtype)
        if seconds(lambda X=X: mixture.log_density(X, n_jobs=1)) > SECONDS:
            return X
        n *= 2


def least(name: str, d: int) -> float:
    """Multiplications of a Hessian beside those of the density, where all components matter."""
    triangle = d * (d + 1) / 2
    of_density = triangle if name in ("VVV", "EEE") else d
    return 2 + triangle * (2 if name == "VVV" else 1) / of_density


def line(name: str, k: int, d: int, apart: bool, tails: bool, dtype: type, n_pairs: int) -> float:
    mixture = mixtures(k, d, name, apart, tails)
    X = rows_of(mixture, dtype)
    found = ratio(
        lambda: mixture.log_density_gradient(X, n_jobs=1),
        lambda: mixture.log_density(X, n_jobs=1),
        n_pairs,
    )
    few = X[: max(MOST_ENTRIES // d**2, 1000)]
    bent = ratio(
        lambda: mixture.log_density_hessian(few, n_jobs=1),
        lambda: mixture.log_density(few, n_jobs=1),
        max(n_pairs // 3, 3),
    )
    kind = "t" if tails else "Gaussian"
    print(
        f"{name}  {k:3} {d:3}  {'apart' if apart else 'near':5}  {kind:8}  {np.dtype(dtype).name}  "
        f"{found:5.2f}  {bent:8.1f} {least(name, d):8.1f}",
        flush=True,
    )
    return found


def main(n_pairs: int) -> None:
    print(
        "structure, K, d                           gradient   Hessian, times the log density; least"
    )
    found = [
        line(name, k, d, apart, False, np.float64, n_pairs)
        for name in STRUCTURES
        for k, d in SIZES
        for apart in (False, True)
    ]
    found += [line("VVV", k, d, False, True, np.float64, n_pairs) for k, d in ((2, 2), (5, 8))]
    found += [line("VVV", k, d, False, False, np.float32, n_pairs) for k, d in ((2, 2), (5, 8))]
    print(f"gradient: median {np.median(found):.2f}, largest {max(found):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else N_PAIRS)
