"""Student's t components, a background of noise, rows of which something is known: sums, M-steps, limits."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize

from mixtura.covariance import STRUCTURES
from mixtura.em import Kind, MaximumLikelihood, Monitor, Tails, expectation_maximisation
from mixtura.mixture import Mixture, Noise
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle
from mixtura.testing.problems import random_mixture, random_rows

FOURTEEN = [name for name in STRUCTURES if name.isupper()]
KINDS = ["t", "noise", "t and noise"]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


each_kind = pytest.mark.parametrize("kind", KINDS)


def with_kind(mixture, kind):
    """The mixture with tails, noise or both."""
    if "t" in kind.split():
        mixture = replace(mixture, df=1.5 + 3.0 * np.arange(mixture.n_components))
    if "noise" in kind:
        mixture = replace(
            mixture, weights=0.9 * mixture.weights, noise=Noise(0.1, -2.0 * mixture.n_features)
        )
    return mixture


def known(kind, n_rows, mixture, rng):
    """Rows' labels, or logs of how credible each density is, and both as the oracle takes them."""
    n_densities = mixture.n_components + (mixture.noise is not None)
    if kind == "labels":
        label = np.where(
            rng.random(n_rows) < 0.3, rng.integers(0, mixture.n_components, n_rows), -1
        )
        possible = (label[:, None] < 0) | (label[:, None] == np.arange(n_densities))
        return {"label": label}, np.where(possible, 0.0, -np.inf)
    credible = rng.uniform(0.1, 1.0, (n_rows, n_densities))
    credible[::3, 1:] = 0.0
    with np.errstate(divide="ignore"):
        log_credible = np.log(credible)
    return {"log_credible": log_credible}, log_credible


@each_kind
@pytest.mark.parametrize("known_as", ["nothing", "labels", "credible"])
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_the_sums_are_the_oracles(name, known_as, kind, rng):
    for n_features, n_rows in ((1, 70), (3, 301), (18, 500)):
        mixture = with_kind(random_mixture(3, n_features, name, rng), kind)
        X = random_rows(mixture.without_noise(), n_rows, rng)
        weight = rng.uniform(0.5, 2.0, n_rows)
        of_rows, log_credible = {}, None
        if known_as != "nothing":
            of_rows, log_credible = known(known_as, n_rows, mixture, rng)
        ours = ArrayBlocks(Rows(X, weight, **of_rows)).accumulate(mixture)
        theirs = oracle.statistics(mixture, X, weight, log_credible)
        for sum_name in ("log_likelihood", "log_certainty", "noise", "counts", "firsts", "seconds"):
            size = max(1.0, np.abs(getattr(theirs, sum_name)).max())
            assert_allclose(
                getattr(ours, sum_name), getattr(theirs, sum_name), rtol=1e-11, atol=1e-11 * size
            )
        if mixture.df is not None:
            assert_allclose(ours.scales, theirs.scales, rtol=1e-11)
            assert_allclose(ours.log_scales, theirs.log_scales, rtol=1e-10)


@each_kind
def test_float_rows_have_the_sums_of_their_doubles(kind, rng):
    mixture = with_kind(random_mixture(3, 4, "full", rng), kind)
    X = random_rows(mixture.without_noise(), 2_000, rng).astype(np.float32)
    single, double = (
        ArrayBlocks(Rows(rows)).accumulate(mixture) for rows in (X, X.astype(np.float64))
    )
    assert_allclose(single.block, double.block, rtol=1e-4, atol=1e-4 * np.abs(double.block).max())


@each_kind
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_any_split_and_any_threads_give_the_sums(name, kind, rng):
    mixture = with_kind(random_mixture(4, 3, name, rng), kind)
    X = random_rows(mixture.without_noise(), 20_000, rng)
    one, many = (ArrayBlocks(Rows(X), n).accumulate(mixture) for n in (1, 3))
    assert np.array_equal(one.block, many.block)
    parts = [ArrayBlocks(Rows(part)).accumulate(mixture) for part in (X[:7_001], X[7_001:])]
    assert_allclose((parts[0] + parts[1]).block, one.block, rtol=1e-9, atol=1e-9)


def ended(mixture, X, kind, *, accelerate=False, tol=0.0, max_iter=400, weight=None):
    blocks = ArrayBlocks(Rows(X, weight))
    step = MaximumLikelihood(mixture.structure, np.zeros(X.shape[1]), kind)
    monitor = Monitor(tol, max_iter, accelerate)
    found, sums = expectation_maximisation(mixture, blocks, step, monitor, accelerate)
    return found, sums, monitor


def heavy_rows(rng, n_rows=400):
    X = rng.standard_t(3, (n_rows, 3))
    X[n_rows // 2 :] = X[n_rows // 2 :] * [1.0, 2.0, 0.5] + [5.0, -3.0, 1.0]
    return X


def beginning(name, rng, X):
    start = random_mixture(2, X.shape[1], name, rng)
    return replace(start, means=X[[0, -1]].copy())


ASKED = {
    "t": Kind(Tails()),
    "one df": Kind(Tails(shared=True)),
    "df 4": Kind(Tails(df=np.full(2, 4.0))),
    "noise": Kind(noise_log_density=-8.0),
    "t and noise": Kind(Tails(), -8.0),
}


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("name", FOURTEEN)
def test_the_likelihood_never_falls(name, accelerate, rng):
    X = heavy_rows(rng)
    for kind in ASKED.values():
        _, _, monitor = ended(beginning(name, rng, X), X, kind, accelerate=accelerate, max_iter=80)
        rises = np.diff(monitor.history)
        assert len(rises) > 5
        assert rises.min() > -1e-10


@pytest.mark.parametrize("name", FOURTEEN)
def test_where_it_ends_is_a_maximum(name, rng):
    """Small changes of weights, means, sizes, degrees of freedom and noise gain nothing."""
    X = heavy_rows(rng)
    for kind in (ASKED["t"], ASKED["one df"], ASKED["t and noise"]):
        found, sums, _ = ended(beginning(name, rng, X), X, kind, accelerate=True, max_iter=2_000)
        blocks = ArrayBlocks(Rows(X))
        for change in itertools.chain(*([step, -step] for step in (1e-2, 1e-3))):
            for other in changed(found, change, rng, one_df=kind.tails.shared):
                gain = blocks.score(other).mean_log_likelihood - sums.mean_log_likelihood
                assert gain < 1e-9


def changed(mixture, change, rng, *, one_df):
    free = np.append(mixture.weights, 0.0 if mixture.noise is None else mixture.noise.weight)
    moved = free * np.exp(change * rng.standard_normal(3))
    moved /= moved.sum()
    noise = None if mixture.noise is None else Noise(moved[-1], mixture.noise.log_density)
    if noise is None:
        moved = moved / moved[:2].sum()
    yield replace(mixture, weights=moved[:2], noise=noise)
    yield replace(
        mixture, means=mixture.means + change * mixture.spreads * rng.standard_normal((2, 3))
    )
    scale = np.exp(change)
    yield replace(
        mixture,
        covariances=scale**2 * mixture.covariances,
        precisions_cholesky=mixture.precisions_cholesky / scale,
    )
    inside = (mixture.df > 1.0001) & (mixture.df < 9_999)
    factors = np.exp(change * (np.ones(2) if one_df else rng.standard_normal(2)))
    yield replace(mixture, df=np.where(inside, mixture.df * factors, mixture.df))


@pytest.mark.parametrize("n_features", [1, 3])
def test_one_t_is_the_likeliest_of_all(n_features, rng):
    """Beside a search by SciPy's own density and optimiser."""
    X = 2.0 + rng.standard_t(3.5, (250, n_features)) * np.arange(1, n_features + 1)
    start = Mixture.from_parameters(
        [1.0], [X.mean(axis=0)], np.cov(X.T).reshape(1, n_features, n_features)
    )
    found, sums, _ = ended(start, X, ASKED["t"], accelerate=True, max_iter=2_000)
    lower = np.tril_indices(n_features)

    def loss(parameters):
        mean, rest = parameters[:n_features], parameters[n_features:-1]
        factor = np.zeros((n_features, n_features))
        factor[lower] = rest
        density = stats.multivariate_t(mean, factor @ factor.T, df=np.exp(parameters[-1]))
        return -np.mean(density.logpdf(X))

    factor = np.linalg.cholesky(found.covariance_matrices()[0])
    theirs = np.concatenate([found.means[0] + 0.1, 1.1 * factor[lower], np.log(found.df + 1)])
    best = minimize(
        loss,
        theirs,
        method="Nelder-Mead",
        options={"maxiter": 40_000, "fatol": 1e-13, "xatol": 1e-8, "adaptive": True},
    )
    assert_allclose(sums.mean_log_likelihood, -best.fun, rtol=0, atol=1e-8)
    assert_allclose(found.df[0], np.exp(best.x[-1]), rtol=2e-3)


def test_of_many_degrees_of_freedom_it_is_a_gaussian(rng):
    for name in ("full", "tied", "diag", "spherical"):
        mixture = random_mixture(3, 5, name, rng)
        X = mixture.sample(200, rng)[0]
        for df, most in ((1e6, 1e-5), (1e10, 1e-8)):
            heavy = replace(mixture, df=np.full(3, df))
            assert_allclose(heavy.log_density(X), mixture.log_density(X), rtol=0, atol=10 * most)
            scale = np.abs(mixture.log_density(X)).mean()
            gap = np.abs(heavy.log_density(X) - mixture.log_density(X)).mean()
            assert gap < most * scale


def test_a_t_has_scipys_density(rng):
    for n_features in (1, 2, 7):
        mixture = replace(random_mixture(1, n_features, "full", rng), df=np.array([2.5]))
        X = random_rows(mixture, 50, rng)
        theirs = stats.multivariate_t(mixture.means[0], mixture.covariances[0], df=2.5)
        assert_allclose(mixture.log_density(X), theirs.logpdf(X).reshape(-1), rtol=1e-12)


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EVE"])
def test_parts_of_a_t_mixture_have_its_density(name, rng):
    """p(x) = p(given) p(rest | given), for every kind of covariance."""
    mixture = replace(random_mixture(3, 4, name, rng), df=np.array([1.5, 4.0, 30.0]))
    for row in random_rows(mixture, 10, rng):
        of_given = mixture.marginal([0, 2]).log_density(row[[0, 2]][None])[0]
        of_rest = mixture.condition([0, 2], row[[0, 2]]).log_density(row[[1, 3]][None])[0]
        assert_allclose(of_given + of_rest, mixture.log_density(row[None])[0], rtol=1e-10)


def test_samples_of_a_t_have_its_quantiles(rng):
    mixture = Mixture.from_parameters([1.0], [[3.0]], [[[4.0]]], df=2.5)
    X, labels = mixture.sample(20_000, rng)
    assert (labels == 0).all()
    for share in (0.05, 0.25, 0.75, 0.95):
        quantile = stats.t(2.5, loc=3.0, scale=2.0).ppf(share)
        assert abs((quantile > X).mean() - share) < 5 * np.sqrt(share * (1 - share) / len(X))


def test_df_must_be_above_zero():
    with pytest.raises(ValueError, match=r"df must be above 0, but the least is -1\."):
        Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]], df=-1.0)
    with pytest.raises(ValueError, match=r"df must have shape \(1,\), got \(2,\)\."):
        Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]], df=[1.0, 2.0])


def test_given_responsibilities_leave_the_rest_to_noise(rng):
    """Where EM begins, noise has what the components do not take, and a twentieth at least."""
    from mixtura.starts import ArrayResponsibilities, mixture_of

    X = heavy_rows(rng)
    step = MaximumLikelihood(STRUCTURES["full"], np.zeros(3), ASKED["t and noise"])
    given = np.repeat(np.eye(2), len(X) // 2, axis=0)
    whole = mixture_of(ArrayResponsibilities(given), ArrayBlocks(Rows(X)), step, 2)
    assert_allclose((whole.noise.weight, *whole.weights), (0.05, 0.475, 0.475))
    most = mixture_of(ArrayResponsibilities(0.8 * given), ArrayBlocks(Rows(X)), step, 2)
    assert_allclose((most.noise.weight, *most.weights), (0.2, 0.4, 0.4))
    assert_allclose(whole.df, 10.0)
