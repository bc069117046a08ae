"""Answers on tables as they come: what is spurious never wins where something else does."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixtura import DegenerateComponentWarning, GaussianMixture, GaussianMixtureSearch
from mixtura.errors import DataWarning
from mixtura.fitting.diagnosis import recording_of
from mixtura.rows import ArrayBlocks, Rows


def two_groups(n_rows=100, seed=0):
    rng = np.random.default_rng(seed)
    return np.r_[rng.normal(size=(n_rows, 2)), rng.normal([6, 3], size=(n_rows, 2))]


def swept(X, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixtureSearch(range(1, 5), random_state=0, **options).fit(X)


def failures(search):
    columns = ("n_components", "covariance_type", "failure")
    return {(k, name): why for k, name, why in zip(*map(search.results_.get, columns), strict=True)}


def test_a_component_on_one_row_is_proper_where_the_volume_is_shared():
    """K = 1 has -249.0; one covariance for both components cannot collapse onto two rows."""
    X = np.r_[np.random.default_rng(2).normal(27, 5, 64).round(), -44, -2][:, np.newaxis]
    model = GaussianMixture(2, covariance_type="tied", random_state=0).fit(X)
    assert model.lower_bound_ * len(X) == pytest.approx(-216.857, abs=1e-3)
    assert set(model.diagnosis_.verdict) == {"sound"}


def test_rows_that_share_a_value_are_a_point_mass_with_column_and_value():
    pandas = pytest.importorskip("pandas")
    X = two_groups()
    X[150:, 1] = 4.0
    frame = pandas.DataFrame(X, columns=["wait", "duration"])
    labels = np.repeat([0, 1, 2], [100, 50, 50])
    with pytest.warns(
        DegenerateComponentWarning, match=r"2 is a point mass: its 50.* have duration = 4"
    ):
        model = GaussianMixture(3, init_params=labels, max_iter=0).fit(frame)
    assert model.diagnosis_.verdict == ("sound", "sound", "point mass: duration = 4")


def test_continuous_rows_are_no_point_masses_however_narrow_they_are():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1e-3, 300), rng.normal(5, 1, 300)][:, np.newaxis]
    model = GaussianMixture(2, random_state=0).fit(X)
    assert set(model.diagnosis_.verdict) == {"sound"}
    assert np.sqrt(model.covariances_.min()) == pytest.approx(1e-3, rel=0.1)


def test_where_every_way_leads_to_a_point_mass_the_fit_is_proper_and_says_so():
    rng = np.random.default_rng(0)
    X = np.r_[np.zeros(700), rng.poisson(8, 300)][:, np.newaxis]
    with pytest.warns(ConvergenceWarning, match="no maximum here that means anything.*point mass"):
        model = GaussianMixture(2, random_state=0).fit(X)
    assert not model.converged_
    assert set(model.diagnosis_.verdict) == {"sound"}


@pytest.mark.parametrize("pile", ["zeros", "sentinel"])
def test_what_em_has_not_ended_at_wins_no_sweep(pile):
    rng = np.random.default_rng(0)
    x = np.r_[np.zeros(700), rng.poisson(8, 300)]
    if pile == "sentinel":
        x = np.r_[rng.normal(size=497), [9999.0] * 3]
    search = swept(x[:, np.newaxis])
    assert failures(search)[tuple(search.best_params_.values())] == ""
    assert search.best_estimator_.converged_
    assert set(search.best_estimator_.diagnosis_.verdict) == {"sound"}


def test_structures_that_reg_covar_alone_keeps_from_being_singular_lose():
    search = swept(np.random.default_rng(0).normal(size=(10, 14)))
    assert search.best_params_["covariance_type"] in ("EII", "VII", "EEI", "VEI", "EVI", "VVI")
    assert "held up by reg_covar" in failures(search)[1, "EEE"]


def test_as_many_parameters_as_rows_win_only_with_a_warning():
    X = np.random.default_rng(0).normal(size=(30, 4))
    with pytest.warns(DataWarning, match="The model has 44 free parameters for 30 rows"):
        GaussianMixture(3, random_state=0).fit(X)


def test_max_parameters_leaves_larger_models_out():
    search = swept(two_groups(), max_parameters=9)
    counts, why = search.results_["n_parameters"], search.results_["failure"]
    assert (counts > 9).any()
    assert all(
        ("more than max_parameters=9" in text) == (n > 9)
        for n, text in zip(counts, why, strict=True)
    )
    for wrong in (0, 2.5, "9"):
        with pytest.raises(ValueError, match="max_parameters must be a whole number of at least 1"):
            GaussianMixtureSearch(max_parameters=wrong).fit(two_groups())


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_components_on_fewer_rows_than_asked_for_lose(kind):
    """Of two starts that stay as they are the likelier has a component of ten far rows."""
    X = np.r_[two_groups(), np.random.default_rng(1).normal([3, 40], size=(10, 2))]
    far, cut = np.repeat([0, 1, 2], [100, 100, 10]), np.repeat([0, 1, 2], [100, 50, 60])

    def fit(**options):
        starts = itertools.cycle([far, cut])
        model = GaussianMixture(
            3, covariance_type=kind, init_params=lambda *_: next(starts), n_init=2, max_iter=0
        )
        return model.set_params(**options).fit(X).diagnosis_.effective_rows.min()

    assert fit() < 15
    assert fit(min_component_rows=20) > 20


def test_the_rows_asked_for_are_named_and_not_called_needed():
    X = np.r_[two_groups(), np.random.default_rng(1).normal([3, 40], size=(10, 2))]
    labels = np.repeat([0, 1, 2], [100, 100, 10])
    model = GaussianMixture(3, min_component_rows=20, init_params=labels, max_iter=0)
    with pytest.warns(
        DegenerateComponentWarning, match="10 rows, fewer than min_component_rows=20"
    ):
        model.fit(X)


def test_a_sweep_keeps_to_the_rows_asked_for():
    X = np.r_[two_groups(), np.random.default_rng(1).normal([3, 40], size=(10, 2))]
    rows = [
        swept(X, min_component_rows=n).best_estimator_.diagnosis_.effective_rows.min()
        for n in (0, 20)
    ]
    assert rows[0] < 15
    assert rows[1] >= 19.9


def test_six_rows_are_a_partition_with_a_warning():
    X = np.array([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    with pytest.warns(DegenerateComponentWarning, match="point mass"):
        model = GaussianMixture(2, random_state=0).fit(X)
    assert sorted(model.means_[:, 0]) == pytest.approx([1, 10])


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "EEI", "EII"])
def test_two_components_on_one_hump_are_said_to_show_no_groups(kind):
    X = np.random.default_rng(0).normal(size=(300, 3))
    summary = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X).summary()
    one = GaussianMixture(1, covariance_type=kind).fit(X).bic(X)
    assert summary.bic_of_one == pytest.approx(one, rel=1e-6)
    assert summary.bic > one
    assert f"one component alone has a lower BIC, {one:,.2f}" in str(summary)


def test_of_groups_that_are_there_nothing_is_said():
    X = np.r_[np.random.default_rng(0).normal(size=(300, 2)), [[5.0, 5.0]] * 50]
    X[300:] += np.random.default_rng(1).normal(size=(50, 2))
    summary = GaussianMixture(2, random_state=0).fit(X).summary()
    assert summary.bic < summary.bic_of_one
    assert "groups" not in str(summary)
    # Matrices that share their orientation alone do not have the rows' covariance together.
    assert (
        GaussianMixture(2, covariance_type="VVE", random_state=0).fit(X).summary().bic_of_one
        is None
    )


@pytest.mark.parametrize("mean", [0, 10, 50, 170, 1000, 1e5, 1e7])
@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_the_step_of_rounded_values_is_found_wherever_they_lie(mean, decimals):
    X = np.random.default_rng(0).normal(mean, 9, (300, 1)).round(decimals)
    rounding = recording_of(ArrayBlocks(Rows(X))).rounding
    assert rounding == pytest.approx([(10.0**-decimals) ** 2 / 12], rel=1e-6)


def test_values_without_a_step_have_none():
    rng = np.random.default_rng(0)
    counts = np.log(rng.poisson(8, (500, 1)) + 1.0)
    ties = rng.normal(170, 9, (500, 1))
    ties[::3] = ties[0]
    for X in (counts, ties):
        assert recording_of(ArrayBlocks(Rows(X))).rounding == [0.0]


@pytest.mark.parametrize("single", [False, True])
def test_rows_without_weights_are_recorded_as_rows_of_weight_one(single):
    rng = np.random.default_rng(3)
    X = np.c_[rng.normal(size=200).round(1), rng.normal(size=200), np.repeat([0.0, 7.5], 100)]
    X = X.astype(np.float32 if single else np.float64)
    alone = recording_of(ArrayBlocks(Rows(X)))
    weighted = recording_of(ArrayBlocks(Rows(X, np.ones(200))))
    assert alone.rounding == weighted.rounding
