"""How often the search names the structure and the number of components that data were drawn from.

    python benchmarks/selection/recovery.py [--repeat 5] [--only EEE VVV]

From each of the 14 structures: K = 2..4 components, 2..6 features, 500..5,000 rows, components a few
standard deviations apart.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from mixtura import GaussianMixtureSearch, Mixture
from mixtura.sweep.grid import ALL


def drawn(letters: str, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Rows from a random mixture of a structure, and its number of components."""
    k, d = int(rng.integers(2, 5)), int(rng.integers(2, 7))
    volumes = np.exp(rng.normal(scale=0.7, size=k)) if letters[0] == "V" else np.ones(k)
    shapes = np.exp(rng.normal(scale=1.0, size=(k, d)))
    shapes = np.sort(shapes / np.exp(np.log(shapes).mean(axis=1, keepdims=True)), axis=1)
    if letters[2] == "I":
        shapes = rng.permuted(shapes, axis=1)
    if letters[1] != "V":
        shapes[:] = 1.0 if letters[1] == "I" else shapes[0]
    axes = np.linalg.qr(rng.normal(size=(k, d, d)))[0]
    if letters[2] != "V":
        axes[:] = np.eye(d) if letters[2] == "I" else axes[0]
    covariances = np.einsum("k,kil,kl,kjl->kij", volumes, axes, shapes, axes)
    means = rng.normal(scale=4.0, size=(k, d))
    weights = rng.dirichlet(np.full(k, 8.0))
    mixture = Mixture.from_parameters(
        weights, means, (covariances + covariances.swapaxes(1, 2)) / 2
    )
    return mixture.sample(int(rng.integers(500, 5001)), rng)[0], k


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL)
    asked = parser.parse_args()
    repeat = asked.repeat
    warnings.simplefilter("ignore")
    print("| structure | both right | K right | named instead |\n|---|---|---|---|")
    for number, name in enumerate(ALL):
        if name not in asked.only:
            continue
        both, right_k, instead = 0, 0, []
        for i in range(repeat):
            X, k = drawn(name, np.random.default_rng((number, i)))
            best = GaussianMixtureSearch(range(1, 6), random_state=0).fit(X).best_params_
            right_k += best["n_components"] == k
            both += best == {"n_components": k, "covariance_type": name}
            if best["covariance_type"] != name:
                instead.append(best["covariance_type"])
        print(
            f"| {name} | {both} of {repeat} | {right_k} of {repeat} | {', '.join(instead)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
