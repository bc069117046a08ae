"""Probabilities of regions in several features, by quasi-Monte Carlo and by draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, RandomState
from scipy.special import chdtri, ndtr, ndtri
from scipy.stats import chi2, qmc

from mixtura.mixture import curve
from mixtura.mixture.evaluation import log_density
from mixtura.support.arrays import Array, FloatArray, block_slices

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture

# Of an integral: points of a sequence, and how often it is scrambled anew.
_POINTS = 1024
_SCRAMBLES = 8

# Nearest to 0 and 1 that a normal quantile is finite.
_TINY = 1e-300
_BELOW_ONE = 1 - 2.0**-53


def cdf(mixture: Mixture, X: Array, rng: Generator | RandomState) -> tuple[FloatArray, FloatArray]:
    """Probability that no feature exceeds the row's, and its standard error; 0 where it is exact.

    Exact of one feature and of independent ones; else by the transformation of Genz 1992.
    """
    mixture = mixture.without_noise()
    if mixture.n_features == 1:
        found = curve.cdf(mixture, X[:, 0].astype(np.float64))
        return found, np.zeros(len(X))
    if mixture.df is None and not mixture.structure.has_matrices:
        z = (X[:, np.newaxis] - mixture.means) / mixture.spreads
        found = np.prod(ndtr(z), axis=2) @ mixture.weights
        return found, np.zeros(len(X))
    estimates = np.zeros((_SCRAMBLES, len(X)))
    factors = np.linalg.cholesky(mixture.covariance_matrices())
    seeds = (rng.uniform(size=_SCRAMBLES) * 2**31).astype(int)
    for estimate, seed in zip(estimates, seeds.tolist(), strict=True):
        points = qmc.Sobol(mixture.n_features, seed=seed).random(_POINTS)
        for k, (weight, mean) in enumerate(zip(mixture.weights, mixture.means, strict=True)):
            df = None if mixture.df is None else mixture.df[k]
            for rows in block_slices(len(X), _POINTS * mixture.n_features):
                estimate[rows] += weight * _below(X[rows] - mean, factors[k], df, points)
    return estimates.mean(axis=0), estimates.std(axis=0, ddof=1) / np.sqrt(_SCRAMBLES)


def _below(
    away: FloatArray, factor: FloatArray, df: float | None, points: FloatArray
) -> FloatArray:
    """Probability that L y <= b of a standard normal y, or of t components that L y <= b sqrt(chi^2 / df)."""
    widths = 1.0 if df is None else np.sqrt(chdtri(df, points[:, -1]) / df)
    y = np.zeros((*away.shape, len(points)))
    probability = np.ones((len(away), len(points)))
    for j in range(away.shape[1]):
        explained = np.einsum("i,nip->np", factor[j, :j], y[:, :j])
        share = ndtr((away[:, j, np.newaxis] * widths - explained) / factor[j, j])
        probability *= share
        y[:, j] = ndtri(np.clip(points[:, j] * share, _TINY, _BELOW_ONE))
    return np.asarray(probability.mean(axis=1))


def log_threshold(
    mixture: Mixture, coverage: float, n_samples: int, rng: Generator | RandomState
) -> tuple[float, float]:
    """Log of the density above which lies a share of the distribution, and its standard error.

    Exact of one feature and of one Gaussian. Else a quantile of the log densities of draws (Hyndman 1996).
    """
    mixture = mixture.without_noise()
    if mixture.n_features == 1:
        return curve.log_threshold(mixture, coverage), 0.0
    if mixture.n_components == 1 and mixture.df is None:
        highest = float(log_density(mixture, mixture.means, 1)[0])
        return highest - float(chi2.ppf(coverage, mixture.n_features)) / 2, 0.0
    heights = log_density(mixture, mixture.sample(n_samples, rng)[0], 1)
    away = np.sqrt(coverage * (1 - coverage) / n_samples)
    levels = np.clip(1 - coverage + away * np.array([-1, 0, 1]), 0, 1)
    low, found, high = np.quantile(heights, levels)
    return float(found), float(high - low) / 2


__all__ = ["cdf", "log_threshold"]
