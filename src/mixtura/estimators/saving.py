"""From a fitted model to what its file holds, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura.em import ConjugatePrior, Prior
from mixtura.estimators.rows import feature_names
from mixtura.estimators.state import facts_of, hand_out, take_facts
from mixtura.fitting.model_file import SavedModel
from mixtura.fitting.request import seeds_of
from mixtura.mixture import Mixture
from mixtura.starts import Starts


def described(mixture: Mixture) -> dict[str, Any]:
    """The constructor's arguments that a mixture settles."""
    own: dict[str, Any] = {
        "n_components": mixture.n_components,
        "covariance_type": mixture.covariance_type,
    }
    return own if mixture.df is None else own | {"distribution": "t"}


def saved_model(
    model: Any, arguments: Mapping[str, Any], defaults: Mapping[str, Any]
) -> SavedModel:
    """What the file of a fitted model holds."""
    mixture, names = model._density, feature_names(model)
    return SavedModel(
        mixture,
        saved_arguments(arguments, defaults) | described(mixture),
        model._dtype_of_rows().name,
        None if names is None else [str(name) for name in names],
        facts_of(model),
    )


def saved_arguments(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments as JSON.

    A model that is loaded does not write into the files of the fit that it came from.
    """
    own = {name: defaults[name] for name in ("checkpoint", "resume")}
    return jsonable({**arguments, **own}, defaults)


def take_saved(model: Any, saved: SavedModel) -> None:
    """Make a model of the saved arguments a fitted one.

    Raises
    ------
    ValueError
        If the arguments are not those of the mixture.
    """
    mixture = saved.mixture
    model.n_features_in_ = mixture.n_features
    if saved.feature_names is not None:
        model.feature_names_in_ = np.array(saved.feature_names, dtype=object)
    arguments = (model.covariance_type, model.n_components)
    if arguments != (mixture.covariance_type, mixture.n_components):
        raise ValueError(f"the parameters {arguments} do not match the arrays")
    hand_out(model, mixture, np.dtype(saved.dtype))
    take_facts(model, saved.facts)
    model._starts = Starts()
    seed = model.random_state
    model._sampler_seed = seeds_of(None)[0] if seed is None else seed
    model._sampler = None


def jsonable(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON; what cannot be written (a callable, a generator) becomes the default."""
    return {name: _jsonable(value, defaults[name]) for name, value in arguments.items()}


def _jsonable(value: Any, default: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Prior | ConjugatePrior):
        return value.as_json()
    if isinstance(value, Mapping):
        return {name: _jsonable(own, None) for name, own in value.items()}
    if callable(value) or isinstance(value, RandomState):
        return default
    return np.asarray(value).tolist()
