"""What the machine can do, measured like a peer: matrix products, exponentials, copies.

Their rates give the least time in which a problem's iteration could be done.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from _worker import answer_commands

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

PRODUCT_SIZE = 1536
EXP_BYTES = 1 << 17  # an array that stays in a core's own cache
EXP_REPEATS = 200
COPY_BYTES = 1 << 27  # larger than any cache

_pool = ThreadPoolExecutor(CORES)


def rates(dtype: str) -> dict[str, float]:
    """Operations a second on all cores: flops, exponentials, bytes."""
    kind = np.dtype(dtype)
    return {"flops": flops(kind), "exps": exps(kind), "bytes": copied_bytes()}


def product(dtype: str) -> dict[str, float]:
    """The first of them alone."""
    return {"flops": flops(np.dtype(dtype))}


def flops(dtype: np.dtype) -> float:
    """Of a large matrix product; the BLAS uses all cores by itself."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((PRODUCT_SIZE, PRODUCT_SIZE), dtype=dtype)
    out = np.empty_like(a)
    return 2 * PRODUCT_SIZE**3 / best_time(lambda: np.matmul(a, a, out=out))


def exps(dtype: np.dtype) -> float:
    """Of a bare loop over an array in cache, one thread a core."""
    size = EXP_BYTES // dtype.itemsize
    arguments = np.random.default_rng(0).uniform(-20, 0, size).astype(dtype)

    def loop(out: np.ndarray) -> None:
        for _ in range(EXP_REPEATS):
            np.exp(arguments, out=out)

    outs = [np.empty_like(arguments) for _ in range(CORES)]
    return CORES * EXP_REPEATS * size / best_time(lambda: list(_pool.map(loop, outs)))


def copied_bytes() -> float:
    """Read and written, of a copy that no cache holds, one thread a core."""
    source = np.ones(COPY_BYTES // 8)
    target = np.empty_like(source)
    parts = list(zip(np.array_split(target, CORES), np.array_split(source, CORES), strict=True))
    return 2 * COPY_BYTES / best_time(lambda: list(_pool.map(lambda part: np.copyto(*part), parts)))


def best_time(function: Callable[[], object], repeats: int = 2) -> float:
    """The first call warms up; the best of the rest, for it is a limit that we want."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def describe() -> dict[str, str | int]:
    return {"cpu": cpu_model(), "cores": CORES, "system": system()}


def system() -> str:
    return f"{platform.system()} {platform.machine()}"


def cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123 - no file, a view of the kernel
            names = [
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    answer_commands({"rates": rates, "product": product, "describe": describe})
