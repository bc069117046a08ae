"""What an iteration over rows with error covariances of their own takes (extreme deconvolution)."""

from __future__ import annotations

from statistics import median

import numpy as np

from harness.rounds import interleave
from harness.text import digits, table
from missing import peers
from missing.iterations import problem

N_ROWS, N_FEATURES, K = 20_000, 4, 10
ROUNDS, SECONDS = 9, 15.0


def measured() -> str:
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
    tasks, left_out = {}, []
    for name, make in makers.items():
        try:
            make()
            tasks[name] = make()
            tasks[name]()
        except Exception as error:
            left_out.append([name, type(error).__name__, "", ""])
            tasks.pop(name, None)
    found = interleave(tasks, ROUNDS, SECONDS)
    ours = found["mixtura"]
    rows = []
    for name, of_it in found.items():
        ratio = median(b[0] / a[0] for a, b in zip(ours, of_it, strict=False))
        rows.append(
            [
                name,
                digits(1e6 * median(seconds for seconds, _ in of_it) / N_ROWS),
                digits(ratio),
                f"{peers.difference(ours[0][1], of_it[0][1]):.0e}",
            ]
        )
    head = ["library", "µs a row", "× mixtura", "parameters differ by"]
    title = f"{N_ROWS:,} × {N_FEATURES}, K = {K}, a full covariance a row"
    return f"{title}\n\n{table(head, [*rows, *left_out])}"
