"""What the estimators that use a mixture have in common: the mixture to be fitted, rows, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import clone

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.fitting.model_file import SavedModel

Fitted = TypeVar("Fitted")

# Where a warning points: at who called `fit`.
_USER = 6

#: Arguments of a mixture that several fits cannot share: a file, or what belongs to one table.
_OF_ONE_FIT = (
    "checkpoint",
    "warm_start",
    "weights_init",
    "means_init",
    "precisions_init",
    "covariances_init",
    "fixed",
)


def mixture_to_fit(model: Any, *names: str) -> Any:
    """A new mixture with the arguments of these names, or a copy of `estimator` where that is given.

    Raises
    ------
    TypeError
        If `estimator` is no GaussianMixture, nor a search of one.
    """
    estimator = model.estimator
    if estimator is None:
        arguments = {name: getattr(model, name) for name in (*names, "random_state", "n_jobs")}
        return GaussianMixture(**arguments)
    if not isinstance(estimator, GaussianMixture | GaussianMixtureSearch):
        raise TypeError(
            "estimator must be a GaussianMixture, a GaussianMixtureSearch or None, got "
            f"{type(estimator).__name__}."
        )
    mixture = clone(estimator)
    if mixture.random_state is None:
        mixture.set_params(random_state=model.random_state)
    return mixture


def misses(model: Any) -> bool:
    """Whether NaN stands for what was not observed: as its `estimator` says, where one is given."""
    told = model if model.estimator is None else model.estimator
    return bool(getattr(told, "missing", "error") == "mar")


def check_for_several(mixture: GaussianMixture) -> None:
    """Raise where an argument belongs to one fit, and there are several to make.

    Raises
    ------
    ValueError
        Names it.
    """
    for name in _OF_ONE_FIT:
        value = getattr(mixture, name)
        if value is not None and value is not False:
            raise ValueError(
                f"estimator has {name}, which belongs to one fit, and classes are fitted one by one: leave "
                "it out."
            )


def quietly(fit: Callable[[], Fitted]) -> tuple[Fitted, list[warnings.WarningMessage]]:
    """What a function returns, and its warnings, which nobody has seen yet."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return fit(), caught


def warn_again(caught: list[warnings.WarningMessage], about: str) -> None:
    """Show warnings that were caught, each with what it is about before it."""
    for one in caught:
        warnings.warn(f"{about}{one.message}", one.category, stacklevel=_USER)


def name_columns(fitted: Any, names: Any) -> None:
    """Let a mixture that was fitted to an array know the names of its columns, where there are any."""
    if names is not None:
        for model in {
            id(one): one for one in (fitted, getattr(fitted, "best_estimator_", fitted))
        }.values():
            model.feature_names_in_ = np.array(names, dtype=object)


def saved_mixture(fitted: Any) -> SavedModel:
    """What a file holds of a fitted mixture; of a search that of its best."""
    best = getattr(fitted, "best_estimator_", fitted)
    saved: SavedModel = best._saved()
    return saved


__all__ = [
    "check_for_several",
    "misses",
    "mixture_to_fit",
    "name_columns",
    "quietly",
    "saved_mixture",
    "warn_again",
]
