"""The density of a further row, where the parameters of a mixture have a posterior distribution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, RandomState
from scipy.special import gammaln

from mixtura._core import Structure
from mixtura.covariance import STRUCTURES
from mixtura.mixture.distribution import Mixture, check_n_samples
from mixtura.mixture.evaluation import log_density, random_generator
from mixtura.mixture.noise import Noise
from mixtura.support.arrays import Array, FloatArray, result_dtype

# Numbers that are made at a time.
_AT_A_TIME = 1 << 20


@dataclass(frozen=True, eq=False)
class IndependentT:
    """A mixture whose components are products of Student's t distributions, one of each feature.

    Beside them there may be noise, as beside those of a `Mixture`.

    Attributes
    ----------
    weights : ndarray of shape (n_components,)
        Non-negative; with that of the noise their sum is 1.
    means, variances : ndarray of shape (n_components, n_features)
        variances: squares of the scales.
    df : ndarray of shape (n_components,)
        Degrees of freedom.
    noise : Noise or None, default=None
    """

    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    df: FloatArray
    noise: Noise | None = None

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.means.shape[1])

    def without_noise(self) -> IndependentT:
        """The distribution of the rows that are no noise."""
        return replace(self, weights=self.weights / self.weights.sum(), noise=None)

    def log_density(self, X: Array) -> FloatArray:
        """Log of the density at each row; of what was observed of it, where some is NaN."""
        out = np.empty(len(X))
        at_a_time = max(1, _AT_A_TIME // self.means.size)
        for begin in range(0, len(X), at_a_time):
            rows = slice(begin, begin + at_a_time)
            out[rows] = np.logaddexp.reduce(self.log_joint(X[rows]), axis=1)
        return out if self.noise is None else np.logaddexp(out, self._log_joint_of_noise(X))

    def _log_joint_of_noise(self, X: Array) -> Array:
        assert self.noise is not None
        sides, is_gap = self.noise.log_sides, np.isnan(X)
        if sides is None or not is_gap.any():
            return np.asarray(self.noise.log_joint)
        # Uniform in the box of what was observed; whole rows have the density of the smaller of two boxes.
        of_parts = np.log(self.noise.weight) - np.where(is_gap, 0.0, sides).sum(axis=1)
        return np.where(is_gap.any(axis=1), of_parts, self.noise.log_joint)

    def log_joint(self, X: Array) -> FloatArray:
        """Log of weight times density of each component at each row: (n_rows, n_components)."""
        df = self.df[:, np.newaxis]
        squares = (X[:, np.newaxis].astype(np.float64) - self.means) ** 2 / (df * self.variances)
        heights = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(np.pi * df * self.variances) / 2
        of_features = heights - (df + 1) / 2 * np.log1p(squares)
        with np.errstate(divide="ignore"):
            joint: FloatArray = np.log(self.weights) + np.nansum(of_features, axis=2)
        return joint

    def sample(
        self, n_samples: int, random_state: int | RandomState | Generator | None
    ) -> tuple[FloatArray, Array]:
        """Draw rows, and the component of each."""
        check_n_samples(n_samples)
        rng = random_generator(random_state)
        shares = self.without_noise().weights
        k = rng.choice(len(shares), size=n_samples, p=shares)
        shape = (n_samples, self.means.shape[1])
        scales = np.sqrt(self.df[k, np.newaxis] / rng.chisquare(self.df[k, np.newaxis], shape))
        away = rng.standard_normal(shape) * np.sqrt(self.variances[k]) * scales
        return self.means[k] + away, k.astype(np.int64)


Predictive = Mixture | IndependentT


def predictive_of(
    mixture: Mixture, mean_precisions: FloatArray, degrees_of_freedom: FloatArray
) -> Predictive:
    """Integrate a Gaussian over the posterior of the parameters of each component (Bishop 2006, eq. 10.81).

    Matrices: Student's t of nu + 1 - d degrees of freedom. One variance: of d nu. Variances of each feature,
    which are independent: a product of those of nu. The scale is that of the expected precision, wider by
    1 / kappa for the mean.
    """
    kind, (k, d) = mixture.structure, mixture.means.shape
    wider, nu = 1 + 1 / mean_precisions, degrees_of_freedom
    if kind.kernel == Structure.diag:
        variances = mixture.covariances * wider[:, np.newaxis]
        return IndependentT(mixture.weights, mixture.means, variances, nu, mixture.noise)
    if kind.kernel == Structure.spherical:
        df, kind, covariances = d * nu, STRUCTURES["spherical"], mixture.covariances * wider
    else:
        df, kind = nu + 1 - d, STRUCTURES["full"]
        covariances = mixture.covariance_matrices() * (wider * nu / df)[:, np.newaxis, np.newaxis]
    factors = kind.factor_covariances(covariances, k, d)
    own = mixture.weights, mixture.means, covariances, factors
    return Mixture(kind, *own, df, mixture.noise).frozen()


def log_predictive(
    predictive: Predictive,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Log density of checked rows.

    missing: NaN stands for features that were not observed. errors: with which they were measured; of no t
    components.
    """
    if isinstance(predictive, Mixture):
        return log_density(predictive, X, threads, missing=missing, errors=errors)
    return predictive.log_density(X).astype(result_dtype(X), copy=False)


__all__ = ["IndependentT", "Predictive", "log_predictive", "predictive_of"]
