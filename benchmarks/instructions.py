"""How many instructions an EM iteration and a small fit take, counted by valgrind.

    python benchmarks/instructions.py --json before.json            # at the commit before a change
    python benchmarks/instructions.py --base before.json            # after it: the ratios as well

Counts repeat almost to the instruction where times are too noisy for a change of a few percent. An iteration
is the difference of two fits from one start, one of more iterations, so that the checks and what follows the
fit cancel out; a small fit is the difference of more and fewer of them. On one thread, and on the AVX2
kernels: valgrind knows no AVX-512. The shapes are those of the table (README.md) with fewer rows. Needs
valgrind (apt-get install valgrind). One process makes all fits, each once before it counts.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mixtura
from harness.problems import SMALL, TABLE, Problem, write
from harness.text import table

DTYPES = ("float64", "float32")

# An iteration of each takes 1 to 50 million instructions, some of them beside the rows' own (the M-step).
N_ROWS = {
    "B": 20_000,
    "C": 5_120,
    "D": 1_280,
    "E": 640,
    "F": 1_280,
    "G": 10_240,
    "H": 10_240,
    "I": 10_240,
}

ITERATIONS = (2, 6)
FITS = (50, 100)
SMALL_FIT = replace(SMALL, name="a small fit", n_rows=200, n_iter=5)

ENVIRONMENT = {
    "MIXTURA_SIMD": "avx2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}

# Nothing is counted beside the fits: the import alone would take valgrind minutes.
COUNTER = """
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void end(void) { CALLGRIND_DUMP_STATS; CALLGRIND_STOP_INSTRUMENTATION; }
"""


def problems() -> list[Problem]:
    return [*(replace(problem, n_rows=N_ROWS[problem.name]) for problem in TABLE), SMALL_FIT]


def measurements(only: list[str]) -> Iterator[tuple[str, Problem, str, list[tuple[int, int]], int]]:
    """Label, problem, precision, (iterations, fits) of fewer and of more, and how many more those are."""
    for problem in problems():
        if only and problem.name not in only:
            continue
        is_small = problem is SMALL_FIT
        how = [(problem.n_iter, n) for n in FITS] if is_small else [(n, 1) for n in ITERATIONS]
        few, many = FITS if is_small else ITERATIONS
        for dtype in DTYPES[:1] if is_small else DTYPES:
            yield f"{problem.name}: {problem.label}, {dtype}", problem, dtype, how, many - few


# In the process that valgrind watches


def fit_all(folder: Path, only: list[str]) -> None:
    """Make each fit once before it counts: what is done at the first call is not to be in it."""
    counter = ctypes.CDLL(str(folder / "counter.so"))
    warnings.simplefilter("ignore")  # none converges
    for _, problem, dtype, how, _ in measurements(only):
        X = np.load(folder / problem.name / f"rows-{dtype}.npy")
        begin = dict(np.load(folder / problem.name / "start.npz"))
        fits(X, begin, problem.structure, how[0][0], 1)
        for n_iter, n_fits in how:
            counter.begin()
            fits(X, begin, problem.structure, n_iter, n_fits)
            counter.end()


def fits(X: Any, begin: dict[str, Any], structure: str, n_iter: int, n_fits: int) -> None:
    model = mixtura.GaussianMixture(
        len(begin["weights"]),
        covariance_type=structure,
        weights_init=begin["weights"],
        means_init=begin["means"],
        precisions_init=begin["covariances"],  # of unit matrices: their own inverses
        tol=0.0,
        reg_covar=1.0,  # few rows alone would leave covariances so thin that float32 takes another way
        max_iter=n_iter,
        accelerate=False,
        n_jobs=1,
    )
    for _ in range(n_fits):
        model.fit(X)
    if model.n_iter_ != n_iter:
        raise SystemExit(f"{model.n_iter_} iterations were made of {structure}, not {n_iter}.")


# In the process that asks


def counts(only: list[str]) -> dict[str, float]:
    """Instructions of an iteration of each problem and precision, and of a small fit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for problem in problems():
            write(problem, folder / problem.name)
        totals = iter(_totals(folder, only))
        found = {}
        for label, _, _, _, n_more in measurements(only):
            fewer, more = next(totals), next(totals)
            found[label] = (more - fewer) / n_more
        return found


def _totals(folder: Path, only: list[str]) -> list[int]:
    """Instructions of each counted turn of fits."""
    source, out = folder / "counter.c", folder / "callgrind"
    source.write_text(COUNTER)
    compiler = ["cc", "-shared", "-fPIC", "-O2", str(source), "-o", str(folder / "counter.so")]
    subprocess.run(compiler, check=True)
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    program = [sys.executable, __file__, "--fits-in", str(folder), "--only", *only]
    environment = os.environ | ENVIRONMENT
    run = subprocess.run(
        [*valgrind, *program], env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise SystemExit(f"valgrind ended with {run.returncode}:\n{run.stderr[-2000:]}")
    n_turns = sum(len(how) for _, _, _, how, _ in measurements(only))
    return [_total(folder / f"callgrind.{turn}") for turn in range(1, n_turns + 1)]


def _total(dump: Path) -> int:
    return int(re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)[1])


def render(found: dict[str, float], base: dict[str, float]) -> str:
    head = [
        "of an iteration, or of a small fit",
        "instructions",
        *(["before", "ratio"] if base else []),
    ]
    return table(head, [_row(label, count, base) for label, count in found.items()])


def _row(label: str, count: float, base: dict[str, float]) -> list[str]:
    row = [label, f"{count:,.0f}"]
    if not base:
        return row
    return (
        [*row, f"{base[label]:,.0f}", f"{count / base[label]:.4f}"]
        if label in base
        else [*row, "-", "-"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, help="a file of --json, to compare with")
    parser.add_argument("--json", type=Path, help="file to write the counts to")
    parser.add_argument(
        "--only", nargs="*", default=[], help="names of problems, such as B C 'a small fit'"
    )
    parser.add_argument("--fits-in", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fits_in:
        fit_all(asked.fits_in, asked.only)
        return
    base: dict[str, float] = json.loads(asked.base.read_text()) if asked.base else {}
    found = counts(asked.only)
    print(render(found, base))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
