"""Parameters of a mixture that any real number may be, for optimisers of other frameworks; and back.

Weights are softmax(logits), noise's last. Means are centres + shifts: centres stay as they are, numbers near
the means that float32 holds exactly, so that rows far from the origin keep their digits. The factor P of a
precision has a diagonal exp(log_diagonal) and, where it is a matrix, `upper` above that. Degrees of freedom
are exp(log_df). A factor has the shape of one of four forms: a matrix each (VEE to VVV), one matrix (EEE), a
number for each feature (EEI to VVI), one number (EII, VII).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.covariance import STRUCTURES
from mixtura.mixture import IndependentT, Mixture, Predictive
from mixtura.support.arrays import FloatArray

#: What an optimiser changes; the rest stays.
TRAINED = ("logits", "shifts", "log_diagonal", "upper", "log_df")

Parameters = dict[str, FloatArray]


def parameters_of(density: Predictive) -> Parameters:
    """Those of a distribution.

    Returns
    -------
    dict
        logits : ndarray of shape (n_components,), or one more of noise
        centres, shifts : ndarray of shape (n_components, n_features)
        log_diagonal : ndarray of shape (n_components or 1, n_features) or (n_components, 1)
        upper : ndarray of shape (n_components or 1, n_features, n_features)
            Of matrices alone; what is not above the diagonal has no effect.
        log_df : ndarray of shape (n_components,)
            Of t components alone.
        noise : ndarray of shape ()
            Log density of the background, where there is one.
    """
    centres = density.means.astype(np.float32).astype(np.float64)
    found = {"centres": centres, "shifts": density.means - centres}
    if isinstance(density, IndependentT):
        with np.errstate(divide="ignore"):
            found["logits"] = np.log(density.weights)
        found["log_diagonal"] = -np.log(density.variances) / 2
        return found | {"log_df": np.log(density.df)}
    found |= _factors(density)
    found["logits"] = density.log_weights
    if density.df is not None:
        found["log_df"] = np.log(density.df)
    if density.noise is not None:
        with np.errstate(divide="ignore"):
            found["logits"] = np.append(found["logits"], np.log(density.noise.weight))
        found["noise"] = np.array(density.noise.log_density)
    return found


def _factors(mixture: Mixture) -> Parameters:
    kind = mixture.structure
    factors = kind.upper_factors(mixture.precisions_cholesky)
    factors = factors[np.newaxis] if kind.shared else factors
    if not kind.has_matrices:
        return {"log_diagonal": np.log(factors.reshape(mixture.n_components, -1))}
    diagonals = np.diagonal(factors, axis1=1, axis2=2)
    return {"log_diagonal": np.log(diagonals), "upper": np.triu(factors, 1)}


def mixture_of(parameters: Parameters) -> Mixture:
    """The mixture of such parameters, of structure 'full', 'tied', 'diag' or 'spherical'; noise apart.

    Raises
    ------
    ValueError
        If one is no finite number, or a covariance is singular.
    """
    means = parameters["centres"] + parameters["shifts"]
    n_components = len(means)
    logits = parameters["logits"]
    shares = np.exp(logits - logits.max())
    shares = shares / shares.sum()
    df = np.exp(parameters["log_df"]) if "log_df" in parameters else None
    name, factors = _stored(parameters, n_components)
    kind = STRUCTURES[name]
    covariances = kind.invert_precisions(kind.precisions(factors))
    weights = shares[:n_components] / shares[:n_components].sum()
    return Mixture.from_parameters(weights, means, covariances, covariance_type=name, df=df)


def _stored(parameters: Parameters, n_components: int) -> tuple[str, FloatArray]:
    """The name of the form, and factors in its shape."""
    diagonals = np.exp(parameters["log_diagonal"])
    if "upper" in parameters:
        factors = np.triu(parameters["upper"], 1)
        factors = factors + diagonals[:, :, np.newaxis] * np.eye(diagonals.shape[1])
        return ("full", factors) if len(factors) == n_components else ("tied", factors[0])
    is_one_number = diagonals.shape[1] == 1
    return ("spherical", diagonals[:, 0]) if is_one_number else ("diag", diagonals)


def in_precision(parameters: Parameters, dtype: Any) -> dict[str, Any]:
    """The same in float32 or float64."""
    return {name: np.asarray(values, dtype=dtype) for name, values in parameters.items()}


__all__ = ["TRAINED", "Parameters", "in_precision", "mixture_of", "parameters_of"]
