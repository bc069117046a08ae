"""A small problem: what an iteration and a fit cost where the arithmetic is next to nothing."""

from __future__ import annotations

from typing import Any

from harness.bench import OURS, THEIRS, Bench
from harness.problems import SMALL, write
from harness.rounds import interleave, medians, tasks_of
from harness.text import duration, table

TITLE = "Small problems"


def measure(bench: Bench) -> dict[str, Any]:
    files = write(SMALL, bench.folder)
    workers = {name: bench.workers[name] for name in (THEIRS, OURS) if name in bench.workers}
    for worker in workers.values():
        worker.ask(**files.command(SMALL, "float64"))
        worker.ask(do="reach", n_iter=SMALL.n_iter)

    tasks = tasks_of(workers, do="iterate", n_iter=SMALL.n_iter, seconds=bench.run_seconds)
    rounds = interleave(tasks, 2 * bench.rounds)
    return {
        "label": SMALL.label,
        "n_iter": SMALL.n_iter,
        "iterations": medians(rounds, "iterations"),
        "fixed": medians(rounds, "fixed"),
    }


def render(data: dict[str, Any]) -> str:
    rows = [
        [name, data["label"], duration(seconds), duration(data["fixed"][name])]
        for name, seconds in data["iterations"].items()
    ]
    head = [
        "",
        "N × d, K, structure",
        "an iteration",
        "a fit from a given start, beside its iterations",
    ]
    return table(head, rows)
