"""What Python adds to small fits and to the import, beside scikit-learn's own.

    python benchmarks/small_fits.py [--fits 1000] [--imports 9]

Fits of 200 x 2 rows with defaults, their native part (the search and the EM loop) apart from the rest; fits
of one iteration from given parameters, 600 x 2; scikit-learn's fits of the same rows; imports in processes of
their own. Fits take turns, on one thread. Beside the medians stands the tenth percentile, which a busy
machine disturbs less.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import sklearn.mixture

import mixtura
from mixtura import _core

IMPORTS = {
    "scikit-learn's": ("", "import sklearn.mixture"),
    "mixtura's beside it": ("import sklearn.mixture", "from mixtura import GaussianMixture"),
}

PROGRAM = """
from time import perf_counter
{before}
began = perf_counter()
{what}
print(perf_counter() - began)
"""


class Native:
    """Seconds spent in the search, in the EM loop and in whole fits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        for name in ("search", "expectation_maximisation", "whole_fits"):
            setattr(_core, name, self._timed(getattr(_core, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += perf_counter() - began

        return timed


def blobs(n_rows: int, seed: int) -> np.ndarray:
    """Three round clusters, five standard deviations apart."""
    rng = np.random.default_rng(seed)
    means = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    return means[rng.integers(3, size=n_rows)] + rng.standard_normal((n_rows, 2))


def fits() -> dict[str, Callable[[int], Any]]:
    """Of each line of the table a function of a seed that fits."""
    few, more = blobs(200, 0), blobs(600, 1)
    start = mixtura.GaussianMixture(3, random_state=0).fit(more)
    given = {
        "weights_init": start.weights_,
        "means_init": start.means_ + 0.1,
        "precisions_init": start.precisions_,
        "max_iter": 1,
    }

    def fit(of: Any, X: np.ndarray, **arguments: Any) -> Callable[[int], Any]:
        return lambda seed: of(3, random_state=seed, **arguments).fit(X)

    ours, theirs = mixtura.GaussianMixture, sklearn.mixture.GaussianMixture
    return {
        "mixtura, defaults, 200 x 2": fit(ours, few, n_jobs=1),
        "scikit-learn, defaults, 200 x 2": fit(theirs, few),
        "mixtura, one iteration, 600 x 2": fit(ours, more, n_jobs=1, **given),
        "scikit-learn, one iteration, 600 x 2": fit(theirs, more, **given),
    }


def times_of(fits: dict[str, Callable[[int], Any]], n_fits: int) -> dict[str, np.ndarray]:
    """Seconds of each fit, in all and native, in turn."""
    native = Native()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in fits}
    for seed in range(n_fits):
        for name, fit in fits.items():
            native.seconds, began = 0.0, perf_counter()
            fit(seed)
            times[name].append((perf_counter() - began, native.seconds))
    return {name: np.array(pairs) for name, pairs in times.items()}


def seconds_of_import(before: str, what: str) -> float:
    program = PROGRAM.format(before=before, what=what)
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=1000)
    parser.add_argument("--imports", type=int, default=9)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| fit | median, µs | native | the rest | a tenth is below: the rest |\n|---|---|---|---|---|"
    )
    for name, pairs in times_of(fits(), asked.fits).items():
        rest = pairs[:, 0] - pairs[:, 1]
        figures = [*np.median(pairs, axis=0), np.median(rest), np.quantile(rest, 0.1)]
        print(f"| {name} | " + " | ".join(f"{1e6 * figure:.0f}" for figure in figures) + " |")
    print("\n| import | median, s | least |\n|---|---|---|")
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(asked.imports):
        for name, (before, what) in IMPORTS.items():
            seconds[name].append(seconds_of_import(before, what))
    for name, some in seconds.items() if asked.imports else ():
        print(f"| {name} | {statistics.median(some):.3f} | {min(some):.3f} |")


if __name__ == "__main__":
    main()
