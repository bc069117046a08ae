"""Errors of ONNX graphs in float32 at distances from the origin, beside skl2onnx's of the same parameters.

    python benchmarks/export/float32.py

20,000 rows of five Gaussian components in four features, about 4 deviations apart, moved away from the origin
and rounded to float32. The truth is the log density, in float64, of the rows as they then are. A label is
wrong where another component is likeliest by more than 1e-3 nats. Both graphs run in onnxruntime.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import skl2onnx
from sklearn.mixture import GaussianMixture

from mixtura import Mixture
from mixtura.export import to_onnx

N, D, K, MARGIN = 20_000, 4, 5, 1e-3
OFFSETS = (0.0, 1e2, 1e3, 1e4)


def problem(name, offset):
    """A mixture far away, and rows of it in float32."""
    rng = np.random.default_rng(0)
    means = offset + 4 * rng.normal(size=(K, D))
    factors = np.eye(D) + 0.3 * rng.normal(size=(K, D, D))
    matrices = factors @ factors.transpose(0, 2, 1)
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": np.einsum("kii->ki", matrices),
        "spherical": np.einsum("kii->k", matrices) / D,
    }[name]
    weights = rng.dirichlet(np.full(K, 5.0))
    mixture = Mixture.from_parameters(weights, means, covariances, covariance_type=name)
    return mixture, mixture.sample(N, 1)[0].astype(np.float32)


def as_theirs(mixture):
    """scikit-learn's class with the same parameters."""
    other = GaussianMixture(mixture.n_components, covariance_type=mixture.covariance_type)
    other.weights_, other.means_, other.covariances_, other.precisions_cholesky_ = (
        mixture.as_tuple()
    )
    other.n_features_in_ = mixture.n_features
    return other


def run(graph, rows, density):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    label, density = session.run(["label", density], {"X": rows})
    return label.ravel(), density.ravel()


def errors(found, mixture, rows):
    """Wrong labels, and the largest error of the log density."""
    exactly = rows.astype(np.float64)
    joint = np.sort(mixture.log_joint(exactly), axis=1)
    clear = joint[:, -1] - joint[:, -2] > MARGIN
    wrong = (found[0] != mixture.labels(exactly)) & clear
    return int(wrong.sum()), float(np.abs(found[1] - mixture.log_density(exactly)).max())


def main() -> None:
    print(
        "| covariances | deviations from the origin | skl2onnx: wrong labels | largest error, nats |"
        " to_onnx: wrong labels | largest error, nats |"
    )
    print("|---|---|---|---|---|---|")
    for name in ("full", "tied", "diag", "spherical"):
        for offset in OFFSETS:
            mixture, rows = problem(name, offset)
            asked = {GaussianMixture: {"score_samples": True}}
            theirs = skl2onnx.to_onnx(as_theirs(mixture), rows[:1], options=asked)
            cells = []
            for graph, density in ((theirs, "score_samples"), (to_onnx(mixture), "log_density")):
                wrong, most = errors(run(graph, rows, density), mixture, rows)
                cells += [f"{wrong:,}", f"{most:.1e}"]
            print(f"| {name} | {offset:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
