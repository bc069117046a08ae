"""The slow, obvious way in NumPy and SciPy: what every kernel and structure is compared with.

Straight from the equations (Bishop 2006, eqs. 9.23 to 9.28), with whole n x K and n x d arrays and
scipy's own densities. Written to be read, and to share nothing with what it checks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import digamma, logsumexp
from scipy.stats import multivariate_normal, multivariate_t

from mixtura.covariance import CovarianceStructure
from mixtura.em import Prior
from mixtura.mixture import Mixture

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class OracleStatistics:
    """The sums of `SufficientStatistics`, by the equations."""

    weight: float
    log_likelihood: float
    log_certainty: float
    counts: Array
    firsts: Array
    seconds: Array
    noise: float = 0.0
    scales: Array | None = None
    log_scales: Array | None = None


def log_joint(
    mixture: Mixture,
    X: Array,
    log_credible: Array | None = None,
    errors: Array | None = None,
) -> Array:
    """log(w_k p_k(x_i)), and of noise in the last column where there is any: (n_rows, n_densities).

    Where features are missing (NaN), of those that are there. log_credible: added to it, as what is known of
    the rows. errors, (n_rows, n_features, n_features): each row's own, added to the covariances.
    """
    if errors is not None:
        known = [None] * len(X) if log_credible is None else log_credible[:, np.newaxis]
        each = zip(X[:, np.newaxis], known, errors, strict=True)
        return np.vstack([log_joint(_wider(mixture, E), x, own) for x, own, E in each])
    joint = np.empty((len(X), mixture.n_components + (mixture.noise is not None)))
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    for rows, seen in patterns(X):
        for k, covariance in enumerate(mixture.covariance_matrices()):
            joint[rows, k] = log_weights[k]
            if seen.any():
                of_seen = (
                    X[np.ix_(rows, seen)],
                    mixture.means[k, seen],
                    covariance[np.ix_(seen, seen)],
                )
                if mixture.df is None:
                    joint[rows, k] += multivariate_normal.logpdf(*of_seen)
                else:
                    joint[rows, k] += multivariate_t.logpdf(*of_seen, df=mixture.df[k])
        if mixture.noise is not None:
            joint[rows, -1] = mixture.noise.log_joint
            if not seen.all():
                assert mixture.noise.log_sides is not None
                joint[rows, -1] += mixture.noise.log_sides[~seen].sum()
    return joint if log_credible is None else joint + log_credible


def _wider(mixture: Mixture, error: Array) -> Mixture:
    covariances = mixture.covariance_matrices() + error
    wider = Mixture.from_parameters(
        mixture.without_noise().weights, mixture.means, covariances, covariance_type="full"
    )
    return replace(wider, weights=mixture.weights, noise=mixture.noise)


def patterns(X: Array) -> list[tuple[Any, Any]]:
    """Numbers of rows that have the same features, and which ones those are."""
    seen, which = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == i), one) for i, one in enumerate(seen)]


def log_density(
    mixture: Mixture,
    X: Array,
    log_credible: Array | None = None,
    errors: Array | None = None,
) -> Array:
    """Log p(x_i)."""
    return np.asarray(logsumexp(log_joint(mixture, X, log_credible, errors), axis=1))


def responsibilities(
    mixture: Mixture,
    X: Array,
    log_credible: Array | None = None,
    errors: Array | None = None,
) -> Array:
    """r_ik = w_k p_k(x_i) / p(x_i)."""
    joint = log_joint(mixture, X, log_credible, errors)
    return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))


def statistics(
    mixture: Mixture,
    X: Array,
    sample_weight: Array | None = None,
    log_credible: Array | None = None,
    errors: Array | None = None,
) -> OracleStatistics:
    """Sums over the rows, about the mixture's means; rows without any feature are left out.

    Missing features: of what is expected given those that are there (Ghahramani & Jordan 1994; of t
    components Liu & Rubin 1995). errors, (n, d, d): of what is true given what was measured with them (Bovy,
    Hogg & Roweis 2011).
    """
    some = ~np.isnan(X).all(axis=1)
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    log_credible = None if log_credible is None else log_credible[some]
    X, w = X[some], w[some]
    errors = None if errors is None else errors[some]
    joint = log_joint(mixture, X, log_credible, errors)
    log_densities = logsumexp(joint, axis=1)
    r = np.exp(joint - log_densities[:, np.newaxis])
    wr = w[:, np.newaxis] * r
    completed, spread = completions(mixture, X) if errors is None else true_rows(mixture, X, errors)
    differences = completed - mixture.means
    with np.errstate(divide="ignore"):
        certainty = np.log(r.max(axis=1))
    kernel, of_components = mixture.structure.kernel.name, wr[:, : mixture.n_components]
    scales, log_scales, weighed = None, None, of_components
    if mixture.df is not None:
        # u, and E[log u], of each row in each component (Peel & McLachlan 2000)
        d, df = (~np.isnan(X)).sum(axis=1)[:, np.newaxis], mixture.df
        precisions = np.linalg.inv(mixture.covariance_matrices())
        below = df + np.einsum("nki,kij,nkj->nk", differences, precisions, differences)
        u = (df + d) / below
        weighed = of_components * u
        scales = weighed.sum(axis=0)
        log_u = digamma((df + d) / 2) - np.log(below / 2)
        log_scales = (of_components * (log_u - u)).sum(axis=0)
    return OracleStatistics(
        weight=float(w.sum()),
        log_likelihood=float(w @ log_densities),
        log_certainty=float(w @ certainty),
        counts=of_components.sum(axis=0),
        firsts=np.einsum("nk,nkd->kd", weighed, differences),
        seconds=_seconds(kernel, weighed, differences) + _kept(kernel, of_components, spread),
        noise=float(wr[:, mixture.n_components :].sum()),
        scales=scales,
        log_scales=log_scales,
    )


def log_prior(prior: Prior, mixture: Mixture) -> float:
    """Log density of the parameters, without what depends on no parameter (docs/priors.md)."""
    k, d = mixture.means.shape
    kind, matrices = mixture.structure, mixture.covariance_matrices()
    logs, inverses = np.linalg.slogdet(matrices)[1], np.linalg.inv(matrices)
    found = float((np.broadcast_to(prior.concentration - 1.0, k) * np.log(mixture.weights)).sum())
    if prior.mean is not None:
        away = mixture.means - prior.mean
        counts = np.broadcast_to(prior.mean_count, k)
        found -= float(counts @ np.einsum("ki,kij,kj->k", away, inverses, away)) / 2
    if prior.scatter is None:
        return found
    if prior.mean is not None:
        found -= float(((counts > 0) * logs).sum()) / 2
    of_each = 1 if kind.letters in ("EII", "EEI", "EEE") else k
    nu, size = np.broadcast_to(prior.degrees_of_freedom, of_each), kind.shape(1, d)[1:]
    if kind.shared:
        size = kind.shape(1, d)
    scatters = np.broadcast_to(prior.scatter, (of_each, *size))
    power = {"full": d + 1.0, "tied": d + 1.0, "diag": 2.0, "spherical": 2.0 / d}
    for one in range(of_each):
        scatter, kernel = scatters[one], kind.kernel.name
        times = 1 / d if kernel == "spherical" else 1.0  # one variance, not one a feature
        whole = scatter if kernel in ("full", "tied") else np.diag(np.broadcast_to(scatter, d))
        found -= times * float(np.trace(whole @ inverses[one])) / 2
        found -= (nu[one] * times + power[kernel]) * float(logs[one]) / 2
    return found


def completions(mixture: Mixture, X: Array) -> tuple[Array, Array]:
    """What each component expects of each row, (n, K, d), and the covariance of that, (n, K, d, d)."""
    n, d = X.shape
    completed = np.repeat(X[:, np.newaxis, :], mixture.n_components, axis=1)
    spread = np.zeros((n, mixture.n_components, d, d))
    for rows, seen in patterns(X):
        for k, covariance in enumerate(mixture.covariance_matrices()):
            among, across = covariance[np.ix_(seen, seen)], covariance[np.ix_(~seen, seen)]
            slopes = np.linalg.solve(among, across.T).T
            mean = mixture.means[k]
            expected = mean[~seen] + (X[np.ix_(rows, seen)] - mean[seen]) @ slopes.T
            completed[np.ix_(rows, [k], ~seen)] = expected[:, np.newaxis]
            left = covariance[np.ix_(~seen, ~seen)] - slopes @ across.T
            spread[np.ix_(rows, [k], ~seen, ~seen)] = left
    return completed, spread


def true_rows(mixture: Mixture, X: Array, errors: Array) -> tuple[Array, Array]:
    """What each component expects of what is true, (n, K, d), and the covariance of that, (n, K, d, d)."""
    n, d = X.shape
    expected = np.empty((n, mixture.n_components, d))
    spread = np.empty((n, mixture.n_components, d, d))
    for k, covariance in enumerate(mixture.covariance_matrices()):
        for i, (x, error) in enumerate(zip(X, errors, strict=True)):
            seen = ~np.isnan(x)
            among = covariance[np.ix_(seen, seen)] + error[np.ix_(seen, seen)]
            slopes = np.linalg.solve(among, covariance[seen]).T
            expected[i, k] = mixture.means[k] + slopes @ (x - mixture.means[k])[seen]
            spread[i, k] = covariance - slopes @ covariance[seen]
    return expected, spread


def _kept(kernel: str, wr: Array, spread: Array) -> Array:
    subscripts = {
        "full": "nk,nkij->kij",
        "tied": "nk,nkij->ij",
        "diag": "nk,nkii->ki",
        "spherical": "nk,nkii->k",
    }
    return np.asarray(np.einsum(subscripts[kernel], wr, spread))


def _seconds(kernel: str, wr: Array, differences: Array) -> Array:
    subscripts = {
        "full": "nk,nki,nkj->kij",
        "tied": "nk,nki,nkj->ij",
        "diag": "nk,nki,nki->ki",
        "spherical": "nk,nki,nki->k",
    }
    return np.asarray(np.einsum(subscripts[kernel], wr, differences, differences))


def maximise(
    mixture: Mixture, X: Array, reg_covar: float = 0.0, sample_weight: Array | None = None
) -> tuple[Array, Array, Array]:
    """Weights, means and covariances of the next mixture, by weighted averages about the new means."""
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    wr = w[:, np.newaxis] * responsibilities(mixture, X)
    counts = wr.sum(axis=0)
    means = (wr.T @ X) / counts[:, np.newaxis]
    scatter = _seconds("full", wr, X[:, np.newaxis, :] - means)
    own = scatter / counts[:, np.newaxis, np.newaxis] + reg_covar * np.eye(X.shape[1])
    weights = counts / counts.sum()
    matrices = likeliest(mixture.structure.letters, weights, own)
    return weights, means, stored(mixture.structure, matrices)


def stored(structure: CovarianceStructure, matrices: Array) -> Array:
    """Covariances as the structure keeps them, of matrices that belong to it."""
    subscripts = {"full": "kij->kij", "tied": "kij->ij", "diag": "kii->ki", "spherical": "kii->k"}
    kernel = structure.kernel.name
    sums = np.einsum(subscripts[kernel], matrices)
    divisors = {"full": 1, "tied": len(matrices), "diag": 1, "spherical": matrices.shape[1]}
    return np.asarray(sums / divisors[kernel])


def deviance(weights: Array, own: Array, matrices: Array) -> float:
    """sum_k w_k (log |Sigma_k| + tr(S_k inv(Sigma_k))), which the M-step's covariances make least."""
    terms = np.linalg.slogdet(matrices)[1] + np.einsum("kij,kji->k", own, np.linalg.inv(matrices))
    return float(weights @ terms)


def likeliest(letters: str, weights: Array, own: Array, n_iter: int = 3_000) -> Array:
    """The covariances lambda_k D_k A_k D_k^T of least deviance: Celeux & Govaert 1995, by coordinates.

    Volumes, shapes and orientations are each set to the likeliest given the other two, again and again.
    Where shapes vary and the orientation is common that creeps, and there may be several minima:
    then the result is a bound, not the answer.
    """
    n_components, d = own.shape[:2]
    volume, shape, orientation = tuple(letters)
    axes = np.tile(np.eye(d), (n_components, 1, 1))
    if orientation == "E":
        axes[:] = np.linalg.eigh(np.einsum("k,kij->ij", weights, own))[1][:, ::-1]
    if orientation == "V":
        axes = np.linalg.eigh(own)[1][:, :, ::-1]
    volumes, shapes = np.ones(n_components), np.ones((n_components, d))
    for _ in range(n_iter):
        before = volumes, shapes, axes
        if orientation == "E":
            axes = _likeliest_axes(weights / volumes, own, shapes, axes)
        variances = np.einsum("kji,kjl,kli->ki", axes, own, axes)
        if shape != "I":
            shapes = _pooled(shape, weights, variances / volumes[:, np.newaxis])
            shapes = shapes / np.exp(np.log(shapes).mean(axis=1, keepdims=True))
        volumes = _pooled(volume, weights, (variances / shapes).mean(axis=1))
        pairs = zip(before, (volumes, shapes, axes), strict=True)
        if all(np.allclose(old, new, rtol=1e-14, atol=1e-14) for old, new in pairs):
            break
    scaled = volumes[:, np.newaxis] * shapes
    return np.asarray(np.einsum("kil,kl,kjl->kij", axes, scaled, axes))


def _pooled(letter: str, weights: Array, values: Array) -> Array:
    if letter == "V":
        return values
    mean = np.average(values, axis=0, weights=weights)
    return np.broadcast_to(mean, values.shape)


def _likeliest_axes(factors: Array, own: Array, shapes: Array, axes: Array) -> Array:
    """Lower sum_k f_k tr(S_k D inv(A_k) D^T): by a bound that is linear in D (Browne & McNicholas 2014).

    With s_k the largest eigenvalue of S_k, tr((S_k - s_k I) D inv(A_k) D^T) is concave in D.
    """
    if np.ptp(shapes, axis=0).max() == 0:
        axes[:] = np.linalg.eigh(np.einsum("k,kij->ij", factors, own))[1][:, ::-1]
        return axes.copy()
    largest = np.linalg.eigvalsh(own)[:, -1]
    shifted = own - largest[:, np.newaxis, np.newaxis] * np.eye(own.shape[1])
    slope = np.einsum("k,kij,kjl,kl->il", factors, shifted, axes, 1.0 / shapes)
    left, _, right = np.linalg.svd(slope)
    return np.broadcast_to(-(left @ right), own.shape)
