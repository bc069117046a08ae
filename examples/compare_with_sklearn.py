"""Print the table in which the README compares mixtura with scikit-learn, from a run on this machine.

    python examples/compare_with_sklearn.py            # all rows; the one on memory takes minutes
    python examples/compare_with_sklearn.py --quick    # without that one

Each row is a function that does the same with both classes and says what came out.
"""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import sklearn.mixture

import mixtura

BOTH = (sklearn.mixture.GaussianMixture, mixtura.GaussianMixture)

ROWS: dict[str, Callable[[Any], str]] = {}


def row(name: str) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    def register(measure: Callable[[Any], str]) -> Callable[[Any], str]:
        ROWS[name] = measure
        return measure

    return register


def two_blobs() -> np.ndarray:
    """Draw 200 points around (0, 0) and 100 around (6, 6), all of unit variance."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(6, 1, (100, 2))])


def attempt(measure: Callable[[], str]) -> str:
    try:
        return measure()
    except (TypeError, ValueError) as error:
        return f"`{type(error).__name__}`"


@row("Memory that a fit adds to 2,000,000 x 16 float64 rows (256 MB), 16 components, `full`")
def memory(kind: Any) -> str:
    # In a process of its own, so that nothing else has raised the peak before.
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return f"{pool.apply(extra_megabytes, (BOTH.index(kind),)):,.0f} MB"


def extra_megabytes(which: int) -> float:
    warnings.simplefilter("ignore")
    n_rows, n_features, block = 2_000_000, 16, 50_000
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 5, (16, n_features))
    X = np.empty((n_rows, n_features))
    for i in range(0, n_rows, block):
        X[i : i + block] = centres[rng.integers(16, size=block)]
        X[i : i + block] += rng.standard_normal((block, n_features))
    BOTH[which](2).fit(X[:1000])  # loads what the first fit loads
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = megabytes("VmRSS")
    BOTH[which](16, max_iter=2, random_state=0).fit(X)
    return megabytes("VmHWM") - before


def megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith(name))
    return kibibytes * 1024 / 1e6


@row("A fit with `sample_weight`, against the rows repeated")
def sample_weight(kind: Any) -> str:
    X = two_blobs()
    weight = np.random.default_rng(1).integers(0, 4, len(X))

    def compare() -> str:
        weighted = kind(3, init_params="kmeans", random_state=0).fit(X, sample_weight=weight)
        repeated = kind(3, init_params="kmeans", random_state=0).fit(np.repeat(X, weight, axis=0))
        difference = np.abs(weighted.means_ - repeated.means_).max()
        return "means equal to 1e-12" if difference < 1e-12 else f"means differ by {difference:.0e}"

    return attempt(compare)


def variances(X: np.ndarray, kind: Any, covariance_type: str) -> str:
    def largest_error() -> str:
        centred = X.astype(np.float64) - X.astype(np.float64).mean(axis=0)
        options = {"covariance_type": covariance_type, "random_state": 0}
        ours = kind(2, **options).fit(X).covariances_
        theirs = sklearn.mixture.GaussianMixture(2, **options).fit(centred).covariances_
        error = np.abs(np.sort(np.ravel(ours)) - np.sort(np.ravel(theirs))).max()
        if error < 1e-3:
            return "right to 0.1 %"
        return "off by more than 10 %" if error > 0.1 else f"off by {error:.1%}"

    return attempt(largest_error)


@row("Variances of unit blobs at 1e8, `tied`")
def tied_far_away(kind: Any) -> str:
    return variances(two_blobs() + 1e8, kind, "tied")


@row("Variances of unit blobs at 1e8, `diag`")
def diag_far_away(kind: Any) -> str:
    return variances(two_blobs() + 1e8, kind, "diag")


@row("Variances of float32 unit blobs at 1000, `diag`")
def single_precision(kind: Any) -> str:
    return variances((two_blobs() + 1e3).astype(np.float32), kind, "diag")


@row('Two blobs from `init_params="random"`; the optimum is -3.460 a row')
def random_start(kind: Any) -> str:
    model = kind(2, init_params="random", random_state=0).fit(two_blobs())
    return f"{model.score(two_blobs()):.3f} after {model.n_iter_} iterations"


@row("`lower_bound_` minus `score(X)`, after 3 iterations")
def lower_bound(kind: Any) -> str:
    X = np.random.default_rng(0).normal(size=(500, 2))
    model = kind(3, max_iter=3, random_state=0).fit(X)
    gap = model.lower_bound_ - model.score(X)
    return "0" if abs(gap) < 1e-12 else f"{gap:.3f}"


@row("`tol=0`, at most 500 iterations")
def tolerance_zero(kind: Any) -> str:
    model = kind(2, init_params="kmeans", tol=0, max_iter=500, random_state=0).fit(two_blobs())
    # When it has converged depends on the last digits, and so on the machine.
    return "converged" if model.converged_ else f"not converged after {model.n_iter_}"


@row("`sample(5)` twice, `random_state=0`")
def sampling(kind: Any) -> str:
    model = kind(2, random_state=0).fit(two_blobs())
    return "the same rows" if np.array_equal(model.sample(5)[0], model.sample(5)[0]) else "new rows"


def main() -> None:
    warnings.simplefilter("ignore")
    quick = "--quick" in sys.argv[1:]
    print(f"| | scikit-learn {sklearn.__version__} | mixtura {mixtura.__version__} |")
    print("|---|---|---|")
    for name, measure in ROWS.items():
        if not (quick and measure is memory):
            print(f"| {name} | {measure(BOTH[0])} | {measure(BOTH[1])} |", flush=True)


if __name__ == "__main__":
    main()
