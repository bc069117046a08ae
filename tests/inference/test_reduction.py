"""Directions in which components differ: mclust's on iris, and what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning

from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES
from mixtura.inference import directions_of
from mixtura.plots import plot_reduction

X, species = load_iris(return_X_y=True)

# Of VEV with three components, where mclust 6 stops, and what MclustDR then prints.
MCLUST_BIC = -562.552236905907
MCLUST_EIGENVALUES = [1.8786, 0.0725]


def fitted(name="VEV", **arguments):
    return GaussianMixture(3, covariance_type=name, random_state=0, **arguments).fit(X)


def test_eigenvalues_are_those_of_mclust_where_it_stops():
    """On the way to the optimum, where the likelihood is mclust's; at the optimum they are a little lower."""
    start = np.eye(3)[fcluster(linkage(X, "ward"), 3, "maxclust") - 1]
    found = []
    for max_iter in (26, 27):
        with pytest.warns(ConvergenceWarning):
            gm = fitted(init_params=start, accelerate=False, tol=0, max_iter=max_iter)
        found.append((gm.bic(X), gm.reduction(X).eigenvalues))
    (before, first), (after, second) = found
    assert after < -MCLUST_BIC < before
    share = (before + MCLUST_BIC) / (before - after)
    assert_allclose(first + share * (second - first), MCLUST_EIGENVALUES, atol=6e-5)
    assert_allclose(fitted().reduction(X).eigenvalues, [1.87836, 0.07209], atol=2e-5)


@pytest.mark.parametrize("name", [name for name in STRUCTURES if len(name) == 3])
def test_projections_are_white_and_the_mixture_is_projected(name):
    gm = fitted(name)
    found = gm.reduction(X, share_of_means=0.5)
    Z = found.transform(X)
    assert_allclose(np.cov(Z.T, ddof=0), np.eye(Z.shape[1]), atol=1e-8)
    mixture = gm.mixture_
    assert_allclose(found.mixture.means, found.transform(mixture.means), atol=1e-9)
    B = found.directions
    assert_allclose(found.mixture.covariances, B.T @ mixture.covariance_matrices() @ B, atol=1e-9)
    assert np.all(np.diff(found.eigenvalues) < 0)
    assert len(gm.reduction(X).eigenvalues) == 2


def test_known_groups_with_one_covariance_give_fishers_discriminants():
    gm = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X, labels=species)
    ours = gm.reduction(X).directions
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, species).scalings_[:, :2]
    for a, b in zip(ours.T, theirs.T, strict=True):
        assert abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(1, abs=1e-9)


def test_units_change_nothing():
    scale = np.array([1e6, 1.0, 1e-6, 3.0])
    moved = X * scale - 7
    gm = GaussianMixture(3, covariance_type="VVV", random_state=0).fit(moved)
    plain = GaussianMixture(3, covariance_type="VVV", random_state=0).fit(X)
    ours, theirs = gm.reduction(moved, share_of_means=0.5), plain.reduction(X, share_of_means=0.5)
    assert_allclose(ours.eigenvalues, theirs.eigenvalues, rtol=1e-4)
    assert_allclose(np.abs(ours.transform(moved)), np.abs(theirs.transform(X)), atol=1e-3)


def test_weights_repeat_rows():
    times = 1 + np.arange(len(X)) % 3
    gm = fitted()
    ours = gm.reduction(X, sample_weight=times)
    theirs = gm.reduction(np.repeat(X, times, axis=0))
    assert_allclose(ours.eigenvalues, theirs.eigenvalues, rtol=1e-9)


def test_they_show_themselves_and_are_drawn():
    found = fitted().reduction(X)
    assert "96.3 %" in str(found)
    assert list(found.to_frame()["direction"]) == [0, 1]
    ax = plot_reduction(found, X)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("direction 0 (96 %)", "direction 1 (4 %)")
    one = GaussianMixture(2, random_state=0).fit(X).reduction(X)
    assert plot_reduction(one, X).get_ylabel() == "density"
    with pytest.raises(TypeError, match="plot_reduction needs a Directions"):
        plot_reduction(fitted(), X)


def test_what_cannot_be_seen():
    gm = fitted()
    with pytest.raises(ValueError, match="share_of_means must be from 0 to 1"):
        gm.reduction(X, share_of_means=2)
    with pytest.raises(ValueError, match="do not differ in any direction"):
        GaussianMixture(1).fit(X).reduction(X)
    singular = np.cov(X.T)
    singular[3] = singular[:, 3] = singular[0]
    singular[3, 3] = singular[0, 0]
    with pytest.raises(ValueError, match="covariance of X is singular"):
        directions_of(gm.mixture_, singular, ("a", "b", "c", "d"), 1.0)
