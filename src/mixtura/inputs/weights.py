"""Weights that are given for rows: one clear sentence where they are none."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mixtura.inputs.frames import column_values
from mixtura.inputs.invalid import check_measured
from mixtura.support.arrays import FloatArray

#: Between it and its inverse the squares of weights, summed over any number of rows, are numbers.
LEAST_WEIGHT = 1e-100


def check_sample_weight(sample_weight: Any, n_rows: int) -> FloatArray | None:
    """Return weights as float64, or None where every row weighs 1.

    Raises
    ------
    ValueError
        If the length is not the rows', a weight is negative, NaN or infinite, or all are zero, too small or
        too large to reckon with.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    weight = _weights_as_floats(column_values(sample_weight, "sample_weight"))
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n_rows} rows of X, "
            f"got shape {weight.shape}."
        )
    # Extremes need no temporary array; NaN is one of them.
    least, most = weight.min(initial=np.inf), weight.max(initial=0.0)
    if not np.isfinite(most) or np.isnan(least) or least == -np.inf:
        row = int(np.argmax(~np.isfinite(weight)))
        raise ValueError(
            f"sample_weight must be finite, but row {row} has {weight[row]}: "
            "give 0 to leave a row out."
        )
    if least < 0:
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight must not be negative, but row {row} has {weight[row]:g}: "
            "give 0 to leave a row out. (Negative values in data passed as weights.)"
        )
    if most == 0:
        raise ValueError("sample_weight must not be zero for every row: no row is left to fit.")
    if not LEAST_WEIGHT <= most <= 1 / LEAST_WEIGHT:
        raise ValueError(
            f"sample_weight is {most:g} at most, and such numbers cannot be squared: multiply all weights by "
            "one number that brings the largest near 1."
        )
    return weight


def _weights_as_floats(sample_weight: Any) -> FloatArray:
    check_measured(sample_weight, "sample_weight")
    try:
        weight: FloatArray = check_array(
            sample_weight,
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite=False,
            ensure_min_samples=0,
            order="C",
        )
    except (TypeError, ValueError) as error:
        # The first line: what follows is the whole array.
        text = str(error).partition("\n")[0]
        why = "they are complex" if "Complex data" in text else text
        raise type(error)(f"sample_weight must be an array of real numbers: {why}") from error
    return weight
