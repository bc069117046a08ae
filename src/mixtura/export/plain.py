"""A mixture as plain JSON, for programs in any language: a few lists of numbers under their names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.export.exchanged import Exchanged, brought, exchanged, mixture_of, named_structure
from mixtura.files.output import replacing
from mixtura.mixture import Noise

#: What stands under "format"; a number is added to it when older readers could no longer read it.
FORMAT = "mixtura mixture 1"

_KEYS = ("weights", "means", "covariances")


def to_json(model: Any, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Write a mixture as plain JSON, which any language reads; all that a mixture has is in it.

    Parameters
    ----------
    model : Mixture, GaussianMixture or BayesianGaussianMixture
        Of the latter the mixture of the expected parameters.
    path : str or path, default=None
        File to write. None: none is written.

    Returns
    -------
    dict
        What is written: "format"; "structure", the name of the covariances; "features", names of columns or
        null; "weights" (K numbers); "means" (K lists of d); "covariances" (K matrices of d lists, whatever
        the structure); "df", degrees of freedom of t components or null; "noise", null or an object with
        "weight", "log_volume" (minus the log of its density), "log_sides" and "box" (each or null). Numbers
        have all their digits.

    Raises
    ------
    TypeError
        If it is no such model (NotFittedError: not fitted).
    OSError
        If the file cannot be written; an older file of that name is then unchanged.

    See Also
    --------
    from_json : the way back.
    GaussianMixture.save : a file with the fit beside the mixture, to the bit.

    Examples
    --------
    >>> from mixtura import Mixture
    >>> from mixtura.export import from_json, to_json
    >>> content = to_json(Mixture.from_parameters([1.0], [[0.0]], [[[4.0]]]))
    >>> content["covariances"], from_json(content).mixture_
    ([[[4.0]]], Mixture(1 component, 1 feature, full covariances))
    """
    content = _content(exchanged(model, "to_json"))
    if path is not None:
        with replacing(path) as file:
            file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def from_json(source: str | os.PathLike[str] | Mapping[str, Any]) -> GaussianMixture:
    """Read a mixture that `to_json` wrote, or that another program wrote in its form.

    Parameters
    ----------
    source : str, path or dict
        The file, or its content. "weights", "means" and "covariances" are needed; "structure" is 'full' where
        it is not given, the rest null.

    Returns
    -------
    GaussianMixture
        As if it had been fitted, without rows.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no JSON of this form, or its numbers are no mixture.

    See Also
    --------
    to_json : the way there.
    """
    content, where = read_json(source, "from_json")
    missing = [name for name in _KEYS if name not in content]
    if missing:
        raise ValueError(f"{where} has no {missing[0]!r}: it is not what to_json writes.")
    if not str(content.get("format", FORMAT)).startswith(FORMAT):
        raise ValueError(f"{where} has the format {content['format']!r}, which is not {FORMAT!r}.")
    means = _array(content, "means", 2, where)
    covariances = _array(content, "covariances", 3, where)
    K, d = means.shape
    if covariances.shape != (K, d, d):
        raise ValueError(
            f"'covariances' of {where} must be {K} matrices of {d} x {d} numbers, as many as 'means'."
        )
    kind = named_structure(content.get("structure", "full"), where)
    weights = _array(content, "weights", 1, where)
    mixture = mixture_of(
        kind, weights, means, covariances, content.get("df"), _noise(content.get("noise"), where)
    )
    return brought(mixture, checked_names(content.get("features"), d, where))


def _content(held: Exchanged) -> dict[str, Any]:
    mixture, noise = held.mixture, held.mixture.noise
    return {
        "format": FORMAT,
        "structure": mixture.covariance_type,
        "features": held.names,
        "weights": mixture.weights.tolist(),
        "means": mixture.means.tolist(),
        "covariances": mixture.covariance_matrices().tolist(),
        "df": None if mixture.df is None else mixture.df.tolist(),
        "noise": None if noise is None else _of_noise(noise),
    }


def _of_noise(noise: Noise) -> dict[str, Any]:
    return {
        "weight": noise.weight,
        "log_volume": -noise.log_density,
        "log_sides": None if noise.log_sides is None else noise.log_sides.tolist(),
        "box": None if noise.box is None else noise.box.tolist(),
    }


def _noise(content: Any, where: str) -> Noise | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or not {"weight", "log_volume"} <= content.keys():
        raise ValueError(f"'noise' of {where} must be null or have 'weight' and 'log_volume'.")
    arrays = (content.get(name) for name in ("log_sides", "box"))
    sides, box = (None if value is None else np.array(value, dtype=np.float64) for value in arrays)
    return Noise(float(content["weight"]), -float(content["log_volume"]), sides, box)


def read_json(source: Any, function: str) -> tuple[Mapping[str, Any], str]:
    """What a file of JSON holds, or what is given in its place, and how an error calls it."""
    if isinstance(source, Mapping):
        return source, f"what {function} was given"
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"{function} takes a path or a dict, got {type(source).__name__}.")
    try:
        content = json.loads(Path(source).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{source} is no JSON ({error}).") from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{source} must hold an object, but holds a {type(content).__name__}.")
    return content, str(source)


def _array(content: Mapping[str, Any], name: str, ndim: int, where: str) -> Any:
    try:
        array = np.array(content[name], dtype=np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None or array.ndim != ndim or not array.size:
        raise ValueError(
            f"{name!r} of {where} must be numbers in lists, {ndim} deep and of equal lengths."
        )
    return array


def checked_names(names: Any, n_features: int, where: str) -> list[str] | None:
    """Names of columns, one each.

    Raises
    ------
    ValueError
        If they are more or fewer.
    """
    if names is None:
        return None
    listed = [str(name) for name in names]
    if len(listed) != n_features:
        raise ValueError(f"{where} names {len(listed)} columns, but its means have {n_features}.")
    return listed


__all__ = ["from_json", "to_json"]
