"""Log densities of parameters that are trained, in the operations that PyTorch and JAX have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Of the expansion below: its terms in 1 / a, 1 / a^3, ..., and how far off zero it is right to 1e-15.
_EXPANSION = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)
_STEPS = 16


@dataclass(frozen=True)
class Library:
    """Functions of one library; axes are their second argument.

    Attributes
    ----------
    exp, log, log1p, triu, zeros_like : callable
        Of one array.
    einsum : callable
    logsumexp, log_softmax : callable
        Of an array and an axis.
    join : callable
        Of a list of arrays and an axis.
    cast : callable
        Of an array, and another whose type it takes.
    """

    exp: Callable[..., Any]
    log: Callable[..., Any]
    log1p: Callable[..., Any]
    triu: Callable[..., Any]
    zeros_like: Callable[..., Any]
    einsum: Callable[..., Any]
    logsumexp: Callable[..., Any]
    log_softmax: Callable[..., Any]
    join: Callable[..., Any]
    cast: Callable[..., Any]


def log_joint(of: Library, parameters: Any, X: Any, *, by_feature: bool = False) -> Any:
    """Log of weight times density of each component, noise last: (..., n_components) of (..., n_features).

    parameters: those of `parameters_of`. by_feature: whether each feature has a t distribution of its own.
    """
    # Rows are subtracted from before anything else, in their own precision if that is the wider one.
    centred = of.cast(X[..., None, :] - parameters["centres"], parameters["shifts"])
    away = centred - parameters["shifts"]
    y = away * of.exp(parameters["log_diagonal"])
    if "upper" in parameters:
        y = y + _above_diagonal(of, parameters["upper"], away)
    n_components, n_features = parameters["centres"].shape
    log_diagonal = parameters["log_diagonal"]
    log_factor = log_diagonal.sum(-1) * (n_features / log_diagonal.shape[-1])
    log_kernel = _log_kernel(of, parameters, y, by_feature)
    log_weights = of.log_softmax(parameters["logits"], -1)
    joint = log_weights[:n_components] + log_factor + log_kernel
    if "noise" not in parameters:
        return joint
    constant = log_weights[n_components:] + parameters["noise"]
    return of.join([joint, of.zeros_like(joint[..., :1]) + constant], -1)


def _above_diagonal(of: Library, upper: Any, away: Any) -> Any:
    upper = of.triu(upper, 1)
    if len(upper) == 1:
        return of.einsum("...kd,de->...ke", away, upper[0])
    return of.einsum("...kd,kde->...ke", away, upper)


def _log_kernel(of: Library, parameters: Any, y: Any, by_feature: bool) -> Any:
    """Log density of standardised rows y."""
    n_features = y.shape[-1]
    if "log_df" not in parameters:
        return -(y * y).sum(-1) / 2 - n_features / 2 * math.log(2 * math.pi)
    df = of.exp(parameters["log_df"])
    if by_feature:
        df, one = df[:, None], _height_of_t(of, df, 1)
        costs = (df + 1) / 2 * of.log1p(y * y / df)
        return n_features * one - costs.sum(-1)
    cost = (df + n_features) / 2 * of.log1p((y * y).sum(-1) / df)
    return _height_of_t(of, df, n_features) - cost


def _height_of_t(of: Library, df: Any, n_features: int) -> Any:
    """Log of Gamma((df + d) / 2) / Gamma(df / 2) / (pi df)^(d / 2), without differences of large numbers.

    Whole steps of Gamma are products; a half step is that of a number sixteen larger, by its expansion.
    """
    a = df / 2
    found = -n_features / 2 * of.log(math.pi * df)
    for i in range(n_features // 2):
        found = found + of.log(a + (i + n_features % 2 / 2))
    if n_features % 2 == 0:
        return found
    for i in range(_STEPS):
        found = found - of.log1p(0.5 / (a + i))
    far = a + _STEPS
    found = found + of.log(far) / 2
    for i, coefficient in enumerate(_EXPANSION):
        found = found + coefficient / far ** (2 * i + 1)
    return found


__all__ = ["Library", "log_joint"]
