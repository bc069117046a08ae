"""Every covariance structure: the conformance suite, and structures that theory says coincide."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.mixture import GaussianMixture as SklearnMixture

from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES, structure
from mixtura.testing.conformance import StructureConformance
from mixtura.testing.problems import random_mixture, random_rows


class TestFull(StructureConformance):
    covariance_type = "full"


class TestTied(StructureConformance):
    covariance_type = "tied"


class TestDiag(StructureConformance):
    covariance_type = "diag"


class TestSpherical(StructureConformance):
    covariance_type = "spherical"


class TestEII(StructureConformance):
    covariance_type = "EII"


class TestVII(StructureConformance):
    covariance_type = "VII"


class TestEEI(StructureConformance):
    covariance_type = "EEI"


class TestVEI(StructureConformance):
    covariance_type = "VEI"


class TestEVI(StructureConformance):
    covariance_type = "EVI"


class TestVVI(StructureConformance):
    covariance_type = "VVI"


class TestEEE(StructureConformance):
    covariance_type = "EEE"


class TestVEE(StructureConformance):
    covariance_type = "VEE"


class TestEVE(StructureConformance):
    covariance_type = "EVE"


class TestVVE(StructureConformance):
    covariance_type = "VVE"


class TestEEV(StructureConformance):
    covariance_type = "EEV"


class TestVEV(StructureConformance):
    covariance_type = "VEV"


class TestEVV(StructureConformance):
    covariance_type = "EVV"


class TestVVV(StructureConformance):
    covariance_type = "VVV"


def test_every_structure_is_tested():
    tested = {cls.covariance_type for cls in StructureConformance.__subclasses__()}
    assert tested == set(STRUCTURES)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_free_parameters_are_scikit_learns(covariance_type):
    rng = np.random.default_rng(0)
    for k, d in ((1, 1), (2, 3), (5, 4)):
        X = rng.normal(size=(100, d))
        ours = GaussianMixture(k, covariance_type=covariance_type, random_state=0, tol=1).fit(X)
        theirs = SklearnMixture(k, covariance_type=covariance_type, random_state=0, tol=1).fit(X)
        assert ours.mixture_.n_parameters == theirs._n_parameters()


@pytest.mark.parametrize("covariance_type", ["tied", "diag", "spherical"])
def test_one_feature_and_one_component_make_all_structures_equal(covariance_type):
    rng = np.random.default_rng(1)
    X = rng.normal(3, 2, size=(500, 1))
    ours = GaussianMixture(1, covariance_type=covariance_type, reg_covar=0).fit(X)
    full = GaussianMixture(1, reg_covar=0).fit(X)
    assert_allclose(ours.score(X), full.score(X), rtol=1e-14)


@pytest.mark.parametrize("other", ["diag", "spherical"])
def test_one_feature_makes_full_diag_and_spherical_equal(other):
    rng = np.random.default_rng(2)
    X = random_rows(random_mixture(3, 1, "full", rng), 2_000, rng)
    ours, full = (
        GaussianMixture(3, covariance_type=name, init_params="kmeans", random_state=0).fit(X)
        for name in (other, "full")
    )
    assert_allclose(ours.lower_bounds_, full.lower_bounds_, rtol=1e-12)
    assert_allclose(ours.means_, full.means_, rtol=1e-9)


def test_one_component_makes_tied_and_full_equal():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    tied = GaussianMixture(1, covariance_type="tied").fit(X)
    full = GaussianMixture(1).fit(X)
    assert_allclose(tied.covariances_, full.covariances_[0], rtol=1e-12)


@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 33])
def test_precisions_have_the_bits_that_each_has_alone(n_features):
    factors = np.random.default_rng(0).normal(size=(4, n_features, n_features + 2))
    precisions = factors @ np.swapaxes(factors, 1, 2)
    full, tied = structure("full"), structure("tied")
    for whole, alone in (
        (full.factor_precisions, tied.factor_precisions),
        (full.invert_precisions, tied.invert_precisions),
    ):
        assert_array_equal(whole(precisions), np.stack([alone(each) for each in precisions]))


@pytest.mark.parametrize("k", range(3))
@pytest.mark.parametrize("wrong", [-np.eye(2), np.array([[1.0, 0.5], [0.0, 1.0]])])
def test_one_precision_that_is_none_is_enough(k, wrong):
    precisions = np.stack([np.eye(2)] * 3)
    structure("full").check_precisions(precisions)
    precisions[k] = wrong
    with pytest.raises(ValueError, match="'full precision' should be symmetric, positive-definite"):
        structure("full").check_precisions(precisions)


def test_an_unknown_structure_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'spherical'\?"):
        structure("sperical")  # codespell:ignore
