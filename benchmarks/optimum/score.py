"""Score classes with scikit-learn's interface: problems solved, time, passes over the data.

    python benchmarks/optimum/score.py mixtura.GaussianMixture sklearn.mixture.GaussianMixture
    python benchmarks/optimum/score.py sklearn.mixture.GaussianMixture:n_init=20 --shift 1000

A problem is solved where the log-likelihood is at most 1e-3 nats a row below the best known
(reference.json) and no component is degenerate. The classes take turns, problem by problem.
"""

from __future__ import annotations

import argparse
import ast
import json
import warnings
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np
from judge import degenerate, log_likelihood, mixture_of
from problems import Problem, problems
from reference import improve, known

TOLERANCE = 1e-3


@dataclass
class Score:
    problem: str
    method: str
    seconds: float
    log_likelihood: float
    below_best: float
    degenerate: str
    passes: float  # over all rows; NaN where the class does not tell

    @property
    def solved(self) -> bool:
        return self.below_best <= TOLERANCE and not self.degenerate


class Method:
    """A class by its dotted name, and arguments: 'package.Class:n_init=20,tol=1e-4'."""

    def __init__(self, text: str) -> None:
        self.name = text
        path, _, arguments = text.partition(":")
        module, _, name = path.rpartition(".")
        self._class = getattr(import_module(module), name)
        self._arguments = dict(self._argument(a) for a in arguments.split(",") if a)

    @staticmethod
    def _argument(text: str):
        name, _, value = text.partition("=")
        try:
            return name, ast.literal_eval(value)
        except ValueError:
            return name, value

    def fit(self, problem: Problem, seed: int):
        model = self._class(
            problem.n_components,
            covariance_type=problem.covariance_type,
            random_state=seed,
            **self._arguments,
        )
        return model.fit(problem.X)


def score(method: Method, problem: Problem, best: float, seed: int) -> Score:
    began = perf_counter()
    model = method.fit(problem, seed)
    seconds = perf_counter() - began
    mixture = mixture_of(model)
    value = log_likelihood(mixture, problem.X)
    why = degenerate(mixture, problem.X)
    return Score(problem.name, method.name, seconds, value, best - value, why, passes(model, problem))


def passes(model, problem: Problem) -> float:
    starts = getattr(model, "starts_", None)
    if starts is None:
        return float("nan")
    return sum(s.n_rows * (s.n_iter + 1) for s in starts) / len(problem.X)


def line(result: Score) -> str:
    verdict = "solved" if result.solved else f"{-result.below_best:+.4f}"
    return (
        f"{result.problem:22s} {result.method[:34]:34s} {verdict:>9s} "
        f"{1e3 * result.seconds:10.2f} ms {result.passes:8.1f}  {result.degenerate}"
    )


def summary(results: list[Score]) -> str:
    solved = sum(r.solved for r in results)
    seconds = sum(r.seconds for r in results)
    return (
        f"{results[0].method}: {solved} of {len(results)} solved ({solved / len(results):.0%}), "
        f"{seconds:.3f} s, {sum(r.passes for r in results):.0f} passes, "
        f"{sum(bool(r.degenerate) for r in results)} degenerate"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--shift", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = [Method(text) for text in options.methods]
    best = known(options.shift)
    results: dict[str, list[Score]] = {m.name: [] for m in methods}
    for problem in problems(options.shift):
        if options.only not in problem.name:
            continue
        for method in methods:
            result = score(method, problem, best.get(problem.name, -np.inf), options.seed)
            results[method.name].append(result)
            if not result.degenerate:
                improve(options.shift, {problem.name: result.log_likelihood})
            print(line(result), flush=True)
    for scores in results.values():
        print(summary(scores))
    if options.json:
        rows = [asdict(r) | {"solved": r.solved} for scores in results.values() for r in scores]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
