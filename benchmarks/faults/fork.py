"""Processes forked at random moments while another thread fits: how many never end a fit of their own?

    python benchmarks/faults/fork.py [--forks 1000] [--limit 60]

The starts are all but k-means: scikit-learn's KMeans uses OpenMP, which does not run in a forked child.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections import Counter
from itertools import cycle
from threading import Event, Thread
from time import monotonic, sleep

import numpy as np

from mixtura import GaussianMixture, GaussianMixtureSearch, from_batches

X = np.random.RandomState(0).normal(size=(100_000, 6))
FEW = X[:300]


def fits(X: np.ndarray, structure: str) -> None:
    """A fit from each start, of an array and of batches."""
    for init in ("random", "random_from_data", "k-means++", "auto"):
        options = {"covariance_type": structure, "init_params": init, "max_iter": 3, "n_init": 2}
        GaussianMixture(2, random_state=0, **options).fit(X)
    GaussianMixture(2, init_params="random", max_iter=3).fit(from_batches(lambda: iter([X, X])))


def in_a_thread(stopping: Event) -> None:
    for structure in cycle(["tied", "full", "diag"]):
        if stopping.is_set():
            return
        fits(X, structure)
        GaussianMixtureSearch(range(1, 3), ["EII", "VVV"]).fit(FEW)


def ends(limit: float) -> str:
    """What becomes of a child that is forked now."""
    child = os.fork()
    if child == 0:
        fits(FEW, "tied")
        os._exit(0)
    until = monotonic() + limit
    while monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "ended" if status == 0 else f"status {status}"
        sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forks", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a child hangs")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rng, stopping = np.random.RandomState(), Event()
    thread = Thread(target=in_a_thread, args=(stopping,))
    thread.start()
    found: Counter[str] = Counter()
    for n in range(1, arguments.forks + 1):
        sleep(0.05 * rng.uniform())
        found[ends(arguments.limit)] += 1
        if n % 100 == 0 or n == arguments.forks:
            print(dict(found), flush=True)
    stopping.set()
    thread.join()
    return int(set(found) != {"ended"})


if __name__ == "__main__":
    sys.exit(main())
