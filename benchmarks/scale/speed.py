"""An iteration from an array, from parts that are kept, and from disk; beside pyarrow's own bare scan.

python benchmarks/scale/speed.py --rows 4000000

The iterations and the scan have as many threads each. Reading and computing at once cannot take less than
the processor time of both, shared among the cores: `possible` is the slower of the two as a share of
that. Where both take as long it is 0.5.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import pyarrow as pa
import pyarrow.dataset as ds

import mixtura
import rows
from mixtura.em import expect
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.threads import n_threads


def seconds(function) -> tuple[float, float]:
    """Seconds of a clock, and of all cores."""
    began, began_cores = perf_counter(), process_time()
    function()
    return perf_counter() - began, process_time() - began_cores


def bare_scan(path: Path) -> None:
    for _ in ds.dataset(path).to_batches():
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--components", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--covariance", nargs="+", default=["full", "diag", "tied"])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    threads = n_threads(None)
    pa.set_cpu_count(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        rows.write(path, asked.rows, max(asked.components))
        array = ArrayBlocks(Rows(rows.array(path)), threads)
        kept = mixtura.scan(path, max_memory=1 << 40).blocks(threads)
        read = mixtura.scan(path, max_memory=0).blocks(threads)
        print(f"{asked.rows:,} x {rows.N_FEATURES} float32, {threads} threads, medians in seconds")
        print("structure   K   array    kept    disk    scan   kept/array  slower/disk  possible")
        for name in asked.covariance:
            for k in asked.components:
                start = mixtura.GaussianMixture(k, covariance_type=name, init_params="k-means++")
                start.set_params(random_state=0, max_iter=0)
                mixture = start.fit(array.rows[:100_000]).mixture_
                for blocks in (array, kept, read):
                    blocks.accumulate(mixture)
                runs = {
                    "array": lambda m=mixture: expect(m, array),
                    "kept": lambda m=mixture: expect(m, kept),
                    "disk": lambda m=mixture: expect(m, read),
                    "scan": lambda: bare_scan(path),
                }
                times = {one: [] for one in runs}
                for _ in range(asked.repeats):
                    for one, run in runs.items():
                        times[one].append(seconds(run))
                found = {one: median(wall for wall, _ in taken) for one, taken in times.items()}
                cores = {
                    one: median(of_cores for _, of_cores in taken) for one, taken in times.items()
                }
                slower = max(found["scan"], found["array"])
                least = (cores["scan"] + cores["array"]) / threads
                print(
                    f"{name:>9} {k:3d} "
                    + " ".join(f"{found[one]:7.3f}" for one in runs)
                    + f"   {found['kept'] / found['array']:10.2f}"
                    + f"  {slower / found['disk']:11.2f}  {slower / least:8.2f}"
                )


if __name__ == "__main__":
    main()
