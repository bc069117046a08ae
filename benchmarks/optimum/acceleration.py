"""Passes over the data that plain and accelerated EM need from the same start, on the suite's problems.

    python benchmarks/optimum/acceleration.py [--shift 0] [--start partition|optimum]

Both go to within 1e-9 relative of where plain EM ends. The start is a partition by hard EM (a poor one, so
that the way is long), or with --start optimum where the default search ends.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from mixtura import _core
from mixtura.covariance import structure
from mixtura.em import MaximumLikelihood, Monitor, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts import LabelResponsibilities, mixture_of, search
from mixtura.starts.auto import SearchRows
from problems import Problem, problems

MOST_ROWS = 30_000
ITERATIONS = 5_000
CLOSE = 1e-9
# Passes of plain EM from which there is something to accelerate.
SLOW = 20


def start_of(problem: Problem, blocks: ArrayBlocks, reg_covar: np.ndarray, start: str) -> Mixture:
    kind = structure(problem.covariance_type)
    k = problem.n_components
    m_step = MaximumLikelihood(kind, reg_covar)
    if start == "optimum":
        return search(blocks, m_step, k, 0)[0]
    searched = SearchRows(blocks).problem(m_step, k, 0, np.inf)
    labels = np.array(_core.partition(searched, _core.Model.EEI, 10))
    return mixture_of(LabelResponsibilities(labels, k), blocks, m_step, k)


def passes(monitor: Monitor, target: float) -> float:
    """E-steps up to the target, those at refused proposals included as if spread evenly; infinite: never."""
    reached = np.flatnonzero(np.array(monitor.history) >= target)
    if not len(reached):
        return np.inf
    share = (reached[0] + 1) / len(monitor.history)
    return reached[0] + 1 + share * monitor.n_refused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shift", type=int, default=0)
    parser.add_argument("--start", choices=("partition", "optimum"), default="partition")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    ratios, elsewhere = [], []
    for problem in problems(arguments.shift):
        if len(problem.X) > MOST_ROWS:
            continue
        blocks = ArrayBlocks(Rows(problem.X), n_threads=2)
        reg_covar = 1e-10 * problem.X.var(axis=0)
        try:
            start = start_of(problem, blocks, reg_covar, arguments.start)
        except SingularCovarianceError as error:
            print(f"{problem.name:24s} has no start: {error}")
            continue
        runs = []
        for accelerate in (False, True):
            monitor = Monitor(0.0, ITERATIONS)
            m_step = MaximumLikelihood(start.structure, reg_covar)
            expectation_maximisation(start, blocks, m_step, monitor, accelerate)
            runs.append(monitor)
        end = max(runs[0].history)
        plain, quick = (passes(monitor, end - CLOSE * abs(end)) for monitor in runs)
        note = ""
        if np.isinf(quick):
            elsewhere.append(problem.name)
            note = f"another end, {max(runs[1].history) - end:+.2e} nats a row"
        else:
            ratios.append((plain, quick / plain))
        print(
            f"{problem.name:24s} plain {plain:6.0f}  accelerated {quick:6.0f}  {note}", flush=True
        )
    for least in (1, SLOW):
        chosen = [ratio for plain, ratio in ratios if plain >= least]
        if chosen:
            mean = np.exp(np.mean(np.log(chosen)))
            print(
                f"{mean:.3f} of the passes over {len(chosen)} problems of at least {least} passes"
            )
    print(f"{len(elsewhere)} ended lower: {', '.join(elsewhere) or 'none'}")


if __name__ == "__main__":
    main()
