"""MATLAB: the parameters of a gmdistribution in a .mat file, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixtura.covariance import CovarianceStructure, structure
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.export.exchanged import (
    Exchanged,
    brought,
    check_gaussians,
    exchanged,
    mixture_of,
    named_structure,
)
from mixtura.export.plain import checked_names
from mixtura.files.output import replacing
from mixtura.fitting.facts import Criteria
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

_NEEDED = ("mu", "Sigma", "ComponentProportion")

_SAVE_FIELDS = (
    "s = struct('mu', gm.mu, 'Sigma', gm.Sigma, 'ComponentProportion', gm.ComponentProportion); "
    "save('model.mat', '-struct', 's', '-v7')"
)


def to_matlab(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a mixture as a .mat file whose variables are the properties of MATLAB's gmdistribution.

    In MATLAB, or in Octave with its package statistics: `s = load('model.mat')`, then
    `gm = gmdistribution(s.mu, s.Sigma, s.ComponentProportion)`.

    Parameters
    ----------
    model : Mixture, GaussianMixture or BayesianGaussianMixture
        Of the latter the mixture of the expected parameters. MATLAB has four kinds of covariances: full, or
        diagonal, and each shared or not. EEE and tied become full and shared, EII and EEI diagonal and
        shared, VII, VEI, EVI and VVI diagonal, all others full: the density is the same.
    path : str or path
        Version 5 of the format, which MATLAB calls -v7 and -v6.

    Raises
    ------
    TypeError
        If it is no such model (NotFittedError: not fitted).
    ValueError
        For noise and components of Student's t, which a gmdistribution has not.
    OSError
        If the file cannot be written; an older file of that name is then unchanged.

    See Also
    --------
    from_matlab : the way back.

    Examples
    --------
    >>> import tempfile
    >>> from mixtura import Mixture
    >>> from mixtura.export import from_matlab, to_matlab
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_matlab(Mixture.from_parameters([1.0], [[0.0]], [[[4.0]]]), folder + "/model.mat")
    ...     back = from_matlab(folder + "/model.mat")
    >>> back.mixture_
    Mixture(1 component, 1 feature, full covariances)
    """
    from scipy.io import savemat

    held = exchanged(model, "to_matlab")
    check_gaussians(held.mixture, "MATLAB's gmdistribution")
    with replacing(path) as file:
        savemat(file, _variables(held), appendmat=False, do_compression=True)


def from_matlab(path: str | os.PathLike[str]) -> GaussianMixture:
    """Read a mixture from a .mat file that has mu, Sigma and ComponentProportion.

    Parameters
    ----------
    path : str or path
        A file of `to_matlab`, or of MATLAB: the three as variables, or as fields of one variable that is a
        struct. MATLAB's own gmdistribution objects can be read by MATLAB alone; there
        `s = struct('mu', gm.mu, 'Sigma', gm.Sigma, 'ComponentProportion', gm.ComponentProportion)` and
        `save('model.mat', '-struct', 's', '-v7')` write what is read here.

    Returns
    -------
    GaussianMixture
        As if it had been fitted, without rows. Its structure is the one that `to_matlab` named, else full,
        tied, diag or EEI, by CovarianceType and SharedCovariance or by the shape of Sigma.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no .mat file of up to version 7 with these three, or they are no mixture.

    See Also
    --------
    to_matlab : the way there.
    """
    found = _fields(_read(path), str(path))
    weights = np.ravel(_numbers(found, "ComponentProportion", path))
    means = _numbers(found, "mu", path)
    if not weights.size or means.size % weights.size:
        raise ValueError(
            f"mu of {path} must have a row for each of the {weights.size} numbers of ComponentProportion."
        )
    means = means.reshape(len(weights), -1)
    matrices, kind = _covariances(found, *means.shape, str(path))
    mixture = mixture_of(kind, weights, np.ascontiguousarray(means), matrices)
    names = checked_names(found.get("FeatureNames"), means.shape[1], str(path))
    return brought(mixture, names)


def _variables(held: Exchanged) -> dict[str, Any]:
    mixture = held.mixture
    is_diagonal = not mixture.structure.has_matrices
    variables: dict[str, Any] = {
        "mu": mixture.means,
        "Sigma": _sigma(mixture),
        "ComponentProportion": mixture.weights[np.newaxis],
        "CovarianceType": "diagonal" if is_diagonal else "full",
        "SharedCovariance": np.bool_(_is_shared(mixture.structure)),
        "NumComponents": float(mixture.n_components),
        "NumVariables": float(mixture.n_features),
        "structure": mixture.covariance_type,
    }
    if held.names is not None:
        variables["FeatureNames"] = np.array(held.names, dtype=object)[np.newaxis]
    if held.facts is not None:
        criteria = Criteria.of_fit(held.facts, mixture)
        variables |= {
            "NegativeLogLikelihood": -criteria.log_likelihood,
            "BIC": criteria.bic,
            "AIC": criteria.aic,
            "Converged": np.bool_(held.facts.converged),
            "NumIterations": float(held.facts.n_iter),
        }
    return variables


def _is_shared(kind: CovarianceStructure) -> bool:
    return "V" not in kind.letters


def _sigma(mixture: Mixture) -> FloatArray:
    """As gmdistribution has it: d x d x K, or 1 x d x K of diagonals; without the last where it is shared."""
    kind, sizes = mixture.structure, mixture.means.shape
    if kind.has_matrices:
        return mixture.covariances if kind.shared else mixture.covariances.transpose(1, 2, 0)
    diagonals = kind.diagonals(mixture.covariances, *sizes)
    return diagonals[:1] if _is_shared(kind) else diagonals.T[np.newaxis]


def _read(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    from scipy.io import loadmat

    with Path(path).open("rb") as file:
        try:
            found = loadmat(file)
        except NotImplementedError:
            raise ValueError(
                f"{path} is a .mat file of version 7.3: write it in MATLAB with save(..., '-v7')."
            ) from None
        except Exception as error:  # of damaged bytes scipy raises what comes
            raise ValueError(f"{path} is no .mat file, or is damaged ({error}).") from None
    return {name: _value(value) for name, value in found.items() if not name.startswith("__")}


def _value(value: Any) -> Any:
    """A struct as a dict, text as str, a cell array of text as a list; all else as it comes."""
    if isinstance(value, np.ndarray) and value.dtype.names and value.size == 1:
        return {name: _value(value[name].flat[0]) for name in value.dtype.names}
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return str(value.flat[0]) if value.size == 1 else ""
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return [_value(one) for one in value.flat]
    return value


def _fields(variables: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The variables themselves, or the one struct among them that has what is needed."""
    found = [
        one
        for one in (variables, *variables.values())
        if isinstance(one, Mapping) and set(_NEEDED) <= one.keys()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{where} holds {len(found)} mixtures: save one of them in a file of its own."
        )
    has = ", ".join(variables) or "nothing that can be read here"
    raise ValueError(
        f"{where} has {has}, and not mu, Sigma and ComponentProportion; of a gmdistribution gm, MATLAB "
        f"writes them with {_SAVE_FIELDS}."
    )


def _numbers(found: Mapping[str, Any], name: str, path: Any) -> FloatArray:
    try:
        return np.array(found[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} of {path} must be numbers.") from None


def _covariances(
    found: Mapping[str, Any], K: int, d: int, where: str
) -> tuple[FloatArray, CovarianceStructure]:
    """A matrix for each component, and the structure."""
    sigma = _numbers(found, "Sigma", where)
    is_diagonal, is_shared = _kind_of(found, sigma, K, d)
    one = (d,) if is_diagonal else (d, d)
    shape = one if is_shared else (*one, K)
    if sigma.size != np.prod(shape):
        raise ValueError(
            f"Sigma of {where} has {sigma.size} numbers, but {' x '.join(map(str, shape))} are needed beside "
            "mu and ComponentProportion."
        )
    of_each = np.broadcast_to(sigma.reshape(*one, -1), (*one, K))
    matrices = np.moveaxis(of_each, -1, 0)
    if is_diagonal:
        matrices = matrices[:, :, np.newaxis] * np.eye(d)
    name = found.get("structure")
    own = {(0, 0): "full", (0, 1): "tied", (1, 0): "diag", (1, 1): "EEI"}[is_diagonal, is_shared]
    kind = structure(own) if name is None else named_structure(name, where)
    return np.ascontiguousarray(matrices), kind


def _kind_of(found: Mapping[str, Any], sigma: FloatArray, K: int, d: int) -> tuple[bool, bool]:
    """Whether covariances are diagonal, and shared: as is said, else by the shape of Sigma."""
    covariance_type, shared = found.get("CovarianceType"), found.get("SharedCovariance")
    is_diagonal = d > 1 and sigma.ndim > 1 and sigma.shape[0] == 1
    if covariance_type is not None:
        is_diagonal = str(covariance_type).lower().startswith("diag")
    is_shared = K > 1 and sigma.ndim == 2
    return is_diagonal, is_shared if shared is None else bool(np.any(shared))


__all__ = ["from_matlab", "to_matlab"]
