"""Scores on the second suite, for score.py --suite real: by three judges, over several seeds.

A fit is *solved* by a judge where its log-likelihood is at most 1e-3 nats a row below the best proper optimum
known and the judge finds no fault in it. "old" is judge.py, "new" is proper.py, each with its own reference;
"lax" measures by the new one's reference, and any fit that is as likely counts, unless a component is thinner
than the data were written down. Problems of which a judge knows no proper optimum are left out of its shares.

Problems with fewer than 5 rows a free parameter stand apart, with the log density of rows that were held out
(five folds): there the likeliest mixture is seldom the best.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

import numpy as np
from sklearn.model_selection import KFold

from judge import log_likelihood, mixture_of
from methods import Method
from problems import Problem
from proper import LETTERS, Rows
from real import FEW_ROWS, has_few_rows, problems
from real_reference import JUDGES, known, record_end

TOLERANCE = 1e-3
SKLEARN_NAMES = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
REFERENCE_OF = {"old": "old", "new": "new", "lax": "new"}


@dataclass(frozen=True)
class Fit:
    problem: str
    method: str
    seed: int
    seconds: float
    log_likelihood: float
    faults: dict[str, str]  # by judge
    converged: bool

    def below(self, judge: str, best: dict[str, float]) -> float:
        return best[REFERENCE_OF[judge]] - self.log_likelihood

    def solved(self, judge: str, best: dict[str, float]) -> bool:
        return self.below(judge, best) <= TOLERANCE and not self.faults[judge]


@dataclass(frozen=True)
class Result:
    """All fits of a problem, by method; a method without that structure has none."""

    problem: str
    few_rows: bool
    best: dict[str, float]  # the best log-likelihoods known, by judge; where there is one
    fits: dict[str, list[Fit]]
    held_out: dict[str, float]  # by method; of problems with few rows


def offered(method: Method, problem: Problem) -> Problem | None:
    """The problem with the method's own name for its structure; None where it has no such structure."""
    if not method.name.startswith("sklearn."):
        return problem
    letters = LETTERS.get(problem.covariance_type, problem.covariance_type)
    if letters not in SKLEARN_NAMES:
        return None
    return replace(problem, covariance_type=SKLEARN_NAMES[letters])


def fit(method: Method, problem: Problem, rows: Rows, seed: int) -> Fit:
    began = perf_counter()
    model = method.fit(problem, seed)
    seconds = perf_counter() - began
    mixture = mixture_of(model)
    return Fit(
        problem.name,
        method.name,
        seed,
        seconds,
        log_likelihood(mixture, problem.X),
        {judge: verdict(mixture, rows) for judge, verdict in JUDGES.items()},
        bool(model.converged_),
    )


def held_out(method: Method, problem: Problem) -> float:
    """Mean log density of rows that the fits did not see."""
    total = 0.0
    for train, test in KFold(5, shuffle=True, random_state=0).split(problem.X):
        model = method.fit(replace(problem, X=problem.X[train]), 0)
        total += float(np.sum(model.score_samples(problem.X[test])))
    return total / len(problem.X)


def result(methods: list[Method], problem: Problem, best: dict[str, float], seeds: int) -> Result:
    """Every seed of every method; they take turns."""
    tasks = {m.name: (m, task) for m in methods if (task := offered(m, problem)) is not None}
    rows = Rows(problem.X)
    fits: dict[str, list[Fit]] = {name: [] for name in tasks}
    for seed in range(seeds):
        for name, (method, task) in tasks.items():
            fits[name].append(fit(method, task, rows, seed))
    few = has_few_rows(problem)
    densities = {name: held_out(*pair) for name, pair in tasks.items()} if few else {}
    return Result(problem.name, few, best, fits, densities)


def results(methods: list[Method], only: str, seeds: int) -> Iterator[Result]:
    records = known()
    for problem in problems(only):
        record = records.get(problem.name, {})
        best = {judge: record[judge]["value"] for judge in JUDGES if record.get(judge)}
        yield result(methods, problem, best, seeds)


def improve(found: Result) -> None:
    """Keep what is better than the best known."""
    for fits in found.fits.values():
        for end in fits:
            sound = [judge for judge in JUDGES if end.converged and not end.faults[judge]]
            record_end(end.problem, sound, end.log_likelihood, end.method)


# Reports, as Markdown.


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows]]
    return "\n".join(lines)


def share(flags: list[bool]) -> str:
    return f"{sum(flags)} of {len(flags)} ({np.mean(flags):.0%})" if flags else ""


def summary(all_results: list[Result], methods: list[Method]) -> str:
    """One row for each method and judge."""
    header = ["", "judge", "problems", "fits solved", "degenerate fits", "all seeds alike"]
    rows = []
    for method in methods:
        for judge, reference in REFERENCE_OF.items():
            judged = [r for r in all_results if method.name in r.fits and reference in r.best]
            pairs = [(end, r.best) for r in judged for end in r.fits[method.name]]
            alike = [spread(r.fits[method.name]) <= TOLERANCE for r in judged]
            rows.append(
                [
                    f"`{method.name}`",
                    judge,
                    str(len(judged)),
                    share([end.solved(judge, best) for end, best in pairs]),
                    share([bool(end.faults[judge]) for end, _ in pairs]),
                    share(alike),
                ]
            )
    return table(header, rows)


def spread(fits: list[Fit]) -> float:
    values = [end.log_likelihood for end in fits]
    return max(values) - min(values)


def times(all_results: list[Result], methods: list[Method]) -> str:
    """Geometric means of the ratios of median times, beside the last method."""
    reference = methods[-1].name
    rows = []
    for method in methods:
        common = [r.fits for r in all_results if method.name in r.fits and reference in r.fits]
        ratios = [seconds(fits[method.name]) / seconds(fits[reference]) for fits in common]
        total = sum(end.seconds for r in all_results for end in r.fits.get(method.name, []))
        mean = f"{np.exp(np.mean(np.log(ratios))):.2f}" if ratios else ""
        rows.append([f"`{method.name}`", mean, str(len(ratios)), f"{total:.1f} s"])
    return table(["", f"time beside `{reference}`", "problems", "all fits"], rows)


def seconds(fits: list[Fit]) -> float:
    return median(end.seconds for end in fits)


def problem_table(all_results: list[Result], methods: list[Method]) -> str:
    """By problem: nats a row below the best proper optimum known, of the best and worst seed."""
    header = ["problem", "best proper"]
    for method in methods:
        header += [f"`{method.name}`: below, best and worst seed", "solved, degenerate"]
    rows = []
    for r in all_results:
        row = [r.problem, f"{r.best['new']:.4f}" if "new" in r.best else "none known"]
        for method in methods:
            row += cells(r, r.fits.get(method.name, []))
        rows.append(row)
    return table(header, rows)


def cells(r: Result, fits: list[Fit]) -> list[str]:
    if not fits:
        return ["", ""]
    n_degenerate = sum(bool(end.faults["new"]) for end in fits)
    if "new" not in r.best:
        return ["", f"–, {n_degenerate} of {len(fits)}"]
    below = [end.below("new", r.best) for end in fits]
    solved = sum(end.solved("new", r.best) for end in fits)
    return [f"{min(below):.4f}, {max(below):.4f}", f"{solved}, {n_degenerate} of {len(fits)}"]


def held_out_table(all_results: list[Result], methods: list[Method]) -> str:
    header = ["problem", *(f"`{method.name}`" for method in methods)]
    rows = [
        [r.problem, *(f"{r.held_out[m.name]:.3f}" if m.name in r.held_out else "" for m in methods)]
        for r in all_results
    ]
    return table(header, rows)


def report(all_results: list[Result], methods: list[Method]) -> str:
    enough = [r for r in all_results if not r.few_rows]
    few = [r for r in all_results if r.few_rows]
    sections = []
    for title, chosen in (
        (f"{FEW_ROWS} rows a free parameter or more: {len(enough)} problems", enough),
        (f"Fewer rows: {len(few)} problems", few),
    ):
        if chosen:
            sections += [f"## {title}", summary(chosen, methods), times(chosen, methods)]
            common = [r for r in chosen if all(m.name in r.fits for m in methods)]
            if len(common) < len(chosen):
                note = f"On the {len(common)} problems whose structure all of them offer:"
                sections += [note, summary(common, methods)]
            sections.append(problem_table(chosen, methods))
    if few:
        sections += ["Log density a row of rows held out:", held_out_table(few, methods)]
    return "\n\n".join(sections)


def line(r: Result) -> str:
    text = [f"{r.problem:22s}"]
    for name, fits in r.fits.items():
        below, counts = cells(r, fits)
        text.append(f"{name[:24]:24s} {below:>18s}  solved, degenerate {counts}")
    return "  ".join(text)


def run(names: list[str], only: str, seeds: int, keep_better: bool) -> tuple[list[Result], str]:
    """All results, and the report of them."""
    warnings.simplefilter("ignore")
    methods = [Method(name) for name in names]
    for method in methods:  # what is paid once is not the first problem's
        method.fit(Problem("", np.random.default_rng(0).normal(size=(50, 2)), 2), 0)
    found = []
    for r in results(methods, only, seeds):
        print(line(r), flush=True)
        found.append(r)
        if keep_better:
            improve(r)
    return found, report(found, methods)
