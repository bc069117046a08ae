"""Fisher vectors: how the mean log density of some rows rises with each parameter of a mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixtura._core import Structure
from mixtura.mixture.evaluation import responsibilities
from mixtura.support.arrays import Array, FloatArray, block_slices

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture


def fisher_vector(
    mixture: Mixture, X: Array, threads: int, *, improved: bool, alpha: float
) -> FloatArray:
    """Of checked rows: weights, means and deviations (Sánchez et al. 2013, equations 16 to 18).

    Those of deviations have the other sign, as in scikit-image.
    """
    mixture = mixture.without_noise().without_posterior()
    counts, firsts, seconds = _moments(mixture, X, threads)
    roots = np.sqrt(mixture.weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_weights = (counts - mixture.weights) / roots
        of_means = firsts / roots[:, np.newaxis]
        of_deviations = (counts[:, np.newaxis] - seconds) / (np.sqrt(2) * roots[:, np.newaxis])
    found = np.concatenate([of_weights, of_means.ravel(), of_deviations.ravel()])
    found[~np.isfinite(found)] = 0.0  # components of weight 0 have no rows
    return _improved(found, alpha) if improved else found


def _moments(mixture: Mixture, X: Array, threads: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means over all rows of r, r z and r z^2, with z standardised by each component."""
    counts, firsts = np.zeros(mixture.n_components), np.zeros(mixture.means.shape)
    seconds = np.zeros_like(firsts)
    spreads = mixture.spreads
    for rows in block_slices(len(X), mixture.n_components + mixture.n_features):
        r = responsibilities(mixture, X[rows], threads).astype(np.float64, copy=False)
        counts += r.sum(axis=0)
        for k in range(mixture.n_components):
            z = (X[rows] - mixture.means[k]) / spreads[k]
            firsts[k] += r[:, k] @ z
            seconds[k] += r[:, k] @ z**2
    return counts / len(X), firsts / len(X), seconds / len(X)


def _improved(vector: FloatArray, alpha: float) -> FloatArray:
    """Powers of the sizes, and length 1 (Perronnin, Sánchez & Mensink 2010)."""
    vector = np.sign(vector) * np.abs(vector) ** alpha
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def check_no_correlations(mixture: Mixture) -> None:
    """Raise unless components are Gaussian, and features independent in each.

    Raises
    ------
    ValueError
        Names what they are.
    """
    if mixture.structure.kernel not in (Structure.diag, Structure.spherical):
        raise ValueError(
            f"A Fisher vector is of components whose features are independent, and these have "
            f"{mixture.covariance_type!r} covariances: fit with covariance_type='diag'."
        )
    if mixture.df is not None:
        raise ValueError(
            "A Fisher vector is of Gaussian components, and these are of Student's t: fit with "
            "distribution='gaussian'."
        )


__all__ = ["check_no_correlations", "fisher_vector"]
