"""The judge of the second suite of problems: what it calls improper, and what it must leave alone."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from mixtura import GaussianMixture, Mixture

FILE = Path(__file__).parents[2] / "benchmarks" / "optimum" / "proper.py"


def load_judge():
    spec = spec_from_file_location("benchmark_judge", FILE)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


judge = load_judge()


def mixture(weights, means, covariances, kind="full"):
    means = np.asarray(means, dtype=float)
    return Mixture.from_parameters(weights, means, covariances, covariance_type=kind)


def verdict(X, *parameters):
    return judge.improper(mixture(*parameters), judge.Rows(np.asarray(X, dtype=float)))


def lax_verdict(X, *parameters):
    return judge.below_rounding(mixture(*parameters), judge.Rows(np.asarray(X, dtype=float)))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("step", [1.0, 0.1, 25.0, 1 / 60, 1 / 255])
def test_step_of_a_recorded_column_is_found(rng, step):
    column = step * np.round(rng.normal(50, 9, 300) / step)

    assert judge.grid_step(column) == pytest.approx(step, rel=1e-6)


def test_step_is_found_beside_a_few_other_values_and_a_sentinel(rng):
    column = rng.normal(50, 10, 400).round(1)
    column[:8] = rng.normal(50, 10, 8)
    column[8:12] = 9999

    assert judge.grid_step(column) == pytest.approx(0.1, rel=1e-6)


def test_step_of_fractions_written_with_few_digits():
    minutes = np.random.default_rng(0).integers(60, 320, 300)

    assert judge.grid_step((minutes / 60).round(7)) == pytest.approx(1 / 60, rel=1e-5)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(size=200),
        lambda rng: rng.normal(size=4),
        lambda rng: rng.standard_cauchy(300),
        lambda rng: 1e6 + rng.normal(size=50),
        lambda rng: np.log1p(rng.poisson(8, 300)),
        lambda rng: np.sqrt(rng.poisson(8, 300)),
        lambda rng: 0 * rng.normal(size=20) + 0.3,
    ],
)
def test_continuous_transformed_and_constant_columns_have_no_step(rng, draw):
    assert judge.grid_step(draw(rng)) == 0


def test_component_on_one_value_of_a_recorded_column(rng):
    X = np.r_[np.zeros(300), rng.poisson(8, 200)][:, None]

    why = verdict(X, [0.6, 0.4], [[0], [8]], [1e-6, 8.0], "spherical")

    assert "component 0 is thinner than the recording of column 0, in steps of 1" in why
    assert lax_verdict(X, [0.6, 0.4], [[0], [8]], [1e-6, 8.0], "spherical")


def test_component_as_wide_as_its_rounded_rows_is_proper(rng):
    X = np.r_[rng.normal(0, 0.6, 200), rng.normal(9, 2, 200)].round()[:, None]

    assert verdict(X, [0.5, 0.5], [[0], [9]], [0.4, 4.0], "spherical") == ""


def test_component_far_below_the_rounding_across_columns(rng):
    x = rng.integers(0, 30, 300)
    y = np.where(np.arange(300) < 150, x, rng.integers(0, 30, 300))
    on_the_line = 75 * np.array([[1, 1], [1, 1]]) + 1e-4 * np.eye(2)

    why = verdict(np.c_[x, y], [0.5, 0.5], [[15, 15], [14, 14]], [on_the_line, 75 * np.eye(2)])

    assert "thinner than the recording" in why


def test_point_mass_in_a_continuous_column(rng):
    X = np.c_[rng.normal(size=400), np.r_[np.zeros(150), rng.lognormal(size=250)]]
    covariances = [[1, 1e-7], [1, 2]]

    why = verdict(X, [0.4, 0.6], [[0, 0], [0, 1.6]], covariances, "diag")

    assert why == "component 0 is a point mass in column 1, near 0"


def test_one_repeated_value_makes_no_point_mass_of_a_wide_component(rng):
    X = np.r_[np.zeros(150), rng.normal(size=250)][:, None]

    assert verdict(X, [0.5, 0.5], [[0], [0.2]], [0.05, 1.5], "spherical") == ""


def test_linear_relation_that_other_rows_do_not_have(rng):
    X = rng.normal(size=(300, 2))
    X[:120, 1] = 2 * X[:120, 0]
    line = np.array([[1, 2], [2, 4]]) + 1e-9 * np.eye(2)

    assert "linear relation" in verdict(X, [0.4, 0.6], [[0, 0], [0, 0]], [line, np.eye(2)])


def test_direction_without_variance_belongs_to_the_data(rng):
    x = np.r_[rng.normal(-4, 1, 150), rng.normal(4, 1, 150)]
    X = np.c_[x, 2 * x]
    line = np.array([[1, 2], [2, 4]]) + 1e-9 * np.eye(2)

    assert verdict(X, [0.5, 0.5], [[-4, -8], [4, 8]], [line, line]) == ""


def test_tight_groups_of_continuous_rows_are_proper(rng):
    scales = [1, 1e-2, 1e-4]
    X = np.concatenate([s * rng.standard_normal((200, 2)) for s in scales])
    covariances = [s**2 * np.eye(2) for s in scales]

    assert verdict(X, np.full(3, 1 / 3), np.zeros((3, 2)), covariances) == ""


def test_shared_covariance_lets_a_component_stand_on_one_row(rng):
    X = np.r_[rng.normal(27, 5, 60), -44][:, None]
    weights, means = [60 / 61, 1 / 61], [[27], [-44]]

    assert verdict(X, weights, means, [[25.0]], "tied") == ""
    assert "distinct rows of 2" in verdict(X, weights, means, [25.0, 25.0], "spherical")


def test_shared_covariance_is_the_spike_where_a_column_has_as_many_values_as_components(rng):
    group = np.repeat([0, 5], 100)
    X = np.c_[rng.normal(size=200), group]

    why = verdict(X, [0.5, 0.5], [[0, 0], [0, 5]], [[1, 1e-6], [1, 1e-6]], "EEI")

    assert why.startswith("the shared covariance")


def test_shared_volume_alone_asks_for_two_rows_in_every_component(rng):
    X = np.r_[rng.normal(size=(60, 2)), [[30, 30]]]
    covariances = [[1, 1], [1, 1]]

    assert "distinct rows" in verdict(X, [60 / 61, 1 / 61], [[0, 0], [30, 30]], covariances, "EVI")


def test_repeated_rows_count_once(rng):
    X = np.r_[rng.normal(size=(60, 2)), np.tile([[30, 30], [31, 30]], (9, 1))]
    covariances = [np.eye(2), 0.2 * np.eye(2)]

    assert "2.0 distinct rows of 3" in verdict(X, [0.8, 0.2], [[0, 0], [30.5, 30]], covariances)


def test_two_rows_that_share_a_little_with_others_are_two(rng):
    X = np.r_[rng.normal(size=60), 20, 24][:, None]

    assert verdict(X, [30 / 31, 1 / 31], [[0], [22]], [1.0, 4.0], "spherical") == ""


def test_spike_of_few_rows_is_improper_to_the_judge_but_not_to_the_lax_one(rng):
    X = np.r_[rng.normal(size=(100, 2)), [[5, 5], [6, 6], [7, 7.001], [8, 8]]]
    spike = 1.25 * np.ones((2, 2)) + 1e-5 * np.eye(2)
    parameters = ([100 / 104, 4 / 104], [[0, 0], [6.5, 6.5]], [np.eye(2), spike])

    assert "spike of 4.0 distinct rows" in verdict(X, *parameters)
    assert lax_verdict(X, *parameters) == ""


def test_few_rows_are_a_spike_where_the_shape_is_their_own(rng):
    X = np.r_[rng.normal(size=(100, 3)), rng.normal([5, 5, 5], [1, 1, 1e-3], (5, 3))]
    weights, means = [100 / 105, 5 / 105], [[0, 0, 0], [5, 5, 5]]
    thin = [[1, 1, 1], [1, 1, 1e-6]]

    assert "spike of 5.0 distinct rows" in verdict(X, weights, means, thin, "VVI")
    assert verdict(X, weights, means, [[1, 1, 1], [0.1, 0.1, 0.1]], "VEI") == ""


def test_coincident_components(rng):
    X = rng.normal(size=(200, 1))

    assert "same as" in verdict(X, [0.5, 0.5], [[0], [0.01]], [[1.0]], "tied")
    assert verdict(X, [0.5, 0.5], [[-0.3], [0.3]], [[0.9]], "tied") == ""


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "VEV", "EEV", "EVI"])
def test_fits_of_clean_groups_are_proper_to_both(rng, kind):
    X = np.r_[rng.normal(0, 1, (80, 3)), rng.normal(6, 2, (80, 3))]
    mixture = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X).mixture_

    assert judge.improper(mixture, judge.Rows(X)) == ""
    assert judge.below_rounding(mixture, judge.Rows(X)) == ""
