"""Covariances that few rows have made in many features: a diagonal, and products of rows beside it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import cholesky, solve_triangular
from sklearn.mixture import GaussianMixture as SklearnMixture

from mixtura import GaussianMixture


def groups(n_rows: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((2, n_features))
    return means[np.arange(n_rows) % 2] + rng.standard_normal((n_rows, n_features))


@pytest.mark.parametrize("kind", ["full", "tied"])
@pytest.mark.parametrize(("n_rows", "n_features"), [(20, 128), (24, 203), (49, 200)])
def test_their_factors_are_those_of_scikit_learn(kind, n_rows, n_features):
    X = groups(n_rows, n_features)
    arguments = {"covariance_type": kind, "reg_covar": 1e-3, "random_state": 0}
    theirs = SklearnMixture(2, **arguments).fit(X)
    ours = GaussianMixture(2, init_params="kmeans", tol=1e-3, **arguments)
    with pytest.warns(UserWarning, match="reg_covar|rows"):
        ours.fit(X)
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-9)
    size = np.abs(theirs.precisions_cholesky_).max()
    assert_allclose(ours.precisions_cholesky_, theirs.precisions_cholesky_, atol=1e-10 * size)
    assert_array_equal(np.tril(ours.precisions_cholesky_, -1), 0)


@pytest.mark.parametrize("unit", [1e-3, 1, 1e4])
def test_with_next_to_nothing_added_they_invert_as_well_as_lapacks(unit):
    X = groups(30, 256) * np.where(np.arange(256) % 2, unit, 1)
    model = GaussianMixture(2, random_state=0)
    with pytest.warns(UserWarning, match="reg_covar|rows"):
        model.fit(X)
    for covariance, factor in zip(model.covariances_, model.precisions_cholesky_, strict=True):
        lapacks = solve_triangular(cholesky(covariance), np.eye(256))
        errors = [np.abs(one.T @ covariance @ one - np.eye(256)).max() for one in (factor, lapacks)]
        assert errors[0] <= 4 * errors[1]


@pytest.mark.filterwarnings("ignore:The model has")
def test_rows_of_little_weight_are_not_taken_for_few():
    X, weight = groups(400, 64), np.full(400, 1e-3)
    arguments = {"covariance_type": "full", "random_state": 0, "reg_covar": 1e-3}
    light = GaussianMixture(2, **arguments).fit(X, sample_weight=weight)
    plain = GaussianMixture(2, **arguments).fit(X)
    assert_allclose(light.precisions_cholesky_, plain.precisions_cholesky_, rtol=1e-6, atol=1e-6)
