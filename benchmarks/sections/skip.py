"""Many components far apart: what is gained by leaving out sums that would not change a bit."""

from __future__ import annotations

from typing import Any

from harness.bench import Bench, our_worker
from harness.likelihood import mean_log_likelihood
from harness.problems import Problem, write
from harness.rounds import interleave, medians, tasks_of
from harness.text import duration, table, times

TITLE = "Many components"

PROBLEM = Problem("many", 500_000, 8, 200, "full", n_iter=3, distance=30.0)

# Read once a process, so each setting has its own.
SWITCH = "MIXTURA_SKIP"


def measure(bench: Bench) -> dict[str, Any]:
    problem = bench.sized(PROBLEM)
    files = write(problem, bench.folder, ("float64",))
    workers = {
        "on": our_worker("mixtura-skip", environment={SWITCH: None}),
        "off": our_worker("mixtura-no-skip", environment={SWITCH: "0"}),
    }
    reached = {}
    for name, worker in workers.items():
        parameters = bench.folder / f"parameters-{name}.npz"
        worker.ask(**files.command(problem, "float64"))
        worker.ask(do="reach", n_iter=problem.n_iter, parameters=str(parameters))
        reached[name] = mean_log_likelihood(files.rows["float64"], parameters, problem.structure)

    tasks = tasks_of(workers, do="iterate", n_iter=problem.n_iter, seconds=bench.run_seconds)
    seconds = medians(interleave(tasks, bench.rounds, 2 * bench.budget), "iterations")
    for worker in workers.values():
        worker.close()
    return {"label": problem.label, "seconds": seconds, "log_likelihood": reached}


def render(data: dict[str, Any]) -> str:
    on, off = data["seconds"]["on"], data["seconds"]["off"]
    reached = data["log_likelihood"]
    change = abs(reached["on"] / reached["off"] - 1)
    rows = [
        [
            data["label"],
            f"`{SWITCH}=0`",
            duration(off),
            duration(on),
            times(off / on),
            f"{change:.1g}",
        ]
    ]
    head = ["well separated", "switch", "an iteration without", "with", "ratio"]
    return table([*head, "log-likelihood differs by"], rows)
