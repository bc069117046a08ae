"""What a bootstrap costs, beside mclust's: ratios of paired runs of as many replicates.

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


def our_seconds(model: GaussianMixture, X: np.ndarray, kind: str, n: int) -> float:
    """CPU time of the errors, made ten times: it is short."""
    began = time.process_time()
    for _ in range(10):
        model.standard_errors(X, kind=kind, n_replicates=n)
    return (time.process_time() - began) / 10


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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
