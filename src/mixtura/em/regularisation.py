"""What is added to the diagonals of covariances."""

from __future__ import annotations

import numpy as np

from mixtura import _core
from mixtura.em.blocks import EMBlocks
from mixtura.support.arrays import FloatArray

#: Of what is added: the digits that do not hang on the order of the rows, nor on whether a row is repeated or
#: has a weight. The others are too small to be seen beside a variance.
BITS = {np.dtype(np.float64): 36, np.dtype(np.float32): 12}


def regularisation(reg_covar: float | str, blocks: EMBlocks) -> FloatArray:
    """Return what is added, one number a feature.

    'auto' is a share of each feature's variance (cpp/m_step/regularisation.cpp); a constant feature has no
    scale but its own size.
    """
    n_features = blocks.shape[1]
    if reg_covar != "auto":
        return np.full(n_features, float(reg_covar))
    return _core.added_by_default(blocks.mean, blocks.variances, BITS[blocks.dtype])
