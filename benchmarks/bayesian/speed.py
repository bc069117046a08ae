"""An iteration of variational Bayes, and a whole default fit, beside scikit-learn's: 100,000 x 10, K = 10.

    python benchmarks/bayesian/speed.py [--rows 100000]

Columns: an iteration, a whole default fit, the bound that it ends at. For iterations both begin at the same
responsibilities; their times are medians of a few rounds.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import product
from time import perf_counter

import numpy as np
import sklearn.mixture

from mixtura import BayesianGaussianMixture


def blobs(n_rows, distance, n_features=10, n_blobs=10):
    rng = np.random.default_rng(0)
    centres = distance * rng.normal(size=(n_blobs, n_features))
    return centres[rng.integers(0, n_blobs, n_rows)] + rng.normal(size=(n_rows, n_features))


# Standard deviation of their centres, in theirs.
BLOBS = {"apart": 3.0, "overlapping": 0.7}


def seconds(call, *arguments):
    began = perf_counter()
    call(*arguments)
    return perf_counter() - began


class TheirsFromGiven(sklearn.mixture.BayesianGaussianMixture):
    """Begins at given responsibilities, so that a fit is iterations alone."""

    given = None

    def _initialize_parameters(self, X, *_, **__):
        self._initialize(X, self.given)


def iteration(X, given, kind, rounds, few=2, many=6):
    """Seconds of one, theirs and ours: from fits of few and of many."""
    theirs, ours = [], []
    same = {"covariance_type": kind, "tol": 0.0, "reg_covar": 1e-6}
    TheirsFromGiven.given = given
    for _ in range(rounds):
        for fits, make in (
            (theirs, lambda n: TheirsFromGiven(n_components=10, max_iter=n, **same)),
            (ours, lambda n: BayesianGaussianMixture(10, init_params=given, max_iter=n, **same)),
        ):
            times = [seconds(lambda n=n, make=make: make(n).fit(X)) for n in (few, many)]
            fits.append((times[1] - times[0]) / (many - few))
    return np.median(theirs), np.median(ours)


def bound_of(X, model, kind):
    """By one function for both: mixtura's bound of the posterior that the responsibilities give."""
    given = model.predict_proba(X)
    same = BayesianGaussianMixture(10, covariance_type=kind, init_params=given, max_iter=0)
    return same.fit(X).lower_bound_


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    given = np.random.default_rng(1).dirichlet(np.full(10, 0.5), asked.rows)
    print(_row("blobs", "covariances", *["there", "here", "ratio"] * 2, "bound there", "here"))
    print(_row(*["---"] * 10))
    for blobs_are, kind in product(BLOBS, ("full", "tied", "diag", "spherical")):
        X = blobs(asked.rows, BLOBS[blobs_are])
        theirs, ours = iteration(X, given, kind, asked.rounds)
        there = sklearn.mixture.BayesianGaussianMixture(
            n_components=10, covariance_type=kind, random_state=0
        )
        here = BayesianGaussianMixture(10, covariance_type=kind, random_state=0)
        times = seconds(there.fit, X), seconds(here.fit, X)
        of_iterations = f"{1e3 * theirs:.0f} ms", f"{1e3 * ours:.1f} ms", f"{theirs / ours:.1f}"
        of_fits = *(f"{time:.2f} s" for time in times), f"{times[0] / times[1]:.1f}"
        bounds = f"{bound_of(X, there, kind):.4f}", f"{here.lower_bound_:.4f}"
        print(_row(blobs_are, kind, *of_iterations, *of_fits, *bounds), flush=True)


def _row(*cells):
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
