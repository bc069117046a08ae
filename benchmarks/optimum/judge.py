"""What a fit is worth: its log-likelihood a row, and whether a component of it is degenerate."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from mixtura import Mixture

# Least variance of a component in any direction, beside that of all rows in the same direction.
FLAT = 1e-8

# The same for a component of hardly more rows than its covariance needs, beside the components' average.
SPIKE = 1e-3


def mixture_of(model) -> Mixture:
    """The mixture of any fitted object with scikit-learn's attributes."""
    return Mixture.from_parameters(
        np.asarray(model.weights_, dtype=float) / np.sum(model.weights_),
        model.means_,
        model.covariances_,
        covariance_type=model.covariance_type,
    )


def log_likelihood(mixture: Mixture, X: np.ndarray) -> float:
    return float(mixture.log_density(X, n_jobs=1).mean())


def degenerate(mixture: Mixture, X: np.ndarray) -> str:
    """Why the mixture is degenerate, or ''.

    Too few effective rows for the component's own covariance, or next to no variance in some direction.
    """
    effective = mixture.responsibilities(X, n_jobs=1).sum(axis=0)
    needed = mixture.n_features + 1 if mixture.covariance_type == "full" else 2
    if effective.min() < needed:
        return f"component {effective.argmin()} holds {effective.min():.1f} rows"
    for k, covariance in enumerate(mixture.covariance_matrices()):
        least = least_share(covariance, np.cov(X.T).reshape(covariance.shape), mixture)
        if least < FLAT:
            return f"component {k} is flat: {least:.1e} of the total variance in one direction"
        if effective[k] < 2 * needed and is_spike(mixture, k):
            return f"component {k} is a spike of {effective[k]:.1f} rows"
    return ""


def is_spike(mixture: Mixture, k: int) -> bool:
    """Whether a component of few rows is far thinner somewhere than components are on average."""
    covariances = mixture.covariance_matrices()
    within = np.tensordot(mixture.weights, covariances, axes=1)
    return bool(eigh(covariances[k], within, eigvals_only=True)[0] < SPIKE)


def least_share(covariance: np.ndarray, total: np.ndarray, mixture: Mixture) -> float:
    """Least variance of a component beside that of all rows, over all directions that it can turn to."""
    if mixture.covariance_type not in ("full", "tied"):
        return float((np.diag(covariance) / np.diag(total)).min())
    scale = np.outer(np.diag(total), np.diag(total)) ** -0.5
    return float(eigh(covariance * scale, total * scale, eigvals_only=True)[0])
