"""What a second thread brings."""

from __future__ import annotations

from typing import Any

from harness.bench import Bench, our_worker
from harness.problems import TABLE, Problem, write
from harness.rounds import interleave, medians, tasks_of
from harness.text import duration, table, times

TITLE = "Two threads"

PROBLEMS = ("C", "D", "E", "F")


def measure(bench: Bench) -> dict[str, Any]:
    workers = {str(n): our_worker(f"mixtura-{n}-threads") for n in (1, 2)}
    problems = [bench.sized(problem) for problem in TABLE if problem.name in PROBLEMS]
    results = [_measure(bench, workers, problem) for problem in problems]
    for worker in workers.values():
        worker.close()
    return {"results": results}


def _measure(bench: Bench, workers: Any, problem: Problem) -> dict[str, Any]:
    files = write(problem, bench.folder, ("float64",))
    for n, worker in workers.items():
        worker.ask(**files.command(problem, "float64"), n_jobs=int(n))
        worker.ask(do="reach", n_iter=problem.n_iter)

    tasks = tasks_of(workers, do="iterate", n_iter=problem.n_iter, seconds=bench.run_seconds)
    seconds = medians(interleave(tasks, bench.rounds), "iterations")
    return {"problem": problem.name, "label": problem.label, "seconds": seconds}


def render(data: dict[str, Any]) -> str:
    rows = [
        [r["problem"], r["label"], duration(one), duration(two), times(one / two)]
        for r in data["results"]
        for one, two in [(r["seconds"]["1"], r["seconds"]["2"])]
    ]
    return table(["", "N × d, K, structure", "1 thread", "2 threads", "ratio"], rows)
