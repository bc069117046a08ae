"""Peak memory of a fit from a Parquet file, beside the answer of the fit in memory.

python benchmarks/scale/memory.py --rows 20000000
"""

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

import mixtura
import rows

N_COMPONENTS = 16


def peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def fit(path: Path, max_memory: str, iterations: int) -> dict[str, object]:
    X = rows.array(path) if max_memory == "array" else mixtura.scan(path, max_memory=max_memory)
    model = mixtura.GaussianMixture(
        N_COMPONENTS, tol=0, max_iter=iterations, **rows.begin(N_COMPONENTS)
    )
    warnings.simplefilter("ignore")
    began = perf_counter()
    model.fit(X)
    seconds = perf_counter() - began
    return {"peak": peak(), "seconds": seconds, "means": model.mixture_.means.tolist()}


def apart(path: Path, max_memory: str, iterations: int) -> dict[str, object]:
    command = [sys.executable, __file__, "--fit", path, max_memory, str(iterations)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--max-memory", default="200MB")
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        print(json.dumps(fit(Path(asked.fit[0]), asked.fit[1], int(asked.fit[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        rows.write(path, asked.rows, N_COMPONENTS)
        n_bytes = asked.rows * rows.N_FEATURES * 4
        print(f"{asked.rows:,} x {rows.N_FEATURES} float32, {n_bytes / 1e6:,.0f} MB")
        found = {size: apart(path, size, asked.iterations) for size in (asked.max_memory, "array")}
    for size, one in found.items():
        print(f"{size:>8}: peak {one['peak'] / 1e6:,.0f} MB, {one['seconds']:.1f} s")
    ours, theirs = (np.array(one["means"]) for one in found.values())
    print(f"largest difference of the means: {np.abs(ours - theirs).max():.1e}")


if __name__ == "__main__":
    main()
