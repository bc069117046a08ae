"""Intervals of functions of a mixture, and what standard errors of its parameters are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import ndtri

from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

Function = Callable[[Mixture], Any]


class Interval(NamedTuple):
    """An estimate and how sure it is. Numbers where the function gives one, else arrays of its shape.

    Attributes
    ----------
    estimate, low, high, std : float or ndarray
        The function's value, the ends of the interval, the standard error.
    """

    estimate: Any
    low: Any
    high: Any
    std: Any


class ParameterErrors(NamedTuple):
    """Standard errors, in the shapes of the parameters; None where there are no such ones."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    noise_weight: float | None
    df: FloatArray | None


class Spread(Protocol):
    """What stands for the distribution of estimates."""

    def interval(self, function: Function, mixture: Mixture, level: float) -> Interval:
        """Of a function of the mixture."""

    def of_parameters(self) -> ParameterErrors:
        """Standard errors of what a mixture consists of."""


def value_of(function: Function, mixture: Mixture) -> FloatArray:
    """What a function gives, as numbers.

    Raises
    ------
    ValueError
        If some are NaN or infinite.
    """
    value = np.asarray(function(mixture), dtype=np.float64)
    if not np.isfinite(value).all():
        raise ValueError("The function must return finite numbers, but some are NaN or infinite.")
    return value


def around(value: FloatArray, std: FloatArray, level: float) -> Interval:
    """The interval of a normal distribution."""
    reach = ndtri((1 + level) / 2) * std
    return Interval(value, value - reach, value + reach, std)


__all__ = ["Function", "Interval", "ParameterErrors", "Spread", "around", "value_of"]
