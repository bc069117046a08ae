"""E-steps over rows with missing features, against plain NumPy."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln

from mixtura import Mixture, _core
from mixtura.em import Expectation, SufficientStatistics
from mixtura.mixture import Noise, drawn, expected, log_density, native_mixture, responsibilities
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle

KERNELS = ["full", "tied", "diag", "spherical"]
SHAPES = [(1, 1, 2), (7, 2, 3), (300, 4, 6), (70, 2, 33), (20, 3, 70)]


SCALARS = ["weight", "log_likelihood", "log_certainty", "noise"]


def mixture_of(kernel, n_components, n_features, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n_components, n_features, n_features))
    matrices = root @ root.transpose(0, 2, 1) + 0.3 * np.eye(n_features)
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": np.einsum("kii->ki", matrices),
        "spherical": matrices[:, 0, 0],
    }[kernel]
    means = 1.5 * rng.standard_normal((n_components, n_features))
    weights = rng.dirichlet(np.full(n_components, 5.0))
    return Mixture.from_parameters(weights, means, covariances, covariance_type=kernel)


def table(shape, share, seed=0):
    rng = np.random.default_rng(seed)
    X = 2 * rng.standard_normal(shape)
    X[rng.random(shape) < share] = np.nan
    X[0, 0] = 1.0
    return X


def of_kind(mixture, kind, n_features):
    if "t" in kind:
        mixture = replace(mixture, df=1.5 + 3.0 * np.arange(mixture.n_components))
    if "noise" in kind:
        sides = np.log(np.linspace(5.0, 9.0, n_features))
        mixture = replace(
            mixture, weights=0.9 * mixture.weights, noise=Noise(0.1, -sides.sum(), sides)
        )
    return mixture


def sums(mixture, rows, centres=None, n_threads=2):
    source = _core.MemoryRows([rows.native()])
    block = _core.accumulate(
        source, Expectation().native, native_mixture(mixture), centres, n_threads
    )
    about = mixture.means if centres is None else centres
    return SufficientStatistics(mixture.structure, about, block)


KINDS = ("gaussian", "t", "noise", "t and noise")
CASES = [
    pytest.param(kernel, kind, shape, share, marks=() if j == (i + n) % 3 else pytest.mark.nightly)
    for n, (kernel, kind) in enumerate(itertools.product(KERNELS, KINDS))
    for i, shape in enumerate(SHAPES)
    for j, share in enumerate((0.05, 0.5, 0.9))
]


@pytest.mark.parametrize(("kernel", "kind", "shape", "share"), CASES, ids=str)
def test_sums_are_those_of_plain_numpy(kernel, shape, share, kind):
    n, k, d = shape
    mixture = of_kind(mixture_of(kernel, k, d), kind, d)
    X = table((n, d), share).astype(np.float32).astype(np.float64)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, n)
    want = oracle.statistics(mixture, X, weight)
    names = [*SCALARS, "counts", "firsts", "seconds"]
    names += ["scales", "log_scales"] if "t" in kind.split() else []
    for dtype, rtol in ((np.float64, 1e-11), (np.float32, 1e-4)):
        found = sums(mixture, Rows(X.astype(dtype), weight, missing=True))
        for name in names:
            size = max(np.abs(getattr(want, name)).max(), want.weight if name in SCALARS else 1e-3)
            error = np.abs(getattr(found, name) - getattr(want, name)).max()
            assert error <= rtol * size, (name, dtype)


def test_where_nothing_is_missing_the_bits_are_the_plain_ones():
    mixture = mixture_of("full", 3, 5)
    X = table((700, 5), 0.0)
    plain, flagged = (sums(mixture, Rows(X, missing=missing)) for missing in (False, True))
    assert np.array_equal(plain.block, flagged.block)


@pytest.mark.parametrize("kernel", KERNELS)
def test_threads_change_no_bit(kernel):
    mixture, X = mixture_of(kernel, 3, 4), table((9_000, 4), 0.3)
    one, many = (sums(mixture, Rows(X, missing=True), n_threads=n) for n in (1, 5))
    assert np.array_equal(one.block, many.block)


@pytest.mark.parametrize("kernel", KERNELS)
def test_sums_about_other_centres_are_the_same(kernel):
    mixture, X = mixture_of(kernel, 3, 4), table((500, 4), 0.3)
    rows = Rows(X, missing=True)
    centres = mixture.means + 0.5
    moved = sums(mixture, rows, centres).about(mixture.means)
    assert_allclose(moved.block, sums(mixture, rows).block, rtol=1e-9, atol=1e-9)


def test_a_column_that_is_missing_everywhere_leaves_the_marginal():
    mixture, X = mixture_of("full", 3, 4), table((300, 4), 0.0)
    X[:, 2] = np.nan
    seen = [0, 1, 3]
    marginal = mixture.marginal(seen)
    assert_allclose(
        log_density(mixture, X, 1, missing=True), log_density(marginal, X[:, seen], 1), rtol=1e-12
    )
    assert_allclose(
        responsibilities(mixture, X, 1, missing=True),
        responsibilities(marginal, X[:, seen], 1),
        rtol=1e-9,
        atol=1e-15,
    )


def test_far_from_the_origin_float32_keeps_its_digits():
    mixture, X = mixture_of("full", 2, 3), table((4_000, 3), 0.3)
    spreads = mixture.spreads.max(axis=0)
    far = replace(mixture, means=mixture.means + 1e4 * spreads)
    shifted = (X + 1e4 * spreads).astype(np.float32)
    exact = log_density(far, shifted.astype(np.float64), 1, missing=True).mean()
    assert abs(log_density(far, shifted, 1, missing=True).mean() - exact) < 1e-5


def test_rows_beyond_all_range_are_settled():
    mixture = of_kind(mixture_of("full", 3, 3), "t", 3)
    X = table((50, 3), 0.3)
    X[5] = [1e25, np.nan, -1e25]
    found = sums(mixture, Rows(X.astype(np.float32), missing=True))
    want = oracle.statistics(mixture, X)
    assert_allclose(found.log_likelihood, want.log_likelihood, rtol=1e-5)
    assert_allclose(found.counts, want.counts, rtol=1e-4)


def test_nobody_has_any_value():
    mixture, X = mixture_of("full", 2, 3), np.full((5, 3), np.nan)
    assert np.array_equal(log_density(mixture, X, 1, missing=True), np.zeros(5))
    assert_allclose(responsibilities(mixture, X, 1, missing=True), np.tile(mixture.weights, (5, 1)))
    assert sums(mixture, Rows(X, missing=True)).weight == 0


# What is expected of missing features, and draws of them


@pytest.mark.parametrize("kind", ["gaussian", "t", "noise"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_expectations_are_those_of_the_conditional_distribution(kernel, kind):
    mixture = of_kind(mixture_of(kernel, 3, 5), kind, 5)
    if mixture.df is not None:
        mixture = replace(mixture, df=mixture.df + 2.0)
    X = table((200, 5), 0.4)
    X[7] = np.nan
    completed, std = expected(mixture, X, 2, with_std=True)
    r = oracle.responsibilities(mixture.without_noise(), X)
    own, spread = oracle.completions(mixture, X)
    if mixture.df is not None:
        precisions = np.linalg.inv(mixture.covariance_matrices())
        away = own - mixture.means
        distances = np.einsum("nki,kij,nkj->nk", away, precisions, away)
        n_seen = (~np.isnan(X)).sum(axis=1)[:, np.newaxis]
        wider = (mixture.df + distances) / (mixture.df + n_seen - 2)
        spread = spread * wider[:, :, np.newaxis, np.newaxis]
    mean = np.einsum("nk,nkd->nd", r, own)
    second = np.einsum("nk,nkd->nd", r, np.einsum("nkii->nki", spread) + (own - mean[:, None]) ** 2)
    gaps = np.isnan(X)
    assert_allclose(completed[gaps], mean[gaps], rtol=1e-9, atol=1e-9)
    assert_allclose(std[gaps], np.sqrt(second)[gaps], rtol=1e-8)
    assert np.array_equal(completed[~gaps], X[~gaps])
    assert not std[~gaps].any()


@pytest.mark.parametrize("kind", ["gaussian", "t"])
def test_draws_are_of_the_conditional_distribution(kind):
    mixture = of_kind(mixture_of("full", 2, 4), kind, 4)
    if mixture.df is not None:
        mixture = replace(mixture, df=mixture.df + 8.0)
    row = np.array([[1.0, np.nan, -0.5, np.nan]])
    draws = drawn(mixture, np.repeat(row, 200_000, axis=0), np.random.default_rng(0), 2)
    (mean,), (std,) = expected(mixture, row, 1, with_std=True)
    assert_allclose(draws.mean(axis=0), mean, atol=0.02)
    assert_allclose(draws.std(axis=0), std, rtol=0.02, atol=1e-12)
    if kind == "gaussian":
        conditional = mixture.condition([0, 2], row[0, [0, 2]])
        away = conditional.means - conditional.weights @ conditional.means
        within = np.einsum("k,kij->ij", conditional.weights, conditional.covariances)
        between = np.einsum("k,ki,kj->ij", conditional.weights, away, away)
        assert_allclose(np.cov(draws[:, [1, 3]].T), within + between, atol=0.03)


def test_rows_of_blocks_without_any_value_weigh_nothing():
    X = table((50, 3), 0.3)
    X[[3, 9]] = np.nan
    blocks = ArrayBlocks(Rows(X, missing=True))
    assert blocks.weight == blocks.n_present == 48
    assert not np.isnan(blocks.complete_sample(100, np.random.RandomState(0)).X).any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("df", [None, [3.0, 5.0, 40.0]])
@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_rows_with_gaps_beyond_all_range_have_the_density_of_what_they_have(kind, df, dtype):
    rng = np.random.default_rng(0)
    d, weights, means = 11, np.array([0.5, 0.3, 0.2]), 3 * rng.normal(size=(3, 11))
    variances = rng.gamma(2.0, size=(3, d) if kind == "diag" else 3)
    mixture = Mixture.from_parameters(weights, means, variances, covariance_type=kind, df=df)
    X = 3 * rng.normal(size=(70, d))
    X[rng.random(X.shape) < 0.4] = np.nan
    X[5, 2], X[7, 3] = (1e200, -1e160) if dtype == np.float64 else (1e25, -1e22)
    X[6] = np.nan
    X = X.astype(dtype)
    seen, joint = ~np.isnan(X), []
    n = seen.sum(axis=1)
    for k in range(3):
        V = np.broadcast_to(variances[k], d)
        square = np.where(seen, (X.astype(np.longdouble) - means[k]) ** 2 / V, 0).sum(axis=1)
        height = np.log(weights[k]) - np.where(seen, np.log(V), 0).sum(axis=1) / 2
        if df is None:
            joint.append(height - (n * np.log(2 * np.pi) + square) / 2)
            continue
        height += gammaln((df[k] + n) / 2) - gammaln(df[k] / 2) - n / 2 * np.log(df[k] * np.pi)
        joint.append(height - (df[k] + n) / 2 * np.log1p(square / df[k]))
    highest = np.max(joint, axis=0)
    expected = highest + np.log(np.exp(joint - highest).sum(axis=0))
    lowest = np.finfo(dtype).min
    tolerance = 1e-13 if dtype == np.float64 else 1e-6
    found = mixture.log_density(X, missing="mar")
    own = np.maximum(expected, lowest).astype(dtype)
    assert_allclose(found, own, rtol=tolerance, atol=tolerance)
    shares = np.exp(np.array(joint) - expected).T
    assert_allclose(
        mixture.responsibilities(X, missing="mar"), shares, atol=10 * tolerance, rtol=tolerance
    )
