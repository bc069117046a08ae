"""The log-likelihood that a peer's parameters reach, computed here and the same way for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_BLOCK_ROWS = 20_000


def mean_log_likelihood(rows: Path, parameters: Path, structure: str) -> float:
    """Mean log-density of all rows, in float64."""
    X = np.load(rows, mmap_mode="r")
    with np.load(parameters) as saved:
        weights, means, covariances = saved["weights"], saved["means"], saved["covariances"]
    whiten = _whitening(covariances, structure, len(means), X.shape[1])
    blocks = (X[i : i + _BLOCK_ROWS].astype(np.float64) for i in range(0, len(X), _BLOCK_ROWS))
    return sum(_log_likelihood(block, weights, means, whiten) for block in blocks) / len(X)


def _whitening(covariances: np.ndarray, structure: str, k: int, d: int) -> list[np.ndarray]:
    """One factor a component: a matrix F with FFᵀ the precision, or the diagonal of one."""
    if structure in ("full", "tied"):
        factors = np.linalg.inv(np.linalg.cholesky(covariances)).swapaxes(-1, -2)
        return list(np.broadcast_to(factors, (k, d, d)))
    deviations = np.sqrt(covariances.reshape(k, -1))
    return list(np.broadcast_to(1 / deviations, (k, d)))


def _log_likelihood(
    X: np.ndarray, weights: np.ndarray, means: np.ndarray, whiten: list[np.ndarray]
) -> float:
    terms = np.empty((len(X), len(means)))
    for k, (mean, factor) in enumerate(zip(means, whiten, strict=True)):
        difference = X - mean
        white = difference @ factor if factor.ndim == 2 else difference * factor
        log_determinant = np.log(factor if factor.ndim == 1 else np.diagonal(factor)).sum()
        constant = np.log(weights[k]) + log_determinant - 0.5 * X.shape[1] * np.log(2 * np.pi)
        terms[:, k] = constant - 0.5 * np.einsum("ij,ij->i", white, white)
    largest = terms.max(axis=1)
    return float((largest + np.log(np.exp(terms - largest[:, None]).sum(axis=1))).sum())
