"""The volume of a background of noise: that of a box around the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.support.arrays import FloatArray, block_slices
from mixtura.support.interruptible import interruptible


@dataclass(frozen=True, eq=False)
class Box:
    """A box along the features around rows.

    Attributes
    ----------
    log_volume : float
        Of the smaller of it and another.
    log_sides : ndarray of shape (n_features,)
    corners : ndarray of shape (2, n_features)
        The least and the most of each feature.
    """

    log_volume: float
    log_sides: FloatArray
    corners: FloatArray


def box_of_rows(blocks: Blocks) -> Box:
    """The box along the features around all rows of positive weight; of two boxes the smaller volume.

    One along the features, one along the principal components (Fraley & Raftery 1998), both of features
    divided by their standard deviations, so that units change nothing. Features without any variance are left
    out; their log sides are 0. Where features are missing only the first is known.

    Raises
    ------
    ValueError
        If no feature varies.
    """
    covariance = None if blocks.has_missing else blocks.total.scatter / blocks.total.weight
    directions = _core.box_directions(blocks.mean, blocks.variances, covariance, _eigen)
    if not directions[0]:
        raise ValueError(
            "noise=True needs a volume, but no feature of X varies: give noise_volume, or noise=False."
        )
    task = partial(_sides_of_part, mean=blocks.mean, directions=directions)
    sides = reduce(_merged, blocks.each(task))
    return Box(*_core.box(blocks.mean, directions, sides))


def _eigen(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues, the largest first, and eigenvectors as rows: LAPACK's, for matrices of any size."""
    values, vectors = interruptible(np.linalg.eigh, matrix)
    return values[::-1].copy(), vectors.T[::-1].copy()


def _sides_of_part(
    part: ArrayBlocks, _: int, *, mean: FloatArray, directions: tuple[Any, ...]
) -> FloatArray:
    rows, found = part.rows, []
    for some in block_slices(*rows.shape):
        X = np.asarray(rows.X[some], dtype=np.float64)
        weight = None if rows.weight is None else rows.weight[some]
        found.append(_core.box_sides(X, weight, mean, directions))
    return reduce(_merged, found)


def _merged(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.stack([np.minimum(one[0], other[0]), np.maximum(one[1], other[1])])


__all__ = ["Box", "box_of_rows"]
