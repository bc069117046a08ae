"""What is carried elsewhere of a model, and brought back: its mixture, names of columns, facts of its fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixtura.covariance import CovarianceStructure, structure
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.restoring import model_of
from mixtura.estimators.rows import feature_names
from mixtura.estimators.state import facts_of
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.model_file import SavedModel
from mixtura.mixture import Mixture, Noise, checked_mixture
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Exchanged:
    """What is carried of a model.

    Attributes
    ----------
    mixture : Mixture
        With noise, without a posterior.
    names : list of str or None
        Of the columns, where they had any.
    facts : FitFacts or None
        None where no rows are known: of a Mixture, of parameters set by hand.
    """

    mixture: Mixture
    names: list[str] | None = None
    facts: FitFacts | None = None


def exchanged(model: Any, function: str) -> Exchanged:
    """What there is to carry of a Mixture or a fitted model.

    Raises
    ------
    TypeError
        If it is neither; the message names the function.
    NotFittedError
        Before `fit`.
    """
    if isinstance(model, Mixture):
        return Exchanged(model.without_posterior())
    if not isinstance(model, GaussianMixture):
        hint = ": give its best_estimator_" if hasattr(model, "best_estimator_") else ""
        raise TypeError(
            f"{function} takes a Mixture, or a fitted GaussianMixture or BayesianGaussianMixture, got "
            f"{type(model).__name__}{hint}."
        )
    mixture, names = model._density, feature_names(model)
    listed = None if names is None else [str(name) for name in names]
    return Exchanged(mixture.without_posterior(), listed, facts_of(model))


def check_gaussians(mixture: Mixture, where: str, *, may_have_noise: bool = False) -> None:
    """Raise where there is more than Gaussian components, which is all that is held there.

    Raises
    ------
    ValueError
        If there is noise or a component is of Student's t; the message names it.
    """
    if mixture.df is not None:
        raise ValueError(
            f"{where} holds Gaussian components only, and these are of Student's t: fit with "
            "distribution='gaussian', or take to_json, which holds them."
        )
    if mixture.noise is not None and not may_have_noise:
        raise ValueError(
            f"{where} has no place for noise: give model.mixture_, the components alone, or take to_json or "
            "to_mclust, which hold it."
        )


def brought(
    mixture: Mixture,
    names: Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    dtype: str = "float64",
) -> GaussianMixture:
    """A fitted model of that mixture, which has seen no rows."""
    own: dict[str, Any] = {
        "n_components": mixture.n_components,
        "covariance_type": mixture.covariance_type,
        "distribution": "gaussian" if mixture.df is None else "t",
        "noise": mixture.noise is not None,
    }
    listed = None if names is None else [str(name) for name in names]
    return model_of(SavedModel(mixture, {**(arguments or {}), **own}, dtype, listed))


def mixture_of(
    kind: CovarianceStructure,
    weights: Any,
    means: FloatArray,
    matrices: FloatArray,
    df: Any = None,
    noise: Noise | None = None,
) -> Mixture:
    """The mixture of a structure whose covariances are given as one matrix a component.

    Raises
    ------
    ValueError
        If they are not of that structure, or a weight or df is not possible.
    """
    covariances = in_shape(kind, matrices)
    factors = kind.factor_covariances(covariances, *means.shape)
    return checked_mixture(kind, weights, means, covariances, factors, df, noise)


# Of the spreads: what may be beside the diagonal where a structure has none, from a printed page.
_LITTLE = 1e-5


def in_shape(kind: CovarianceStructure, matrices: FloatArray) -> FloatArray:
    """Matrices, one a component, in the shape that a structure has for them.

    Raises
    ------
    ValueError
        If the structure has equal, or has zero, what differs here by more than five digits.
    """
    found: FloatArray
    if kind.kernel.name == "full":
        return matrices
    diagonals = matrices.diagonal(axis1=1, axis2=2)
    if kind.kernel.name == "tied":
        found = matrices[0].copy()
    elif kind.kernel.name == "diag":
        found = diagonals.copy()
    else:
        found = diagonals.mean(axis=1)
    spreads = abs(diagonals) ** 0.5
    most = _LITTLE * spreads[:, :, None] * spreads[:, None, :]
    if (abs(kind.matrices(found, *diagonals.shape) - matrices) > most).any():
        raise ValueError(f"these covariances are not of the structure {kind.name!r}.")
    return found


def named_structure(name: Any, where: str) -> CovarianceStructure:
    """The structure that a file names.

    Raises
    ------
    ValueError
        If there is none of that name; the message says where it stood.
    """
    try:
        return structure(str(name))
    except ValueError:
        raise ValueError(f"{where} names no covariance structure: {name!r}.") from None
