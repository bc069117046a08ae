"""What a mixture says of the true values of rows that were measured with errors."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, RandomState

from mixtura.inputs.row_errors import missing_values, unread
from mixtura.mixture.completing import chosen_components, one_component
from mixtura.mixture.distribution import Mixture
from mixtura.mixture.evaluation import arithmetic, responsibilities, write
from mixtura.support.arrays import Array, FloatArray, result_dtype

#: A t component and a Gaussian error have no density in closed form.
NO_ERRORS_OF_T = (
    "Measurement errors have no closed form with distribution='t': fit Gaussian components, as with "
    "noise=True for outliers, or leave the errors out."
)


def check_no_tails(mixture: Mixture, errors: FloatArray | None) -> None:
    """Raise where rows with errors are evaluated under t components."""
    if errors is not None and mixture.df is not None:
        raise ValueError(NO_ERRORS_OF_T)


def denoised(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    errors: FloatArray | None,
    missing: bool = False,  # noqa: ARG001 - NaN is read as missing in any case
    with_covariances: bool = False,
) -> tuple[Array, Array | None]:
    """Posterior means of the true values, and their covariances (Bovy, Hogg & Roweis 2011, equation 9).

    Over the components, by their responsibilities; noise has no part in it.
    """
    if errors is None:
        errors = np.broadcast_to(np.zeros((1, X.shape[1])), X.shape)
    dtype, (n, d) = arithmetic(mixture, result_dtype(X)), X.shape
    means = np.empty((n, d), dtype=dtype)
    covariances = np.empty((n, d, d), dtype=dtype) if with_covariances else None
    write(mixture, X, dtype, threads, errors=errors, expected=means, covariances=covariances)
    into = result_dtype(X)
    return means.astype(into, copy=False), (
        None if covariances is None else covariances.astype(into, copy=False)
    )


def drawn_truth(
    mixture: Mixture, X: Array, errors: FloatArray, rng: Generator | RandomState, threads: int
) -> FloatArray:
    """Rows drawn from the posterior of the true values; float64.

    A component by the responsibilities, then the values from its Gaussian.
    """
    values = np.array(X, dtype=np.float64)
    of_components = mixture.without_noise()
    shares = responsibilities(of_components, values, threads, errors=errors)
    chosen = chosen_components(shares, rng)
    for k in np.unique(chosen):
        mine = np.flatnonzero(chosen == k)
        alone = one_component(of_components, int(k))
        means, covariances = denoised(
            alone, values[mine], threads, errors=errors[mine], with_covariances=True
        )
        values[mine] = means + _drawn(covariances, rng)
    return values


def expected_of_measured(
    mixture: Mixture, X: Array, errors: FloatArray, threads: int, *, with_std: bool = False
) -> tuple[Array, Array | None]:
    """As `expected`, of rows that were measured with errors; what is not read is missing, too."""
    gaps = missing_values(X, errors)
    means, covariances = denoised(mixture, X, threads, errors=errors, with_covariances=with_std)
    std = None
    if covariances is not None:
        std = np.where(gaps, np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)), 0)
    return np.where(gaps, means, X), std


def drawn_of_measured(
    mixture: Mixture, X: Array, errors: FloatArray, rng: Generator | RandomState, threads: int
) -> FloatArray:
    """As `drawn`, of rows that were measured with errors."""
    gaps = missing_values(X, errors)
    values, rows = np.array(X, dtype=np.float64), np.flatnonzero(gaps.any(axis=1))
    if len(rows):
        true = drawn_truth(mixture, values[rows], errors[rows], rng, threads)
        values[rows] = np.where(gaps[rows], true, values[rows])
    return values


def measured(X: FloatArray, errors: FloatArray | None, rng: Generator | RandomState) -> FloatArray:
    """Rows with errors drawn and added; NaN where a variance is infinite."""
    hidden = unread(errors)
    if errors is None:
        return X
    if errors.ndim == 2:
        added = rng.standard_normal(X.shape) * np.sqrt(np.where(np.isinf(errors), 0.0, errors))
    else:
        known = errors
        if hidden is not None:
            known = np.where(hidden[:, :, np.newaxis] | hidden[:, np.newaxis], 0.0, errors)
        added = _drawn(known, rng)
    return X + added if hidden is None else np.where(hidden, np.nan, X + added)


def _drawn(covariances: FloatArray | None, rng: Generator | RandomState) -> FloatArray:
    assert covariances is not None
    lengths, axes = np.linalg.eigh(covariances)
    z = rng.standard_normal(lengths.shape) * np.sqrt(np.maximum(lengths, 0.0))
    return np.asarray(np.einsum("nij,nj->ni", axes, z))


__all__ = [
    "NO_ERRORS_OF_T",
    "check_no_tails",
    "denoised",
    "drawn_of_measured",
    "drawn_truth",
    "expected_of_measured",
    "measured",
]
