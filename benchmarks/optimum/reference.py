"""Search long for the best optimum of every problem, and keep it in reference.json.

    python benchmarks/optimum/reference.py [--starts 1000] [--seconds 30] [--shift 0] [--only NAME]

EM is run on from the truth where there is one, and from up to `--starts` starts of three kinds within
`--seconds` a problem; the ten best are run on to the end. Degenerate ends do not count. What is in the
file is kept where it is better.
"""

from __future__ import annotations

import argparse
import json
import warnings
from itertools import count, islice
from pathlib import Path
from time import perf_counter

import numpy as np

from judge import degenerate, log_likelihood
from mixtura import GaussianMixture
from problems import Problem, problems

FILE = Path(__file__).parent / "reference.json"
KINDS = ("kmeans", "k-means++", "random")


def fit(X, problem: Problem, start, seed: int, tol: float, max_iter: int) -> GaussianMixture:
    model = GaussianMixture(
        problem.n_components,
        covariance_type=problem.covariance_type,
        init_params=start,
        random_state=seed,
        tol=tol,
        max_iter=max_iter,
        reg_covar=1e-11,
        n_jobs=1,
    )
    return model.fit(X)


def candidates(X, problem: Problem, n_starts: int, seconds: float):
    """Fits from many starts, as (log-likelihood, mixture)."""
    end = perf_counter() + seconds
    if problem.truth is not None:
        soft = problem.truth.responsibilities(problem.X)
        yield fit(X, problem, soft, 0, 1e-6, 2000)
    for seed in islice(count(), n_starts):
        if perf_counter() > end:
            return
        try:
            yield fit(X, problem, KINDS[seed % len(KINDS)], seed, 1e-5, 300)
        except ValueError:
            continue


def best_known(problem: Problem, n_starts: int, seconds: float) -> tuple[float, int]:
    """The best proper log-likelihood a row, and how many starts were made."""
    # In units of one, so that reg_covar means the same for every feature; spherical stays as it is.
    spread = problem.X.std(axis=0)
    if problem.covariance_type == "spherical":
        spread = np.full_like(spread, spread.mean())
    X = (problem.X - problem.X.mean(axis=0)) / spread
    found = [(m.lower_bound_, m.mixture_) for m in candidates(X, problem, n_starts, seconds)]
    proper = [pair for pair in sorted(found, key=lambda p: -p[0]) if not degenerate(pair[1], X)]
    ends = []
    for _, mixture in proper[:10]:
        model = fit(X, problem, lambda *_, mixture=mixture: mixture, 0, 1e-12, 20_000)
        if not degenerate(model.mixture_, X):
            ends.append(log_likelihood(model.mixture_, X))
    return max(ends, default=-np.inf) - np.log(spread).sum(), len(found)


def known(shift: int) -> dict[str, float]:
    values = json.loads(FILE.read_text()) if FILE.exists() else {}
    return values.get(str(shift), {})


def improve(shift: int, found: dict[str, float]) -> None:
    """Write those values that are better than the known ones."""
    values = json.loads(FILE.read_text()) if FILE.exists() else {}
    mine = values.setdefault(str(shift), {})
    for name, value in found.items():
        if value > mine.get(name, -np.inf):
            mine[name] = value
    FILE.write_text(json.dumps(values, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--shift", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for problem in problems(options.shift):
        if options.only in problem.name:
            before = known(options.shift).get(problem.name, -np.inf)
            value, n_starts = best_known(problem, options.starts, options.seconds)
            improve(options.shift, {problem.name: value})
            print(
                f"{problem.name:24s} {value:14.6f}  {value - before:+.2e}  {n_starts} starts",
                flush=True,
            )


if __name__ == "__main__":
    main()
