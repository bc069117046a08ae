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
    dtype = arithmetic(mixture, result_dtype(X))
    out = np.empty(len(X), dtype=dtype)
    for rows, block in native_blocks(X, dtype):
        _evaluate(mixture, block, threads, missing, some(errors, rows), log_density=out[rows])
    return _as_logs(out, X)


def _n_densities(mixture: Mixture) -> int:
    return mixture.n_components + (mixture.noise is not None)


def responsibilities(
    mixture: Mixture,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Responsibilities of checked rows; those of noise, where there is any, last."""
    dtype = arithmetic(mixture, result_dtype(X))
    out = np.empty((len(X), _n_densities(mixture)), dtype=dtype)
    for rows, block in native_blocks(X, dtype):
        _evaluate(mixture, block, threads, missing, some(errors, rows), responsibilities=out[rows])
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
    out = np.empty(len(X), dtype=np.int64)
    for rows, block in native_blocks(X, arithmetic(mixture, result_dtype(X))):
        _evaluate(mixture, block, threads, missing, some(errors, rows), labels=out[rows])
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
    dtype = arithmetic(mixture, result_dtype(X))
    out = np.empty((len(X), _n_densities(mixture)), dtype=dtype)
    for rows, block in native_blocks(X, dtype):
        _evaluate(mixture, block, threads, missing, some(errors, rows), log_joint=out[rows])
    return out.astype(result_dtype(X), copy=False)


def _as_logs(values: Array, X: Array) -> Array:
    """Log densities in the precision of the rows; what is below its least number is that: none is 0."""
    dtype = result_dtype(X)
    if values.dtype == dtype:
        return values
    return np.maximum(values, np.finfo(dtype).min).astype(dtype)


def some(errors: FloatArray | None, rows: slice) -> FloatArray | None:
    """Those of some rows."""
    return None if errors is None else errors[rows]


def native_mixture(mixture: Mixture) -> _core.Mixture:
    """Return the mixture as the core takes it."""
    noise = None if mixture.noise is None else mixture.noise.native
    parameters = (*mixture.as_tuple(), mixture.df, noise, mixture.posterior)
    return _core.Mixture(mixture.structure.kernel, *parameters)


def _evaluate(
    mixture: Mixture,
    X: Array,
    threads: int,
    missing: bool,
    errors: FloatArray | None,
    *,
    log_density: Array | None = None,
    responsibilities: Array | None = None,
    labels: Array | None = None,
    log_joint: Array | None = None,
) -> None:
    _core.evaluate(
        X,
        native_mixture(mixture),
        log_density,
        responsibilities,
        labels,
        log_joint,
        threads,
        missing,
        errors=errors,
    )
