"""A mixture out of PyTorch's distributions, whose arrays are read; PyTorch itself is not needed for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.support.arrays import FloatArray


def parameters_of_torch(distribution: Any) -> dict[str, Any]:
    """What `Mixture.from_parameters` takes, of a MixtureSameFamily.

    Raises
    ------
    TypeError
        If it is something else, or its components are of a family that is none here.
    ValueError
        If it is a batch of mixtures.
    """
    if type(distribution).__name__ != "MixtureSameFamily":
        raise TypeError(
            "from_torch takes a torch.distributions.MixtureSameFamily, got "
            f"{type(distribution).__name__}."
        )
    shape = tuple(distribution.batch_shape)
    if shape:
        raise ValueError(
            f"from_torch takes one mixture, and this is a batch of shape {shape}: give one after another."
        )
    weights = _as_array(distribution.mixture_distribution.probs)
    found = _components(distribution.component_distribution)
    return {"weights": weights / weights.sum(), **found}


def _components(family: Any) -> dict[str, Any]:
    name = type(family).__name__
    if name == "Independent" and type(family.base_dist).__name__ == "Normal":
        loc, scale = _as_array(family.base_dist.loc), _as_array(family.base_dist.scale)
        if loc.ndim == 2:
            return {"means": loc, "covariances": scale**2, "covariance_type": "diag"}
    if name in ("MultivariateNormal", "LowRankMultivariateNormal"):
        matrices = _as_array(family.covariance_matrix)
        matrices = (matrices + np.swapaxes(matrices, 1, 2)) / 2
        means = np.broadcast_to(_as_array(family.loc), matrices.shape[:2])
        return {"means": means, "covariances": matrices, "covariance_type": "full"}
    if name in ("Normal", "StudentT") and len(family.batch_shape) == 1:
        scale = _as_array(family.scale)
        about = {"means": _as_array(family.loc)[:, np.newaxis], "covariance_type": "spherical"}
        df = {} if name == "Normal" else {"df": _as_array(family.df)}
        return {**about, **df, "covariances": scale**2}
    raise TypeError(
        "from_torch takes components that are MultivariateNormal, Independent(Normal, 1), or, of one "
        f"feature, Normal or StudentT, got {family}."
    )


def _as_array(tensor: Any) -> FloatArray:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


__all__ = ["parameters_of_torch"]
