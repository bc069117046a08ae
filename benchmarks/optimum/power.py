"""Size and power of the bootstrap likelihood-ratio test of one component against two, beside mclust's.

    python benchmarks/optimum/power.py [--sets 40] [--replicates 199]
    python benchmarks/optimum/power.py --reference     # runs mclustBootstrapLRT: needs R with mclust

Of 100 rows of two columns: of one normal (how often a test at 5 % rejects it is its size), and of two, three
standard deviations apart, of equal weight (its power). Full covariances. mclust's p-values of the first 40
sets of each are kept in power_reference.json. A rate of 40 sets has a standard error of up to 0.08, so
the two tests are compared set by set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from mixtura.selection import bootstrap_ratio_test

REFERENCE = Path(__file__).parent / "power_reference.json"
SCRIPT = Path(__file__).parent / "power_mclust.R"
LEVEL = 0.05
N_ROWS = 100
GAPS = {"size": 0.0, "power": 3.0}


def drawn(gap: float, number: int) -> np.ndarray:
    rng = np.random.default_rng([number, int(gap)])
    X = rng.standard_normal((N_ROWS, 2))
    X[: N_ROWS // 2, 0] += gap
    return X


def p_values(gap: float, n_sets: int, n_replicates: int) -> Iterator[float]:
    for number in range(n_sets):
        test = bootstrap_ratio_test(
            drawn(gap, number), 1, n_replicates=n_replicates, level=LEVEL, n_jobs=1
        )
        yield test.p_value


def p_values_of_mclust(gap: float, n_sets: int, n_replicates: int) -> list[float]:
    with TemporaryDirectory() as folder:
        for number in range(n_sets):
            np.savetxt(Path(folder) / f"{number:04d}.csv", drawn(gap, number), delimiter=",")
        done = subprocess.run(
            ["Rscript", SCRIPT, folder, str(n_replicates)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return [float(value) for value in done.stdout.split()]


def rate(values: list[float]) -> str:
    rejected = np.array(values) < LEVEL
    return f"{rejected.mean():.2f} ± {np.sqrt(rejected.var() / len(rejected)):.2f}"


def report(n_sets: int, n_replicates: int) -> None:
    recorded = json.loads(REFERENCE.read_text())
    for name, gap in GAPS.items():
        began = perf_counter()
        ours = list(p_values(gap, n_sets, n_replicates))
        seconds = perf_counter() - began
        theirs = recorded[name][:n_sets]
        first = np.array(ours[: len(theirs)]) < LEVEL
        second = np.array(theirs) < LEVEL
        print(
            f"{name:5s}: {rate(ours)} ({n_sets} sets, {seconds:.0f} s), mclust {rate(theirs)} "
            f"({len(theirs)} sets); rejected here alone {(first & ~second).sum()}, by mclust "
            f"alone {(~first & second).sum()}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=40)
    parser.add_argument("--replicates", type=int, default=199)
    parser.add_argument("--reference", action="store_true")
    asked = parser.parse_args()
    if asked.reference:
        recorded = {
            name: p_values_of_mclust(gap, asked.sets, asked.replicates)
            for name, gap in GAPS.items()
        }
        REFERENCE.write_text(json.dumps(recorded, indent=1) + "\n")
    else:
        report(asked.sets, asked.replicates)


if __name__ == "__main__":
    main()
