"""The posterior of variational Bayes and its bound, beside direct computations of SciPy's distributions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, logsumexp

from mixtura import BayesianGaussianMixture
from mixtura.covariance import structure
from mixtura.datasets import load_faithful
from mixtura.em import ConjugatePrior, Kind, SufficientStatistics, Variational
from mixtura.mixture import log_joint, native_mixture
from posteriors import CASES, PRIOR, SHAPE, STRUCTURES, X, scatter_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::mixtura.DataWarning"),
]


def fitted(kind, prior_type, n_components=3, max_iter=1000, rows=X, **arguments):
    return BayesianGaussianMixture(
        n_components,
        covariance_type=kind,
        weight_concentration_prior_type=prior_type,
        covariance_prior=scatter_of(kind),
        max_iter=max_iter,
        random_state=0,
        **{"init_params": "kmeans", "reg_covar": 0.0, **PRIOR, **arguments},
    ).fit(rows)


# One component: the bound is the evidence, which the chain rule gives row by row.


def log_predictive(kind, row, n, mean, scatter):
    """Density of a row after n others, by SciPy's t distributions."""
    d = len(row)
    kappa, nu = PRIOR["mean_precision_prior"] + n, PRIOR["degrees_of_freedom_prior"] + n
    wider = 1 + 1 / kappa
    if kind in ("full", "tied"):
        df = nu + 1 - d
        return stats.multivariate_t.logpdf(row, mean, scatter * wider / df, df=df)
    if kind in ("diag", "EEI"):
        return stats.t.logpdf(row, nu, mean, np.sqrt(scatter / nu * wider)).sum()
    return stats.multivariate_t.logpdf(row, mean, scatter / nu * wider * np.eye(d), df=d * nu)


def evidence_row_by_row(kind):
    kappa, mean = PRIOR["mean_precision_prior"], np.array(PRIOR["mean_prior"])
    scatter, total = scatter_of(kind), 0.0
    reduce = {"full": np.outer, "diag": np.multiply, "spherical": lambda a, b: np.mean(a * b)}
    square = reduce[SHAPE.get(kind, kind)]
    for n, row in enumerate(X):
        total += log_predictive(kind, row, n, mean, scatter)
        away = row - mean
        scatter = scatter + (kappa + n) / (kappa + n + 1) * square(away, away)
        mean = mean + away / (kappa + n + 1)
    return total


@pytest.mark.parametrize("kind", STRUCTURES)
def test_the_bound_of_one_component_is_the_evidence(kind):
    model = fitted(kind, "dirichlet_distribution", n_components=1)
    evidence = evidence_row_by_row(kind)
    assert model.log_evidence_ == pytest.approx(evidence, rel=1e-12)
    assert model.lower_bound_ * len(X) == pytest.approx(evidence, rel=1e-12)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_the_density_of_a_further_row_is_what_the_evidence_gains_by_it(kind):
    """log p(x | X) = log p(X, x) - log p(X)"""
    before, after = (fitted(kind, "dirichlet_distribution", 1, rows=rows) for rows in (X[:-1], X))
    gained = after.log_evidence_ - before.log_evidence_
    assert before.score_samples(X[-1:])[0] == pytest.approx(gained, abs=1e-10)


def test_the_bound_and_the_posterior_are_those_published_for_old_faithful():
    path = Path(__file__).parents[1] / "data" / "bayesian_bound_faithful.json"
    published, rows = json.loads(path.read_text()), load_faithful().data
    for n_components in (1, 2):
        theirs = published[str(n_components)]
        ours = BayesianGaussianMixture(
            n_components,
            weight_concentration_prior_type="dirichlet_distribution",
            weight_concentration_prior=1.0,
            reg_covar=0.0,
            tol=0.0,
            random_state=0,
        ).fit(rows)
        assert ours.lower_bound_ * len(rows) == pytest.approx(theirs["full_elbo"], abs=1e-9)
        order, expected = np.argsort(ours.means_[:, 0]), np.argsort(np.array(theirs["means"])[:, 0])
        for name in ("weight_concentration", "mean_precision", "means", "covariances"):
            found = getattr(ours, f"{name}_")[order]
            assert np.allclose(found, np.array(theirs[name])[expected], rtol=1e-6), name


# Several components: every expectation of the bound, from entropies that SciPy knows.


def beta_cross_entropy(sticks, prior):
    a, b = sticks
    logs = digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)
    return (np.log(prior) + (prior - 1) * logs[1]).sum()


def weights_part(model):
    """E[log w], and E[log p(w)] - E[log q(w)]."""
    concentration, prior = model.weight_concentration_, model.weight_concentration_prior_
    if not isinstance(concentration, tuple):
        logs = digamma(concentration) - digamma(concentration.sum())
        uniform = np.full(len(concentration), prior)
        constant = stats.dirichlet(uniform).logpdf(uniform / uniform.sum())
        constant -= ((prior - 1) * np.log(uniform / uniform.sum())).sum()
        cross = constant + ((prior - 1) * logs).sum()
        return logs, cross + stats.dirichlet(concentration).entropy()
    a, b = concentration
    taken, left = digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)
    logs = taken + np.concatenate([[0.0], np.cumsum(left)[:-1]])
    return logs, beta_cross_entropy(concentration, prior) + stats.beta(a, b).entropy().sum()


class Precision:
    """The distribution of a precision: what the bound needs of it, by SciPy."""

    def __init__(self, kind, nu, scatter, d):
        self.kind, self.nu, self.scatter, self.d = SHAPE.get(kind, kind), nu, scatter, d
        if self.kind == "full":
            self.q = stats.wishart(nu, np.linalg.inv(scatter))
            self.log_det = digamma((nu - np.arange(d)) / 2).sum() + d * np.log(2)
            self.log_det -= np.linalg.slogdet(scatter)[1]
        else:
            times = d if self.kind == "spherical" else 1
            self.q = stats.gamma(times * nu / 2, scale=2 / (times * scatter))
            logs = digamma(times * nu / 2) - np.log(times * scatter / 2)
            self.log_det = times * np.sum(logs)
        self.entropy = np.sum(self.q.entropy())

    @property
    def mean(self):
        """E[Lambda] as a matrix."""
        if self.kind == "full":
            return self.nu * np.linalg.inv(self.scatter)
        return np.diag(np.broadcast_to(self.nu / self.scatter, self.d))

    def cross(self, prior):
        """E_q[log p(Lambda)]: log p is linear in Lambda and log Lambda, so from its value at one point."""
        if self.kind == "full":
            at = np.eye(self.d)
            value = prior.q.logpdf(at) + np.trace(prior.scatter) / 2
            value += (prior.nu - self.d - 1) / 2 * self.log_det
            return value - np.trace(prior.scatter @ self.mean) / 2
        times = self.d if self.kind == "spherical" else 1
        shape, rate = times * prior.nu / 2, times * prior.scatter / 2
        constants = prior.q.logpdf(np.ones_like(self.scatter)) + rate
        logs = digamma(times * self.nu / 2) - np.log(times * self.scatter / 2)
        return np.sum(constants + (shape - 1) * logs - rate * self.nu / self.scatter)


def direct_bound(model, kind):
    """E[log p(X, Z, parameters)] - E[log q], term by term, in total."""
    k, d = model.means_.shape
    nu, kappa, means = model.degrees_of_freedom_, model.mean_precision_, model.means_
    is_common = kind in ("tied", "EEI", "EII")
    covariances = model.covariances_
    own = [covariances if kind == "tied" else covariances[i] for i in range(k)]
    precisions = [Precision(kind, nu[i], nu[i] * np.asarray(own[i]), d) for i in range(k)]
    prior = Precision(kind, model.degrees_of_freedom_prior_, np.asarray(model.covariance_prior_), d)
    log_weights, total = weights_part(model)
    joint = np.empty((len(X), k))
    for i, precision in enumerate(precisions):
        away = X - means[i]
        squares = np.einsum("ni,ij,nj->n", away, precision.mean, away)
        height = precision.log_det / 2 - d / 2 * np.log(2 * np.pi) - d / (2 * kappa[i])
        joint[:, i] = log_weights[i] + height - squares / 2
        from_prior = means[i] - model.mean_prior_
        kappa0 = model.mean_precision_prior_
        cross = d / 2 * np.log(kappa0 / (2 * np.pi)) + precision.log_det / 2
        cross -= kappa0 / 2 * (d / kappa[i] + from_prior @ precision.mean @ from_prior)
        entropy = d / 2 * (1 + np.log(2 * np.pi) - np.log(kappa[i])) - precision.log_det / 2
        total += cross + entropy
        if i == 0 or not is_common:
            total += precision.cross(prior) + precision.entropy
    log_sums = logsumexp(joint, axis=1)
    responsibilities = np.exp(joint - log_sums[:, np.newaxis])
    shares = np.where(responsibilities > 0, responsibilities, 1.0)
    total += (responsibilities * joint).sum() - (responsibilities * np.log(shares)).sum()
    return total, responsibilities


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
@pytest.mark.parametrize("max_iter", [3, 1000])
def test_the_bound_is_that_of_a_direct_computation(kind, prior_type, max_iter):
    model = fitted(kind, prior_type, max_iter=max_iter)
    total, responsibilities = direct_bound(model, kind)
    assert model.lower_bound_ * len(X) == pytest.approx(total, rel=1e-12)
    assert np.allclose(model.predict_proba(X), responsibilities, atol=1e-12)


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
@pytest.mark.parametrize("init_params", ["random", "auto"])
def test_the_bound_never_falls(kind, prior_type, init_params):
    for accelerate in (False, True):
        model = fitted(
            kind, prior_type, 6, init_params=init_params, accelerate=accelerate, tol=0, max_iter=60
        )
        assert np.diff(model.lower_bounds_).min(initial=0.0) > -1e-12


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
def test_no_other_posterior_has_a_higher_bound_for_the_same_responsibilities(kind, prior_type):
    """For given responsibilities r the bound is sum r (E[log joint] - log r) - divergence."""
    model, rng = fitted(kind, prior_type, max_iter=2), np.random.default_rng(0)
    r = rng.dirichlet(np.ones(3), len(X))
    prior = model._prior
    step = Variational(structure(kind), np.zeros(2), Kind(conjugate=prior))

    def posterior_of(given):
        counts = given.sum(axis=0)
        centres = given.T @ X / counts[:, np.newaxis]
        away = X[:, np.newaxis] - centres
        full = np.einsum("nk,nki,nkj->kij", given, away, away)
        kept = {
            "full": full,
            "tied": full.sum(axis=0),
            "diag": np.einsum("kii->ki", full),
            "spherical": np.einsum("kii->k", full),
        }[structure(kind).kernel.name]
        sums = {"weight": len(X), "counts": counts, "seconds": kept}
        return step.maximise(SufficientStatistics.of(structure(kind), centres, **sums))

    def bound(mixture):
        joint = log_joint(mixture, X, 1)
        return (r * joint).sum() + step.native.bound(native_mixture(mixture))

    best = bound(posterior_of(r))
    for size in (1e-3, 1e-1):
        for _ in range(5):
            other = np.abs(r + size * rng.normal(size=r.shape))
            assert bound(posterior_of(other / other.sum(axis=1, keepdims=True))) < best


def test_sticks_in_the_order_of_their_rows_have_the_highest_bound():
    counts = np.array([3.0, 40.0, 0.0, 12.0])
    sums = {"weight": 55.0, "counts": counts, "seconds": np.full(4, 9.0)}
    kind, centres = structure("spherical"), np.arange(8.0).reshape(4, 2)
    prior = ConjugatePrior(True, False, 0.4, np.zeros(2), 1.0, 2.0, np.array(1.0))
    by_size = ConjugatePrior(True, True, 0.4, np.zeros(2), 1.0, 2.0, np.array(1.0))

    def value(order, prior):
        statistics = SufficientStatistics.of(kind, centres, **sums).permuted(np.array(order))
        step = Variational(kind, np.zeros(2), Kind(conjugate=prior))
        mixture = step.maximise(statistics)
        joint = mixture.posterior.log_weights @ counts[list(order)]
        return joint + step.native.bound(native_mixture(mixture))

    sorted_one = value([1, 3, 0, 2], prior)
    others = [value(order, prior) for order in ([0, 1, 2, 3], [2, 0, 3, 1], [1, 0, 3, 2])]
    assert max(others) < sorted_one
    assert value([2, 0, 3, 1], by_size) == pytest.approx(sorted_one, rel=1e-13)


def test_rows_that_are_few_and_far_apart_lose_no_digits():
    """Sums about the posterior's means: a component of hardly any rows is drawn to the prior's mean."""
    near, far = fitted("full", "dirichlet_distribution"), None
    shift = np.array([1e6, -1e7])
    moved = {**PRIOR, "mean_prior": PRIOR["mean_prior"] + shift}
    far = BayesianGaussianMixture(
        3,
        weight_concentration_prior_type="dirichlet_distribution",
        covariance_prior=scatter_of("full"),
        init_params="kmeans",
        random_state=0,
        reg_covar=0.0,
        **moved,
    ).fit(X + shift)
    assert far.lower_bound_ == pytest.approx(near.lower_bound_, abs=1e-8)
