"""Random mixtures and rows drawn near them, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.covariance import structure
from mixtura.em import MaximumLikelihood, MStep, SufficientStatistics
from mixtura.mixture import Mixture
from mixtura.rows.value import Rows
from mixtura.testing import oracle

Array = np.ndarray[Any, np.dtype[np.float64]]


def random_mixture(
    n_components: int, n_features: int, covariance_type: str, rng: np.random.Generator
) -> Mixture:
    """Overlapping components with well-conditioned covariances of various sizes and directions."""
    weights = rng.dirichlet(np.full(n_components, 5.0))
    means = 2.0 * rng.standard_normal((n_components, n_features))
    kind = structure(covariance_type)
    if kind.letters in ("VVV", "EEE"):
        shape = kind.shape(n_components, n_features)
        factor = rng.standard_normal((*shape[:-1], n_features + 3))
        covariances = factor @ np.swapaxes(factor, -1, -2) / n_features
    elif kind.letters in ("VVI", "VII"):
        covariances = rng.uniform(0.3, 3.0, kind.shape(n_components, n_features))
    else:
        members = random_matrices(kind.letters, n_components, n_features, rng)
        covariances = oracle.stored(kind, members)
    return Mixture.from_parameters(weights, means, covariances, covariance_type=covariance_type)


def random_matrices(
    letters: str, n_components: int, n_features: int, rng: np.random.Generator
) -> Array:
    """Covariances lambda_k D_k A_k D_k^T of a family: (n_components, n_features, n_features)."""
    shape = (n_components, n_features, n_features)
    volumes = rng.uniform(0.5, 2.0, n_components)
    shapes = rng.uniform(0.3, 3.0, shape[:2])
    axes = np.linalg.qr(rng.standard_normal(shape))[0]
    volume, shape_letter, orientation = tuple(letters)
    if volume == "E":
        volumes[:] = volumes[0]
    if shape_letter != "V":
        shapes[:] = shapes[0] if shape_letter == "E" else 1.0
    if orientation != "V":
        axes[:] = axes[0] if orientation == "E" else np.eye(n_features)
    shapes /= np.exp(np.log(shapes).mean(axis=1, keepdims=True))
    matrices = np.einsum("k,kil,kl,kjl->kij", volumes, axes, shapes, axes)
    return np.asarray((matrices + np.swapaxes(matrices, 1, 2)) / 2)


def random_rows(mixture: Mixture, n_rows: int, rng: np.random.Generator) -> Array:
    """Rows of the mixture in random order, some of them well away from it."""
    X, _ = mixture.sample(n_rows, rng)
    far = rng.random(n_rows) < 0.05
    X[far] += 6.0 * rng.standard_normal((int(far.sum()), mixture.n_features))
    return np.asarray(X, dtype=np.float64)


def likeliest(mixture: Mixture, reg_covar: Any = 0.0) -> MStep:
    """Return the M-step of maximum likelihood for such mixtures; reg_covar: one number, or one a feature."""
    added = np.broadcast_to(np.asarray(reg_covar, dtype=np.float64), (mixture.n_features,))
    return MaximumLikelihood(mixture.structure, np.ascontiguousarray(added))


def maximised(
    statistics: SufficientStatistics, reg_covar: Any = 0.0, before: Mixture | None = None
) -> Mixture:
    """Return the likeliest mixture for these sums."""
    added = np.broadcast_to(np.asarray(reg_covar, dtype=np.float64), statistics.centres.shape[1:])
    step = MaximumLikelihood(statistics.structure, np.ascontiguousarray(added))
    return step.maximise(statistics, before=before)


def rows_that_bring_all(n_rows: int, weights: Array | None = None) -> Rows:
    """Rows of three features with every field of `Rows`, each of whose values tells its row."""
    number = np.arange(n_rows)
    X = np.stack([number, number % 7, -number], axis=1).astype(np.float64)
    return Rows(
        X,
        weights,
        label=number,
        log_credible=np.stack([-number, 0 * number], axis=1),
        error=np.stack([number, 2 * number, 3 * number], axis=1),
    )


def all_go_together(rows: Rows) -> bool:
    """Whether such rows, after whatever was done to them, still have what each of them brought."""
    assert rows.label is not None
    expected = rows_that_bring_all(1 + int(rows.label.max(initial=0)))[rows.label]
    return all(
        np.array_equal(values, rows.values[name]) for name, values in expected.values.items()
    )
