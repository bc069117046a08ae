"""Which components deserve doubt, in what order they come, and what is added to covariances."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mixtura import DegenerateComponentWarning, GaussianMixture, Mixture
from mixtura.blocks import ArrayBlocks
from mixtura.diagnosis import bhattacharyya, diagnose, why_improper
from mixtura.errors import DataWarning


def two_clouds(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    half = n_rows // 2
    return np.concatenate(
        [rng.standard_normal((half, 2)), rng.standard_normal((half, 2)) + np.array([9, 2])]
    )


def test_sound_components_are_sound():
    diagnosis = GaussianMixture(2, random_state=0).fit(two_clouds()).diagnosis_
    assert diagnosis.verdict == ("sound", "sound")
    assert_allclose(diagnosis.effective_rows, 200, rtol=0.01)
    assert np.all(diagnosis.condition_number < 2)
    assert diagnosis.overlap.max() < 1e-3
    assert "sound" in str(diagnosis)


def mixture(covariances, weights=(0.5, 0.5), means=((0.0, 0.0), (5.0, 0.0))):
    return Mixture.from_parameters(weights, means, covariances)


@pytest.mark.parametrize(
    ("made", "rows", "verdict"),
    [
        (mixture([np.eye(2), np.eye(2)]), [100, 2.5], "few rows"),
        (mixture([np.eye(2), np.diag([1, 1e-9])]), [100, 100], "held up by reg_covar"),
        (mixture([np.eye(2), np.diag([1, 1e-6])]), [100, 4.0], "spike"),
        (mixture([np.eye(2), np.eye(2)], weights=(1.0, 0.0)), [100, 0.0], "no weight"),
        (mixture([np.eye(2)] * 2, means=((0, 0), (0, 1e-4))), [50, 50], "same as component 0"),
    ],
)
def test_each_doubt_has_its_word(made, rows, verdict):
    reg_covar = np.full(2, 1e-9)
    diagnosis = diagnose(made, np.array(rows, dtype=float), reg_covar)
    assert diagnosis.verdict[1] == verdict
    blocks = ArrayBlocks(two_clouds())
    improper = why_improper(made, np.array(rows, dtype=float), reg_covar, blocks)
    assert bool(improper) == (verdict != "same as component 0")


def test_bhattacharyya_distance_of_two_normals():
    """By numerical integration of sqrt(p q)."""
    ours = Mixture.from_parameters([1.0], [[0.3]], [[[0.5]]])
    theirs = Mixture.from_parameters([1.0], [[1.1]], [[[2.0]]])
    grid = np.linspace(-15, 15, 20_001)[:, np.newaxis]
    product = np.exp((ours.log_density(grid) + theirs.log_density(grid)) / 2)
    coefficient = np.trapezoid(product, grid[:, 0])
    assert_allclose(bhattacharyya(ours, theirs)[0, 0], -np.log(coefficient), rtol=1e-8)


def test_one_warning_says_which_component_and_why():
    X = two_clouds()
    X[:200] = X[0]
    with pytest.warns(DegenerateComponentWarning, match=r"held up by reg_covar.*stands 200 times"):
        GaussianMixture(2, random_state=0).fit(X)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
def test_hopeless_columns_are_named_before_the_fit(kind):
    X = np.column_stack([two_clouds(), np.full(400, 7.0)])
    X = np.column_stack([X, X[:, 1], X[:, 0] + 2 * X[:, 1]])
    with pytest.warns(DataWarning) as caught:
        GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    message = str(caught[0].message)
    assert message.startswith("Column 2 is constant (7)")
    assert "columns 1 and 3 are equal" in message
    assert "columns 0, 1, 4 are linearly dependent" in message


@pytest.mark.parametrize("kind", ["full", "diag", "tied"])
def test_a_constant_column_makes_no_mixture_spurious(kind):
    """reg_covar holds every mixture up there, and no one more than another."""
    X = np.column_stack([two_clouds(), np.full(400, 7.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    assert {record.ended for record in model.starts_} == {"converged"}


def test_sound_data_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("full", "tied", "diag", "spherical"):
            GaussianMixture(2, covariance_type=kind, random_state=0).fit(two_clouds())
            GaussianMixture(2, covariance_type=kind, random_state=0).fit(two_clouds() * 1e-9 + 3.0)


def test_a_number_that_widens_a_component_is_told():
    X = two_clouds() * 5e-3
    with pytest.warns(DataWarning, match=r"reg_covar=1e-06 is .*% of the smallest variance"):
        GaussianMixture(2, reg_covar=1e-6, random_state=0).fit(X)


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1.0, 1e9])
def test_reg_covar_auto_is_in_the_units_of_the_data(unit):
    ours = GaussianMixture(2, random_state=0).fit(two_clouds())
    theirs = GaussianMixture(2, random_state=0).fit(two_clouds() * unit)
    assert_allclose(theirs.covariances_ / unit**2, ours.covariances_, rtol=1e-5)


def test_components_are_sorted():
    X = np.concatenate(
        [two_clouds()[:200] + np.array([20, 0]), two_clouds()[:100], two_clouds()[200:250]]
    )
    heavy = GaussianMixture(3, random_state=0, sort_components="weight").fit(X)
    assert np.all(np.diff(heavy.weights_) <= 0)
    left = GaussianMixture(3, random_state=0, sort_components="mean").fit(X)
    assert np.all(np.diff(left.means_[:, 0]) >= 0)
    assert_allclose(heavy.score(X), left.score(X), rtol=1e-12)
    for model in (heavy, left):
        counts = model.predict_proba(X).sum(axis=0)
        assert_allclose(model.diagnosis_.effective_rows, counts, rtol=1e-3)


def test_align_to_makes_labels_comparable():
    X = np.concatenate([two_clouds(seed=1), two_clouds(seed=2)[:200] + np.array([0, 15])])
    one = GaussianMixture(3, random_state=0).fit(X)
    shuffled = one.mixture_.permuted([2, 0, 1])
    other = GaussianMixture(3, init_params=lambda *_: shuffled, max_iter=50).fit(X)
    before = other.predict(X)
    assert not np.array_equal(before, one.predict(X))
    assert other.align_to(one) is other
    assert np.array_equal(other.predict(X), one.predict(X))
    assert_allclose(other.means_, one.means_, atol=1e-4)
    with pytest.raises(ValueError, match="align_to needs a mixture of 3 components"):
        other.align_to(GaussianMixture(2, random_state=0).fit(X))


def test_permuted_is_the_same_distribution():
    model = GaussianMixture(2, covariance_type="tied", random_state=0).fit(two_clouds()).mixture_
    swapped = model.permuted([1, 0])
    assert_allclose(swapped.log_density(two_clouds()), model.log_density(two_clouds()), rtol=1e-14)
    with pytest.raises(ValueError, match="each of the 2 components once"):
        model.permuted([0, 0])


def test_remaining_gain_is_what_em_still_gains():
    """Aitken's estimate from a fit stopped early, beside EM run to its end."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((500, 1)), rng.standard_normal((500, 1)) + 2.5])
    start = {"init_params": "kmeans", "random_state": 0}
    early = GaussianMixture(2, tol=1e-7, **start).fit(X)
    end = GaussianMixture(2, tol=1e-13, max_iter=50_000, **start).fit(X)
    gained = end.lower_bound_ - early.lower_bound_
    assert early.remaining_gain_ / 3 < gained < early.remaining_gain_ * 3


def test_the_verdicts_survive_a_file(tmp_path):
    from mixtura import load

    model = GaussianMixture(2, random_state=0).fit(two_clouds())
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.diagnosis_.verdict == model.diagnosis_.verdict
    assert_allclose(loaded.diagnosis_.effective_rows, model.diagnosis_.effective_rows)
    assert loaded.remaining_gain_ == model.remaining_gain_


def test_one_far_row_makes_no_columns_dependent():
    X = np.concatenate([two_clouds(), [[1e9, 1e9]]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GaussianMixture(2, random_state=0).fit(X)
    assert not any("dependent" in str(warning.message) for warning in caught)


def test_few_distinct_rows_are_counted_before_the_fit():
    X = np.repeat(two_clouds()[[0, 1, 2, 399]], 50, axis=0)
    with pytest.warns(DataWarning) as caught:
        GaussianMixture(3, random_state=0).fit(X)
    assert "only 4 distinct rows, all others repeat them" in str(caught[0].message)
