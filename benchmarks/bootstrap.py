"""What a bootstrap costs, beside mclust's and of other fits than plain ones: ratios of paired runs.

python benchmarks/bootstrap.py         # the comparison needs R with mclust (apt install r-cran-mclust)

Old Faithful, two components of full covariances. CPU time of one thread; ours and theirs in turn, and the
median of the ratios, so that a machine that others use too shows nearly the same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import numpy as np

from mixtura import GaussianMixture
from mixtura.datasets import load_faithful

KINDS = {"bootstrap": "bs", "weighted bootstrap": "wlbs", "jackknife": "jk"}
THEIRS = """
suppressMessages(library(mclust))
model <- Mclust(faithful, G = 2, modelNames = "VVV", verbose = FALSE)
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
    asked <- strsplit(line, " ")[[1]]
    before <- proc.time()
    MclustBootstrap(model, nboot = as.integer(asked[2]), type = asked[1], verbose = FALSE)
    taken <- proc.time() - before
    cat(taken[1] + taken[2], "\\n")
    flush(stdout())
}
"""


def our_seconds(
    model: GaussianMixture, X: np.ndarray, kind: str, n: int, **brought: np.ndarray
) -> float:
    """CPU time of the errors, made ten times: it is short."""
    began = time.process_time()
    for _ in range(10):
        model.standard_errors(X, kind=kind, n_replicates=n, **brought)
    return (time.process_time() - began) / 10


def of_other_fits(X: np.ndarray, n: int, n_pairs: int = 9) -> None:
    """A bootstrap of fits that have or are given more, beside that of a plain one."""
    rng = np.random.default_rng(0)
    some = np.where(np.arange(len(X)) < 20, X[:, 0] > 3, -1)
    fits = {
        "noise": ({"noise": True}, X, {}),
        "prior='default'": ({"prior": "default"}, X, {}),
        "labels": ({}, X, {"labels": some}),
        "gaps": ({"missing": "mar"}, np.where(rng.random(X.shape) < 0.1, np.nan, X), {}),
        "errors": ({}, X, {"error_std": np.broadcast_to([0.05, 1.0], X.shape)}),
    }
    plain = GaussianMixture(2, random_state=0, n_jobs=1).fit(X)
    for name, (arguments, rows, brought) in fits.items():
        model = GaussianMixture(2, random_state=0, n_jobs=1, **arguments).fit(rows, **brought)
        ratios = [
            our_seconds(model, rows, "bootstrap", n, **brought)
            / our_seconds(plain, X, "bootstrap", n)
            for _ in range(n_pairs)
        ]
        print(f"{name}: {np.median(ratios):.1f} times a plain replicate", flush=True)


class Theirs:
    """An R process that answers how long mclust took."""

    def __init__(self) -> None:
        """Start it."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            ["Rscript", "-e", THEIRS], stdin=pipe, stdout=pipe, text=True
        )

    def seconds(self, kind: str, n: int) -> float:
        """Of one bootstrap."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{KINDS[kind]} {n}\n")
        stdin.flush()
        return float(stdout.readline())


def main(n: int) -> None:
    X = load_faithful().data
    model = GaussianMixture(2, random_state=0, n_jobs=1).fit(X)
    theirs = Theirs() if shutil.which("Rscript") else None
    for kind, n_pairs in (("bootstrap", 15), ("weighted bootstrap", 3), ("jackknife", 15)):
        pairs = [
            (our_seconds(model, X, kind, n), theirs.seconds(kind, n) if theirs else np.nan)
            for _ in range(n_pairs)
        ]
        ours, ratios = [a for a, _ in pairs], [b / a for a, b in pairs]
        of = len(X) if kind == "jackknife" else n
        print(
            f"{kind}: {1e6 * np.median(ours) / of:.0f} microseconds a fit; mclust takes "
            f"{np.median(ratios):.1f} times as long ({min(ratios):.1f} to {max(ratios):.1f} in "
            f"{n_pairs} pairs)",
            flush=True,
        )
    of_other_fits(X, n)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
