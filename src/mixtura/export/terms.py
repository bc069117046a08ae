"""A log density as what other runtimes compute: heights of components less what distances cost.

Of component k at a row x, with y = P_k^T (x - mu_k) and q = |y|^2, the log of weight times density is

    h_k - q / 2                                  of a Gaussian,
    h_k - (df_k + d) / 2 log(1 + q / df_k)       of Student's t,
    h_k - sum_j (df_k + 1) / 2 log(1 + y_j^2 / df_k)    of independent Student's t, one of each feature,

and of noise a constant. h_k is what it is at the mean, which the core says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mixtura.mixture import IndependentT, Mixture, Predictive, log_joint
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Terms:
    """Of each component.

    Attributes
    ----------
    heights : ndarray of shape (n_components,)
    means : ndarray of shape (n_components, n_features)
    factors : ndarray of shape (n_components or 1, n_features, n_features) or (n_components, n_features or 1)
        P: matrices, or what features are multiplied by.
    df : ndarray of shape (n_components,), or None
        Degrees of freedom; None: Gaussian.
    is_by_feature : bool
        Whether each feature has a t distribution of its own.
    noise : tuple of float
        Log of weight times density of each background.
    """

    heights: FloatArray
    means: FloatArray
    factors: FloatArray
    df: FloatArray | None = None
    is_by_feature: bool = False
    noise: tuple[float, ...] = ()

    @property
    def has_matrices(self) -> bool:
        """Whether factors are matrices."""
        return self.factors.ndim == 3

    def matrices(self) -> FloatArray:
        """A factor of each component, as matrices."""
        n_components, n_features = self.means.shape
        if self.has_matrices:
            return np.broadcast_to(self.factors, (n_components, n_features, n_features))
        return self.factors[:, :, np.newaxis] * np.eye(n_features)


def terms_of(density: Predictive) -> Terms:
    """Of a distribution."""
    if isinstance(density, IndependentT):
        heights = np.diagonal(density.log_joint(density.means))
        factors = 1 / np.sqrt(density.variances)
        noise: tuple[float, ...] = () if density.noise is None else (density.noise.log_joint,)
        own = heights, density.means, factors, density.df
        return Terms(*own, is_by_feature=True, noise=noise)
    at_means = log_joint(density, density.means, 1)
    heights = np.diagonal(at_means)
    factors = density.precisions_cholesky
    if density.structure.shared:
        factors = factors[np.newaxis]
    elif factors.ndim == 1:
        factors = factors[:, np.newaxis]
    # The same everywhere; of a posterior not by the expected weight, but by the expectation of its logarithm.
    noise = tuple(map(float, at_means[0, density.n_components :]))
    return Terms(heights, density.means, factors, density.df, noise=noise)


def together(mixtures: Sequence[Mixture], priors: FloatArray) -> Terms:
    """The components of several distributions, each with its prior; noise of all of them last."""
    with np.errstate(divide="ignore"):
        log_priors = np.log(priors)
    parts = [terms_of(mixture) for mixture in mixtures]
    heights = [part.heights + prior for part, prior in zip(parts, log_priors, strict=True)]
    n_features = parts[0].means.shape[1]
    if any(part.has_matrices for part in parts):
        factors = [part.matrices() for part in parts]
    else:
        factors = [np.broadcast_to(part.factors, (len(part.means), n_features)) for part in parts]
    df = None if parts[0].df is None else np.concatenate([part.df for part in parts])
    noise = [
        constant + prior
        for part, prior in zip(parts, log_priors, strict=True)
        for constant in part.noise
    ]
    whole = replace(parts[0], heights=np.concatenate(heights), df=df, noise=tuple(noise))
    means = np.concatenate([part.means for part in parts])
    return replace(whole, means=means, factors=np.concatenate(factors))


def owners(mixtures: Sequence[Mixture]) -> FloatArray:
    """Which of several distributions each column of `together` belongs to: 1 there, else 0."""
    of_each = np.eye(len(mixtures))
    numbers = [c for c, one in enumerate(mixtures) for _ in range(one.n_components)]
    return of_each[[*numbers, *(c for c, one in enumerate(mixtures) if one.noise is not None)]]


__all__ = ["Terms", "owners", "terms_of", "together"]
