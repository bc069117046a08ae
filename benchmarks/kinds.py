"""What noise, labels, t components, a prior and fixed parameters cost an iteration, beside a plain one.

    python benchmarks/kinds.py
    python benchmarks/kinds.py --only tgmm    # the first time its environment is made, under build/bench

CPU time on one thread, the quickest of runs that take turns. The first table is of E-steps with their sums;
the second of fits of 30 iterations from one start, for what is in the M-step alone; the third of whole
iterations, in milliseconds, beside those of tgmm with the kinds that it has.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from harness.environments import NotInstallable, make
from harness.text import table
from mixtura import GaussianMixture, Prior
from mixtura.em import GAUSSIAN, Kind, Knowledge, MaximumLikelihood, Tails
from mixtura.mixture import Mixture, Noise
from mixtura.rows import ArrayBlocks, Rows

# Rows, features, components, structure.
SHAPES = {
    "B": (100_000, 2, 5, "full"),
    "C": (200_000, 10, 10, "full"),
    "D": (100_000, 32, 32, "full"),
    "H": (500_000, 10, 10, "spherical"),
    "I": (500_000, 10, 10, "diag"),
}
N_RUNS = 25

# tgmm takes up to seconds an iteration of more.
N_ROWS_OF_PEER = 5_000
PEER = Path(__file__).parent / "peers" / "tgmm_kinds.py"


def problem(
    n_rows: int, n_features: int, n_components: int, covariance_type: str
) -> tuple[Mixture, np.ndarray]:
    """A mixture whose components touch, and rows of it."""
    rng = np.random.default_rng(0)
    means = 3.0 / np.sqrt(n_features) * rng.standard_normal((n_components, n_features))
    X = means[rng.integers(0, n_components, n_rows)] + rng.standard_normal((n_rows, n_features))
    one = {"full": np.eye(n_features), "diag": np.ones(n_features), "spherical": 1.0}[
        covariance_type
    ]
    mixture = Mixture.from_parameters(
        np.full(n_components, 1 / n_components),
        means,
        np.array([one] * n_components),
        covariance_type=covariance_type,
    )
    return mixture, X


def quickest(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each."""
    times = dict.fromkeys(jobs, np.inf)
    for _ in range(N_RUNS):
        for name, job in jobs.items():
            began = time.process_time()
            job()
            times[name] = min(times[name], 1e3 * (time.process_time() - began))
    return times


def ratios(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Time of each over that of the first."""
    times = quickest(jobs)
    plain = next(iter(times.values()))
    return {name: own / plain for name, own in times.items()}


def some_known(n_rows: int, n_components: int) -> np.ndarray:
    """Labels of a tenth of the rows."""
    rng = np.random.default_rng(1)
    is_known = rng.random(n_rows) < 0.1
    return np.where(is_known, rng.integers(0, n_components, n_rows), -1).astype(np.int32)


def of_e_steps(mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    k, d = mixture.means.shape
    noisy = replace(mixture, weights=0.95 * mixture.weights, noise=Noise(0.05, -3.0 * d))
    heavy = {"df": np.full(k, 8.0)}
    plain = ArrayBlocks(Rows(X), 1)
    labelled = ArrayBlocks(Rows(X, label=some_known(len(X), k)), 1)
    cases = {
        "plain": (mixture, plain),
        "noise": (noisy, plain),
        "labels": (mixture, labelled),
        "t": (replace(mixture, **heavy), plain),
        "all three": (replace(noisy, **heavy), labelled),
    }
    return ratios(
        {
            name: lambda own=own, blocks=blocks: blocks.accumulate(own)
            for name, (own, blocks) in cases.items()
        }
    )


def of_fits(mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    start = {
        "n_components": len(mixture.weights),
        "covariance_type": mixture.covariance_type,
        "weights_init": mixture.weights,
        "means_init": mixture.means,
        "covariances_init": mixture.covariances,
        "init_params": "random",
        "accelerate": False,
        "random_state": 0,
        "tol": 0.0,
        "max_iter": 30,
        "n_jobs": 1,
    }
    cases = {
        "plain": {},
        "prior": {"prior": "default"},
        "fixed means": {"fixed": {"means": True}},
        "equal weights": {"equal_weights": True},
    }
    return ratios(
        {
            name: lambda own=own: GaussianMixture(**start, **own).fit(X)
            for name, own in cases.items()
        }
    )


def iterations(mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    """Milliseconds of whole ones."""
    k, d = mixture.means.shape
    noise = Noise(0.05, -3.0 * d)
    prior = Prior(
        mean=X.mean(axis=0),
        mean_count=0.01,
        degrees_of_freedom=d + 2,
        scatter=mixture.covariances[0],
    )
    plain = ArrayBlocks(Rows(X), 1)
    labelled = ArrayBlocks(Rows(X, label=some_known(len(X), k)), 1)
    cases = {
        "plain": (plain, mixture, GAUSSIAN),
        "noise": (
            plain,
            replace(mixture, weights=0.95 * mixture.weights, noise=noise),
            Kind(noise_log_density=noise.log_density),
        ),
        "labels": (labelled, mixture, GAUSSIAN),
        "t": (plain, replace(mixture, df=np.full(k, 8.0)), Kind(Tails())),
        "prior": (plain, mixture, Kind(known=Knowledge(prior))),
    }
    jobs = {}
    for name, (blocks, before, kind) in cases.items():
        m_step = MaximumLikelihood(mixture.structure, np.zeros(d), kind)
        jobs[name] = partial(iterate, m_step, blocks, before)
    return quickest(jobs)


def iterate(m_step: MaximumLikelihood, blocks: ArrayBlocks, before: Mixture) -> Mixture:
    return m_step.maximise(blocks.accumulate(before), before=before)


def iterations_of_peer(python: Path, mixture: Mixture, X: np.ndarray) -> dict[str, float]:
    problem = {
        "X": X,
        "weights": mixture.weights,
        "means": mixture.means,
        "covariances": mixture.covariances,
        "labels": some_known(len(X), len(mixture.weights)),
        "structure": mixture.covariance_type,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        np.savez(path, **problem)
        done = subprocess.run([python, PEER, path], stdout=subprocess.PIPE, text=True, check=True)
    return {name: 1e3 * seconds for name, seconds in json.loads(done.stdout).items()}


def show_beside_tgmm(names: str) -> None:
    try:
        python = make("tgmm")
    except NotInstallable as why:
        print(f"tgmm is not there: {why}")
        return
    kinds = ("plain", "noise", "labels", "t", "prior")
    print(table(["shape", "library", *kinds], []), flush=True)
    for name in names:
        _, n_features, k, kind = SHAPES[name]
        mixture, X = problem(N_ROWS_OF_PEER, n_features, k, kind)
        what = f"{name}: {N_ROWS_OF_PEER:,} x {n_features}, K = {k}, {kind}"
        found = {"tgmm": iterations_of_peer(python, mixture, X), "mixtura": iterations(mixture, X)}
        for library, times in found.items():
            cells = [
                f"{times[one]:.3g} ({times[one] / times['plain']:.2f})" if one in times else "-"
                for one in kinds
            ]
            print(f"| {what} | {library} | {' | '.join(cells)} |", flush=True)


def show(measured: Callable[[Mixture, np.ndarray], dict[str, float]], names: str) -> None:
    head = False
    for name in names:
        shape = SHAPES[name]
        mixture, X = problem(*shape)
        for dtype in (np.float64, np.float32):
            found = measured(mixture, X.astype(dtype))
            if not head:
                print(
                    f"| shape | {' | '.join(list(found)[1:])} |\n|---|{'---|' * (len(found) - 1)}"
                )
                head = True
            cells = " | ".join(f"{ratio:.2f}" for ratio in list(found.values())[1:])
            n_rows, n_features, k, kind = shape
            what = f"{name}: {n_rows:,} x {n_features}, K = {k}, {kind}, {np.dtype(dtype)}"
            print(f"| {what} | {cells} |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("e_steps", "fits", "tgmm"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.only in (None, "e_steps"):
        show(of_e_steps, "BCDHI")
    if asked.only in (None, "fits"):
        show(of_fits, "BC")
    if asked.only in (None, "tgmm"):
        show_beside_tgmm("BCHI")


if __name__ == "__main__":
    main()
