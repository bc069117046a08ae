"""The volume of a background of noise: that of a box around the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mixtura.rows import ArrayBlocks, Blocks
from mixtura.support.arrays import Array, FloatArray, block_slices
from mixtura.support.interruptible import interruptible

# Of all directions' mean variance, which is 1: below, rows lie in a plane, whose box has no volume.
_NO_VARIANCE = 1e-10


@dataclass(frozen=True, eq=False)
class _Sides:
    """The least and the most of rows along some directions."""

    least: FloatArray
    most: FloatArray

    @classmethod
    def of(cls, projected: FloatArray) -> _Sides:
        seen = np.where(np.isnan(projected), np.inf, projected)
        unseen = np.where(np.isnan(projected), -np.inf, projected)
        return cls(seen.min(axis=0), unseen.max(axis=0))

    @classmethod
    def merged(cls, several: Sequence[_Sides]) -> _Sides:
        leasts, mosts = zip(*((one.least, one.most) for one in several), strict=True)
        return cls(np.min(leasts, axis=0), np.max(mosts, axis=0))

    @property
    def log_volume(self) -> float:
        return float(np.log(self.most - self.least).sum())


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
    spreads = np.sqrt(blocks.variances)
    centre = blocks.mean
    varies = spreads > 1e-12 * np.maximum(np.abs(centre), np.finfo(float).tiny)
    if not varies.any():
        raise ValueError(
            "noise=True needs a volume, but no feature of X varies: give noise_volume, or noise=False."
        )
    features = np.flatnonzero(varies)
    scales = spreads[features]
    along_features = _sides(blocks, features, centre, np.diag(1 / scales))
    boxes = [along_features.log_volume]
    log_sides, corners = np.zeros(len(spreads)), np.stack([centre, centre])
    corners[:, features] += scales * [along_features.least, along_features.most]
    log_sides[features] = np.log(along_features.most - along_features.least) + np.log(scales)
    if len(features) > 1 and not blocks.has_missing:
        correlations = blocks.total.scatter[np.ix_(features, features)] / blocks.total.weight
        values, axes = interruptible(np.linalg.eigh, correlations / scales / scales[:, np.newaxis])
        if values[0] > _NO_VARIANCE:
            along_axes = _sides(blocks, features, centre, axes / scales[:, np.newaxis])
            boxes.append(along_axes.log_volume)
    return Box(min(boxes) + float(np.log(scales).sum()), log_sides, corners)


def _sides(blocks: Blocks, features: Array, centre: FloatArray, directions: FloatArray) -> _Sides:
    task = partial(_sides_of_part, features=features, centre=centre, directions=directions)
    return _Sides.merged(list(blocks.each(task)))


def _sides_of_part(
    part: ArrayBlocks, _: int, *, features: Array, centre: FloatArray, directions: FloatArray
) -> _Sides:
    rows, found = part.rows, []
    for some in block_slices(*rows.shape):
        X = np.asarray(rows.X[some], dtype=np.float64)
        if rows.weight is not None:
            X = X[rows.weight[some] > 0]
        if len(X):
            centred = X[:, features] - centre[features]
            # Along the features a NaN is one feature's alone.
            is_diagonal = part.has_missing
            along = centred * np.diag(directions) if is_diagonal else centred @ directions
            found.append(_Sides.of(along))
    if not found:
        nothing = np.full(directions.shape[1], np.inf)
        return _Sides(nothing, -nothing)
    return _Sides.merged(found)


__all__ = ["Box", "box_of_rows"]
