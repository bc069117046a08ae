"""A mixture as one immutable value: density, sampling, marginal, conditional."""

from mixtura.mixture.distribution import (
    Mixture,
    arithmetic,
    checked_mixture,
    covariance_of,
    labels,
    log_density,
    log_joint,
    native_mixture,
    responsibilities,
)

__all__ = [
    "Mixture",
    "arithmetic",
    "checked_mixture",
    "covariance_of",
    "labels",
    "log_density",
    "log_joint",
    "native_mixture",
    "responsibilities",
]
