"""Directions in which components lie apart: for pictures of rows with many features."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.linalg import eigh

from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import interruptible

# Features beyond which their products take long, and memory for each component.
_MOST_FEATURES = 500


def discriminants(mixture: Mixture, n: int) -> FloatArray:
    """The `n` directions in which the means vary most beside the components; fewer where there are fewer.

    Along the first of them the variance between the means is the largest multiple of the variance within
    components that any has, and so on (Fisher 1936; Rao 1948). Along each the latter is 1.

    Returns
    -------
    ndarray of shape (n_directions, n_features)
        Empty where a covariance within components is singular, or the features are too many.
    """
    d, n = mixture.n_features, min(n, mixture.n_components - 1, mixture.n_features)
    if n < 1 or d > _MOST_FEATURES:
        return np.empty((0, d))
    weights = mixture.weights / mixture.weights.sum()
    centred = mixture.means - weights @ mixture.means
    between = (weights * centred.T) @ centred
    if mixture.structure.has_matrices:
        within = np.einsum("k,kij->ij", weights, mixture.covariance_matrices())
    else:
        within = np.diag(weights @ mixture.spreads**2)
    # In units of the spreads within, so that no feature's unit decides what is singular.
    scale = np.sqrt(np.diag(within))
    if not (scale > 0).all():
        return np.empty((0, d))
    both = [matrix / scale / scale[:, np.newaxis] for matrix in (between, within)]
    try:
        _, vectors = interruptible(partial(eigh, subset_by_index=(d - n, d - 1)), *both)
    except np.linalg.LinAlgError:
        return np.empty((0, d))
    directions = vectors.T[::-1] / scale
    # The sign is anybody's: the largest part counts upwards.
    largest = np.abs(directions * scale).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    directions *= signs[:, np.newaxis]
    return np.asarray(directions)
