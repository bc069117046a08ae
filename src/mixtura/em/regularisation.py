"""What is added to the diagonals of covariances."""

from __future__ import annotations

import numpy as np

from mixtura.em.blocks import EMBlocks
from mixtura.inputs.scales import significant
from mixtura.support.arrays import FloatArray

# Share of each feature's variance. Far below any component's variances where the data are sound: those of a
# component a thousand times narrower than the data change by 1e-4 of themselves. Far above the rounding of
# the arithmetic: float32 keeps the digits of each component's own variances, and where features depend on
# each other by more digits than it has, the rows are computed with in float64 (`suits_single`).
_SHARE = 1e-10

# Of what is added: the digits that do not hang on the order of the rows, nor on whether a row is repeated or
# has a weight. The others are too small to be seen beside a variance.
_BITS = {np.dtype(np.float64): 36, np.dtype(np.float32): 12}


def regularisation(reg_covar: float | str, blocks: EMBlocks) -> FloatArray:
    """Return what is added, one number a feature.

    A constant feature has no scale but its own size.
    """
    n_features = blocks.shape[1]
    if reg_covar != "auto":
        return np.full(n_features, float(reg_covar))
    variances = blocks.variances
    # What is left of a constant feature's variance is the rounding of its mean.
    sizes = blocks.mean**2
    rounding = np.finfo(np.float64).eps ** 2 * sizes
    scales = np.where(variances > 100 * rounding, variances, np.where(sizes > 0, sizes, 1.0))
    return significant(_SHARE * scales, _BITS[blocks.dtype])
