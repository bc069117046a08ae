"""What leaves with a fitted model: its distributions, and what it makes of them, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from mixtura.estimators.classifier import GaussianMixtureClassifier
from mixtura.estimators.outlier_detector import GaussianMixtureOutlierDetector
from mixtura.estimators.predicting import Predicting
from mixtura.estimators.regressor import GaussianMixtureRegressor
from mixtura.estimators.rows import allows_missing, feature_names
from mixtura.mixture import Mixture, Predictive
from mixtura.support.arrays import Array, FloatArray


@dataclass(frozen=True, eq=False)
class Carried:
    """A fitted model without its class.

    Attributes
    ----------
    use : str
        'mixture', 'classifier', 'regressor' or 'outlier detector': what is made of the distributions.
    mixtures : tuple of Mixture
        One; of a classifier that of each class. With noise and a posterior, where there are any:
        `log_joint` of these gives labels and probabilities.
    predictive : Mixture or IndependentT
        Of which `log_density` is the log density of a row: the mixture, but for a Bayesian one. Of a
        classifier the rows' mixture, whatever their class, noise apart.
    feature_names : tuple of str, or None
        Of the columns, where they have names.
    missing : bool
        Whether NaN stands for a feature that was not observed.
    classes, priors : ndarray of shape (n_classes,), or None
        Of a classifier.
    offset : float or None
        Of an outlier detector: the log density below which a row is an outlier.
    n_given : int or None
        Of a regressor: so many features come first, and then the targets.
    is_one_column : bool
        Of a regressor: whether targets have no axis of their own.
    """

    use: str
    mixtures: tuple[Mixture, ...]
    predictive: Predictive
    feature_names: tuple[str, ...] | None = None
    missing: bool = False
    classes: Array | None = None
    priors: FloatArray | None = None
    offset: float | None = None
    n_given: int | None = None
    is_one_column: bool = True

    @property
    def mixture(self) -> Mixture:
        """The distribution, where there is one."""
        return self.mixtures[0]

    @property
    def n_features(self) -> int:
        """Number of features of a row."""
        return self.mixture.n_features if self.n_given is None else self.n_given


def carried(model: Any) -> Carried:
    """What is carried of a model.

    Parameters
    ----------
    model : Mixture, or fitted GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch, \
GaussianMixtureClassifier, GaussianMixtureRegressor or GaussianMixtureOutlierDetector

    Raises
    ------
    TypeError
        If it is something else.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(model, Mixture):
        return Carried("mixture", (model,), model)
    about: dict[str, Any] = {}
    predictive: Predictive
    mixtures: tuple[Mixture, ...]
    if isinstance(model, Predicting):
        use, mixtures, predictive = "mixture", (model._density,), model._predictive
    elif isinstance(model, GaussianMixtureClassifier):
        use, predictive = "classifier", model.mixture_
        says = model._says()
        mixtures = tuple(says.mixtures)
        about = {"classes": says.classes, "priors": says.priors}
    elif isinstance(model, GaussianMixtureRegressor):
        use, predictive = "regressor", model.mixture_
        mixtures = (predictive,)
        about = {"n_given": model.n_features_in_, "is_one_column": model._is_one_column}
    elif isinstance(model, GaussianMixtureOutlierDetector):
        use, predictive = "outlier detector", model.mixture_
        mixtures, about = (predictive,), {"offset": model.offset_}
    else:
        raise TypeError(
            "a Mixture or a fitted model of mixtura can be carried elsewhere, and this is "
            f"{_called(model)}."
        )
    names = feature_names(model)
    about["feature_names"] = None if names is None else tuple(map(str, names))
    return Carried(use, mixtures, predictive, missing=allows_missing(model), **about)


def _called(model: Any) -> str:
    if isinstance(model, type):
        return f"the class {model.__name__} itself: fit one"
    return f"of type {type(model).__name__}"


def needs(package: str, extra: str) -> None:
    """Raise an ImportError that says how to install a package, where it is not there."""
    if find_spec(package) is None:
        raise ImportError(f"this needs {package}; install it with: pip install 'mixtura[{extra}]'")


def precision(dtype: Any) -> np.dtype[Any]:
    """float32 or float64, from its name or type.

    Raises
    ------
    ValueError
        If it is another.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
    return found


def for_complete_rows(model: Any, missing: str | None = None) -> Carried:
    """What is carried of a model whose rows have all features.

    Raises
    ------
    ValueError
        If the model takes others, and nobody said that there are none.
    """
    found = carried(model)
    if missing not in (None, "error"):
        raise ValueError(
            f"missing must be 'error' or None, got {missing!r}: what leaves is of complete rows."
        )
    if found.missing and missing is None:
        raise ValueError(
            "The model was fitted with missing='mar', and what leaves is of complete rows: it has none of "
            "the distributions of some features that rows with NaN need. Give missing='error' if there are "
            "no such rows."
        )
    return replace(found, missing=False)


__all__ = ["Carried", "carried", "for_complete_rows", "needs", "precision"]
