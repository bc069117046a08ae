"""The prior of variational Bayes, from an estimator's arguments and the rows; draws of whole mixtures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState

from mixtura._core import Structure
from mixtura.covariance import CovarianceStructure
from mixtura.em import ConjugatePrior, Prior
from mixtura.em.conjugate import CONJUGATE
from mixtura.em.regularisation import regularisation
from mixtura.mixture import Mixture, Posterior
from mixtura.rows import Blocks
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class PriorArguments:
    """Arguments of `BayesianGaussianMixture`, None where the default is wanted.

    widens: whether the default scatter is made positive definite.
    """

    sticks: bool
    by_size: bool
    concentration: float | None
    mean_precision: float | None
    mean: Any
    degrees_of_freedom: float | None
    scatter: Any
    widens: bool
    prior: ConjugatePrior | Prior | None = None


def check_conjugate(kind: CovarianceStructure) -> None:
    """Raise where precisions of a structure have no conjugate prior.

    Raises
    ------
    ValueError
        The message says which have one.
    """
    if kind.letters not in CONJUGATE:
        raise ValueError(
            f"covariance_type={kind.name!r} has no conjugate prior, so that variational Bayes has no closed "
            "form: take 'full' (VVV), 'tied' (EEE), 'diag' (VVI), 'spherical' (VII), 'EEI' or 'EII'."
        )


def prior_of(
    arguments: PriorArguments, kind: CovarianceStructure, n_components: int, blocks: Blocks
) -> ConjugatePrior:
    """The prior that the arguments ask for; what is None is scikit-learn's default, of these rows.

    Raises
    ------
    ValueError
        If the prior is improper, or an argument has another shape: the message names the limit.
    """
    d = blocks.shape[1]
    given = arguments
    if given.prior is not None:
        return _checked_prior(given, given.prior, kind, n_components, d)
    return ConjugatePrior(
        given.sticks,
        given.by_size,
        1.0 / n_components if given.concentration is None else float(given.concentration),
        np.array(blocks.mean) if given.mean is None else _checked_mean(given.mean, d),
        1.0 if given.mean_precision is None else float(given.mean_precision),
        _checked_degrees_of_freedom(given.degrees_of_freedom, kind, d),
        _default_scatter(kind, blocks, widens=given.widens)
        if given.scatter is None
        else _checked_scatter(given.scatter, kind, d),
    )


def _checked_prior(
    arguments: PriorArguments,
    prior: ConjugatePrior | Prior,
    kind: CovarianceStructure,
    n_components: int,
    d: int,
) -> ConjugatePrior:
    """That which is given whole."""
    parts = {
        "weight_concentration_prior": arguments.concentration,
        "mean_precision_prior": arguments.mean_precision,
        "mean_prior": arguments.mean,
        "degrees_of_freedom_prior": arguments.degrees_of_freedom,
        "covariance_prior": arguments.scatter,
    }
    doubled = [name for name, value in parts.items() if value is not None]
    if doubled:
        raise ValueError(f"prior says what {doubled[0]} would: leave one of the two out.")
    if isinstance(prior, Prior):
        prior = _of_prior(prior, kind, n_components, d)
    if prior.sticks != arguments.sticks:
        own = "dirichlet_process" if prior.sticks else "dirichlet_distribution"
        raise ValueError(
            f"The weights of the prior have a Dirichlet {own.split('_')[1]}: take "
            f"weight_concentration_prior_type={own!r}."
        )
    prior.check(kind, n_components, d)
    least = np.min(prior.degrees_of_freedom)
    _checked_degrees_of_freedom(float(least), kind, d)
    return prior


def _of_prior(prior: Prior, kind: CovarianceStructure, n_components: int, d: int) -> ConjugatePrior:
    """Of a `Prior` of all parameters. One variance has d times the degrees of freedom there."""
    prior.check(kind, n_components, d)
    is_there = prior.mean is not None and np.all(prior.mean_count > 0)
    if not is_there or prior.degrees_of_freedom is None:
        raise ValueError(
            "Variational Bayes needs a prior of all parameters: a Prior with mean, mean_count above 0, "
            "degrees_of_freedom and scatter, such as Prior.from_mixture(model, relevance=..., "
            "adapt=('weights', 'means', 'covariances'))."
        )
    features = d if kind.kernel == Structure.spherical else 1
    values = [
        prior.concentration,
        prior.mean,
        prior.mean_count,
        prior.degrees_of_freedom / features,
        np.asarray(prior.scatter) / features,
    ]
    one = kind.shape(1, d)
    ndims = [0, 1, 0, 0, len(one if kind.shared else one[1:])]
    if any(np.ndim(value) > ndim for value, ndim in zip(values, ndims, strict=True)):
        n_own = 1 if ConjugatePrior.is_common(kind) else n_components
        sizes = [n_components, n_components, n_components, n_own, n_own]
        values = [
            value if size == 1 or np.ndim(value) > ndim else np.array([value] * size)
            for value, ndim, size in zip(values, ndims, sizes, strict=True)
        ]
        values[1] = np.asarray(values[1]).reshape(n_components, d)
    concentration, mean, mean_precision, degrees_of_freedom, scatter = map(np.asarray, values)
    return ConjugatePrior(
        False, False, concentration, mean, mean_precision, degrees_of_freedom, scatter
    )


def _checked_mean(mean: Any, n_features: int) -> FloatArray:
    array = _numbers("mean_prior", mean)
    if array.shape != (n_features,):
        raise ValueError(
            f"The parameter 'means' should have the shape of ({n_features},), but got {array.shape}: "
            "mean_prior has one number a feature."
        )
    return array


def _checked_degrees_of_freedom(value: float | None, kind: CovarianceStructure, d: int) -> float:
    if value is None:
        return float(d)
    if kind.has_matrices and not value > d - 1:
        raise ValueError(
            f"The parameter 'degrees_of_freedom_prior' should be greater than {d - 1}, but got {value:.3f}. "
            f"No Wishart distribution of {d} features has fewer."
        )
    return float(value)


def _checked_scatter(scatter: Any, kind: CovarianceStructure, d: int) -> FloatArray:
    array = _numbers("covariance_prior", scatter)
    one = kind.shape(1, d)
    shape = one if kind.shared else one[1:]
    if array.shape != shape:
        raise ValueError(
            f"The parameter '{kind.name} covariance_prior' should have the shape of {shape}, but got "
            f"{array.shape}."
        )
    if not kind.has_matrices and (array <= 0).any():
        raise ValueError(
            f"'{kind.name} precision' should be positive: the least number of covariance_prior is "
            f"{array.min():g}, and it must be greater than 0."
        )
    if kind.has_matrices and not _is_positive_definite(array):
        least = np.linalg.eigvalsh((array + array.T) / 2)[0]
        raise ValueError(
            f"'{kind.name} precision' should be symmetric, positive-definite: the least eigenvalue of "
            f"covariance_prior is {least:g}, and it must be greater than 0."
        )
    return array


def _is_positive_definite(matrix: FloatArray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return bool(np.allclose(matrix, matrix.T))


def _numbers(name: str, value: Any) -> FloatArray:
    array: FloatArray = np.array(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but it contains NaN or infinity.")
    return array


def _default_scatter(kind: CovarianceStructure, blocks: Blocks, *, widens: bool) -> FloatArray:
    """The covariance of all rows, their number less one below (scikit-learn's default)."""
    spread = blocks.spread("full" if kind.has_matrices else "diag")
    if not spread.weight > 1:
        raise ValueError(
            f"The default covariance_prior needs rows of a total weight above 1, got {spread.weight:g}: "
            "multiply sample_weight, or give covariance_prior."
        )
    scatter = spread.scatter / (spread.weight - 1)
    added = regularisation("auto", blocks) if widens else np.zeros(blocks.shape[1])
    scatter = scatter + (np.diag(added) if kind.has_matrices else added)
    if kind.kernel == Structure.spherical:
        scatter = np.asarray(scatter.mean())
    if not (_is_positive_definite(scatter) if kind.has_matrices else (scatter > 0).all()):
        raise ValueError(
            "The covariance of X, which is the default covariance_prior, is not positive definite: give "
            "covariance_prior, or leave reg_covar at 'auto'."
        )
    return np.asarray(scatter)


# Whole mixtures


def expected_mixture(
    prior: ConjugatePrior, kind: CovarianceStructure, n_components: int
) -> Mixture:
    """That of the parameters that the prior expects; the noise apart."""
    d, nu = prior.mean.shape[-1], np.asarray(prior.degrees_of_freedom)
    one = prior.scatter_of(kind, d)
    one = one / nu.reshape(nu.shape + (1,) * (one.ndim - nu.ndim))
    covariances = one if kind.shared else np.broadcast_to(one, kind.shape(n_components, d)).copy()
    factors = kind.factor_covariances(covariances, n_components, d)
    means = np.broadcast_to(prior.mean, (n_components, d)).copy()
    return Mixture(kind, _expected_weights(prior, n_components), means, covariances, factors)


def _expected_weights(prior: ConjugatePrior, n_components: int) -> FloatArray:
    own, rest = (
        np.broadcast_to(value, n_components) for value in (prior.stick_counts, prior.concentration)
    )
    weights = rest
    if prior.sticks:
        sticks = own / (own + rest)
        weights = sticks * np.concatenate([[1.0], np.cumprod(1 - sticks)[:-1]])
    return np.asarray(weights / weights.sum())


def posterior_of_no_rows(
    prior: ConjugatePrior, kind: CovarianceStructure, n_components: int
) -> Mixture:
    """The prior as a posterior of no rows."""
    nothing = np.zeros(n_components)
    expected = expected_mixture(prior, kind, n_components)
    return replace(expected, posterior=Posterior(nothing, nothing))


def drawn_from(mixture: Mixture, prior: ConjugatePrior, rng: Generator | RandomState) -> Mixture:
    """A mixture drawn from the posterior whose expectations these are."""
    kind, (k, d) = mixture.structure, mixture.means.shape
    covariances = _drawn_covariances(mixture, prior, rng)
    spreads = np.linalg.cholesky(kind.matrices(covariances, k, d))
    away = np.einsum("kij,kj->ki", spreads, rng.standard_normal((k, d)))
    means = mixture.means + away / np.sqrt(prior.mean_precisions(mixture))[:, np.newaxis]
    factors = kind.factor_covariances(covariances, k, d)
    return Mixture(kind, _drawn_weights(mixture, prior, rng), means, covariances, factors).frozen()


def _drawn_weights(
    mixture: Mixture, prior: ConjugatePrior, rng: Generator | RandomState
) -> FloatArray:
    concentration = prior.weight_concentrations(mixture)
    if not isinstance(concentration, tuple):
        return np.asarray(rng.dirichlet(concentration))
    sticks = rng.beta(*concentration)
    order = prior.order_of_sticks(mixture)
    weights = np.empty(len(sticks))
    weights[order] = sticks[order] * np.concatenate([[1.0], np.cumprod(1 - sticks[order])[:-1]])
    return np.asarray(weights / weights.sum())


def _drawn_covariances(
    mixture: Mixture, prior: ConjugatePrior, rng: Generator | RandomState
) -> FloatArray:
    kind, covariances = mixture.structure, mixture.covariances
    nu = prior.all_degrees_of_freedom(mixture)
    if kind.has_matrices:
        factors = mixture.precisions_cholesky
        if kind.shared:
            return _drawn_wishart(factors, nu[0], rng)
        return np.array([_drawn_wishart(*each, rng) for each in zip(factors, nu, strict=True)])
    df = nu * (mixture.n_features if kind.kernel == Structure.spherical else 1)
    df = np.broadcast_to(df.reshape(-1, *[1] * (covariances.ndim - 1)), covariances.shape)
    chisquares: FloatArray = np.asarray(rng.chisquare(df))
    if prior.is_common(kind):
        chisquares = np.broadcast_to(chisquares[:1], covariances.shape)
    return np.asarray(covariances * df / chisquares)


def _drawn_wishart(factor: FloatArray, nu: float, rng: Generator | RandomState) -> FloatArray:
    """The inverse of a precision drawn by Bartlett's decomposition.

    With E[precision] = P P^T it is P B B^T P^T / nu, B lower triangular.
    """
    d = len(factor)
    bartlett = np.tril(rng.standard_normal((d, d)), -1)
    bartlett[np.diag_indices(d)] = np.sqrt(rng.chisquare(nu - np.arange(d)))
    root = np.linalg.inv(factor @ bartlett / np.sqrt(nu))
    covariance: FloatArray = root.T @ root
    return (covariance + covariance.T) / 2


__all__ = [
    "PriorArguments",
    "check_conjugate",
    "drawn_from",
    "expected_mixture",
    "posterior_of_no_rows",
    "prior_of",
]
