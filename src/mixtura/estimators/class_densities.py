"""What the distributions of classes say of rows: the functions that a classifier's predictions are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.mixture import Mixture, log_density, log_sum_exp
from mixtura.support.arrays import Array, FloatArray, result_dtype


@dataclass(frozen=True, eq=False)
class ClassDensities:
    """Classes, their probabilities, and the distribution of each."""

    classes: Array
    priors: FloatArray
    mixtures: list[Mixture]

    @property
    def df(self) -> FloatArray | None:
        """Degrees of freedom; None: no class has t components."""
        return next((one.df for one in self.mixtures if one.df is not None), None)


def log_joint(
    densities: ClassDensities,
    X: Array,
    threads: int,
    *,
    missing: bool = False,
    errors: FloatArray | None = None,
) -> Array:
    """Log of each class's prior times its density at each row."""
    with np.errstate(divide="ignore"):
        log_priors = np.log(densities.priors)
    found = np.empty((len(X), len(log_priors)), dtype=result_dtype(X))
    for c, mixture in enumerate(densities.mixtures):
        found[:, c] = log_density(mixture, X, threads, missing=missing, errors=errors)
    return np.asarray(found + log_priors.astype(found.dtype))


def labels(densities: ClassDensities, X: Array, threads: int, **about: Any) -> Array:
    """The likeliest class."""
    return np.asarray(densities.classes[log_joint(densities, X, threads, **about).argmax(axis=1)])


def log_probabilities(densities: ClassDensities, X: Array, threads: int, **about: Any) -> Array:
    """Log of the probability of each class."""
    joint = log_joint(densities, X, threads, **about)
    return np.asarray(joint - log_sum_exp(joint)[:, np.newaxis])


def probabilities(densities: ClassDensities, X: Array, threads: int, **about: Any) -> Array:
    """The probability of each class."""
    return np.asarray(np.exp(log_probabilities(densities, X, threads, **about)))


def decisions(densities: ClassDensities, X: Array, threads: int, **about: Any) -> Array:
    """The log joint densities; of two classes how much that of the second is above the first's."""
    joint = log_joint(densities, X, threads, **about)
    return np.asarray(joint[:, 1] - joint[:, 0]) if joint.shape[1] == 2 else joint


def log_densities(densities: ClassDensities, X: Array, threads: int, **about: Any) -> Array:
    """Log density, whatever the class."""
    return log_sum_exp(log_joint(densities, X, threads, **about))


__all__ = [
    "ClassDensities",
    "decisions",
    "labels",
    "log_densities",
    "log_joint",
    "log_probabilities",
    "probabilities",
]
