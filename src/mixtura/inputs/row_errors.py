"""With what errors rows were measured: standard deviations, variances or covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured
from mixtura.support.arrays import Array, FloatArray, block_slices

# Of a variance, by which the least eigenvalue of a covariance may be below 0: rounding.
_SLACK = 1e-10


@dataclass(frozen=True, eq=False)
class ErrorsGiven:
    """The arguments `error_covariances` and `error_std`, of which one may be given."""

    covariances: Any = None
    std: Any = None

    @property
    def are_there(self) -> bool:
        """Whether one is."""
        return self.covariances is not None or self.std is not None

    def checked(self, n_rows: int, n_features: int) -> FloatArray | None:
        """Variances (n_rows, n_features) or covariances (n_rows, n_features, n_features) of the errors.

        Those of one row for all are not repeated in memory. None where no row has any error.

        Raises
        ------
        ValueError
            If both are given, the shape is not that of the rows or could be that of two things, an error is
            negative or NaN, or a covariance is not symmetric or not positive semi-definite.
        """
        if self.covariances is not None and self.std is not None:
            raise ValueError("Give error_covariances or error_std: each says the whole error.")
        if self.std is not None:
            errors = _shaped_std(_numbers(self.std, "error_std"), n_rows, n_features)
            _check_each(errors, "error_std")
            errors = errors**2
        elif self.covariances is not None:
            numbers = _numbers(self.covariances, "error_covariances")
            errors = _shaped_covariances(numbers, n_rows, n_features)
            check_errors(errors)
        else:
            return None
        if not errors.any():
            return None
        return np.broadcast_to(errors, (n_rows, *errors.shape[1:]))


NO_ERRORS = ErrorsGiven()


def _numbers(values: Any, name: str) -> FloatArray:
    frame = frame_of(values)
    check_measured(values, name)
    try:
        array: Array = np.asarray(values if frame is None else frame_values(frame))
        return np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers, but not all of them are.") from None


def _shaped_std(values: FloatArray, n_rows: int, n_features: int) -> FloatArray:
    if values.shape == (n_features,):
        return values[np.newaxis]
    if values.shape == (n_rows,) and n_features == 1:
        return values[:, np.newaxis]
    if values.ndim == 2 and values.shape[1] == n_features and len(values) in (1, n_rows):
        return values
    raise ValueError(
        f"error_std must be standard deviations of each row, of shape ({n_rows}, {n_features}), or of all "
        f"rows alike, of shape ({n_features},), got {values.shape}."
    )


def _shaped_covariances(values: FloatArray, n_rows: int, n_features: int) -> FloatArray:
    n, d = n_rows, n_features
    if values.shape == (d, d) and n == d > 1:
        raise ValueError(
            f"error_covariances of shape ({d}, {d}) may be the variances of {d} rows or the covariance of "
            f"all: give a covariance of all as shape (1, {d}, {d}), and variances of each row as error_std, "
            "their roots."
        )
    if (
        values.ndim in (2, 3)
        and len(values) in (1, n)
        and values.shape[1:] == (d,) * (values.ndim - 1)
    ):
        return values
    raise ValueError(
        f"error_covariances must be variances of each row, of shape ({n}, {d}), or covariances, of shape "
        f"({n}, {d}, {d}); of all rows alike, (1, {d}) or (1, {d}, {d}); got {values.shape}."
    )


def check_errors(errors: FloatArray, first_row: int = 0) -> None:
    """Raise where variances or covariances of errors are none; `first_row`: the number of the first.

    Raises
    ------
    ValueError
        Names the first row.
    """
    if errors.ndim == 2:
        _check_each(errors, "error_covariances", first_row)
        return
    variances = np.diagonal(errors, axis1=1, axis2=2)
    _check_each(variances, "error_covariances", first_row)
    for some in block_slices(len(errors), errors[0].size):
        known = ~np.isinf(variances[some])
        # What goes with an infinite variance is not read.
        matrices = np.where(known[:, :, np.newaxis] & known[:, np.newaxis], errors[some], 0.0)
        _check_matrices(matrices, first_row + some.start)


def _check_each(values: FloatArray, name: str, first_row: int = 0) -> None:
    fits = (values >= 0).all(axis=1)  # NaN is not
    if not fits.all():
        row = int(np.argmin(fits))
        found = values[row][~(values[row] >= 0)][0]
        raise ValueError(
            f"{name} must be 0 or more, infinite where a value is not known, but row {first_row + row} has "
            f"{found:g}."
        )


def _check_matrices(matrices: FloatArray, first_row: int) -> None:
    scales = np.diagonal(matrices, axis1=1, axis2=2).max(axis=1)
    limits = _SLACK * np.where(scales > 0, scales, 1.0)
    asymmetry = np.abs(matrices - np.swapaxes(matrices, 1, 2)).max(axis=(1, 2))
    is_symmetric = asymmetry <= limits
    if not is_symmetric.all():  # as where they are NaN
        row = first_row + int(np.argmin(is_symmetric))
        raise ValueError(f"error_covariances must be symmetric numbers, but row {row}'s is not.")
    d = matrices.shape[1]
    try:
        np.linalg.cholesky(matrices + limits[:, np.newaxis, np.newaxis] * np.eye(d))
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(matrices)[:, 0]
        row = int(np.argmax(least < -limits))
        if least[row] < -limits[row]:
            raise ValueError(
                f"error_covariances must be positive semi-definite, but row {first_row + row}'s has the "
                f"eigenvalue {least[row]:.3g}."
            ) from None


def unread(errors: FloatArray | None) -> Array | None:
    """Say of which values the variance is infinite, so that they are not read; None: of none."""
    if errors is None:
        return None
    variances = errors if errors.ndim == 2 else np.diagonal(errors, axis1=1, axis2=2)
    infinite: Array = np.isinf(variances)
    return infinite if infinite.any() else None


def missing_values(X: Array, errors: FloatArray | None) -> Array:
    """Say which values are not there: NaN, or with an infinite variance."""
    gaps, hidden = np.isnan(X), unread(errors)
    return gaps if hidden is None else gaps | hidden


__all__ = ["NO_ERRORS", "ErrorsGiven", "check_errors", "missing_values", "unread"]
