"""The parts of the search, each against something that does not share its code."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from mixtura import Mixture, _core
from mixtura.covariance import structure
from mixtura.em import MaximumLikelihood
from mixtura.mixture import native_mixture
from mixtura.rows import ArrayBlocks, Rows
from mixtura.starts.auto import SearchRows, better_end, merged, split
from mixtura.starts.hierarchy import merged_partitions, wards_partitions
from mixtura.testing.problems import likeliest


def ends_from(starts, X):
    mixtures = [
        (
            kind,
            Mixture.from_parameters(
                np.full(len(m), 1 / len(m)), np.c_[m], [[1.0]], covariance_type="tied"
            ),
        )
        for kind, m in starts.items()
    ]
    m_step = MaximumLikelihood(structure("tied"), np.full(1, 1e-6))
    return better_end(mixtures, ArrayBlocks(Rows(X)), len(X), m_step, 0, None)


def test_of_several_ends_the_better_one_goes_on():
    """The first start shares one cluster, the third leads where the second has led."""
    places = np.repeat([0.0, 20.0, 200.0], 100)
    X = (places + np.random.default_rng(0).standard_normal(300))[:, np.newaxis]
    starts = {
        "worse": [0.0, 199.0, 201.0],
        "better": [0.0, 20.0, 200.0],
        "again": [1.0, 19.0, 199.0],
    }
    mixture, records = ends_from(starts, X)
    assert_allclose(np.sort(mixture.means.ravel()), [0, 20, 200], atol=0.5)
    assert [record.kind for record in records] == [*starts]
    worse, better, again = records
    assert worse.log_likelihood < better.log_likelihood - 0.1
    assert again.log_likelihood == pytest.approx(better.log_likelihood, abs=5e-5)


def test_where_no_end_is_proper_there_is_none():
    X = np.repeat([0.0, 1.0], 50)[:, np.newaxis]
    mixture, records = ends_from({"one": [0.0, 1.0], "other": [0.5, 1.0]}, X)
    assert mixture is None
    assert len(records) == 2


def leave_one_out(mixture, responsibilities, X, weight):
    """Responsibilities without each row's own pull, from a copy."""
    left_out = responsibilities.copy()
    _core.leave_one_out(X, weight, native_mixture(mixture), left_out)
    return left_out


def merge_losses(mixture):
    return _core.merge_losses(native_mixture(mixture))


def covariance_of(X, r):
    mean = r @ X / r.sum()
    return mean, ((X - mean).T * r) @ (X - mean) / r.sum()


@pytest.mark.parametrize("kind", ["full", "tied"])
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_equals_leaving_each_row_out(kind, weighted):
    """Row by row: the mixture made without all of that row's share, and the row's responsibilities there."""
    rng = np.random.default_rng(0)
    X, given = rng.standard_normal((25, 3)), rng.dirichlet([2.0, 2.0], 25)
    w = rng.uniform(0.2, 3.0, 25) if weighted else np.ones(25)
    R = w[:, np.newaxis] * given

    def mixture_of(R):
        means, covariances = zip(*(covariance_of(X, r) for r in R.T), strict=True)
        weights = R.sum(axis=0) / R.sum()
        if kind == "tied":
            covariances = np.einsum("k,kij->ij", weights, covariances)
        return means, np.array(covariances)

    means, covariances = mixture_of(R)
    weights = R.sum(axis=0) / R.sum()
    whole = Mixture.from_parameters(weights, means, covariances, covariance_type=kind)
    ours = leave_one_out(whole, given, X, w if weighted else None)
    for row in range(25):
        logs = np.empty(2)
        for k in range(2):
            # Only component k is made without the row, as the others' shares are theirs.
            left = R.copy()
            left[row, k] = 0.0
            if kind == "full":
                mean, covariance = covariance_of(X, left[:, k])
            else:
                mean = covariance_of(X, left[:, k])[0]
                pooled = (
                    sum(R[:, j].sum() * covariance_of(X, R[:, j])[1] for j in range(2) if j != k)
                    + left[:, k].sum() * covariance_of(X, left[:, k])[1]
                )
                covariance = pooled / left.sum()
            one = Mixture.from_parameters([1.0], [mean], [covariance])
            logs[k] = np.log(weights[k]) + one.log_density(X[row : row + 1])[0]
        theirs = np.exp(logs - logs.max())
        assert_allclose(ours[row], theirs / theirs.sum(), rtol=1e-7)


@pytest.mark.parametrize("kind", ["full", "tied"])
@pytest.mark.parametrize("factor", [2.0, 0.1, 1e-9, 1e6])
def test_only_proportions_of_weights_matter_where_rows_are_left_out(kind, factor):
    rng = np.random.default_rng(1)
    X, R = rng.standard_normal((20, 2)), rng.dirichlet([2.0, 2.0], 20)
    w = rng.uniform(0.2, 3.0, 20)
    covariances = [np.eye(2)] * 2 if kind == "full" else np.eye(2)
    means = rng.standard_normal((2, 2))
    mixture = Mixture.from_parameters([0.4, 0.6], means, covariances, covariance_type=kind)
    ours = leave_one_out(mixture, R, X, factor * w)
    assert_allclose(ours, leave_one_out(mixture, R, X, w), rtol=1e-12)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
def test_a_cut_is_no_worse_than_halving_along_any_axis(kind):
    """Its gain is the classification likelihood's, recomputed; cuts at medians are below it."""
    rng = np.random.default_rng(2)
    X = np.concatenate([rng.standard_normal((120, 3)), rng.standard_normal((80, 3)) + 2.5])
    weights, reg_covar = rng.uniform(0.5, 1.5, 200), np.full(3, 1e-12)
    sides = np.empty(200, dtype=np.int8)
    structure = getattr(_core.Structure, kind)
    gain = _core.cut(structure, X, weights, reg_covar, 4.0, sides)
    assert_allclose(gain, classification_gain(kind, X, weights, sides), rtol=1e-9)
    for axis in range(3):
        halves = (X[:, axis] > np.median(X[:, axis])).astype(int)
        assert gain >= classification_gain(kind, X, weights, halves)


def classification_gain(kind, X, w, sides):
    def log_det(covariance):
        if kind in ("full", "tied"):
            return np.linalg.slogdet(covariance)[1]
        variances = np.diag(covariance)
        return np.log(variances).sum() if kind == "diag" else 3 * np.log(variances.mean())

    parts = [covariance_of(X[sides == s], w[sides == s])[1] for s in (0, 1)]
    n = np.array([w[sides == s].sum() for s in (0, 1)])
    if kind == "tied":
        parts = [np.einsum("k,kij->ij", n / n.sum(), parts)] * 2
    gain = n.sum() * log_det(covariance_of(X, w)[1]) / 2
    return gain + sum(
        m * np.log(m / n.sum()) - m * log_det(p) / 2 for m, p in zip(n, parts, strict=True)
    )


def test_a_cut_does_not_depend_on_units_or_offsets():
    rng = np.random.default_rng(3)
    X = np.concatenate(
        [rng.standard_normal((100, 2)), rng.standard_normal((100, 2)) + np.array([0, 4])]
    )
    cuts = []
    for rows in (X, X * [1e-5, 1e4] + [3.0, -1e6]):
        sides = np.empty(200, dtype=np.int8)
        _core.cut(_core.Structure.full, rows, np.ones(200), np.zeros(2), 3.0, sides)
        cuts.append(sides)
    assert np.array_equal(cuts[0], cuts[1]) or np.array_equal(cuts[0], 1 - cuts[1])


@pytest.mark.parametrize("kind", ["diag", "spherical"])
@pytest.mark.parametrize("n_features", [70, 149, 150, 300])
def test_a_cut_parts_groups_whether_rows_or_features_are_more(kind, n_features):
    """Of fewer rows than features the axes come from products of rows with each other."""
    rng = np.random.default_rng(0)
    groups = np.arange(150) % 2
    apart = 2.0 * rng.choice([-1.0, 1.0], n_features)
    X = rng.standard_normal((150, n_features)) + groups[:, np.newaxis] * apart
    sides = np.empty(150, dtype=np.int8)
    reg_covar = np.full(n_features, 1e-6)
    structure = getattr(_core.Structure, kind)
    gain = _core.cut(structure, X, np.ones(150), reg_covar, 4.0, sides)
    assert adjusted_rand_score(groups, sides) > 0.9
    assert gain > 0


def test_merge_losses_bound_the_loss():
    """A mixture with two components replaced by one of their joint moments, beside it, in nats a row."""
    rng = np.random.default_rng(4)
    factors = rng.standard_normal((3, 2, 2))
    covariances = factors @ factors.transpose(0, 2, 1) + np.eye(2)
    weights, means = np.array([0.2, 0.3, 0.5]), 2 * rng.standard_normal((3, 2))
    mixture = Mixture.from_parameters(weights, means, covariances)
    X, _ = mixture.sample(100_000, rng)
    losses = merge_losses(mixture)
    for i, j in itertools.combinations(range(3), 2):
        rest = ({0, 1, 2} - {i, j}).pop()
        w = weights[[i, j]] / weights[[i, j]].sum()
        mean = w @ means[[i, j]]
        spread = np.einsum("k,ki,kj->ij", w, means[[i, j]] - mean, means[[i, j]] - mean)
        one = np.einsum("k,kij->ij", w, covariances[[i, j]]) + spread
        merged = Mixture.from_parameters(
            [weights[i] + weights[j], weights[rest]], [mean, means[rest]], [one, covariances[rest]]
        )
        lost = (mixture.log_density(X) - merged.log_density(X)).mean()
        assert -0.01 < lost <= losses[i, j] + 0.01


def test_two_equal_components_cost_nothing_to_merge():
    mixture = Mixture.from_parameters(
        [0.3, 0.3, 0.4], [[0, 0], [0, 0], [19, 9]], [3 * np.eye(2)] * 3
    )
    losses = merge_losses(mixture)
    assert_allclose(losses[0, 1], 0.0, atol=1e-12)
    assert losses[0, 2] > 0.5
    assert np.all(np.isinf(losses[np.tril_indices(3)]))


def clusters(rng, n=100):
    """Three round ones, apart, and the mixture that is true."""
    means = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 12.0]])
    mixture = Mixture.from_parameters(np.full(3, 1 / 3), means, [np.eye(2)] * 3)
    return np.concatenate([rng.standard_normal((n, 2)) + mean for mean in means]), mixture


def test_moves_name_the_merge_and_the_split_that_are_called_for():
    """Two components on one cluster, one on two: to merge the two and split the one promises most."""
    rng = np.random.default_rng(5)
    X, _ = clusters(rng)
    means = [[0.0, 0.0], [0.0, 0.1], [6.0, 6.0]]
    broad = np.array([[37.0, -36.0], [-36.0, 37.0]])
    poor = Mixture.from_parameters([1 / 6, 1 / 6, 2 / 3], means, [np.eye(2), np.eye(2), broad])
    rows = SearchRows(ArrayBlocks(Rows(X)))
    R = poor.responsibilities(X)
    moves = _core.moves(rows.native, likeliest(poor, 1e-9).native, native_mixture(poor), R)
    gain, united, to_merge, share = moves[0]
    assert (united, to_merge) == ((2, 2), (0, 1))
    assert gain > 0
    assert_allclose(share[100:200], share[100])
    assert_allclose(share[200:], 1 - share[100])
    gains = [move[0] for move in moves]
    assert gains == sorted(gains, reverse=True)


def test_one_component_more_or_fewer_keeps_every_row_whole():
    rng = np.random.default_rng(6)
    X, true = clusters(rng)
    rows, R = SearchRows(ArrayBlocks(Rows(X))), true.responsibilities(X)
    two = merged(true, R)
    assert two.shape == (300, 2)
    assert_allclose(two.sum(axis=1), 1.0)
    joint = Mixture.from_parameters(
        [2 / 3, 1 / 3], [[6.0, 0.0], [0.0, 12.0]], [np.diag([37.0, 1.0]), np.eye(2)]
    )
    three = split(joint, joint.responsibilities(X), rows, likeliest(joint, 1e-9))
    assert_allclose(three.sum(axis=1), 1.0)
    counts = np.array(
        [three[:100].sum(axis=0), three[100:200].sum(axis=0), three[200:].sum(axis=0)]
    )
    assert_allclose(np.sort(counts, axis=1), [[0, 0, 100]] * 3, atol=1e-6)
    assert set(counts.argmax(axis=1)) == {0, 1, 2}


def test_nothing_is_split_where_no_side_has_the_rows_for_it():
    X = np.random.default_rng(7).standard_normal((5, 2))
    one = Mixture.from_parameters([1.0], [X.mean(axis=0)], [np.cov(X.T)])
    rows = SearchRows(ArrayBlocks(Rows(X)))
    assert split(one, np.ones((5, 1)), rows, likeliest(one, 1e-9)) is None


@pytest.mark.parametrize("metric", ["EEI", "EEE"])
def test_partitions_do_not_depend_on_units(metric):
    rng = np.random.default_rng(8)
    X, _ = clusters(rng)
    found = []
    for rows in (X, X * [1e-5, 1e4] + [3.0, -1e6]):
        blocks = ArrayBlocks(Rows(rows))
        m_step = MaximumLikelihood(structure(metric), 1e-12 * blocks.variances)
        problem = SearchRows(blocks).problem(m_step, 3, 1, np.inf)
        found.append(_core.partition(problem, getattr(_core.Model, metric), 10))
    assert found[0] == found[1]
    labels = np.array(found[0])
    for cluster in np.split(labels, 3):
        assert len(set(cluster)) == 1
    assert set(labels) == {0, 1, 2}


def test_wards_partitions_are_scipys():
    rng = np.random.default_rng(9)
    X = rng.standard_normal((150, 3)) + rng.integers(0, 3, 150)[:, np.newaxis] + 1e4
    ours, tree = wards_partitions(X, None, 12), linkage(X, "ward")
    for k, labels in ours.items():
        assert len(set(labels)) == k
        assert adjusted_rand_score(labels, fcluster(tree, k, "maxclust")) == 1.0


def test_wards_partitions_take_a_weight_as_rows_merged_already():
    rng = np.random.default_rng(10)
    X = rng.standard_normal((60, 2)) + 4.0 * rng.integers(0, 3, 60)[:, np.newaxis]
    weight = np.where(np.arange(60) % 3 == 0, 2, 1)
    weighted = wards_partitions(X, weight * 1e-3, 5)
    for k, labels in wards_partitions(np.repeat(X, weight, axis=0), None, 5).items():
        assert adjusted_rand_score(np.repeat(weighted[k], weight), labels) == 1.0


def test_merged_partitions_find_long_parallel_clusters_in_any_units():
    """Where distances mislead; and only the proportions of the weights count."""
    rng = np.random.default_rng(11)
    cluster = np.arange(120) % 2
    X = rng.standard_normal((120, 2)) * [20.0, 0.3] + np.array([0.0, 4.0]) * cluster[:, np.newaxis]
    weight = rng.uniform(0.5, 2.0, 120)
    turned = X @ np.array([[1.0, 0.7], [0.2, 1.5]]) * [1e-4, 1e3]
    found = [
        merged_partitions(*rows, 2)[2] for rows in ((X, None), (X, weight), (turned, 7 * weight))
    ]
    for labels in found:
        assert adjusted_rand_score(labels, cluster) > 0.9
    assert np.array_equal(found[1], found[2])
    assert adjusted_rand_score(wards_partitions(X, None, 2)[2], cluster) < 0.1
