"""What is added to the diagonals of covariances."""

from __future__ import annotations

import numpy as np

from mixtura._rows import FloatArray
from mixtura._scales import significant
from mixtura.blocks import Blocks
from mixtura.covariance import CovarianceStructure

# Share of each feature's variance. Far below any component's variances where the data are sound: those of a
# component a thousand times narrower than the data change by 1e-4 of themselves (in float32 those of one a
# hundred times narrower by 1e-2). Far above the rounding of the arithmetic.
_SHARE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-6}

# Of what is added: the digits that do not hang on the order of the rows, nor on whether a row is repeated or
# has a weight. The others are too small to be seen beside a variance.
_BITS = {np.dtype(np.float64): 36, np.dtype(np.float32): 7}


# Sums in float32 are rounded by up to some 1e-7 n_features of the variances where features are correlated,
# which may be more than 1e-6: 20 features that depend on each other can need the first step.
MOST_RAISES = 3


def raised(reg_covar: float | str, kind: CovarianceStructure, blocks: Blocks) -> list[float]:
    """Return factors of what is added, to be tried in turn while rounding makes covariances singular."""
    rounds = reg_covar == "auto" and kind.has_matrices and blocks.dtype == np.float32
    return [10.0**n for n in range(MOST_RAISES + 1)] if rounds else [1.0]


def regularisation(reg_covar: float | str, blocks: Blocks) -> FloatArray:
    """Return what is added, one number a feature.

    A constant feature has no scale but its own size.
    """
    n_features = blocks.shape[1]
    if reg_covar != "auto":
        return np.full(n_features, float(reg_covar))
    share = _SHARE[blocks.dtype]
    variances = blocks.variances
    # What is left of a constant feature's variance is the rounding of its mean.
    sizes = blocks.mean**2
    rounding = np.finfo(np.float64).eps ** 2 * sizes
    scales = np.where(variances > 100 * rounding, variances, np.where(sizes > 0, sizes, 1.0))
    return significant(share * scales, _BITS[blocks.dtype])
