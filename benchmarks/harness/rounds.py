"""Peers in turn, round after round, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

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
