"""The slow, obvious way in NumPy and SciPy: what every kernel and structure is compared with.

Straight from the equations (Bishop 2006, eqs. 9.23 to 9.28), with whole n x K and n x d arrays and
scipy's own densities. Written to be read, and to share nothing with what it checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mixtura.mixture import Mixture

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class OracleStatistics:
    """The sums of `SufficientStatistics`, by the equations."""

    weight: float
    log_likelihood: float
    log_certainty: float
    counts: Array
    firsts: Array
    seconds: Array


def log_joint(mixture: Mixture, X: Array) -> Array:
    """log(w_k N(x_i | mu_k, Sigma_k)): (n_rows, n_components)."""
    columns = []
    for weight, mean, covariance in zip(
        mixture.weights, mixture.means, mixture.covariance_matrices(), strict=True
    ):
        with np.errstate(divide="ignore"):
            log_weight = np.log(weight)
        columns.append(log_weight + multivariate_normal(mean, covariance).logpdf(X).reshape(len(X)))
    return np.stack(columns, axis=1)


def log_density(mixture: Mixture, X: Array) -> Array:
    """Log p(x_i)."""
    return np.asarray(logsumexp(log_joint(mixture, X), axis=1))


def responsibilities(mixture: Mixture, X: Array) -> Array:
    """r_ik = w_k N(x_i | k) / p(x_i)."""
    joint = log_joint(mixture, X)
    return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))


def statistics(mixture: Mixture, X: Array, sample_weight: Array | None = None) -> OracleStatistics:
    """Sums over the rows, about the mixture's means."""
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    r = responsibilities(mixture, X)
    wr = w[:, np.newaxis] * r
    differences = X[:, np.newaxis, :] - mixture.means
    with np.errstate(divide="ignore"):
        certainty = np.log(r.max(axis=1))
    return OracleStatistics(
        weight=float(w.sum()),
        log_likelihood=float(w @ log_density(mixture, X)),
        log_certainty=float(w @ certainty),
        counts=wr.sum(axis=0),
        firsts=np.einsum("nk,nkd->kd", wr, differences),
        seconds=_seconds(mixture.covariance_type, wr, differences),
    )


def _seconds(covariance_type: str, wr: Array, differences: Array) -> Array:
    subscripts = {
        "full": "nk,nki,nkj->kij",
        "tied": "nk,nki,nkj->ij",
        "diag": "nk,nki,nki->ki",
        "spherical": "nk,nki,nki->k",
    }
    return np.asarray(np.einsum(subscripts[covariance_type], wr, differences, differences))


def maximise(
    mixture: Mixture, X: Array, reg_covar: float = 0.0, sample_weight: Array | None = None
) -> tuple[Array, Array, Array]:
    """Weights, means and covariances of the next mixture, by weighted averages about the new means."""
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    wr = w[:, np.newaxis] * responsibilities(mixture, X)
    counts = wr.sum(axis=0)
    means = (wr.T @ X) / counts[:, np.newaxis]
    scatter = _seconds(mixture.covariance_type, wr, X[:, np.newaxis, :] - means)
    d = X.shape[1]
    covariances = {
        "full": lambda: scatter / counts[:, np.newaxis, np.newaxis] + reg_covar * np.eye(d),
        "tied": lambda: scatter / counts.sum() + reg_covar * np.eye(d),
        "diag": lambda: scatter / counts[:, np.newaxis] + reg_covar,
        "spherical": lambda: scatter / (d * counts) + reg_covar,
    }[mixture.covariance_type]()
    return counts / counts.sum(), means, covariances
