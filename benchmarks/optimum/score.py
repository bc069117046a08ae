"""Score classes with scikit-learn's interface: problems solved, time, passes over the data.

    python benchmarks/optimum/score.py mixtura.GaussianMixture sklearn.mixture.GaussianMixture
    python benchmarks/optimum/score.py sklearn.mixture.GaussianMixture:n_init=20 --shift 1000
    python benchmarks/optimum/score.py --suite real mixtura.GaussianMixture sklearn.mixture.GaussianMixture

A problem is solved where the log-likelihood is at most 1e-3 nats a row below the best known
(reference.json; for another shift `reference.py --shift N` makes it first) and no component is degenerate.
The classes take turns, problem by problem. With --improve what is better than the best known is kept there.

`--suite real` takes the problems of real.py, several seeds of each and three judges (real_score.py); its
report is Markdown (--report), and times are beside the last class.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from judge import degenerate, log_likelihood, mixture_of
from methods import Method
from problems import Problem, problems
from reference import improve, known

TOLERANCE = 1e-3
UNTOLD = (
    ">=: the class tells `n_iter_` alone, the iterations of the start that won; neither those of its "
    "other starts (`n_init`) nor what its starts themselves cost."
)


@dataclass(frozen=True)
class Passes:
    """Passes over all rows."""

    count: float  # NaN where the class tells nothing
    all_told: bool  # or only the iterations of the start that won, not the other starts nor what made them

    def __str__(self) -> str:
        return f"{'' if self.all_told else '>='}{self.count:,.0f}"


@dataclass
class Score:
    problem: str
    method: str
    seconds: float
    log_likelihood: float
    below_best: float
    degenerate: str
    passes: Passes
    found_by: str = ""  # the kind of start that found it, where the class tells

    @property
    def solved(self) -> bool:
        return self.below_best <= TOLERANCE and not self.degenerate


def score(method: Method, problem: Problem, best: float, seed: int) -> Score:
    began = perf_counter()
    model = method.fit(problem, seed)
    seconds = perf_counter() - began
    mixture = mixture_of(model)
    value = log_likelihood(mixture, problem.X)
    why = degenerate(mixture, problem.X)
    return Score(
        problem.name,
        method.name,
        seconds,
        value,
        best - value,
        why,
        passes(model, problem),
        first_to_find(model),
    )


def passes(model, problem: Problem) -> Passes:
    starts = getattr(model, "starts_", None)
    if starts is None:
        return Passes(getattr(model, "n_iter_", np.nan), all_told=False)
    return Passes(sum(s.n_rows * s.n_passes for s in starts) / len(problem.X), all_told=True)


def total_passes(results: list[Score]) -> Passes:
    counts = [r.passes.count for r in results]
    return Passes(sum(counts), all(r.passes.all_told for r in results))


def line(result: Score) -> str:
    verdict = "solved" if result.solved else f"{-result.below_best:+.4f}"
    return (
        f"{result.problem:22s} {result.method[:34]:34s} {verdict:>9s} "
        f"{1e3 * result.seconds:10.2f} ms {result.passes!s:>8s}  {result.degenerate}"
    )


def summary(results: list[Score]) -> str:
    solved = sum(r.solved for r in results)
    seconds = sum(r.seconds for r in results)
    return (
        f"{results[0].method}: {solved} of {len(results)} solved ({solved / len(results):.0%}), "
        f"{seconds:.3f} s, {total_passes(results)} passes, "
        f"{sum(bool(r.degenerate) for r in results)} degenerate"
    )


def first_to_find(model) -> str:
    """The kind of start of the search that first came within 1e-4 nats a row of where the fit ended."""
    for record in getattr(model, "starts_", []):
        if record.log_likelihood >= model.lower_bound_ - 1e-4:
            return record.kind
    return ""


def table(results: dict[str, list[Score]]) -> str:
    """The summary as Markdown."""
    lines = [
        "| | solved | degenerate | total time | passes | never below scikit-learn's fit |",
        "|---|---|---|---|---|---|",
    ]
    reference = next((scores for name, scores in results.items() if "sklearn" in name), None)
    for name, scores in results.items():
        solved = sum(r.solved for r in scores)
        seconds = sum(r.seconds for r in scores)
        compared = reference is not None and scores is not reference
        below = never_below(scores, reference) if compared else ""
        lines.append(
            f"| `{name}` | {solved} of {len(scores)} ({solved / len(scores):.0%}) | "
            f"{sum(bool(r.degenerate) for r in scores)} | {seconds:.2f} s | "
            f"{total_passes(scores)} | {below} |"
        )
    if not all(r.passes.all_told for scores in results.values() for r in scores):
        lines += ["", UNTOLD]
    return "\n".join(lines)


def never_below(scores: list[Score], reference: list[Score]) -> str:
    """How often a fit is no worse than the other's (degenerate ones of the other do not count)."""
    pairs = [(o, t) for o, t in zip(scores, reference, strict=True) if not t.degenerate]
    kept = sum(ours.log_likelihood >= theirs.log_likelihood - 1e-6 for ours, theirs in pairs)
    return f"{kept} of {len(pairs)}"


def kinds(scores: list[Score]) -> str:
    """How many problems each kind of start found first, as Markdown."""
    counts = Counter(r.found_by for r in scores if r.found_by)
    rows = [f"| {kind} | {count} |" for kind, count in counts.most_common()]
    return "\n".join(["| kind of start | first to find the end | ", "|---|---|", *rows])


def chart(results: dict[str, list[Score]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [
        name.partition(".")[0] + (f"\n{name.partition(':')[2]}" if ":" in name else "")
        for name in results
    ]
    solved = [100 * np.mean([r.solved for r in scores]) for scores in results.values()]
    seconds = [sum(r.seconds for r in scores) for scores in results.values()]
    figure, axes = pyplot.subplots(1, 2, figsize=(8, 2.8), constrained_layout=True)
    for axis, values, title, unit in (
        (axes[0], solved, "problems solved", "%"),
        (axes[1], seconds, "total time", " s"),
    ):
        bars = axis.barh(names, values, color=["#9aa5b1", "#c3cad1", "#c8553d"][: len(names)])
        axis.bar_label(bars, [f"{value:.3g}{unit}" for value in values], padding=3)
        axis.set_title(title)
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, 1.18 * max(values))
    figure.savefig(path, dpi=150)


def require_references(chosen: list[Problem], best: dict[str, float], shift: int) -> None:
    """End where there is no problem, or one that could not be judged."""
    missing = [problem.name for problem in chosen if problem.name not in best]
    if not chosen:
        sys.exit("No problem has a name like that.")
    if missing:
        sys.exit(
            f"No best log-likelihood is known of {', '.join(missing)}: run reference.py --shift {shift} "
            "first."
        )


def score_real(options: argparse.Namespace) -> None:
    import real_score  # needs the packages that ship the tables

    found, report = real_score.run(options.methods, options.only, options.seeds, options.improve)
    print(report)
    if options.report:
        options.report.write_text(report + "\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in found], indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--shift", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--improve", action="store_true", help="write what is better than known")
    parser.add_argument("--suite", choices=("first", "real"), default="first")
    parser.add_argument("--seeds", type=int, default=5, help="of every problem of the real suite")
    parser.add_argument("--report", type=Path, help="the real suite's report, as Markdown")
    options = parser.parse_args()
    if options.suite == "real":
        score_real(options)
        return
    warnings.simplefilter("ignore")
    chosen = [p for p in problems(options.shift) if options.only in p.name]
    best = known(options.shift)
    require_references(chosen, best, options.shift)
    methods = [Method(text) for text in options.methods]
    results: dict[str, list[Score]] = {m.name: [] for m in methods}
    for method in methods:  # what is paid once is not the first problem's
        method.fit(chosen[0], 0)
    for problem in chosen:
        for method in methods:
            result = score(method, problem, best[problem.name], options.seed)
            results[method.name].append(result)
            if options.improve and not result.degenerate:
                improve(options.shift, {problem.name: result.log_likelihood})
            print(line(result), flush=True)
    for scores in results.values():
        print(summary(scores))
    print(table(results))
    for scores in results.values():
        if any(r.found_by for r in scores):
            print(kinds(scores))
    if options.chart:
        chart(results, options.chart)
    if options.json:
        rows = [asdict(r) | {"solved": r.solved} for scores in results.values() for r in scores]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
