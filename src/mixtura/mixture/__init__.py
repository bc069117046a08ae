"""A mixture as one immutable value: density, sampling, marginal, conditional."""

from mixtura.mixture.completing import drawn, expected, some_components
from mixtura.mixture.conditionals import Conditionals, comparable_log_density, log_sum_exp
from mixtura.mixture.denoising import (
    NO_ERRORS_OF_T,
    check_no_tails,
    denoised,
    drawn_of_measured,
    drawn_truth,
    expected_of_measured,
    measured,
)
from mixtura.mixture.distribution import Mixture, check_df, checked_mixture, covariance_of
from mixtura.mixture.evaluation import (
    arithmetic,
    labels,
    log_density,
    log_joint,
    native_mixture,
    random_generator,
    responsibilities,
)
from mixtura.mixture.noise import Noise
from mixtura.mixture.normals import Normals, bhattacharyya
from mixtura.mixture.posterior import Posterior
from mixtura.mixture.predictive import IndependentT, Predictive, log_predictive, predictive_of
from mixtura.mixture.sampling import sample_with_noise

__all__ = [
    "NO_ERRORS_OF_T",
    "Conditionals",
    "IndependentT",
    "Mixture",
    "Noise",
    "Normals",
    "Posterior",
    "Predictive",
    "arithmetic",
    "bhattacharyya",
    "check_df",
    "check_no_tails",
    "checked_mixture",
    "comparable_log_density",
    "covariance_of",
    "denoised",
    "drawn",
    "drawn_of_measured",
    "drawn_truth",
    "expected",
    "expected_of_measured",
    "labels",
    "log_density",
    "log_joint",
    "log_predictive",
    "log_sum_exp",
    "measured",
    "native_mixture",
    "predictive_of",
    "random_generator",
    "responsibilities",
    "sample_with_noise",
    "some_components",
]
