"""The 14 structures of Celeux & Govaert 1995: what their M-steps find, and what theory says of them."""

import csv
import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm
from scipy.optimize import minimize
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris

import mixtura
from mixtura import GaussianMixture, Mixture, load
from mixtura.covariance import STRUCTURES, structure
from mixtura.covariance.decomposition import eigen
from mixtura.datasets import load_faithful
from mixtura.em import Monitor, SufficientStatistics, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.plots import plot_mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle
from mixtura.testing.problems import (
    likeliest,
    maximised,
    random_matrices,
    random_mixture,
    random_rows,
)
from products import product

DATA = Path(__file__).parents[1] / "data"
LETTERS = [name for name in STRUCTURES if len(name) == 3]
ITERATIVE = ["VEI", "VEE", "VEV", "EVE", "VVE"]
ROTATED = [name for name in LETTERS if name[2] != "I" or name[1] == "I"]
RESCALED = ["EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"]

each = pytest.mark.parametrize("name", LETTERS)


def problem(seed, n_components, n_features):
    """Weights, and the covariances that the components would have by themselves."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((n_components, n_features, n_features + 2))
    volumes = np.exp(rng.standard_normal(n_components))
    own = volumes[:, np.newaxis, np.newaxis] * (factor @ np.swapaxes(factor, 1, 2))
    return rng.dirichlet(np.full(n_components, 5.0)), own


def m_step(name, weights, own, previous=None, reg_covar=0.0):
    """The covariances of the M-step, as matrices."""
    kind = structure(name)
    k, d = own.shape[:2]
    sums = weights[:, np.newaxis, np.newaxis] * own
    seconds = {
        "full": sums,
        "tied": sums.sum(axis=0),
        "diag": np.diagonal(sums, axis1=1, axis2=2),
        "spherical": np.trace(sums, axis1=1, axis2=2),
    }[kind.kernel.name]
    zeros = np.zeros((k, d))
    before = None if previous is None else oracle.stored(kind, previous)
    sums = SufficientStatistics.of(kind, zeros, counts=weights, seconds=seconds)
    start = None if before is None else Mixture(kind, weights, zeros, before, before)
    found = maximised(sums, reg_covar, start)
    return found.covariance_matrices()


def m_steps(name, weights, own, previous, n_steps=40):
    """Where M-steps lead, each from the one before: the deviance never rises, as EM needs it."""
    least = oracle.deviance(weights, own, previous)
    for _ in range(n_steps):
        previous = m_step(name, weights, own, previous=previous)
        deviance = oracle.deviance(weights, own, previous)
        assert deviance <= least + 1e-12 * max(1.0, abs(least))
        least = deviance
    return previous


def decomposed(letters, matrices):
    """Volumes, shapes and axes (columns) of members of a family."""
    axes = np.tile(np.eye(matrices.shape[1]), (len(matrices), 1, 1))
    if letters[2] == "E":
        mixed = np.einsum("k,kij->ij", 1 + np.sqrt(2 + np.arange(len(matrices))), matrices)
        axes[:] = np.linalg.eigh(mixed)[1]
    if letters[2] == "V":
        axes = np.linalg.eigh(matrices)[1]
    shapes = np.einsum("kji,kjl,kli->ki", axes, matrices, axes)
    volumes = np.exp(np.log(shapes).mean(axis=1))
    return volumes, shapes / volumes[:, np.newaxis], axes


def composed(volumes, shapes, axes):
    return np.einsum("k,kil,kl,kjl->kij", volumes, axes, shapes, axes)


# What the M-step finds


@each
@pytest.mark.parametrize("size", [(1, 3), (2, 2), (4, 3), (3, 6), (2, 1), (9, 4)])
def test_m_step_stays_in_the_family(name, size):
    found = m_step(name, *problem(1, *size))
    volumes, shapes, axes = decomposed(name, found)
    assert_allclose(composed(volumes, shapes, axes), found, rtol=1e-9, atol=1e-9 * found.max())
    if name[0] == "E":
        assert_allclose(volumes, volumes[0], rtol=1e-12)
    if name[1] == "E":
        assert_allclose(shapes, shapes[:1].repeat(len(found), axis=0), rtol=1e-10)
    if name[1] == "I":
        assert_allclose(shapes, 1.0, rtol=1e-12)


@each
@pytest.mark.parametrize("size", [(1, 3), (2, 2), (4, 3), (3, 6), (2, 1)])
def test_no_member_nearby_is_likelier(name, size):
    weights, own = problem(2, *size)
    found = m_step(name, weights, own)
    least = oracle.deviance(weights, own, found)
    volumes, shapes, axes = decomposed(name, found)
    rng = np.random.default_rng(0)
    k, d = size
    for step in (1e-4, 1e-2, 0.3):
        for _ in range(20):
            skew = step * rng.standard_normal((k, d, d))
            nudges = step * rng.standard_normal(k), step * rng.standard_normal((k, d))
            if name[0] == "E":
                nudges[0][:] = nudges[0][0]
            if name[1] != "V":
                nudges[1][:] = nudges[1][0] if name[1] == "E" else 0.0
            if name[2] != "V":
                skew[:] = skew[0] if name[2] == "E" else 0.0
            turned = axes @ expm(skew - np.swapaxes(skew, 1, 2))
            member = composed(volumes * np.exp(nudges[0]), shapes * np.exp(nudges[1]), turned)
            if name[1] == "V":  # a nudge of the shape is one of the volume too
                sizes = np.exp(np.log(np.linalg.eigvalsh(member)).mean(axis=1))
                member *= ((volumes * np.exp(nudges[0])) / sizes)[:, np.newaxis, np.newaxis]
            assert oracle.deviance(weights, own, member) >= least - 1e-9 * abs(least)


def member_of(name, x, k, d):
    """A member of the family for any numbers x."""
    planes = d * (d - 1) // 2
    numbers = iter(np.split(x, np.cumsum(sizes_of(name, k, d))[:-1]))
    parts = []
    for letter, size in zip(name, (1, d, planes), strict=True):
        part = next(numbers).reshape(-1, size)
        parts.append(np.zeros((k, size)) if letter == "I" else np.broadcast_to(part, (k, size)))
    volumes, shapes, turns = parts
    skew = np.zeros((k, d, d))
    skew[:, *np.triu_indices(d, 1)] = turns
    skew -= np.swapaxes(skew, 1, 2)
    axes = np.linalg.solve(np.eye(d) - skew, np.eye(d) + skew)  # Cayley
    shapes = np.exp(shapes - shapes.mean(axis=1, keepdims=True))
    return composed(np.exp(volumes[:, 0]), shapes, axes)


def sizes_of(name, k, d):
    times = {"I": 0, "E": 1, "V": k}
    return [times[letter] * n for letter, n in zip(name, (1, d, d * (d - 1) // 2), strict=True)]


def deviance_or_far(weights, own, matrices):
    try:
        return oracle.deviance(weights, own, matrices)
    except np.linalg.LinAlgError:  # a step of the optimiser that is far too long
        return 1e9


@pytest.mark.parametrize(("name", "size"), product(LETTERS, [(2, 2), (3, 2), (2, 3)]))
def test_no_start_of_a_general_optimiser_finds_a_likelier_member(name, size):
    weights, own = problem(3, *size)
    least = oracle.deviance(weights, own, m_step(name, weights, own))
    rng = np.random.default_rng(0)
    bests = []
    for _ in range(4):
        start = rng.standard_normal(sum(sizes_of(name, *size)))
        result = minimize(lambda x: deviance_or_far(weights, own, member_of(name, x, *size)), start)
        bests.append(result.fun)
    assert least <= min(bests) + 1e-9
    assert least >= min(bests) - 1e-4  # and the optimiser finds it too


@each
def test_m_step_from_any_member_is_at_least_as_likely(name):
    rng = np.random.default_rng(4)
    for k, d in ((1, 2), (3, 2), (4, 3), (2, 8), (6, 5)):
        weights, own = problem(d, k, d)
        for _ in range(5):
            before = random_matrices(name, k, d, rng)
            after = m_step(name, weights, own, previous=before)
            assert oracle.deviance(weights, own, after) <= (
                oracle.deviance(weights, own, before) + 1e-12
            )


@pytest.mark.parametrize("name", ["EVE", "VVE"])
@pytest.mark.parametrize("size", [(2, 2), (4, 3), (2, 6), (9, 4)])
def test_no_plane_of_a_common_orientation_has_a_slope(name, size):
    # Flury 1984, the likelihood equations of common principal components; EVE weighs them by volume.
    weights, own = problem(16, *size)
    before = random_matrices(name, *size, np.random.default_rng(0))
    for found in (m_step(name, weights, own), m_steps(name, weights, own, before)):
        _, _, axes = decomposed(name, found)
        turned = np.swapaxes(axes, 1, 2) @ own @ axes
        variances = np.diagonal(turned, axis1=1, axis2=2)
        volumes = np.exp(np.log(variances).mean(axis=1)) if name == "EVE" else 1.0
        shares = weights * volumes / np.sum(weights * volumes)
        precision = 1.0 / variances
        gaps = precision[:, :, np.newaxis] - precision[:, np.newaxis, :]
        assert_allclose(np.einsum("k,kij,kij->ij", shares, gaps, turned), 0.0, atol=1e-6)


@pytest.mark.parametrize("name", ["EVE", "VVE"])
def test_a_common_orientation_is_the_best_of_several_minima(name):
    rng = np.random.default_rng(17)
    for seed in range(40):
        weights, own = problem(seed, 4, 3)
        least = oracle.deviance(weights, own, m_step(name, weights, own))
        for _ in range(8):
            elsewhere = m_step(name, weights, own, previous=random_matrices(name, 4, 3, rng))
            assert least <= oracle.deviance(weights, own, elsewhere) + 1e-9


@pytest.mark.parametrize("name", ["EVE", "VVE"])
def test_standardised_features_are_no_ridge_to_stay_on(name):
    # From axes along the features no plane has a slope: their variances are equal.
    correlations = np.corrcoef(np.random.default_rng(0).standard_normal((3, 20)))
    np.fill_diagonal(correlations, 1.0)  # exactly, and powers of two from here on
    own = np.stack([correlations, 2.0 * correlations])
    before = np.stack([np.eye(3), np.eye(3)])
    found = m_steps(name, np.array([0.5, 0.5]), own, before)
    expected = own if name == "VVE" else np.stack([1.5 * correlations] * 2)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_m_step_goes_on_from_a_better_minimum_than_it_finds_itself():
    weights, own = problem(33, 5, 4)
    rng = np.random.default_rng(33)
    members = (random_matrices("VVE", 5, 4, rng) for _ in range(20))
    found = [m_step("VVE", weights, own, previous=member) for member in members]
    best = min(found, key=lambda matrices: oracle.deviance(weights, own, matrices))
    least = oracle.deviance(weights, own, best)
    assert least < oracle.deviance(weights, own, m_step("VVE", weights, own)) - 1e-2
    again = m_step("VVE", weights, own, previous=best)
    assert oracle.deviance(weights, own, again) <= least + 1e-12


@pytest.mark.parametrize("name", ["EVE", "VVE"])
def test_m_steps_of_a_common_orientation_reach_what_coordinates_do(name):
    """From a member of the family none raises the deviance; the oracle finds nothing lower from there."""
    rng = np.random.default_rng(5)
    for k, d in ((3, 4), (2, 9), (5, 16), (2, 30)):
        weights, own = problem(k + d, k, d)
        found = m_steps(name, weights, own, random_matrices(name, k, d, rng), n_steps=150)
        _, _, axes = decomposed(name, found)
        slow = oracle.likeliest(name, weights, axes[0].T @ own @ axes[0], n_iter=300)
        assert oracle.deviance(weights, own, found) <= (
            oracle.deviance(weights, axes[0].T @ own @ axes[0], slow) + 1e-8
        )


# What theory says


def is_within(name, other):
    """Whether every member of a family is one of the other."""
    return all("IEV".index(a) <= "IEV".index(b) for a, b in zip(name, other, strict=True))


def test_a_larger_family_is_at_least_as_likely():
    pairs = [(a, b) for a, b in itertools.permutations(LETTERS, 2) if is_within(a, b)]
    assert len(pairs) > 50
    for seed, (k, d) in enumerate([(2, 2), (3, 3), (4, 2), (2, 5), (5, 4)]):
        weights, own = problem(seed, k, d)
        least = {n: oracle.deviance(weights, own, m_step(n, weights, own)) for n in LETTERS}
        for small, large in pairs:
            assert least[large] <= least[small] + 1e-10, (small, large)


GROUPS = [["EII", "VII"], ["EEI", "VEI", "EVI", "VVI"]]
GROUPS += [["EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]]


@pytest.mark.parametrize("names", GROUPS)
def test_one_component_makes_structures_coincide(names):
    weights, own = problem(0, 1, 5)
    first, *others = (m_step(name, weights, own) for name in names)
    for other in others:
        assert_allclose(other, first, rtol=1e-11, atol=1e-11 * first.max())


@pytest.mark.parametrize("names", GROUPS)
def test_structures_that_coincide_end_at_one_likelihood(names):
    """Fits to the end: of one component, where nothing can be equal or vary between components."""
    rng = np.random.default_rng(2)
    X = random_rows(random_mixture(1, 4, "full", rng), 300, rng)
    fits = [
        GaussianMixture(1, covariance_type=name, random_state=0, tol=0).fit(X) for name in names
    ]
    assert_allclose([gm.lower_bound_ for gm in fits], fits[0].lower_bound_, rtol=0, atol=1e-9)


MIRRORED = [["EII", "VII"], ["EEI", "VEI", "EVI", "VVI"], ["EEV", "VEV", "EVV", "VVV"]]


@pytest.mark.parametrize("names", MIRRORED)
def test_of_mirrored_rows_volumes_and_shapes_are_equal_whether_they_may_vary_or_not(names):
    """Each component is the other's image in a plane, from the start on: only orientations differ."""
    rng = np.random.default_rng(3)
    half = rng.standard_normal((150, 3)) @ rng.standard_normal((3, 3)) + [2.5, 0, 0]
    X, labels = np.concatenate([half, half * [-1, 1, 1]]), np.repeat([0, 1], 150)
    fits = [
        GaussianMixture(2, covariance_type=name, init_params=labels, tol=0).fit(X) for name in names
    ]
    assert min(gm.n_iter_ for gm in fits) > 5  # it is no single M-step
    assert_allclose([gm.lower_bound_ for gm in fits], fits[0].lower_bound_, rtol=0, atol=1e-9)
    other = GaussianMixture(2, covariance_type="EEE", init_params=labels, tol=0).fit(X)
    assert names[0] != "EEV" or fits[0].lower_bound_ > other.lower_bound_ + 0.01


# The structures without orientation, and those that they equal where the axes are the features.
ALIGNED = [("EEI", "EEE"), ("VEI", "VEE"), ("EVI", "EVE"), ("VVI", "VVE")]
ALIGNED += [("EEI", "EEV"), ("VEI", "VEV"), ("EVI", "EVV"), ("VVI", "VVV")]


@pytest.mark.parametrize(("aligned", "free"), ALIGNED)
def test_axes_that_are_the_features_need_no_orientation(aligned, free):
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(4))
    variances = np.sort(rng.uniform(0.2, 5.0, (4, 3)))[:, ::-1]
    own = variances[:, :, np.newaxis] * np.eye(3)
    one, other = m_step(aligned, weights, own), m_step(free, weights, own)
    assert_allclose(other, one, rtol=1e-10, atol=1e-12)


@each
def test_one_feature_leaves_a_volume_only(name):
    weights, own = problem(5, 4, 1)
    other = "VII" if name[0] == "V" or name in ("VVI", "VVV") else "EII"
    assert_allclose(m_step(name, weights, own), m_step(other, weights, own), rtol=1e-12)
    assert structure(name).n_covariance_parameters(4, 1) == (4 if name[0] == "V" else 1)


@pytest.mark.parametrize("name", ROTATED)
def test_a_rotation_of_the_features_rotates_the_covariances(name):
    weights, own = problem(6, 3, 4)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    ours = m_step(name, weights, turn @ own @ turn.T)
    theirs = turn @ m_step(name, weights, own) @ turn.T
    rtol = 1e-5 if name.endswith("VE") else 1e-9
    assert_allclose(ours, theirs, rtol=0, atol=rtol * theirs.max())


@pytest.mark.parametrize("name", RESCALED)
def test_units_of_each_feature_change_nothing(name):
    weights, own = problem(7, 3, 4)
    units = np.outer([1e-6, 1e6, 1.0, 1e3], [1e-6, 1e6, 1.0, 1e3])
    ours = m_step(name, weights, units * own) / units
    theirs = m_step(name, weights, own)
    assert_allclose(ours, theirs, rtol=0, atol=1e-9 * theirs.max())


@each
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_one_unit_for_all_features_changes_nothing(name, unit):
    weights, own = problem(8, 4, 3)
    ours, theirs = m_step(name, weights, unit**2 * own) / unit**2, m_step(name, weights, own)
    rtol = 1e-5 if name.endswith("VE") else 1e-10
    assert_allclose(ours, theirs, rtol=0, atol=rtol * theirs.max())


@each
def test_units_far_apart_leave_a_fit_that_never_falls(name):
    rng = np.random.default_rng(9)
    X = random_rows(random_mixture(3, 4, "VVV", rng), 600, rng) * [1e-6, 1e6, 1.0, 1e3]
    labels = np.arange(600) % 3
    model = GaussianMixture(3, covariance_type=name, init_params=labels, reg_covar=0, tol=1e-7)
    fit = model.set_params(max_iter=500).fit(X)
    assert np.all(np.isfinite(fit.covariances_))
    assert np.diff(fit.lower_bounds_).min() >= -1e-12


def test_many_features_do_not_overflow():
    weights, own = problem(10, 2, 200)
    for name in LETTERS:
        if name not in ("EVE", "VVE"):  # seconds
            for unit in (1e-150, 1e120):
                assert np.all(np.isfinite(m_step(name, weights, unit * own))), name


# Components without rows, and singular ones


@each
def test_a_component_without_rows_changes_nothing_for_the_others(name):
    weights, own = problem(11, 3, 3)
    more = np.concatenate([own[:2], np.full((1, 3, 3), np.nan), own[2:]])
    with_empty = np.insert(weights, 2, 0.0)
    found = m_step(name, with_empty, np.nan_to_num(more), reg_covar=1e-3)
    theirs = m_step(name, weights, own, reg_covar=1e-3)
    rtol = 1e-6 if name.endswith("VE") else 1e-10
    assert_allclose(found[[0, 1, 3]], theirs, rtol=rtol, atol=rtol)
    assert np.linalg.eigvalsh(found[2])[0] > 0


@each
def test_a_component_without_rows_or_reg_covar_is_singular_or_takes_what_is_shared(name):
    weights, own = problem(12, 3, 3)
    weights[1] = 0.0
    if name[:2] in ("EI", "EE"):
        assert np.linalg.eigvalsh(m_step(name, weights, own)[1])[0] > 0
    else:
        with pytest.raises(SingularCovarianceError, match="Component 1"):
            m_step(name, weights, own)


@each
def test_rows_on_a_line_are_singular_where_a_shape_is_their_own(name):
    weights, own = problem(13, 3, 2)
    own[1] = [[1.0, 0.0], [0.0, 0.0]]
    if name[1] == "V":
        with pytest.raises(SingularCovarianceError, match="Component 1"):
            m_step(name, weights, own)
    else:
        assert np.linalg.eigvalsh(m_step(name, weights, own)).min() > 0


@each
def test_a_constant_feature_is_singular_without_reg_covar(name):
    weights, own = problem(14, 3, 2)
    own[:, 1, :] = own[:, :, 1] = 0.0
    if name[1] == "I":
        assert np.all(m_step(name, weights, own)[:, 1, 1] > 0)
    else:
        with pytest.raises(SingularCovarianceError):
            m_step(name, weights, own)


# Parameters


def test_parameter_counts_are_mclusts():
    with (DATA / "mclust_bic.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == set(LETTERS)
    for row in rows:
        k, d = int(row["G"]), int(row["d"])
        ours = k - 1 + k * d + structure(row["model"]).n_covariance_parameters(k, d)
        assert ours == int(row["df"]), row


@each
def test_parameter_counts_are_those_of_a_parametrisation(name):
    for k, d in ((1, 1), (3, 1), (2, 2), (4, 5)):
        volume, shape, turns = sizes_of(name, k, d)
        assert (
            structure(name).n_covariance_parameters(k, d) == volume + shape * (d - 1) // d + turns
        )


# Eigenvalues


@pytest.mark.parametrize("d", [*range(1, 21), 64, 128])
def test_eigen_is_numpys(d):
    rng = np.random.default_rng(d)
    square = rng.standard_normal((d, d))
    orthogonal = np.linalg.qr(square)[0]
    repeated = (orthogonal * rng.integers(1, 4, d)) @ orthogonal.T
    half = square[:, : (d + 1) // 2]
    for matrix in (square + square.T, square @ square.T, half @ half.T, repeated + repeated.T):
        values, vectors = eigen(matrix)
        size = np.abs(values).max()
        theirs = np.linalg.eigvalsh(matrix)[::-1]
        assert_allclose(values, theirs, rtol=0, atol=1e-13 * size)
        assert_allclose(vectors @ vectors.T, np.eye(d), atol=2e-13)
        assert_allclose((vectors.T * values) @ vectors, matrix, atol=2e-13 * size)


def test_small_eigenvalues_keep_their_digits():
    correlations = np.corrcoef(np.random.default_rng(0).standard_normal((6, 30)))
    units = 10.0 ** np.array([-9, 9, 0, 3, -3, 5])
    values, _ = eigen(correlations * np.outer(units, units))
    theirs = np.linalg.slogdet(correlations)[1] + 2 * np.log(units).sum()
    assert_allclose(np.log(values).sum(), theirs, rtol=1e-13)
    assert values.min() > 0


# EM on data


def rows_of(data):
    if data == "diabetes":
        return np.loadtxt(DATA / "diabetes.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2))
    return load_iris().data if data == "iris" else load_faithful().data


@pytest.mark.parametrize(("name", "data"), product(LETTERS, ["faithful", "iris", "diabetes"]))
def test_em_converges_from_a_common_start(name, data):
    X = rows_of(data)
    for k, seed in itertools.product((2, 3, 4), range(2)):
        labels = KMeans(k, n_init=1, random_state=seed).fit(X).labels_
        start = GaussianMixture(k, covariance_type=name, init_params=labels, reg_covar=0)
        mixture = start.set_params(max_iter=0).fit(X).mixture_
        monitor = Monitor(1e-8, 5_000)
        found, _ = expectation_maximisation(
            mixture, ArrayBlocks(Rows(X)), likeliest(mixture), monitor
        )
        assert monitor.converged or monitor.failure, (k, seed)
        assert np.diff(monitor.history).min(initial=0.0) >= -1e-13 * abs(monitor.history[0])
        found.structure.check_family(found.covariances, k)


@each
def test_a_weight_of_two_is_a_row_twice(name):
    X = rows_of("iris")
    w = 1 + np.arange(len(X)) % 2
    labels = KMeans(3, n_init=1, random_state=0).fit(X).labels_
    ours, theirs = (
        GaussianMixture(3, covariance_type=name, init_params=start, tol=1e-6, max_iter=300)
        for start in (labels, np.repeat(labels, w))
    )
    ours.fit(X, sample_weight=w)
    theirs.fit(np.repeat(X, w, axis=0))
    # A common orientation is turned until a sweep gains less than 1e-15 nats: the angles keep half of those
    # digits, and so does the likelihood along the way.
    rtol = 3e-8 if name in ("EVE", "VVE") else 1e-11
    assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=rtol)


# Names


@pytest.mark.parametrize(
    ("theirs", "letters"), [("full", "VVV"), ("tied", "EEE"), ("diag", "VVI"), ("spherical", "VII")]
)
def test_scikit_learns_names_are_the_same_structures(theirs, letters):
    X = rows_of("iris")
    one, other = (
        GaussianMixture(3, covariance_type=name, random_state=0).fit(X)
        for name in (theirs, letters)
    )
    assert np.array_equal(one.covariances_, other.covariances_)
    assert type(structure(theirs)) is type(structure(letters))
    assert (one.mixture_.covariance_type, other.mixture_.covariance_type) == (theirs, letters)
    assert letters in repr(other.mixture_)
    assert other.summary().covariance_type == letters


@each
def test_a_fit_can_be_saved_pickled_and_drawn(name, tmp_path):
    X = rows_of("iris")
    model = GaussianMixture(3, covariance_type=name, random_state=0).fit(X)
    model.save(tmp_path / "model.safetensors")
    again = mixtura.load(tmp_path / "model.safetensors")
    assert again.covariance_type == again.mixture_.covariance_type == name
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict_proba(X), model.predict_proba(X))
    assert copied.mixture_.structure == structure(name)
    assert plot_mixture(model, X, [0, 2]).has_data()


@each
def test_parts_have_a_structure_that_holds(name):
    mixture = random_mixture(3, 4, name, np.random.default_rng(0))
    whole = {"EVI": "VVI", "EVE": "VVV", "VVE": "VVV", "EEV": "VVV", "VEV": "VVV", "EVV": "VVV"}
    for part in (mixture.marginal([2, 0]), mixture.condition([1], [0.3])):
        assert part.covariance_type == whole.get(name, name)
        part.structure.check_family(part.covariances, part.n_components)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("EII", "equal volumes"),
        ("EEI", "equal"),
        ("VEI", "equal shapes"),
        ("EVI", "equal volumes"),
        ("VEE", "equal shapes"),
        ("EVE", "equal volumes"),
        ("VVE", "one orientation"),
        ("EEV", "equal volumes"),
        ("VEV", "equal shapes"),
        ("EVV", "equal volumes"),
    ],
)
def test_covariances_of_another_family_are_refused(name, wanted):
    weights, own = problem(15, 3, 3)
    covariances = oracle.stored(structure(name), own)
    with pytest.raises(ValueError, match=rf"'{name}' covariances must have {wanted}"):
        Mixture.from_parameters(weights, np.zeros((3, 3)), covariances, covariance_type=name)


@each
def test_precisions_to_begin_with_must_be_of_the_family(name):
    mixture = random_mixture(3, 4, name, np.random.default_rng(18))
    X = random_rows(mixture, 300, np.random.default_rng(18))
    start = {"weights_init": mixture.weights, "means_init": mixture.means, "max_iter": 0}
    model = GaussianMixture(3, covariance_type=name, precisions_init=mixture.precisions, **start)
    assert_allclose(model.fit(X).lower_bound_, oracle.log_density(mixture, X).mean(), rtol=1e-12)
    _, own = problem(15, 3, 4)
    if "E" in name and name != "EEE":
        model.set_params(precisions_init=oracle.stored(structure(name), own))
        with pytest.raises(ValueError, match=f"'{name}' precisions must have"):
            model.fit(X)


@each
def test_covariances_in_single_precision_are_accepted(name):
    rng = np.random.default_rng(16)
    mixture = random_mixture(3, 4, name, rng)
    covariances = mixture.covariances.astype(np.float32)
    again = Mixture.from_parameters(
        mixture.weights, mixture.means, covariances, covariance_type=name
    )
    assert again.covariance_type == name


def test_unknown_letters_suggest_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'EVE'\?"):
        structure("eve")
    with pytest.raises(ValueError, match=r"Did you mean 'VVI'\?"):
        GaussianMixture(covariance_type="VVIX").fit(rows_of("iris"))


@pytest.mark.parametrize(("short", "name"), [("E", "EII"), ("V", "VII")])
def test_one_feature_has_names_of_its_own(short, name):
    X = np.random.default_rng(0).standard_normal((200, 1)) * [[1.0]] + [[0.0], [6.0]] * 100
    params = {"random_state": 0}
    ours = GaussianMixture(2, covariance_type=short, **params).fit(X)
    theirs = GaussianMixture(2, covariance_type=name, **params).fit(X)
    assert_array_equal(ours.covariances_, theirs.covariances_)
    assert ours.covariance_type == short
    assert ours.mixture_.covariance_type == short
    assert ours.bic(X) == theirs.bic(X)
    with pytest.raises(ValueError, match=f"is for one feature.*{name}"):
        GaussianMixture(2, covariance_type=short).fit(np.column_stack([X, X**2]))
    with pytest.raises(ValueError, match="is for one feature"):
        Mixture.from_parameters([1.0], [[0.0, 0.0]], [1.0], covariance_type=short)


def test_one_features_names_are_saved(tmp_path):
    X = np.random.default_rng(0).standard_normal((50, 1))
    fit = GaussianMixture(1, covariance_type="V").fit(X)
    fit.save(tmp_path / "m")
    assert load(tmp_path / "m").covariance_type == "V"


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_covariances_of_conditionals_and_inverses_are_symmetric(covariance_type):
    """Of features that are nearly dependent the rounding of a solution is far from symmetric."""
    places = np.linspace(0, 1, 8)
    matrix = np.exp(-((places[:, np.newaxis] - places) ** 2) / 0.5) + 1e-9 * np.eye(8)
    covariances = np.stack([matrix, 2 * matrix]) if covariance_type == "full" else matrix
    mixture = Mixture.from_parameters(
        [0.5, 0.5], np.zeros((2, 8)), covariances, covariance_type=covariance_type
    )
    conditional = mixture.condition([0, 2, 4, 6, 7], np.zeros(5)).covariances
    inverse = mixture.structure.invert_precisions(mixture.precisions)
    for ours in (conditional, inverse):
        assert_array_equal(ours, np.swapaxes(ours, -1, -2))
