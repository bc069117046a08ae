"""Files of the estimators that use mixtures: written and read without running code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mixtura.em import Prior
from mixtura.errors import ModelFileError
from mixtura.estimators.bayesian_gaussian_mixture import BayesianGaussianMixture
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.restoring import model_of
from mixtura.estimators.rows import feature_names
from mixtura.estimators.saving import described, jsonable
from mixtura.files.state_file import brief
from mixtura.fitting.model_file import SavedEstimator, SavedModel, read_estimator, save_estimator
from mixtura.mixture import Mixture

# Estimators that are arguments of others, and a mixture, by the names that files have for them.
_ESTIMATORS = {
    kind.__name__: kind
    for kind in (GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch)
}
_MIXTURE = "Mixture"


class Kept:
    """For an estimator that is fitted once it has mixtures: `save` and `load`.

    It says what it learned in `_models` and `_learned`, and takes it in `_take`.
    """

    def _models(self) -> list[SavedModel]:
        """The fitted mixtures."""
        raise NotImplementedError

    def _learned(self) -> dict[str, Any]:
        """What else a fit learns, as JSON."""
        raise NotImplementedError

    def _take(self, models: list[GaussianMixture], learned: Mapping[str, Any]) -> None:
        """Become what was fitted; a KeyError, TypeError or ValueError says that it is none."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit to one safetensors file, which `load` reads without running code.

        Of arguments that JSON does not hold, as a function, the file has the default.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; an older file of that name is then unchanged.
        """
        from mixtura import __version__

        check_is_fitted(self)
        names = feature_names(self)
        columns = {
            "n_features_in": self.n_features_in_,  # type: ignore[attr-defined]
            "feature_names_in": None if names is None else [str(name) for name in names],
        }
        parameters = {name: _as_json(value) for name, value in self._arguments().items()}
        saved = SavedEstimator(
            type(self).__name__, parameters, columns | self._learned(), self._models()
        )
        save_estimator(path, saved, __version__)

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = self.get_params(deep=False)  # type: ignore[attr-defined]
        return arguments

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote. Reading it runs no code.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        The estimator, fitted.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If the file is damaged, of another kind, or written by a newer version.
        """
        saved = read_estimator(path, cls.__name__)
        try:
            models = [model_of(model) for model in saved.models]
            arguments = {
                name: _from_json(value, models) for name, value in saved.parameters.items()
            }
            fitted = cls(**arguments)
            n_features = saved.fitted["n_features_in"]
            names = saved.fitted["feature_names_in"]
            if type(n_features) is not int or (names is not None and len(names) != n_features):
                raise ValueError(f"{n_features} features")
            fitted.n_features_in_ = n_features  # type: ignore[attr-defined]
            if names is not None:
                fitted.feature_names_in_ = np.array(names, dtype=object)  # type: ignore[attr-defined]
            fitted._take(models, saved.fitted)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"cannot load {path}: its description is damaged ({brief(error)})."
            ) from error
        return fitted


def saved_value(mixture: Mixture) -> SavedModel:
    """What a file holds of a mixture that was not fitted here."""
    defaults = default_arguments()
    return SavedModel(mixture, jsonable(defaults, defaults) | described(mixture), "float64")


def _as_json(value: Any) -> Any:
    """What JSON has no type for stands as an object of one key, its kind."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {"dict": [[_as_json(key), _as_json(own)] for key, own in value.items()]}
    if isinstance(value, Prior):
        return {"prior": value.as_json()}
    if isinstance(value, Mixture):
        return {"estimator": _MIXTURE}
    if type(value).__name__ in _ESTIMATORS:
        arguments = {name: _as_json(own) for name, own in value.get_params(deep=False).items()}
        return {"estimator": type(value).__name__, "arguments": arguments}
    if callable(value) or isinstance(value, np.random.RandomState):
        return None
    return [_as_json(own) for own in np.asarray(value).tolist()]


def _from_json(value: Any, models: list[GaussianMixture]) -> Any:
    if isinstance(value, list):
        return [_from_json(own, models) for own in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {key: _from_json(own, models) for key, own in value["dict"]}
    if "prior" in value:
        return Prior.from_json(value["prior"])
    if value["estimator"] == _MIXTURE:
        return models[0].mixture_
    kind = _ESTIMATORS[value["estimator"]]
    return kind(**{name: _from_json(own, models) for name, own in value["arguments"].items()})


__all__ = ["Kept", "saved_value"]
