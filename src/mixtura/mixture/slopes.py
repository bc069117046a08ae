"""How the log density rises: its gradient, its Hessian, and the modes where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mixtura.mixture.completing import one_component, square_distances
from mixtura.mixture.evaluation import arithmetic, log_density, responsibilities, write
from mixtura.support.arrays import Array, FloatArray, block_slices, result_dtype

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture

# Of the ascent to a mode: its steps shrink by a constant factor, and Newton's end it.
_MOST_STEPS = 2000
_LAST_STEPS = 20

# In spreads: a step after which an ascent is at its end, and the distance of modes that are one.
_NO_STEP = 1e-12
_ONE_MODE = 1e-4


class Modes(NamedTuple):
    """Maxima of a density, the highest first.

    Attributes
    ----------
    points : ndarray of shape (n_modes, n_features)
    log_density : ndarray of shape (n_modes,)
    of_component : ndarray of shape (n_components,), int64
        The mode to which the steepest way from each component's mean leads.
    """

    points: FloatArray
    log_density: FloatArray
    of_component: Array


def gradient(mixture: Mixture, X: Array, threads: int) -> Array:
    """Of the log density: sum_k r_k u_k inv(Sigma_k) (mu_k - x), with u = 1 of a Gaussian; noise apart."""
    mixture, dtype = mixture.without_noise(), result_dtype(X)
    found = np.empty(X.shape, arithmetic(mixture, dtype))
    write(mixture, X, found.dtype, threads, gradient=found)
    return found.astype(dtype, copy=False)


def hessian(mixture: Mixture, X: Array, threads: int) -> Array:
    """Of the log density, noise apart: how its gradient changes."""
    mixture, dtype = mixture.without_noise(), result_dtype(X)
    found = np.empty((*X.shape, X.shape[1]), arithmetic(mixture, dtype))
    write(mixture, X, found.dtype, threads, hessian=found)
    return found.astype(dtype, copy=False)


def modes(mixture: Mixture) -> Modes:
    """Modes that are reached from the means of the components."""
    mixture = mixture.without_noise()
    ends = np.stack([_ascended(mixture, mean) for mean in mixture.means])
    heights = log_density(mixture, ends, 1)
    spread = mixture.spreads.min(axis=0)
    found: list[int] = []
    of_component = np.empty(len(ends), dtype=np.int64)
    for k in np.argsort(-heights, kind="stable"):
        same = [
            i
            for i, m in enumerate(found)
            if np.all(np.abs(ends[k] - ends[m]) <= _ONE_MODE * spread)
        ]
        of_component[k] = same[0] if same else len(found)
        found += [] if same else [int(k)]
    return Modes(ends[found], heights[found], of_component)


def _ascended(mixture: Mixture, x: FloatArray) -> FloatArray:
    """The mode above a point, by steps to weighted means, each of which ascends (Carreira-Perpinan 2000).

    Where they end on a saddle, as between components that stand symmetrically, it is left along the
    direction in which the density rises.
    """
    precisions = _precision_matrices(mixture)
    for direction in (1.0, -1.0):
        x = _newton(mixture, _climbed(mixture, precisions, x))
        values, vectors = np.linalg.eigh(hessian(mixture, x[np.newaxis], 1)[0])
        if values[-1] <= 0:
            break
        x = x + direction * 1e-3 * vectors[:, -1] / np.sqrt(values[-1])
    return x


def _climbed(mixture: Mixture, precisions: FloatArray, x: FloatArray) -> FloatArray:
    scale = mixture.spreads.min(axis=0)
    for _ in range(_MOST_STEPS):
        at = x[np.newaxis]
        shares = responsibilities(mixture, at, 1)[0] * _tails(mixture, x)
        mean = np.einsum("k,kde->de", shares, precisions)
        step = np.linalg.solve(mean, gradient(mixture, at, 1)[0])
        x = x + step
        if np.all(np.abs(step) <= _NO_STEP * scale):
            break
    return x


def _newton(mixture: Mixture, x: FloatArray) -> FloatArray:
    """Newton's steps as long as the Hessian is that of a maximum, and each step is shorter than the last."""
    last = np.inf
    scale = mixture.spreads.min(axis=0)
    for _ in range(_LAST_STEPS):
        at = x[np.newaxis]
        matrix = hessian(mixture, at, 1)[0]
        if np.linalg.eigvalsh(matrix)[-1] >= 0:
            break
        step = -np.linalg.solve(matrix, gradient(mixture, at, 1)[0])
        length = float(np.abs(step / scale).max())
        if length >= last:
            break
        x, last = x + step, length
    return x


def _tails(mixture: Mixture, x: FloatArray) -> FloatArray:
    """Of t components at a point u = (df + d) / (df + squared distance); of Gaussian ones 1."""
    if mixture.df is None:
        return np.ones(mixture.n_components)
    squares = distances(mixture, x[np.newaxis])[0] ** 2
    return np.asarray((mixture.df + mixture.n_features) / (mixture.df + squares))


def distances(mixture: Mixture, X: Array) -> FloatArray:
    """Of rows from every component, in its spreads; of what was observed, where some is NaN."""
    if np.isnan(X).any():
        alone = (one_component(mixture, k, tails=False) for k in range(mixture.n_components))
        return np.sqrt(np.column_stack([square_distances(one, X, 1) for one in alone]))
    found = np.empty((len(X), mixture.n_components))
    for rows in block_slices(*X.shape):
        for k, (mean, factor) in enumerate(zip(mixture.means, _factors(mixture), strict=True)):
            away = X[rows] - mean
            whitened = away * factor if factor.ndim < 2 else away @ factor
            found[rows, k] = np.sqrt(np.einsum("nd,nd->n", whitened, whitened))
    return found


def _factors(mixture: Mixture) -> FloatArray:
    """P of each component with P P^T its precision; one number a feature, or one, where it is diagonal."""
    factors = mixture.precisions_cholesky
    if mixture.structure.shared:
        return np.broadcast_to(factors, (mixture.n_components, *factors.shape))
    return factors


def _precision_matrices(mixture: Mixture) -> FloatArray:
    return mixture.structure.matrices(mixture.precisions, *mixture.means.shape)


__all__ = ["Modes", "distances", "gradient", "hessian", "modes"]
