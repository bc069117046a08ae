"""Random mixtures and rows drawn near them, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.covariance import structure
from mixtura.mixture import Mixture

Array = np.ndarray[Any, np.dtype[np.float64]]


def random_mixture(
    n_components: int, n_features: int, covariance_type: str, rng: np.random.Generator
) -> Mixture:
    """Overlapping components with well-conditioned covariances of various sizes and directions."""
    weights = rng.dirichlet(np.full(n_components, 5.0))
    means = 2.0 * rng.standard_normal((n_components, n_features))
    shape = structure(covariance_type).shape(n_components, n_features)
    if shape[-2:] == (n_features, n_features) and covariance_type in ("full", "tied"):
        factor = rng.standard_normal((*shape[:-1], n_features + 3))
        covariances = factor @ np.swapaxes(factor, -1, -2) / n_features
    else:
        covariances = rng.uniform(0.3, 3.0, shape)
    return Mixture.from_parameters(weights, means, covariances, covariance_type=covariance_type)


def random_rows(mixture: Mixture, n_rows: int, rng: np.random.Generator) -> Array:
    """Rows of the mixture in random order, some of them well away from it."""
    X, _ = mixture.sample(n_rows, rng)
    far = rng.random(n_rows) < 0.05
    X[far] += 6.0 * rng.standard_normal((int(far.sum()), mixture.n_features))
    return np.asarray(X, dtype=np.float64)
