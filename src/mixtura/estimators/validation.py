"""What the arguments of an estimator may be: one clear sentence where one is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted

from mixtura.covariance import ONE_FEATURE, STRUCTURES
from mixtura.em import Prior, default_step
from mixtura.inputs.scales import DOUBLE, RANGES
from mixtura.mixture import Mixture
from mixtura.starts import STARTS
from mixtura.support.names import nearest

# Any whole number up to here is exact as float64 or rounds to one.
_MOST_INTEGER = 10**300

#: What each argument may be, as scikit-learn says it.
CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "covariance_type": [StrOptions({*STRUCTURES, *ONE_FEATURE})],
    "tol": [Interval(Real, 0.0, None, closed="left")],
    "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "n_init": [Interval(Integral, 1, None, closed="left")],
    "init_params": [StrOptions({"auto", *STARTS}), "array-like", callable],
    "weights_init": ["array-like", None],
    "means_init": ["array-like", None],
    "precisions_init": ["array-like", None],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "verbose": ["verbose"],
    "verbose_interval": [Interval(Integral, 1, None, closed="left")],
    "accelerate": ["boolean", StrOptions({"auto"})],
    "sort_components": [StrOptions({"weight", "mean"}), None],
    "min_component_rows": [Interval(Real, 0.0, None, closed="left")],
    "distribution": [StrOptions({"gaussian", "t"})],
    "df": [Interval(Real, 0.0, None, closed="neither"), StrOptions({"shared"}), None],
    "noise": ["boolean"],
    "missing": [StrOptions({"error", "mar"})],
    "noise_volume": [Interval(Real, 0.0, None, closed="neither"), None],
    "covariances_init": ["array-like", None],
    "prior": [StrOptions({"default"}), Prior, None],
    "fixed": [dict, None],
    "equal_weights": ["boolean"],
    "min_weight": [Interval(Real, 0.0, 1.0, closed="both"), None],
    "max_eigenvalue_ratio": [Interval(Real, 1.0, None, closed="left"), None],
    "callback": [callable, None],
    "max_time": [Interval(Real, 0.0, None, closed="left"), None],
    "checkpoint": [str, os.PathLike, None],
    "checkpoint_interval": [Interval(Real, 0.0, None, closed="left")],
    "resume": ["boolean"],
    "n_jobs": [Integral, None],
}

_PLAIN = (int, float, str, bool, type(None))
_ALIKE = (np.ndarray, RandomState)  # where one may be given, so may any other

# Plain arguments that were checked before: a check costs as much as ten iterations.
_known_good: set[tuple[Any, ...]] = set()
_MOST_KNOWN = 1_000


def check_parameters(
    estimator: str, arguments: Mapping[str, Any], constraints: Mapping[str, Any]
) -> None:
    """Raise where an argument of an estimator of that name is not possible.

    Raises
    ------
    ValueError
        The message names the argument, what it may be, and the nearest name where one is unknown.
    """
    plain = _plain(arguments)
    known = None if plain is None else (estimator, *plain)
    if known is not None and known in _known_good:
        return
    _check_each(estimator, dict(arguments), dict(constraints))
    if known is not None and len(_known_good) < _MOST_KNOWN:
        _known_good.add(known)


def _plain(arguments: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The arguments with their types; None where neither tells whether one is possible."""
    seed = arguments.get("random_state")
    if type(seed) is int and 0 <= seed < 2**32:  # any such seed is as good as another
        arguments = {**arguments, "random_state": 0}
    types = [*map(type, arguments.values())]
    values = [
        None if kind in _ALIKE else value
        for kind, value in zip(types, arguments.values(), strict=True)
    ]
    if not all(type(value) in _PLAIN for value in values):
        return None
    return (*values, *types)


def _check_each(estimator: str, arguments: dict[str, Any], constraints: dict[str, Any]) -> None:
    try:
        validate_parameter_constraints(constraints, arguments, caller_name=estimator)
    except InvalidParameterError as error:
        raise InvalidParameterError(_suggestion(error, constraints, arguments)) from None
    _check_sizes(arguments)
    if arguments["n_jobs"] == 0:
        raise ValueError("n_jobs must not be 0: None or -1 mean all cores, 1 means one thread.")


def _suggestion(
    error: InvalidParameterError, constraints: dict[str, Any], params: dict[str, Any]
) -> str:
    """Return the error's message, with the nearest name where an unknown name was given."""
    message = str(error)
    for name, value in params.items():
        if f"The {name!r} parameter" in message and hasattr(value, "shape"):
            # scikit-learn would print all of it.
            got = f"Got {type(value).__name__} of shape {tuple(value.shape)} instead"
            why = ": rows are given to fit, as in fit(X)." if name == "n_components" else "."
            message = message.partition("Got ")[0] + got + why
        options = [c for c in constraints.get(name, []) if isinstance(c, StrOptions)]
        if f"The {name!r} parameter" in message and options:
            # scikit-learn lists them as a set has them, in another order each time.
            names = sorted(options[0].options)
            message = message.replace(
                str(options[0]), f"a str among {{{', '.join(map(repr, names))}}}"
            )
            return message + (nearest(value, names) if isinstance(value, str) else "")
    return message


def _check_sizes(params: dict[str, Any]) -> None:
    """Raise where float64 does not hold a number, or does not hold the inverse of reg_covar."""
    for name, value in params.items():
        if isinstance(value, Integral) and abs(int(value)) > _MOST_INTEGER:
            raise ValueError(
                f"{name} must be at most {_MOST_INTEGER:g}, got a number of more digits."
            )
    reg_covar, limits = params["reg_covar"], RANGES[DOUBLE]
    if reg_covar in ("auto", 0) or limits.least**2 <= reg_covar <= limits.most**2:
        return
    raise ValueError(
        f"reg_covar must be 'auto', 0, or a number from {limits.least**2:g} to {limits.most**2:g}, got "
        f"{reg_covar:g}."
    )


def check_step_size(step_size: Any) -> Callable[[float], float]:
    """Return the step of online EM as a function of how many such batches were seen before.

    Raises
    ------
    ValueError
        If a step, here or when the function is called, is not in (0, 1].
    """
    if step_size is None:
        return default_step
    if callable(step_size):
        return lambda n_before: _checked_step(step_size(n_before))
    step = _checked_step(step_size)
    return lambda _: step


def _checked_step(step: Any) -> float:
    if not isinstance(step, Real) or not 0 < float(step) <= 1:
        raise ValueError(
            f"step_size must be a number above 0 and at most 1, or a function that returns one, got {step!r}."
        )
    return float(step)


def check_same_kind(
    previous: Mixture, n_components: int, covariance_type: str, what: str, otherwise: str
) -> None:
    """Raise where a fit of this kind cannot go on from a mixture of another one.

    what, otherwise: what asks for it, and what to do instead.
    """
    for name, before, now in (
        ("n_components", previous.n_components, n_components),
        ("covariance_type", previous.covariance_type, covariance_type),
    ):
        if before != now:
            raise ValueError(
                f"{what} goes on from a fit with {name}={before!r}, but {name} is now {now!r}: "
                f"set it back, or {otherwise}."
            )


def as_mixture(other: Any) -> Mixture:
    """The distribution of a fitted model, this package's or another's.

    Raises
    ------
    TypeError
        If it is none (NotFittedError: not fitted).
    """
    if isinstance(other, Mixture):
        return other
    if isinstance(other, BaseEstimator):
        check_is_fitted(other)
    if isinstance(own := getattr(other, "mixture_", None), Mixture):
        return own
    names = ("weights_", "means_", "covariances_")
    missing = [name for name in names if not hasattr(other, name)]
    if missing:
        raise TypeError(
            "align_to needs a Mixture or a fitted model with weights_, means_ and covariances_, got "
            f"{type(other).__name__}, which has no {missing[0]}."
        )
    weights, means, covariances = (np.asarray(getattr(other, name), np.float64) for name in names)
    kind = getattr(other, "covariance_type", "full")
    # Of float32 weights the sum is 1 to six digits.
    return Mixture.from_parameters(
        weights / weights.sum(), means, covariances, covariance_type=kind
    )
