"""Peers in turn, round after round, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, TypeVar

from harness.workers import Worker

T = TypeVar("T")

# Between two peers: threads that spin after their work shall not slow the next one.
_PAUSE_SECONDS = 0.05


def interleave(
    tasks: Mapping[str, Callable[[], T]], rounds: int, budget: float = float("inf")
) -> dict[str, list[T]]:
    """Results of each task from `rounds` rounds; a task that has used up its seconds sits out."""
    results: dict[str, list[T]] = {name: [] for name in tasks}
    spent = dict.fromkeys(tasks, 0.0)
    names = list(tasks)
    for index in range(rounds):
        first = index % max(len(names), 1)
        for name in names[first:] + names[:first]:
            if spent[name] < budget:
                start = time.perf_counter()
                results[name].append(tasks[name]())
                spent[name] += time.perf_counter() - start
                time.sleep(_PAUSE_SECONDS)
    return results


def tasks_of(workers: Mapping[str, Worker], **command: Any) -> dict[str, Callable[[], Any]]:
    """One task a worker: to carry out `command`."""

    def task(worker: Worker) -> Callable[[], Any]:
        return lambda: worker.ask(**command)

    return {name: task(worker) for name, worker in workers.items()}


def samples(answers: Iterable[dict[str, list[float]]], kind: str) -> list[float]:
    """The samples of all rounds."""
    return list(chain.from_iterable(answer[kind] for answer in answers))


def medians(rounds: Mapping[str, list[dict[str, list[float]]]], kind: str) -> dict[str, float]:
    return {name: statistics.median(samples(answers, kind)) for name, answers in rounds.items()}
