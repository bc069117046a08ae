"""Whether covariances have equal volumes, shapes or orientations: what a family asks of its members."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import interruptible, log_determinants

# Relative; parameters may come from a float32 array or a printed page.
_TOLERANCE = 1e-5

# What rounding makes of equal determinants and eigenvalues, in units of d eps times the condition number: at
# most 1 was seen on degenerate fits of all families.
_ROUNDINGS = 4.0


def differing(matrices: FloatArray, volume: str, shape: str, orientation: str) -> str:
    """What positive definite matrices should have equal and have not, in words; '' for a family."""
    most = _tolerance(matrices)
    if most >= 1.0:  # no digit of their least eigenvalues is certain
        return ""
    volumes = np.exp(interruptible(log_determinants, matrices) / matrices.shape[-1])[:, np.newaxis]
    if volume == "E" and not _equal(volumes, most):
        return "equal volumes (determinants)"
    alike = matrices / volumes[..., np.newaxis]
    if shape == "E" and orientation != "V" and not _equal_matrices(alike, most):
        return "equal shapes and orientations (matrices up to a factor)"
    if shape == "E" and orientation == "V" and not _equal(_eigenvalues(matrices) / volumes, most):
        return "equal shapes (eigenvalues up to a factor)"
    if shape == "V" and orientation == "E" and not _have_common_axes(matrices, most):
        return "one orientation (common eigenvectors)"
    return ""


def differing_variances(variances: FloatArray, volume: str, shape: str) -> str:
    """The same for diagonal matrices, of which only the diagonals are given."""
    volumes = np.exp(np.log(variances).mean(axis=1, keepdims=True))
    if volume == "E" and not _equal(volumes, _TOLERANCE):
        return "equal volumes (determinants)"
    if shape == "E" and not _equal(variances / volumes, _TOLERANCE):
        return "equal shapes (variances up to a factor)"
    return ""


def eigen(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues, descending, and eigenvectors as rows; the small ones keep their digits in any units."""
    matrix = np.array(matrix, dtype=np.float64, order="C")
    values, vectors = np.empty(len(matrix)), np.empty_like(matrix)
    _core.eigen(matrix, values, vectors)
    return values, vectors


def _eigenvalues(matrices: FloatArray) -> FloatArray:
    return np.stack([eigen(matrix)[0] for matrix in matrices])


def _tolerance(matrices: FloatArray) -> float:
    """Relative difference that may be rounding: small eigenvalues keep eps times the condition number."""
    spreads = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))[..., np.newaxis]
    values = interruptible(np.linalg.eigvalsh, matrices / spreads / spreads.transpose(0, 2, 1))
    if values.min() <= 0:
        return np.inf
    condition = float((values[:, -1] / values[:, 0]).max())
    return _TOLERANCE + _ROUNDINGS * len(values[0]) * float(np.finfo(np.float64).eps) * condition


def _equal(rows: FloatArray, most: float) -> bool:
    return bool(np.all(np.abs(rows / rows[0] - 1.0) <= most))


def _equal_matrices(matrices: FloatArray, most: float) -> bool:
    spreads = np.sqrt(np.diagonal(matrices[0]))
    difference = np.abs(matrices - matrices[0]) / np.outer(spreads, spreads)
    return bool(np.all(difference <= most))


def common_axes(matrices: FloatArray) -> FloatArray:
    """The eigenvectors, as rows, that positive definite matrices have in common, where they have."""
    # Mixed in uneven proportions: equal eigenvalues of an even mixture would hide its axes.
    proportions = 1.0 + np.modf(0.6180339887498949 * np.arange(len(matrices)))[0]
    traces = np.trace(matrices, axis1=1, axis2=2)
    return eigen(np.einsum("k,kij->ij", proportions / traces, matrices))[1]


def _have_common_axes(matrices: FloatArray, most: float) -> bool:
    axes = common_axes(matrices)
    turned = axes @ matrices @ axes.T
    spreads = np.sqrt(np.diagonal(turned, axis1=1, axis2=2))
    correlations = turned / (spreads[:, :, np.newaxis] * spreads[:, np.newaxis, :])
    return bool(np.all(np.abs(correlations - np.eye(len(axes))) <= most))
