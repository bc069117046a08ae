"""Ways out of a local optimum: responsibilities made anew in part, or without each row's own pull."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura._rows import FloatArray
from mixtura.mixture import Mixture


def perturbed(
    responsibilities: FloatArray, weight: FloatArray | None, share: float, rng: RandomState
) -> FloatArray:
    """Give a random `share` of the rows wholly to components drawn by weight."""
    n_rows, n_components = responsibilities.shape
    picked = rng.uniform(size=n_rows) < share
    weights = np.average(responsibilities, axis=0, weights=weight)
    drawn = rng.choice(n_components, size=int(np.count_nonzero(picked)), p=weights / weights.sum())
    shaken = responsibilities.copy()
    shaken[picked] = np.eye(n_components)[drawn]
    return shaken


def leave_one_out(
    mixture: Mixture, responsibilities: FloatArray, X: FloatArray, weight: FloatArray | None
) -> FloatArray:
    """Responsibilities of each row under the mixture that EM would have made without that row.

    Where components have few rows a feature, a row pulls the component that it was given to so close that
    it never leaves: EM keeps nearly any partition. A few iterations without that pull, and it moves.
    """
    left_out = responsibilities.copy()
    _core.leave_one_out(
        mixture.structure.kernel,
        X,
        weight,
        mixture.weights,
        mixture.means,
        mixture.precisions_cholesky,
        left_out,
    )
    return left_out
