"""What an iteration over rows with error covariances of their own takes (extreme deconvolution)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np

from harness.rounds import interleave
from harness.text import digits
from missing import peers
from missing.iterations import problem

N_ROWS, N_FEATURES, K = 20_000, 4, 10
ROUNDS, SECONDS = 9, 10.0

TITLE = f"{N_ROWS:,} × {N_FEATURES}, K = {K}, full, a full error covariance a row"
HEAD = ["library", "µs a row", "× mixtura", "parameters differ by"]


def measured() -> Iterator[list[str]]:
    X, start = problem(N_ROWS, N_FEATURES, K)
    rng = np.random.default_rng(2)
    factors = 0.5 * rng.standard_normal((N_ROWS, N_FEATURES, N_FEATURES))
    errors = factors @ factors.swapaxes(1, 2)
    errors = (errors + errors.swapaxes(1, 2)) / 2
    X = X + np.einsum("nij,nj->ni", factors, rng.standard_normal(X.shape))
    makers = {
        "mixtura": lambda: peers.mixtura(X, start, errors=errors),
        "NumPy": lambda: peers.numpy(X, errors, start),
        "pygmmis": lambda: peers.pygmmis(X, errors, start),
        "astroML": lambda: peers.astroml(X, errors, start),
    }
    tasks = {}
    for name, make in makers.items():
        try:
            tasks[name] = make()
            tasks[name]()
        except Exception as error:
            tasks.pop(name, None)
            yield [name, type(error).__name__, "", ""]
    found = interleave(tasks, ROUNDS, SECONDS)
    ours = found["mixtura"]
    for name, of_it in found.items():
        seconds = median(seconds for seconds, _ in of_it)
        ratio = median(b[0] / a[0] for a, b in zip(ours, of_it, strict=False))
        away = peers.difference(ours[0][1], of_it[0][1])
        yield [name, digits(1e6 * seconds / N_ROWS), digits(ratio), f"{away:.0e}"]
