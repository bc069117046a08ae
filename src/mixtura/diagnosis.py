"""Which components deserve doubt: too few rows, no volume of their own, not apart from another."""

from __future__ import annotations

import numpy as np

from mixtura._rows import FloatArray
from mixtura.mixture import Mixture

#: Share of reg_covar in a component's smallest variance from which it is held up by it.
HELD_UP = 0.5

# A component of fewer than twice the rows that its covariance needs is spurious where its variance in
# some direction is below this share of what components have there on average: a few rows that happen to lie
# near a plane (McLachlan & Peel 2000, section 3.10).
_SPURIOUS = 1e-3


def rows_needed(mixture: Mixture) -> int:
    """Effective rows below which a component's covariance is degenerate."""
    per_component = mixture.structure.has_matrices and not mixture.structure.shared
    return mixture.n_features + 1 if per_component else 2


def floor_share(mixture: Mixture, reg_covar: FloatArray) -> FloatArray:
    """Largest share of reg_covar in the variance of each component in any direction.

    The largest eigenvalue of D^(1/2) inv(Sigma_k) D^(1/2), D = diag(reg_covar); without matrices the largest
    ratio.
    """
    k, d = mixture.means.shape
    if not mixture.structure.has_matrices:
        return np.asarray(
            (reg_covar * mixture.structure.diagonals(mixture.precisions, k, d)).max(1)
        )
    root = np.sqrt(reg_covar)
    precisions = np.broadcast_to(mixture.precisions, (k, d, d)) * root[:, np.newaxis] * root
    return np.asarray(np.linalg.eigvalsh(precisions)[:, -1])


def why_improper(mixture: Mixture, effective_rows: FloatArray, reg_covar: FloatArray) -> str:
    """What makes the likelihood of a mixture spurious, in words; '' where nothing does.

    Parameters
    ----------
    mixture : Mixture
    effective_rows : ndarray of shape (n_components,)
        Sum of responsibilities of each.
    reg_covar : ndarray of shape (n_features,)
        What was added to the covariances' diagonals.
    """
    needed = rows_needed(mixture)
    fewest = int(np.argmin(effective_rows))
    if not effective_rows[fewest] >= needed:
        return f"component {fewest} holds {effective_rows[fewest]:.3g} rows, fewer than {needed}"
    # The trace bounds the largest eigenvalue: most mixtures need no more than this.
    if _trace_shares(mixture, reg_covar).max() > HELD_UP:
        share = floor_share(mixture, reg_covar)
        if share.max() > HELD_UP:
            return f"component {int(share.argmax())} is held up by reg_covar alone"
    for k in np.flatnonzero(effective_rows < 2 * needed):
        if mixture.structure.has_matrices and _is_flat(mixture, int(k)):
            return f"component {k} is a spike of {effective_rows[k]:.3g} rows"
    return ""


def _trace_shares(mixture: Mixture, reg_covar: FloatArray) -> FloatArray:
    k, d = mixture.means.shape
    precisions = mixture.structure.diagonals(mixture.precisions, k, d)
    return np.asarray((precisions * reg_covar).sum(axis=1))


def _is_flat(mixture: Mixture, component: int) -> bool:
    """Whether it is far thinner somewhere than components are there on average."""
    covariances = mixture.covariance_matrices()
    within = np.tensordot(mixture.weights, covariances, axes=1)
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    least = np.linalg.eigvalsh(inverse @ covariances[component] @ inverse.T)[0]
    return bool(least < _SPURIOUS)
