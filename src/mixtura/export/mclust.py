"""R's mclust: a fitted Mclust object as a list of lists, in JSON or as text of R, and back.

How such an object looks is in its manual, and was seen by printing those of mclust 6.0.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixtura.covariance import CovarianceStructure, structure
from mixtura.covariance.decomposition import common_axes, eigen
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.export.exchanged import Exchanged, brought, check_gaussians, exchanged, mixture_of
from mixtura.export.plain import checked_names, read_json
from mixtura.files.output import replacing
from mixtura.fitting.facts import Criteria
from mixtura.inputs.checks import check_rows
from mixtura.mixture import Mixture, Noise
from mixtura.support.arrays import FloatArray

#: mclust's names of one component, and the structures that they are.
_OF_ONE_COMPONENT = {"X": "E", "XII": "EII", "XXI": "EEI", "XXX": "EEE"}

_NEEDED = ("pro", "mean", "variance")

# How far the sum of weights may be from 1.
_DIGITS = 1e-6

# What R asks for by is.na, which takes no NULL; in JSON [null].
_NA = np.array([np.nan])


def to_mclust(
    model: Any, path: str | os.PathLike[str] | None = None, X: Any = None
) -> dict[str, Any]:
    """Write a mixture as R's mclust has it: for its predict, dens, summary and, with the rows, plot.

    Parameters
    ----------
    model : Mixture, GaussianMixture or BayesianGaussianMixture
        Of the latter the mixture of the expected parameters. mclust has all 14 structures, and noise.
    path : str or path, default=None
        File to write: one that ends in .R is read in R by `fit <- dget("model.R")`, and is then an Mclust
        object; any other is JSON, the same list by `jsonlite::fromJSON`, without a class. None: none is
        written.
    X : array-like of shape (n_samples, n_features), default=None
        The rows that were fitted, which mclust keeps in its object: for plot, and all else that looks at
        them. None: it tells of the rows what the fit knows, and not the rows.

    Returns
    -------
    dict
        What is written, as mclust names it: modelName, n, d, G, loglik, df, bic (higher is better there),
        icl, hypvol, parameters (pro, mean, variance, Vinv), and features, the names of columns; with X data,
        z, classification and uncertainty. n and what follows from it are None where no rows are known. df
        counts as mclust does, noise as two.

    Raises
    ------
    TypeError
        If it is no such model (NotFittedError: not fitted).
    ValueError
        For components of Student's t, which mclust has not, or where X has other columns.
    OSError
        If the file cannot be written; an older file of that name is then unchanged.

    See Also
    --------
    from_mclust : the way back.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.export import from_mclust, to_mclust
    >>> X = load_faithful().data
    >>> gm = GaussianMixture(2, covariance_type="VEV", random_state=0).fit(X)
    >>> fit = to_mclust(gm)
    >>> fit["modelName"], fit["G"], round(fit["bic"], 1)
    ('VEV', 2, -2325.4)
    >>> from_mclust(fit).mixture_
    Mixture(2 components, 2 features, VEV covariances)
    """
    held = exchanged(model, "to_mclust")
    check_gaussians(held.mixture, "mclust", may_have_noise=True)
    fit = _fit(held, X)
    content: dict[str, Any] = _plain(fit)
    if path is not None:
        is_r = Path(path).suffix.lower() == ".r"
        text = _as_r(fit, held.names) if is_r else json.dumps(content, indent=1) + "\n"
        with replacing(path) as file:
            file.write_text(text, encoding="utf-8")
    return content


def from_mclust(fit: Any) -> GaussianMixture:
    """Read an Mclust object of R.

    Parameters
    ----------
    fit : dict, str, path or R object
        The list: as rpy2 has it, as JSON is read, or a file of JSON that R has written by
        `jsonlite::write_json(unclass(fit)[c("n", "loglik", "parameters")], "fit.json", digits = NA)`.
        `parameters` is needed, or its content: pro, mean (a column for each component) and variance, with
        modelName and sigma, or else what mclust makes that of: cholsigma, cholSigma, sigmasq, or scale, shape
        and orientation. Vinv, where it is given, makes the last of pro noise.

    Returns
    -------
    GaussianMixture
        As if it had been fitted, without rows, of mclust's structure; models of one component, 'XXX', 'XXI',
        'XII' and 'X', are 'EEE', 'EEI', 'EII' and 'E'. lower_bound_ is loglik / n where those are given.

    Raises
    ------
    TypeError
        If it is no list.
    OSError
        If the file cannot be read.
    ValueError
        If something that is needed is missing, or the parameters are no mixture of the structure; of JSON
        with few digits too.

    See Also
    --------
    to_mclust : the way there.
    """
    whole, where = (fit, "the Mclust object") if _is_r(fit) else read_json(fit, "from_mclust")
    whole = _mapping(whole, where)
    parameters = _mapping(whole.get("parameters", whole), where)
    for name in _NEEDED:
        if _is_nothing(parameters.get(name)):
            raise ValueError(f"{where} has no parameters${name}: it is no fitted Mclust object.")
    variance = _mapping(parameters["variance"], where)
    pro = np.ravel(_numbers(parameters["pro"], "pro", where))
    noise = _noise(parameters.get("Vinv"), pro, where)
    weights = pro if noise is None else pro[:-1]
    if abs(pro.sum() - 1) > _DIGITS:
        raise ValueError(
            f"pro of {where} sums to {pro.sum():.8g} and not to 1: write JSON with all digits, "
            "jsonlite::toJSON(..., digits = NA)."
        )
    means = _means(parameters["mean"], len(weights), where)
    kind = _structure(variance.get("modelName", whole.get("modelName")), where)
    G, d = means.shape
    matrices = _matrices(variance, G, d, where)
    names = checked_names(_names(whole, parameters["mean"]), d, where)
    arguments = {} if noise is None else {"noise_volume": math.exp(-noise.log_density)}
    model = brought(mixture_of(kind, weights, means, matrices, noise=noise), names, arguments)
    if not (_is_nothing(whole.get("loglik")) or _is_nothing(whole.get("n"))):
        model.lower_bound_ = float(np.ravel(whole["loglik"])[0] / np.ravel(whole["n"])[0])
    return model


# There


def _fit(held: Exchanged, X: Any) -> dict[str, Any]:
    """The object's elements, its numbers in arrays of the shapes that they have in R."""
    mixture, facts, noise = held.mixture, held.facts, held.mixture.noise
    free = mixture.n_parameters if facts is None else facts.parameters_of(mixture)
    df = free + (noise is not None)  # mclust counts the volume, too
    n = None if facts is None else facts.n_rows
    rows: dict[str, Any] = {}
    criteria = None if facts is None else Criteria.of(facts, df)
    if X is not None:
        rows, criteria = _of_rows(mixture, X, df)
        n = len(rows["data"])
    return {
        "modelName": _name(mixture),
        "n": n,
        "d": mixture.n_features,
        "G": mixture.n_components,
        "loglik": None if criteria is None else criteria.log_likelihood,
        "df": df,
        "bic": None if criteria is None else -criteria.bic,
        "icl": None if criteria is None else -criteria.icl,
        "hypvol": _NA if noise is None else math.exp(-noise.log_density),
        "parameters": _parameters(mixture),
        "features": held.names,
        **rows,
    }


def _of_rows(mixture: Mixture, X: Any, df: int) -> tuple[dict[str, Any], Criteria]:
    X = check_rows(X, mixture.n_features)
    z = mixture.responsibilities(X).astype(np.float64)
    best, certainty = z.argmax(axis=1), z.max(axis=1)
    labels = np.where(
        best == mixture.n_components, 0, best + 1
    )  # of noise 0, of the first component 1
    rows = {
        "data": X.astype(np.float64),
        "z": z,
        "classification": labels.astype(np.float64),
        "uncertainty": 1 - certainty,
    }
    log_likelihood = float(mixture.log_density(X).sum(dtype=np.float64))
    return rows, Criteria(len(z), log_likelihood, float(np.log(certainty).sum()), df)


def _name(mixture: Mixture) -> str:
    """The name that mclust has for the structure: another one for one component, and for one feature."""
    letters = mixture.structure.letters
    if mixture.n_components == 1:
        of_one = {"full": "XXX", "tied": "XXX", "diag": "XXI", "spherical": "XII"}
        return "X" if mixture.n_features == 1 else of_one[mixture.structure.kernel.name]
    return letters[0] if mixture.n_features == 1 else letters


def _parameters(mixture: Mixture) -> dict[str, Any]:
    noise, is_univariate = mixture.noise, mixture.n_features == 1
    pro = mixture.weights if noise is None else np.append(mixture.weights, noise.weight)
    found: dict[str, Any] = {
        "pro": pro,
        "mean": mixture.means[:, 0] if is_univariate else mixture.means.T,
        "variance": _variance(mixture),
    }
    return found if noise is None else found | {"Vinv": math.exp(noise.log_density)}


def _variance(mixture: Mixture) -> dict[str, Any]:
    """The covariances, and what mclust's functions of that model read of them."""
    name, matrices = _name(mixture), mixture.covariance_matrices()
    own: dict[str, Any] = {"modelName": name, "d": mixture.n_features, "G": mixture.n_components}
    if mixture.n_features == 1:
        variances = matrices[:, 0, 0]
        if name == "V":
            return own | {"sigmasq": variances, "scale": variances}
        return own | {"sigmasq": float(variances[0])}
    own["sigma"] = matrices.transpose(1, 2, 0)
    if name in ("EII", "EEI", "EEE", "XII", "XXI", "XXX"):  # one matrix for all
        own["Sigma"] = matrices[0]
    if name in ("EEE", "XXX"):
        own["cholSigma"] = np.linalg.cholesky(matrices[0]).T
    if name in ("VVV", "XXX"):
        own["cholsigma"] = np.linalg.cholesky(matrices).transpose(2, 1, 0)
    return own if name in ("EEE", "VVV", "XXX") else own | _decomposed(mixture, name)


def _decomposed(mixture: Mixture, name: str) -> dict[str, Any]:
    """Volumes, shapes, orientations (Celeux & Govaert 1995): one where equal, else by the last index."""
    matrices = mixture.covariance_matrices()
    orientation = _axes(matrices, name[2])
    variances = np.einsum("kji,kjl,kli->ki", orientation, matrices, orientation)
    volumes = np.exp(np.log(variances).mean(axis=1))
    shapes = variances / volumes[:, np.newaxis]
    scale = volumes if name[0] == "V" else float(np.exp(np.log(volumes).mean()))
    if name[1:] == "II":
        return {"sigmasq": scale, "scale": scale}
    shape = shapes.T if name[1] == "V" else np.exp(np.log(shapes).mean(axis=0))
    found = {"scale": scale, "shape": shape}
    if name[2] == "I":
        return found
    return found | {
        "orientation": orientation.transpose(1, 2, 0) if name[2] == "V" else orientation[0]
    }


def _axes(matrices: FloatArray, letter: str) -> FloatArray:
    """Eigenvectors of each component, as columns: (n_components, n_features, n_features)."""
    if letter == "I":
        return np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    if letter == "E":
        return np.broadcast_to(common_axes(matrices).T, matrices.shape)
    return np.stack([eigen(matrix)[1].T for matrix in matrices])


def _plain(value: Any) -> Any:
    """As JSON: arrays as lists of their rows, as jsonlite has them."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if value is _NA:
        return [None]
    return value.tolist() if isinstance(value, np.ndarray) else value


_COMMENT = '# A Gaussian mixture for the package mclust: fit <- dget("this file")'

# Which dimensions of what are the features: R shows their names there.
_OF_FEATURES = {"mean": (0,), "sigma": (0, 1), "data": (1,)}


def _as_r(fit: Mapping[str, Any], names: list[str] | None) -> str:
    """An expression of R, which dget reads."""
    own = {name: value for name, value in fit.items() if name != "features"}
    own.setdefault("data", np.empty((0, fit["d"])))  # predict counts its columns
    elements = [f"  {name} = {_r(value, name, names)}" for name, value in own.items()]
    if fit["bic"] is not None:
        elements.append(f"  BIC = {_table_of_bic(fit)}")
    content = ",\n".join(elements)
    return f'{_COMMENT}\nstructure(list(\n{content}\n), class = "Mclust")\n'


def _table_of_bic(fit: Mapping[str, Any]) -> str:
    """The table of criteria that plot draws: of one model."""
    G, name = fit["G"], _r(fit["modelName"])
    cell = f'structure({_r(fit["bic"])}, dim = c(1L, 1L), dimnames = list("{G}", {name})'
    return f'{cell}, G = {G}L, modelNames = {name}, class = "mclustBIC")'


def _r(value: Any, name: str = "", names: list[str] | None = None) -> str:
    if isinstance(value, Mapping):
        return f"list({', '.join(f'{key} = {_r(one, key, names)}' for key, one in value.items())})"
    if isinstance(value, np.ndarray):
        return "NA" if value is _NA else _r_array(value, _OF_FEATURES.get(name, ()), names)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, int):
        return f"{value}L"
    return "NULL" if value is None else repr(float(value))


def _r_array(array: FloatArray, of_features: tuple[int, ...], names: list[str] | None) -> str:
    """Column by column, with the names of the features."""
    numbers = (
        f"c({', '.join(map(repr, array.ravel(order='F').tolist()))})"
        if array.size
        else "numeric(0)"
    )
    if array.ndim == 1:
        return numbers
    sizes = ", ".join(f"{size}L" for size in array.shape)
    if names is None or not of_features:
        return f"structure({numbers}, dim = c({sizes}))"
    own = f"c({', '.join(map(json.dumps, names))})"
    each = ", ".join(own if axis in of_features else "NULL" for axis in range(array.ndim))
    return f"structure({numbers}, dim = c({sizes}), dimnames = list({each}))"


# Back


def _is_r(value: Any) -> bool:
    """Whether it is a list of R as rpy2 has it."""
    return not isinstance(value, Mapping) and hasattr(value, "names") and hasattr(value, "items")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if _is_r(value):
        return dict(value.items())
    raise ValueError(
        f"{where} is no fitted Mclust object: a list was expected, got {type(value).__name__}."
    )


def _is_nothing(value: Any) -> bool:
    """NULL and NA, as they come in JSON and by rpy2."""
    if value is None or type(value).__name__ == "NULLType":
        return True
    if hasattr(value, "__len__") and not len(value):
        return True
    if isinstance(value, Mapping):
        return False
    try:
        values = np.ravel(value)
    except ValueError:  # a list of unequal things
        return False
    return len(values) == 1 and str(values[0]).upper() in ("NA", "NAN", "NONE")


def _numbers(value: Any, name: str, where: str) -> FloatArray:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} of {where} must be numbers.") from None


def _noise(Vinv: Any, pro: FloatArray, where: str) -> Noise | None:
    if _is_nothing(Vinv):
        return None
    inverse = float(np.ravel(_numbers(Vinv, "Vinv", where))[0])
    if not inverse > 0 or len(pro) < 2:
        raise ValueError(
            f"Vinv of {where} must be above 0, and the last of several numbers of pro is the noise's."
        )
    return Noise(float(pro[-1]), math.log(inverse))


def _means(mean: Any, G: int, where: str) -> FloatArray:
    """A row for each component."""
    means = np.atleast_1d(_numbers(mean, "mean", where))
    if means.ndim == 1:  # of one feature
        means = means.reshape(-1, G) if G and means.size % G == 0 else means[np.newaxis]
    if means.ndim != 2 or means.shape[1] != G:
        raise ValueError(f"mean of {where} must have a column for each of the {G} components.")
    return np.ascontiguousarray(means.T)


def _names(whole: Mapping[str, Any], mean: Any) -> Any:
    """Of the features: of R the names of the rows of mean."""
    names = getattr(mean, "rownames", None) if "features" not in whole else whole["features"]
    return None if names is None or _is_nothing(names) else list(names)


def _structure(name: Any, where: str) -> CovarianceStructure:
    text = "" if _is_nothing(name) else str(name if isinstance(name, str) else np.ravel(name)[0])
    try:
        return structure(_OF_ONE_COMPONENT.get(text, text))
    except ValueError:
        raise ValueError(f"modelName of {where} is none of mclust's: {text!r}.") from None


def _matrices(variance: Mapping[str, Any], G: int, d: int, where: str) -> FloatArray:
    """A covariance for each component, of the first of these that is there."""
    for name, make in _WAYS.items():
        if _is_nothing(variance.get(name)):
            continue
        try:
            return np.ascontiguousarray(np.broadcast_to(make(variance, name, G, d), (G, d, d)))
        except (TypeError, ValueError, KeyError):
            raise ValueError(
                f"{name} of {where} is not of {G} components and {d} features."
            ) from None
    raise ValueError(f"variance of {where} has none of {', '.join(_WAYS)}.")


def _each(variance: Mapping[str, Any], name: str, G: int, d: int) -> FloatArray:
    """Matrices of d x d x G."""
    return np.moveaxis(np.array(variance[name], dtype=np.float64).reshape(d, d, G), -1, 0)


def _one(variance: Mapping[str, Any], name: str, _: int, d: int) -> FloatArray:
    return np.array(variance[name], dtype=np.float64).reshape(1, d, d)


def _of_factors(variance: Mapping[str, Any], name: str, G: int, d: int) -> FloatArray:
    """R^T R of upper triangular factors."""
    factors = (_each if name == "cholsigma" else _one)(variance, name, G, d)
    found: FloatArray = np.einsum("kji,kjl->kil", factors, factors)
    return found


def _of_parts(variance: Mapping[str, Any], name: str, G: int, d: int) -> FloatArray:
    """Volume x orientation x shape x orientation^T."""
    volumes = np.array(variance[name], dtype=np.float64).reshape(-1, 1, 1)
    shape = np.ones(d) if _is_nothing(variance.get("shape")) else variance["shape"]
    shapes = np.array(shape, dtype=np.float64).reshape(d, -1).T
    if _is_nothing(variance.get("orientation")):
        return volumes * shapes[:, :, np.newaxis] * np.eye(d)
    axes = np.array(variance["orientation"], dtype=np.float64).reshape(d, d, -1)
    axes, shapes = np.broadcast_to(axes, (d, d, G)), np.broadcast_to(shapes, (G, d))
    found: FloatArray = volumes * np.einsum("ijk,kj,ljk->kil", axes, shapes, axes)
    return found


_WAYS = {
    "sigma": _each,
    "Sigma": _one,
    "cholsigma": _of_factors,
    "cholSigma": _of_factors,
    "scale": _of_parts,
    "sigmasq": _of_parts,
}

__all__ = ["from_mclust", "to_mclust"]
