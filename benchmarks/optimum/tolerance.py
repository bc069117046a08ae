"""How far fits end from where EM would go, for each `tol`: what default `tol` and `max_iter` rest on.

    python benchmarks/optimum/tolerance.py [--shifts 0 1000] [--only NAME]

From the k-means start iterations are plain EM's, scikit-learn's, and `tol` does nothing but end them: one
run to the end gives where each `tol` would have ended. Those of the default start are accelerated and begin
where the search ends, so each `tol` is a fit of its own, and EM is run on from its end. Ends that are
degenerate are left out.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from judge import degenerate
from mixtura import GaussianMixture
from problems import Problem, problems

TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
CLOSE = 1e-4  # nats a row
MOST_ROWS = 30_000
MOST_ITERATIONS = 20_000
MAX_ITER = GaussianMixture(1).max_iter


@dataclass
class Ends:
    """Of fits from one kind of start, by `tol`: nats a row below where EM would go, and iterations."""

    gaps: dict[float, list[float]]
    iterations: dict[float, list[int]]

    @classmethod
    def none(cls) -> Ends:
        return cls({tol: [] for tol in TOLERANCES}, {tol: [] for tol in TOLERANCES})

    def add(self, tol: float, gap: float, n_iter: int) -> None:
        self.gaps[tol].append(gap)
        self.iterations[tol].append(n_iter)

    @property
    def n_problems(self) -> int:
        return len(self.gaps[TOLERANCES[0]])

    def within(self, tol: float) -> str:
        return f"{np.mean(np.array(self.gaps[tol]) <= CLOSE):.0%}".replace("%", " %")

    def worst(self, tol: float) -> str:
        return f"{max(max(self.gaps[tol]), 0):.0e}".replace("e-0", "e-")

    def steps(self, tol: float) -> str:
        return ", ".join(f"{np.quantile(self.iterations[tol], q):.0f}" for q in (0.5, 0.9))


def fit(problem: Problem, **arguments: Any) -> GaussianMixture:
    model = GaussianMixture(
        problem.n_components,
        covariance_type=problem.covariance_type,
        random_state=0,
        **arguments,
    )
    return model.fit(problem.X)


def run_on(problem: Problem, model: GaussianMixture) -> float:
    """Mean log-likelihood where EM goes from the end of a fit."""
    mixture = model.mixture_
    end = fit(problem, init_params=lambda *_: mixture, tol=0.0, max_iter=MOST_ITERATIONS)
    return max(end.lower_bound_, model.lower_bound_)


def plain(problem: Problem) -> Iterator[tuple[float, float, int]]:
    """EM from k-means: (tol, gap, iterations)."""
    model = fit(problem, init_params="kmeans", tol=0.0, max_iter=MOST_ITERATIONS)
    if degenerate(model.mixture_, problem.X):
        return
    bounds = np.array(model.lower_bounds_)
    for tol in TOLERANCES:
        small = np.flatnonzero(np.abs(np.diff(bounds)) <= tol)
        last = small[0] + 1 if len(small) else len(bounds) - 1
        yield tol, bounds.max() - bounds[last], last + 1


def default(problem: Problem) -> Iterator[tuple[float, float, int]]:
    """The default start: the same."""
    for tol in TOLERANCES:
        model = fit(problem, tol=tol)
        if degenerate(model.mixture_, problem.X):
            return
        yield tol, run_on(problem, model) - model.lower_bound_, model.n_iter_


def accelerated(problem: Problem) -> Iterator[tuple[float, float, int]]:
    """Accelerated EM from k-means at the default `tol`."""
    model = fit(problem, init_params="kmeans", accelerate=True)
    if not degenerate(model.mixture_, problem.X):
        yield TOLERANCES[-1], run_on(problem, model) - model.lower_bound_, model.n_iter_


KINDS = {"default": default, "kmeans": plain, "accelerated": accelerated}


def measured(chosen: list[Problem]) -> dict[str, Ends]:
    ends = {kind: Ends.none() for kind in KINDS}
    for problem in chosen:
        for kind, function in KINDS.items():
            try:
                found = list(function(problem))
            except ValueError as error:
                found = []
                print(f"{problem.name} has no end from {kind}: {error}", flush=True)
            for tol, gap, n_iter in found:
                ends[kind].add(tol, gap, n_iter)
            cells = " ".join(f"{gap:8.1e} ({n_iter})" for _, gap, n_iter in found)
            print(f"{problem.name:22s} {kind:12s} {cells or 'degenerate'}", flush=True)
    return ends


def report(ends: dict[str, Ends]) -> str:
    ours, kmeans, quick = ends["default"], ends["kmeans"], ends["accelerated"]
    rows = [
        "| `tol` | default start: within 1e-4 | worst | from k-means: within 1e-4 | iterations from k-means "
        "(median, 90 %) |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| 1e{round(np.log10(tol))} | {ours.within(tol)} | {ours.worst(tol)} | "
        f"{kmeans.within(tol)} | {kmeans.steps(tol)} |"
        for tol in TOLERANCES
    ]
    last = TOLERANCES[-1]
    beyond = sum(n > MAX_ITER for n in kmeans.iterations[last])
    return "\n".join(
        [
            f"{ours.n_problems} problems from the default start, {kmeans.n_problems} from k-means",
            "",
            *rows,
            "",
            f"from k-means at tol={last:g}: {beyond} of {kmeans.n_problems} need more than {MAX_ITER} "
            f"iterations; worst end is {kmeans.worst(last)} below",
            f"accelerated from k-means at tol={last:g}: {quick.within(last)} of {len(quick.gaps[last])} "
            f"within {CLOSE:g}, worst {quick.worst(last)}, in {quick.steps(last)} iterations",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shifts", type=int, nargs="+", default=[0, 1000])
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    suite = [p for shift in options.shifts for p in problems(shift)]
    chosen = [p for p in suite if options.only in p.name and len(p.X) <= MOST_ROWS]
    print(report(measured(chosen)))


if __name__ == "__main__":
    main()
