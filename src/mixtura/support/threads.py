"""How many threads `n_jobs` means."""

from __future__ import annotations

import os
from functools import lru_cache

import joblib

_MOST = 1 << 16  # threads; the core counts in native integers


def n_threads(n_jobs: int | None) -> int:
    """Threads for `n_jobs`: None and -1 mean every core that this process may use.

    CPU affinity and cgroup limits count; None also respects OMP_NUM_THREADS, so that worker
    processes which were given a share of the machine keep to it. -2 is all but one, and so on,
    as in scikit-learn.
    """
    if n_jobs is None:
        return min(_usable_cores(), _environment_limit())
    if n_jobs < 0:
        return max(1, _usable_cores() + 1 + n_jobs)
    return min(n_jobs, _MOST)


def _usable_cores() -> int:
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return _cores_within_limits(affinity)


@lru_cache(maxsize=8)
def _cores_within_limits(affinity: int) -> int:  # noqa: ARG001 - the key: affinity may change
    return int(joblib.cpu_count())


def _environment_limit() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(value)) if value.isdigit() else 1 << 30
