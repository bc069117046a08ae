"""Using a fitted model: labels, responsibilities, densities of all rows."""

from __future__ import annotations

from typing import Any

from harness.bench import OURS, THEIRS, Bench
from harness.problems import DTYPES, TABLE, write
from harness.rounds import interleave, medians, tasks_of
from harness.text import duration, table, times

TITLE = "Using a fit"

METHODS = ("predict", "predict_proba", "score_samples")


def measure(bench: Bench) -> dict[str, Any]:
    problem = bench.sized(next(problem for problem in TABLE if problem.name == "C"))
    files = write(problem, bench.folder)
    workers = {name: bench.workers[name] for name in (THEIRS, OURS) if name in bench.workers}
    results = []
    for dtype in DTYPES:
        for worker in workers.values():
            worker.ask(**files.command(problem, dtype))
        results.extend(_measure(bench, workers, method, dtype) for method in METHODS)
    return {"label": problem.label, "results": results}


def _measure(bench: Bench, workers: Any, method: str, dtype: str) -> dict[str, Any]:
    tasks = tasks_of(workers, do="evaluate", method=method, seconds=bench.run_seconds)
    rounds = interleave(tasks, bench.rounds)
    return {"method": method, "dtype": dtype, "seconds": medians(rounds, "seconds")}


def render(data: dict[str, Any]) -> str:
    names = list(data["results"][0]["seconds"])
    rows = [_row(result, names) for result in data["results"]]
    heading = f"On {data['label']}:"
    return heading + "\n\n" + table(["method", "precision", *names, "ratio"], rows)


def _row(result: dict[str, Any], names: list[str]) -> list[str]:
    seconds = result["seconds"]
    both = THEIRS in seconds and OURS in seconds
    ratio = times(seconds[THEIRS] / seconds[OURS]) if both else "-"
    cells = [duration(seconds[name]) for name in names]
    return [f"`{result['method']}`", result["dtype"], *cells, ratio]
