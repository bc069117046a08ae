"""What a mixture says of checked rows, by the native core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.utils import check_random_state

from mixtura import _core
from mixtura.inputs.scales import DOUBLE, SINGLE, suits_single
from mixtura.support.arrays import Array, FloatArray, native_blocks, result_dtype

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture

Seed = int | RandomState | Generator | None


def arithmetic(mixture: Mixture, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the precision in which such rows are evaluated: float64 where float32 is too narrow."""
    if dtype == SINGLE and not suits_single(mixture.means, mixture.spreads, mixture.inflation):
        return DOUBLE
    return dtype


def random_generator(random_state: Seed) -> Generator | RandomState:
    """A source of random numbers, from whatever the argument `random_state` may be."""
    return random_state if isinstance(random_state, Generator) else check_random_state(random_state)


def log_density(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Log density of checked rows.

    missing: NaN stands for features that were not observed. errors: with which they were measured.
    """
    out = np.empty(len(X), arithmetic(mixture, result_dtype(X)))
    write(mixture, X, out.dtype, threads, missing=missing, errors=errors, log_density=out)
    return _as_logs(out, X)


def responsibilities(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Responsibilities of checked rows; those of noise, where there is any, last."""
    out = _of_each_component(mixture, X)
    write(mixture, X, out.dtype, threads, missing=missing, errors=errors, responsibilities=out)
    return out.astype(result_dtype(X), copy=False)


def labels(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Labels of checked rows; -1: noise."""
    out, dtype = np.empty(len(X), np.int64), arithmetic(mixture, result_dtype(X))
    write(mixture, X, dtype, threads, missing=missing, errors=errors, labels=out)
    return out


def log_joint(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Log of weight times density of every component, of checked rows."""
    out = _of_each_component(mixture, X)
    write(mixture, X, out.dtype, threads, missing=missing, errors=errors, log_joint=out)
    return out.astype(result_dtype(X), copy=False)


def _of_each_component(mixture: Mixture, X: Array) -> Array:
    """Room for a number of each row and component, noise last, in the precision that they are found in."""
    n_densities = mixture.n_components + (mixture.noise is not None)
    return np.empty((len(X), n_densities), arithmetic(mixture, result_dtype(X)))


def _as_logs(values: Array, X: Array) -> Array:
    """Log densities in the precision of the rows; what is below its least number is that: none is 0."""
    dtype = result_dtype(X)
    if values.dtype == dtype:
        return values
    return np.maximum(values, np.finfo(dtype).min).astype(dtype)


def native_mixture(mixture: Mixture) -> _core.Mixture:
    """Return the mixture as the core takes it."""
    noise = None if mixture.noise is None else mixture.noise.native
    parameters = (*mixture.as_tuple(), mixture.df, noise, mixture.posterior)
    return _core.Mixture(mixture.structure.kernel, *parameters)


def write(
    mixture: Mixture,
    X: Array,
    dtype: np.dtype[Any],
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
    **out: Array | None,
) -> None:
    """Let the core write what it finds of checked rows, in a precision, into those arrays that are given.

    out: by their names in the core, one item a row.
    """
    native = native_mixture(mixture)
    for rows, block in native_blocks(X, dtype):
        parts: dict[str, Any] = {
            name: array[rows] for name, array in out.items() if array is not None
        }
        _core.evaluate(
            block, native, threads, missing, None if errors is None else errors[rows], **parts
        )
