"""Small problems: what an iteration and whole fits cost where the arithmetic is next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_blobs

from harness.bench import OURS, THEIRS, Bench
from harness.problems import SMALL, write
from harness.rounds import interleave, medians, samples, tasks_of
from harness.text import duration, percent, table, times
from harness.workers import Worker
from mixtura.datasets import make_three_blobs

TITLE = "Small problems"

# Nats a row, by which one fit must lie below the other's to be the worse one.
WORSE = 1e-3


@dataclass(frozen=True)
class Fits:
    """Whole fits, each of rows drawn by another seed, with the class's defaults but for `arguments`."""

    label: str
    n_fits: int
    draw: Callable[[int], np.ndarray]
    arguments: dict[str, Any]


def far(seed: int) -> np.ndarray:
    """Round clusters 15 to 30 standard deviations apart."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi / 3 * np.arange(3)
    means = rng.uniform(10, 17) * np.column_stack([np.cos(angles), np.sin(angles)])
    return means[rng.integers(3, size=200)] + rng.standard_normal((200, 2))


def blobs(seed: int) -> np.ndarray:
    """What scikit-learn's examples draw; now and then two of them overlap."""
    return make_blobs(200, centers=3, random_state=seed)[0]


def overlapping(seed: int) -> np.ndarray:
    """Clusters of all shapes, some two standard deviations apart."""
    rng = np.random.default_rng(seed)
    means = 1.5 * rng.standard_normal((3, 2))
    factors = np.eye(2) + 0.5 * rng.standard_normal((3, 2, 2))
    labels = rng.integers(3, size=200)
    return means[labels] + np.einsum("nij,nj->ni", factors[labels], rng.standard_normal((200, 2)))


def demonstration(seed: int) -> np.ndarray:
    return make_three_blobs(random_state=7 + seed).data


FITS = (
    Fits("600 × 2, K = 3, n_init = 8: the demonstration", 20, demonstration, {"n_init": 8}),
    Fits("200 × 2, K = 3: far apart", 1_000, far, {}),
    Fits("200 × 2, K = 3: make_blobs", 1_000, blobs, {}),
    Fits("200 × 2, K = 3: overlapping", 1_000, overlapping, {}),
)


def measure(bench: Bench) -> dict[str, Any]:
    workers = {name: bench.workers[name] for name in (THEIRS, OURS) if name in bench.workers}
    return {
        **_iterations(bench, workers),
        "fits": [measured(bench, workers, fits) for fits in FITS],
    }


def _iterations(bench: Bench, workers: dict[str, Worker]) -> dict[str, Any]:
    files = write(SMALL, bench.folder)
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


def measured(bench: Bench, workers: dict[str, Worker], fits: Fits) -> dict[str, Any]:
    """Seconds of the fits of each peer, and how many ended below the other's; rows are drawn once."""
    n_fits = min(fits.n_fits, 20) if bench.quick else fits.n_fits
    path = bench.folder / "sets.npy"
    np.save(path, np.stack([fits.draw(seed) for seed in range(n_fits)]))
    n_rounds = min(2 * bench.rounds, n_fits)
    tasks = {
        name: _turns(worker, path, n_fits, n_rounds, fits.arguments)
        for name, worker in workers.items()
    }
    rounds = interleave(tasks, n_rounds)
    found = {name: samples(answers, "log_likelihoods") for name, answers in rounds.items()}
    return {
        "label": fits.label,
        "n_fits": n_fits,
        "seconds": {name: sum(samples(answers, "seconds")) for name, answers in rounds.items()},
        "worse": _shares_worse(found),
    }


def _turns(
    worker: Worker, path: Path, n_fits: int, n_rounds: int, arguments: dict[str, Any]
) -> Callable[[], Any]:
    """A task that goes through all sets of rows, so many a round."""
    turns = pairwise(n_fits * turn // n_rounds for turn in range(n_rounds + 1))

    def task() -> Any:
        begin, end = next(turns)
        return worker.ask(
            do="fit",
            rows=str(path),
            begin=begin,
            end=end,
            **({"n_components": 3, "random_state": 0} | arguments),
        )

    return task


def _shares_worse(found: dict[str, list[float]]) -> dict[str, float]:
    """How often each peer ended more than WORSE nats a row below the best of them."""
    best = np.max(list(found.values()), axis=0)
    return {name: float(np.mean(best - values > WORSE)) for name, values in found.items()}


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
    names = list(data["iterations"])
    return "\n\n".join(
        [
            table(head, rows),
            "Whole fits, each of other rows, with all defaults of each library (`random_state=0`): mixtura's "
            "start is a search, and its `tol` 1e-7. In brackets how many ended more than "
            f"{WORSE:g} nats a row below the other:",
            table(
                ["rows", "fits", *names, "ratio"], [row_of(fits, names) for fits in data["fits"]]
            ),
        ]
    )


def row_of(fits: dict[str, Any], names: list[str]) -> list[str]:
    seconds = fits["seconds"]
    cells = [f"{duration(seconds[name])} ({percent(fits['worse'][name])})" for name in names]
    both = THEIRS in seconds and OURS in seconds
    ratio = times(seconds[THEIRS] / seconds[OURS]) if both else "-"
    return [fits["label"], f"{fits['n_fits']:,}", *cells, ratio]
