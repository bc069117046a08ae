"""scikit-learn's GaussianMixture and BayesianGaussianMixture from ours, and ours from theirs."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import sklearn.mixture
from sklearn.utils.validation import check_is_fitted

from mixtura.covariance import CovarianceStructure
from mixtura.estimators.attributes import PARAMETERS, described_mixture
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.export.exchanged import brought, check_gaussians, exchanged
from mixtura.mixture import Mixture

# Attributes of both that say how EM went, where that is known.
_OF_FIT = ("converged_", "n_iter_", "lower_bound_", "lower_bounds_")

# Those of a posterior and its prior.
_OF_POSTERIOR = (
    *("weight_concentration_", "mean_precision_", "degrees_of_freedom_"),
    *("weight_concentration_prior_", "mean_precision_prior_", "mean_prior_"),
    *("degrees_of_freedom_prior_", "covariance_prior_"),
)


def to_sklearn(model: Any) -> Any:
    """Make scikit-learn's estimator of a model: with its parameters, as if scikit-learn had fitted it.

    Parameters
    ----------
    model : Mixture, GaussianMixture or BayesianGaussianMixture
        Fitted. scikit-learn has four of the structures: EII and VII become 'spherical', EEI, VEI, EVI and VVI
        'diag', EEE 'tied', all others 'full'. The density is the same.

    Returns
    -------
    sklearn.mixture.GaussianMixture or sklearn.mixture.BayesianGaussianMixture
        In float64. Arguments that mean the same there are handed on; others, as reg_covar='auto' and
        init_params='auto', are scikit-learn's own, so that `clone(...).fit` is its fit. Its `bic` and `aic`
        count the free parameters of its own structure, which are more than ours of one that it has not.

    Raises
    ------
    TypeError
        If it is another thing (NotFittedError: not fitted).
    ValueError
        For noise and components of Student's t, which scikit-learn has not; of a BayesianGaussianMixture also
        for other covariances than 'full', whose posterior is another one there. The message says what to
        give instead.

    See Also
    --------
    from_sklearn : the way back.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.export import to_sklearn
    >>> X = load_faithful().data
    >>> ours = GaussianMixture(2, covariance_type="VEV", random_state=0).fit(X)
    >>> theirs = to_sklearn(ours)
    >>> theirs.covariance_type, bool(np.allclose(theirs.score_samples(X), ours.score_samples(X)))
    ('full', True)
    """
    held = exchanged(model, "to_sklearn")
    check_gaussians(held.mixture, "scikit-learn's GaussianMixture")
    is_posterior = not isinstance(model, Mixture) and model._density.posterior is not None
    if is_posterior:
        _check_same_posterior(model, held.mixture.structure)
    own = (
        sklearn.mixture.BayesianGaussianMixture if is_posterior else sklearn.mixture.GaussianMixture
    )
    theirs = own(**_arguments_for(own, model, held.mixture))
    values = dict(zip(PARAMETERS, (*held.mixture.as_tuple(), held.mixture.precisions), strict=True))
    more = (*_OF_FIT, *(_OF_POSTERIOR if is_posterior else ()))
    values |= {name: getattr(model, name) for name in more if hasattr(model, name)}
    for name, value in values.items():
        setattr(theirs, name, deepcopy(value))
    theirs.n_features_in_ = held.mixture.n_features
    if held.names is not None:
        theirs.feature_names_in_ = np.array(held.names, dtype=object)
    return theirs


def from_sklearn(model: Any) -> GaussianMixture:
    """Make our estimator of scikit-learn's: with its parameters, as if it had been fitted.

    Parameters
    ----------
    model : sklearn.mixture.GaussianMixture or sklearn.mixture.BayesianGaussianMixture
        Fitted, or with weights_, means_ and precisions_cholesky_ set.

    Returns
    -------
    GaussianMixture
        With the arguments of the other, which mean the same, and its parameters, whose predictions are the
        same. What needs the rows that were fitted (`diagnosis_`, figures of `summary`) says that there are
        none. Of a BayesianGaussianMixture the mixture of the expected parameters, from which scikit-learn's
        `sample` draws; a posterior is judged by its rows, and begins with `BayesianGaussianMixture.fit`.

    Raises
    ------
    TypeError
        If it is no such estimator (NotFittedError: not fitted).
    ValueError
        If its parameters are not possible, or do not belong together.

    See Also
    --------
    to_sklearn : the way there.

    Examples
    --------
    >>> import sklearn.mixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.export import from_sklearn
    >>> X = load_faithful().data
    >>> theirs = sklearn.mixture.GaussianMixture(2, random_state=0).fit(X)
    >>> ours = from_sklearn(theirs)
    >>> bool((ours.predict(X) == theirs.predict(X)).all()), ours.converged_
    (True, True)
    """
    classes = (sklearn.mixture.GaussianMixture, sklearn.mixture.BayesianGaussianMixture)
    if not isinstance(model, classes):
        raise TypeError(
            "from_sklearn takes scikit-learn's GaussianMixture or BayesianGaussianMixture, got "
            f"{type(model).__name__}."
        )
    check_is_fitted(model, "means_")
    names = ("weights_", "means_", "covariances_", "precisions_cholesky_")
    given = {name: getattr(model, name) for name in names if hasattr(model, name)}
    mixture = described_mixture(given, model.covariance_type, None)
    arguments = {name: value for name, value in model.get_params().items() if name in _SHARED}
    dtype = "float32" if np.asarray(model.means_).dtype == np.float32 else "float64"
    ours = brought(mixture, getattr(model, "feature_names_in_", None), arguments, dtype)
    for name in _OF_FIT:
        if hasattr(model, name):
            setattr(ours, name, deepcopy(getattr(model, name)))
    return ours


# Arguments of both classes of scikit-learn that are ours too, and mean the same.
_SHARED = (
    *("tol", "reg_covar", "max_iter", "n_init", "init_params", "random_state", "warm_start"),
    *("verbose", "verbose_interval", "weights_init", "means_init", "precisions_init"),
)


def _arguments_for(own: type, model: Any, mixture: Mixture) -> dict[str, Any]:
    """Arguments of scikit-learn's class: those of the model that it takes, else its own defaults."""
    arguments: dict[str, Any] = {
        "n_components": mixture.n_components,
        "covariance_type": mixture.structure.kernel.name,
    }
    if isinstance(model, Mixture):
        return arguments
    defaults, ours = own().get_params(), model.get_params(deep=False)
    for name in defaults.keys() & ours.keys() - arguments.keys():
        probe = own(**{name: ours[name]})
        if _is_taken(probe, ours[name]):
            arguments[name] = deepcopy(ours[name])
    return arguments


def _is_taken(probe: Any, value: Any) -> bool:
    """Whether scikit-learn's class takes a value of ours: as it checks them itself, and no NaN in arrays."""
    try:
        probe._validate_params()
    except ValueError:
        return False
    is_start = isinstance(value, list | tuple | np.ndarray)
    return not (is_start and np.isnan(np.asarray(value, dtype=np.float64)).any())


def _check_same_posterior(model: Any, kind: CovarianceStructure) -> None:
    """Raise where scikit-learn's posterior of the same rows is not ours (docs/differences.md)."""
    if kind.kernel.name != "full":
        raise ValueError(
            f"scikit-learn's posterior of {kind.name!r} covariances is another one than ours, so that its "
            "predictions would differ: give model.mixture_, the mixture of the expected parameters."
        )
    prior = model._prior
    if prior.is_of_each:
        raise ValueError(
            "scikit-learn's prior is one for all components, and this one is of each: give model.mixture_, "
            "the mixture of the expected parameters."
        )
    order = prior.order_of_sticks(model._density)
    if prior.sticks and (np.diff(order) < 0).any():
        raise ValueError(
            "scikit-learn's sticks stand in the order of the components, and these in that of their rows: "
            "give model.mixture_, the mixture of the expected parameters."
        )


__all__ = ["from_sklearn", "to_sklearn"]
