"""What the estimators that use a mixture have in common: the mixture to be fitted, rows, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.constructors import ChecksArgumentNames
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.keeping import Kept
from mixtura.estimators.rows import allows_missing, rows_to_evaluate
from mixtura.fitting.given_rows import Evaluate
from mixtura.fitting.model_file import SavedModel
from mixtura.support.threads import n_threads

Fitted = TypeVar("Fitted")

#: Warnings that nobody has seen yet.
Caught = list[warnings.WarningMessage]

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


class UsesMixtures(ChecksArgumentNames, Kept):
    """For an estimator that uses mixtures which it fits: what it says of rows, wherever these lie."""

    n_features_in_: int
    n_jobs: int | None

    def _says(self) -> Any:
        """What was fitted, as a value that functions of rows take."""
        raise NotImplementedError

    def _evaluated(self, function: Evaluate, X: Any) -> Any:
        """What a function of the value says of rows: an array, of a source part by part, of Dask later."""
        check_is_fitted(self)
        rows = rows_to_evaluate(self, self.n_features_in_, X)
        return rows.evaluated(function, self._says(), n_threads(self.n_jobs))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = allows_missing(self)
        return tags


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


def quietly(fit: Callable[[], Fitted]) -> tuple[Fitted, Caught]:
    """What a function returns, and its warnings, which nobody has seen yet."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return fit(), caught


def warn_again(caught: Caught, about: str) -> None:
    """Show warnings that were caught, each with what it is about before it, to who called the caller."""
    for one in caught:
        warnings.warn(f"{about}{one.message}", one.category, stacklevel=3)


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
    "Caught",
    "UsesMixtures",
    "check_for_several",
    "mixture_to_fit",
    "name_columns",
    "quietly",
    "saved_mixture",
    "warn_again",
]
