"""What an iteration over rows with gaps takes, beside one over the same rows without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np

from harness.rounds import interleave
from harness.text import digits, duration
from missing import peers

TITLE = "An iteration over rows with gaps beside one over the same rows without"
HEAD = ["rows, gaps", "library", "complete", "with gaps", "ratio", "parameters differ by"]

# Features from which tgmm takes minutes an iteration, where every row has gaps of its own.
WIDE = 100

# Rows, features, components; of each share of missing cells how many rows have no value.
PROBLEMS = {
    (20_000, 6, 4): {0.1: 0, 0.5: 300},
    (5_000, 200, 3): {0.05: 0, 0.5: 0},
}
ROUNDS, SECONDS = 15, 6.0


def problem(n_rows: int, n_features: int, k: int) -> tuple[np.ndarray, peers.Parameters]:
    """Rows of components some standard deviations apart, and a start a small step from the truth."""
    rng = np.random.default_rng(0)
    means = 3.0 / np.sqrt(n_features) * rng.standard_normal((k, n_features))
    factors = np.eye(n_features) + 0.5 / np.sqrt(n_features) * rng.standard_normal(
        (k, n_features, n_features)
    )
    labels, z = rng.integers(k, size=n_rows), rng.standard_normal((n_rows, n_features))
    X = means[labels] + np.einsum("nj,nij->ni", z, factors[labels], optimize=True)
    covariances = factors @ factors.swapaxes(1, 2)
    covariances = (covariances + covariances.swapaxes(1, 2)) / 2
    return X, peers.Parameters(np.full(k, 1 / k), means + 0.1, covariances)


def with_gaps(X: np.ndarray, share: float, n_empty: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    gaps = rng.random(X.shape) < share
    gaps[rng.choice(len(X), n_empty, replace=False)] = True
    return np.where(gaps, np.nan, X)


PEERS = [
    ("full", ("mixtura", peers.mixtura)),
    ("full", ("tgmm", peers.tgmm)),
    ("diag", ("mixtura", partial(peers.mixtura, kind="diag"))),
    ("diag", ("stepmix", peers.stepmix)),
]


def measured() -> Iterator[list[str]]:
    for shape, cases in PROBLEMS.items():
        X, start = problem(*shape)
        variances = np.diagonal(start.covariances, axis1=1, axis2=2).copy()
        starts = {"full": start, "diag": start._replace(covariances=variances)}
        for share, n_empty in cases.items():
            gaps = with_gaps(X, share, n_empty)
            n_rows, n_features, k = shape
            what = f"{n_rows:,} × {n_features}, K = {k}, {share:.0%}"
            what += f" and {n_empty} empty rows" if n_empty else ""
            for kind, (name, make) in PEERS:
                if name == "tgmm" and n_features > WIDE:
                    continue
                beside = peers.mixtura(gaps, starts[kind], kind)()[1]
                yield [what, f"{name}, {kind}", *_compared(make, X, gaps, starts[kind], beside)]


def _compared(
    make: Callable[[np.ndarray, peers.Parameters], peers.Iteration],
    X: np.ndarray,
    gaps: np.ndarray,
    start: peers.Parameters,
    beside: peers.Parameters,
) -> list[str]:
    """Seconds with and without gaps, their ratio, and how far the parameters are from some others."""
    try:
        tasks = {"whole": make(X, start), "gaps": make(gaps, start)}
        found = interleave(tasks, ROUNDS, SECONDS)
    except Exception as error:
        return [type(error).__name__, "", "", ""]
    whole, own = ([seconds for seconds, _ in found[task]] for task in tasks)
    ratio = median(b / a for a, b in zip(whole, own, strict=False))
    away = peers.difference(beside, found["gaps"][0][1])
    return [duration(median(whole)), duration(median(own)), digits(ratio), f"{away:.0e}"]
