"""What users may pass: one clear sentence where it is wrong."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.state import facts_of
from mixtura.fitting.facts import Criteria


def check_fitted(model: Any, name: str) -> None:
    """Raise TypeError unless it is a GaussianMixture, NotFittedError unless it is fitted."""
    if not isinstance(model, GaussianMixture):
        hint = " Give its best_estimator_." if hasattr(model, "best_params_") else ""
        raise TypeError(
            f"{name} must be a fitted GaussianMixture, got {type(model).__name__}.{hint}"
        )
    check_is_fitted(model)


def criteria_of(model: GaussianMixture) -> Criteria:
    """What a fit scores on its own rows.

    Raises
    ------
    ValueError
        If parameters were set by hand, so that there are no such rows.
    """
    facts = facts_of(model)
    if facts is None:
        raise ValueError(
            "the models must be fits to X, but parameters of one were set by hand: fit it."
        )
    return Criteria.of_fit(facts, model.mixture_)
