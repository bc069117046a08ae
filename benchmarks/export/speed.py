"""Time of a row in onnxruntime beside the core's, as paired ratios.

    python benchmarks/export/speed.py

Responsibilities of rows by a graph of `to_onnx`, against the core's and against the graph that skl2onnx makes
of scikit-learn's class with the same parameters: one thread each, CPU time, in turn; the median over rounds
of the ratio of each round, and the quarter and three quarters of them. Above 1 the other one is faster.
"""

from __future__ import annotations

import time

import numpy as np
import onnxruntime
import skl2onnx

from float32 import as_theirs
from mixtura.export import to_onnx
from mixtura.testing.problems import random_mixture, random_rows

#: Structure, rows, features, components.
PROBLEMS = (
    ("full", 10_000, 4, 5),
    ("full", 10_000, 16, 10),
    ("tied", 10_000, 16, 10),
    ("diag", 10_000, 16, 10),
    ("spherical", 10_000, 16, 10),
    ("full", 1, 4, 5),
)
ROUNDS = 31


def session_of(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


def seconds(function, repeats):
    begin = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - begin) / repeats


def ratios(one, other, repeats):
    """Quartiles of those of each round."""
    one(), other()
    found = [seconds(one, repeats) / seconds(other, repeats) for _ in range(ROUNDS)]
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def cells(mixture, rows):
    """Beside the core, and beside skl2onnx."""
    graph = to_onnx(mixture, dtype=rows.dtype, outputs=["probabilities"])
    ours, given = session_of(graph), {"X": rows}
    theirs = session_of(skl2onnx.to_onnx(as_theirs(mixture), rows[:1]))
    repeats = max(1, 1000 // len(rows))

    def run():
        return ours.run(None, given)

    yield ratios(run, lambda: mixture.responsibilities(rows, n_jobs=1), repeats)
    yield ratios(run, lambda: theirs.run(["probabilities"], given), repeats)


def main() -> None:
    print(
        "| covariances | rows x features, components | rows in | beside the core | beside skl2onnx |"
    )
    print("|---|---|---|---|---|")
    for name, n_rows, n_features, n_components in PROBLEMS:
        rng = np.random.default_rng(0)
        mixture = random_mixture(n_components, n_features, name, rng)
        for dtype in ("float32", "float64"):
            rows = random_rows(mixture, n_rows, rng).astype(dtype)
            shape = f"{n_rows:,} x {n_features}, {n_components}"
            print(
                f"| {name} | {shape} | {dtype} | {' | '.join(cells(mixture, rows))} |", flush=True
            )


if __name__ == "__main__":
    main()
