"""Models in one safetensors file: arrays and versioned JSON; loading runs no code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mixtura._files import replacing
from mixtura._rows import FloatArray
from mixtura.em import SufficientStatistics
from mixtura.errors import ModelFileError
from mixtura.mixture import Mixture

if TYPE_CHECKING:
    from mixtura.estimators import GaussianMixture

#: Raised by one whenever an older version could no longer read what is written.
FORMAT_VERSION = 1

_ARRAYS = ("weights", "means", "covariances", "precisions_cholesky")


# Sums that partial_fit goes on from, and which array of the mixture each has the shape of.
_MOMENTS = {"centres": "means", "counts": "weights", "firsts": "means", "seconds": "covariances"}


def save_model(
    path: str | os.PathLike[str],
    mixture: Mixture,
    facts: dict[str, Any],
    statistics: SufficientStatistics | None = None,
) -> None:
    """Write a mixture, JSON-able facts about its fit, its statistics; an older file survives any failure."""
    arrays = {name: np.ascontiguousarray(getattr(mixture, name)) for name in _ARRAYS}
    if statistics is not None:
        arrays |= {
            f"statistics_{name}": np.ascontiguousarray(getattr(statistics, name))
            for name in _MOMENTS
        }
    header = {
        "format": "mixtura",
        "format_version": str(FORMAT_VERSION),
        "covariance_type": mixture.covariance_type,
        "model": json.dumps(facts),
    }
    with replacing(path) as temporary:
        try:
            save_file(arrays, temporary, metadata=header)
        except SafetensorError as error:  # its own kind for what the system refused
            raise OSError(None, str(error)) from error


def read_model(
    path: str | os.PathLike[str],
) -> tuple[Mixture, dict[str, Any], dict[str, FloatArray] | None]:
    """Read what `save_model` wrote, and check it: mixture, facts, and the sums of the statistics if there.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is damaged, of another kind, or written by a newer version.
    """
    file = Path(path)
    if not file.is_file():
        kind = "is a folder, not a model file" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"cannot load {file}: it {kind}.")
    _check_readable(file)
    try:
        with safe_open(file, framework="numpy") as opened:
            header = opened.metadata() or {}
            _check_header(file, header)
            arrays = {name: opened.get_tensor(name) for name in _ARRAYS}
            has_moments = any(name.startswith("statistics_") for name in opened.keys())  # noqa: SIM118
            names = _MOMENTS if has_moments else ()  # older files have none
            moments = {name: opened.get_tensor(f"statistics_{name}") for name in names}
    except SafetensorError as error:
        raise ModelFileError(
            f"cannot load {file}: it is truncated, damaged or not a safetensors file ({error})."
        ) from error
    mixture, facts = _checked(file, header, arrays)
    return mixture, facts, _checked_moments(file, mixture, moments) if moments else None


def _check_readable(file: Path) -> None:
    # safetensors would say that there is no such file.
    try:
        file.open("rb").close()
    except OSError as error:
        raise type(error)(error.errno, f"cannot load {file}: {error.strerror}") from error


def _check_header(file: Path, header: dict[str, str]) -> None:
    if header.get("format") != "mixtura":
        raise ModelFileError(
            f"cannot load {file}: it is a safetensors file, but not one that mixtura wrote."
        )
    version = header.get("format_version", "")
    if not version.isdecimal() or int(version) > FORMAT_VERSION:
        raise ModelFileError(
            f"cannot load {file}: its format is version {version or 'unknown'}, this mixtura reads up to "
            f"version {FORMAT_VERSION}. Install a newer mixtura."
        )


def _checked(
    file: Path, header: dict[str, str], arrays: dict[str, Any]
) -> tuple[Mixture, dict[str, Any]]:
    try:
        facts = json.loads(header["model"])
        checked = Mixture.from_parameters(
            arrays["weights"],
            arrays["means"],
            arrays["covariances"],
            covariance_type=header["covariance_type"],
        )
        # The factor as it was written, so that a loaded model gives the same bits.
        factors = np.array(arrays["precisions_cholesky"], dtype=np.float64)
        if not checked.structure.whitens(factors, checked.covariances):
            raise ValueError("its precision factors do not belong to its covariances")
    except (ValueError, KeyError) as error:
        raise ModelFileError(
            f"cannot load {file}: its contents are not a mixture ({error})."
        ) from error
    mixture = Mixture(
        checked.structure, checked.weights, checked.means, checked.covariances, factors
    )
    return mixture.frozen(), facts


def _checked_moments(
    file: Path, mixture: Mixture, moments: dict[str, Any]
) -> dict[str, FloatArray]:
    checked = {name: np.array(values, dtype=np.float64) for name, values in moments.items()}
    for name, like in _MOMENTS.items():
        values = checked[name]
        if values.shape != getattr(mixture, like).shape or not np.isfinite(values).all():
            raise ModelFileError(
                f"cannot load {file}: its statistics are not the mixture's ({name})."
            )
    if checked["counts"].min() < 0:
        raise ModelFileError(f"cannot load {file}: its statistics hold negative counts.")
    return checked


def load(path: str | os.PathLike[str]) -> GaussianMixture:
    """Load a model that `GaussianMixture.save` wrote.

    Parameters
    ----------
    path : str or path
        A safetensors file. Reading it runs no code.

    Returns
    -------
    GaussianMixture
        Fitted, with the parameters it was made with.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is truncated, foreign, or written by a newer version of mixtura.

    Examples
    --------
    >>> import numpy as np, tempfile, mixtura
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/model.safetensors"
    ...     mixtura.GaussianMixture(2, random_state=0).fit(X).save(path)
    ...     model = mixtura.load(path)
    >>> model.n_components
    2
    """
    from mixtura.estimators import GaussianMixture

    mixture, facts, moments = read_model(path)
    try:
        return GaussianMixture._from_facts(mixture, facts, moments)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"cannot load {Path(path)}: its description is incomplete ({error})."
        ) from error
