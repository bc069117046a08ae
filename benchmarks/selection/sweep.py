"""Time and quality of the sweep of 14 structures and K = 1..9 beside mclust and a scikit-learn loop.

    python benchmarks/selection/sweep.py [--repeat 5] [--only iris]

mclust runs in turn where Rscript has it; else its recorded times stand there: 0.72, 0.64 and 0.39 s on two
quiet cores. Of scikit-learn four structures are timed with n_init=10, which is what it takes to come near
the same optima.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import sklearn.mixture
from sklearn.datasets import load_iris

from mixtura import GaussianMixtureSearch
from mixtura.datasets import load_faithful

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
RECORDED = {"iris": 0.72, "faithful": 0.64, "diabetes": 0.39}
SKLEARN = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
R = (
    "suppressMessages(library(mclust)); x <- as.matrix(read.csv('{}')); "
    "t <- system.time(mclustBIC(x, G=1:9, verbose=FALSE)); cat(t[['elapsed']])"
)


def data() -> dict[str, np.ndarray]:
    diabetes = np.loadtxt(DATA / "diabetes.csv", delimiter=",", skiprows=1)
    return {"iris": load_iris().data, "faithful": load_faithful().data, "diabetes": diabetes}


def mclust_bic(name: str) -> dict[tuple[int, str], float]:
    with (DATA / "mclust_bic.csv").open() as file:
        return {
            (int(row["G"]), row["model"]): float(row["bic"])
            for row in csv.DictReader(file)
            if row["data"] == name and row["bic"] != "NA"
        }


def seconds_of_mclust(name: str, X: np.ndarray) -> tuple[float, str]:
    if shutil.which("Rscript") is None:
        return RECORDED[name], "recorded"
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        header = ",".join(f"x{j}" for j in range(X.shape[1]))
        np.savetxt(file.name, X, delimiter=",", header=header, comments="")
        done = subprocess.run(
            ["Rscript", "-e", R.format(file.name)], capture_output=True, text=True, check=False
        )
    return (float(done.stdout), "here") if done.returncode == 0 else (RECORDED[name], "recorded")


def ours(X: np.ndarray) -> tuple[float, GaussianMixtureSearch]:
    began = perf_counter()
    search = GaussianMixtureSearch(random_state=0, sign="mclust").fit(X)
    return perf_counter() - began, search


def sklearn_loop(X: np.ndarray) -> tuple[float, dict[tuple[int, str], float]]:
    began = perf_counter()
    found = {}
    for theirs, name in SKLEARN.items():
        for k in range(1, 10):
            model = sklearn.mixture.GaussianMixture(
                k, covariance_type=theirs, n_init=10, random_state=0, tol=1e-6, max_iter=1000
            )
            found[k, name] = -model.fit(X).bic(X)
    return perf_counter() - began, found


def beside(search: GaussianMixtureSearch, others: dict[tuple[int, str], float]) -> str:
    keys = zip(search.results_["n_components"], search.results_["covariance_type"], strict=True)
    able = search.results_["failure"] == ""
    ours = {
        (int(k), name): bic if ok else -np.inf
        for (k, name), bic, ok in zip(keys, search.results_["bic"], able, strict=True)
    }
    better = sum(ours[key] > bic + 1e-3 for key, bic in others.items())
    worse = [f"{name},{k}" for (k, name), bic in others.items() if ours[k, name] < bic - 1e-3]
    return f"{better} of {len(others)} cells better, {len(worse)} worse {worse or ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(RECORDED), default=list(RECORDED))
    asked = parser.parse_args()
    repeat = asked.repeat
    warnings.simplefilter("ignore")
    for name, X in data().items():
        if name not in asked.only:
            continue
        times, search = [], None
        for _ in range(repeat):
            seconds, search = ours(X)
            times.append(seconds)
        assert search is not None
        theirs, how = seconds_of_mclust(name, X)
        loop, found = sklearn_loop(X)
        per_fit = (median(times) / 126) / (loop / 36)
        print(
            f"{name}: {median(times):.2f} s (least {min(times):.2f}), mclust {theirs:.2f} s ({how})"
        )
        print(f"  beside mclust: {beside(search, mclust_bic(name))}")
        print(
            f"  scikit-learn, 4 structures: {loop:.2f} s; a fit here takes 1/{1 / per_fit:.0f} of one there"
        )
        print(f"  beside scikit-learn: {beside(search, found)}", flush=True)


if __name__ == "__main__":
    main()
