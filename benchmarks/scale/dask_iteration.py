"""An EM iteration on a cluster of worker processes on this machine, beside the same in memory.

python benchmarks/scale/dask_iteration.py [--rows 2000000] [--features 10] [--components 10]
    [--partitions 16] [--workers 2] [--rounds 15] [--float32]

The array has as many threads as there are workers, each of which has one. Both take turns, so that what else
the machine does hits both; the best of the rounds is printed, and the median. Overhead: an iteration over
100 rows a partition, in which nothing but the way there and back takes time.
"""

import argparse
from statistics import median
from time import perf_counter

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from mixtura.rows import ArrayBlocks, Rows
from mixtura.rows.dask import DaskBlocks
from mixtura.testing.problems import likeliest, random_mixture


def main():
    asked = arguments()
    cluster = LocalCluster(n_workers=asked.workers, threads_per_worker=1, dashboard_address=":0")
    with cluster, Client(cluster):
        few = 100 * asked.partitions
        overhead = taking_turns([on_workers(few, asked), in_memory(few, asked)], asked.rounds)
        both = taking_turns(
            [on_workers(asked.rows, asked), in_memory(asked.rows, asked)], asked.rounds
        )
    ours, theirs = both
    print(f"{asked.rows:,} x {asked.features}, {asked.components} components, full covariances;")
    print(f"{asked.partitions} partitions, {asked.workers} workers of one thread. Milliseconds:")
    print(f"{'':28}{'best':>8}{'median':>8}")
    for name, times in (("on the workers", ours), ("in memory", theirs), ("overhead", overhead[0])):
        print(f"{name:28}{1e3 * min(times):8.1f}{1e3 * median(times):8.1f}")
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"{'ratio':28}{min(ours) / min(theirs):8.2f}{median(ratios):8.2f}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {
        "rows": 2_000_000,
        "features": 10,
        "components": 10,
        "partitions": 16,
        "workers": 2,
        "rounds": 15,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--float32", action="store_true")
    return parser.parse_args()


def on_workers(n_rows, asked):
    size = -(-n_rows // asked.partitions)
    rng = da.random.default_rng(0)
    X = rng.normal(size=(n_rows, asked.features), chunks=(size, -1))
    return iteration(DaskBlocks(X.astype(dtype_of(asked)), n_threads=asked.workers), asked)


def in_memory(n_rows, asked):
    X = np.random.default_rng(0).normal(size=(n_rows, asked.features))
    return iteration(ArrayBlocks(Rows(X.astype(dtype_of(asked))), n_threads=asked.workers), asked)


def dtype_of(asked):
    return np.float32 if asked.float32 else np.float64


def iteration(blocks, asked):
    mixture = random_mixture(asked.components, asked.features, "full", np.random.default_rng(1))
    m_step = likeliest(mixture, 1e-6)
    return lambda: m_step.maximise(blocks.accumulate(mixture), blocks.n_threads)


def taking_turns(tasks, n_rounds):
    times = [[] for _ in tasks]
    for _ in range(n_rounds + 2):
        for task, own in zip(tasks, times, strict=True):
            start = perf_counter()
            task()
            own.append(perf_counter() - start)
    return [own[2:] for own in times]


if __name__ == "__main__":
    main()
