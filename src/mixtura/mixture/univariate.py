"""Distribution functions and quantiles of mixtures of one feature, many at once.

Components are on the second axis. df is infinite where none has tails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, ndtr, ndtri, stdtr, stdtrit

from mixtura.support.arrays import FloatArray

# Steps to a quantile: every third one halves where it must lie, so that they suffice.
_MOST_STEPS = 300


def checked_levels(levels: Any, name: str = "levels") -> FloatArray:
    """Probabilities: one, or a row of them.

    Raises
    ------
    ValueError
        If one is not within (0, 1).
    """
    found = np.asarray(levels)
    is_row = found.dtype.kind in "iuf" and found.ndim < 2
    if not (is_row and ((found > 0) & (found < 1)).all()):
        raise ValueError(f"{name} must lie between 0 and 1, both excluded, got {levels!r}.")
    return found.astype(np.float64)


def standard_cdf(z: FloatArray, df: FloatArray) -> FloatArray:
    """Distribution function of a component at a distance from its mean, in scales."""
    return np.asarray(stdtr(df, z) if _has_tails(df) else ndtr(z))


def standard_quantile(level: FloatArray, df: FloatArray) -> FloatArray:
    """Its inverse."""
    return np.asarray(stdtrit(df, level) if _has_tails(df) else ndtri(level))


def standard_density(z: FloatArray, df: FloatArray) -> FloatArray:
    """Its derivative."""
    if not _has_tails(df):
        return np.asarray(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))
    height = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(np.pi * df) / 2
    return np.asarray(np.exp(height - (df + 1) / 2 * np.log1p(z**2 / df)))


def cdf(
    x: FloatArray, weights: FloatArray, means: FloatArray, scales: FloatArray, df: FloatArray
) -> FloatArray:
    """Of mixtures, each at one point."""
    z = (x[:, np.newaxis] - means) / scales
    return np.asarray((weights * standard_cdf(z, df)).sum(axis=1))


def quantile(
    level: float | FloatArray,
    weights: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    df: FloatArray,
) -> FloatArray:
    """Of mixtures, at one level or each at one of its own: Newton's steps within a bracket.

    A quantile of a mixture lies between the least and the greatest of its components'.
    """
    level = np.broadcast_to(np.asarray(level), means.shape[::2])
    ends = means + scales * standard_quantile(level[:, np.newaxis], df)
    ends = np.where(weights > 0, ends, np.nan)
    low, high = np.nanmin(ends, axis=1), np.nanmax(ends, axis=1)
    tiny = 1e-12 * scales.max(axis=1) + 1e-15 * (np.abs(low) + np.abs(high))
    x = (low + high) / 2
    for step in range(_MOST_STEPS):
        z = (x[:, np.newaxis] - means) / scales
        excess = (weights * standard_cdf(z, df)).sum(axis=1) - level
        density = (weights * standard_density(z, df) / scales).sum(axis=1)
        low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = x - excess / density
        is_near = (np.abs(newton - x) <= tiny) | (high - low <= tiny)
        if is_near.all():
            break
        is_better = (low <= newton) & (newton <= high) & (step % 3 < 2)
        x = np.where(is_near, x, np.where(is_better, newton, (low + high) / 2))
    return np.asarray(x)


def _has_tails(df: FloatArray) -> bool:
    return bool(np.isfinite(df).any())


__all__ = [
    "cdf",
    "checked_levels",
    "quantile",
    "standard_cdf",
    "standard_density",
    "standard_quantile",
]
