"""How different two mixtures are: divergences by draws and between bounds, transport, fewer components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.random import Generator, RandomState
from scipy.optimize import linprog

from mixtura.covariance import structure
from mixtura.mixture.conditionals import log_sum_exp
from mixtura.mixture.evaluation import log_density
from mixtura.mixture.normals import Normals
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import log_determinants

if TYPE_CHECKING:
    from mixtura.mixture.distribution import Mixture

# Steps to the variational upper bound: each lowers it, by a constant factor.
_MOST_STEPS = 1000

# What a reduced mixture's components are, by the shape of those that it comes from.
_MERGED = {"full": "full", "tied": "full", "diag": "diag", "spherical": "spherical"}


class Estimate(NamedTuple):
    """A mean over draws.

    Attributes
    ----------
    value, std_error : float
        In nats.
    """

    value: float
    std_error: float


class Divergence(NamedTuple):
    """A Kullback-Leibler divergence, which has no closed form.

    Attributes
    ----------
    value, std_error : float
        Mean over draws, and its standard error, in nats.
    lower, upper : float
        Bounds in closed form; of t components 0 and infinity.
    """

    value: float
    std_error: float
    lower: float
    upper: float


class Reduction(NamedTuple):
    """A mixture of fewer components.

    Attributes
    ----------
    mixture : Mixture
    kl_bound : float
        Upper bound of the divergence of the whole mixture from this one, in nats: the sum of what each merger
        costs at most.
    labels : ndarray of shape (n_components,), int64
        The component of `mixture` that each of the whole went into.
    """

    mixture: Mixture
    kl_bound: float
    labels: Array


def other_mixture(other: Any, ours: Mixture) -> Mixture:
    """The mixture of a fitted model, or a mixture itself, of as many features.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If it has other features.
    """
    found = getattr(other, "mixture_", other)
    if not isinstance(found, type(ours)):
        raise TypeError(f"other must be a Mixture or a fitted model, got {type(other).__name__}.")
    if found.n_features != ours.n_features:
        raise ValueError(
            f"other has {found.n_features} features, and this mixture {ours.n_features}: only mixtures of "
            "the same features can be compared."
        )
    return found.without_noise()


def check_gaussian(what: str, *mixtures: Mixture) -> None:
    """Raise ValueError where components have tails."""
    if any(mixture.df is not None for mixture in mixtures):
        raise ValueError(f"{what} is of Gaussian components, and these are of Student's t.")


def kl_divergence(
    ours: Mixture, theirs: Mixture, n_samples: int, rng: Generator | RandomState
) -> Divergence:
    """Of our rows from their mixture."""
    rows = ours.sample(n_samples, rng)[0]
    ratios = log_density(ours, rows, 1) - log_density(theirs, rows, 1)
    return Divergence(*_mean(ratios), *_bounds(ours, theirs))


def jensen_shannon(
    ours: Mixture, theirs: Mixture, n_samples: int, rng: Generator | RandomState
) -> Estimate:
    """Mean of the divergences of both from their even mixture: draws of each are half of all."""
    halves = []
    for one, other in ((ours, theirs), (theirs, ours)):
        rows = one.sample(-(-n_samples // 2), rng)[0]
        own, others = log_density(one, rows, 1), log_density(other, rows, 1)
        halves.append(_mean(np.log(2) - np.logaddexp(0, others - own)))
    first, second = halves
    error = float(np.hypot(first.std_error, second.std_error)) / 2
    return Estimate((first.value + second.value) / 2, error)


def _mean(values: FloatArray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std() / np.sqrt(len(values))))


def _bounds(ours: Mixture, theirs: Mixture) -> tuple[float, float]:
    """In closed form: of E log f from both sides, and the variational one (Hershey & Olsen 2007).

    Of E log g under f = sum_a p_a f_a, g = sum_b q_b g_b, by Jensen's inequality:
    sum_a p_a (log sum_b q_b exp(-KL(f_a || g_b)) - H(f_a)) <= E log g <= sum_a p_a log sum_b q_b (f_a, g_b).
    """
    if ours.df is not None or theirs.df is not None:
        return 0.0, np.inf
    ours, theirs = (_weighing(one) for one in (ours, theirs))
    between = divergences(ours, theirs)
    least_own, most_own = _expected_log(ours, ours, divergences(ours, ours))
    least, most = _expected_log(ours, theirs, between)
    upper = min(most_own - least, _variational(ours.weights, theirs.weights, between))
    return max(0.0, least_own - most), max(0.0, upper)


def _weighing(mixture: Mixture) -> Mixture:
    """Without components of no weight."""
    return _of_components(mixture, np.flatnonzero(mixture.weights > 0))


def _of_components(mixture: Mixture, which: Array) -> Mixture:
    covariances = mixture.covariance_matrices()[which]
    return type(mixture).from_parameters(mixture.weights[which], mixture.means[which], covariances)


def _expected_log(f: Mixture, g: Mixture, between: FloatArray) -> tuple[float, float]:
    """Lower and upper bound of the mean of log g over f."""
    p, d = f.weights, f.n_features
    entropies = (d * np.log(2 * np.pi * np.e) + log_determinants(f.covariance_matrices())) / 2
    least = p @ (log_sum_exp(np.log(g.weights) - between) - entropies)
    most = p @ log_sum_exp(np.log(g.weights) + _log_products(f, g))
    return float(least), float(most)


def _log_products(f: Mixture, g: Mixture) -> FloatArray:
    """Log of the integral of each pair's product: that of the density of N(m_b, S_a + S_b) at m_a."""
    found = np.empty((f.n_components, g.n_components))
    for a, (mean, covariance) in enumerate(zip(f.means, f.covariance_matrices(), strict=True)):
        pooled = g.covariance_matrices() + covariance
        squares = _squares(g.means - mean, pooled)
        found[a] = -(squares + log_determinants(pooled) + f.n_features * np.log(2 * np.pi)) / 2
    return found


def divergences(f: Mixture, g: Mixture) -> FloatArray:
    """Kullback-Leibler divergence of each of our components from each of theirs."""
    of_f, of_g = Normals.of(f), Normals.of(g)
    found = np.empty((f.n_components, g.n_components))
    for b, covariance in enumerate(of_g.covariances):
        ratios = np.linalg.solve(covariance, of_f.covariances)
        squares = _squares(of_f.means - of_g.means[b], covariance)
        traces = np.trace(ratios, axis1=1, axis2=2)
        found[:, b] = (traces - f.n_features + squares + of_g.logs[b] - of_f.logs) / 2
    return np.maximum(found, 0.0)


def _squares(away: FloatArray, covariances: FloatArray) -> FloatArray:
    solved = np.linalg.solve(covariances, away[:, :, np.newaxis])[:, :, 0]
    return np.asarray(np.einsum("kd,kd->k", away, solved))


def _variational(p: FloatArray, q: FloatArray, between: FloatArray) -> float:
    """Least of sum phi (log phi / psi + KL) over shares phi with the margin p and psi with the margin q.

    Both mixtures are cut to pieces that are compared one by one; phi and psi are made best in turn.
    """
    log_phi = np.log(np.outer(p, q))
    value = np.inf
    for _ in range(_MOST_STEPS):
        log_psi = log_phi - np.logaddexp.reduce(log_phi, axis=0) + np.log(q)
        terms = log_psi - between
        log_phi = (
            terms - np.logaddexp.reduce(terms, axis=1, keepdims=True) + np.log(p)[:, np.newaxis]
        )
        last, value = value, float((np.exp(log_phi) * (log_phi - log_psi + between)).sum())
        if last - value <= 1e-12 * abs(value):
            break
    return value


def wasserstein(ours: Mixture, theirs: Mixture) -> float:
    """Least transport between components, each at the distance of two Gaussians (Delon & Desolneux 2020)."""
    costs = _square_transports(ours, theirs)
    K, L = costs.shape
    margins = np.concatenate([np.kron(np.eye(K), np.ones(L)), np.kron(np.ones(K), np.eye(L))])
    shares = np.concatenate([ours.weights, theirs.weights])
    # One equation follows from the others, but for what rounding makes of the sums of weights.
    found = linprog(costs.ravel(), A_eq=margins[:-1], b_eq=shares[:-1], method="highs")
    return float(np.sqrt(max(found.fun, 0.0)))


def _square_transports(ours: Mixture, theirs: Mixture) -> FloatArray:
    """Squared 2-Wasserstein distance of each pair of components."""
    first, second = ours.covariance_matrices(), theirs.covariance_matrices()
    found = np.empty((len(first), len(second)))
    for a, covariance in enumerate(first):
        values, vectors = np.linalg.eigh(covariance)
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        crossed = np.linalg.eigvalsh(root @ second @ root)
        shared = np.sqrt(np.maximum(crossed, 0)).sum(axis=1)
        away = ((theirs.means - ours.means[a]) ** 2).sum(axis=1)
        traces = np.trace(covariance) + np.trace(second, axis1=1, axis2=2)
        found[a] = away + np.maximum(traces - 2 * shared, 0)
    return found


def reduced(mixture: Mixture, n_components: int) -> Reduction:
    """Components merged two by two, each time those that cost least at most (Runnalls 2007)."""
    pool = _Pool(mixture)
    labels, paid = np.arange(mixture.n_components), 0.0
    costs = np.full((mixture.n_components, mixture.n_components), np.inf)
    for a in range(mixture.n_components):
        later = np.arange(a + 1, mixture.n_components)
        costs[a, later] = pool.costs(a, later)
    for _ in range(mixture.n_components - n_components):
        a, b = divmod(int(costs.argmin()), len(costs))
        paid += float(costs[a, b])
        labels[labels == b] = a
        pool.merge(a, b)
        costs[b], costs[:, b] = np.inf, np.inf
        others = np.setdiff1d(labels, a)
        costs[np.minimum(a, others), np.maximum(a, others)] = pool.costs(a, others)
    there = np.unique(labels)
    return Reduction(pool.mixture(there), paid, np.searchsorted(there, labels))


class _Pool:
    """Components that are merged: as matrices, whatever their structure."""

    def __init__(self, mixture: Mixture) -> None:
        self._kind = structure(_MERGED[mixture.structure.kernel.name])
        self._class = type(mixture)
        self._weights, self._means = mixture.weights.copy(), mixture.means.copy()
        self._matrices = mixture.covariance_matrices().copy()
        self._logs = log_determinants(self._matrices)

    def costs(self, a: int, others: Array) -> FloatArray:
        """What it costs at most to merge a component with each of some others, in nats.

        ((v + w) log |S| - v log |S_a| - w log |S_b|) / 2, with v and w their weights.
        """
        if not len(others):
            return np.empty(0)
        weights, _, matrices = self._merged(a, others)
        apart = self._weights[a] * self._logs[a] + self._weights[others] * self._logs[others]
        return np.asarray(np.maximum(weights * log_determinants(matrices) - apart, 0.0) / 2)

    def merge(self, a: int, b: int) -> None:
        """Put the second of two into the first, which keeps their weight, mean and covariance."""
        weights, means, matrices = self._merged(a, np.array([b]))
        self._weights[a], self._means[a], self._matrices[a] = weights[0], means[0], matrices[0]
        self._logs[a] = log_determinants(matrices)[0]

    def mixture(self, there: Array) -> Mixture:
        """Of those that are left."""
        weights, kept = self._weights[there], self._matrices[there]
        variances = np.einsum("kii->ki", kept)
        shapes = {"full": kept, "diag": variances, "spherical": variances[:, 0]}
        name = self._kind.name
        return self._class.from_parameters(
            weights / weights.sum(), self._means[there], shapes[name], covariance_type=name
        )

    def _merged(self, a: int, others: Array) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights, means and covariances of a component with each of some others."""
        both = self._weights[a] + self._weights[others]
        share = np.divide(self._weights[others], both, out=np.zeros_like(both), where=both > 0)
        away = self._means[others] - self._means[a]
        within = self._matrices[a] + share[:, None, None] * (
            self._matrices[others] - self._matrices[a]
        )
        between = (share * (1 - share))[:, None, None] * away[:, :, None] * away[:, None]
        return both, self._means[a] + share[:, None] * away, self._in_structure(within + between)

    def _in_structure(self, matrices: FloatArray) -> FloatArray:
        if self._kind.name == "full":
            return matrices
        variances = np.einsum("kii->ki", matrices)
        if self._kind.name == "spherical":
            variances = np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape)
        return np.asarray(variances[:, :, None] * np.eye(variances.shape[1]))


__all__ = ["Divergence", "Estimate", "Reduction", "kl_divergence"]
