"""Time and peak memory of a sweep of 100,000 rows of 10 features, K = 1..15, four structures.

    python benchmarks/selection/large.py [--rows 100000] [--only sweep]

Each in a process of its own: the rows alone, one fit of the largest model, the sweep. Peak memory is VmHWM,
what the process held at most; what rows and libraries take stands beside it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

WHAT = ("rows", "fit", "sweep")

PROGRAM = """
import sys, warnings
from time import perf_counter
import numpy as np
from mixtura import GaussianMixture, GaussianMixtureSearch

def drawn(n, d=10, k=6):
    rng = np.random.default_rng(0)
    means, labels = rng.normal(scale=3.0, size=(k, d)), rng.integers(0, k, n)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    X = rng.normal(size=(n, d))
    for j in range(k):
        X[labels == j] = X[labels == j] @ factors[j] + means[j]
    return X

warnings.simplefilter("ignore")
what, n, *structures = sys.argv[1:]
X = drawn(int(n))
began = perf_counter()
if what == "fit":
    GaussianMixture(15, covariance_type="VVV", random_state=0).fit(X)
if what == "sweep":
    search = GaussianMixtureSearch(range(1, 16), structures, random_state=0).fit(X)
seconds = perf_counter() - began
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
best = search.best_params_ if what == "sweep" else ""
print(f"{what:>5}: {seconds:6.1f} s, peak {int(peak) / 1024:6.0f} MiB  {best}", flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--structures", nargs="+", default=["EII", "EEE", "VVI", "VVV"])
    parser.add_argument("--only", nargs="+", choices=WHAT, default=WHAT)
    asked = parser.parse_args()
    if not Path("/proc/self/status").exists():
        raise SystemExit("peak memory is read from /proc, which only Linux has")
    for what in asked.only:
        subprocess.run(
            [sys.executable, "-c", PROGRAM, what, str(asked.rows), *asked.structures], check=True
        )


if __name__ == "__main__":
    main()
