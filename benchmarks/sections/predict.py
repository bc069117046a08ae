"""Using a fitted model: labels, responsibilities, densities of all rows."""

from __future__ import annotations

import statistics
from typing import Any

from harness.bench import OURS, THEIRS, Bench
from harness.problems import DTYPES, TABLE, write
from harness.rounds import interleave
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
    def task(name: str) -> Any:
        command = {"do": "evaluate", "method": method, "seconds": bench.run_seconds}
        return lambda: workers[name].ask(**command)["seconds"]

    rounds = interleave({name: task(name) for name in workers}, bench.rounds)
    seconds = {name: statistics.median(sum(parts, [])) for name, parts in rounds.items()}
    return {"method": method, "dtype": dtype, "seconds": seconds}


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
