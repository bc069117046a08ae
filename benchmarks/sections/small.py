"""A small problem: what an iteration and a fit cost where the arithmetic is next to nothing."""

from __future__ import annotations

import statistics
from typing import Any

from harness.bench import OURS, THEIRS, Bench
from harness.problems import SMALL, write
from harness.rounds import interleave
from harness.text import duration, table

TITLE = "Small problems"


def measure(bench: Bench) -> dict[str, Any]:
    files = write(SMALL, bench.folder)
    workers = {name: bench.workers[name] for name in (THEIRS, OURS) if name in bench.workers}
    for worker in workers.values():
        worker.ask(**files.command(SMALL, "float64"))
        worker.ask(do="iterate", n_iter=SMALL.n_iter, seconds=0)

    def task(name: str) -> Any:
        command = {"do": "iterate", "n_iter": SMALL.n_iter, "seconds": bench.run_seconds}
        return lambda: workers[name].ask(**command)

    rounds = interleave({name: task(name) for name in workers}, 2 * bench.rounds)
    peers = {name: _summary(answers) for name, answers in rounds.items()}
    return {"label": SMALL.label, "n_iter": SMALL.n_iter, "peers": peers}


def _summary(answers: list[dict[str, list[float]]]) -> dict[str, float]:
    return {
        kind: statistics.median(sample for answer in answers for sample in answer[kind])
        for kind in ("iterations", "fixed")
    }


def render(data: dict[str, Any]) -> str:
    rows = [
        [name, data["label"], duration(peer["iterations"]), duration(peer["fixed"])]
        for name, peer in data["peers"].items()
    ]
    head = [
        "",
        "N × d, K, structure",
        "an iteration",
        "a fit from a given start, beside its iterations",
    ]
    return table(head, rows)
