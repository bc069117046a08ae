"""What an iteration over rows with gaps takes, beside one over the same rows without."""

from __future__ import annotations

from statistics import median

import numpy as np

from harness.rounds import interleave
from harness.text import digits, duration, table
from missing import peers

# Rows, features, components; of each share of missing cells how many rows have no value.
PROBLEMS = {
    (20_000, 6, 4): {0.1: 0, 0.5: 300},
    (5_000, 200, 3): {0.05: 0},
}
ROUNDS, SECONDS = 15, 12.0


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


def measured() -> str:
    rows = []
    for (n_rows, n_features, k), cases in PROBLEMS.items():
        X, start = problem(n_rows, n_features, k)
        diagonal = peers.Parameters(
            start.weights, start.means, np.diagonal(start.covariances, axis1=1, axis2=2).copy()
        )
        for share, n_empty in cases.items():
            gaps = with_gaps(X, share, n_empty)
            what = f"{n_rows:,} × {n_features}, K = {k}, {share:.0%}" + (
                f" and {n_empty} empty rows" if n_empty else ""
            )
            ours = {
                kind: peers.mixtura(gaps, of_kind, kind)()[1]
                for kind, of_kind in (("full", start), ("diag", diagonal))
            }
            makers = {
                ("mixtura", "full"): lambda rows, start=start: peers.mixtura(rows, start),
                ("tgmm", "full"): lambda rows, start=start: peers.tgmm(rows, start),
                ("mixtura", "diag"): lambda rows, start=diagonal: peers.mixtura(
                    rows, start, "diag"
                ),
                ("stepmix", "diag"): lambda rows, start=diagonal: peers.stepmix(rows, start),
            }
            for (name, kind), make in makers.items():
                try:
                    tasks = {"whole": make(X), "gaps": make(gaps)}
                    found = interleave(tasks, ROUNDS, SECONDS)
                except Exception as error:
                    rows.append([what, f"{name}, {kind}", f"{type(error).__name__}", "", "", ""])
                    continue
                whole, own = ([seconds for seconds, _ in found[task]] for task in tasks)
                ratio = median(b / a for a, b in zip(whole, own, strict=False))
                rows.append(
                    [
                        what,
                        f"{name}, {kind}",
                        duration(median(whole)),
                        duration(median(own)),
                        digits(ratio),
                        f"{peers.difference(ours[kind], found['gaps'][0][1]):.0e}",
                    ]
                )
    head = ["rows, gaps", "library", "complete", "with gaps", "ratio", "parameters differ by"]
    return table(head, rows)
